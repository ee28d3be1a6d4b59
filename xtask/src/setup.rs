//! What the tests need beyond Rust, how it is found, and how it is installed where it is missing.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, project};

/// Something the tests run that is no part of the source tree.
pub struct Tool {
    name: &'static str,
    find: fn() -> Option<PathBuf>,
    /// The Debian packages that hold it.
    apt: &'static [&'static str],
    /// What to do where apt cannot help.
    advice: &'static str,
}

/// The PostgreSQL server; its other programs lie beside it.
pub const POSTGRES: Tool = Tool {
    name: "PostgreSQL",
    find: || process::find(&["postgres"]).or_else(debian_postgres),
    apt: &["postgresql"],
    advice: "install PostgreSQL 15 or later with its server programs",
};

/// A Redis or Valkey server.
pub const REDIS: Tool = Tool {
    name: "Redis",
    find: || process::find(&["redis-server", "valkey-server"]),
    apt: &["redis-server"],
    advice: "install a Redis or Valkey server",
};

/// The browser of the browser tests.
pub const CHROMIUM: Tool = Tool {
    name: "Chromium",
    find: || process::find(&["chromium", "chromium-browser", "google-chrome"]),
    apt: &["chromium"],
    advice: "install Chromium or Chrome",
};

/// Node.js, new enough for the JUnit reporter of its test runner and for the browser driver.
pub const NODE: Tool = Tool {
    name: "Node.js 20",
    find: || {
        let node = process::find(&["node"])?;
        let version = process::read(Command::new(&node).arg("--version")).ok()?;
        is_node_new_enough(&version).then_some(node)
    },
    apt: &["nodejs"],
    advice: "install Node.js 20.12 or later from https://nodejs.org",
};

/// The package manager of Node.js.
pub const NPM: Tool = Tool {
    name: "npm",
    find: || process::find(&["npm"]),
    apt: &["npm"],
    advice: "install npm, usually a part of Node.js from https://nodejs.org",
};

/// Python 3 with what makes a virtual environment.
pub const PYTHON: Tool = Tool {
    name: "Python 3 with venv",
    find: || {
        let python = process::find(&["python3"])?;
        let complete =
            Command::new(&python).args(["-c", "import venv, ensurepip"]).output().ok()?;
        complete.status.success().then_some(python)
    },
    apt: &["python3", "python3-venv"],
    advice: "install Python 3.10 or later with its venv module",
};

/// A part that a test needs and that is not there.
#[derive(Debug)]
pub struct Missing(pub String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// Installs what is missing, or only says so.
pub struct Installer {
    allowed: bool,
    lists_are_fresh: Cell<bool>,
}

impl Installer {
    /// `allowed`: whether anything may be installed at all.
    pub fn new(allowed: bool) -> Self {
        Self { allowed, lists_are_fresh: Cell::new(false) }
    }

    /// The program of a tool, installed first where need be.
    ///
    /// # Errors
    /// [`Missing`] when it is not there in the end; other errors when the command was interrupted.
    pub fn need(&self, tool: &Tool) -> Result<PathBuf> {
        if let Some(program) = (tool.find)() {
            return Ok(program);
        }
        let mut why = String::new();
        if self.allowed {
            match self.apt_install(tool.apt) {
                Ok(()) => {}
                Err(error) => why = format!(" ({error:#})"),
            }
            process::check_interrupted()?;
            if let Some(program) = (tool.find)() {
                return Ok(program);
            }
        }
        Err(Missing(format!("{} is missing{why}: {}", tool.name, tool.advice)).into())
    }

    fn apt_install(&self, packages: &[&str]) -> Result<()> {
        let apt = || -> Result<Command> {
            let program = process::find(&["apt-get"]).context("there is no apt-get here")?;
            let mut command = if rustix::process::geteuid().is_root() {
                Command::new("env")
            } else {
                let sudo = process::find(&["sudo"]).context("apt-get needs root or sudo")?;
                let mut command = Command::new(sudo);
                command.args(["-n", "env"]);
                command
            };
            command.arg("DEBIAN_FRONTEND=noninteractive").arg(program);
            Ok(command)
        };
        println!("installing {}", packages.join(", "));
        if !self.lists_are_fresh.get() {
            process::run(apt()?.args(["update", "-qq"]))?;
            self.lists_are_fresh.set(true);
        }
        let options = ["install", "-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"];
        process::run(apt()?.args(options).args(packages))
    }

    /// Brings a folder's `node_modules` to the state of its lock file.
    pub fn npm_packages(&self, folder: &Path) -> Result<()> {
        let lock = folder.join("package-lock.json");
        let lock = std::fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
        let stamp = folder.join("node_modules/.souk-lock");
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
            return Ok(());
        }
        if !self.allowed {
            let what = format!("npm packages of {} are missing: run `npm ci`", folder.display());
            return Err(Missing(what).into());
        }
        let npm = self.need(&NPM)?;
        process::run(
            Command::new(npm)
                .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
                .current_dir(folder),
        )?;
        // npm makes no such folder where there is nothing to install.
        std::fs::create_dir_all(folder.join("node_modules"))?;
        std::fs::write(stamp, lock)?;
        Ok(())
    }

    /// Builds a package whose `package.json` has a script for that.
    pub fn npm_build(&self, folder: &Path) -> Result<()> {
        let manifest = std::fs::read_to_string(folder.join("package.json"))?;
        let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
        if manifest["scripts"]["build"].is_string() {
            let npm = self.need(&NPM)?;
            process::run(Command::new(npm).args(["run", "--silent", "build"]).current_dir(folder))?;
        }
        Ok(())
    }

    /// A local EVM chain: anvil, whose program lies in the npm package of the machine's platform.
    pub fn anvil(&self) -> Result<PathBuf> {
        let folder = project::root().join("tests/chain");
        self.npm_packages(&folder)?;
        let packages = project::entries(&folder.join("node_modules/@foundry-rs"))?;
        let program = packages.into_iter().map(|dir| dir.join("bin/anvil")).find(|p| p.is_file());
        program.ok_or_else(|| Missing("anvil has no program for this machine".into()).into())
    }

    /// The Python of a virtual environment in the target folder that holds the test runner and
    /// the packages of all `requirements` files.
    pub fn python(&self, requirements: &[PathBuf]) -> Result<PathBuf> {
        let mut wanted = String::from("pytest==9.2.0\npytest-timeout==2.4.0\n");
        for file in requirements {
            wanted.push_str(
                &std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
            );
            wanted.push('\n');
        }
        let venv = project::target_dir()?.join("venv");
        let python = venv.join("bin/python");
        let list = venv.join("requirements.txt");
        if std::fs::read_to_string(&list).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        if !self.allowed {
            return Err(
                Missing("Python packages are missing; --no-install forbids them".into()).into()
            );
        }
        let system = self.need(&PYTHON)?;
        process::run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&venv))?;
        // The list takes its name only when all of it is installed.
        let pending = venv.join("requirements.pending");
        std::fs::write(&pending, &wanted)?;
        process::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(&pending),
        )?;
        std::fs::rename(pending, list)?;
        Ok(python)
    }
}

/// Debian keeps the server programs off the PATH, one folder for each major version.
fn debian_postgres() -> Option<PathBuf> {
    let mut versions = project::entries(Path::new("/usr/lib/postgresql")).ok()?;
    let number = |path: &PathBuf| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
    versions.sort_by_key(number);
    versions.into_iter().rev().map(|dir| dir.join("bin/postgres")).find(|file| file.is_file())
}

/// Whether the answer of `node --version` is 20.12 or later.
fn is_node_new_enough(version: &str) -> bool {
    let mut parts = version.trim().trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (20, 12),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions() {
        for (version, enough) in [
            ("v20.12.0\n", true),
            ("v22.1.0", true),
            ("v20.9.0", false),
            ("v18.20.4", false),
            ("", false),
            ("node", false),
        ] {
            assert_eq!(is_node_new_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn a_missing_tool_says_what_to_install() {
        let tool = Tool { name: "X", find: || None, apt: &["x"], advice: "install X from y" };
        let error = Installer::new(false).need(&tool).unwrap_err();
        assert_eq!(error.to_string(), "X is missing: install X from y");
        assert!(error.is::<Missing>());
    }
}
