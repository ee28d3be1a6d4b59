//! Handles on one connected socket.

use crate::frame::{EncodeError, Frame};
use crate::handler::{Args, EngineMessage};
use crate::hub::Hub;
use crate::hub::command::{Command, Key};
use crate::io::{Io, Room, Rooms};
use crate::reason::Reason;
use serde::Serialize;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A socket: one client in one namespace. Cloning copies a pointer.
///
/// Every method is a message to the thread that owns the connection: it returns at once, and
/// those called from one thread take effect in the order of the calls. On a socket that is gone
/// they do nothing.
#[derive(Clone)]
pub struct Socket(Arc<Inner>);

struct Inner {
    id: Box<str>,
    data: Arc<dyn Any + Send + Sync>,
    hub: Arc<Hub>,
    key: Key,
    namespace: u16,
    worker: u16,
    /// The id of the next event that is sent with an acknowledgement.
    next_ack: AtomicU64,
}

/// Why an acknowledgement did not come.
#[derive(Debug, thiserror::Error)]
pub enum AckError {
    /// The client did not answer in time.
    #[error("no acknowledgement in time")]
    Timeout,
    /// The socket is gone.
    #[error("the socket is gone")]
    Gone,
    /// The event could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Socket {
    pub(crate) fn new(
        id: Box<str>,
        data: Arc<dyn Any + Send + Sync>,
        hub: Arc<Hub>,
        key: Key,
        namespace: u16,
        worker: u16,
    ) -> Self {
        Self(Arc::new(Inner { id, data, hub, key, namespace, worker, next_ack: AtomicU64::new(0) }))
    }

    /// The public id. It gives no access to the session.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.0.hub.namespace_name(self.0.namespace)
    }

    /// What [`crate::Accept::data`] was, when it is a `T`.
    pub fn data<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.data.downcast_ref()
    }

    /// The handle on all sockets of the namespace.
    pub fn io(&self) -> Io {
        Io::new(self.0.hub.clone(), self.0.namespace)
    }

    /// Sends an event; `args` is a tuple, an array or a slice.
    pub fn emit(&self, name: &str, args: &impl Serialize) -> Result<(), EncodeError> {
        self.emit_frame(&Frame::event(self.namespace(), name, args)?);
        Ok(())
    }

    /// Sends an event that is encoded already, for this socket's namespace.
    pub fn emit_frame(&self, frame: &Frame) {
        self.send(Command::Send { socket: self.0.key, frame: frame.clone(), volatile: false });
    }

    /// Sends an event unless something else waits to be sent.
    pub fn emit_volatile(&self, frame: &Frame) {
        self.send(Command::Send { socket: self.0.key, frame: frame.clone(), volatile: true });
    }

    /// Sends an event and waits for the client's answer.
    pub async fn emit_with_ack(
        &self,
        name: &str,
        args: &impl Serialize,
        timeout: Duration,
    ) -> Result<Args, AckError> {
        let id = self.0.next_ack.fetch_add(1, Ordering::Relaxed);
        let frame = Frame::builder(self.namespace(), name)?.args(args)?.ack_id(id).build()?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::EmitAck { socket: self.0.key, id, frame, reply });
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(args)) => Ok(args),
            Ok(Err(_)) => Err(AckError::Gone),
            Err(_) => {
                self.send(Command::CancelAck { socket: self.0.key, id });
                Err(AckError::Timeout)
            }
        }
    }

    /// Joins rooms. Joining twice is joining once.
    pub fn join(&self, rooms: impl Into<Rooms>) {
        let hub = &self.0.hub;
        let rooms = rooms.into().0;
        let held = rooms.iter().map(|r| hub.registry.hold(self.0.namespace, r, self.0.worker));
        let rooms = held.collect();
        self.send(Command::Join { socket: self.0.key, namespace: self.0.namespace, rooms });
    }

    /// Leaves rooms.
    pub fn leave(&self, rooms: impl Into<Rooms>) {
        self.send(Command::Leave { socket: self.0.key, rooms: rooms.into().0 });
    }

    /// The rooms that the socket is in; none when it is gone.
    pub async fn rooms(&self) -> Vec<Room> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::ListRooms { socket: self.0.key, reply });
        answer.await.unwrap_or_default()
    }

    /// Ends the socket. With `close` the whole connection is closed, and stock clients try to
    /// reconnect; without it the client is told to leave the namespace, and does not.
    pub fn disconnect(&self, close: bool, reason: Reason) {
        self.send(Command::Disconnect { socket: self.0.key, close, reason });
    }

    /// Closes the connection at a time, such as a token's expiry. `None` takes that back.
    pub fn set_deadline(&self, at: Option<Instant>, reason: Reason) {
        self.send(Command::Deadline { socket: self.0.key, at, reason });
    }

    pub(crate) fn key(&self) -> Key {
        self.0.key
    }

    pub(crate) fn worker(&self) -> u16 {
        self.0.worker
    }

    fn send(&self, command: Command) {
        self.0.hub.send(self.0.worker, command);
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// A session of bare Engine.IO.
#[derive(Clone)]
pub struct EngineSession {
    pub(crate) hub: Arc<Hub>,
    pub(crate) key: Key,
    pub(crate) worker: u16,
}

impl EngineSession {
    /// Sends a message.
    pub fn send(&self, message: &EngineMessage) {
        let frame = match message {
            EngineMessage::Text(text) => Frame::engine_text(format!("4{text}").as_bytes()),
            EngineMessage::Binary(bytes) => Frame::engine_binary(bytes),
        };
        self.hub.send(self.worker, Command::SendSession { session: self.key, frame });
    }
}

impl fmt::Debug for EngineSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineSession").finish_non_exhaustive()
    }
}
