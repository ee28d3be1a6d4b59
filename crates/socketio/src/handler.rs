//! What the application implements, and what it is given.

use crate::frame::{EncodeError, Frame, FrameBuilder};
use crate::hub::Hub;
use crate::hub::command::{Command, Key};
use crate::io::Room;
use crate::protocol::json::Elements;
use crate::reason::Reason;
use crate::socket::Socket;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The application behind the server.
///
/// The methods run on the threads that own the connections: they must not block, and what waits
/// goes into the futures, which run on tokio once they do not finish at their first poll.
///
/// A panic in a method or in its future is caught and logged and hurts nothing else. After a
/// panic in [`Handler::connect`] the client gets a connect error; after one in
/// [`Handler::event`] the acknowledgement is not sent, and the socket goes on with its next event.
pub trait Handler: Send + Sync + 'static {
    /// Decides on a CONNECT packet. A refusal reaches the client as `connect_error`.
    fn connect(&self, request: ConnectRequest) -> BoxFuture<'static, Result<Accept, Refusal>>;

    /// The socket is connected: its rooms are joined and CONNECT is on its way. Not called when
    /// the session ended while [`Handler::connect`] ran.
    fn connected(&self, socket: &Socket) {
        let _ = socket;
    }

    /// One event. The next event of the same socket is handled when this returned `None` or the
    /// future it returned has ended.
    fn event(&self, socket: &Socket, event: Event) -> Option<BoxFuture<'static, ()>>;

    /// The socket is gone and in no room any more. Called exactly once for each
    /// [`Handler::connected`], after the socket's last event has been handled.
    ///
    /// Events that had arrived before the client left are still handled; after a disconnect by
    /// the server they are not.
    fn disconnected(&self, socket: &Socket, reason: Reason) {
        let _ = (socket, reason);
    }
}

/// The HTTP request with which a session began.
#[derive(Debug)]
pub struct Handshake {
    /// The request's headers.
    pub headers: http::HeaderMap,
    /// The request's path and query.
    pub uri: http::Uri,
    /// The client's address: the [`crate::PeerAddr`] among the request's extensions.
    pub peer: Option<SocketAddr>,
}

/// A CONNECT packet.
#[derive(Debug)]
pub struct ConnectRequest {
    /// The namespace, one of those that the server was built with.
    pub namespace: Arc<str>,
    /// The HTTP request with which the session began.
    pub handshake: Arc<Handshake>,
    /// The client's `auth` object as JSON.
    pub auth: Option<Box<RawValue>>,
    /// The way to the client before its CONNECT is answered.
    pub pending: Pending,
}

/// The answer to a CONNECT packet that is accepted.
pub struct Accept {
    /// What the application keeps with the socket; see [`Socket::data`].
    pub data: Arc<dyn Any + Send + Sync>,
    /// Rooms that are joined before CONNECT is answered.
    pub rooms: Vec<Room>,
    /// The public id of a session that is taken up again; else a new one is made.
    pub sid: Option<String>,
    /// The private session id by which the client may recover its state.
    pub pid: Option<String>,
    /// Events that the client missed. They are sent before CONNECT is answered; the client hands
    /// them on when it knows from `pid` that it recovered.
    pub replay: Vec<Frame>,
    /// Whose socket it is, for [`crate::Selector::only_tag`] and
    /// [`crate::Selector::except_tag`].
    pub tag: Option<Arc<str>>,
    /// The rooms are held in the registry for the socket's worker.
    pub(crate) held: bool,
    /// [`Pending::accept`] has sent it.
    pub(crate) sent: bool,
}

impl Accept {
    /// Accepts, keeping `data` with the socket.
    pub fn new(data: impl Any + Send + Sync) -> Self {
        Self {
            data: Arc::new(data),
            rooms: Vec::new(),
            sid: None,
            pid: None,
            replay: Vec::new(),
            tag: None,
            held: false,
            sent: false,
        }
    }

    /// Says whose socket it is.
    pub fn tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Joins rooms before CONNECT is answered.
    pub fn rooms(mut self, rooms: impl IntoIterator<Item = impl Into<Room>>) -> Self {
        self.rooms.extend(rooms.into_iter().map(Into::into));
        self
    }
}

/// The way to a client whose CONNECT is being decided on.
#[derive(Clone)]
pub struct Pending {
    pub(crate) hub: Arc<Hub>,
    pub(crate) session: Key,
    pub(crate) worker: u16,
    pub(crate) namespace: u16,
}

impl Pending {
    /// Sends events before CONNECT is answered: part of what the client missed. Wait with
    /// [`Pending::drained`] before sending more than a queue holds.
    pub fn send(&self, frames: Vec<Frame>) {
        let (session, namespace) = (self.session, self.namespace);
        self.hub.send(self.worker, Command::Early { session, namespace, frames });
    }

    /// Waits until at most `bytes` of what was sent wait for the client. False when it is gone.
    pub async fn drained(&self, bytes: usize) -> bool {
        let (reply, answer) = oneshot::channel();
        let session = self.session;
        self.hub.send(self.worker, Command::WhenDrained { session, bytes, reply });
        answer.await.is_ok()
    }

    /// Accepts, at this place among all that is sent from this thread: the socket gets every
    /// broadcast to its rooms that is sent after, and none that was sent before.
    /// [`Handler::connect`] has to return what this returns.
    #[must_use]
    pub fn accept(&self, mut accept: Accept) -> Accept {
        let registry = &self.hub.registry;
        let held = accept.rooms.iter().map(|r| registry.hold(self.namespace, r, self.worker));
        accept.rooms = held.collect();
        accept.held = true;
        let mut sent = Accept::new(());
        sent.sent = true;
        let (session, namespace) = (self.session, self.namespace);
        let outcome = Ok(Box::new(accept));
        self.hub.send(self.worker, Command::ConnectDone { session, namespace, outcome });
        sent
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// The answer to a CONNECT packet that is refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The message of the client's error.
    pub message: String,
    /// The `data` of the client's error.
    pub data: Option<serde_json::Value>,
}

impl Refusal {
    /// Refuses with a message and no data.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// Adds the `data` of the client's error.
    pub fn data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }

    pub(crate) fn to_json(&self) -> String {
        let mut error = serde_json::Map::new();
        error.insert("message".to_owned(), self.message.clone().into());
        if let Some(data) = &self.data {
            error.insert("data".to_owned(), data.clone());
        }
        serde_json::Value::Object(error).to_string()
    }
}

/// An argument that is missing or of another type than asked for.
#[derive(Debug, thiserror::Error)]
pub enum ArgError {
    /// There are fewer arguments.
    #[error("argument {0} is missing")]
    Missing(usize),
    /// The argument is not of the type asked for.
    #[error("argument {0}: {1}")]
    Json(usize, serde_json::Error),
}

/// The arguments of an event or an acknowledgement: JSON that was checked but not yet read.
#[derive(Debug, Clone)]
pub struct Args {
    text: Box<str>,
    elements: Elements,
    attachments: Vec<Bytes>,
}

impl Args {
    pub(crate) fn new(text: &str, elements: Elements, attachments: Vec<Bytes>) -> Self {
        Self { text: text.into(), elements, attachments }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The JSON text of one argument.
    pub fn raw(&self, index: usize) -> Option<&str> {
        let range = self.elements.get(index)?;
        self.text.get(range.start as usize..range.end as usize)
    }

    /// One argument as JSON that can be put into another event.
    pub fn json(&self, index: usize) -> Option<&RawValue> {
        serde_json::from_str(self.raw(index)?).ok()
    }

    /// One argument, read as `T`.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgError> {
        let raw = self.raw(index).ok_or(ArgError::Missing(index))?;
        serde_json::from_str(raw).map_err(|error| ArgError::Json(index, error))
    }

    /// One argument that is a binary attachment.
    pub fn binary(&self, index: usize) -> Option<&Bytes> {
        #[derive(serde::Deserialize)]
        struct Placeholder {
            #[serde(rename = "_placeholder")]
            is_placeholder: bool,
            num: usize,
        }
        let placeholder: Placeholder = serde_json::from_str(self.raw(index)?).ok()?;
        self.attachments.get(placeholder.num).filter(|_| placeholder.is_placeholder)
    }

    /// All attachments; the arguments refer to them as `{"_placeholder":true,"num":n}`.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }
}

/// An event of a client.
#[derive(Debug)]
pub struct Event {
    /// The event's name.
    pub name: Box<str>,
    /// The arguments behind the name.
    pub args: Args,
    /// Answers the event, when the client asked for it.
    pub ack: Option<AckSender>,
}

/// Answers one event. Dropping it sends nothing.
#[derive(Debug)]
pub struct AckSender {
    socket: Socket,
    id: u64,
}

impl AckSender {
    pub(crate) fn new(socket: Socket, id: u64) -> Self {
        Self { socket, id }
    }

    /// Answers with the elements of a tuple, an array or a slice as arguments.
    pub fn send(self, args: &impl Serialize) -> Result<(), EncodeError> {
        self.send_with(|builder| builder.args(args))
    }

    /// Answers with arguments that are put together one by one.
    pub fn send_with(
        self,
        build: impl FnOnce(FrameBuilder) -> Result<FrameBuilder, EncodeError>,
    ) -> Result<(), EncodeError> {
        let frame = build(Frame::ack(self.socket.namespace(), self.id))?.build()?;
        self.socket.emit_frame(&frame);
        Ok(())
    }
}

/// A server of bare Engine.IO, without Socket.IO on top.
pub trait EngineHandler: Send + Sync + 'static {
    /// One message. Must not block.
    fn message(&self, session: &crate::socket::EngineSession, message: EngineMessage);
}

/// A message of Engine.IO.
#[derive(Debug, Clone)]
pub enum EngineMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}
