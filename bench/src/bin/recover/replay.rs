//! One client that was away for long, and what others notice of its coming back.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bench::stats::percentile;
use bench::websocket;

use crate::souk::{MEMBERS, Rest, World, emit_many, room_of};

/// Missed events.
pub const EVENTS: usize = 10_000;
/// What an event has beside its number, in bytes.
const FILLER: usize = 200;
/// Between two events of the other client.
const EVERY: Duration = Duration::from_millis(5);

/// The figures of one run.
pub struct Figures {
    /// From CONNECT to the last event, in milliseconds.
    pub times: Vec<f64>,
    /// From an event's request to its arrival at another client, without and with replays.
    pub quiet: Vec<f64>,
    pub others: Vec<f64>,
    /// The program's memory at most, in MiB, and before.
    pub peak: f64,
    pub before: f64,
}

/// A client with a connection of its own.
struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
    at: usize,
}

impl Client {
    fn open(to: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(websocket::request("").as_bytes())?;
        let mut client = Self { stream, bytes: Vec::new(), at: 0 };
        let end = loop {
            client.read()?;
            if let Some(end) = client.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        client.at = end;
        client.next(|text| text.starts_with("0{"))?;
        Ok(client)
    }

    fn read(&mut self) -> Result<()> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let mut buffer = vec![0; 64 * 1024];
        let count = self.stream.read(&mut buffer)?;
        if count == 0 {
            bail!("the server closed the connection");
        }
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(())
    }

    fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.write_all(&websocket::from_client(text.as_bytes()))?)
    }

    /// The first message of which `is` is true; the others are passed over.
    fn next(&mut self, mut is: impl FnMut(&str) -> bool) -> Result<String> {
        loop {
            let mut input = &self.bytes[self.at..];
            let before = input.len();
            let Some(frame) = websocket::next(&mut input) else {
                self.read()?;
                continue;
            };
            let text = std::str::from_utf8(frame.payload)?;
            let (found, is_ping) = (is(text).then(|| text.to_owned()), text == "2");
            self.at += before - input.len();
            if is_ping {
                self.send("3")?;
            }
            if let Some(text) = found {
                return Ok(text);
            }
        }
    }

    fn join(&mut self, room: &str) -> Result<()> {
        self.send(&format!(r#"421["join-chat-room","{room}"]"#))?;
        let ack = self.next(|text| text.starts_with("43"))?;
        if ack.contains(r#""ok":true"#) { Ok(()) } else { bail!("{ack}") }
    }
}

/// The text of a field of JSON that is made by a program.
pub fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!(r#""{name}":""#))?;
    rest.split('"').next()
}

/// The last argument of an event, its offset.
pub fn offset(text: &str) -> Option<&str> {
    text.strip_suffix("\"]")?.rsplit('"').next()
}

/// Runs it `tries` times.
pub async fn run(tries: usize, postgres: bool, memory: &str) -> Result<Figures> {
    let world = World::new(2 * MEMBERS, postgres, &[("RECOVERY_MEMORY", memory)]).await?;
    let souk = world.start()?;
    let run = Run { world: &world, address: souk.address };
    run.all(tries, &souk).with_context(|| world.log())
}

struct Run<'a> {
    world: &'a World,
    address: SocketAddr,
}

impl Run<'_> {
    fn all(&self, tries: usize, souk: &crate::souk::Souk) -> Result<Figures> {
        let (away, here) = (0, MEMBERS);
        let mut client = Client::open(self.address)?;
        client.send(&format!(r#"40{{"token":"{}"}}"#, self.world.tokens[away]))?;
        let connected = client.next(|text| text.starts_with("40"))?;
        let session = client.next(|text| text.starts_with(r#"42["session""#))?;
        client.join(&room_of(away))?;
        drop(client);
        let pid = field(&connected, "pid").context("no pid")?.to_owned();
        let first = offset(&session).context("no offset")?.to_owned();
        let filler = "x".repeat(FILLER);
        let told = |n: usize| {
            (format!("chat-{}", room_of(away)), format!(r#"{{"n":{n},"filler":"{filler}"}}"#))
        };
        emit_many(self.address, EVENTS, told)?;
        let quiet = self.others(here, || {
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        })?;
        let before = souk.memory()?.0;

        let (mut offsets, mut times) = (vec![first], Vec::new());
        let mut rest = Rest::to(self.address)?;
        let others = self.others(here, || {
            for attempt in 0..tries {
                let from = &offsets[offsets.len() - 1 - if attempt == 0 { 0 } else { EVENTS }];
                let (took, seen) = self.come_back(away, &pid, from)?;
                times.push(took);
                if attempt == 0 {
                    offsets.extend(seen);
                }
                // One more for each time: an offset from which a long replay began is not taken
                // twice.
                rest.emit(&told(0).0, &told(EVENTS + attempt).1)?;
                offsets.push(self.last(&pid, away, &offsets)?);
            }
            Ok(())
        })?;
        let peak = souk.memory()?.1;
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        Ok(Figures { times, quiet, others, peak: mib(peak), before: mib(before) })
    }

    /// The time until all was there, and the offsets of the events.
    fn come_back(&self, user: usize, pid: &str, from: &str) -> Result<(f64, Vec<String>)> {
        let mut client = Client::open(self.address)?;
        let auth =
            format!(r#"{{"token":"{}","pid":"{pid}","offset":"{from}"}}"#, self.world.tokens[user]);
        let (mut offsets, started) = (Vec::with_capacity(EVENTS), Instant::now());
        client.send(&format!("40{auth}"))?;
        let answer = client.next(|text| {
            if text.starts_with(r#"42["told""#) {
                offsets.extend(offset(text).map(str::to_owned));
            }
            text.starts_with("40") || text.starts_with("44")
        })?;
        let took = started.elapsed().as_secs_f64() * 1e3;
        if field(&answer, "pid") != Some(pid) || offsets.len() != EVENTS {
            bail!("not recovered with {} events: {answer}", offsets.len());
        }
        Ok((took, offsets))
    }

    /// The offset of the newest event.
    fn last(&self, pid: &str, user: usize, offsets: &[String]) -> Result<String> {
        let mut client = Client::open(self.address)?;
        let newest = offsets.last().context("no offset")?;
        let token = &self.world.tokens[user];
        client.send(&format!(r#"40{{"token":"{token}","pid":"{pid}","offset":"{newest}"}}"#))?;
        let event = client.next(|text| text.starts_with(r#"42["told""#))?;
        offset(&event).map(str::to_owned).context("no offset")
    }

    /// How long events take to another client while `meanwhile` runs, in milliseconds.
    fn others(&self, user: usize, meanwhile: impl FnOnce() -> Result<()>) -> Result<Vec<f64>> {
        let mut client = Client::open(self.address)?;
        client.send(&format!(r#"40{{"token":"{}"}}"#, self.world.tokens[user]))?;
        client.next(|text| text.starts_with("40"))?;
        client.join(&room_of(user))?;
        let room = format!("chat-{}", room_of(user));
        let mut rest = Rest::to(self.address)?;
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut times = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let sent = Instant::now();
                    rest.emit(&room, r#"{"other":true}"#)?;
                    client.next(|text| text.starts_with(r#"42["told""#))?;
                    times.push(sent.elapsed().as_secs_f64() * 1e3);
                    std::thread::sleep(EVERY);
                }
                anyhow::Ok(times)
            });
            let result = meanwhile();
            is_over.store(true, Ordering::Relaxed);
            let times = asking.join().map_err(|_| anyhow!("the other client panicked"))?;
            result.and(times)
        })
    }
}

/// p50 and p99.
pub fn percentiles(values: &mut [f64]) -> [f64; 2] {
    [0.5, 0.99].map(|p| percentile(values, p))
}
