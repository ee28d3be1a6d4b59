//! `cargo xtask gen`: files in the tree that are written by a program, never by hand.
//!
//! To add one, add a row to [`GENERATED`]. `gen` writes them all; `gen --check`, which the
//! continuous integration runs, writes nothing and fails when one is stale. Both fail when what
//! was published disappears without a note ([`published`]).

mod published;
mod typescript;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{process, project};

/// One generated file.
struct Generated {
    /// Its place below the root of the source tree.
    path: &'static str,
    /// Makes its whole text.
    produce: fn() -> Result<String>,
}

const GENERATED: &[Generated] = &[
    Generated { path: ".env.example", produce: || souk(&["config"]) },
    Generated { path: "docs/configuration.md", produce: || souk(&["config", "--markdown"]) },
    Generated { path: "docs/openapi.json", produce: || souk(&["openapi"]) },
    Generated { path: "docs/asyncapi.json", produce: || souk(&["asyncapi"]) },
    Generated { path: "docs/events.md", produce: events_page },
    Generated { path: published::PATH, produce: || published::produce(openapi()?, asyncapi()?) },
    Generated {
        path: "clients/typescript/src/generated/schemas.ts",
        produce: || typescript::schemas(openapi()?, asyncapi()?),
    },
    Generated {
        path: "clients/typescript/src/generated/routes.ts",
        produce: || typescript::routes(openapi()?),
    },
    Generated {
        path: "clients/typescript/src/generated/events.ts",
        produce: || typescript::events(asyncapi()?),
    },
];

/// Whether a file of the tree is generated, so that the rules for what people write do not hold.
pub fn is_generated(path: &str) -> bool {
    GENERATED.iter().any(|file| file.path == path)
}

/// What `souk <words…>` prints: the program that `SOUK_BIN` names, else a fresh one.
fn souk(words: &[&str]) -> Result<String> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    if PROGRAM.get().is_none() {
        let program = if let Some(program) = std::env::var_os("SOUK_BIN") {
            PathBuf::from(program)
        } else {
            project::build()?;
            project::program("debug", "souk")?
        };
        let _ = PROGRAM.set(program);
    }
    let program = PROGRAM.get().context("it was just set")?;
    let text = process::read(Command::new(program).args(words))?;
    if text.is_empty() {
        bail!("`souk {}` printed nothing", words.join(" "));
    }
    Ok(text)
}

/// The page of the server, with links that lead somewhere in the tree.
fn events_page() -> Result<String> {
    Ok(souk(&["asyncapi", "--markdown"])?.replace("](/asyncapi.json)", "](asyncapi.json)"))
}

fn openapi() -> Result<&'static Value> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    document(&DOCUMENT, "openapi")
}

fn asyncapi() -> Result<&'static Value> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    document(&DOCUMENT, "asyncapi")
}

fn document(cell: &'static OnceLock<Value>, command: &str) -> Result<&'static Value> {
    if cell.get().is_none() {
        let _ = cell.set(serde_json::from_str(&souk(&[command])?)?);
    }
    cell.get().context("it was just set")
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
