//! The program as its users run it: the release build, in a process of its own, with a database on
//! disk.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

use crate::machine;

/// The target folder of the running benchmark.
pub fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(2).context("not in a target folder")?.to_owned())
}

/// Builds the program for release, beside the running benchmark.
pub fn build() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "-p", "souk", "--bins", "--target-dir"]);
    command.arg(target_folder()?).arg("--manifest-path");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let status = command.arg(manifest).stdin(Stdio::null()).status()?;
    if !status.success() {
        bail!("the program cannot be built: {status}");
    }
    Ok(())
}

/// A database of its own and the settings that go with it. Dropping it throws the data away.
pub struct Home {
    folder: PathBuf,
    port: u16,
    settings: Vec<(&'static str, &'static str)>,
}

impl Home {
    /// An empty folder below the temporary one.
    pub fn new(settings: &[(&'static str, &'static str)]) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("souk-bench-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, port, settings: settings.to_vec() })
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(target_folder()?.join("release/souk"));
        let database = format!("sqlite:{}", self.folder.join("souk.db").display());
        command
            .env("DATABASE_URL", database)
            .env("HOST", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .envs(self.settings.iter().copied())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs one of the program's commands, which has to succeed.
    pub fn run(&self, args: &[&str]) -> Result<()> {
        let output = self.command()?.args(args).output()?;
        if !output.status.success() {
            let told = [output.stdout, output.stderr].concat();
            bail!("souk {}: {}\n{}", args[0], output.status, String::from_utf8_lossy(&told));
        }
        Ok(())
    }

    /// Starts the server on some cores, and goes on on others.
    pub fn serve(&self, on: &[usize], then: &[usize]) -> Result<Souk> {
        let log = target_folder()?.join("bench");
        fs::create_dir_all(&log)?;
        let log = File::create(log.join("souk.log"))?;
        let mut command = self.command()?;
        command.stdout(log.try_clone()?).stderr(log);
        machine::bind_to(on)?;
        let child = command.spawn();
        machine::bind_to(then)?;
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let child = child.context("cannot start souk")?;
        let mut souk = Souk { child, ran: RefCell::default(), address };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            if let Some(status) = souk.child.try_wait()? {
                bail!("souk ended: {status}");
            }
            if Instant::now() > until {
                bail!("souk does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(souk)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A running server. Dropping it ends it.
pub struct Souk {
    child: Child,
    /// How long each thread had run when it was last seen: what one did that ended stays counted.
    ran: RefCell<HashMap<u32, Duration>>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Souk {
    /// The time that all its threads have run, also those that ended since the last call.
    pub fn run_time(&self) -> Result<Duration> {
        let mut ran = self.ran.borrow_mut();
        ran.extend(machine::run_times(Pid::from_child(&self.child))?);
        Ok(ran.values().sum())
    }
}

impl Drop for Souk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
