//! What is asked of a worker.

use crate::frame::Frame;
use crate::handler::{Accept, Args, Handshake, Refusal};
use crate::id::Sid;
use crate::io::{Details, Room};
use crate::reason::Reason;
use crate::socket::Socket;
use bytes::Bytes;
use smallvec::SmallVec;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// Names a session or a socket of one worker. The serial is never used twice, the slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

pub(crate) type RoomList = SmallVec<[Room; 2]>;

/// Which sockets are meant.
#[derive(Debug, Clone)]
pub(crate) enum Scope {
    All,
    Rooms(RoomList),
}

#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) namespace: u16,
    pub(crate) scope: Scope,
    pub(crate) except_rooms: RoomList,
    pub(crate) except_sockets: SmallVec<[(u16, Key); 1]>,
    /// If set, of all these only those with this tag.
    pub(crate) only_tag: Option<Arc<str>>,
    pub(crate) except_tags: SmallVec<[Arc<str>; 1]>,
}

pub(crate) enum Action {
    /// The rooms are held in the registry for the worker that gets this.
    Join(RoomList),
    Leave(RoomList),
    Disconnect {
        close: bool,
        reason: Reason,
    },
    List(mpsc::UnboundedSender<Vec<Socket>>),
    Describe(mpsc::UnboundedSender<Vec<Details>>),
}

/// What the HTTP side answers a request with.
#[derive(Debug)]
pub(crate) enum HttpReply {
    /// 200 with packets.
    Packets(Vec<u8>),
    /// 200 `ok`.
    Accepted,
    /// 400 with an error of the Engine.IO protocol.
    Refused(EngineError),
}

/// The errors of the Engine.IO protocol, with the codes that the original server gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineError {
    UnknownTransport = 0,
    UnknownSession = 1,
    BadHandshakeMethod = 2,
    BadRequest = 3,
    Forbidden = 4,
    UnsupportedVersion = 5,
}

impl EngineError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }
}

/// A WebSocket whose HTTP upgrade is done, or that is to be told so.
pub(crate) struct NewWebSocket {
    pub(crate) stream: TcpStream,
    /// The answer to its request, where it was not sent.
    pub(crate) answer: Vec<u8>,
    /// What was read of it along with the HTTP request.
    pub(crate) read: Bytes,
    pub(crate) sid: Sid,
    /// `None` when it is to take over the polling session of that id.
    pub(crate) handshake: Option<Arc<Handshake>>,
}

pub(crate) enum Command {
    /// A session whose handshake was answered at `at`.
    OpenPolling {
        sid: Sid,
        at: Instant,
        handshake: Arc<Handshake>,
    },
    OpenWebSocket(Box<NewWebSocket>),
    /// Whether there is such a session.
    Lookup {
        sid: Sid,
        reply: oneshot::Sender<bool>,
    },
    Poll {
        sid: Sid,
        reply: oneshot::Sender<HttpReply>,
    },
    /// The client gave up its GET request before it was answered.
    PollAborted {
        sid: Sid,
    },
    Post {
        sid: Sid,
        body: String,
        reply: oneshot::Sender<HttpReply>,
    },
    /// The client broke the protocol in a way that the HTTP side saw.
    Fail {
        sid: Sid,
        reason: Reason,
    },

    ConnectDone {
        session: Key,
        namespace: u16,
        outcome: Result<Box<Accept>, Refusal>,
    },
    /// Part of what a client missed, before its CONNECT is answered.
    Early {
        session: Key,
        namespace: u16,
        frames: Vec<Frame>,
    },
    /// Answered once so few bytes wait to be sent; dropped when the session ends before.
    WhenDrained {
        session: Key,
        bytes: usize,
        reply: oneshot::Sender<()>,
    },
    EventDone {
        socket: Key,
    },
    Send {
        socket: Key,
        frame: Frame,
        volatile: bool,
    },
    SendSession {
        session: Key,
        frame: Frame,
    },
    EmitAck {
        socket: Key,
        id: u64,
        frame: Frame,
        reply: oneshot::Sender<Args>,
    },
    CancelAck {
        socket: Key,
        id: u64,
    },
    /// The rooms are held in the registry for this worker.
    Join {
        socket: Key,
        namespace: u16,
        rooms: RoomList,
    },
    Leave {
        socket: Key,
        rooms: RoomList,
    },
    ListRooms {
        socket: Key,
        reply: oneshot::Sender<Vec<Room>>,
    },
    Disconnect {
        socket: Key,
        close: bool,
        reason: Reason,
    },
    Deadline {
        socket: Key,
        at: Option<Instant>,
        reason: Reason,
    },

    Broadcast {
        target: Arc<Selection>,
        frame: Frame,
        volatile: bool,
    },
    Select {
        target: Arc<Selection>,
        action: Action,
    },
    Shutdown {
        deadline: Instant,
        done: oneshot::Sender<()>,
    },
}
