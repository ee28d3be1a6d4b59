//! What the console shows.

use std::collections::BTreeMap;
use std::fmt::Display;

use db::{DbError, FromRow, Row};
use events::{Access, Amount, Audience, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Result};

/// What anybody may know of this program.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleInfo {
    /// Its version.
    pub version: &'static str,
    /// Whether there is play money.
    pub sandbox: bool,
    /// `REALTIME_ACCESS`.
    pub access: Access,
}

/// The figures of a node since its start, and of now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStats {
    /// The program's version.
    pub version: &'static str,
    /// When it started.
    pub started_at: Timestamp,
    /// Connected sockets.
    pub sockets: u64,
    /// Sessions on WebSocket.
    pub websocket: u64,
    /// Sessions on HTTP long-polling.
    pub polling: u64,
    /// Sessions opened since the start.
    pub opened: u64,
    /// Packets sent since the start.
    pub packets_sent: u64,
    /// Packets received since the start.
    pub packets_received: u64,
    /// Bytes sent since the start.
    pub bytes_sent: u64,
    /// The newest position of the journal.
    pub journal_head: i64,
    /// The position up to which this node has handed the journal on.
    pub journal_handed_on: i64,
    /// From commit to the sockets, of the newest events.
    pub latency_ms: Latency,
    /// Sessions closed since the start, by reason.
    pub closed: BTreeMap<&'static str, u64>,
    /// The last ten minutes, oldest first.
    pub samples: Vec<Sample>,
}

/// Milliseconds from commit to the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: u64,
    /// 95 of 100 took no longer.
    pub p95: u64,
    /// None took longer.
    pub max: u64,
}

/// The figures of a moment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// Connected sockets.
    pub sockets: u64,
    /// Packets sent a second since the sample before.
    pub deliveries_per_second: f64,
    /// Milliseconds from commit to the sockets, on average since the sample before; 0 without
    /// events.
    pub latency_ms: f64,
}

/// Who is connected.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveSockets {
    /// The nodes, the one that answers first.
    pub nodes: Vec<LiveNode>,
    /// The sockets that came first on each, the oldest first.
    pub sockets: Vec<LiveSocket>,
}

/// A node, and whether its sockets are listed.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveNode {
    /// Its name, new at each start.
    pub id: String,
    /// Whether it answered in time.
    pub answered: bool,
    /// How many sockets it has, as far as it answered.
    pub sockets: u64,
}

/// A connected socket.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveSocket {
    /// Its public id.
    pub id: String,
    /// The node that it is connected to.
    pub node: String,
    /// Who it is; absent without a token (`open` access).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_id: Option<UserId>,
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// What the user is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<Role>,
    /// `websocket` or `polling`.
    pub transport: &'static str,
    /// Unsent bytes.
    pub queued_bytes: u64,
    /// Seconds since it connected.
    pub age_seconds: u64,
    /// The rooms that it is in.
    pub rooms: Vec<String>,
}

/// Which entries of the journal.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JournalQuery {
    /// Entries after this position; without it the newest ones.
    pub after: Option<i64>,
    /// At most so many, 1 to 500; 100 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<i64>,
}

impl JournalQuery {
    /// How many.
    ///
    /// # Errors
    /// 422 past the bounds.
    pub fn limit(&self) -> Result<i64> {
        let limit = self.limit.unwrap_or(100);
        if (1..=500).contains(&limit) {
            return Ok(limit);
        }
        Err(ApiError::invalid_field("limit", "must be between 1 and 500"))
    }
}

/// Entries of the journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalPage {
    /// In commit order.
    pub entries: Vec<JournalEntry>,
    /// The position to go on after.
    pub next: i64,
}

/// An event in the journal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Its place in commit order.
    pub position: i64,
    /// Its id.
    pub event_id: String,
    /// The event's name.
    pub name: String,
    /// The rooms that it goes to; `*` is every socket.
    pub rooms: Vec<String>,
    /// Its one argument, without delivery codes.
    #[schema(value_type = serde_json::Value)]
    pub payload: Value,
    /// When its transaction began to commit.
    pub created_at: Timestamp,
}

/// The whole of a deal on one line of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    /// Oldest first.
    pub entries: Vec<TimelineEntry>,
}

/// A point of a deal's timeline.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// Where it is from.
    pub kind: TimelineKind,
    /// The event's name, or what the ledger calls the transfer.
    pub name: String,
    /// The event's payload, or the entry's accounts and amount.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// Where a point of a timeline is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    /// The journal.
    Event,
    /// The ledger.
    Ledger,
}

impl FromRow for JournalEntry {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let audience: Audience = row.json("audience")?;
        let mut payload = row.json("payload")?;
        hide_codes(&mut payload);
        Ok(Self {
            position: row.get("position")?,
            event_id: row.get("event_id")?,
            name: row.get("name")?,
            rooms: audience.rooms.iter().map(ToString::to_string).collect(),
            payload,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

/// An entry of the ledger, for a timeline.
pub struct Booked {
    /// What it is; unique.
    pub key: (String, i64),
    /// As a point of the timeline.
    pub entry: TimelineEntry,
}

impl FromRow for Booked {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let currency: events::Currency = row.parse("currency")?;
        let account = |column: &str| -> Result<String, DbError> {
            let id: String = row.get(column)?;
            Ok(id.split(':').next().unwrap_or_default().replace('_', " "))
        };
        let detail = serde_json::json!({
            "amount": Amount::from_minor(row.get("amount")?, currency),
            "currency": currency,
            "from": account("from_account")?,
            "to": account("to_account")?,
            "reference": row.get::<String>("reference")?,
        });
        Ok(Self {
            key: (row.get("transfer_id")?, row.get("line")?),
            entry: TimelineEntry {
                at: Timestamp::from_millis(row.get("created_at")?),
                kind: TimelineKind::Ledger,
                name: row.get("kind")?,
                detail,
            },
        })
    }
}

/// What is for the holder of a delivery code alone.
fn hide_codes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "deliveryCode" {
                    *value = "••••••".into();
                } else {
                    hide_codes(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_codes),
        _ => {}
    }
}

/// A pattern for `LIKE` that finds an id in a text. Ids hold no `%`; their `_` matches itself.
pub fn containing(id: &impl Display) -> String {
    format!("%{id}%")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn delivery_codes_are_not_shown() {
        let mut payload = json!({ "requestId": "r", "deliveryCode": "123456",
            "in": [{ "deliveryCode": "654321" }] });
        hide_codes(&mut payload);
        let hidden = "••••••";
        assert_eq!(
            payload,
            json!({ "requestId": "r", "deliveryCode": hidden, "in": [{ "deliveryCode": hidden }] })
        );
    }

    #[test]
    fn a_limit_has_bounds() {
        let limit = |limit| JournalQuery { after: None, limit }.limit().map_err(|e| e.code);
        assert_eq!(limit(None), Ok(100));
        assert_eq!(limit(Some(500)), Ok(500));
        assert_eq!(limit(Some(0)), Err("validation_failed"));
        assert_eq!(limit(Some(501)), Err("validation_failed"));
    }
}
