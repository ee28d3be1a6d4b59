//! `cargo xtask drill` and `cargo xtask bench`: long runs that are no part of the tests.
//!
//! A drill is an example named `drill_<name>` of any crate, a benchmark one named
//! `bench_<name>`: adding the file is all it takes. It is built for release, gets the arguments
//! that follow its name, and finds the release program in `SOUK_BIN`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{process, project};

/// An example that can be run by its short name.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    name: String,
    example: String,
    manifest: std::path::PathBuf,
    about: String,
}

/// Runs the one named first in `args`, or lists them all.
pub fn run(kind: &str, args: Vec<OsString>) -> Result<ExitCode> {
    let runs = find(kind, &project::root().join("crates"))?;
    let mut args = args.into_iter();
    let Some(name) = args.next() else {
        for run in &runs {
            println!("{:16} {}", run.name, run.about);
        }
        if runs.is_empty() {
            println!("none: no crate has an example named {kind}_<name>");
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(run) = runs.iter().find(|run| *run.name == *name) else {
        bail!("no {kind} `{}`; `cargo xtask {kind}` lists them", name.display());
    };
    process::forward_signals()?;
    process::run(project::cargo().args(["build", "--release", "-p", "souk"]))?;
    process::run(
        project::cargo()
            .args(["run", "--release", "--example", &run.example, "--manifest-path"])
            .arg(&run.manifest)
            .arg("--")
            .args(args)
            .env("SOUK_BIN", project::program("release", "souk")?),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The examples `<kind>_*` of all crates, sorted by name.
fn find(kind: &str, crates: &Path) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for folder in project::entries(crates)? {
        for path in project::entries(&folder.join("examples"))? {
            let Some(example) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            let Some(name) = example.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_'))
            else {
                continue;
            };
            let main = if path.is_dir() { path.join("main.rs") } else { path.clone() };
            let source = std::fs::read_to_string(&main)
                .with_context(|| format!("{} cannot be read", main.display()))?;
            let first = source.lines().next().unwrap_or_default();
            runs.push(Run {
                name: name.replace('_', "-"),
                example: example.to_owned(),
                manifest: folder.join("Cargo.toml"),
                about: first.trim_start_matches("//!").trim().to_owned(),
            });
        }
    }
    runs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::TempDir;

    #[test]
    fn drills_are_found_by_their_name() {
        let dir = TempDir::new("drill-test").unwrap();
        let examples = dir.path().join("server/examples");
        std::fs::create_dir_all(examples.join("drill_power_cut")).unwrap();
        std::fs::write(examples.join("drill_kill.rs"), "//! Kills it.\nfn main() {}").unwrap();
        std::fs::write(examples.join("drill_power_cut/main.rs"), "fn main() {}").unwrap();
        std::fs::write(examples.join("bench_fan.rs"), "//! Fans out.").unwrap();
        std::fs::write(examples.join("demo.rs"), "").unwrap();

        let names = |kind| -> Vec<_> {
            find(kind, dir.path()).unwrap().into_iter().map(|run| run.name).collect()
        };
        assert_eq!(names("drill"), ["kill", "power-cut"]);
        assert_eq!(names("bench"), ["fan"]);
        assert_eq!(find("drill", dir.path()).unwrap()[0].about, "Kills it.");
    }
}
