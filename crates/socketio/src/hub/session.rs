//! The state of one session, and of one socket on it.

use super::command::{HttpReply, Key};
use super::queue::OutQueue;
use crate::handler::{Args, Event, Handshake};
use crate::id::Sid;
use crate::protocol::frame::Decoder;
use crate::reason::Reason;
use crate::socket::Socket;
use bytes::Bytes;
use mio::net::TcpStream;
use smallvec::SmallVec;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A time in milliseconds since the worker's start.
pub(super) type Millis = u64;

/// A time that never comes.
pub(super) const NEVER: Millis = Millis::MAX;

/// An Engine.IO session.
pub(super) struct Session {
    pub(super) serial: u64,
    pub(super) sid: Sid,
    pub(super) transport: Transport,
    pub(super) out: OutQueue,
    /// Who waits until at most so many bytes wait to be sent.
    pub(super) drain: Option<Box<(usize, oneshot::Sender<()>)>>,
    /// Since when the kernel takes no more; moved on by every byte that it takes.
    pub(super) blocked_since: Option<Millis>,
    /// Slots of the sockets on this session, one for each namespace.
    pub(super) sockets: SmallVec<[u32; 2]>,
    /// Namespaces whose CONNECT is being decided on.
    pub(super) connecting: SmallVec<[u16; 4]>,
    pub(super) was_connected: bool,
    /// A binary packet whose attachments have not all come.
    pub(super) partial: Option<Box<PartialPacket>>,
    /// The HTTP request; dropped when no further namespace can ask for it.
    pub(super) handshake: Option<Arc<Handshake>>,
    /// When the next ping goes out, or by when the pong must come.
    pub(super) ping_at: Millis,
    pub(super) awaits_pong: bool,
    /// By when a namespace must be connected.
    pub(super) connect_by: Millis,
    /// The earliest deadline of the sockets.
    pub(super) deadline: Millis,
    /// When the worker's timer looks at this session next.
    pub(super) timer_at: Millis,
    /// A WebSocket that is tried for an upgrade: its slot, and by when it must be done.
    pub(super) probe: Option<(u32, Millis)>,
    /// Whether that WebSocket has answered; polls are then answered at once.
    pub(super) probed: bool,
    /// Nothing is read because too many events wait.
    pub(super) paused: bool,
    /// In the list of those to be flushed soon.
    pub(super) urgent: bool,
    /// In the list of those to be flushed in slices.
    pub(super) bulk: bool,
    /// Ended; the connection is kept until then for the close frame to arrive.
    pub(super) closing: Option<Millis>,
}

impl Session {
    /// The next time at which something is due.
    pub(super) fn next_due(&self, stall_max: Millis) -> Millis {
        if let Some(until) = self.closing {
            return until;
        }
        let stall = self.blocked_since.map_or(NEVER, |since| since + stall_max);
        let probe = self.probe.map_or(NEVER, |(_, until)| until);
        self.ping_at.min(self.connect_by).min(self.deadline).min(stall).min(probe)
    }

    /// Answers who waits until little enough waits to be sent.
    pub(super) fn tell_drained(&mut self) {
        if let Some(waiter) = self.drain.take_if(|waiter| self.out.bytes() <= waiter.0) {
            let _ = waiter.1.send(());
        }
    }
}

pub(super) enum Transport {
    WebSocket(WebSocket),
    Polling(Box<Polling>),
}

pub(super) struct WebSocket {
    pub(super) stream: TcpStream,
    pub(super) decoder: Decoder,
    /// Bytes that were read but not looked at, because the session was paused.
    pub(super) backlog: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Polling {
    /// The GET request that waits for packets.
    pub(super) parked: Option<oneshot::Sender<HttpReply>>,
    /// The POST request whose packets are not all handled, because the session is paused.
    pub(super) post: Option<Post>,
}

pub(super) struct Post {
    pub(super) body: String,
    /// How much of the body is handled.
    pub(super) at: usize,
    pub(super) reply: oneshot::Sender<HttpReply>,
}

/// A WebSocket that is tried for an upgrade.
pub(super) struct Probe {
    pub(super) websocket: WebSocket,
    pub(super) session: Key,
}

pub(super) struct PartialPacket {
    pub(super) text: Box<str>,
    pub(super) missing: usize,
    pub(super) attachments: Vec<Bytes>,
}

/// A client in a namespace.
pub(super) struct SocketState {
    pub(super) serial: u64,
    pub(super) session: u32,
    pub(super) namespace: u16,
    pub(super) handle: Socket,
    pub(super) tag: Option<Arc<str>>,
    /// An event's future is running.
    pub(super) busy: bool,
    /// Events that wait for it.
    pub(super) pending: VecDeque<Event>,
    /// Who waits for which acknowledgement.
    pub(super) acks: HashMap<u64, oneshot::Sender<Args>>,
    pub(super) deadline: Option<Box<(Millis, Reason)>>,
    /// Set when the socket is gone and only its running event keeps it.
    pub(super) ended: Option<Box<Reason>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an idle session on a WebSocket costs, beside its entries in rooms and timers.
    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<Session>() <= 512, "{} bytes", size_of::<Session>());
        assert!(size_of::<SocketState>() <= 256, "{} bytes", size_of::<SocketState>());
    }
}
