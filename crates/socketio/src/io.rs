//! The handle on all sockets: rooms, broadcasts, figures, the end.

use crate::frame::{EncodeError, Frame};
use crate::hub::Hub;
use crate::hub::command::{Action, Command, Scope, Selection};
use crate::reason::{self, Reason};
use crate::socket::Socket;
use serde::Serialize;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// A room's name.
pub type Room = Arc<str>;

/// One room or several.
#[derive(Debug, Clone, Default)]
pub struct Rooms(pub(crate) SmallVec<[Room; 2]>);

impl From<&str> for Rooms {
    fn from(room: &str) -> Self {
        Self(SmallVec::from_iter([Room::from(room)]))
    }
}

impl From<&String> for Rooms {
    fn from(room: &String) -> Self {
        Self::from(room.as_str())
    }
}

impl From<String> for Rooms {
    fn from(room: String) -> Self {
        Self::from(room.as_str())
    }
}

impl From<Room> for Rooms {
    fn from(room: Room) -> Self {
        Self(SmallVec::from_iter([room]))
    }
}

impl<T: Into<Room>> From<Vec<T>> for Rooms {
    fn from(rooms: Vec<T>) -> Self {
        rooms.into_iter().collect()
    }
}

impl<T: AsRef<str>> From<&[T]> for Rooms {
    fn from(rooms: &[T]) -> Self {
        rooms.iter().map(|room| Room::from(room.as_ref())).collect()
    }
}

impl<T: Into<Room>, const N: usize> From<[T; N]> for Rooms {
    fn from(rooms: [T; N]) -> Self {
        rooms.into_iter().collect()
    }
}

impl<T: Into<Room>> FromIterator<T> for Rooms {
    fn from_iter<I: IntoIterator<Item = T>>(rooms: I) -> Self {
        Self(rooms.into_iter().map(Into::into).collect())
    }
}

/// The handle on all sockets of one namespace. Cloning is cheap.
///
/// What is sent from one thread takes effect in the order sent, on every socket: an emit after a
/// join reaches the socket that joined.
#[derive(Clone)]
pub struct Io {
    hub: Arc<Hub>,
    namespace: u16,
}

/// Figures of a server since its start, and of now.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Sockets that are connected to a namespace.
    pub sockets: u64,
    /// Sessions on HTTP long-polling.
    pub polling: u64,
    /// Sessions on WebSocket.
    pub websocket: u64,
    /// Sessions opened since the start.
    pub opened: u64,
    /// Packets handed to the kernel or to HTTP since the start.
    pub packets_sent: u64,
    /// Bytes handed to the kernel or to HTTP since the start.
    pub bytes_sent: u64,
    /// Packets received since the start.
    pub packets_received: u64,
    /// Sessions closed since the start, by [`Reason::code`].
    pub closed: Vec<(&'static str, u64)>,
}

/// A socket as it is at a moment. See [`Selector::details`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Details {
    /// The socket.
    pub socket: Socket,
    /// The rooms that it is in.
    pub rooms: Vec<Room>,
    /// Whether it is on WebSocket, and not on HTTP long-polling.
    pub websocket: bool,
    /// Unsent bytes of its session.
    pub queued: usize,
}

impl Io {
    pub(crate) fn new(hub: Arc<Hub>, namespace: u16) -> Self {
        Self { hub, namespace }
    }

    /// The same handle for another namespace; `None` when the server has no such namespace.
    pub fn of(&self, namespace: &str) -> Option<Self> {
        let namespace = self.hub.namespace_index(namespace)?;
        Some(Self { hub: self.hub.clone(), namespace })
    }

    /// The sockets in any of the rooms; a socket in several of them counts once.
    pub fn to(&self, rooms: impl Into<Rooms>) -> Selector<'_> {
        self.select(Scope::Rooms(rooms.into().0))
    }

    /// All sockets of the namespace.
    pub fn all(&self) -> Selector<'_> {
        self.select(Scope::All)
    }

    fn select(&self, scope: Scope) -> Selector<'_> {
        let selection = Selection {
            namespace: self.namespace,
            scope,
            except_rooms: SmallVec::new(),
            except_sockets: SmallVec::new(),
            only_tag: None,
            except_tags: SmallVec::new(),
        };
        Selector { hub: &self.hub, selection, volatile: false }
    }

    /// The server's figures.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        let mut closed = [0; reason::CODES];
        for link in &self.hub.workers {
            let from = &link.stats;
            let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            stats.sockets += read(&from.sockets);
            stats.polling += read(&from.polling);
            stats.websocket += read(&from.websocket);
            stats.opened += read(&from.opened);
            stats.packets_sent += read(&from.packets_sent);
            stats.bytes_sent += read(&from.bytes_sent);
            stats.packets_received += read(&from.packets_received);
            for (sum, counter) in closed.iter_mut().zip(&from.closed) {
                *sum += read(counter);
            }
        }
        stats.closed = closed.iter().enumerate().map(|(i, n)| (Reason::code_at(i), *n)).collect();
        stats
    }

    /// Ends the server: no new sessions, every session closed as "server shutting down", and the
    /// workers stopped. Returns when all that is done and every
    /// [`crate::Handler::disconnected`] has run, or after `grace` at the latest: then what is
    /// still open is cut.
    pub async fn shutdown(&self, grace: Duration) {
        self.hub.closing.store(true, Ordering::SeqCst);
        let deadline = Instant::now() + grace;
        let mut ends = Vec::new();
        for worker in 0..self.hub.workers.len() {
            let (done, end) = oneshot::channel();
            self.hub.send(worker as u16, Command::Shutdown { deadline, done });
            ends.push(end);
        }
        for end in ends {
            // A worker that is gone has nothing left to end.
            let _ = end.await;
        }
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("namespace", &self.hub.namespace_name(self.namespace))
            .finish_non_exhaustive()
    }
}

/// Some of a namespace's sockets. See [`Io::to`] and [`Io::all`].
#[derive(Clone)]
#[must_use]
pub struct Selector<'io> {
    // Borrowed: threads that count references to the hub at each emit take its count from each other.
    hub: &'io Hub,
    selection: Selection,
    volatile: bool,
}

impl Selector<'_> {
    /// Leaves out the sockets in any of the rooms.
    pub fn except(mut self, rooms: impl Into<Rooms>) -> Self {
        self.selection.except_rooms.extend(rooms.into().0);
        self
    }

    /// Leaves out one socket, such as the sender.
    pub fn except_socket(mut self, socket: &Socket) -> Self {
        self.selection.except_sockets.push((socket.worker(), socket.key()));
        self
    }

    /// Narrows the choice down to the sockets with this [`crate::Accept::tag`].
    pub fn only_tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.selection.only_tag = Some(tag.into());
        self
    }

    /// Leaves out the sockets with this [`crate::Accept::tag`].
    pub fn except_tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.selection.except_tags.push(tag.into());
        self
    }

    /// Makes the next emit skip sockets that something else waits to be sent to.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sends an event that is encoded already, for this namespace.
    pub fn emit(self, frame: &Frame) {
        let (mask, volatile, frame) = (self.workers(), self.volatile, frame.clone());
        let target = Arc::new(self.selection);
        self.hub.send_each(mask, |_| Command::Broadcast {
            target: target.clone(),
            frame: frame.clone(),
            volatile,
        });
    }

    /// Sends an event; `args` is a tuple, an array or a slice.
    pub fn emit_event(self, name: &str, args: &impl Serialize) -> Result<(), EncodeError> {
        let frame = Frame::event(self.hub.namespace_name(self.selection.namespace), name, args)?;
        self.emit(&frame);
        Ok(())
    }

    /// Puts the sockets into further rooms.
    pub fn join(self, rooms: impl Into<Rooms>) {
        let (rooms, namespace, hub) = (rooms.into().0, self.selection.namespace, self.hub);
        self.act(|worker| {
            let held = rooms.iter().map(|room| hub.registry.hold(namespace, room, worker));
            Action::Join(held.collect())
        });
    }

    /// Takes the sockets out of rooms.
    pub fn leave(self, rooms: impl Into<Rooms>) {
        let rooms = rooms.into().0;
        self.act(|_| Action::Leave(rooms.clone()));
    }

    /// Ends the sockets; see [`Socket::disconnect`] for `close`.
    pub fn disconnect(self, close: bool, reason: Reason) {
        self.act(|_| Action::Disconnect { close, reason: reason.clone() });
    }

    /// How many sockets there are at this place among all that is sent from this thread.
    pub fn count(self) -> impl Future<Output = usize> + use<> {
        let sockets = self.sockets();
        async { sockets.await.len() }
    }

    /// The sockets, as they are at this place among all that is sent from this thread.
    pub fn sockets(self) -> impl Future<Output = Vec<Socket>> + use<> {
        let (reply, lists) = mpsc::unbounded_channel();
        self.act(|_| Action::List(reply.clone()));
        gather(lists)
    }

    /// The sockets with their rooms, transports and queues, as they are at this place among all
    /// that is sent from this thread.
    pub fn details(self) -> impl Future<Output = Vec<Details>> + use<> {
        let (reply, lists) = mpsc::unbounded_channel();
        self.act(|_| Action::Describe(reply.clone()));
        gather(lists)
    }

    fn act(self, action: impl Fn(u16) -> Action) {
        let mask = self.workers();
        let target = Arc::new(self.selection);
        self.hub.send_each(mask, |worker| Command::Select {
            target: target.clone(),
            action: action(worker),
        });
    }

    /// The workers that may have such sockets, as bits.
    fn workers(&self) -> u64 {
        match &self.selection.scope {
            Scope::All => u64::MAX,
            Scope::Rooms(_) if self.hub.workers.len() == 1 => 1,
            Scope::Rooms(rooms) => rooms
                .iter()
                .map(|room| self.hub.registry.workers(self.selection.namespace, room))
                .fold(0, |mask, workers| mask | workers),
        }
    }
}

/// What all workers answer.
async fn gather<T>(mut lists: mpsc::UnboundedReceiver<Vec<T>>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(list) = lists.recv().await {
        all.extend(list);
    }
    all
}

impl fmt::Debug for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("selection", &self.selection).finish_non_exhaustive()
    }
}
