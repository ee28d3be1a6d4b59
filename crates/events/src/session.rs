//! What a socket is told about itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Domain, Event, EventInfo};
use crate::catalog::EventList;
use crate::client::{ClientEvent, Refusal};
use crate::example;
use crate::ids::UserId;
use crate::rooms::Room;
use crate::time::Timestamp;

pub(crate) fn list(events: &mut EventList) {
    events.add::<Session>();
    events.add::<RoomErrorEvent>();
}

/// Greets a socket right after CONNECT. It carries an offset, so that a client that has seen no
/// other event can recover (contract §1.6).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Who the socket is authenticated as; absent for a socket without a token (`open` access).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_id: Option<UserId>,
    /// The server's time.
    pub server_time: Timestamp,
}

impl Event for Session {
    const NAME: &'static str = "session";
    const INFO: EventInfo = EventInfo::new(
        Domain::Session,
        "Greets the socket, and carries the first offset from which it can recover.",
        "Right after CONNECT, to that socket.",
    )
    .ephemeral()
    .beyond_reference();
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        Audience::socket()
    }

    fn examples() -> Vec<(Self, ())> {
        vec![(Self { user_id: Some(example::user()), server_time: example::time() }, ())]
    }
}

/// A client's event was refused and it had asked for no ack (contract §1.3).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoomError)]
pub struct RoomErrorEvent {
    /// The event that was refused.
    pub event: String,
    /// The room that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub room: Option<Room>,
    /// Why, for programs.
    pub code: Refusal,
    /// Why, for people.
    pub message: String,
}

impl Event for RoomErrorEvent {
    const NAME: &'static str = "room-error";
    const INFO: EventInfo = EventInfo::new(
        Domain::Session,
        "A client's event was refused.",
        "An event without an ack is refused, to the socket that sent it.",
    )
    .ephemeral()
    .beyond_reference();
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        Audience::socket()
    }

    fn examples() -> Vec<(Self, ())> {
        let event = Self {
            event: ClientEvent::JoinRequestRoom.as_str().to_owned(),
            room: Some(Room::Request(example::request())),
            code: Refusal::Forbidden,
            message: "You are no member of this room.".to_owned(),
        };
        vec![(event, ())]
    }
}
