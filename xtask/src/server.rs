//! Throw-away servers for the tests: each lives in a temporary folder, listens on a free loopback
//! port, and ends with the command, however that ends.

use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

use crate::process;

/// How long a server may take to start, and to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that is removed with everything in it.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes an empty folder that nobody else can read.
    pub fn new(name: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("souk-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}

/// The user that servers run as, since PostgreSQL refuses to be root.
#[derive(Debug, Clone, Copy)]
pub struct User(Option<(u32, u32)>);

impl User {
    /// Ourselves; for root the user `postgres`, or `nobody` where that is missing.
    pub fn unprivileged() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        let users = std::fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| ids(&users, name))
            .map(|ids| Self(Some(ids)))
            .context("there is neither a user `postgres` nor `nobody` to run a server as")
    }

    /// Hands the folder to this user.
    pub fn own(self, dir: &TempDir) -> Result<()> {
        if let Some((user, group)) = self.0 {
            chown(dir.path(), Some(user), Some(group))?;
        }
        Ok(())
    }

    /// `program` as this user. On Linux the kernel ends it when we are gone, even by SIGKILL.
    pub fn command(self, program: &Path) -> Command {
        if !cfg!(target_os = "linux") {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if let Some((user, group)) = self.0 {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        command.arg("--").arg(program);
        command
    }
}

/// User and group number of `name` in the text of `/etc/passwd`.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
    // Dropped after `drop` has ended the child that uses it.
    _dir: TempDir,
}

impl Server {
    /// Starts `command`, its output into a log, and waits until `ready`.
    ///
    /// # Errors
    /// When it ends first or takes longer than [`PATIENCE`]: with the end of its log.
    pub fn start(
        name: &'static str,
        mut command: Command,
        dir: TempDir,
        ready: impl Fn() -> bool,
    ) -> Result<Self> {
        let log = dir.path().join("server.log");
        let output = std::fs::File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut server = Self { name, child, log, _dir: dir };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended at once ({status}):\n{}", server.last_words());
            }
            if ready() {
                return Ok(server);
            }
            process::check_interrupted()?;
            if Instant::now() > deadline {
                bail!("{name} is not ready after {PATIENCE:?}:\n{}", server.last_words());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is a fast stop for both PostgreSQL and Redis.
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::INT);
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                eprintln!("{} does not stop; it is killed", self.name);
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A loopback port that nobody listened on a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_numbers_come_from_the_password_file() {
        let users = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:PG,,,:/var:/bin/bash\n";
        assert_eq!(ids(users, "postgres"), Some((101, 104)));
        assert_eq!(ids(users, "post"), None);
        assert_eq!(ids("postgres:x", "postgres"), None);
    }

    #[test]
    fn a_server_that_ends_at_once_is_reported_with_its_log() {
        let dir = TempDir::new("server-test").unwrap();
        let path = dir.path().to_owned();
        let mut command = Command::new("sh");
        command.args(["-c", "echo the port is taken; exit 3"]);
        let error = Server::start("sh", command, dir, || false).unwrap_err().to_string();
        assert!(error.contains("the port is taken") && error.contains('3'), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_dropped_server_is_gone_and_so_is_its_folder() {
        let dir = TempDir::new("server-test").unwrap();
        let path = dir.path().to_owned();
        let mut command = Command::new("sleep");
        command.arg("600");
        let server = Server::start("sleep", command, dir, || true).unwrap();
        let pid = Pid::from_child(&server.child);
        assert!(rustix::process::test_kill_process(pid).is_ok());
        drop(server);
        assert!(rustix::process::test_kill_process(pid).is_err());
        assert!(!path.exists());
    }
}
