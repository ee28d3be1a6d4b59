//! A service that has Souk journal events, each by a request on a connection that stays open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::peers::{Server, emission};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// One that emits events to a room.
pub struct Emitter {
    stream: TcpStream,
    request: String,
    /// The answer to the last request was not read.
    asked: bool,
}

impl Emitter {
    /// For events to a room, `size` bytes longer than usual.
    pub fn connect(server: &Server, room: usize, size: usize) -> Result<Self> {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Self { stream, request: emission(room, size), asked: false })
    }

    /// Asks for an event, once the one before was answered.
    pub fn ask(&mut self) -> Result<()> {
        self.answered()?;
        self.stream.write_all(self.request.as_bytes())?;
        self.asked = true;
        Ok(())
    }

    /// Waits until what was asked for is answered.
    pub fn answered(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.asked) {
            return Ok(());
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut bytes = [0; 1024];
            match self.stream.read(&mut bytes)? {
                0 => bail!("no answer: {}", String::from_utf8_lossy(&answer)),
                count => answer.extend_from_slice(&bytes[..count]),
            }
        }
        if !answer.starts_with(b"HTTP/1.1 202") {
            bail!("not emitted: {}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }
}
