//! Which sockets of this node belong to which user and sign-in.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use events::UserId;
use smallvec::SmallVec;
use socketio::Socket;

use crate::extract::{Caller, Session};

type List = SmallVec<[Socket; 1]>;

/// The authenticated sockets of this node.
#[derive(Default)]
pub struct Sockets(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    /// The oldest first.
    users: HashMap<UserId, List>,
    sessions: HashMap<Session, List>,
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Each change is a single step on one list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a socket. Returns the oldest ones of its user that are more than `max` (0: any
    /// number).
    pub fn add(&self, caller: &Caller, socket: &Socket, max: usize) -> Vec<Socket> {
        let mut tables = self.lock();
        tables.sessions.entry(caller.session.clone()).or_default().push(socket.clone());
        let list = tables.users.entry(caller.user_id.clone()).or_default();
        list.push(socket.clone());
        let surplus = if max == 0 { 0 } else { list.len().saturating_sub(max) };
        list.iter().take(surplus).cloned().collect()
    }

    /// Takes a socket out.
    pub fn remove(&self, caller: &Caller, socket: &Socket) {
        let mut tables = self.lock();
        take(&mut tables.users, &caller.user_id, socket);
        take(&mut tables.sessions, &caller.session, socket);
    }

    /// The socket goes on under another sign-in of the same user.
    pub fn change_session(&self, from: &Session, to: &Session, socket: &Socket) {
        let mut tables = self.lock();
        take(&mut tables.sessions, from, socket);
        tables.sessions.entry(to.clone()).or_default().push(socket.clone());
    }

    /// The sockets of a user.
    pub fn of_user(&self, user: &UserId) -> Vec<Socket> {
        self.lock().users.get(user).map_or_else(Vec::new, |list| list.to_vec())
    }

    /// The sockets of a sign-in.
    pub fn of_session(&self, session: &Session) -> Vec<Socket> {
        self.lock().sessions.get(session).map_or_else(Vec::new, |list| list.to_vec())
    }
}

fn take<K: Eq + Hash>(table: &mut HashMap<K, List>, key: &K, socket: &Socket) {
    if let Some(list) = table.get_mut(key) {
        list.retain(|other| other != socket);
        if list.is_empty() {
            table.remove(key);
        }
    }
}
