//! `cargo xtask bench`: benchmarks, which are no part of the tests.
//!
//! A benchmark is an example of a crate, built for release. To add one, write the example and add a
//! row to [`BENCHMARKS`].

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{process, project};

/// A benchmark.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    /// The folder of its crate.
    folder: &'static str,
    example: &'static str,
}

const BENCHMARKS: &[Benchmark] = &[Benchmark {
    name: "commit-rate",
    about: "Commits a second on SQLite with few and many writers",
    folder: "crates/db",
    example: "commit_rate",
}];

/// Runs the benchmark named first in `args`, which gets the rest of them, or lists them all.
pub fn run(args: Vec<OsString>) -> Result<ExitCode> {
    let mut args = args.into_iter();
    let Some(name) = args.next() else {
        for benchmark in BENCHMARKS {
            println!("{:12} {}", benchmark.name, benchmark.about);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(benchmark) = BENCHMARKS.iter().find(|benchmark| *benchmark.name == *name) else {
        bail!("no benchmark `{}`; `cargo xtask bench` lists them", name.display());
    };
    process::forward_signals()?;
    process::run(
        project::cargo()
            .args(["run", "--release", "--example", benchmark.example, "--manifest-path"])
            .arg(project::root().join(benchmark.folder).join("Cargo.toml"))
            .arg("--")
            .args(args),
    )?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_is_there() {
        for Benchmark { name, folder, example, .. } in BENCHMARKS {
            let file = project::root().join(folder).join(format!("examples/{example}.rs"));
            assert!(file.is_file(), "{name}: {}", file.display());
        }
    }
}
