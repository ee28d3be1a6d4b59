//! A server on a free port with a handler that does what the events' names say, and a small
//! client of bare bytes.

use axum::Router;
use axum::extract::Request;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use socketio::protocol::frame::unmask;
use socketio::{
    Accept, Config, ConnectRequest, Event, Handler, Io, Reason, Refusal, Server, Socket,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Semaphore, mpsc};

/// A bound on waiting, so that a failure ends; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// What the handler was told.
#[derive(Debug)]
pub enum Note {
    Connected(Socket),
    Event(Box<str>),
    Disconnected(Reason),
}

pub struct App {
    notes: mpsc::UnboundedSender<Note>,
    /// `wait` events end when there is a permit.
    gate: Arc<Semaphore>,
}

impl Handler for App {
    fn connect(&self, request: ConnectRequest) -> BoxFuture<'static, Result<Accept, Refusal>> {
        let auth: Value =
            request.auth.map_or(Value::Null, |auth| serde_json::from_str(auth.get()).unwrap());
        assert!(auth["panic"].is_null(), "asked to panic");
        Box::pin(async move {
            if auth["later"] == true {
                tokio::task::yield_now().await;
            }
            if auth["refuse"] == true {
                return Err(Refusal::new("no").data(json!({ "code": 7 })));
            }
            let mut accept = Accept::new(auth.clone()).rooms(["all"]);
            accept.pid = auth["pid"].as_str().map(str::to_owned);
            accept.sid = auth["sid"].as_str().map(str::to_owned);
            if accept.pid.is_some() {
                let missed =
                    socketio::Frame::builder("/", "missed").unwrap().offset("o-1").unwrap();
                accept.replay.push(missed.build().unwrap());
            }
            Ok(accept)
        })
    }

    fn connected(&self, socket: &Socket) {
        let _ = self.notes.send(Note::Connected(socket.clone()));
    }

    fn event(&self, socket: &Socket, event: Event) -> Option<BoxFuture<'static, ()>> {
        let _ = self.notes.send(Note::Event(event.name.clone()));
        let number: i64 = event.args.get(0).unwrap_or_default();
        match &*event.name {
            "panic" => panic!("asked to panic"),
            "echo" => socket.emit("echo", &(number,)).unwrap(),
            "join" => {
                let room: String = event.args.get(0).unwrap();
                socket.join(&room);
                socket.io().to(&room).emit_event("joined", &(&room,)).unwrap();
            }
            name => {
                let (socket, gate) = (socket.clone(), self.gate.clone());
                let (panics, waits) = (name == "panic-later", name == "wait");
                return Some(Box::pin(async move {
                    tokio::task::yield_now().await;
                    assert!(!panics, "asked to panic");
                    if waits {
                        gate.acquire().await.unwrap().forget();
                    }
                    socket.emit("slow", &(number,)).unwrap();
                }));
            }
        }
        if let Some(ack) = event.ack {
            ack.send(&("done",)).unwrap();
        }
        None
    }

    fn disconnected(&self, _: &Socket, reason: Reason) {
        let _ = self.notes.send(Note::Disconnected(reason));
    }
}

pub struct TestServer {
    pub address: SocketAddr,
    pub io: Io,
    pub gate: Arc<Semaphore>,
    notes: Mutex<mpsc::UnboundedReceiver<Note>>,
}

impl TestServer {
    pub async fn start(config: Config) -> Self {
        Self::start_with(config, |builder| builder).await
    }

    pub async fn start_with(
        config: Config,
        adjust: impl FnOnce(socketio::Builder) -> socketio::Builder,
    ) -> Self {
        Self::start_behind(config, adjust, false).await
    }

    /// With `opens`, connections are offered to [`Server::open`] first.
    pub async fn start_behind(
        config: Config,
        adjust: impl FnOnce(socketio::Builder) -> socketio::Builder,
        opens: bool,
    ) -> Self {
        let (notes, received) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let app = App { notes, gate: gate.clone() };
        let builder = adjust(Server::builder(config, app).namespaces(["/", "/other"]));
        let server = builder.start(tokio::runtime::Handle::current()).unwrap();
        let io = server.io();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        server.prepare(&listener).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Listener { listener, server: opens.then(|| server.clone()) };
        let router = Router::new().fallback(move |request: Request| {
            let server = server.clone();
            async move { server.handle(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, io, gate, notes: Mutex::new(received) }
    }

    /// The next thing that the handler was told.
    pub async fn note(&self) -> Note {
        soon(async { self.notes.lock().await.recv().await }).await.unwrap()
    }

    /// The reason of the next end of a socket.
    pub async fn end(&self) -> Reason {
        loop {
            if let Note::Disconnected(reason) = self.note().await {
                return reason;
            }
        }
    }

    /// The handle of the socket that connects next.
    pub async fn socket(&self) -> Socket {
        loop {
            if let Note::Connected(socket) = self.note().await {
                return socket;
            }
        }
    }

    /// A WebSocket with a connected socket, and its handle.
    pub async fn connect(&self) -> (Ws, Socket) {
        let mut ws = Ws::open(self.address, None).await;
        ws.send("40").await;
        ws.expect_start("0{").await;
        ws.expect_start("40{").await;
        (ws, self.socket().await)
    }

    /// An HTTP request on a connection of its own: status, head and body.
    pub async fn http(&self, method: &str, query: &str, headers: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: x\r\n\
             Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        soon(stream.read_to_string(&mut reply)).await.unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head[9..12].parse().unwrap();
        Reply { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// Opens a polling session: the query that names it.
    pub async fn open_polling(&self) -> String {
        let open = self.http("GET", "", "", "").await.body;
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        format!("&sid={}", open["sid"].as_str().unwrap())
    }
}

/// One connection after another, which is enough for a test.
struct Listener {
    listener: tokio::net::TcpListener,
    server: Option<Server>,
}

impl axum::serve::Listener for Listener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (stream, peer) = self.listener.accept().await.unwrap();
            let Some(server) = &self.server else { return (stream, peer) };
            if let Some(stream) = server.open(stream, peer).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// What comes on a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub enum Got {
    Text(String),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    End,
}

pub struct Ws {
    pub stream: TcpStream,
    mask: u8,
}

impl Ws {
    pub async fn open(address: SocketAddr, sid: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let sid = sid.unwrap_or_default();
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket{sid} HTTP/1.1\r\nHost: x\r\n\
             Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        // The answer to this key in RFC 6455 §1.3.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self { stream, mask: 1 }
    }

    pub async fn send(&mut self, text: &str) {
        self.send_frame(0x81, text.as_bytes()).await;
    }

    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let frame = self.frame(first, payload);
        self.send_bytes(&frame).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        // A server that has closed may have reset the connection: what it sent is looked at.
        let _ = self.stream.write_all(bytes).await;
    }

    /// A masked frame.
    pub fn frame(&mut self, first: u8, payload: &[u8]) -> Vec<u8> {
        self.mask = self.mask.wrapping_add(1);
        let mask = [self.mask, 2, 3, 4];
        let mut frame = vec![first];
        match payload.len() {
            n @ 0..=125 => frame.push(0x80 | n as u8),
            n @ 126..=0xffff => {
                frame.push(0x80 + 126);
                frame.extend((n as u16).to_be_bytes());
            }
            n => {
                frame.push(0x80 + 127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        let start = frame.len();
        frame.extend(payload);
        unmask(&mut frame[start..], mask);
        frame
    }

    pub async fn next(&mut self) -> Got {
        soon(async {
            let Ok(first) = self.stream.read_u8().await else { return Got::End };
            let length = match self.stream.read_u8().await.unwrap() {
                126 => u64::from(self.stream.read_u16().await.unwrap()),
                127 => self.stream.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.unwrap();
            match first {
                0x81 => Got::Text(String::from_utf8(payload).unwrap()),
                0x82 => Got::Binary(payload),
                0x8a => Got::Pong(payload),
                0x88 => {
                    let code = u16::from_be_bytes([payload[0], payload[1]]);
                    Got::Close(code, String::from_utf8(payload[2..].to_vec()).unwrap())
                }
                other => panic!("unexpected frame {other:#x}"),
            }
        })
        .await
    }

    pub async fn expect(&mut self, text: &str) {
        assert_eq!(self.next().await, Got::Text(text.to_owned()));
    }

    pub async fn expect_start(&mut self, start: &str) -> String {
        match self.next().await {
            Got::Text(text) if text.starts_with(start) => text,
            other => panic!("expected {start}…, got {other:?}"),
        }
    }

    /// The close frame that must come next but for texts, and the end of the stream.
    pub async fn expect_close(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Got::Text(_) => {}
                Got::Close(code, reason) => {
                    self.send_frame(0x88, &code.to_be_bytes()).await;
                    assert_eq!(self.next().await, Got::End);
                    return (code, reason);
                }
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }
}
