//! Socket.IO v5 on a worker: CONNECT, events, acknowledgements, and the calls of the handler.

use super::command::{Command, Key};
use super::engine::Flow;
use super::rooms::Member;
use super::session::{NEVER, PartialPacket, SocketState, Transport};
use super::worker::{End, Worker};
use super::{App, count};
use crate::frame::Frame;
use crate::handler::{Accept, AckSender, Args, ConnectRequest, Event, Handler, Pending, Refusal};
use crate::id::Sid;
use crate::io::Details;
use crate::protocol::json::{self, JsonError};
use crate::protocol::packet::{self, Kind, Packet};
use crate::reason::Reason;
use crate::socket::Socket;
use bytes::Bytes;
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Calls the application; a panic there is logged and gives `None`.
pub(super) fn guarded<T>(what: &str, call: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(call));
    if result.is_err() {
        tracing::error!(handler = what, "the handler panicked");
    }
    result.ok()
}

/// The answer to a CONNECT that is accepted (Socket.IO protocol, "Connection to a namespace").
#[derive(Serialize)]
struct Connected<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<&'a str>,
    sid: &'a str,
}

impl Worker {
    fn handler(&self) -> Option<Arc<dyn Handler>> {
        match &self.hub.app {
            App::SocketIo(handler) => Some(handler.clone()),
            App::Engine(_) => None,
        }
    }

    /// A text message: one packet.
    pub(super) fn on_text(&mut self, slot: u32, text: &str) -> Flow {
        let max_attachments = self.hub.config.max_attachments;
        let Some(session) = self.sessions.get_mut(slot as usize) else { return Flow::Stop };
        if session.partial.is_some() {
            return self.fail(slot, Reason::Malformed("text instead of an attachment"));
        }
        let Ok(packet) = packet::parse(text) else {
            return self.fail(slot, Reason::Malformed("not a Socket.IO packet"));
        };
        match packet.attachments {
            Some(missing) if missing > max_attachments => {
                self.fail(slot, Reason::Malformed("too many attachments"))
            }
            Some(missing) if missing > 0 => {
                let attachments = Vec::new();
                let partial = PartialPacket { text: text.into(), missing, attachments };
                session.partial = Some(Box::new(partial));
                Flow::Go
            }
            _ => self.on_socket_packet(slot, &packet, Vec::new()),
        }
    }

    /// A binary message: the next attachment of the packet before it.
    pub(super) fn on_attachment(&mut self, slot: u32, bytes: Vec<u8>) -> Flow {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return Flow::Stop };
        let Some(partial) = &mut session.partial else {
            return self.fail(slot, Reason::Malformed("attachment without a packet"));
        };
        partial.attachments.push(bytes.into());
        if partial.attachments.len() < partial.missing {
            return Flow::Go;
        }
        let Some(partial) = session.partial.take() else { return Flow::Go };
        match packet::parse(&partial.text) {
            Ok(packet) => self.on_socket_packet(slot, &packet, partial.attachments),
            Err(_) => self.fail(slot, Reason::Malformed("not a Socket.IO packet")),
        }
    }

    fn on_socket_packet(
        &mut self,
        slot: u32,
        packet: &Packet<'_>,
        attachments: Vec<Bytes>,
    ) -> Flow {
        match packet.kind {
            Kind::Connect => self.on_connect(slot, packet),
            Kind::Disconnect => {
                if let Some(socket) = self.find_socket(slot, packet.namespace) {
                    self.end_socket(socket, Reason::ClientDisconnect);
                    self.after_leaving(slot);
                } else if self.is_connecting(slot, packet.namespace) {
                    // Stock clients do not do this; it would let one session have any number
                    // of CONNECTs decided on at once.
                    return self.fail(slot, Reason::ClientDisconnect);
                }
                Flow::Go
            }
            Kind::Event | Kind::Ack => self.on_event(slot, packet, attachments),
            Kind::ConnectError => self.fail(slot, Reason::Malformed("CONNECT_ERROR from a client")),
        }
    }

    /// A socket as it is now.
    pub(super) fn describe(&self, slot: u32) -> Details {
        let state = &self.sockets[slot as usize];
        let session = self.sessions.get(state.session as usize);
        Details {
            socket: state.handle.clone(),
            rooms: self.rooms.rooms_of(slot),
            websocket: session.is_some_and(|s| matches!(s.transport, Transport::WebSocket(_))),
            queued: session.map_or(0, |s| s.out.bytes()),
        }
    }

    fn find_socket(&self, session: u32, namespace: &str) -> Option<u32> {
        let index = self.hub.namespace_index(namespace)?;
        let sockets = &self.sessions.get(session as usize)?.sockets;
        let is = |slot: &&u32| {
            self.sockets.get(**slot as usize).is_some_and(|socket| socket.namespace == index)
        };
        sockets.iter().find(is).copied()
    }

    fn is_connecting(&self, session: u32, namespace: &str) -> bool {
        let connecting = self.sessions.get(session as usize).map(|s| &s.connecting);
        let index = self.hub.namespace_index(namespace);
        index.zip(connecting).is_some_and(|(index, connecting)| connecting.contains(&index))
    }

    // CONNECT -------------------------------------------------------------------------------

    fn on_connect(&mut self, slot: u32, packet: &Packet<'_>) -> Flow {
        let auth = packet.data;
        let good =
            auth.is_empty() || json::check_object(auth, self.hub.config.max_json_depth).is_ok();
        if !good {
            return self.fail(slot, Reason::Malformed("CONNECT payload is not an object"));
        }
        let Some(namespace) = self.hub.namespace_index(packet.namespace) else {
            let error = Refusal::new("Invalid namespace").to_json();
            let frame = Frame::packet(Kind::ConnectError, packet.namespace, &error);
            self.push(slot, &frame, false, false);
            return Flow::Go;
        };
        let known = self.find_socket(slot, packet.namespace).is_some();
        let Some(session) = self.sessions.get_mut(slot as usize) else { return Flow::Stop };
        if known || session.connecting.contains(&namespace) {
            return self.fail(slot, Reason::Malformed("CONNECT to a namespace twice"));
        }
        let Some(handshake) = session.handshake.clone() else {
            // The request is not kept for a client that left its only namespace: it is made to
            // begin again, which stock clients do by themselves.
            self.close(slot, Reason::server("connect again on a new connection"), End::Graceful);
            return Flow::Stop;
        };
        session.connecting.push(namespace);
        session.connect_by = NEVER;
        let key = Key { slot, serial: session.serial };
        let Some(handler) = self.handler() else { return Flow::Stop };
        let auth = if auth.is_empty() { None } else { RawValue::from_string(auth.to_owned()).ok() };
        let name = self.hub.namespaces[namespace as usize].clone();
        let (hub, worker) = (self.hub.clone(), self.index);
        let pending = Pending { hub, session: key, worker, namespace };
        let request = ConnectRequest { namespace: name, handshake, auth, pending };
        let refused = || Err(Refusal::new("internal error"));
        let Some(mut future) = guarded("connect", || handler.connect(request)) else {
            self.connect_done(key, namespace, refused());
            return Flow::Go;
        };
        match guarded("connect", || (&mut future).now_or_never()) {
            Some(Some(Ok(Accept { sent: true, .. }))) => {}
            Some(Some(outcome)) => self.connect_done(key, namespace, outcome),
            None => self.connect_done(key, namespace, refused()),
            Some(None) => {
                let (hub, worker) = (self.hub.clone(), self.index);
                self.hub.runtime.spawn(async move {
                    let outcome = AssertUnwindSafe(future).catch_unwind().await;
                    let outcome = outcome.unwrap_or_else(|_| {
                        tracing::error!(handler = "connect", "the handler panicked");
                        refused()
                    });
                    if matches!(&outcome, Ok(Accept { sent: true, .. })) {
                        return;
                    }
                    let outcome = outcome.map(Box::new);
                    hub.send(worker, Command::ConnectDone { session: key, namespace, outcome });
                });
            }
        }
        Flow::Go
    }

    /// Carries out the decision on a CONNECT, unless the session ended or left meanwhile.
    pub(super) fn connect_done(
        &mut self,
        key: Key,
        namespace: u16,
        outcome: Result<Accept, Refusal>,
    ) {
        let hub = self.hub.clone();
        let alive = self.session_alive(key);
        let session = self.sessions.get_mut(key.slot as usize).filter(|_| alive);
        let at = session.as_ref().and_then(|s| s.connecting.iter().position(|n| *n == namespace));
        let (Some(session), Some(at)) = (session, at) else {
            if let Ok(Accept { held: true, rooms, .. }) = &outcome {
                for room in rooms {
                    hub.registry.release(namespace, room, self.index);
                }
            }
            return;
        };
        session.connecting.remove(at);
        let outcome = outcome.and_then(|accept| {
            let id = match &accept.sid {
                Some(id) => id.clone(),
                None => Sid::new().map_err(|_| Refusal::new("internal error"))?.as_str().to_owned(),
            };
            Ok((accept, id))
        });
        let name = hub.namespace_name(namespace);
        let (accept, id) = match outcome {
            Ok(accepted) => accepted,
            Err(refusal) => {
                let frame = Frame::packet(Kind::ConnectError, name, &refusal.to_json());
                self.push(key.slot, &frame, false, false);
                self.after_leaving(key.slot);
                return;
            }
        };
        session.was_connected = true;
        if hub.namespaces.len() == 1 {
            session.handshake = None;
        }
        let answer = serde_json::to_string(&Connected { pid: accept.pid.as_deref(), sid: &id });
        // Texts always have a JSON form.
        let Ok(answer) = answer else { return };
        let serial = self.serial();
        let entry = self.sockets.vacant_entry();
        let slot = entry.key() as u32;
        let socket_key = Key { slot, serial };
        let id = id.into_boxed_str();
        let handle = Socket::new(id, accept.data, hub.clone(), socket_key, namespace, self.index);
        entry.insert(SocketState {
            serial,
            session: key.slot,
            namespace,
            handle: handle.clone(),
            tag: accept.tag,
            busy: false,
            pending: VecDeque::new(),
            acks: HashMap::new(),
            deadline: None,
            ended: None,
        });
        self.sessions[key.slot as usize].sockets.push(slot);
        let member = Member { socket: slot, session: key.slot };
        self.rooms.add(member, namespace);
        for room in accept.rooms {
            let room =
                if accept.held { room } else { hub.registry.hold(namespace, &room, self.index) };
            if !self.rooms.join(member, &room) {
                hub.registry.release(namespace, &room, self.index);
            }
        }
        count(&self.stats().sockets, 1);
        for frame in &accept.replay {
            self.push(key.slot, frame, false, false);
        }
        let connect = Frame::packet(Kind::Connect, name, &answer);
        self.push(key.slot, &connect, false, false);
        if let Some(handler) = self.handler() {
            guarded("connected", || handler.connected(&handle));
        }
    }

    /// Sends part of what a client missed, while its CONNECT is being decided on.
    pub(super) fn send_early(&mut self, key: Key, namespace: u16, frames: &[Frame]) {
        let session = self.sessions.get(key.slot as usize).filter(|_| self.session_alive(key));
        if session.is_some_and(|session| session.connecting.contains(&namespace)) {
            for frame in frames {
                self.push(key.slot, frame, false, false);
            }
        }
    }

    /// A session without any namespace has again only so long to connect to one.
    fn after_leaving(&mut self, slot: u32) {
        let by = self.now + self.hub.config.connect_timeout.as_millis() as u64;
        if let Some(session) = self.sessions.get_mut(slot as usize)
            && session.sockets.is_empty()
            && session.connecting.is_empty()
        {
            session.connect_by = by;
            self.set_timer(slot);
        }
    }

    // Events --------------------------------------------------------------------------------

    fn on_event(&mut self, slot: u32, packet: &Packet<'_>, attachments: Vec<Bytes>) -> Flow {
        let mut elements = match json::elements(packet.data, self.hub.config.max_json_depth) {
            Ok(elements) => elements,
            Err(JsonError::TooDeep) => {
                return self.fail(slot, Reason::Malformed("JSON nested too deep"));
            }
            Err(JsonError::Malformed) => {
                return self.fail(slot, Reason::Malformed("payload is not a JSON array"));
            }
        };
        let Some(socket) = self.find_socket(slot, packet.namespace) else {
            // It may have been sent before the client learnt that the server ended the socket.
            let late = self.sessions.get(slot as usize).is_some_and(|s| s.was_connected);
            let reason = Reason::Malformed("packet before CONNECT");
            return if late { Flow::Go } else { self.fail(slot, reason) };
        };
        let state = &mut self.sockets[socket as usize];
        if packet.kind == Kind::Ack {
            // Without a waiter it came too late, or answers nothing that was asked.
            if let Some(waiter) = packet.id.and_then(|id| state.acks.remove(&id)) {
                let _ = waiter.send(Args::new(packet.data, elements, attachments));
            }
            return Flow::Go;
        }
        let name = (!elements.is_empty()).then(|| elements.remove(0));
        let name = name.and_then(|r| packet.data.get(r.start as usize..r.end as usize));
        let Some(name) = name.and_then(event_name) else {
            return self.fail(slot, Reason::Malformed("bad event name"));
        };
        let ack = packet.id.map(|id| AckSender::new(state.handle.clone(), id));
        let event = Event { name, args: Args::new(packet.data, elements, attachments), ack };
        if state.busy {
            state.pending.push_back(event);
            if state.pending.len() >= self.hub.config.max_pending_events
                && let Some(session) = self.sessions.get_mut(slot as usize)
            {
                session.paused = true;
            }
        } else {
            self.run_event(socket, event);
        }
        Flow::Go
    }

    /// Hands an event to the handler. What does not finish at once goes on in a task.
    fn run_event(&mut self, socket: u32, event: Event) {
        let App::SocketIo(handler) = &self.hub.app else { return };
        let Some(state) = self.sockets.get(socket as usize) else { return };
        let key = Key { slot: socket, serial: state.serial };
        let Some(Some(mut future)) = guarded("event", || handler.event(&state.handle, event))
        else {
            return;
        };
        if guarded("event", || (&mut future).now_or_never()) == Some(None) {
            if let Some(state) = self.sockets.get_mut(socket as usize) {
                state.busy = true;
            }
            let (hub, worker) = (self.hub.clone(), self.index);
            self.hub.runtime.spawn(async move {
                if AssertUnwindSafe(future).catch_unwind().await.is_err() {
                    tracing::error!(handler = "event", "the handler panicked");
                }
                hub.send(worker, Command::EventDone { socket: key });
            });
        }
    }

    /// An event's future has ended: the next event of that socket has its turn.
    pub(super) fn event_done(&mut self, key: Key) {
        let Some(state) = self.sockets.get_mut(key.slot as usize) else { return };
        if state.serial != key.serial {
            return;
        }
        state.busy = false;
        while let Some(state) = self.sockets.get_mut(key.slot as usize)
            && !state.busy
            && let Some(event) = state.pending.pop_front()
        {
            self.run_event(key.slot, event);
        }
        let Some(state) = self.sockets.get(key.slot as usize) else { return };
        if state.ended.is_some() {
            if !state.busy {
                self.finish_socket(key.slot);
            }
            return;
        }
        let slot = state.session;
        let max = self.hub.config.max_pending_events;
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let full = |socket: &u32| {
            self.sockets.get(*socket as usize).is_some_and(|s| s.pending.len() >= max.div_ceil(2))
        };
        if session.paused && !session.sockets.iter().any(full) {
            session.paused = false;
            self.unread.push(slot);
        }
    }

    // The end -------------------------------------------------------------------------------

    /// Ends a socket at the server's wish.
    pub(super) fn disconnect_socket(&mut self, socket: u32, close: bool, reason: Reason) {
        let Some(state) = self.sockets.get(socket as usize) else { return };
        let session = state.session;
        if close {
            self.close(session, reason, End::Graceful);
            return;
        }
        let frame = Frame::packet(Kind::Disconnect, state.handle.namespace(), "");
        self.push(session, &frame, false, false);
        self.end_socket(socket, reason);
        self.after_leaving(session);
    }

    /// Takes a socket out of its rooms and its session. The handler is told once the running
    /// event has ended.
    pub(super) fn end_socket(&mut self, socket: u32, reason: Reason) {
        let Some(state) = self.sockets.get_mut(socket as usize) else { return };
        if state.ended.is_some() {
            return;
        }
        state.acks = HashMap::new();
        if !reason.is_clients() {
            state.pending.clear();
        }
        state.ended = Some(Box::new(reason));
        let (busy, session) = (state.busy, state.session);
        let namespace = state.namespace;
        for room in self.rooms.remove(socket) {
            self.hub.registry.release(namespace, &room, self.index);
        }
        let sockets = &self.stats().sockets;
        sockets.store(sockets.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        if let Some(session) = self.sessions.get_mut(session as usize) {
            session.sockets.retain(|s| *s != socket);
            // Events that wait for this socket no longer hold back the others.
            if std::mem::take(&mut session.paused) {
                let slot = self.sockets[socket as usize].session;
                self.unread.push(slot);
            }
        }
        self.update_deadline(session);
        if !busy {
            self.finish_socket(socket);
        }
    }

    fn finish_socket(&mut self, socket: u32) {
        let Some(state) = self.sockets.try_remove(socket as usize) else { return };
        let reason = state.ended.map_or(Reason::TransportClose, |reason| *reason);
        if let Some(handler) = self.handler() {
            guarded("disconnected", || handler.disconnected(&state.handle, reason));
        }
    }
}

/// The name of an event from its JSON: text that is not reserved, or a number.
fn event_name(json: &str) -> Option<Box<str>> {
    if json.starts_with('"') {
        let name: Box<str> = serde_json::from_str(json).ok()?;
        return (!packet::RESERVED.contains(&&*name)).then_some(name);
    }
    json.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then(|| json.into())
}
