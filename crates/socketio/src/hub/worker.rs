//! One thread with its connections: the loop, the timers, the commands, the flushing.
//!
//! A turn of the loop: take what the kernel has, run timers, carry out commands, write. Sockets
//! that a small room's event made dirty are all written to; those of a large broadcast in slices,
//! with another turn between two slices, so that a room of 10,000 does not hold up one of two.

use super::command::{Action, Command, Key, Selection};
use super::rooms::{Member, RoomTable};
use super::session::{Millis, NEVER, Probe, Session, SocketState};
use super::{Counters, Hub, WorkerLink};
use crate::frame::Frame;
use crate::id::Sid;
use crate::reason::Reason;
use mio::{Events, Poll, Token};
use slab::Slab;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The token of the wake-up.
pub(super) const WAKE: Token = Token(usize::MAX);

/// How many sockets are flushed of a large broadcast before other work has its turn.
pub(super) const SLICE: usize = 64;

/// How many commands one turn carries out.
const COMMANDS: usize = 1024;

/// How many buffers one connection may fill before others have their turn.
pub(super) const READS: usize = 4;

/// The size in bytes of the buffer that all connections are read into.
const READ_BUFFER: usize = 64 * 1024;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// What is queued and a close frame are still sent.
    Graceful,
    /// The connection is reset and what is queued is thrown away.
    Cut,
    /// The connection is gone already.
    Gone,
}

pub(super) struct Worker {
    pub(super) hub: Arc<Hub>,
    pub(super) index: u16,
    pub(super) poll: Poll,
    /// Commands that were taken out of the mailbox together.
    commands: VecDeque<Command>,
    started: Instant,
    pub(super) now: Millis,
    next_serial: u64,
    pub(super) sessions: Slab<Session>,
    pub(super) by_sid: HashMap<Sid, u32>,
    pub(super) probes: Slab<Probe>,
    pub(super) sockets: Slab<SocketState>,
    pub(super) rooms: RoomTable,
    /// Due time, slot and serial of sessions. A session has one entry that counts, the one at its
    /// `timer_at`; it looks at everything that may be due.
    timers: BinaryHeap<Reverse<(Millis, u32, u64)>>,
    /// Taken while it is in use.
    pub(super) buffer: Vec<u8>,
    /// Kept for its memory.
    readable: Vec<u32>,
    /// Sessions that are flushed in this turn.
    pub(super) urgent: Vec<u32>,
    /// Sessions that are flushed in slices.
    pub(super) bulk: VecDeque<u32>,
    /// Sessions with more to read than one turn takes, or that were paused.
    pub(super) unread: Vec<u32>,
    /// Sessions to be closed when the step at hand is done.
    doomed: Vec<(u32, u64, Reason, End)>,
    /// Kept for its memory.
    targets: Vec<u32>,
    /// There where the kernel has it.
    pub(super) ring: Option<super::ring::Ring>,
    shutdown: Option<(Millis, SmallVec<[oneshot::Sender<()>; 1]>)>,
}

impl Worker {
    pub(super) fn new(hub: Arc<Hub>, index: u16, poll: Poll) -> Self {
        let rooms = RoomTable::new(hub.namespaces.len());
        Self {
            hub,
            index,
            poll,
            commands: VecDeque::new(),
            started: Instant::now(),
            now: 0,
            next_serial: 0,
            sessions: Slab::new(),
            by_sid: HashMap::new(),
            probes: Slab::new(),
            sockets: Slab::new(),
            rooms,
            timers: BinaryHeap::new(),
            buffer: Vec::new(),
            readable: Vec::new(),
            urgent: Vec::new(),
            bulk: VecDeque::new(),
            unread: Vec::new(),
            doomed: Vec::new(),
            targets: Vec::new(),
            ring: None,
            shutdown: None,
        }
    }

    /// Runs until the server is shut down.
    pub(super) fn run(mut self) {
        let runtime = self.hub.runtime.clone();
        let _entered = runtime.enter();
        // Made by the thread that uses it.
        if self.hub.config.io_uring {
            self.ring = super::ring::Ring::new();
        }
        let mut events = Events::with_capacity(1024);
        let mut more = false;
        loop {
            if self.buffer.len() != READ_BUFFER {
                self.buffer.resize(READ_BUFFER, 0);
            }
            // The application's panics are caught where it is called. One that gets here is a
            // fault of this crate; the other sessions go on.
            match catch_unwind(AssertUnwindSafe(|| self.turn(&mut events, more))) {
                Ok(Some(again)) => more = again,
                Ok(None) => return,
                Err(_) => {
                    tracing::error!(worker = self.index, "a worker's turn panicked");
                    more = true;
                }
            }
        }
    }

    fn link(&self) -> &WorkerLink {
        &self.hub.workers[self.index as usize]
    }

    pub(super) fn stats(&self) -> &Counters {
        &self.link().stats
    }

    pub(super) fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    /// A time on this worker's clock.
    pub(super) fn millis(&self, at: Instant) -> Millis {
        at.saturating_duration_since(self.started).as_millis() as Millis
    }

    fn tick(&mut self) {
        self.now = self.started.elapsed().as_millis() as Millis;
    }

    /// One turn. Whether there is more to do at once; `None` when the worker has ended.
    fn turn(&mut self, events: &mut Events, more: bool) -> Option<bool> {
        let mut next = None;
        let mut wait = Some(Duration::ZERO);
        if !more {
            self.link().sleeping.store(true, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            next = self.next_command();
            if next.is_none() {
                self.tick();
                wait = self.until_next_timer();
            }
        }
        if let Err(error) = self.poll.poll(events, wait)
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "waiting for connections failed");
        }
        self.link().sleeping.store(false, Ordering::SeqCst);
        self.tick();

        let mut readable = std::mem::take(&mut self.readable);
        for event in &*events {
            let Token(token) = event.token();
            if event.token() == WAKE {
                continue;
            }
            let slot = (token / 2) as u32;
            if token % 2 == 1 {
                self.probe_readable(slot);
                continue;
            }
            if event.is_writable() {
                self.writable(slot);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                readable.push(slot);
            }
        }
        for slots in readable.chunks(SLICE) {
            self.read_each(slots);
        }
        readable.clear();
        self.readable = readable;
        for slot in std::mem::take(&mut self.unread) {
            self.resume(slot);
        }
        self.run_timers();
        let mut left = COMMANDS;
        while let Some(command) = next.take().or_else(|| self.next_command()) {
            self.carry_out(command);
            self.close_doomed();
            left -= 1;
            if left == 0 {
                break;
            }
        }
        self.flush_dirty();
        self.close_doomed();
        if self.has_ended() {
            return None;
        }
        Some(
            left == 0
                || !self.bulk.is_empty()
                || !self.unread.is_empty()
                || !self.urgent.is_empty(),
        )
    }

    fn next_command(&mut self) -> Option<Command> {
        self.hub.workers[self.index as usize].mailbox.next(&mut self.commands)
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::OpenPolling { sid, at, handshake } => self.open_polling(sid, at, handshake),
            Command::OpenWebSocket(new) => self.open_websocket(*new),
            Command::Lookup { sid, reply } => {
                let _ = reply.send(self.by_sid.contains_key(&sid));
            }
            Command::Poll { sid, reply } => self.poll_request(sid, reply),
            Command::PollAborted { sid } => self.poll_aborted(sid),
            Command::Post { sid, body, reply } => self.post_request(sid, body, reply),
            Command::Fail { sid, reason } => {
                if let Some(slot) = self.by_sid.get(&sid) {
                    self.close(*slot, reason, End::Graceful);
                }
            }
            Command::ConnectDone { session, namespace, outcome } => {
                self.connect_done(session, namespace, outcome.map(|accept| *accept));
            }
            Command::Early { session, namespace, frames } => {
                self.send_early(session, namespace, &frames);
            }
            Command::WhenDrained { session, bytes, reply } => {
                if self.session_alive(session)
                    && let Some(session) = self.sessions.get_mut(session.slot as usize)
                {
                    session.drain = Some(Box::new((bytes, reply)));
                    session.tell_drained();
                }
            }
            Command::EventDone { socket } => self.event_done(socket),
            Command::Send { socket, frame, volatile } => {
                if let Some(state) = self.socket(socket) {
                    let session = state.session;
                    self.push(session, &frame, volatile, false);
                }
            }
            Command::SendSession { session, frame } => {
                if self.session_alive(session) {
                    self.push(session.slot, &frame, false, false);
                }
            }
            Command::EmitAck { socket, id, frame, reply } => {
                if let Some(state) = self.socket(socket) {
                    if state.acks.len() >= 64 {
                        // Those whose callers stopped waiting without saying so.
                        state.acks.retain(|_, waiter| !waiter.is_closed());
                    }
                    state.acks.insert(id, reply);
                    let session = state.session;
                    self.push(session, &frame, false, false);
                }
            }
            Command::CancelAck { socket, id } => {
                if let Some(state) = self.socket(socket) {
                    state.acks.remove(&id);
                }
            }
            Command::Join { socket, namespace, rooms } => {
                let session = self.socket(socket).map(|state| state.session);
                for room in rooms {
                    let joined = session.is_some_and(|session| {
                        self.rooms.join(Member { socket: socket.slot, session }, &room)
                    });
                    // The count that was held now stands for the membership, if it is a new one.
                    if !joined {
                        self.hub.registry.release(namespace, &room, self.index);
                    }
                }
            }
            Command::Leave { socket, rooms } => {
                if let Some(state) = self.socket(socket) {
                    let namespace = state.namespace;
                    for room in rooms {
                        self.leave(socket.slot, namespace, &room);
                    }
                }
            }
            Command::ListRooms { socket, reply } => {
                let alive = self.socket(socket).is_some();
                let rooms = if alive { self.rooms.rooms_of(socket.slot) } else { Vec::new() };
                let _ = reply.send(rooms);
            }
            Command::Disconnect { socket, close, reason } => {
                if self.socket(socket).is_some() {
                    self.disconnect_socket(socket.slot, close, reason);
                }
            }
            Command::Deadline { socket, at, reason } => {
                let at = at.map(|at| self.millis(at));
                if let Some(state) = self.socket(socket) {
                    state.deadline = at.map(|at| Box::new((at, reason)));
                    let session = state.session;
                    self.update_deadline(session);
                }
            }
            Command::Broadcast { target, frame, volatile } => {
                self.broadcast(&target, &frame, volatile);
            }
            Command::Select { target, action } => self.act(&target, action),
            Command::Shutdown { deadline, done } => self.begin_shutdown(deadline, done),
        }
    }

    /// The socket of a key, if it is connected.
    pub(super) fn socket(&mut self, key: Key) -> Option<&mut SocketState> {
        let state = self.sockets.get_mut(key.slot as usize)?;
        (state.serial == key.serial && state.ended.is_none()).then_some(state)
    }

    pub(super) fn session_alive(&self, key: Key) -> bool {
        let session = self.sessions.get(key.slot as usize);
        session.is_some_and(|s| s.serial == key.serial && s.closing.is_none())
    }

    pub(super) fn leave(&mut self, socket: u32, namespace: u16, room: &str) {
        if self.rooms.leave(socket, room) {
            self.hub.registry.release(namespace, room, self.index);
        }
    }

    /// The slots of a selection's sockets.
    fn selected(&mut self, target: &Selection) -> Vec<u32> {
        let mut slots = Vec::new();
        let except = self.slots(&target.except_sockets);
        let sockets = &self.sockets;
        self.rooms.select(target, &except, |member| {
            if is_meant(sockets, target, member) {
                slots.push(member.socket);
            }
        });
        slots
    }

    /// The slots of those sockets of a list that are this worker's and connected.
    fn slots(&mut self, list: &[(u16, Key)]) -> SmallVec<[u32; 4]> {
        let index = self.index;
        let mine = list.iter().filter(|(worker, _)| *worker == index);
        mine.filter(|(_, key)| self.socket(*key).is_some()).map(|(_, key)| key.slot).collect()
    }

    fn broadcast(&mut self, target: &Selection, frame: &Frame, volatile: bool) {
        let except = self.slots(&target.except_sockets);
        let mut targets = std::mem::take(&mut self.targets);
        targets.clear();
        let sockets = &self.sockets;
        self.rooms.select(target, &except, |member| {
            if is_meant(sockets, target, member) {
                targets.push(member.session);
            }
        });
        let bulk = targets.len() > SLICE;
        for session in &targets {
            self.push(*session, frame, volatile, bulk);
        }
        self.targets = targets;
    }

    fn act(&mut self, target: &Selection, action: Action) {
        let slots = self.selected(target);
        match action {
            Action::Join(rooms) => {
                for room in rooms {
                    for socket in &slots {
                        let session = self.sockets[*socket as usize].session;
                        if self.rooms.join(Member { socket: *socket, session }, &room) {
                            self.hub.registry.hold(target.namespace, &room, self.index);
                        }
                    }
                    self.hub.registry.release(target.namespace, &room, self.index);
                }
            }
            Action::Leave(rooms) => {
                for room in rooms {
                    for socket in &slots {
                        self.leave(*socket, target.namespace, &room);
                    }
                }
            }
            Action::Disconnect { close, reason } => {
                for socket in slots {
                    self.disconnect_socket(socket, close, reason.clone());
                }
            }
            Action::List(reply) => {
                let handles = slots.iter().map(|s| self.sockets[*s as usize].handle.clone());
                let _ = reply.send(handles.collect());
            }
            Action::Describe(reply) => {
                let _ = reply.send(slots.iter().map(|slot| self.describe(*slot)).collect());
            }
        }
    }

    /// Marks a session to be closed once nothing is in the middle of it.
    pub(super) fn doom(&mut self, slot: u32, reason: Reason, end: End) {
        if let Some(session) = self.sessions.get(slot as usize) {
            self.doomed.push((slot, session.serial, reason, end));
        }
    }

    pub(super) fn close_doomed(&mut self) {
        while let Some((slot, serial, reason, end)) = self.doomed.pop() {
            if self.sessions.get(slot as usize).is_some_and(|s| s.serial == serial) {
                self.close(slot, reason, end);
            }
        }
    }

    /// Makes sure that the timer comes no later than what is due next.
    pub(super) fn set_timer(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let due = session.next_due(self.hub.config.stall_max.as_millis() as Millis);
        if due < session.timer_at {
            session.timer_at = due;
            self.timers.push(Reverse((due, slot, session.serial)));
        }
    }

    fn until_next_timer(&self) -> Option<Duration> {
        let timer = self.timers.peek().map(|Reverse((due, ..))| *due);
        let shutdown = self.shutdown.as_ref().map(|(until, _)| *until);
        let due = timer.into_iter().chain(shutdown).min()?;
        Some(Duration::from_millis(due.saturating_sub(self.now)))
    }

    fn run_timers(&mut self) {
        while let Some(Reverse((due, slot, serial))) = self.timers.peek().copied()
            && due <= self.now
        {
            self.timers.pop();
            if let Some(session) = self.sessions.get_mut(slot as usize)
                && session.serial == serial
                && session.timer_at == due
            {
                session.timer_at = NEVER;
                self.timer(slot);
                self.close_doomed();
                self.set_timer(slot);
            }
        }
    }

    /// Updates the earliest of the deadlines of a session's sockets.
    pub(super) fn update_deadline(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let deadlines = session.sockets.iter().filter_map(|socket| {
            self.sockets.get(*socket as usize)?.deadline.as_ref().map(|deadline| deadline.0)
        });
        session.deadline = deadlines.min().unwrap_or(NEVER);
        self.set_timer(slot);
    }

    fn begin_shutdown(&mut self, deadline: Instant, done: oneshot::Sender<()>) {
        let until = self.millis(deadline);
        let open: Vec<u32> = self.sessions.iter().map(|(slot, _)| slot as u32).collect();
        for slot in open {
            self.close(slot, Reason::ShuttingDown, End::Graceful);
        }
        let (end, waiting) = self.shutdown.get_or_insert((until, SmallVec::new()));
        *end = until.min(*end);
        waiting.push(done);
    }

    /// Whether the shutdown is complete or out of time. Then all is cut and those who wait told.
    fn has_ended(&mut self) -> bool {
        let Some((until, waiting)) = &mut self.shutdown else { return false };
        let empty = self.sessions.is_empty() && self.sockets.is_empty();
        if !empty && self.now < *until {
            return false;
        }
        let waiting = std::mem::take(waiting);
        let open: Vec<u32> = self.sessions.iter().map(|(slot, _)| slot as u32).collect();
        for slot in open {
            self.close(slot, Reason::ShuttingDown, End::Cut);
        }
        for done in waiting {
            let _ = done.send(());
        }
        true
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.link().mailbox.close();
    }
}

/// Whether a selection's tags let the socket through.
fn is_meant(sockets: &Slab<SocketState>, target: &Selection, member: Member) -> bool {
    if target.only_tag.is_none() && target.except_tags.is_empty() {
        return true;
    }
    let tag = sockets.get(member.socket as usize).and_then(|state| state.tag.as_ref());
    target.only_tag.as_ref().is_none_or(|only| tag == Some(only))
        && !tag.is_some_and(|tag| target.except_tags.contains(tag))
}
