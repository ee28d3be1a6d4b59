//! A throw-away Redis (or Valkey) server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;

use crate::server::{Server, TempDir, User, free_port};
use crate::setup::{self, Installer};

/// Starts a server that keeps nothing on disk and returns it with its `redis://` URL.
pub fn start(installer: &Installer) -> Result<(Server, String)> {
    let program = installer.need(&setup::REDIS)?;
    let user = User::unprivileged()?;
    let dir = TempDir::new("redis")?;
    user.own(&dir)?;
    let port = free_port()?;
    let mut command = user.command(&program);
    command.arg("--port").arg(port.to_string()).arg("--dir").arg(dir.path());
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let server = Server::start("Redis", command, dir, || answers(port).unwrap_or(false))?;
    Ok((server, format!("redis://127.0.0.1:{port}")))
}

fn answers(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG\r\n")
}
