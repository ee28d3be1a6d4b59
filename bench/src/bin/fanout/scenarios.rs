//! What is measured. A scenario runs against one server that was just started, and gives figures;
//! the same scenario then runs against the next server, and all of it several times.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::machine;
use bench::stats::percentile;

use crate::emitter::Emitter;
use crate::fleet::Fleet;
use crate::load::{Pace, Pairs, Room};
use crate::peers::{Peer, Programs, Server};

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Members of the room.
    pub room: usize,
    /// Members of the large room, and connections that idle.
    pub crowd: usize,
    /// Rooms of two.
    pub pairs: usize,
    /// Messages to the room; other amounts of work follow from it.
    pub messages: usize,
}

impl Size {
    /// What figures are published from.
    pub const FULL: Self = Self { room: 1_000, crowd: 10_000, pairs: 500, messages: 200 };
    /// Enough to see that all of it works.
    pub const QUICK: Self = Self { room: 200, crowd: 500, pairs: 50, messages: 40 };
}

/// What a scenario has at hand.
pub struct Bench {
    pub programs: Programs,
    pub size: Size,
    /// The core of the server.
    pub server: usize,
    /// The core of the clients.
    pub clients: usize,
}

impl Bench {
    fn start(&self, peer: Peer) -> Result<Server> {
        self.start_on(peer, &[self.server])
    }

    fn start_on_both(&self, peer: Peer) -> Result<Server> {
        self.start_on(peer, &[self.server, self.clients])
    }

    fn start_on(&self, peer: Peer, cores: &[usize]) -> Result<Server> {
        let Size { room, crowd, pairs, .. } = self.size;
        // The most that any scenario connects.
        let town = self.programs.town((crowd + 60).max(5 * room), pairs)?;
        Server::start(&self.programs, town, peer, cores, &[self.clients])
    }
}

/// Figures by the name of what was measured.
pub type Figures = Vec<(&'static str, f64)>;

/// One scenario.
pub struct Scenario {
    pub name: &'static str,
    /// Which servers it makes sense for.
    pub peers: &'static [Peer],
    pub run: fn(&Bench, Peer) -> Result<Figures>,
}

const SERVERS: &[Peer] = &[
    Peer::Crate,
    Peer::Souk,
    Peer::Socketioxide,
    Peer::SocketioxideMimalloc,
    Peer::Node,
    Peer::Python,
];
/// All but the loop that coalesces, which is a yardstick for large rooms alone.
const SINGLE: &[Peer] = &[
    Peer::Bare,
    Peer::Crate,
    Peer::Souk,
    Peer::Socketioxide,
    Peer::SocketioxideMimalloc,
    Peer::Node,
    Peer::Python,
];
const SOUK: &[Peer] = &[Peer::Souk];
const OURS: &[Peer] = &[Peer::Crate, Peer::Souk];
const OURS_AND_RIVAL: &[Peer] = &[Peer::Crate, Peer::Souk, Peer::Socketioxide];

/// All scenarios.
pub const ALL: &[Scenario] = &[
    Scenario { name: "room", peers: &Peer::ALL, run: room },
    Scenario { name: "journal", peers: SOUK, run: journal },
    Scenario { name: "pairs", peers: SINGLE, run: pairs },
    Scenario { name: "idle", peers: SERVERS, run: idle },
    Scenario { name: "connect", peers: SINGLE, run: connect },
    Scenario { name: "cores", peers: OURS, run: cores },
    Scenario { name: "paced", peers: OURS_AND_RIVAL, run: paced },
    Scenario { name: "crowd", peers: OURS_AND_RIVAL, run: crowd },
    Scenario { name: "frozen", peers: OURS, run: frozen },
    Scenario { name: "storm", peers: OURS_AND_RIVAL, run: storm },
];

/// The CPU time in microseconds of one of `count` things that `work` makes the server do.
fn cpu_of(server: &Server, count: usize, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let before = server.run_time()?;
    work()?;
    let spent = server.run_time()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / count as f64)
}

/// One room: a message at a time, then four, in flight and in step.
fn room(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let mut room = Room::connect(&server, 1, bench.size.room)?;
    // Python takes a tenth of a second for a message.
    let messages = bench.size.messages / if peer == Peer::Python { 10 } else { 1 };
    room.talk(messages / 10 + 1, Pace::InStep(1))?;
    let mut figures = Vec::new();
    let paces = [
        ("room", Pace::InStep(1)),
        ("room-4", Pace::InFlight(4)),
        ("room-4-step", Pace::InStep(4)),
    ];
    for (name, pace) in paces {
        let count = messages * bench.size.room;
        figures.push((name, cpu_of(&server, count, || room.talk(messages, pace).map(drop))?));
    }
    Ok(figures)
}

/// One room that gets journaled events, from the request that asks for one to the sockets, and what
/// of that is not the request and its commit.
fn journal(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let mut room = Room::connect(&server, 1, bench.size.room)?;
    let messages = bench.size.messages;
    let emitters = (0..4).map(|_| Emitter::connect(&server, 1, 0));
    let mut emitters = emitters.collect::<Result<Vec<_>>>()?;
    room.journal(&mut emitters, messages / 10 + 4)?;
    let count = messages * bench.size.room;
    let one = cpu_of(&server, count, || room.journal(&mut emitters[..1], messages))?;
    let four = cpu_of(&server, count, || room.journal(&mut emitters, messages))?;
    // The same requests for a room where nobody is.
    let mut alone = Emitter::connect(&server, 2, 0)?;
    let request = cpu_of(&server, messages, || {
        (0..messages).try_for_each(|_| alone.ask())?;
        alone.answered()
    })?;
    let tail = one - request / bench.size.room as f64;
    Ok(vec![
        ("journal", one),
        ("journal-4", four),
        ("journal-request", request),
        ("journal-tail", tail),
    ])
}

/// Rooms of two, whose members answer each other.
fn pairs(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let mut pairs = Pairs::connect(&server, 1, bench.size.pairs)?;
    // Long enough that what the clients' coming still causes does not weigh.
    let messages = match peer {
        Peer::Python => bench.size.messages / 10,
        Peer::Node => bench.size.messages / 2,
        _ => bench.size.messages * 2,
    };
    pairs.exchange(messages / 10 + 1)?;
    let count = messages * bench.size.pairs;
    Ok(vec![("pairs", cpu_of(&server, count, || pairs.exchange(messages))?)])
}

/// CPU time of a connect: handshake, CONNECT and, for Souk, token check and three rooms.
fn connect(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let mut fleet = Fleet::new()?;
    // Many: of a few the first ones, and the moment at which sessions are written, weigh too much.
    let count = 4 * bench.size.room;
    fleet.connect(server.address, &server.plan, count / 4, |n| server.usual_joins(n))?;
    let cost = cpu_of(&server, count, || {
        fleet.connect(server.address, &server.plan, count, |n| server.usual_joins(n))
    })?;
    Ok(vec![("connect", cost)])
}

/// Memory of connections that idle, before and after each got a burst.
fn idle(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let count = bench.size.crowd;
    let mut fleet = Fleet::new()?;
    // What the first clients make the server set up once is not theirs.
    fleet.connect(server.address, &server.plan, 50, |n| server.usual_joins(n))?;
    let empty = machine::resident_bytes(server.pid())?;
    fleet.connect(server.address, &server.plan, count, |n| server.usual_joins(n))?;
    fleet.idle(Duration::from_secs(1))?;
    let each = |bytes: u64| bytes.saturating_sub(empty) as f64 / count as f64 / 1024.0;
    let idle = each(machine::resident_bytes(server.pid())?);
    let join = bench::websocket::from_client(server.join(7).as_bytes());
    for client in 0..count + 50 {
        fleet.send(client, &join)?;
    }
    let mut left = count + 50;
    fleet.pump_until(Duration::from_mins(1), |_, _, text| {
        left -= usize::from(text.starts_with(b"431"));
        Ok(left == 0)
    })?;
    fleet.idle(Duration::from_secs(1))?;
    let joined = each(machine::resident_bytes(server.pid())?);
    let mut room = Room::of(fleet, &server, 7, 0, 50..count + 50);
    room.talk(if peer == Peer::Python { 4 } else { 32 }, Pace::InStep(4))?;
    room.fleet.idle(Duration::from_secs(2))?;
    let after = each(machine::resident_bytes(server.pid())?);
    Ok(vec![("idle", idle), ("idle-after", after - joined)])
}

/// The same work with one core and with two. The time that counts is that of the busiest thread,
/// since each would have a core of its own where the clients do not take one away.
fn cores(bench: &Bench, peer: Peer) -> Result<Figures> {
    let mut figures = Vec::new();
    let mut rates = Vec::new();
    for both in [false, true] {
        let server = if both { bench.start_on_both(peer)? } else { bench.start(peer)? };
        let messages = bench.size.messages / 20 + 1;
        let mut room = Room::connect(&server, 1, bench.size.crowd)?;
        room.talk(2, Pace::InStep(1))?;
        let count = messages * bench.size.crowd;
        rates.push(rate(&server, count, || room.talk(messages, Pace::InFlight(4)).map(drop))?);
        drop(room);
        let mut pairs = Pairs::connect(&server, 2, bench.size.pairs)?;
        pairs.exchange(20)?;
        let messages = bench.size.messages * 2;
        rates.push(rate(&server, messages * bench.size.pairs, || pairs.exchange(messages))?);
    }
    if let [room_1, pairs_1, room_2, pairs_2] = rates[..] {
        figures.push(("cores-room", room_2 / room_1));
        figures.push(("cores-pairs", pairs_2 / pairs_1));
        figures.push(("cores-room-rate", room_2));
        figures.push(("cores-pairs-rate", pairs_2));
    }
    Ok(figures)
}

/// Deliveries a second of the busiest thread's time.
fn rate(server: &Server, count: usize, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let before = machine::run_times(server.pid())?;
    work()?;
    let after = machine::run_times(server.pid())?;
    let spent = after.iter().map(|(thread, ran)| {
        let start = before.iter().find(|(other, _)| other == thread);
        ran.saturating_sub(start.map_or(Duration::ZERO, |(_, ran)| *ran))
    });
    let busiest = spent.max().context("no threads")?;
    Ok(count as f64 / busiest.as_secs_f64())
}

/// How long deliveries take with the server on both cores, at the same load for each server, and
/// how much of the two cores nobody used.
fn paced(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start_on_both(peer)?;
    let (messages, times) = (bench.size.messages / 10, bench.size.messages / 10);
    let mut room = Room::connect(&server, 1, bench.size.crowd)?;
    room.talk(1, Pace::InStep(1))?;
    let every = Duration::from_millis(250);
    let (mut of_room, room_spare) = with_spare(&server, || room.paced(messages, every))?;
    drop(room);
    let mut pairs = Pairs::connect(&server, 2, bench.size.pairs)?;
    pairs.exchange(2)?;
    let (mut of_pairs, pairs_spare) = with_spare(&server, || pairs.paced(10, times))?;
    Ok(vec![
        ("paced-room-p99", percentile(&mut of_room, 0.99)),
        ("paced-room-spare", room_spare),
        ("paced-pairs-p99", percentile(&mut of_pairs, 0.99)),
        ("paced-pairs-spare", pairs_spare),
    ])
}

/// What `work` gives, and how much of two cores neither the server nor the clients used, in percent.
fn with_spare<T>(server: &Server, work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let used = || Ok::<_, anyhow::Error>(server.run_time()? + machine::own_run_time()?);
    let (start, before) = (Instant::now(), used()?);
    let result = work()?;
    let spent = used()?.saturating_sub(before).as_secs_f64();
    let free = 1.0 - spent / (2.0 * start.elapsed().as_secs_f64());
    Ok((result, free * 100.0))
}

/// How long a message takes between two while a room of 10,000 is served all the time.
fn crowd(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let mut pair = Pairs::connect(&server, 2, 1)?;
    let mut room = Room::connect(&server, 1, bench.size.crowd)?;
    let samples = bench.size.messages * 2;
    let pause = Duration::from_millis(2);
    let mut quiet = pair.delays(samples, pause)?;
    let stop = AtomicBool::new(false);
    let mut busy = std::thread::scope(|scope| {
        let crowd = scope.spawn(|| -> Result<()> {
            // The pair's clock must not wait for the crowd's clients to read.
            rustix::process::nice(19)?;
            while !stop.load(Ordering::Relaxed) {
                room.talk(1, Pace::InStep(1))?;
            }
            Ok(())
        });
        let delays = pair.delays(samples, pause);
        stop.store(true, Ordering::Relaxed);
        crowd.join().map_err(|_| anyhow::anyhow!("the crowd panicked"))??;
        delays
    })?;
    let (quiet, p99) = (percentile(&mut quiet, 0.99), percentile(&mut busy, 0.99));
    Ok(vec![
        ("crowd-quiet-p99", quiet),
        ("crowd-p50", percentile(&mut busy, 0.5)),
        ("crowd-p99", p99),
        ("crowd-delay", p99 - quiet),
    ])
}

/// A tenth of a room stops reading: what the others feel, what it costs, and when it ends.
fn frozen(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let (mut room, _, readers) = room_with_sleepers(bench, &server)?;
    let mut quiet = room.talk_to(readers, bench.size.messages, Pace::InStep(1))?;
    drop((room, server));

    let server = bench.start(peer)?;
    let (mut room, sleepers, readers) = room_with_sleepers(bench, &server)?;
    let before = machine::resident_bytes(server.pid())?;
    for client in sleepers.clone() {
        room.fleet.freeze(client)?;
    }
    let (mut delays, mut peak) = (Vec::new(), before);
    for _ in 0..bench.size.messages / 4 {
        delays.extend(room.talk_to(readers.clone(), 4, Pace::InStep(1))?);
        peak = peak.max(machine::resident_bytes(server.pid())?);
    }
    room.fleet.idle(Duration::from_millis(100))?;
    let cut = room.fleet.count_reset(sleepers.clone()) as f64 / sleepers.len() as f64;
    let kib = |bytes: u64| bytes.saturating_sub(before) as f64 / sleepers.len() as f64 / 1024.0;
    let after = kib(machine::resident_bytes(server.pid())?);
    drop((room, server));

    Ok(vec![
        ("frozen-p99", percentile(&mut delays, 0.99) / percentile(&mut quiet, 0.99)),
        ("frozen-cut", cut * 100.0),
        ("frozen-memory", kib(peak)),
        ("frozen-memory-after", after),
        ("frozen-stall", stall(bench, peer)?),
    ])
}

/// Bytes that a message has more, so that a client that stops reading soon has much waiting.
const LARGE: usize = 8_000;

/// A room of which the first tenth has small receive buffers.
fn room_with_sleepers(
    bench: &Bench,
    server: &Server,
) -> Result<(Room, Range<usize>, Range<usize>)> {
    let count = bench.size.room;
    let sleepers = 1..count / 10 + 1;
    let readers = sleepers.end..count + 1;
    let mut fleet = Fleet::new()?;
    let join = |_| vec![server.join(1)];
    fleet.connect(server.address, &server.plan, 1, |_| server.talker_joins(1))?;
    let mut small = server.plan.clone();
    small.receive_buffer = Some(4096);
    fleet.connect(server.address, &small, sleepers.len(), join)?;
    fleet.connect(server.address, &server.plan, readers.len(), join)?;
    let mut room = Room::of(fleet, server, 1, 0, 1..count + 1);
    room.pad(server, 1, LARGE)?;
    room.talk(10, Pace::InStep(1))?;
    Ok((room, sleepers, readers))
}

/// Seconds until clients are cut that stopped reading with less waiting than a queue may hold.
fn stall(bench: &Bench, peer: Peer) -> Result<f64> {
    let server = bench.start(peer)?;
    let (mut room, sleepers, readers) = room_with_sleepers(bench, &server)?;
    for client in sleepers.clone() {
        room.fleet.freeze(client)?;
    }
    room.talk_to(readers, 20, Pace::InStep(1))?;
    let start = Instant::now();
    while room.fleet.count_reset(sleepers.clone()) < sleepers.len() {
        room.fleet.idle(Duration::from_millis(20))?;
        if start.elapsed() > Duration::from_secs(15) {
            return Ok(f64::INFINITY);
        }
    }
    Ok(start.elapsed().as_secs_f64())
}

/// All clients connect at once: how long REST takes meanwhile, and how long until all are in.
fn storm(bench: &Bench, peer: Peer) -> Result<Figures> {
    let server = bench.start(peer)?;
    let mut fleet = Fleet::new()?;
    let mut plan = server.plan.clone();
    plan.opening = Some(bench.size.crowd);
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    let (mut answers, all_in) = std::thread::scope(|scope| -> Result<(Vec<f64>, f64)> {
        let storm = scope.spawn(|| -> Result<f64> {
            // The probe's clock must not wait for the storm's clients to be handled.
            rustix::process::nice(19)?;
            let result =
                fleet.connect(server.address, &plan, bench.size.crowd, |n| server.usual_joins(n));
            let took = start.elapsed().as_secs_f64();
            stop.store(true, Ordering::Relaxed);
            result.map(|()| took)
        });
        let mut answers = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            server.http("GET", "/health", "")?;
            answers.push(asked.elapsed().as_secs_f64() * 1e3);
            std::thread::sleep(Duration::from_millis(2));
        }
        let took = storm.join().map_err(|_| anyhow::anyhow!("the storm panicked"))??;
        Ok((answers, took))
    })?;
    Ok(vec![("storm-rest-p99", percentile(&mut answers, 0.99)), ("storm-all", all_in)])
}
