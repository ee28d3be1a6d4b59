//! What the gateway keeps with each socket. There are many, so it is small.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use events::UserId;
use socketio::Room;

use super::limits::Meter;
use crate::extract::Caller;

/// What the gateway keeps with a socket.
pub struct Client {
    /// When it connected.
    pub since: Instant,
    state: Mutex<State>,
}

/// The part that changes; events of one socket come one after another, so it is never waited for.
#[derive(Default)]
pub struct State {
    /// Who it is; `None` for a socket without a token (`open` access).
    pub caller: Option<Arc<Caller>>,
    /// What it has sent.
    pub meter: Meter,
    /// The rooms that it joined. Some may have been taken from it since.
    pub joined: Vec<Joined>,
    /// The users whom it made online: its own, or any in `open` access.
    pub online: Vec<UserId>,
    /// The user's name, once it was needed.
    pub name: Option<Arc<str>>,
}

/// A room that the socket joined.
pub struct Joined {
    /// The room.
    pub room: Room,
    /// The room's version ([`super::fence::Fence`]) under which the socket was in it for certain.
    pub version: u64,
}

/// Whether a socket is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It was, and memberships have ended since: the hub knows.
    Unsure,
}

impl Client {
    /// For a socket that connects.
    pub fn new(caller: Option<Arc<Caller>>) -> Self {
        let state = State { caller, ..State::default() };
        Self { since: Instant::now(), state: Mutex::new(state) }
    }

    /// The part that changes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who it is.
    pub fn caller(&self) -> Option<Arc<Caller>> {
        self.state().caller.clone()
    }
}

impl State {
    /// Whether the socket is in `room`, given the room's version.
    pub fn inside(&self, room: &str, version: u64) -> Inside {
        match self.joined.iter().find(|joined| &*joined.room == room) {
            None => Inside::No,
            Some(joined) if joined.version == version => Inside::Yes,
            Some(_) => Inside::Unsure,
        }
    }

    /// How many rooms there would be with these.
    pub fn count_with(&self, rooms: &[Room]) -> usize {
        let known = |room: &&Room| self.joined.iter().any(|joined| joined.room == **room);
        self.joined.len() + rooms.iter().filter(|room| !known(room)).count()
    }

    /// The socket joins `room`.
    pub fn join(&mut self, room: &Room, version: u64) {
        match self.joined.iter_mut().find(|joined| joined.room == *room) {
            Some(joined) => joined.version = version,
            None => self.joined.push(Joined { room: room.clone(), version }),
        }
    }

    /// The socket leaves `room`.
    pub fn leave(&mut self, room: &Room) {
        self.joined.retain(|joined| joined.room != *room);
    }

    /// Forgets the rooms that the hub says it is not in.
    pub fn keep_only(&mut self, rooms: &[Room]) {
        self.joined.retain(|joined| rooms.contains(&joined.room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> Room {
        name.into()
    }

    #[test]
    fn rooms_are_counted_once() {
        let mut state = State::default();
        state.join(&room("a"), 0);
        state.join(&room("a"), 0);
        state.join(&room("b"), 0);
        assert_eq!(state.count_with(&[]), 2);
        assert_eq!(state.count_with(&[room("b"), room("c")]), 3);
        state.leave(&room("a"));
        state.leave(&room("never"));
        assert_eq!(state.count_with(&[]), 1);
    }

    #[test]
    fn what_may_have_been_taken_is_unsure() {
        let mut state = State::default();
        state.join(&room("a"), 4);
        assert_eq!(state.inside("a", 4), Inside::Yes);
        assert_eq!(state.inside("a", 5), Inside::Unsure);
        assert_eq!(state.inside("b", 0), Inside::No);
        state.keep_only(&[room("b")]);
        assert_eq!(state.inside("a", 5), Inside::No);
    }
}
