//! What a session is to get from the journal, by the rooms that it was in: pure functions.

use events::{Role, UserId};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use socketio::Room;

use crate::journal::Control;

/// Rooms that were left stay known this many; a client that has not seen so far back cannot be
/// served.
const LEFT_MAX: usize = 8;

/// The rooms of a session, and since when it was in each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The rooms that it is in.
    pub joined: Vec<Joined>,
    /// The last rooms that it left: a client may not have seen all that was sent there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
    /// Nothing is known of departures up to this position.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub proven_from: i64,
    /// From which position on the last replay was that its client may have got a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_from: Option<i64>,
    /// The users whom its client made online.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub online: Vec<UserId>,
}

/// A room that a session is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The room.
    pub room: Room,
    /// The events behind this position are for it.
    pub from: i64,
}

/// A room that a session was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The room.
    pub room: Room,
    /// The events behind this position…
    pub from: i64,
    /// … up to this one are for it.
    pub until: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Whom an event is for.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// Those in any of these rooms.
    pub rooms: SmallVec<[Room; 2]>,
    /// Everybody.
    pub everyone: bool,
    /// Of all these only this user.
    pub only: Option<Room>,
    /// Not this user.
    pub except: Option<Room>,
}

/// To whom a session belongs.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The user; `None` without a token, in `open` access.
    pub user: Option<&'a UserId>,
    /// What the user is.
    pub role: Option<Role>,
}

impl History {
    /// Enters a room; the events behind `position` are for it. Joining twice is joining once.
    pub fn join(&mut self, room: &Room, position: i64) {
        if !self.joined.iter().any(|joined| joined.room == *room) {
            self.joined.push(Joined { room: room.clone(), from: position });
        }
    }

    /// The events of a room that it is in are for it from `position` on, and not from where it asked
    /// to come in.
    pub fn begin(&mut self, room: &Room, position: i64) {
        if let Some(joined) = self.joined.iter_mut().find(|joined| joined.room == *room) {
            joined.from = joined.from.max(position);
        }
    }

    /// Leaves a room; the events up to `position` were for it. What it was, where it was in it.
    pub fn leave(&mut self, room: &str, position: i64) -> Option<Joined> {
        let at = self.joined.iter().position(|joined| &*joined.room == room)?;
        let joined = self.joined.remove(at);
        if position > joined.from {
            let Joined { room, from } = joined.clone();
            self.left.push(Left { room, from, until: position });
        }
        if self.left.len() > LEFT_MAX {
            let oldest = self.left.remove(0);
            self.proven_from = self.proven_from.max(oldest.until);
        }
        Some(joined)
    }

    /// Takes departures back that came to nothing.
    pub fn rejoin(&mut self, rooms: Vec<Joined>) {
        for joined in rooms {
            self.left.retain(|left| left.room != joined.room || left.from != joined.from);
            self.joined.push(joined);
        }
    }

    /// Forgets a room of which it is not known when it was left, but not after `position`.
    pub fn forget(&mut self, room: &str, position: i64) {
        self.joined.retain(|joined| &*joined.room != room);
        self.proven_from = self.proven_from.max(position);
    }

    /// Whether the event at `position` is for a session with these rooms.
    pub fn is_for(&self, user: Option<&str>, address: &Address, position: i64) -> bool {
        if address.only.is_some() && address.only.as_deref() != user {
            return false;
        }
        if address.except.is_some() && address.except.as_deref() == user {
            return false;
        }
        let joined =
            || self.joined.iter().any(|j| j.from < position && address.rooms.contains(&j.room));
        let left = || {
            let at = |left: &Left| left.from < position && position <= left.until;
            self.left.iter().any(|left| at(left) && address.rooms.contains(&left.room))
        };
        address.everyone || joined() || left()
    }

    /// Whether the control at `position` takes the session out of a room that it is in: then its
    /// rooms are not what they were, and it cannot be taken up again.
    pub fn is_broken_by(&self, owner: Owner<'_>, control: &Control, position: i64) -> bool {
        if owner.role == Some(Role::Admin) {
            return false;
        }
        let room = match control {
            Control::MembershipEnded { user, room } if Some(user) == owner.user => room,
            Control::RoomClosed { room, keep }
                if !owner.user.is_some_and(|user| keep.contains(user)) =>
            {
                room
            }
            _ => return false,
        };
        let name = room.to_string();
        self.joined.iter().any(|joined| *joined.room == *name && joined.from < position)
    }
}

#[cfg(test)]
mod tests;
