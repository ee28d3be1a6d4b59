//! A client that is treated badly, and comes back each time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::checker::Checker;
use crate::support::Memory;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a server that was just killed is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is kept of what a client did.
const TRACE: usize = 40;

/// A fault between server and client, to show that the drill finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None.
    None,
    /// An event of a replay does not come.
    Skipped,
    /// An event of a replay comes twice.
    Doubled,
    /// A room is lost when the session is taken up.
    RoomLost,
}

/// What all clients share.
pub struct World {
    /// Where the nodes listen now.
    pub nodes: Arc<RwLock<Vec<String>>>,
    /// Rooms.
    pub rooms: usize,
    /// All was sent.
    pub is_over: AtomicBool,
    pub fault: Fault,
    /// Clients stay until they are sent away.
    pub is_calm: bool,
    pub recovered: AtomicU64,
    pub anew: AtomicU64,
    /// For how long clients were without a connection that they did not give up themselves.
    pub gaps: Mutex<Vec<Duration>>,
}

/// One client.
pub struct Client {
    world: Arc<World>,
    random: StdRng,
    memory: Memory,
    token: Option<String>,
    lost_at: Option<Instant>,
    pub checker: Checker,
    asked: u64,
    /// Connections that the server does not know to be over.
    half_open: Vec<Stream>,
    spoilt: bool,
    /// The last things that it did, for who looks into a failure.
    trace: VecDeque<String>,
    born: Instant,
}

/// The connection is lost, or the client has seen what it must not.
enum Broken {
    Lost,
    Wrong(String),
}

impl From<tokio_tungstenite::tungstenite::Error> for Broken {
    fn from(_: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Lost
    }
}

impl Client {
    pub fn new(world: Arc<World>, seed: u64, checker: Checker, token: Option<String>) -> Self {
        Self {
            world,
            random: StdRng::seed_from_u64(seed),
            memory: Memory::default(),
            token,
            lost_at: None,
            checker,
            asked: 0,
            half_open: Vec::new(),
            spoilt: false,
            trace: VecDeque::new(),
            born: Instant::now(),
        }
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        let offset = self.memory.offset.rsplit('.').next().unwrap_or_default();
        self.trace.push_back(format!("{:?} at {offset}: {what}", self.born.elapsed()));
    }

    fn with_trace(&mut self, what: &str) -> String {
        let trace: Vec<_> = self.trace.drain(..).collect();
        format!("{what}\n{} {}", self.memory.sid, trace.join("\n"))
    }

    /// Lives until all was sent and has come.
    pub async fn live(mut self) -> Result<Self, String> {
        let mut first = true;
        loop {
            let stream = match timeout(PATIENCE, self.connect()).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(Broken::Lost)) => continue,
                Ok(Err(Broken::Wrong(what))) => return Err(self.with_trace(&what)),
                Err(_) => return Err("no server for too long".into()),
            };
            match self.stay(stream, std::mem::take(&mut first)).await {
                Ok(true) => return Ok(self),
                Ok(false) => {}
                Err(Broken::Lost) => {
                    self.note(format_args!("lost"));
                    self.lost_at = Some(Instant::now());
                    if self.world.is_calm {
                        // As stock clients do, with a shorter delay.
                        let delay = self.random.random_range(0..300);
                        tokio::time::sleep(Duration::from_millis(delay)).await;
                    }
                }
                Err(Broken::Wrong(what)) => return Err(self.with_trace(&what)),
            }
        }
    }

    async fn connect(&mut self) -> Result<Stream, Broken> {
        let node = {
            let nodes = self.world.nodes.read().expect("nodes");
            let count = nodes.len();
            (count > 0).then(|| nodes[self.random.random_range(0..count)].clone())
        };
        let Some(node) = node else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Err(Broken::Lost);
        };
        self.note(format_args!("to {node}"));
        let url = format!("ws://{node}/socket.io/?EIO=4&transport=websocket");
        let Ok((mut stream, _)) = connect_async(url).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Err(Broken::Lost);
        };
        let mut auth = json!({});
        if !self.memory.pid.is_empty() {
            auth = json!({ "pid": self.memory.pid, "offset": self.memory.offset });
        }
        if let Some(token) = &self.token {
            auth["token"] = token.as_str().into();
        }
        stream.send(Message::text(format!("40{auth}"))).await?;
        // Thrown away where CONNECT does not come.
        let mut missed = Vec::new();
        loop {
            let text = next_text(&mut stream).await?;
            if let Some(event) = text.strip_prefix("42") {
                missed.push(event.to_owned());
            } else if let Some(answer) = text.strip_prefix("40") {
                let answer: Value = serde_json::from_str(answer).expect("JSON");
                let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
                if field("pid") == self.memory.pid {
                    if field("sid") != self.memory.sid {
                        return Err(Broken::Wrong("recovered with another sid".into()));
                    }
                    self.world.recovered.fetch_add(1, Ordering::Relaxed);
                    self.note(format_args!("back, {} missed", missed.len()));
                    self.spoil(&mut stream, &mut missed).await?;
                } else {
                    if !missed.is_empty() {
                        return Err(Broken::Wrong("a part of a replay for a new session".into()));
                    }
                    if !self.memory.pid.is_empty() {
                        self.world.anew.fetch_add(1, Ordering::Relaxed);
                    }
                    self.note(format_args!("anew"));
                    self.checker.begins_anew();
                    self.memory = Memory::default();
                }
                (self.memory.sid, self.memory.pid) = (field("sid"), field("pid"));
                if let Some(lost_at) = self.lost_at.take() {
                    self.world.gaps.lock().expect("gaps").push(lost_at.elapsed());
                }
                for event in missed {
                    self.sees(&event)?;
                }
                return Ok(stream);
            } else if text.starts_with("44") {
                return Err(Broken::Lost);
            }
        }
    }

    /// Does what the fault of the drill does, once.
    async fn spoil(&mut self, stream: &mut Stream, missed: &mut Vec<String>) -> Result<(), Broken> {
        let middle = missed.len() / 2;
        match self.world.fault {
            Fault::Skipped if !self.spoilt && missed.len() > 1 => {
                missed.remove(middle);
            }
            Fault::Doubled if !self.spoilt && !missed.is_empty() => {
                missed.insert(middle, missed[middle].clone());
            }
            Fault::RoomLost if !self.spoilt => {
                let (coming, going) = self.checker.unanswered();
                let mut rooms = self.checker.rooms().into_iter();
                let room = rooms.find(|room| !coming.contains(room) && !going.contains(room));
                let Some(room) = room else { return Ok(()) };
                let leave = format!(r#"42["leave-chat-room","r{room}"]"#);
                stream.send(Message::text(leave)).await?;
            }
            _ => return Ok(()),
        }
        self.spoilt = true;
        Ok(())
    }

    fn sees(&mut self, event: &str) -> Result<(), Broken> {
        let event: Value = serde_json::from_str(event).expect("JSON");
        if let Some(Value::String(offset)) = event.as_array().and_then(|event| event.last()) {
            self.memory.offset.clone_from(offset);
        }
        if event[0] == "told" {
            let number = |name: &str| event[1][name].as_u64().expect("a number");
            let seen = self.checker.sees(number("room") as usize, number("n"));
            seen.map_err(|what| Broken::Wrong(format!("{what} ({})", self.memory.offset)))?;
        }
        Ok(())
    }

    /// One packet.
    async fn hear(&mut self, stream: &mut Stream) -> Result<Option<u64>, Broken> {
        let text = next_text(stream).await?;
        if let Some(event) = text.strip_prefix("42") {
            self.sees(event)?;
        } else if let Some(ack) = text.strip_prefix("43") {
            let id = ack.split('[').next().and_then(|id| id.parse().ok());
            return Ok(id.filter(|_| ack.contains(r#""ok":true"#)));
        }
        Ok(None)
    }

    /// Asks, and hears whatever comes until the answer.
    async fn ask(&mut self, stream: &mut Stream, event: &str, room: usize) -> Result<(), Broken> {
        self.asked += 1;
        let asked = self.asked;
        self.note(format_args!("{event} {room}"));
        stream.send(Message::text(format!(r#"42{asked}["{event}","r{room}"]"#))).await?;
        loop {
            match timeout(PATIENCE, self.hear(stream)).await {
                Ok(heard) => {
                    if heard? == Some(asked) {
                        self.note(format_args!("done"));
                        return Ok(());
                    }
                }
                Err(_) => return Err(Broken::Wrong(format!("no answer to {event}"))),
            }
        }
    }

    async fn join(&mut self, stream: &mut Stream, room: usize) -> Result<(), Broken> {
        self.checker.asks_in(room);
        self.ask(stream, "join-chat-room", room).await?;
        self.checker.is_in(room);
        Ok(())
    }

    async fn leave(&mut self, stream: &mut Stream, room: usize) -> Result<(), Broken> {
        self.checker.asks_out(room);
        self.ask(stream, "leave-chat-room", room).await?;
        self.checker.is_out(room);
        Ok(())
    }

    /// Stays for a while; true when all has come.
    async fn stay(&mut self, mut stream: Stream, first: bool) -> Result<bool, Broken> {
        // What had no answer is asked again.
        let (coming, going) = self.checker.unanswered();
        for room in going {
            self.leave(&mut stream, room).await?;
        }
        for room in coming {
            self.join(&mut stream, room).await?;
        }
        while self.checker.rooms().len() < 3 {
            let room = self.random.random_range(0..self.world.rooms);
            self.join(&mut stream, room).await?;
        }
        while self.world.is_calm {
            if self.world.is_over.load(Ordering::SeqCst) {
                return self.finish(&mut stream).await;
            }
            self.listen(&mut stream, Duration::from_millis(100)).await?;
        }
        let actions = if first { 1 } else { self.random.random_range(1..4) };
        for _ in 0..actions {
            let pause = Duration::from_millis(self.random.random_range(20..400));
            self.listen(&mut stream, pause).await?;
            if self.world.is_over.load(Ordering::SeqCst) {
                return self.finish(&mut stream).await;
            }
            match self.random.random_range(0..4) {
                0 if self.checker.rooms().len() < 6 => {
                    let room = self.random.random_range(0..self.world.rooms);
                    self.join(&mut stream, room).await?;
                }
                1 if self.checker.rooms().len() > 3 => {
                    let rooms = self.checker.rooms();
                    let room = rooms[self.random.random_range(0..rooms.len())];
                    self.leave(&mut stream, room).await?;
                }
                // Frozen: it reads nothing for a while.
                2 => tokio::time::sleep(pause).await,
                _ => {}
            }
        }
        self.note(format_args!("goes"));
        match self.random.random_range(0..3) {
            0 => drop(stream.close(None).await),
            1 => drop(stream),
            _ => {
                self.half_open.push(stream);
                if self.half_open.len() > 2 {
                    self.half_open.remove(0);
                }
            }
        }
        let away = Duration::from_millis(self.random.random_range(0..300));
        tokio::time::sleep(away).await;
        Ok(false)
    }

    async fn listen(&mut self, stream: &mut Stream, for_so_long: Duration) -> Result<(), Broken> {
        let until = tokio::time::Instant::now() + for_so_long;
        while let Ok(heard) = tokio::time::timeout_at(until, self.hear(stream)).await {
            heard?;
        }
        Ok(())
    }

    async fn finish(&mut self, stream: &mut Stream) -> Result<bool, Broken> {
        let patience = tokio::time::Instant::now() + PATIENCE;
        while let Some(missing) = self.checker.missing() {
            match tokio::time::timeout_at(patience, self.hear(stream)).await {
                Ok(heard) => drop(heard?),
                Err(_) => return Err(Broken::Wrong(missing)),
            }
        }
        // Nothing more may come.
        let none = self.world.rooms;
        self.ask(stream, "leave-chat-room", none).await?;
        Ok(true)
    }
}

/// The next packet that is none of the heartbeat.
async fn next_text(stream: &mut Stream) -> Result<String, Broken> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                stream.send(Message::text("3")).await?;
            }
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Broken::Lost),
            Some(Ok(_)) => {}
        }
    }
}
