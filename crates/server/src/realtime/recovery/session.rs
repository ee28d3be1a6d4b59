//! A session: what outlives the connections of one client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use events::{Timestamp, UserId};
use sha2::{Digest as _, Sha256};
use socketio::{Room, Socket};

use super::history::History;
use crate::realtime::client::Inside;
use crate::text::hex;

/// Names a session: the moment of its beginning, by which rows that are written together lie
/// together, and a part of the hash of the private id that its client holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

/// Bytes of the moment, in milliseconds, at the begin of an id (as in UUIDv7, RFC 9562 §5.7).
const MOMENT: usize = 6;

/// A new private id: the moment, and 128 random bits that make it a secret.
pub fn new_pid(now: Timestamp, random: [u8; 16]) -> String {
    let millis = now.as_millis().to_be_bytes();
    hex(&millis[millis.len() - MOMENT..]) + &hex(&random)
}

impl SessionId {
    /// Of a private id. One that is not of [`new_pid`] names no session.
    pub fn of(pid: &str) -> Self {
        let mut id = [0; 16];
        read_hex(pid, &mut id[..MOMENT]);
        let rest = 16 - MOMENT;
        id[MOMENT..].copy_from_slice(&Sha256::digest(pid)[..rest]);
        Self(id)
    }

    /// From [`text`](Self::text).
    pub fn parse(text: &str) -> Option<Self> {
        let mut id = [0; 16];
        read_hex(text, &mut id)?;
        (text.len() == 32).then_some(Self(id))
    }

    /// As the database has it.
    pub fn text(self) -> String {
        hex(&self.0)
    }
}

/// Reads as many digits as `bytes` takes.
fn read_hex(text: &str, bytes: &mut [u8]) -> Option<()> {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(())
}

/// The first connection of a session.
pub const FIRST: u64 = 1;

/// A client's session.
pub struct Session {
    /// Its name in the database.
    pub id: SessionId,
    /// The public id of its sockets.
    pub sid: Box<str>,
    /// To whom it belongs; `None` without a token, in `open` access.
    pub user: Option<UserId>,
    state: Mutex<State>,
}

/// The connection that has a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// One is being taken up since then.
    Coming(Instant),
    /// It has one.
    Here,
    /// It has none.
    Away,
}

/// The part of a session that changes.
pub struct State {
    /// Counts the connections; what an earlier one still does is not done.
    pub connection: u64,
    /// Whether one is there.
    pub phase: Phase,
    /// Its socket.
    pub socket: Option<Socket>,
    /// The position at the session's beginning.
    pub base: i64,
    /// Its rooms, as the database has them or will have them.
    pub history: History,
    /// The rooms that its socket is in, by their versions ([`super::super::fence`]).
    pub live: Vec<(Room, u64)>,
    /// The node that its row names; `None` while there is no row.
    pub owner: Option<Arc<str>>,
    /// The rooms as they were read from a row that is not this node's yet.
    pub read: Option<Box<str>>,
    /// Whether it has a row, or will have one: then rooms are durable before the socket is in
    /// them. Without one its client gets a new session after a kill.
    pub is_stored: bool,
    /// Since when it has no connection.
    pub left_at: Option<Timestamp>,
    /// It is over for good.
    pub is_over: bool,
    /// When its client was last told an offset.
    pub told_at: Instant,
}

impl Session {
    /// A session that begins, in these rooms.
    pub fn new(id: SessionId, sid: String, user: Option<UserId>, rooms: &[Room]) -> Self {
        let mut history = History::default();
        for room in rooms {
            history.join(room, 0);
        }
        let mut session = Self::stored(id, sid, user, history, 0, None);
        let state = session.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.is_stored = false;
        state.live = rooms.iter().map(|room| (room.clone(), 0)).collect();
        session
    }

    /// A session as the database has it.
    pub fn stored(
        id: SessionId,
        sid: String,
        user: Option<UserId>,
        history: History,
        base: i64,
        owner: Option<Arc<str>>,
    ) -> Self {
        let state = State {
            connection: FIRST,
            phase: Phase::Coming(Instant::now()),
            socket: None,
            base,
            history,
            live: Vec::new(),
            owner,
            read: None,
            is_stored: true,
            left_at: None,
            is_over: false,
            told_at: Instant::now(),
        };
        Self { id, sid: sid.into(), user, state: Mutex::new(state) }
    }

    /// The part that changes. Nothing else is locked while it is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the session out of a room at a position, unless it came in later.
    pub fn taken_out(&self, room: &str, position: i64) -> bool {
        let mut state = self.state();
        let in_before = |j: &super::history::Joined| *j.room == *room && j.from < position;
        if !state.history.joined.iter().any(in_before) {
            return false;
        }
        state.live.retain(|(live, _)| **live != *room);
        state.history.leave(room, position).is_some()
    }
}

impl State {
    /// Whether `connection` is the one that has the session.
    pub fn is_of(&self, connection: u64) -> bool {
        self.connection == connection && !self.is_over
    }

    /// Whether the socket is in `room`, given the room's version.
    pub fn inside(&self, room: &str, version: u64) -> Inside {
        // Mostly it is the very same text, which need not be looked at then.
        let is_it = |live: &Room| std::ptr::eq(&raw const **live, room) || **live == *room;
        match self.live.iter().find(|(live, _)| is_it(live)) {
            None => Inside::No,
            Some((_, known)) if *known == version => Inside::Yes,
            Some(_) => Inside::Unsure,
        }
    }

    /// How many rooms there would be with these.
    pub fn count_with(&self, rooms: &[Room]) -> usize {
        let joined = &self.history.joined;
        let known = |room: &&Room| joined.iter().any(|joined| joined.room == **room);
        joined.len() + rooms.iter().filter(|room| !known(room)).count()
    }

    /// Whether the socket is in all of the rooms, and these are stored or will be.
    pub fn is_in_all(&self, rooms: &[Room]) -> bool {
        rooms.iter().all(|room| {
            self.live.iter().any(|(live, _)| live == room)
                && self.history.joined.iter().any(|joined| joined.room == *room)
        })
    }

    /// The socket is in `room` from now on.
    pub fn enter(&mut self, room: &Room, version: u64) {
        match self.live.iter_mut().find(|(live, _)| live == room) {
            Some((_, known)) => *known = version,
            None => self.live.push((room.clone(), version)),
        }
    }

    /// The same at this place in the order of events: from here on the room is the session's own,
    /// if the socket was not in it before.
    pub fn enter_at(&mut self, room: &Room, version: u64, position: i64) {
        if !self.live.iter().any(|(live, _)| live == room) {
            self.history.begin(room, position);
        }
        self.enter(room, version);
    }

    /// Forgets the rooms that the hub says it is not in. Whether there were any.
    pub fn keep_only(&mut self, rooms: &[Room], position: i64) -> bool {
        let gone: Vec<Room> = self
            .live
            .iter()
            .filter(|(room, _)| !rooms.contains(room))
            .map(|(room, _)| room.clone())
            .collect();
        for room in &gone {
            self.live.retain(|(live, _)| live != room);
            self.history.forget(room, position);
        }
        !gone.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(rooms: &[&str]) -> Session {
        let rooms: Vec<Room> = rooms.iter().map(|room| Room::from(*room)).collect();
        Session::new(SessionId::of("pid"), "sid".into(), None, &rooms)
    }

    fn room(name: &str) -> Room {
        name.into()
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = SessionId::of("pid");
        assert_eq!(SessionId::parse(&id.text()), Some(id));
        assert_ne!(SessionId::of("another"), id);
        assert_ne!(SessionId::of("é"), id);
        for text in ["", "00", &"0".repeat(33), &"é".repeat(16), &"+1".repeat(16)[..31]] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ids_are_in_the_order_of_their_moments() {
        let at =
            |millis, random| SessionId::of(&new_pid(Timestamp::from_millis(millis), [random; 16]));
        assert!(at(1_790_000_000_000, 9) < at(1_790_000_000_001, 1));
        assert_ne!(at(1_790_000_000_000, 1), at(1_790_000_000_000, 2));
        let pid = new_pid(Timestamp::from_millis(0x0102_0304_0506), [0xff; 16]);
        assert_eq!(pid, "010203040506".to_owned() + &"ff".repeat(16));
        assert!(SessionId::of(&pid).text().starts_with("010203040506"));
    }

    #[test]
    fn rooms_are_counted_once() {
        let session = session(&[]);
        let mut state = session.state();
        state.history.join(&room("a"), 1);
        state.history.join(&room("a"), 2);
        state.history.join(&room("b"), 3);
        assert_eq!(state.count_with(&[]), 2);
        assert_eq!(state.count_with(&[room("b"), room("c")]), 3);
        state.history.leave("a", 4);
        assert_eq!(state.history.leave("never", 5), None);
        assert_eq!(state.count_with(&[]), 1);
    }

    #[test]
    fn a_room_is_its_own_from_where_the_join_took_effect() {
        let session = session(&[]);
        let mut state = session.state();
        let from = |state: &State| state.history.joined[0].from;
        state.history.join(&room("a"), 1);
        state.enter_at(&room("a"), 0, 5);
        assert_eq!(from(&state), 5);
        state.enter_at(&room("a"), 0, 9);
        assert_eq!(from(&state), 5, "it was in");
    }

    #[test]
    fn what_may_have_been_taken_is_unsure() {
        let session = session(&[]);
        let mut state = session.state();
        state.history.join(&room("a"), 1);
        assert_eq!(state.inside("a", 4), Inside::No, "not yet");
        state.enter(&room("a"), 4);
        assert_eq!(state.inside("a", 4), Inside::Yes);
        assert_eq!(state.inside("a", 5), Inside::Unsure);
        assert_eq!(state.inside("b", 0), Inside::No);
        assert!(state.keep_only(&[room("b")], 9));
        assert_eq!(state.inside("a", 5), Inside::No);
        assert_eq!(state.history.proven_from, 9);
    }

    #[test]
    fn the_end_of_a_membership_spares_who_came_later() {
        let session = session(&[]);
        session.state().history.join(&room("a"), 5);
        assert!(!session.taken_out("a", 5), "it came after");
        assert!(session.taken_out("a", 6));
        assert!(!session.taken_out("a", 7), "once");
    }
}
