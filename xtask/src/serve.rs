//! `cargo xtask serve`: from a fresh clone to a running Souk.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::project;

/// Builds the release program and becomes it: cargo replaces itself by the program it ran, so
/// that signals reach Souk directly and nothing stays behind.
pub fn run(args: Vec<OsString>) -> Result<ExitCode> {
    let error = project::cargo().args(["run", "--release", "-p", "souk", "--"]).args(args).exec();
    Err(error).context("cannot start cargo")
}
