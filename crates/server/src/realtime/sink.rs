//! The end of the journal's tail: entries become frames for sockets, controls take effect.

use events::{Access, Room, UserId};

use super::client::Client;
use super::recovery::feed::{Item, What};
use super::{Realtime, everywhere, quota, recovery};
use crate::app::App;
use crate::bus::{Message, Receiver};
use crate::extract::Session;
use crate::journal::{Control, Entry, EntryKind, Epoch, Read, Sink};

/// Hands each entry to the sockets that it concerns. Nothing in it waits.
pub struct RoomSink {
    app: App,
    epoch: Epoch,
}

impl RoomSink {
    /// For the sockets of this node.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), epoch: app.journal.epoch() }
    }

    fn hand_on(&self, read: Read) {
        let item = Item::of(read, &self.epoch);
        let realtime = &self.app.realtime;
        if let What::Control(Control::SessionEnded { session }) = &item.what {
            let session = Session(session.as_str().into());
            // First the tokens, then the sockets: who connects in between is refused, or
            // found among the sockets, or sees that the sign-in has ended when it is added.
            self.app.tokens.end(session.clone(), self.app.clock.now());
            realtime.end_session(&session);
        }
        realtime.0.feed.take(item, |item| match &item.what {
            What::Event(address, frame) => {
                realtime.emit_frame(address, frame, None);
            }
            What::Control(Control::MembershipEnded { user, room }) => {
                realtime.end_membership(user, room, item.position);
            }
            What::Control(Control::RoomClosed { room, keep }) => {
                realtime.close_room(room, keep, item.position);
            }
            What::Control(Control::SessionEnded { .. }) | What::Nothing => {}
        });
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
        match event.as_str() {
            recovery::TAKEN => recovery::close_elsewhere(&self.app, &payload),
            quota::COUNTED => quota::heard(&self.app, &payload),
            everywhere::ASKED => everywhere::asked(&self.app, &payload),
            everywhere::ANSWERED => everywhere::answered(&self.app, &payload),
            name => {
                if let Err(error) = self.app.realtime.deliver(name, &audience, &payload, None) {
                    tracing::error!(%error, name, "an event cannot be sent");
                }
            }
        }
    }
}

impl Sink for RoomSink {
    fn take(&self, entry: Entry) {
        let is_event = matches!(entry.kind, EntryKind::Event { .. });
        let since = is_event.then_some(entry.created_at);
        self.hand_on(Read { position: entry.position, entry: Some(entry) });
        if let Some(since) = since {
            self.app.gauges.handed_on(self.app.clock.now().as_millis() - since.as_millis());
        }
    }

    fn pass(&self, position: i64) {
        self.hand_on(Read { position, entry: None });
    }
}

impl Realtime {
    /// Takes a user's sockets out of a room. In `open` access anyone may be in any room.
    fn end_membership(&self, user: &UserId, room: &Room, position: i64) {
        if self.0.access == Access::Open {
            return;
        }
        let Some(io) = self.io() else { return };
        let name = room.to_string();
        let leaving = io.to(&name).only_tag(user.as_str()).except(Room::Admins.to_string());
        self.0.fence.end(&name, || {
            leaving.leave(&name);
            for socket in self.0.sockets.of_user(user) {
                self.was_taken_out(&socket, &name, position);
            }
        });
    }

    /// Takes all sockets out of a room but those of the users who stay and of administrators.
    fn close_room(&self, room: &Room, keep: &[UserId], position: i64) {
        if self.0.access == Access::Open {
            return;
        }
        let Some(io) = self.io() else { return };
        let name = room.to_string();
        let mut leaving = io.to(&name).except(Room::Admins.to_string());
        for user in keep {
            leaving = leaving.except_tag(user.as_str());
        }
        self.0.fence.end(&name, || {
            // Those who are in it now are told apart on the threads that own them, in order.
            let members = leaving.clone().sockets();
            leaving.leave(&name);
            let (realtime, name) = (self.clone(), name.clone());
            self.0.tasks.spawn(async move {
                for socket in members.await {
                    realtime.was_taken_out(&socket, &name, position);
                }
            });
        });
    }

    /// The socket's session is no longer in a room either.
    fn was_taken_out(&self, socket: &socketio::Socket, room: &str, position: i64) {
        let Some(client) = socket.data::<Client>() else { return };
        let is_admin = client.caller().is_some_and(|caller| caller.is_admin());
        if !is_admin && client.session.taken_out(room, position) {
            self.0.sessions.saver.save(&client.session);
        }
    }
}
