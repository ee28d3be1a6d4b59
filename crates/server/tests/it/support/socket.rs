//! A Socket.IO client over WebSocket, as plain as the protocol allows (Engine.IO v4, Socket.IO
//! v5): what the stock clients do is tested with them, this one shows every packet.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use souk::node::Node;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Actor;

/// Bounds every wait; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection.
pub type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connected client.
pub struct Socket {
    stream: Stream,
    asked: u64,
    /// Events that nobody has asked for yet.
    seen: VecDeque<(String, Value)>,
    /// What it goes on from when it comes back.
    pub memory: Memory,
    /// Whether it goes on where it was.
    pub recovered: bool,
}

/// What a client keeps of its session, as stock clients do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The public id.
    pub sid: String,
    /// The private id.
    pub pid: String,
    /// The last offset; empty before the first one.
    pub offset: String,
}

/// What the server sent.
enum Packet {
    Connected(Value),
    Refused(Value),
    Event(String, Value),
    Ack(u64, Value),
    /// Left the namespace, or the connection is closed: with the reason of the close frame.
    Gone(String),
}

impl Actor {
    /// A socket with the actor's token.
    pub async fn connect(&self, node: &Node) -> Socket {
        let auth = json!({ "token": self.token });
        Socket::connect(node, &auth).await.expect("the token opens a socket")
    }
}

impl Socket {
    /// Connects; the error of a client that is not let in is its `connect_error`.
    pub async fn connect(node: &Node, auth: &Value) -> Result<Self, Value> {
        Self::open(&node.addr().to_string(), auth.clone(), Memory::default()).await
    }

    /// Comes back with what it knows of its session.
    pub async fn back(to: &str, token: &str, memory: &Memory) -> Self {
        let auth = json!({ "token": token });
        Self::open(to, auth, memory.clone()).await.expect("the token opens a socket")
    }

    /// Connects to an address, as somebody who was there before where `memory` says so.
    pub async fn open(to: &str, auth: Value, memory: Memory) -> Result<Self, Value> {
        Self::enter(Self::reach(to).await, auth, memory).await
    }

    /// A connection on which nothing was said yet.
    pub async fn reach(to: &str) -> Stream {
        let url = format!("ws://{to}/socket.io/?EIO=4&transport=websocket");
        connect_async(url).await.expect("a WebSocket").0
    }

    /// Connects as [`open`](Self::open) does, on a connection that is there.
    pub async fn enter(stream: Stream, mut auth: Value, memory: Memory) -> Result<Self, Value> {
        if !memory.pid.is_empty() {
            auth["pid"] = memory.pid.clone().into();
        }
        if !memory.offset.is_empty() {
            auth["offset"] = memory.offset.clone().into();
        }
        let mut socket = Self { stream, asked: 0, seen: VecDeque::new(), memory, recovered: false };
        socket.send(format!("40{auth}")).await;
        loop {
            match socket.read().await {
                Packet::Connected(answer) => {
                    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
                    socket.recovered = text("pid") == socket.memory.pid;
                    if !socket.recovered {
                        assert!(socket.seen.is_empty(), "a replay for a new session");
                        socket.memory = Memory::default();
                    }
                    (socket.memory.sid, socket.memory.pid) = (text("sid"), text("pid"));
                    // The first offset comes behind what was missed.
                    let missed = std::mem::take(&mut socket.seen);
                    socket.event("session").await;
                    let after = std::mem::replace(&mut socket.seen, missed);
                    socket.seen.extend(after);
                    return Ok(socket);
                }
                Packet::Refused(error) => return Err(error),
                Packet::Event(name, payload) => socket.seen.push_back((name, payload)),
                _ => panic!("neither let in nor refused"),
            }
        }
    }

    async fn send(&mut self, packet: String) {
        // A socket that is closing takes nothing more; the reader says so.
        let _ = self.stream.send(Message::text(packet)).await;
    }

    async fn read(&mut self) -> Packet {
        tokio::time::timeout(PATIENCE, self.read_on())
            .await
            .unwrap_or_else(|_| panic!("nothing came; unread: {:?}", self.seen))
    }

    async fn read_on(&mut self) -> Packet {
        loop {
            let text = match self.stream.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => {
                    return Packet::Gone(frame.map_or_else(String::new, |f| f.reason.to_string()));
                }
                None | Some(Err(_)) => return Packet::Gone(String::new()),
                Some(Ok(_)) => continue,
            };
            let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            match text.split_at(text.len().min(2)) {
                ("2", "") => self.send("3".to_owned()).await,
                ("40", answer) => return Packet::Connected(json(answer)),
                ("41", _) => return Packet::Gone("told to leave".to_owned()),
                ("42", event) => {
                    let mut event = json(event);
                    let name = event[0].as_str().expect("a name").to_owned();
                    // As stock clients do: whatever text stands last.
                    if let Some(Value::String(offset)) = event.as_array().and_then(|e| e.last()) {
                        self.memory.offset.clone_from(offset);
                    }
                    return Packet::Event(name, event[1].take());
                }
                ("43", ack) => {
                    let (id, args) = ack.split_at(ack.find('[').expect("arguments"));
                    return Packet::Ack(id.parse().expect("an id"), json(args)[0].take());
                }
                ("44", error) => return Packet::Refused(json(error)),
                ("0{", _) => {}
                _ => panic!("what is {text}?"),
            }
        }
    }

    /// Sends an event without asking for an answer.
    pub async fn emit(&mut self, event: &str, argument: &Value) {
        self.send(format!("42{}", json!([event, argument]))).await;
    }

    /// Sends an event and returns its answer.
    pub async fn ask(&mut self, event: &str, argument: impl Into<Value>) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(format!("42{id}{}", json!([event, argument.into()]))).await;
        loop {
            match self.read().await {
                Packet::Ack(answered, answer) if answered == id => return answer,
                Packet::Event(name, payload) => self.seen.push_back((name, payload)),
                Packet::Gone(reason) => panic!("closed before the answer to {event}: {reason}"),
                _ => panic!("something else than the answer to {event}"),
            }
        }
    }

    /// Joins or leaves, which must succeed.
    pub async fn done(&mut self, event: &str, argument: impl Into<Value>) {
        let answer = self.ask(event, argument).await;
        assert_eq!(answer["ok"], true, "{event}: {answer}");
    }

    /// The next event of this name; those before it stay.
    pub async fn event(&mut self, name: &str) -> Value {
        if let Some(at) = self.seen.iter().position(|(seen, _)| seen == name) {
            return self.seen.remove(at).map(|(_, payload)| payload).unwrap_or_default();
        }
        loop {
            match self.read().await {
                Packet::Event(seen, payload) if seen == name => return payload,
                Packet::Event(seen, payload) => self.seen.push_back((seen, payload)),
                Packet::Gone(reason) => panic!("closed before {name}: {reason}"),
                _ => panic!("something else than {name}"),
            }
        }
    }

    /// The names of the unread events, once everything that was sent before has come: the answer
    /// to a question cannot overtake it.
    pub async fn unread(&mut self) -> Vec<String> {
        self.ask("leave-chat-room", "none").await;
        self.seen.drain(..).map(|(name, _)| name).collect()
    }

    /// The unread events with their payloads, once everything that was sent before has come.
    pub async fn unread_events(&mut self) -> Vec<(String, Value)> {
        self.ask("leave-chat-room", "none").await;
        self.seen.drain(..).collect()
    }

    /// Leaves the namespace, as a client that does not want to come back.
    pub async fn leave(mut self) {
        self.send("41".to_owned()).await;
        // The server closes the connection of who is in no namespace.
        drop(self);
    }

    /// Loses the connection without a word, and what the client has seen until now.
    pub fn cut(self) -> Memory {
        let memory = self.memory.clone();
        drop(self.into_stream());
        memory
    }

    /// Why the server closed the socket, once it did.
    pub async fn closed(&mut self) -> String {
        loop {
            if let Packet::Gone(reason) = self.read().await {
                return reason;
            }
        }
    }

    /// The connection, to treat it badly.
    pub fn into_stream(self) -> TcpStream {
        match self.stream.into_inner() {
            MaybeTlsStream::Plain(stream) => stream,
            _ => panic!("not plain"),
        }
    }
}
