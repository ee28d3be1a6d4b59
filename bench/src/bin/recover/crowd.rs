//! Many clients on one thread that come back by themselves: frames made by hand, and no look at
//! JSON beyond what has to be known.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bench::websocket;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::replay::{field, offset};

/// How many loopback addresses the clients come from: one has ports for 28,000 at most.
const ADDRESSES: usize = 16;
/// Connections that are on their way at once, while the clients come for the first time.
const OPENING: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Away,
    Connecting,
    Upgrading,
    /// Waits for the Engine.IO open packet.
    Opening,
    /// Waits for CONNECT to be answered.
    Joining,
    /// Waits for so many acknowledgements.
    Acknowledging(usize),
    Ready,
}

struct Client {
    stream: Option<TcpStream>,
    phase: Phase,
    /// The begin of a frame whose end has not come.
    rest: Vec<u8>,
    auth: String,
    joins: Vec<u8>,
    /// The acknowledgements that these ask for.
    acks: usize,
    pid: String,
    offset: String,
    /// The number of the last event.
    seen: usize,
    /// The number of the last event of a replay, until CONNECT comes.
    missed: usize,
    tries: u32,
}

/// The clients, numbered from 0.
pub struct Crowd {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    clients: Vec<Client>,
    /// When who is away tries again.
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    to: SocketAddr,
    random: u64,
    /// Clients that are connected and have seen so many events.
    pub goal: usize,
    pub at_goal: usize,
    pub recovered: usize,
    /// Tries that were refused or cut.
    pub failed: usize,
}

/// A client of the crowd: its token, and the packets by which it joins, which ask for
/// acknowledgements.
pub struct Person {
    pub token: String,
    pub joins: Vec<String>,
}

impl Crowd {
    /// Connects all of them.
    pub fn connect(to: SocketAddr, people: impl Iterator<Item = Person>) -> Result<Self> {
        let mut crowd = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(4096),
            buffer: vec![0; 256 * 1024],
            clients: Vec::new(),
            timers: BinaryHeap::new(),
            to,
            random: 0x9e37_79b9_7f4a_7c15,
            goal: 0,
            at_goal: 0,
            recovered: 0,
            failed: 0,
        };
        let until = Instant::now() + Duration::from_mins(3);
        let mut people = people.peekable();
        while people.peek().is_some() || crowd.at_goal < crowd.clients.len() {
            while crowd.clients.len() - crowd.at_goal < OPENING {
                let Some(Person { token, joins }) = people.next() else { break };
                let acks = joins.len();
                let joins = joins.iter().flat_map(|text| websocket::from_client(text.as_bytes()));
                crowd.clients.push(Client {
                    stream: None,
                    phase: Phase::Away,
                    rest: Vec::new(),
                    auth: token,
                    joins: joins.collect(),
                    acks,
                    pid: String::new(),
                    offset: String::new(),
                    seen: 0,
                    missed: 0,
                    tries: 0,
                });
                crowd.start(crowd.clients.len() - 1)?;
            }
            crowd.turn(Duration::from_millis(100))?;
            if crowd.failed > 0 {
                bail!("{} connections failed", crowd.failed);
            }
            if Instant::now() > until {
                bail!("{} clients connected in time", crowd.at_goal);
            }
        }
        Ok(crowd)
    }

    /// How many are connected.
    pub fn connected(&self) -> usize {
        self.clients.iter().filter(|client| client.phase != Phase::Away).count()
    }

    /// The server is gone: notices that.
    pub fn lose(&mut self) -> Result<()> {
        while self.connected() > 0 {
            self.turn(Duration::from_millis(100))?;
        }
        self.timers.clear();
        Ok(())
    }

    /// All come back to a server, as stock clients do: each after its own delay, or at once. They
    /// are at their goal when they have recovered and seen `goal` events.
    pub fn come_back(&mut self, to: SocketAddr, goal: usize, at_once: bool) {
        (self.to, self.goal) = (to, goal);
        (self.at_goal, self.recovered, self.failed) = (0, 0, 0);
        let now = Instant::now();
        for number in 0..self.clients.len() {
            self.clients[number].tries = 0;
            let delay = if at_once { Duration::ZERO } else { self.delay(0) };
            self.timers.push(Reverse((now + delay, number)));
        }
    }

    /// The back-off of stock clients: from 1 to 5 s, half of it up or down.
    fn delay(&mut self, tries: u32) -> Duration {
        // xorshift64.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        let full = (1.0 * 2_f64.powi(tries as i32)).min(5.0);
        Duration::from_secs_f64(full * (0.5 + share))
    }

    fn start(&mut self, number: usize) -> Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // The end is a reset, which leaves no port waiting.
        socket.set_linger(Some(Duration::ZERO))?;
        let from = Ipv4Addr::new(127, 0, 0, 2 + (number % ADDRESSES) as u8);
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        match socket.connect(&self.to.into()) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(_) => {
                self.lost(number);
                return Ok(());
            }
        }
        let mut stream = TcpStream::from_std(socket.into());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(number), interest)?;
        let client = &mut self.clients[number];
        client.stream = Some(stream);
        client.phase = Phase::Connecting;
        client.rest.clear();
        client.missed = client.seen;
        Ok(())
    }

    /// The connection is gone; the client comes again by itself.
    fn lost(&mut self, number: usize) {
        let client = &mut self.clients[number];
        client.stream = None;
        let was_ready = client.phase == Phase::Ready;
        client.phase = Phase::Away;
        let tries = client.tries;
        client.tries += 1;
        self.failed += usize::from(!was_ready);
        let at = Instant::now() + self.delay(tries);
        self.timers.push(Reverse((at, number)));
    }

    /// Reads and writes what there is, after waiting for so long at most.
    pub fn turn(&mut self, wait: Duration) -> Result<()> {
        let now = Instant::now();
        while let Some(Reverse((at, number))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            if self.clients[number].phase == Phase::Away {
                self.start(number)?;
            }
        }
        let next = self.timers.peek().map(|Reverse((at, _))| at.saturating_duration_since(now));
        let wait = next.map_or(wait, |next| next.min(wait));
        if let Err(error) = self.poll.poll(&mut self.events, Some(wait))
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        let ready: Vec<_> =
            self.events.iter().map(|event| (event.token().0, event.is_writable())).collect();
        for (number, is_writable) in ready {
            let client = &mut self.clients[number];
            if is_writable && client.phase == Phase::Connecting {
                let Some(stream) = &mut client.stream else { continue };
                if stream.peer_addr().is_ok() {
                    // It fits into the kernel's buffer.
                    let request = websocket::request("");
                    if stream.write_all(request.as_bytes()).is_ok() {
                        client.phase = Phase::Upgrading;
                    }
                }
            }
            self.read(number)?;
        }
        Ok(())
    }

    fn read(&mut self, number: usize) -> Result<()> {
        loop {
            let client = &mut self.clients[number];
            let Some(stream) = &mut client.stream else { return Ok(()) };
            let count = match stream.read(&mut self.buffer) {
                Ok(count) if count > 0 => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                Ok(_) | Err(_) => {
                    self.lost(number);
                    return Ok(());
                }
            };
            let mut bytes = std::mem::take(&mut client.rest);
            bytes.extend_from_slice(&self.buffer[..count]);
            let mut input = &bytes[..];
            if client.phase == Phase::Upgrading {
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    client.rest = bytes;
                    continue;
                };
                if !bytes.starts_with(b"HTTP/1.1 101") {
                    self.lost(number);
                    return Ok(());
                }
                client.phase = Phase::Opening;
                input = &bytes[end + 4..];
            }
            while let Some(frame) = websocket::next(&mut input) {
                if frame.opcode == 8 {
                    self.lost(number);
                    return Ok(());
                }
                let text = std::str::from_utf8(frame.payload)?;
                self.hear(number, text).with_context(|| format!("client {number}: {text}"))?;
            }
            let rest = input.to_vec();
            self.clients[number].rest = rest;
            if count < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, number: usize, text: &str) -> Result<()> {
        let goal = self.goal;
        let client = &mut self.clients[number];
        let Some(stream) = &mut client.stream else { return Ok(()) };
        // What a client sends fits into the kernel's buffer; a lost connection is seen on reading.
        let mut send = |text: &str| {
            let _ = stream.write_all(&websocket::from_client(text.as_bytes()));
        };
        if text == "2" {
            send("3");
        } else if text.starts_with("0{") && client.phase == Phase::Opening {
            let Client { auth, pid, offset, .. } = client;
            send(&if pid.is_empty() {
                format!(r#"40{{"token":"{auth}"}}"#)
            } else {
                format!(r#"40{{"token":"{auth}","pid":"{pid}","offset":"{offset}"}}"#)
            });
            client.phase = Phase::Joining;
        } else if text.starts_with("40{") {
            let pid = field(text, "pid").context("no pid")?;
            if client.pid.is_empty() {
                pid.clone_into(&mut client.pid);
                let _ = stream.write_all(&std::mem::take(&mut client.joins));
                client.phase = Phase::Acknowledging(client.acks);
            } else {
                if client.pid != pid {
                    bail!("its session is new");
                }
                self.recovered += 1;
                client.phase = Phase::Ready;
                client.tries = 0;
                client.seen = client.missed;
                self.at_goal += usize::from(client.seen == goal);
            }
        } else if text.starts_with("44") {
            bail!("CONNECT refused");
        } else if text.starts_with("43") {
            if !text.contains(r#""ok":true"#) {
                bail!("a join was refused");
            }
            if let Phase::Acknowledging(left) = client.phase {
                client.phase =
                    if left == 1 { Phase::Ready } else { Phase::Acknowledging(left - 1) };
                self.at_goal += usize::from(left == 1);
            }
        } else if text.starts_with("42") {
            if let Some(offset) = offset(text).filter(|offset| offset.contains('.')) {
                offset.clone_into(&mut client.offset);
            }
            if text.starts_with(r#"42["told""#) {
                let (_, n) = text.split_once(r#""n":"#).context("no number")?;
                let n: usize =
                    n.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("").parse()?;
                if n != client.missed + 1 {
                    bail!("{n} after {}", client.missed);
                }
                client.missed = n;
                if client.phase == Phase::Ready {
                    client.seen = n;
                    self.at_goal += usize::from(n == goal);
                }
            }
        }
        Ok(())
    }
}
