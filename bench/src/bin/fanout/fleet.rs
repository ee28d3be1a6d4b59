//! Many Socket.IO clients on one thread, which cost little: frames made by hand, one read for
//! what the kernel has, and no look at JSON beyond the first bytes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bench::websocket;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

/// How many connections are on their way at once.
const OPENING: usize = 64;

/// After so long without any client that got further, those that wait ask again.
const STUCK: Duration = Duration::from_secs(1);

/// How many loopback addresses the clients come from: one has ports for 28,000 at most.
const ADDRESSES: usize = 16;

/// How clients connect.
#[derive(Clone, Default)]
pub struct Plan {
    /// The access tokens of the clients, by number; none where the list is empty.
    pub tokens: Arc<[String]>,
    /// The size of the receive buffer; the kernel's own choice when it is `None`.
    pub receive_buffer: Option<usize>,
    /// How many connections are on their way at once, when not [`OPENING`].
    pub opening: Option<usize>,
}

enum Phase {
    Connecting,
    Upgrading,
    /// Waits for the Engine.IO open packet.
    Opening,
    /// Waits for CONNECT to be answered.
    Joining,
    /// Waits for so many acknowledgements.
    Acknowledging(usize),
    Ready,
    Closed,
}

struct Client {
    stream: TcpStream,
    phase: Phase,
    /// The begin of a frame whose end has not come.
    rest: Vec<u8>,
    /// What is sent once CONNECT is answered; kept until it is acknowledged.
    joins: Vec<Vec<u8>>,
}

impl Client {
    fn join(&mut self, ready: &mut usize) -> io::Result<()> {
        self.stream.write_all(&self.joins.concat())?;
        self.await_acks(self.joins.len(), ready);
        Ok(())
    }

    fn await_acks(&mut self, left: usize, ready: &mut usize) {
        if left > 0 {
            self.phase = Phase::Acknowledging(left);
            return;
        }
        (self.phase, self.joins) = (Phase::Ready, Vec::new());
        *ready += 1;
    }
}

/// The clients. They are numbered from 0 in the order in which they were made.
pub struct Fleet {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    clients: Clients,
}

/// What a callback may do while messages are read.
pub struct Clients {
    list: Vec<Client>,
    /// Clients whose connection has ended.
    pub closed: usize,
    ready: usize,
}

impl Clients {
    /// Sends bytes that are complete frames.
    pub fn send(&mut self, client: usize, bytes: &[u8]) -> Result<()> {
        let stream = &mut self.list.get_mut(client).context("no such client")?.stream;
        // The generator only ever sends what fits into the kernel's buffer.
        stream.write_all(bytes).context("a client could not send")
    }
}

impl Fleet {
    /// Without any client.
    pub fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 * 1024],
            clients: Clients { list: Vec::new(), closed: 0, ready: 0 },
        })
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.list.len()
    }

    /// What a client can be made to do.
    pub fn clients(&mut self) -> &mut Clients {
        &mut self.clients
    }

    /// Adds `count` clients and waits until all are connected and what `joins` gives for each is
    /// acknowledged, which is told the client's number. Those are Socket.IO packets that ask for an
    /// acknowledgement.
    pub fn connect(
        &mut self,
        to: SocketAddr,
        plan: &Plan,
        count: usize,
        joins: impl Fn(usize) -> Vec<String>,
    ) -> Result<()> {
        let first = self.len();
        let until = Instant::now() + Duration::from_mins(2);
        let mut started = 0;
        let (mut ready, mut moved) = (first, Instant::now());
        while self.clients.ready < first + count {
            if self.clients.ready > ready {
                (ready, moved) = (self.clients.ready, Instant::now());
            } else if moved.elapsed() > STUCK {
                self.join_again()?;
                moved = Instant::now();
            }
            let on_their_way = self.len() - self.clients.ready;
            let room = plan.opening.unwrap_or(OPENING).saturating_sub(on_their_way);
            for _ in 0..room.min(count - started) {
                let joins = joins(first + started);
                let joins = joins.iter().map(|text| websocket::from_client(text.as_bytes()));
                self.start(to, plan, joins.collect())?;
                started += 1;
            }
            self.turn(Duration::from_millis(100), &plan.tokens, &mut |_, _, _| Ok(()))?;
            if self.clients.closed > 0 {
                bail!("the server closed {} clients", self.clients.closed);
            }
            if Instant::now() > until {
                bail!("{} of {count} clients connected in time", self.clients.ready - first);
            }
        }
        Ok(())
    }

    /// socketioxide on two cores may be asked to join before it listens to that, and does not
    /// answer then.
    fn join_again(&mut self) -> Result<()> {
        let Clients { list, ready, .. } = &mut self.clients;
        let mut waiting = list.iter_mut().filter(|c| matches!(c.phase, Phase::Acknowledging(_)));
        Ok(waiting.try_for_each(|client| client.join(ready))?)
    }

    fn start(&mut self, to: SocketAddr, plan: &Plan, joins: Vec<Vec<u8>>) -> Result<()> {
        let number = self.len();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // The end is a reset, which leaves no port waiting.
        socket.set_linger(Some(Duration::ZERO))?;
        if let Some(bytes) = plan.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let from = Ipv4Addr::new(127, 0, 0, 2 + (number % ADDRESSES) as u8);
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        match socket.connect(&to.into()) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error).context("cannot connect"),
        }
        let mut stream = TcpStream::from_std(socket.into());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(number), interest)?;
        let phase = Phase::Connecting;
        self.clients.list.push(Client { stream, phase, rest: Vec::new(), joins });
        Ok(())
    }

    /// Waits for messages and hands each to `each`, which gets the client's number and the text.
    /// Heartbeats are answered and not handed on. Returns once something was read, or after
    /// `wait`.
    pub fn pump(
        &mut self,
        wait: Duration,
        mut each: impl FnMut(&mut Clients, usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.turn(wait, &[], &mut each)
    }

    /// Reads until `done` says so.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub fn pump_until(
        &mut self,
        limit: Duration,
        mut each: impl FnMut(&mut Clients, usize, &[u8]) -> Result<bool>,
    ) -> Result<()> {
        let until = Instant::now() + limit;
        let mut done = false;
        while !done {
            self.pump(Duration::from_millis(100), |clients, number, text| {
                done |= each(clients, number, text)?;
                Ok(())
            })?;
            if Instant::now() > until {
                bail!("not all messages arrived within {limit:?}");
            }
        }
        Ok(())
    }

    /// Reads and drops what comes for so long.
    pub fn idle(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.pump(left.min(Duration::from_millis(20)), |_, _, _| Ok(()))?;
        }
        Ok(())
    }

    /// Sends bytes that are complete frames.
    pub fn send(&mut self, client: usize, bytes: &[u8]) -> Result<()> {
        self.clients.send(client, bytes)
    }

    /// Reads nothing more of a client, but sees when its connection is reset.
    pub fn freeze(&mut self, client: usize) -> Result<()> {
        let client = self.clients.list.get_mut(client).context("no such client")?;
        self.poll.registry().deregister(&mut client.stream)?;
        Ok(())
    }

    /// How many of the clients from `range` have been reset, by asking the kernel.
    pub fn count_reset(&mut self, range: std::ops::Range<usize>) -> usize {
        let list = self.clients.list.get(range).unwrap_or_default();
        list.iter()
            .filter(|client| {
                matches!(client.stream.take_error(), Ok(Some(_)))
                    || client.stream.peer_addr().is_err()
            })
            .count()
    }

    fn turn(
        &mut self,
        wait: Duration,
        tokens: &[String],
        each: &mut impl FnMut(&mut Clients, usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(wait))
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &self.events {
            let number = event.token().0;
            if event.is_writable()
                && let Some(client) = self.clients.list.get_mut(number)
                && matches!(client.phase, Phase::Connecting)
                && client.stream.peer_addr().is_ok()
            {
                let token = tokens.get(number);
                let header = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
                let request = websocket::request(&header.unwrap_or_default());
                client.stream.write_all(request.as_bytes())?;
                client.phase = Phase::Upgrading;
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                read(&mut self.clients, &mut self.buffer, number, each)?;
            }
        }
        Ok(())
    }
}

/// Reads what one client has.
fn read(
    clients: &mut Clients,
    buffer: &mut [u8],
    number: usize,
    each: &mut impl FnMut(&mut Clients, usize, &[u8]) -> Result<()>,
) -> Result<()> {
    loop {
        let Some(client) = clients.list.get_mut(number) else { return Ok(()) };
        if matches!(client.phase, Phase::Closed) {
            return Ok(());
        }
        let count = match client.stream.read(buffer) {
            Ok(count) if count > 0 => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(_) | Err(_) => {
                client.phase = Phase::Closed;
                clients.closed += 1;
                return Ok(());
            }
        };
        let bytes = &buffer[..count];
        let rest = if client.rest.is_empty() && matches!(client.phase, Phase::Ready) {
            frames(clients, number, bytes, each)?
        } else {
            let mut bytes = [std::mem::take(&mut client.rest).as_slice(), bytes].concat();
            if matches!(client.phase, Phase::Upgrading) {
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    client.rest = bytes;
                    continue;
                };
                if !bytes.starts_with(b"HTTP/1.1 101") {
                    bail!("no upgrade: {}", String::from_utf8_lossy(&bytes));
                }
                client.phase = Phase::Opening;
                bytes.drain(..end + 4);
            }
            frames(clients, number, &bytes, each)?
        };
        if let Some(client) = clients.list.get_mut(number) {
            client.rest = rest;
        }
        if count < buffer.len() {
            return Ok(());
        }
    }
}

/// Handles the complete frames and returns what is left, for which memory is taken only then.
fn frames(
    clients: &mut Clients,
    number: usize,
    mut input: &[u8],
    each: &mut impl FnMut(&mut Clients, usize, &[u8]) -> Result<()>,
) -> Result<Vec<u8>> {
    while let Some(frame) = websocket::next(&mut input) {
        let text = frame.payload;
        let Some(client) = clients.list.get_mut(number) else { break };
        if text == b"2" {
            client.stream.write_all(&websocket::from_client(b"3"))?;
            continue;
        }
        match client.phase {
            Phase::Ready => each(clients, number, text)?,
            Phase::Opening if text.starts_with(b"0{") => {
                client.stream.write_all(&websocket::from_client(b"40"))?;
                client.phase = Phase::Joining;
            }
            Phase::Joining if text.starts_with(b"40") => {
                client.join(&mut clients.ready)?;
            }
            Phase::Acknowledging(left) if text.starts_with(b"43") => {
                if text.windows(10).any(|part| part == br#""ok":false"#) {
                    bail!("a join was refused: {}", String::from_utf8_lossy(text));
                }
                client.await_acks(left - 1, &mut clients.ready);
            }
            Phase::Joining if text.starts_with(b"44") => {
                bail!("CONNECT refused: {}", String::from_utf8_lossy(text));
            }
            _ => {}
        }
    }
    Ok(input.to_vec())
}
