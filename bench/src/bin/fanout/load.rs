//! What clients do to a server: one talks to a room, or pairs answer each other.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bench::websocket;

use crate::fleet::Fleet;
use crate::peers::{Server, emission};

/// How an event starts that is counted as a delivery.
const DELIVERY: &[u8] = br#"42["user-typing""#;

/// The longest that any load may take.
const LIMIT: Duration = Duration::from_mins(2);

/// How many messages are under way.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many are sent at once, and the next so many when all of those were delivered.
    InStep(usize),
    /// So many at any time: each that was delivered is followed by another.
    InFlight(usize),
}

/// A fleet with a talker, who is in no room, and the members of one room.
pub struct Room {
    pub fleet: Fleet,
    number: usize,
    talker: usize,
    say: Vec<u8>,
    members: std::ops::Range<usize>,
    /// How many messages each client got.
    got: Vec<usize>,
}

impl Room {
    /// Connects a talker and `size` members; `room` is the room's number.
    pub fn connect(server: &Server, room: usize, size: usize) -> Result<Self> {
        let mut fleet = Fleet::new()?;
        fleet.connect(server.address, &server.plan, 1, |_| Vec::new())?;
        fleet.connect(server.address, &server.plan, size, |_| vec![server.join(room)])?;
        Ok(Self::of(fleet, server, room, 0, 1..size + 1))
    }

    /// The room of clients that are there already.
    pub fn of(
        fleet: Fleet,
        server: &Server,
        room: usize,
        talker: usize,
        members: std::ops::Range<usize>,
    ) -> Self {
        let say = websocket::from_client(server.say(room, 0).as_bytes());
        let got = vec![0; fleet.len()];
        Self { fleet, number: room, talker, say, members, got }
    }

    /// Makes each message longer.
    pub fn pad(&mut self, server: &Server, room: usize, bytes: usize) {
        self.say = websocket::from_client(server.say(room, bytes).as_bytes());
    }

    /// Sends `messages` messages with as many in flight as `pace` says, counting one as delivered
    /// when all members of `range` have it. Returns the time from each message to its last delivery, in milliseconds.
    pub fn talk_to(
        &mut self,
        range: std::ops::Range<usize>,
        messages: usize,
        pace: Pace,
    ) -> Result<Vec<f64>> {
        let (window, in_step) = match pace {
            Pace::InStep(window) => (window, true),
            Pace::InFlight(window) => (window, false),
        };
        let Self { fleet, talker, say, got, .. } = self;
        got.fill(0);
        let mut sent = vec![Instant::now()];
        fleet.send(*talker, &say.repeat(window.min(messages)))?;
        sent.resize(window.min(messages), sent[0]);
        let mut arrived = vec![0; messages];
        let mut took = Vec::with_capacity(messages);
        fleet.pump_until(LIMIT, |clients, client, text| {
            if !text.starts_with(DELIVERY) || !range.contains(&client) {
                return Ok(false);
            }
            let message = got[client];
            got[client] += 1;
            arrived[message] += 1;
            if arrived[message] == range.len() {
                let now = Instant::now();
                took.push((now - sent[message]).as_secs_f64() * 1e3);
                if (!in_step || took.len() == sent.len()) && sent.len() < messages {
                    let next = if in_step { window.min(messages - sent.len()) } else { 1 };
                    sent.resize(sent.len() + next, now);
                    clients.send(*talker, &say.repeat(next))?;
                }
            }
            Ok(took.len() == messages)
        })?;
        Ok(took)
    }

    /// Has Souk journal `messages` events for the room, `window` at a time, each asked for by a
    /// request on a connection of its own that stays open.
    pub fn journal(&mut self, server: &Server, messages: usize, window: usize) -> Result<()> {
        let request = emission(self.number);
        let connect = |_| TcpStream::connect(server.address);
        let mut streams: Vec<_> = (0..window).map(connect).collect::<std::io::Result<_>>()?;
        for _ in 0..messages / window {
            for stream in &mut streams {
                stream.write_all(request.as_bytes())?;
            }
            let mut left = window * self.members.len();
            self.fleet.pump_until(LIMIT, |_, client, text| {
                left -= usize::from(text.starts_with(DELIVERY) && self.members.contains(&client));
                Ok(left == 0)
            })?;
            for stream in &mut streams {
                let mut answer = Vec::new();
                while !answer.ends_with(b"}") {
                    let mut bytes = [0; 1024];
                    match stream.read(&mut bytes)? {
                        0 => bail!("no answer: {}", String::from_utf8_lossy(&answer)),
                        count => answer.extend_from_slice(&bytes[..count]),
                    }
                }
                if !answer.starts_with(b"HTTP/1.1 202") {
                    bail!("not emitted: {}", String::from_utf8_lossy(&answer));
                }
            }
        }
        Ok(())
    }

    /// [`Self::talk_to`] all members.
    pub fn talk(&mut self, messages: usize, pace: Pace) -> Result<Vec<f64>> {
        self.talk_to(self.members.clone(), messages, pace)
    }
}

/// Rooms of two who answer each other.
pub struct Pairs {
    fleet: Fleet,
    say: Vec<Vec<u8>>,
}

impl Pairs {
    /// Connects `count` pairs, whose rooms are numbered from `first`.
    pub fn connect(server: &Server, first: usize, count: usize) -> Result<Self> {
        let mut fleet = Fleet::new()?;
        let join = |client| vec![server.join(first + client / 2)];
        fleet.connect(server.address, &server.plan, count * 2, join)?;
        let say = |room| websocket::from_client(server.say(first + room, 0).as_bytes());
        Ok(Self { fleet, say: (0..count).map(say).collect() })
    }

    /// Lets each pair exchange `messages` messages, one at a time.
    pub fn exchange(&mut self, messages: usize) -> Result<()> {
        let Self { fleet, say } = self;
        for (room, say) in say.iter().enumerate() {
            fleet.send(room * 2, say)?;
        }
        let mut left = vec![messages; say.len()];
        let mut busy = say.len();
        fleet.pump_until(LIMIT, |clients, client, text| {
            if text.starts_with(DELIVERY) {
                let room = client / 2;
                left[room] -= 1;
                if left[room] == 0 {
                    busy -= 1;
                } else {
                    clients.send(client, &say[room])?;
                }
            }
            Ok(busy == 0)
        })
    }

    /// The first pair exchanges messages, with a pause after each. Returns how long each took
    /// from the one to the other, in milliseconds.
    pub fn delays(&mut self, messages: usize, pause: Duration) -> Result<Vec<f64>> {
        let mut delays = Vec::with_capacity(messages);
        for turn in 0..messages {
            let start = Instant::now();
            self.fleet.send(turn % 2, &self.say[0])?;
            self.fleet.pump_until(LIMIT, |_, _, text| Ok(text.starts_with(DELIVERY)))?;
            delays.push(start.elapsed().as_secs_f64() * 1e3);
            self.fleet.idle(pause)?;
        }
        Ok(delays)
    }
}
