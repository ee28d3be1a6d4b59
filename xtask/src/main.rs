//! The project's own commands: `cargo xtask <command>`.
//!
//! Each command is one file; `process` runs programs, `setup` installs what they need.

mod bench;
mod drill;
mod generate;
mod pictures;
mod postgres;
mod process;
mod project;
mod redis;
mod results;
mod serve;
mod server;
mod setup;
mod test;
mod tidy;
mod web;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

const USAGE: &str = "\
Usage: cargo xtask <command>

  serve [args…]                    build Souk for release and run it; args go to `souk`
  test [suite…] [--no-install]     run every test, or only the named suites
                                   (rust, clients, python, browser)
  gen [--check]                    write the generated files, or fail when one is stale
  pictures                         take the pictures of the documents
  tidy                             check the rules of the source tree
  drill [name [--rounds N]]        run a long drill; without a name: list them
  bench [name [args…]]             run a benchmark; without a name: list them
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<ExitCode> {
    let mut parser = lexopt::Parser::from_env();
    let command = match parser.next()? {
        Some(Value(command)) => command.string()?,
        None | Some(Short('h') | Long("help")) => {
            print!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "serve" => serve::run(rest(&mut parser)?),
        "test" => {
            let mut options = test::Options::default();
            while let Some(arg) = parser.next()? {
                match arg {
                    Long("no-install") => options.install = false,
                    Value(suite) => options.suites.push(suite.string()?),
                    other => return Err(other.unexpected().into()),
                }
            }
            test::run(&options)
        }
        "gen" => {
            let mut check = false;
            while let Some(arg) = parser.next()? {
                match arg {
                    Long("check") => check = true,
                    other => return Err(other.unexpected().into()),
                }
            }
            generate::run(check)
        }
        "pictures" => {
            no_more(&mut parser)?;
            pictures::run()
        }
        "tidy" => {
            no_more(&mut parser)?;
            tidy::run()
        }
        "drill" => drill::run(rest(&mut parser)?),
        "bench" => bench::run(rest(&mut parser)?),
        other => bail!("unknown command `{other}`\n\n{USAGE}"),
    }
}

/// The arguments that belong to another program, unread.
fn rest(parser: &mut lexopt::Parser) -> Result<Vec<OsString>> {
    Ok(parser.raw_args()?.collect())
}

fn no_more(parser: &mut lexopt::Parser) -> Result<()> {
    match parser.next()? {
        None => Ok(()),
        Some(other) => Err(other.unexpected().into()),
    }
}
