//! Who is online (contract §1.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Domain, Event, EventInfo};
use crate::catalog::EventList;
use crate::example;
use crate::ids::UserId;
use crate::rooms::Room;
use crate::status::OnlineStatus;
use crate::time::Timestamp;

pub(crate) fn list(events: &mut EventList) {
    events.add::<UserStatusChange>();
}

/// A user came or went.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStatusChange {
    /// The user.
    pub user_id: UserId,
    /// Online or offline.
    pub status: OnlineStatus,
    /// When the user was last online; now, for who is.
    pub last_seen: Timestamp,
}

impl Event for UserStatusChange {
    const NAME: &'static str = "user-status-change";
    const INFO: EventInfo = EventInfo::new(
        Domain::Presence,
        "A user came online or went offline.",
        "Online with the user's first socket, offline when the last one has been gone for the \
         grace.",
    )
    .ephemeral();
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        Audience::room(Room::Everyone)
    }

    fn examples() -> Vec<(Self, ())> {
        let user_id = example::user();
        let event = Self { user_id, status: OnlineStatus::Online, last_seen: example::time() };
        vec![(event, ())]
    }
}
