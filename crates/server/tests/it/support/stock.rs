//! Stock clients of Node.js (`socket.io-client`), in a process of their own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use souk::node::Node;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::Actor;

/// Bounds every wait; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process with one stock client.
pub struct StockClient {
    _process: Child,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<(String, Value)>,
}

impl StockClient {
    /// A connected client with the actor's token. `None` where the clients' npm packages are not
    /// installed, which says so, and fails where `CI` is set.
    pub async fn connect(actor: &Actor, node: &Node) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
        if !folder.join("node_modules/socket.io-client").is_dir() {
            assert!(std::env::var_os("CI").is_none(), "tests/clients has no npm packages");
            eprintln!("SKIPPED: tests/clients has no npm packages: run `npm ci` there");
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
        let commands = process.stdin.take().expect("its input");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut client = Self { _process: process, commands, lines, seen: Vec::new() };
        let url = format!("http://{}", node.addr());
        let options = json!({ "auth": { "token": actor.token } });
        client.command(&json!({ "open": 0, "url": url, "options": options })).await;
        client.line("connected").await;
        Some(client)
    }

    async fn command(&mut self, command: &Value) {
        let line = format!("{command}\n");
        self.commands.write_all(line.as_bytes()).await.expect("it listens");
    }

    async fn read(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("it says something").expect("its output").expect("it goes on");
        serde_json::from_str(&line).expect("JSON")
    }

    /// The value of the next line that has this field; events before it stay.
    async fn line(&mut self, field: &str) -> Value {
        loop {
            let mut line = self.read().await;
            match line["event"].as_str().map(str::to_owned) {
                Some(event) => self.seen.push((event, line["args"][0].take())),
                None if line.get(field).is_some() => return line[field].take(),
                None => panic!("{line} before {field}"),
            }
        }
    }

    /// Emits an event that must succeed.
    pub async fn done(&mut self, event: &str, argument: &str) {
        self.command(&json!({ "emit": 0, "event": event, "args": [argument] })).await;
        let ack = self.line("ack").await;
        assert_eq!(ack["ok"], true, "{event}: {ack}");
    }

    /// The payloads of the first `count` events of this name, and that no further one came before
    /// the answer to a question that was asked after them.
    pub async fn exactly(&mut self, count: usize, name: &str) -> Vec<Value> {
        while self.count(name) < count {
            let mut line = self.read().await;
            let event = line["event"].as_str().expect("an event").to_owned();
            self.seen.push((event, line["args"][0].take()));
        }
        self.done("leave-chat-room", "none").await;
        assert_eq!(self.count(name), count, "more of {name} than there should be");
        let of_name = self.seen.drain(..).filter(|(event, _)| event == name);
        of_name.map(|(_, payload)| payload).collect()
    }

    fn count(&self, name: &str) -> usize {
        self.seen.iter().filter(|(event, _)| event == name).count()
    }
}
