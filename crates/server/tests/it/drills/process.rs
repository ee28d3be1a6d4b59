//! The real program as a child process on a free port.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A running `souk`; killed when dropped.
pub struct Souk {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// `127.0.0.1:<port>`.
    pub authority: String,
}

impl Souk {
    /// Starts the program on `database` and waits until it listens.
    pub async fn start(database_url: &str, directory: &Path, env: &[(&str, &str)]) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(directory.join("souk.log"))
            .expect("log file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_souk"))
            .current_dir(directory)
            .env("HOST", "127.0.0.1")
            .env("PORT", "0")
            .env("DATABASE_URL", database_url)
            .env("AUTH_ATTEMPTS_PER_MINUTE", "0")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("souk starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("stdout").expect("souk ended at its start");
            if let Some(address) = line.strip_prefix("Souk listens on http://") {
                break address.to_owned();
            }
        };
        Self { child, lines, authority: address }
    }

    /// Waits until it has stopped where `SOUK_STOP_AT` says.
    pub async fn stopped(&mut self) {
        loop {
            let line = self.lines.next_line().await.expect("stdout").expect("souk has ended");
            if line.starts_with("Souk stops at ") {
                return;
            }
        }
    }

    /// Runs one of the program's commands; its exit status and what it printed.
    pub async fn command(
        args: &[&str],
        database_url: &str,
        directory: &Path,
        env: &[(&str, &str)],
    ) -> (std::process::ExitStatus, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_souk"))
            .args(args)
            .current_dir(directory)
            .env("DATABASE_URL", database_url)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .output()
            .await
            .expect("souk runs");
        let told = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&told).into_owned())
    }

    /// SIGKILL: nothing of the program gets to run any more.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("souk was running");
    }

    /// SIGTERM; returns the exit status.
    pub async fn terminate(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().expect("souk is running");
        let told = Command::new("kill").arg(pid.to_string()).status().await.expect("kill");
        assert!(told.success());
        self.child.wait().await.expect("souk ends")
    }
}
