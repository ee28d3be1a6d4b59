//! Notifications (reference, "Notification").

use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Domain, Event, EventInfo, Owner};
use crate::catalog::EventList;
use crate::documents::Notification;
use crate::example;
use crate::rooms::Room;

pub(crate) fn list(events: &mut EventList) {
    events.add::<NewNotification>();
    events.add::<UnreadCountUpdate>();
}

/// A notification was stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewNotification {
    /// The notification.
    pub notification: Notification,
}

impl Event for NewNotification {
    const NAME: &'static str = "new-notification";
    const INFO: EventInfo =
        EventInfo::new(Domain::Notification, "A notification.", "A notification is stored.");
    /// The notification's owner.
    type Address = Owner;

    fn audience(&self, _: Access, owner: &Owner) -> Audience {
        Audience::room(Room::User(owner.0.clone()))
    }

    fn examples() -> Vec<(Self, Owner)> {
        let request = example::request().to_string();
        let notification = Notification {
            id: example::notification(),
            kind: "new_offer".to_owned(),
            title: "A new offer".to_owned(),
            body: "180.00 USD for \"Two mechanical keyboards\"".to_owned(),
            data: Map::from_iter([("requestId".to_owned(), request.into())]),
            created_at: example::time(),
            read_at: None,
        };
        vec![(Self { notification }, Owner(example::user()))]
    }
}

/// The number of unread notifications changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnreadCountUpdate {
    /// How many are unread; as `GET /api/notifications/unread-count` says.
    pub unread_count: u32,
}

impl Event for UnreadCountUpdate {
    const NAME: &'static str = "unread-count-update";
    const INFO: EventInfo = EventInfo::new(
        Domain::Notification,
        "How many notifications are unread.",
        "The number of the user's unread notifications changes.",
    );
    /// The owner of the notifications.
    type Address = Owner;

    fn audience(&self, _: Access, owner: &Owner) -> Audience {
        Audience::room(Room::User(owner.0.clone()))
    }

    fn examples() -> Vec<(Self, Owner)> {
        vec![(Self { unread_count: 4 }, Owner(example::user()))]
    }
}
