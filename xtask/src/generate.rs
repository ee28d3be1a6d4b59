//! `cargo xtask gen`: files in the tree that are written by a program, never by hand.
//!
//! To add one, add a row to [`GENERATED`]. `gen` writes them all; `gen --check`, which the
//! continuous integration runs, writes nothing and fails when one is stale.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{process, project};

/// One generated file.
struct Generated {
    /// Its place below the root of the source tree.
    path: &'static str,
    /// Makes its whole text.
    produce: fn() -> Result<String>,
}

const GENERATED: &[Generated] =
    &[Generated { path: ".env.example", produce: || print_of_souk("config") }];

/// What `souk <command>` prints.
fn print_of_souk(command: &str) -> Result<String> {
    project::build()?;
    let text = process::read(Command::new(project::program("debug", "souk")?).arg(command))?;
    if text.is_empty() {
        bail!("`souk {command}` printed nothing");
    }
    Ok(text)
}

/// Writes the generated files, or with `check` only looks whether they are up to date.
pub fn run(check: bool) -> Result<ExitCode> {
    let stale = bring_up_to_date(GENERATED, project::root(), check)?;
    for path in &stale {
        println!("{path}: {}", if check { "stale; run `cargo xtask gen`" } else { "written" });
    }
    println!("{} generated files, {} were stale", GENERATED.len(), stale.len());
    Ok(if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Returns the paths whose text differed; they have been written unless `check` is set.
fn bring_up_to_date(files: &[Generated], root: &Path, check: bool) -> Result<Vec<&'static str>> {
    let mut stale = Vec::new();
    for file in files {
        let text = (file.produce)().with_context(|| format!("cannot generate {}", file.path))?;
        let path = root.join(file.path);
        // A file that is missing or unreadable differs too.
        if std::fs::read_to_string(&path).is_ok_and(|current| current == text) {
            continue;
        }
        stale.push(file.path);
        if !check {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", file.path))?;
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::TempDir;

    #[test]
    fn a_check_reports_what_is_stale_and_writes_nothing() {
        let files = [Generated { path: "docs/a.txt", produce: || Ok("new\n".into()) }];
        let dir = TempDir::new("gen-test").unwrap();
        assert_eq!(bring_up_to_date(&files, dir.path(), true).unwrap(), ["docs/a.txt"]);
        assert!(!dir.path().join("docs/a.txt").exists());

        assert_eq!(bring_up_to_date(&files, dir.path(), false).unwrap(), ["docs/a.txt"]);
        assert!(bring_up_to_date(&files, dir.path(), true).unwrap().is_empty());

        std::fs::write(dir.path().join("docs/a.txt"), "edited by hand\n").unwrap();
        assert_eq!(bring_up_to_date(&files, dir.path(), true).unwrap(), ["docs/a.txt"]);
    }
}
