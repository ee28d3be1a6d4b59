//! `cargo xtask bench recover`: clients that come back: one that was away for long, and all of
//! them after the program was killed.
//!
//! The program runs as it is released, in a process of its own. A figure is the median of several
//! rounds, with the smallest and the largest.

mod crowd;
mod replay;
mod souk;
mod storm;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use bench::machine::{self, Machine};
use bench::stats::Figure;
use serde::Serialize;

const HELP: &str = "\
cargo xtask bench recover [options]

  --quick          few clients and one round: shows that the benchmark works
  --rounds <n>     rounds, by default 3
  --clients <n>    clients of a storm, by default 10,000
  --only <name>    `replay`, `replay-disk`, `storm` or `storm-at-once`; may be given several times
  --postgres       on PostgreSQL
  --no-build       takes the program as it was built before
  --out <folder>   where the table and the raw figures go, by default <target>/bench
";

/// What is measured, and what it says.
const MEASURES: [(&str, &str, &str); 23] = [
    ("replay/p50", "10,000 missed events, from memory: median", "ms"),
    ("replay/p99", "the same, p99", "ms"),
    ("replay/quiet-p99", "another client's events before, p99", "ms"),
    ("replay/others-p99", "the same meanwhile, p99", "ms"),
    ("replay/peak", "memory: more at most", "MiB"),
    ("replay-disk/p50", "10,000 missed events, from the database: median", "ms"),
    ("replay-disk/p99", "the same, p99", "ms"),
    ("replay-disk/quiet-p99", "another client's events before, p99", "ms"),
    ("replay-disk/others-p99", "the same meanwhile, p99", "ms"),
    ("replay-disk/peak", "memory: more at most", "MiB"),
    ("storm/seconds", "storm with the back-off of stock clients: all are back after", "s"),
    ("storm/cpu", "CPU time for each", "µs"),
    ("storm/rest-p99", "REST meanwhile, p99", "ms"),
    ("storm/rest-max", "REST meanwhile, longest", "ms"),
    ("storm/peak", "memory at most", "MiB"),
    ("storm/memory-idle", "memory of a client before", "KiB"),
    ("storm/memory-after", "memory of a client after", "KiB"),
    ("storm/restart", "from the kill until it listens again", "s"),
    ("storm-at-once/seconds", "storm of all at once: all are back after", "s"),
    ("storm-at-once/cpu", "CPU time for each", "µs"),
    ("storm-at-once/rest-p99", "REST meanwhile, p99", "ms"),
    ("storm-at-once/peak", "memory at most", "MiB"),
    ("storm-at-once/memory-after", "memory of a client after", "KiB"),
];

struct Options {
    quick: bool,
    rounds: usize,
    clients: usize,
    only: Vec<String>,
    postgres: bool,
    build: bool,
    out: Option<PathBuf>,
}

fn options() -> Result<Option<Options>> {
    use lexopt::prelude::*;
    let mut options = Options {
        quick: false,
        rounds: 3,
        clients: 10_000,
        only: Vec::new(),
        postgres: false,
        build: true,
        out: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => (options.quick, options.rounds, options.clients) = (true, 1, 500),
            Long("rounds") => options.rounds = parser.value()?.parse()?,
            Long("clients") => options.clients = parser.value()?.parse()?,
            Long("only") => options.only.push(parser.value()?.string()?),
            Long("postgres") => options.postgres = true,
            Long("no-build") => options.build = false,
            Long("out") => options.out = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(Some(options))
}

/// All figures of a run.
#[derive(Serialize)]
struct Report {
    machine: Machine,
    /// Seconds since 1970.
    at: u64,
    quick: bool,
    postgres: bool,
    clients: usize,
    missed: usize,
    figures: BTreeMap<String, Figure>,
}

impl Report {
    fn table(&self) -> String {
        let mut out = String::from("| | |\n|---|---:|");
        for (key, label, unit) in MEASURES {
            let Some(Figure { median, min, max, .. }) = self.figures.get(key) else { continue };
            let _ = write!(out, "\n| {label} | {median:.1} {unit} <sub>{min:.1}–{max:.1}</sub> |");
        }
        out.push('\n');
        out
    }
}

fn main() -> Result<()> {
    let Some(options) = options()? else {
        print!("{HELP}");
        return Ok(());
    };
    let files = machine::raise_open_files()?;
    if files < options.clients as u64 + 500 {
        bail!("{} clients need as many open files, and {files} are allowed", options.clients);
    }
    if options.build {
        build()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let is_wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|o| o == name);
    for round in 1..=options.rounds {
        let mut keep = |name: &str, figures: Vec<(&str, f64)>| {
            let shown: Vec<_> = figures.iter().map(|(key, v)| format!("{key} {v:.2}")).collect();
            eprintln!("{round} {name:14} {}", shown.join("  "));
            for (key, value) in figures {
                values.entry(format!("{name}/{key}")).or_default().push(value);
            }
        };
        for (name, memory) in [("replay", "32MiB"), ("replay-disk", "64KiB")] {
            if is_wanted(name) {
                let tries = if options.quick { 10 } else { 100 };
                let figures = runtime.block_on(replay::run(tries, options.postgres, memory))?;
                keep(name, shown(figures));
            }
        }
        for (name, at_once) in [("storm", false), ("storm-at-once", true)] {
            if is_wanted(name) {
                let figures = storm::run(options.clients, options.postgres, at_once);
                keep(name, runtime.block_on(figures)?);
            }
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the date of the run is what is wanted")]
    let now = SystemTime::now();
    let figures = values.iter().filter_map(|(name, v)| Some((name.clone(), Figure::of(v)?)));
    let report = Report {
        machine: Machine::here(),
        at: now.duration_since(UNIX_EPOCH)?.as_secs(),
        quick: options.quick,
        postgres: options.postgres,
        clients: options.clients,
        missed: storm::MISSED,
        figures: figures.collect(),
    };
    let out = match options.out {
        Some(out) => out,
        None => std::env::current_exe()?.ancestors().nth(2).context("no folder")?.join("bench"),
    };
    std::fs::create_dir_all(&out)?;
    let name = if options.postgres { "recover-postgres" } else { "recover" };
    let json = serde_json::to_string_pretty(&report)?;
    std::fs::write(out.join(format!("{name}.json")), json)?;
    std::fs::write(out.join(format!("{name}.md")), report.table())?;
    println!("{}\n\n{}\nwritten to {}", report.machine, report.table(), out.display());
    Ok(())
}

fn shown(figures: replay::Figures) -> Vec<(&'static str, f64)> {
    let replay::Figures { mut times, mut quiet, mut others, peak, before } = figures;
    let [p50, p99] = replay::percentiles(&mut times);
    let [quiet_p50, quiet_p99] = replay::percentiles(&mut quiet);
    let [others_p50, others_p99] = replay::percentiles(&mut others);
    vec![
        ("p50", p50),
        ("p99", p99),
        ("quiet-p50", quiet_p50),
        ("quiet-p99", quiet_p99),
        ("others-p50", others_p50),
        ("others-p99", others_p99),
        ("peak", peak - before),
    ]
}

/// Builds the program beside this one.
fn build() -> Result<()> {
    let target = std::env::current_exe()?;
    let target = target.ancestors().nth(2).context("not in a target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "-p", "souk", "--bins", "--target-dir"])
        .arg(target)
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .status()?;
    if status.success() { Ok(()) } else { bail!("the program cannot be built: {status}") }
}
