//! The end of the journal's tail: entries become frames for sockets, controls take effect.

use events::{Access, Room, UserId};

use super::Realtime;
use super::client::Client;
use crate::app::App;
use crate::bus::{Message, Receiver};
use crate::extract::Session;
use crate::journal::{Control, Entry, EntryKind, Sink};

/// Hands each entry to the sockets that it concerns. Nothing in it waits.
pub struct RoomSink {
    app: App,
}

impl RoomSink {
    /// For the sockets of this node.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone() }
    }
}

/// Hands what other nodes say without the journal to the sockets of this one.
pub struct FromNodes {
    app: App,
}

impl FromNodes {
    /// For the sockets of this node.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone() }
    }
}

impl Receiver for FromNodes {
    fn receive(&self, message: Message) {
        let Message { event, audience, payload } = message;
        self.app.realtime.deliver(&event, &audience, &payload, None);
    }
}

impl Sink for RoomSink {
    fn take(&self, entry: Entry) {
        let realtime = &self.app.realtime;
        match entry.kind {
            EntryKind::Event { name, audience, payload } => {
                realtime.deliver(&name, &audience, &payload, None);
            }
            EntryKind::Control(Control::SessionEnded { session }) => {
                let session = Session(session);
                // First the tokens, then the sockets: who connects in between is refused, or
                // found among the sockets, or sees that the sign-in has ended when it is added.
                self.app.tokens.end(session.clone(), self.app.clock.now());
                realtime.end_session(&session);
            }
            EntryKind::Control(Control::MembershipEnded { user, room }) => {
                realtime.end_membership(&user, &room);
            }
            EntryKind::Control(Control::RoomClosed { room, keep }) => {
                realtime.close_room(&room, &keep);
            }
        }
    }
}

impl Realtime {
    /// Takes a user's sockets out of a room. In `open` access anyone may be in any room.
    fn end_membership(&self, user: &UserId, room: &Room) {
        if self.0.access == Access::Open {
            return;
        }
        let name = room.to_string();
        self.0.fence.end(&name, || {
            for socket in self.0.sockets.of_user(user) {
                let is_admin = |client: &Client| client.caller().is_some_and(|c| c.is_admin());
                if !socket.data::<Client>().is_some_and(is_admin) {
                    socket.leave(&name);
                }
            }
        });
    }

    /// Takes all sockets out of a room but those of the users who stay and of administrators.
    fn close_room(&self, room: &Room, keep: &[UserId]) {
        if self.0.access == Access::Open {
            return;
        }
        let Some(io) = self.io() else { return };
        let name = room.to_string();
        self.0.fence.end(&name, || {
            let mut leaving = io.to(&name).except(Room::Admins.to_string());
            for socket in keep.iter().flat_map(|user| self.0.sockets.of_user(user)) {
                leaving = leaving.except_socket(&socket);
            }
            leaving.leave(&name);
        });
    }
}
