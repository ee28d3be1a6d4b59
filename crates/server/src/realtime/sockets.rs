//! Which sockets of this node belong to which user and sign-in.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use events::{Timestamp, UserId};
use smallvec::SmallVec;
use socketio::Socket;

use crate::extract::{Caller, Session};

type List<T> = SmallVec<[T; 1]>;

/// A socket of a user, and when it came.
struct Seat {
    since: Timestamp,
    socket: Socket,
}

/// The authenticated sockets of this node.
#[derive(Default)]
pub struct Sockets(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    /// The oldest first.
    users: HashMap<UserId, List<Seat>>,
    sessions: HashMap<Session, List<Socket>>,
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Each change is a single step on one list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a socket. Returns how many its user has by now.
    pub fn add(&self, caller: &Caller, socket: &Socket, since: Timestamp) -> usize {
        let mut tables = self.lock();
        tables.sessions.entry(caller.session.clone()).or_default().push(socket.clone());
        let list = tables.users.entry(caller.user_id.clone()).or_default();
        list.push(Seat { since, socket: socket.clone() });
        list.len()
    }

    /// Takes a socket out.
    pub fn remove(&self, caller: &Caller, socket: &Socket) {
        let mut tables = self.lock();
        take(&mut tables.users, &caller.user_id, |seat| seat.socket == *socket);
        take(&mut tables.sessions, &caller.session, |other| other == socket);
    }

    /// The socket goes on under another sign-in of the same user.
    pub fn change_session(&self, from: &Session, to: &Session, socket: &Socket) {
        let mut tables = self.lock();
        take(&mut tables.sessions, from, |other| other == socket);
        tables.sessions.entry(to.clone()).or_default().push(socket.clone());
    }

    /// The sockets of a user.
    pub fn of_user(&self, user: &UserId) -> Vec<Socket> {
        let tables = self.lock();
        let seats = tables.users.get(user).into_iter().flatten();
        seats.map(|seat| seat.socket.clone()).collect()
    }

    /// The sockets of a user, each with the time at which it came; the first that came first.
    pub fn of_user_since(&self, user: &UserId) -> Vec<(Timestamp, Socket)> {
        let tables = self.lock();
        let seats = tables.users.get(user).into_iter().flatten();
        seats.map(|seat| (seat.since, seat.socket.clone())).collect()
    }

    /// The sockets of a sign-in.
    pub fn of_session(&self, session: &Session) -> Vec<Socket> {
        self.lock().sessions.get(session).map_or_else(Vec::new, |list| list.to_vec())
    }
}

fn take<K: Eq + Hash, T>(table: &mut HashMap<K, List<T>>, key: &K, is_it: impl Fn(&T) -> bool) {
    if let Some(list) = table.get_mut(key) {
        list.retain(|other| !is_it(other));
        if list.is_empty() {
            table.remove(key);
        }
    }
}
