//! `cargo xtask bench`: benchmarks, which are no part of the tests.
//!
//! A benchmark is a program of `bench/` or an example of a crate, built for release. To add one,
//! write it and add a row to [`BENCHMARKS`].

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::postgres::{self, Durability};
use crate::setup::Installer;
use crate::{process, project};

/// Tells a benchmark where its server is.
const POSTGRES_URL: &str = "SOUK_BENCH_POSTGRES_URL";

/// A benchmark.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    /// The folder of its crate.
    folder: &'static str,
    target: Target,
    /// Whether it always wants an empty PostgreSQL database, which it finds by [`POSTGRES_URL`];
    /// others do where `--postgres` is among their arguments.
    postgres: bool,
}

/// What cargo runs.
enum Target {
    Example(&'static str),
    Program(&'static str),
}

const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "commit-rate",
        about: "Commits a second on SQLite with few and many writers",
        folder: "crates/db",
        target: Target::Example("commit_rate"),
        postgres: false,
    },
    Benchmark {
        name: "fanout",
        about: "What a delivery to a socket costs, beside other servers",
        folder: "bench",
        target: Target::Program("fanout"),
        postgres: false,
    },
    Benchmark {
        name: "recover",
        about: "A client that missed much, and all of them after a kill",
        folder: "bench",
        target: Target::Program("recover"),
        postgres: false,
    },
    Benchmark {
        name: "commit",
        about: "Commits with an event on PostgreSQL beside bare inserts, and when the event is told",
        folder: "bench",
        target: Target::Program("commit"),
        postgres: true,
    },
    Benchmark {
        name: "deal",
        about: "Whole deals a second over REST on SQLite, and what each step of one costs",
        folder: "bench",
        target: Target::Program("deal"),
        postgres: false,
    },
    Benchmark {
        name: "chat",
        about: "Pages of a chat with a million messages on SQLite",
        folder: "bench",
        target: Target::Program("chat"),
        postgres: false,
    },
];

/// Runs the benchmark named first in `args`, which gets the rest of them, or lists them all.
pub fn run(args: Vec<OsString>) -> Result<ExitCode> {
    let asks_for_postgres = args.iter().any(|arg| arg == "--postgres");
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
    let (kind, target) = match benchmark.target {
        Target::Example(example) => ("--example", example),
        Target::Program(program) => ("--bin", program),
    };
    let mut cargo = project::cargo();
    cargo.args(["run", "--release", kind, target, "--manifest-path"]);
    cargo.arg(project::root().join(benchmark.folder).join("Cargo.toml")).arg("--").args(args);
    let mut server = None;
    if (benchmark.postgres || asks_for_postgres) && std::env::var_os(POSTGRES_URL).is_none() {
        let (started, url) = postgres::start_with(&Installer::new(true), Durability::Full)?;
        cargo.env(POSTGRES_URL, url);
        server = Some(started);
    }
    process::run(&mut cargo)?;
    drop(server);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_is_there() {
        for Benchmark { name, folder, target, .. } in BENCHMARKS {
            let (folder, program) = match target {
                Target::Example(example) => (format!("{folder}/examples"), example),
                Target::Program(program) => (format!("{folder}/src/bin"), program),
            };
            let folder = project::root().join(folder);
            let file = folder.join(format!("{program}.rs")).is_file();
            assert!(file || folder.join(program).join("main.rs").is_file(), "{name}: {program}");
        }
    }
}
