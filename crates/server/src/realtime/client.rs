//! What the gateway keeps with each socket. There are many, so it is small.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use events::UserId;

use super::limits::Meter;
use super::recovery::session::Session;
use super::typing::Said;
use crate::extract::Caller;

/// What the gateway keeps with a socket.
pub struct Client {
    /// When it connected.
    pub since: Instant,
    /// What outlives the socket; its rooms among it.
    pub session: Arc<Session>,
    /// Which of the session's connections this is.
    pub connection: u64,
    state: Mutex<State>,
}

/// The part that changes; events of one socket come one after another, so it is never waited for.
#[derive(Default)]
pub struct State {
    /// Who it is; `None` for a socket without a token (`open` access).
    pub caller: Option<Arc<Caller>>,
    /// What it has sent.
    pub meter: Meter,
    /// The users whom it made online: its own, or any in `open` access.
    pub online: Vec<UserId>,
    /// The user's name, once it was needed.
    pub name: Option<Arc<str>>,
    /// What it last said of its writing.
    pub said: Option<Box<Said>>,
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
    pub fn new(caller: Option<Arc<Caller>>, session: Arc<Session>, connection: u64) -> Self {
        let state = State { caller, ..State::default() };
        Self { since: Instant::now(), session, connection, state: Mutex::new(state) }
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
