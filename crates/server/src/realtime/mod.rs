//! The realtime gateway: who may connect, what clients may do, and how events reach their sockets
//! (contract §1).
//!
//! What holds always here:
//! - In `strict` access every socket has a user, by a token that is valid now: its end closes the
//!   socket ([`handshake`]).
//! - A socket is in a room only while its user may be. A join that was checked before a
//!   membership ended never takes effect after it ([`fence`]).
//! - Journaled events reach the sockets in the journal's order, and the ends of memberships stand
//!   among them in their place ([`sink`]).
//! - A client gets an answer to everything: its ack, or `room-error` where it asked for none.
//! - What a client sends never costs more than its limits allow ([`limits`]), and nothing here
//!   waits on a thread that owns connections: what needs the database goes into a future.
//!
//! # How to add a client event
//!
//! 1. A variant of [`events::ClientEvent`] with its arguments, in the catalogue (`crates/events`).
//! 2. If it joins a room of a new kind: who may, in [`joins`], by the token alone or by asking
//!    the slice that owns the room.
//! 3. Otherwise a [`events::Command`], and what it does, in [`gateway`].
//! 4. A row in the table of `tests/it/realtime/joins.rs`; a test fails until you do.

mod client;
mod entering;
pub mod everywhere;
mod fence;
mod gateway;
mod handshake;
mod joins;
mod limits;
mod live;
mod nodes;
mod presence;
mod quota;
pub mod recovery;
pub mod routes;
mod sink;
mod sockets;
mod store;
mod typing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use events::{Access, Audience, Event, Room};
use http::{Request, Response, StatusCode};
use serde::Serialize;
use socketio::{EncodeError, Frame, Io, Reason, Selector, Server, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::recovery::history::Address;

use crate::app::App;
use crate::bus::Bus;
use crate::config::{RealtimeConfig, RecoveryConfig};
use crate::extract::Session;
use crate::gather::Gather;

/// The namespace of all sockets.
const NAMESPACE: &str = "/";

/// Between two groups of sockets that a stop sends away.
const STEP: Duration = Duration::from_millis(50);
/// The smallest such group.
const AT_ONCE: usize = 50;
/// How long a stop waits for the last sessions to be written down.
const SAVE_GRACE: Duration = Duration::from_secs(1);

/// The realtime side of a node: a cheap handle, in [`App`].
#[derive(Clone)]
pub struct Realtime(Arc<Inner>);

struct Inner {
    access: Access,
    bus: Arc<Bus>,
    /// There from [`Realtime::start`] to [`Realtime::stop`]. Read for each event by all threads,
    /// which with a lock or a count would take its cache line from each other.
    running: ArcSwapOption<Running>,
    sockets: sockets::Sockets,
    /// Asks who may be in which room.
    members: Gather<joins::Asked, bool>,
    fence: fence::Fence,
    feed: recovery::feed::Feed,
    sessions: recovery::Sessions,
    people: presence::People,
    others: nodes::Others,
    elsewhere: quota::Elsewhere,
    asked: everywhere::Asked,
    /// Ends what [`Realtime::start`] spawned.
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Running {
    server: Server,
    io: Io,
}

impl Realtime {
    /// A handle that reaches no socket until [`start`](Self::start).
    pub fn new(config: &RealtimeConfig, recovery: &RecoveryConfig, bus: Arc<Bus>) -> Self {
        Self(Arc::new(Inner {
            bus,
            access: config.access,
            running: ArcSwapOption::empty(),
            sockets: sockets::Sockets::default(),
            members: Gather::new(|app, asked| Box::pin(joins::members(app, asked))),
            fence: fence::Fence::default(),
            feed: recovery::feed::Feed::new(recovery.memory),
            sessions: recovery::Sessions::default(),
            people: presence::People::new(config.presence_grace),
            others: nodes::Others::default(),
            elsewhere: quota::Elsewhere::default(),
            asked: everywhere::Asked::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Begins to take sockets and to hand on the journal.
    ///
    /// # Errors
    /// When the database or the threads for the connections are not to be had.
    pub async fn start(&self, app: &App) -> Result<(), String> {
        if self.0.access == Access::Open {
            tracing::warn!(
                "REALTIME_ACCESS=open: sockets need no token and may join any room, and every \
                 socket gets the events about money"
            );
        }
        nodes::enter(app).await.map_err(|error| format!("who was online: {error}"))?;
        self.0.feed.load(&app.journal).await.map_err(|error| format!("the journal: {error}"))?;
        let server = gateway::server(app).map_err(|error| format!("sockets: {error}"))?;
        let io = server.io();
        self.0.running.store(Some(Arc::new(Running { server, io })));
        let (tasks, stop) = (&self.0.tasks, &self.0.stop);
        let sink = Arc::new(sink::RoomSink::new(app));
        tasks.spawn(app.journal.clone().run(sink, stop.clone()));
        tasks.spawn(presence::run(app.clone(), stop.clone()));
        tasks.spawn(nodes::run(app.clone(), stop.clone()));
        tasks.spawn(recovery::save(app.clone(), stop.clone()));
        tasks.spawn(recovery::run(app.clone(), stop.clone()));
        tasks.spawn(Bus::run(app.clone(), Arc::new(sink::FromNodes::new(app)), stop.clone()));
        Ok(())
    }

    /// Sends the sockets away, a few at a time over the time of `SHUTDOWN_SPREAD`: so they do not
    /// all come to another node at once. Their connections are closed and not their sockets: stock
    /// clients come back by themselves.
    async fn send_away(&self, spread: Duration) {
        let Some(io) = self.io() else { return };
        let sockets = io.all().sockets().await;
        let steps = (spread.as_millis() / STEP.as_millis()).max(1) as usize;
        let few = sockets.len().div_ceil(steps).max(AT_ONCE);
        for (step, sockets) in sockets.chunks(few).enumerate() {
            if step > 0 {
                tokio::time::sleep(STEP).await;
            }
            for socket in sockets {
                socket.disconnect(true, Reason::ShuttingDown);
            }
        }
    }

    /// Closes every socket with a reason, within `grace`, and ends the tasks.
    pub async fn stop(&self, app: &App, grace: Duration) {
        let spread = app.config.recovery.spread.min(grace / 2);
        self.send_away(spread).await;
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        if let Some(io) = self.io() {
            io.shutdown(grace.saturating_sub(spread)).await;
        }
        // Where the database is lost, the rest of their clients get new sessions.
        let _ = tokio::time::timeout(SAVE_GRACE, recovery::save_all(app)).await;
        nodes::leave(app).await;
        // The server holds the application's state, which holds this.
        self.0.running.store(None);
    }

    fn server(&self) -> Option<Server> {
        self.0.running.load().as_ref().map(|running| running.server.clone())
    }

    fn io(&self) -> Option<Io> {
        self.0.running.load().as_ref().map(|running| running.io.clone())
    }

    /// Sets what the streams that a listener accepts need for [`open`](Self::open).
    pub fn prepare(&self, listener: &TcpListener) -> std::io::Result<()> {
        self.server().map_or(Ok(()), |server| server.prepare(listener))
    }

    /// Takes a connection that opens a WebSocket, if its request is here; gives any other back, for
    /// [`open`](Self::open).
    pub fn open_at_once(
        &self,
        stream: std::net::TcpStream,
        peer: SocketAddr,
    ) -> Option<std::net::TcpStream> {
        match self.0.running.load().as_ref() {
            Some(running) => running.server.open_at_once(stream, peer),
            None => Some(stream),
        }
    }

    /// Takes a connection that opens a WebSocket; gives any other back, to be served HTTP.
    pub async fn open(&self, stream: TcpStream, peer: SocketAddr) -> Option<TcpStream> {
        match self.server() {
            Some(server) => server.open(stream, peer).await,
            None => Some(stream),
        }
    }

    /// Answers a request to `/socket.io/`.
    pub async fn handle(&self, request: Request<axum::body::Body>) -> axum::response::Response {
        match self.server() {
            Some(server) => server.handle(request).await.map(axum::body::Body::new),
            None => unavailable(),
        }
    }

    /// Tells an event to those whom `address` names, now and without the journal: for what
    /// follows from no change of data. Everything else goes through [`crate::journal::Tx::emit`].
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    pub fn emit<E: Event>(&self, event: &E, address: &E::Address) -> Result<(), EncodeError> {
        for delivery in event.emission(self.0.access, address)?.deliveries {
            self.deliver_everywhere(E::NAME, &delivery.audience, &delivery.payload, None)?;
        }
        Ok(())
    }

    /// Sends any event to one room, without the journal (contract §1.7).
    ///
    /// # Errors
    /// When `data` cannot be encoded.
    pub fn emit_to_room(
        &self,
        room: Room,
        event: &str,
        data: &impl Serialize,
    ) -> Result<(), EncodeError> {
        self.deliver_everywhere(event, &Audience::room(room), data, None)
    }

    /// Sends any event to every socket, without the journal (contract §1.7). Rare.
    ///
    /// # Errors
    /// When `data` cannot be encoded.
    pub fn emit_global_event(&self, event: &str, data: &impl Serialize) -> Result<(), EncodeError> {
        self.emit_to_room(Room::Everyone, event, data)
    }

    /// Closes the sockets of a sign-in that has ended.
    pub fn end_session(&self, session: &Session) {
        for socket in self.0.sockets.of_session(session) {
            socket.disconnect(true, Reason::server(handshake::SIGNED_OUT));
        }
    }

    /// Sends the event to the sockets of this node, and of the others through the bus.
    fn deliver_everywhere(
        &self,
        name: &str,
        audience: &Audience,
        payload: &impl Serialize,
        but: Option<&Socket>,
    ) -> Result<(), EncodeError> {
        self.deliver(name, audience, payload, but)?;
        self.0.bus.publish(name, audience, payload);
        Ok(())
    }

    /// Encodes the event once and sends it to each socket of the audience.
    fn deliver(
        &self,
        name: &str,
        audience: &Audience,
        payload: &impl Serialize,
        but: Option<&Socket>,
    ) -> Result<(), EncodeError> {
        let frame = ephemeral(name, payload)?;
        self.emit_frame(&recovery::feed::address(audience), &frame, but);
        Ok(())
    }

    /// Sends an event to the sockets of an address, before the start and after the stop to none.
    fn emit_frame(&self, address: &Address, frame: &Frame, but: Option<&Socket>) {
        let running = self.0.running.load();
        let Some(running) = running.as_ref() else { return };
        let mut selector = select(&running.io, address);
        if let Some(socket) = but {
            selector = selector.except_socket(socket);
        }
        selector.emit(frame);
    }
}

/// The packet of an event that is not journaled.
fn ephemeral(name: &str, payload: &impl Serialize) -> Result<Frame, EncodeError> {
    let mut event = Frame::builder(NAMESPACE, name)?.arg(payload)?;
    if event.ends_in_text() {
        // A client takes a text at the end of an event for an offset.
        event = event.arg(&())?;
    }
    event.build()
}

/// The sockets of an address.
fn select<'io>(io: &'io Io, address: &Address) -> Selector<'io> {
    let mut selector = if address.everyone {
        io.all()
    } else {
        io.to(address.rooms.iter().cloned().collect::<socketio::Rooms>())
    };
    if let Some(user) = &address.only {
        selector = selector.only_tag(user.clone());
    }
    if let Some(user) = &address.except {
        selector = selector.except_tag(user.clone());
    }
    selector
}

fn unavailable() -> axum::response::Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
