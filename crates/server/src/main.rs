//! The program `souk`.

use std::process::ExitCode;

fn main() -> ExitCode {
    souk::cli::main()
}
