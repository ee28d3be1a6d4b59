//! `cargo xtask serve`: from a fresh clone to a running Souk.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::setup::Installer;
use crate::{process, project, web};

/// Builds the console where that is possible, and the release program and becomes it: cargo replaces itself by the program it ran, so
/// that signals reach Souk directly and nothing stays behind.
pub fn run(args: Vec<OsString>) -> Result<ExitCode> {
    // Souk itself needs no Node.js: nothing of it is installed here.
    if process::find(&["npm"]).is_none() {
        eprintln!("npm is missing: Souk runs without its /console");
    } else if let Err(error) = web::build(&Installer::new(true)) {
        eprintln!("Souk runs without its newest /console: {error:#}");
    }
    let error = project::cargo().args(["run", "--release", "-p", "souk", "--"]).args(args).exec();
    Err(error).context("cannot start cargo")
}
