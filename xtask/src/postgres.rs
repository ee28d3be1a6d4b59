//! A throw-away PostgreSQL cluster.

use std::process::Stdio;

use anyhow::{Context, Result};

use crate::process;
use crate::server::{Server, TempDir, User, free_port};
use crate::setup::{self, Installer};

/// Whether a cluster keeps what it has acknowledged when its machine fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: for benchmarks.
    Full,
    /// Nobody needs this data after a crash: for tests.
    None,
}

/// Starts a cluster for tests and returns it with its `postgres://` URL.
pub fn start(installer: &Installer) -> Result<(Server, String)> {
    start_with(installer, Durability::None)
}

/// Starts a cluster and returns it with its `postgres://` URL, as a superuser who needs no
/// password, reachable over loopback only.
pub fn start_with(installer: &Installer, durability: Durability) -> Result<(Server, String)> {
    let postgres = installer.need(&setup::POSTGRES)?;
    // `postgres` on the PATH may be a link; the other programs lie beside what it leads to.
    let postgres = postgres.canonicalize()?;
    let bin = postgres.parent().context("postgres lies in no folder")?;

    let user = User::unprivileged()?;
    let dir = TempDir::new("postgres")?;
    user.own(&dir)?;
    let data = dir.path().join("data");
    process::run(
        user.command(&bin.join("initdb"))
            .args(["--username=souk", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions", "--pgdata"])
            .arg(&data)
            .current_dir(dir.path())
            .stdout(Stdio::null()),
    )?;

    let port = free_port()?;
    let mut command = user.command(&postgres);
    command.current_dir(dir.path()).arg("-D").arg(&data);
    for setting in [
        "listen_addresses=127.0.0.1",
        &format!("port={port}"),
        "unix_socket_directories=",
        "max_connections=300",
    ] {
        command.arg("-c").arg(setting);
    }
    if durability == Durability::None {
        for setting in ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] {
            command.arg("-c").arg(setting);
        }
    }
    let is_ready = bin.join("pg_isready");
    let server = Server::start("PostgreSQL", command, dir, || {
        std::process::Command::new(&is_ready)
            .args(["--quiet", "--host=127.0.0.1", "--dbname=postgres"])
            .arg(format!("--port={port}"))
            .status()
            .is_ok_and(|status| status.success())
    })?;
    Ok((server, format!("postgres://souk@127.0.0.1:{port}/postgres")))
}
