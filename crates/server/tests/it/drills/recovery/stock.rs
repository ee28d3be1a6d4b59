//! Stock clients of Node.js, as they come, behind a balancer that treats their connections badly.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::checker::Checker;
use super::client::World;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process with stock clients, numbered from 0.
pub struct Fleet {
    _process: Child,
    commands: mpsc::UnboundedSender<Value>,
    lines: HashMap<usize, mpsc::UnboundedReceiver<Value>>,
}

impl Fleet {
    /// A process for so many clients. `None` where the clients' npm packages are not installed,
    /// which says so, and fails where `CI` is set.
    pub fn start(count: usize) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
        if !folder.join("node_modules/socket.io-client").is_dir() {
            assert!(std::env::var_os("CI").is_none(), "tests/clients has no npm packages");
            eprintln!(
                "SKIPPED stock clients: tests/clients has no npm packages: run `npm ci` there"
            );
            return None;
        }
        let mut process = Command::new("node")
            .arg("fleet.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mpsc::unbounded_channel()).unzip();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let line: Value = serde_json::from_str(&line).expect("JSON");
                let id = line["id"].as_u64().expect("an id") as usize;
                let _ = senders[id].send(line);
            }
        });
        let (commands, asked) = mpsc::unbounded_channel();
        tokio::spawn(write(process.stdin.take().expect("its input"), asked));
        let lines = receivers.into_iter().enumerate().collect();
        Some(Self { _process: process, commands, lines })
    }

    /// Lets all clients live at `url`; they have these tokens. Returns what they saw.
    pub fn live(
        &mut self,
        world: &Arc<World>,
        url: &str,
        seed: u64,
        checkers: Vec<(Checker, Option<String>)>,
    ) -> JoinSet<Result<Checker, String>> {
        let mut clients = JoinSet::new();
        for (id, (checker, token)) in checkers.into_iter().enumerate() {
            let client = Stock {
                id,
                world: world.clone(),
                random: StdRng::seed_from_u64(seed * 1000 + id as u64),
                checker,
                commands: self.commands.clone(),
                lines: self.lines.remove(&id).expect("its lines"),
                is_connected: false,
                was_connected: false,
                joining: None,
            };
            clients.spawn(client.live(url.to_owned(), token));
        }
        clients
    }
}

async fn write(mut input: ChildStdin, mut commands: mpsc::UnboundedReceiver<Value>) {
    while let Some(command) = commands.recv().await {
        // It ends with the drill.
        if input.write_all(format!("{command}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

struct Stock {
    id: usize,
    world: Arc<World>,
    random: StdRng,
    checker: Checker,
    commands: mpsc::UnboundedSender<Value>,
    lines: mpsc::UnboundedReceiver<Value>,
    is_connected: bool,
    was_connected: bool,
    /// The room that it asks to come into.
    joining: Option<usize>,
}

/// How a question ended.
#[derive(PartialEq)]
enum Asked {
    Done,
    Lost,
}

impl Stock {
    fn command(&self, command: Value) -> Result<(), String> {
        self.commands.send(command).map_err(|_| "the stock clients are gone".into())
    }

    async fn live(mut self, url: String, token: Option<String>) -> Result<Checker, String> {
        let mut options = json!({ "reconnectionDelay": 20, "reconnectionDelayMax": 200 });
        if let Some(token) = token {
            options["auth"] = json!({ "token": token });
        }
        self.command(
            json!({ "open": self.id, "url": format!("http://{url}"), "options": options }),
        )?;
        loop {
            while !self.is_connected {
                self.hear().await?;
            }
            if self.stay().await? == Asked::Done {
                return Ok(self.checker);
            }
        }
    }

    /// The next thing that happened.
    async fn hear(&mut self) -> Result<Value, String> {
        let line = timeout(PATIENCE, self.lines.recv()).await;
        let line = line.map_err(|_| "nothing for too long")?.ok_or("the stock clients ended")?;
        if let Some(recovered) = line.get("connected").and_then(Value::as_bool) {
            self.is_connected = true;
            if recovered {
                self.world.recovered.fetch_add(1, Ordering::Relaxed);
            } else {
                self.checker.begins_anew();
                // The question may have been asked of the new session.
                if let Some(room) = self.joining {
                    self.checker.asks_in(room);
                }
                self.world.anew.fetch_add(u64::from(self.was_connected), Ordering::Relaxed);
            }
            self.was_connected = true;
        } else if line.get("gone").is_some() {
            self.is_connected = false;
        } else if let Some(message) = line.get("refused").and_then(Value::as_str)
            // Of the connection, not of the server's: it comes back by itself.
            && !matches!(message, "websocket error" | "xhr poll error" | "timeout")
        {
            return Err(format!("refused: {message}"));
        } else if line["event"] == "told" {
            let number = |name: &str| line["args"][0][name].as_u64().expect("a number");
            let seen = self.checker.sees(number("room") as usize, number("n"));
            seen.map_err(|what| format!("stock client: {what} ({})", line["args"][1]))?;
        }
        Ok(line)
    }

    async fn ask(&mut self, event: &str, room: usize) -> Result<Asked, String> {
        let args = [format!("r{room}")];
        self.command(json!({ "emit": self.id, "event": event, "args": args }))?;
        loop {
            let line = self.hear().await?;
            if let Some(ack) = line.get("ack") {
                return match ack["ok"].as_bool() {
                    Some(true) => Ok(Asked::Done),
                    _ => Err(format!("stock client: {event}: {ack}")),
                };
            }
            if line.get("lost").is_some() {
                return Ok(Asked::Lost);
            }
        }
    }

    async fn join(&mut self, room: usize) -> Result<Asked, String> {
        self.checker.asks_in(room);
        self.joining = Some(room);
        let asked = self.ask("join-chat-room", room).await?;
        self.joining = None;
        if asked == Asked::Done {
            self.checker.is_in(room);
        }
        Ok(asked)
    }

    async fn leave(&mut self, room: usize) -> Result<Asked, String> {
        self.checker.asks_out(room);
        let asked = self.ask("leave-chat-room", room).await?;
        if asked == Asked::Done {
            self.checker.is_out(room);
        }
        Ok(asked)
    }

    /// Stays while it is connected; `Done` when all has come.
    async fn stay(&mut self) -> Result<Asked, String> {
        let (coming, going) = self.checker.unanswered();
        for room in going {
            if self.leave(room).await? == Asked::Lost {
                return Ok(Asked::Lost);
            }
        }
        for room in coming {
            if self.join(room).await? == Asked::Lost {
                return Ok(Asked::Lost);
            }
        }
        while self.checker.rooms().len() < 3 {
            let room = self.random.random_range(0..self.world.rooms);
            if self.join(room).await? == Asked::Lost {
                return Ok(Asked::Lost);
            }
        }
        while self.is_connected {
            if self.world.is_over.load(Ordering::SeqCst) {
                return self.finish().await;
            }
            let until = Instant::now() + Duration::from_millis(self.random.random_range(50..500));
            while self.is_connected {
                tokio::select! {
                    heard = self.hear() => drop(heard?),
                    () = sleep_until(until) => break,
                }
            }
            if !self.is_connected {
                return Ok(Asked::Lost);
            }
            let rooms = self.checker.rooms();
            match self.random.random_range(0..8) {
                0 | 1 if rooms.len() < 6 => {
                    let room = self.random.random_range(0..self.world.rooms);
                    if !rooms.contains(&room) {
                        self.join(room).await?;
                    }
                }
                2 | 3 if rooms.len() > 3 => {
                    let room = rooms[self.random.random_range(0..rooms.len())];
                    self.leave(room).await?;
                }
                // A clean end of the connection, after which it comes back by itself.
                4 if !self.world.is_calm => self.command(json!({ "drop": self.id }))?,
                _ => {}
            }
        }
        Ok(Asked::Lost)
    }

    async fn finish(&mut self) -> Result<Asked, String> {
        let until = Instant::now() + PATIENCE;
        while let Some(missing) = self.checker.missing() {
            match timeout_at(until, self.hear()).await {
                Ok(heard) => drop(heard?),
                Err(_) => return Err(format!("stock client: {missing}")),
            }
            if !self.is_connected {
                return Ok(Asked::Lost);
            }
        }
        // Nothing more may come.
        self.ask("leave-chat-room", self.world.rooms).await
    }
}
