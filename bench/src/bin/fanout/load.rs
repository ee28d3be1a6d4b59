//! What clients do to a server: one talks to a room, or pairs answer each other.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bench::websocket;

use crate::emitter::Emitter;
use crate::fleet::{Clients, Fleet};
use crate::peers::{Peer, Server};

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

/// Who says something to a room.
enum Voice {
    /// A client that is not in it, by a frame.
    Client(usize, Vec<u8>),
    /// A service, by a request that has Souk journal an event.
    Service(Emitter),
}

impl Voice {
    fn speak(&mut self, clients: &mut Clients, times: usize) -> Result<()> {
        match self {
            Self::Client(talker, say) => clients.send(*talker, &say.repeat(times)),
            Self::Service(emitter) => (0..times).try_for_each(|_| emitter.ask()),
        }
    }

    /// Waits for answers, where there are any.
    fn hear_out(&mut self) -> Result<()> {
        match self {
            Self::Client(..) => Ok(()),
            Self::Service(emitter) => emitter.answered(),
        }
    }
}

/// A fleet with a talker, who is in no room, and the members of one room.
pub struct Room {
    pub fleet: Fleet,
    voice: Voice,
    members: std::ops::Range<usize>,
    /// How many messages each client got.
    got: Vec<usize>,
}

impl Room {
    /// Connects a talker and `size` members; `room` is the room's number.
    pub fn connect(server: &Server, room: usize, size: usize) -> Result<Self> {
        let mut fleet = Fleet::new()?;
        fleet.connect(server.address, &server.plan, 1, |_| server.talker_joins(room))?;
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
        let say = websocket::from_client(server.say(room, talker, 0).as_bytes());
        let got = vec![0; fleet.len()];
        Self { fleet, voice: Voice::Client(talker, say), members, got }
    }

    /// Makes each message so many bytes longer. From Souk's clients it takes none that long, so a
    /// service says it.
    pub fn pad(&mut self, server: &Server, room: usize, bytes: usize) -> Result<()> {
        match &mut self.voice {
            Voice::Client(talker, say) if server.peer != Peer::Souk => {
                *say = websocket::from_client(server.say(room, *talker, bytes).as_bytes());
            }
            voice => *voice = Voice::Service(Emitter::connect(server, room, bytes)?),
        }
        Ok(())
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
        let Self { fleet, voice, got, .. } = self;
        got.fill(0);
        let mut sent = vec![Instant::now()];
        voice.speak(fleet.clients(), window.min(messages))?;
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
                    voice.speak(clients, next)?;
                }
            }
            Ok(took.len() == messages)
        })?;
        voice.hear_out()?;
        Ok(took)
    }

    /// Sends a message each `every`, or when the one before was delivered to all. Returns the time
    /// from each message to each of its deliveries, in milliseconds.
    pub fn paced(&mut self, messages: usize, every: Duration) -> Result<Vec<f64>> {
        let Self { fleet, voice, members, .. } = self;
        let mut delays = Vec::with_capacity(messages * members.len());
        for _ in 0..messages {
            let start = Instant::now();
            voice.speak(fleet.clients(), 1)?;
            let mut left = members.len();
            fleet.pump_until(LIMIT, |_, client, text| {
                if text.starts_with(DELIVERY) && members.contains(&client) {
                    delays.push(start.elapsed().as_secs_f64() * 1e3);
                    left -= 1;
                }
                Ok(left == 0)
            })?;
            fleet.idle(every.saturating_sub(start.elapsed()))?;
        }
        Ok(delays)
    }

    /// Has Souk journal `messages` events for the room, one of each emitter at a time.
    pub fn journal(&mut self, emitters: &mut [Emitter], messages: usize) -> Result<()> {
        for _ in 0..messages / emitters.len() {
            emitters.iter_mut().try_for_each(Emitter::ask)?;
            let mut left = emitters.len() * self.members.len();
            self.fleet.pump_until(LIMIT, |_, client, text| {
                left -= usize::from(text.starts_with(DELIVERY) && self.members.contains(&client));
                Ok(left == 0)
            })?;
            emitters.iter_mut().try_for_each(Emitter::answered)?;
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
    /// What each client says.
    say: Vec<Vec<u8>>,
}

impl Pairs {
    /// Connects `count` pairs, whose rooms are numbered from `first`.
    pub fn connect(server: &Server, first: usize, count: usize) -> Result<Self> {
        let mut fleet = Fleet::new()?;
        let join = |client| vec![server.join(first + client / 2)];
        fleet.connect(server.address, &server.plan, count * 2, join)?;
        let say = |client| server.say(first + client / 2, client, 0);
        let say = (0..count * 2).map(|client| websocket::from_client(say(client).as_bytes()));
        Ok(Self { fleet, say: say.collect() })
    }

    /// Lets each pair exchange `messages` messages, one at a time.
    pub fn exchange(&mut self, messages: usize) -> Result<()> {
        let Self { fleet, say } = self;
        for (client, say) in say.iter().enumerate().step_by(2) {
            fleet.send(client, say)?;
        }
        let mut left = vec![messages; say.len() / 2];
        let mut busy = left.len();
        fleet.pump_until(LIMIT, |clients, client, text| {
            if text.starts_with(DELIVERY) {
                let room = client / 2;
                left[room] -= 1;
                if left[room] == 0 {
                    busy -= 1;
                } else {
                    clients.send(client, &say[client])?;
                }
            }
            Ok(busy == 0)
        })
    }

    /// So many pairs at a time say something, each millisecond, until all have done so `times`
    /// times. Returns how long each message took from the one to the other, in milliseconds.
    pub fn paced(&mut self, at_a_time: usize, times: usize) -> Result<Vec<f64>> {
        let Self { fleet, say } = self;
        let rooms = say.len() / 2;
        let total = rooms * times;
        let mut delays = Vec::with_capacity(total);
        let mut sent = vec![Instant::now(); rooms];
        let mut next = 0;
        let mut due = Instant::now();
        while delays.len() < total {
            let some = next..(next + at_a_time).min(total);
            next = some.end;
            for turn in some {
                let (room, side) = (turn % rooms, turn / rooms % 2);
                let client = room * 2 + side;
                sent[room] = Instant::now();
                fleet.send(client, &say[client])?;
            }
            due += Duration::from_millis(1);
            while let Some(left) = due.checked_duration_since(Instant::now()) {
                fleet.pump(left, |_, client, text| {
                    if text.starts_with(DELIVERY) {
                        delays.push(sent[client / 2].elapsed().as_secs_f64() * 1e3);
                    }
                    Ok(())
                })?;
            }
            if due.elapsed() > LIMIT {
                bail!("{} of {total} messages arrived", delays.len());
            }
        }
        Ok(delays)
    }

    /// The first pair exchanges messages, with a pause after each. Returns how long each took
    /// from the one to the other, in milliseconds.
    pub fn delays(&mut self, messages: usize, pause: Duration) -> Result<Vec<f64>> {
        let mut delays = Vec::with_capacity(messages);
        for turn in 0..messages {
            let start = Instant::now();
            self.fleet.send(turn % 2, &self.say[turn % 2])?;
            self.fleet.pump_until(LIMIT, |_, _, text| Ok(text.starts_with(DELIVERY)))?;
            delays.push(start.elapsed().as_secs_f64() * 1e3);
            self.fleet.idle(pause)?;
        }
        Ok(delays)
    }
}
