//! `cargo xtask drill`: the tests that treat the running program badly, at full length.
//!
//! A drill is a test of the module `drills::<name>`. Among the tests it runs a few rounds; here the
//! same code runs as many as asked for. To add one, write the test and add a row to [`DRILLS`].

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::setup::Installer;
use crate::{postgres, process, project};

/// Tells the tests where their server is.
const POSTGRES_URL: &str = "SOUK_TEST_POSTGRES_URL";

/// A drill and its full length.
struct Drill {
    name: &'static str,
    about: &'static str,
    /// The package whose tests hold it.
    package: &'static str,
    rounds: u32,
    /// Whether it wants a PostgreSQL server.
    postgres: bool,
    /// Whether it is built as releases are: where the work is long, and needs no failpoints, which
    /// only debug builds have.
    release: bool,
}

const DRILLS: &[Drill] = &[
    Drill {
        name: "deals",
        about: "Random histories of deals and their money against a serial model",
        package: "souk",
        rounds: 100_000,
        postgres: true,
        release: true,
    },
    Drill {
        name: "kill",
        about: "Kills the server under load and checks that nothing acknowledged is lost",
        package: "souk",
        rounds: 50,
        postgres: false,
        release: false,
    },
    Drill {
        name: "kill_postgres",
        about: "The same with two nodes on PostgreSQL",
        package: "souk",
        rounds: 50,
        postgres: true,
        release: false,
    },
    Drill {
        name: "ordering",
        about: "Thousands of commits by 32 writers on two nodes, seen once and in order by clients",
        package: "souk",
        // One in 13 is given up.
        rounds: 110,
        postgres: true,
        release: true,
    },
    Drill {
        name: "partition",
        about: "Seconds that a node is cut off from its database, and how it catches up",
        package: "souk",
        rounds: 30,
        postgres: true,
        release: false,
    },
    Drill {
        name: "payouts",
        about: "Kills the server between any two steps of a payout, and several times in one",
        package: "souk",
        rounds: 100,
        postgres: true,
        release: false,
    },
    Drill {
        name: "recovery",
        about: "Clients cut off in every way, servers killed; each saw all of its rooms, once",
        package: "souk",
        rounds: 10,
        postgres: true,
        release: true,
    },
    Drill {
        name: "rolling",
        about: "Two nodes restarted in turns under load: no request fails, no event is lost",
        package: "souk",
        rounds: 20,
        postgres: true,
        release: true,
    },
];

/// Runs the drill that `args` name, or lists them all.
pub fn run(args: Vec<OsString>) -> Result<ExitCode> {
    let Some((drill, rounds)) = parse(args)? else {
        for drill in DRILLS {
            println!("{:14} {} ({} rounds)", drill.name, drill.about, drill.rounds);
        }
        return Ok(ExitCode::SUCCESS);
    };
    if process::find(&["cargo-nextest"]).is_none() {
        bail!("a drill needs cargo-nextest: `cargo install --locked cargo-nextest`");
    }
    process::forward_signals()?;
    let installer = Installer::new(true);
    installer.npm_packages(&project::root().join("tests/clients"))?;
    let mut cargo = project::cargo();
    cargo
        .args(["nextest", "run", "--profile", "drill", "--no-capture", "-p", drill.package])
        .args(["--test", "it"])
        .arg("-E")
        .arg(format!("test(/\\bdrills::{}::/)", drill.name))
        .env("SOUK_DRILL_ROUNDS", rounds.to_string());
    if drill.release {
        cargo.args(["--cargo-profile", "release"]);
    }
    let mut server = None;
    if drill.postgres && std::env::var_os(POSTGRES_URL).is_none() {
        let (started, url) = postgres::start(&installer)?;
        cargo.env(POSTGRES_URL, url);
        server = Some(started);
    }
    process::run(&mut cargo)?;
    drop(server);
    Ok(ExitCode::SUCCESS)
}

/// The drill and its number of rounds; `None` when none is named.
fn parse(args: Vec<OsString>) -> Result<Option<(&'static Drill, u32)>> {
    let mut parser = lexopt::Parser::from_args(args);
    let (mut drill, mut rounds) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Value(name) if drill.is_none() => {
                drill = DRILLS.iter().find(|drill| *drill.name == *name);
                if drill.is_none() {
                    bail!("no drill `{}`; `cargo xtask drill` lists them", name.display());
                }
            }
            Long("rounds") => match parser.value()?.parse()? {
                0 => bail!("--rounds must be at least 1"),
                number => rounds = Some(number),
            },
            other => return Err(other.unexpected().into()),
        }
    }
    if drill.is_none() && rounds.is_some() {
        bail!("--rounds without the name of a drill");
    }
    Ok(drill.map(|drill| (drill, rounds.unwrap_or(drill.rounds))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let parse = |args: &[&str]| {
            parse(args.iter().map(OsString::from).collect())
                .map(|found| found.map(|(drill, rounds)| (drill.name, rounds)))
        };
        assert_eq!(parse(&[]).unwrap(), None);
        assert_eq!(parse(&["kill"]).unwrap(), Some(("kill", 50)));
        assert_eq!(parse(&["kill", "--rounds", "7"]).unwrap(), Some(("kill", 7)));
        for wrong in [
            &["nope"][..],
            &["kill", "--rounds"],
            &["kill", "--rounds", "0"],
            &["kill", "--rounds", "-1"],
            &["kill", "kill"],
            &["--rounds", "3"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
