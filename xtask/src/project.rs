//! Where things are in the source tree and in the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// The root of the source tree.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// `cargo` in the root of the source tree.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The target folder that cargo uses, found from where this very program was put:
/// `<target>/<profile>/xtask`.
pub fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("xtask does not lie in a target folder")?;
    Ok(target.to_owned())
}

/// Builds all programs and examples for development.
///
/// The whole workspace at once, and with the examples: so the dependencies get the features that
/// they have in the tests, and none is compiled a second time.
pub fn build() -> Result<()> {
    process::run(cargo().args(["build", "--quiet", "--workspace", "--bins", "--examples"]))
}

/// The program `name` of the profile (`debug` or `release`).
pub fn program(profile: &str, name: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join(profile).join(name))
}

/// The folders one level below `clients/`, `tests/` and each crate's `tests/` that hold the file
/// `marker`, in a stable order.
pub fn test_folders(marker: &str) -> Result<Vec<PathBuf>> {
    let mut parents = vec![root().join("clients"), root().join("tests")];
    parents.extend(entries(&root().join("crates"))?.into_iter().map(|dir| dir.join("tests")));
    let mut found = Vec::new();
    for parent in parents {
        found.extend(entries(&parent)?.into_iter().filter(|dir| dir.join(marker).is_file()));
    }
    Ok(found)
}

/// What lies in a folder, sorted; nothing when there is no such folder.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    let mut paths = listing.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
