//! The bare loop: what the kernel takes for a delivery, with next to nothing around it.
//!
//! `bare <port> [coalesced]` answers the WebSocket handshake, the Engine.IO open packet, CONNECT
//! and joins by rote. A message makes one prepared frame, which is written to each member of the
//! room but the sender; with `coalesced` the messages of one turn of the loop go to a member in
//! one write (the sender is then taken not to be a member). There is no heartbeat, no queue and no
//! check of what the client sends: it is a yardstick and no server.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use anyhow::{Context, Result, bail};
use bench::websocket;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    is_open: bool,
    /// The begin of a frame, or of the request.
    rest: Vec<u8>,
}

#[derive(Default)]
struct Server {
    connections: Slab<Connection>,
    rooms: HashMap<u32, Vec<usize>>,
    coalesced: bool,
    /// What this turn's messages are to each room.
    turn: Vec<(u32, Vec<u8>)>,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().context("a port is missing")?.parse()?;
    let mut server = Server { coalesced: args.next().is_some(), ..Server::default() };
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], port).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let entry = server.connections.vacant_entry();
                    let token = Token(entry.key());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    entry.insert(Connection { stream, is_open: false, rest: Vec::new() });
                }
            } else if server.read(event.token().0, &mut buffer).is_err() {
                server.remove(event.token().0);
            }
        }
        server.flush();
    }
}

impl Server {
    fn read(&mut self, id: usize, buffer: &mut [u8]) -> Result<()> {
        loop {
            let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
            let count = match connection.stream.read(buffer) {
                Ok(0) => bail!("closed"),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if connection.is_open && connection.rest.is_empty() {
                let rest = self.frames(id, &buffer[..count])?.to_vec();
                if let Some(connection) = self.connections.get_mut(id) {
                    connection.rest = rest;
                }
            } else {
                connection.rest.extend_from_slice(&buffer[..count]);
                let bytes = std::mem::take(&mut connection.rest);
                let rest = self.begin(id, &bytes)?.to_vec();
                if let Some(connection) = self.connections.get_mut(id) {
                    connection.rest = rest;
                }
            }
            if count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// The request, then frames. Returns what is not complete.
    fn begin<'a>(&mut self, id: usize, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let Some(connection) = self.connections.get_mut(id) else { return Ok(&[]) };
        if connection.is_open {
            return self.frames(id, bytes);
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(bytes);
        };
        connection.is_open = true;
        let open = br#"0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#;
        let mut answer = websocket::RESPONSE.as_bytes().to_vec();
        answer.extend_from_slice(&websocket::from_server(open));
        connection.stream.write_all(&answer)?;
        self.frames(id, &bytes[end + 4..])
    }

    fn frames<'a>(&mut self, id: usize, mut input: &'a [u8]) -> Result<&'a [u8]> {
        while let Some(frame) = websocket::next(&mut input) {
            let text = frame.payload;
            if let Some(say) = text.strip_prefix(br#"42["say","r"#) {
                self.say(id, say)?;
            } else if text.starts_with(b"40") {
                self.answer(id, br#"40{"sid":"AAAAAAAAAAAAAAAAAAAB"}"#)?;
            } else if frame.opcode == 8 {
                bail!("closed");
            } else if let Some(at) = text.windows(10).position(|ten| ten == br#"["join","r"#) {
                self.rooms.entry(number(&text[at + 10..])).or_default().push(id);
                self.answer(id, &[b"43", &text[2..at], b"[]"].concat())?;
            }
        }
        Ok(input)
    }

    fn answer(&mut self, id: usize, text: &[u8]) -> Result<()> {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.stream.write_all(&websocket::from_server(text))?;
        }
        Ok(())
    }

    /// `say` is what follows `42["say","r`: the room's number, a quote, a comma, the data.
    fn say(&mut self, id: usize, say: &[u8]) -> Result<()> {
        let comma = say.iter().position(|byte| *byte == b',').context("no data")?;
        let room = number(say);
        let frame = websocket::from_server(&[br#"42["user-typing""#, &say[comma..]].concat());
        if self.coalesced {
            match self.turn.iter_mut().find(|(other, _)| *other == room) {
                Some((_, bytes)) => bytes.extend_from_slice(&frame),
                None => self.turn.push((room, frame)),
            }
            return Ok(());
        }
        for member in self.rooms.get(&room).map_or(&[][..], Vec::as_slice) {
            if *member != id
                && let Some(connection) = self.connections.get_mut(*member)
            {
                write(&mut connection.stream, &frame);
            }
        }
        Ok(())
    }

    fn flush(&mut self) {
        for (room, bytes) in self.turn.drain(..) {
            for member in self.rooms.get(&room).map_or(&[][..], Vec::as_slice) {
                if let Some(connection) = self.connections.get_mut(*member) {
                    write(&mut connection.stream, &bytes);
                }
            }
        }
    }

    fn remove(&mut self, id: usize) {
        self.connections.try_remove(id);
        for members in self.rooms.values_mut() {
            members.retain(|member| *member != id);
        }
    }
}

/// A write that is not taken whole would make the figures wrong, so it is told.
fn write(stream: &mut TcpStream, bytes: &[u8]) {
    match stream.write(bytes) {
        Ok(count) if count == bytes.len() => {}
        Ok(_) => eprintln!("a write was cut short"),
        // The reading side sees the end of the connection.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => eprintln!("a write failed: {error}"),
    }
}

/// The digits at the front.
fn number(text: &[u8]) -> u32 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'))
}
