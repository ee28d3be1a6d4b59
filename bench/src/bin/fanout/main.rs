//! `cargo xtask bench fanout`: what a delivery to a socket costs, beside other servers.
//!
//! Every server runs on one core and the clients on another. A delivery's cost is the time that
//! all of the server's threads ran, as the scheduler counts it, over the number of deliveries; on
//! the loopback interface that has the receiving half of TCP in it. All servers take turns within
//! each round, and a figure is the median over the rounds.

mod emitter;
mod fleet;
mod load;
mod peers;
mod publish;
mod report;
mod scenarios;
mod town;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use bench::machine::{self, Machine};
use bench::stats::Figure;

use peers::{Peer, Programs};
use report::Report;
use scenarios::{Bench, Size};

const HELP: &str = "\
cargo xtask bench fanout [options]

  --quick          few clients and one round: shows that the benchmark works
  --rounds <n>     rounds, by default 5
  --only <name>    a scenario; may be given several times
  --peer <name>    a server; may be given several times
  --first          goes before other programs, and so does all else of its terminal from then on
  --no-build       takes the servers as they were built before
  --out <folder>   where table, chart and raw figures go, by default <target>/bench
  --publish        also puts them into README.md and docs/
";

struct Options {
    quick: bool,
    rounds: usize,
    only: Vec<String>,
    peers: Vec<Peer>,
    build: bool,
    first: bool,
    out: Option<PathBuf>,
    publish: bool,
}

fn options() -> Result<Option<Options>> {
    use lexopt::prelude::*;
    let mut options = Options {
        quick: false,
        rounds: 5,
        only: Vec::new(),
        peers: Vec::new(),
        build: true,
        first: false,
        out: None,
        publish: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => (options.quick, options.rounds) = (true, 1),
            Long("rounds") => options.rounds = parser.value()?.parse()?,
            Long("only") => {
                let name = parser.value()?.string()?;
                if !scenarios::ALL.iter().any(|scenario| scenario.name == name) {
                    bail!("no scenario `{name}`");
                }
                options.only.push(name);
            }
            Long("peer") => {
                let name: OsString = parser.value()?;
                let peer = Peer::ALL.into_iter().find(|peer| *peer.key() == *name);
                options.peers.push(peer.with_context(|| format!("no peer {}", name.display()))?);
            }
            Long("first") => options.first = true,
            Long("no-build") => options.build = false,
            Long("publish") => options.publish = true,
            Long("out") => options.out = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(Some(options))
}

fn main() -> Result<()> {
    let Some(options) = options()? else {
        print!("{HELP}");
        return Ok(());
    };
    let cores = machine::cores();
    let [.., clients, server] = cores[..] else { bail!("this needs two cores") };
    machine::raise_open_files()?;
    let programs = Programs::new()?;
    let peers = prepare(&programs, &options.peers, options.build);
    let machine = Machine::here();
    if options.first {
        machine::go_first();
    }
    machine::bind_to(&[clients])?;

    let size = if options.quick { Size::QUICK } else { Size::FULL };
    let bench = Bench { programs, size, server, clients };
    let mut values: BTreeMap<String, BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    let mut failures = Vec::new();
    for scenario in scenarios::ALL {
        if !options.only.is_empty() && !options.only.iter().any(|name| name == scenario.name) {
            continue;
        }
        for round in 1..=options.rounds {
            for peer in scenario.peers.iter().filter(|peer| peers.contains(peer)) {
                match (scenario.run)(&bench, *peer) {
                    Ok(figures) => {
                        let shown =
                            figures.iter().map(|(name, value)| format!("{name} {value:.2}"));
                        let shown: Vec<String> = shown.collect();
                        eprintln!("{round} {:22} {}", peer.key(), shown.join("  "));
                        for (name, value) in figures {
                            let of_peer = values.entry(name.to_owned()).or_default();
                            of_peer.entry(peer.key().to_owned()).or_default().push(value);
                        }
                    }
                    Err(error) => {
                        eprintln!("{round} {:22} {} failed: {error:#}", peer.key(), scenario.name);
                        failures.push(format!("{} on {}", scenario.name, peer.key()));
                    }
                }
            }
        }
    }
    let figure = |values: &Vec<f64>| Figure::of(values);
    let figures = values.iter().map(|(name, of_peer)| {
        let of_peer = of_peer.iter().filter_map(|(peer, v)| Some((peer.clone(), figure(v)?)));
        (name.clone(), of_peer.collect())
    });
    let Size { room, crowd, pairs, .. } = size;
    #[expect(clippy::disallowed_methods, reason = "the date of the run is what is wanted")]
    let now = SystemTime::now();
    let report = Report {
        machine,
        at: now.duration_since(UNIX_EPOCH)?.as_secs(),
        quick: options.quick,
        room,
        crowd,
        pairs,
        rounds: options.rounds,
        figures: figures.collect(),
    };
    let out = match options.out {
        Some(out) => out,
        None => std::env::current_exe()?.ancestors().nth(2).context("no folder")?.join("bench"),
    };
    std::fs::create_dir_all(&out)?;
    std::fs::write(out.join("fanout.json"), serde_json::to_string_pretty(&report)?)?;
    std::fs::write(out.join("fanout.svg"), report.chart())?;
    std::fs::write(out.join("fanout.md"), report.table())?;
    println!("{}\n\n{}\n\nwritten to {}", report.machine, report.table(), out.display());
    if options.publish {
        publish::publish(&report)?;
    }
    if !failures.is_empty() {
        bail!("failed: {}", failures.join(", "));
    }
    Ok(())
}

/// Builds the servers. One that cannot be built is left out and named.
fn prepare(programs: &Programs, wanted: &[Peer], build: bool) -> Vec<Peer> {
    let wanted = |peer: &Peer| wanted.is_empty() || wanted.contains(peer);
    let is_ready = |peer: &Peer| !build || is_built(programs, *peer);
    Peer::ALL.into_iter().filter(wanted).filter(is_ready).collect()
}

fn is_built(programs: &Programs, peer: Peer) -> bool {
    let result = programs.prepare(peer);
    if let Err(error) = &result {
        eprintln!("{} is left out: {error:#}", peer.key());
    }
    result.is_ok()
}
