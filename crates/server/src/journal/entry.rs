//! What stands in the journal.

use db::{DbError, FromRow, Row, Sql, sql};
use events::{Audience, Room, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::extract::Session;

/// One row of the journal.
#[derive(Debug)]
pub struct Entry {
    /// Its place in commit order.
    pub position: i64,
    /// Unique for ever; the idempotency key of events that other processes emit.
    pub event_id: String,
    /// What it carries.
    pub kind: EntryKind,
    /// When its transaction began to commit.
    pub created_at: Timestamp,
}

/// What a journal row carries.
#[derive(Debug)]
pub enum EntryKind {
    /// An event for clients.
    Event {
        /// The event's name, one of the catalogue or one that another process emits.
        name: String,
        /// Who gets it.
        audience: Audience,
        /// Its one argument.
        payload: Box<RawValue>,
    },
    /// An instruction to every node.
    Control(Control),
}

/// An instruction to every node, at its place among the events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Control {
    /// The sign-in ended: its tokens are refused and its sockets closed.
    SessionEnded {
        /// The sign-in.
        session: String,
    },
    /// The user's sockets leave the room.
    MembershipEnded {
        /// The user.
        user: UserId,
        /// The room.
        room: Room,
    },
    /// Everybody's sockets leave the room, but those of the users who stay.
    RoomClosed {
        /// The room.
        room: Room,
        /// Who stays in it (and administrators).
        keep: Vec<UserId>,
    },
}

impl Control {
    /// The sign-in that this ends, if it does.
    pub fn ended_session(&self) -> Option<Session> {
        match self {
            Self::SessionEnded { session } => Some(Session(session.as_str().into())),
            _ => None,
        }
    }
}

/// The name under which controls stand in the journal; no event is called so.
const CONTROL: &str = "$control";

/// A row that is to be appended.
pub(super) struct NewEntry {
    pub name: String,
    pub audience: String,
    pub payload: String,
    pub event_id: Option<String>,
}

impl NewEntry {
    pub fn control(control: &Control) -> Result<Self, serde_json::Error> {
        Ok(Self {
            name: CONTROL.to_owned(),
            audience: "{}".to_owned(),
            payload: serde_json::to_string(control)?,
            event_id: None,
        })
    }

    pub fn event(
        name: &str,
        audience: &Audience,
        payload: &RawValue,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            name: name.to_owned(),
            audience: serde_json::to_string(audience)?,
            payload: payload.get().to_owned(),
            event_id: None,
        })
    }
}

/// Reads a page of the journal. Parameters: cursor, limit.
pub(super) fn select_after() -> Sql {
    sql!(
        "SELECT position, event_id, name, audience, payload, created_at FROM journal
         WHERE position > $1 ORDER BY position LIMIT $2"
    )
}

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let name: String = row.get("name")?;
        let kind = if name == CONTROL {
            EntryKind::Control(row.json("payload")?)
        } else {
            EntryKind::Event {
                name,
                audience: row.json("audience")?,
                payload: row.json("payload")?,
            }
        };
        Ok(Self {
            position: row.get("position")?,
            event_id: row.get("event_id")?,
            kind,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}
