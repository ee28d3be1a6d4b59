//! `cargo xtask pictures`: the pictures of the documents, taken of the running console.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::setup::{self, Installer};
use crate::{process, project, web};

/// Takes them all, into `docs/pictures`.
pub fn run() -> Result<ExitCode> {
    let installer = Installer::new(true);
    let (node, chromium) = (installer.need(&setup::NODE)?, installer.need(&setup::CHROMIUM)?);
    web::build(&installer)?;
    project::build()?;
    let folder = project::root().join("tests/console");
    installer.npm_packages(&folder)?;
    process::run(
        Command::new(node)
            .current_dir(folder)
            .arg("pictures.mjs")
            .env("SOUK_BIN", project::program("debug", "souk")?)
            .env("SOUK_CHROMIUM", chromium),
    )?;
    Ok(ExitCode::SUCCESS)
}
