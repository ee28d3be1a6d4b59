//! `cargo xtask test`: every test of the project, and one line of totals at the end.
//!
//! What holds always here: the last line is `N passed, N failed, N skipped`. A suite that cannot
//! run, reports nothing or runs no test counts as a failure; one that lacks a part that could
//! not be installed counts as skipped, and under `CI` that is a failure too.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::results::{self, Counts};
use crate::server::Server;
use crate::setup::{self, Installer, Missing};
use crate::{postgres, process, project, redis, web};

/// What the command line asks for.
#[derive(Debug)]
pub struct Options {
    /// Whether missing parts may be installed.
    pub install: bool,
    /// Names of suites; none means all.
    pub suites: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { install: true, suites: Vec::new() }
    }
}

/// A group of tests with one runner.
struct Suite {
    name: &'static str,
    run: fn(&mut Context) -> Result<()>,
}

const SUITES: &[Suite] = &[
    Suite { name: "rust", run: rust },
    Suite { name: "clients", run: clients },
    Suite { name: "python", run: python },
    Suite { name: "browser", run: browser },
];

/// The time that one Node or Python test may take.
const TEST_TIMEOUT: Duration = Duration::from_mins(2);

/// What the suites share.
struct Context {
    installer: Installer,
    report: Report,
    binaries_are_built: bool,
}

/// The outcome so far.
struct Report {
    ci: bool,
    total: Counts,
    /// One line for each thing that failed or was left out.
    notes: Vec<String>,
}

impl Report {
    fn new(ci: bool) -> Self {
        Self { ci, total: Counts::default(), notes: Vec::new() }
    }

    /// Adds what a runner reported. A runner that failed without a failed test is a failure.
    fn add(&mut self, what: &str, succeeded: bool, mut counts: Counts) {
        if !succeeded && counts.failed == 0 {
            counts.failed = 1;
            self.notes.push(format!("{what}: failed, but not in a test"));
        } else if counts.failed > 0 {
            self.notes.push(format!("{what}: {} failed", counts.failed));
        }
        if counts.skipped > 0 {
            self.notes.push(format!("{what}: {} skipped", counts.skipped));
        }
        self.total += counts;
    }

    /// Adds something that could not run at all.
    fn add_error(&mut self, what: &str, error: &anyhow::Error) {
        let skipped = error.is::<Missing>() && !self.ci;
        let counts = if skipped {
            Counts { skipped: 1, ..Counts::default() }
        } else {
            Counts { failed: 1, ..Counts::default() }
        };
        self.notes
            .push(format!("{what}: {}: {error:#}", if skipped { "skipped" } else { "failed" }));
        self.total += counts;
    }

    fn is_success(&self) -> bool {
        self.total.failed == 0 && self.total.passed > 0 && (self.total.skipped == 0 || !self.ci)
    }
}

/// Runs the suites asked for.
pub fn run(options: &Options) -> Result<ExitCode> {
    let suites = chosen(&options.suites)?;
    process::forward_signals()?;
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let mut context = Context {
        installer: Installer::new(options.install),
        report: Report::new(ci),
        binaries_are_built: false,
    };
    let mut times = Vec::new();
    for suite in suites {
        println!("\n=== {} ===", suite.name);
        let start = Instant::now();
        let before = context.report.total;
        let outcome = (suite.run)(&mut context);
        process::check_interrupted()?;
        if let Err(error) = outcome {
            context.report.add_error(suite.name, &error);
        }
        let after = context.report.total;
        times.push(format!(
            "{:10} {:5} passed {:4} failed {:4} skipped {:6.0} s",
            suite.name,
            after.passed - before.passed,
            after.failed - before.failed,
            after.skipped - before.skipped,
            start.elapsed().as_secs_f64(),
        ));
    }
    println!();
    for line in times.iter().chain(&context.report.notes) {
        println!("{line}");
    }
    println!("{}", context.report.total);
    Ok(if context.report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Suite>> {
    for name in names {
        if !SUITES.iter().any(|suite| suite.name == name) {
            let known: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            bail!("no suite `{name}`; there are {}", known.join(", "));
        }
    }
    Ok(SUITES
        .iter()
        .filter(|suite| names.is_empty() || names.iter().any(|name| name == suite.name))
        .collect())
}

/// The Rust tests, with a PostgreSQL and a Redis server and a local chain at hand, then the
/// examples in the documentation.
fn rust(context: &mut Context) -> Result<()> {
    let mut servers = Vec::new();
    let mut variables = Vec::new();
    type Start = fn(&Installer) -> Result<(Server, String)>;
    for (variable, what, start) in [
        ("SOUK_TEST_POSTGRES_URL", "tests on PostgreSQL", postgres::start as Start),
        ("SOUK_TEST_REDIS_URL", "tests with Redis", redis::start as Start),
    ] {
        if std::env::var_os(variable).is_some() {
            continue;
        }
        match start(&context.installer) {
            Ok((server, url)) => {
                servers.push(server);
                variables.push((variable, url));
            }
            Err(error) => context.report.add_error(what, &error),
        }
        process::check_interrupted()?;
    }
    // Drills watch with stock clients too.
    let stock_clients = project::root().join("tests/clients");
    if let Err(error) = context.installer.npm_packages(&stock_clients) {
        context.report.add_error("drills with stock clients", &error);
    }
    if std::env::var_os("SOUK_TEST_ANVIL").is_none() {
        match context.installer.anvil() {
            Ok(program) => variables.push(("SOUK_TEST_ANVIL", program.display().to_string())),
            Err(error) => context.report.add_error("tests on a local chain", &error),
        }
        process::check_interrupted()?;
    }
    let cargo = || {
        let mut command = project::cargo();
        command.envs(variables.iter().map(|(name, url)| (name, url)));
        command
    };

    if process::find(&["cargo-nextest"]).is_some() {
        // Below the source tree, wherever cargo's target folder is (nextest's `store.dir`).
        let junit = fresh(project::root().join("target/nextest/default/junit.xml"))?;
        let status = process::status(cargo().args(["nextest", "run", "--workspace"]))?;
        let counts = results::junit_file(&junit)?;
        add_tests(&mut context.report, "rust", status.success(), counts);
    } else {
        println!("cargo-nextest is not installed; `cargo test` runs the tests instead");
        let arguments = ["test", "--workspace", "--all-targets", "--no-fail-fast"];
        let (status, output) = process::tee(cargo().args(arguments))?;
        add_tests(&mut context.report, "rust", status.success(), results::libtest(&output)?);
    }

    let (status, output) =
        process::tee(cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"]))?;
    let counts = results::libtest(&output).context("documentation examples")?;
    // A crate need not have any.
    context.report.add("documentation examples", status.success(), counts);
    Ok(())
}

/// The clients, ours and stock ones, on Node: each folder with a `package.json` but the browser's.
fn clients(context: &mut Context) -> Result<()> {
    let browser = browser_folders();
    let mut folders = project::test_folders("package.json")?;
    folders.retain(|folder| !browser.contains(folder));
    if folders.is_empty() {
        bail!("no folder below clients/, tests/ or crates/*/tests/ has a package.json");
    }
    for folder in folders {
        node(context, &folder, None)?;
    }
    Ok(())
}

/// The pages in a real browser: a front end's, and the console.
fn browser(context: &mut Context) -> Result<()> {
    let chromium = context.installer.need(&setup::CHROMIUM)?;
    for folder in browser_folders() {
        node(context, &folder, Some(&chromium))?;
    }
    Ok(())
}

fn browser_folders() -> [PathBuf; 2] {
    ["tests/browser", "tests/console"].map(|folder| project::root().join(folder))
}

/// Runs `node --test` in a folder. Its tests find the programs under test, and `chromium` as
/// `SOUK_CHROMIUM`, in their environment.
fn node(context: &mut Context, folder: &Path, chromium: Option<&Path>) -> Result<()> {
    let node = context.installer.need(&setup::NODE)?;
    context.installer.npm_packages(folder)?;
    context.installer.npm_build(folder)?;
    let what = label(folder);
    let junit = fresh(report_file(&what)?)?;
    let mut command = Command::new(node);
    command
        .current_dir(folder)
        .arg("--test")
        .arg(format!("--test-timeout={}", TEST_TIMEOUT.as_millis()))
        .args(["--test-reporter=spec", "--test-reporter-destination=stdout"])
        .arg("--test-reporter=junit")
        .arg(format!("--test-reporter-destination={}", junit.display()))
        .envs(binaries(context)?);
    if let Some(chromium) = chromium {
        command.env("SOUK_CHROMIUM", chromium);
    }
    let status = process::status(&mut command)?;
    add_tests(&mut context.report, &what, status.success(), results::junit_file(&junit)?);
    Ok(())
}

/// Stock clients in Python: each folder with a `requirements.txt`, run by pytest.
fn python(context: &mut Context) -> Result<()> {
    let folders = project::test_folders("requirements.txt")?;
    if folders.is_empty() {
        bail!("no folder below tests/ or crates/*/tests/ has a requirements.txt");
    }
    let requirements: Vec<_> = folders.iter().map(|dir| dir.join("requirements.txt")).collect();
    let python = context.installer.python(&requirements)?;
    for folder in folders {
        let what = format!("{} (python)", label(&folder));
        let junit = fresh(report_file(&what)?)?;
        let status = process::status(
            Command::new(&python)
                .current_dir(&folder)
                .args(["-m", "pytest", "-p", "no:cacheprovider"])
                .arg(format!("--timeout={}", TEST_TIMEOUT.as_secs()))
                .arg(format!("--junitxml={}", junit.display()))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .envs(binaries(context)?),
        )?;
        add_tests(&mut context.report, &what, status.success(), results::junit_file(&junit)?);
    }
    Ok(())
}

/// Adds what a runner reported; that it ran nothing is a failure.
fn add_tests(report: &mut Report, what: &str, succeeded: bool, counts: Counts) {
    if counts.total() == 0 && succeeded {
        report.add_error(what, &anyhow::anyhow!("it ran no test"));
    } else {
        report.add(what, succeeded, counts);
    }
}

/// Builds the programs that other languages' tests talk to, once, and says where they are.
fn binaries(context: &mut Context) -> Result<[(&'static str, PathBuf); 2]> {
    if !context.binaries_are_built {
        // The console is compiled in.
        web::build(&context.installer)?;
        project::build()?;
        context.binaries_are_built = true;
    }
    Ok([
        ("SOUK_BIN", project::program("debug", "souk")?),
        ("SOCKETIO_EXAMPLE_BIN", project::program("debug", "examples/conformance")?),
    ])
}

/// A folder's path below the root, for messages and file names.
fn label(folder: &Path) -> String {
    folder.strip_prefix(project::root()).unwrap_or(folder).display().to_string()
}

fn report_file(what: &str) -> Result<PathBuf> {
    Ok(project::target_dir()?.join("xtask").join(format!("{}.xml", what.replace(['/', ' '], "-"))))
}

/// Removes the report of an earlier run, so that it cannot be taken for this one's.
fn fresh(report: PathBuf) -> Result<PathBuf> {
    if let Some(folder) = report.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::remove_file(&report) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| report.display().to_string())
        }
        _ => Ok(report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Counts = Counts { passed: 2, failed: 0, skipped: 0 };

    #[test]
    fn a_runner_that_fails_outside_of_a_test_counts_as_a_failure() {
        let mut report = Report::new(false);
        add_tests(&mut report, "x", false, GOOD);
        assert_eq!(report.total, Counts { passed: 2, failed: 1, skipped: 0 });
        assert!(!report.is_success());
    }

    #[test]
    fn a_runner_that_ran_nothing_counts_as_a_failure() {
        let mut report = Report::new(false);
        add_tests(&mut report, "x", true, Counts::default());
        assert_eq!(report.total.failed, 1);
    }

    #[test]
    fn nothing_is_skipped_under_ci() {
        let some_skipped = Counts { skipped: 1, ..GOOD };
        for (ci, success) in [(false, true), (true, false)] {
            let mut report = Report::new(ci);
            add_tests(&mut report, "x", true, some_skipped);
            assert_eq!(report.is_success(), success);
        }
    }

    #[test]
    fn a_missing_part_is_skipped_but_a_failure_under_ci() {
        let missing = Missing("Chromium is missing".into()).into();
        for (ci, outcome) in [
            (false, Counts { passed: 0, failed: 0, skipped: 1 }),
            (true, Counts { passed: 0, failed: 1, skipped: 0 }),
        ] {
            let mut report = Report::new(ci);
            report.add_error("browser", &missing);
            assert_eq!(report.total, outcome);
        }
        let mut report = Report::new(false);
        report.add_error("browser", &anyhow::anyhow!("it does not build"));
        assert_eq!(report.total.failed, 1);
    }

    #[test]
    fn suites_are_chosen_by_name() {
        let names = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            chosen(&list).map(|found| found.iter().map(|suite| suite.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["rust", "clients", "python", "browser"]);
        assert_eq!(names(&["browser", "rust"]).unwrap(), ["rust", "browser"]);
        assert!(names(&["rusty"]).is_err());
    }
}
