//! What the journal holds: the events that clients will get, and the controls between them.

use db::{Engine, Sql, args, sql};
use events::Audience;
use serde_json::Value;
use souk::journal::Control;

use super::TestApp;
use super::notices::NOTIFICATION_EVENTS;

/// An event of the journal.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// Its place in commit order.
    pub position: i64,
    /// Its name.
    pub name: String,
    /// Who gets it.
    pub audience: Audience,
    /// Its argument.
    pub payload: Value,
}

impl Emitted {
    /// The names of its rooms, in order.
    pub fn rooms(&self) -> Vec<String> {
        self.audience.rooms.iter().map(ToString::to_string).collect()
    }
}

/// The name of controls (see `journal::Control`).
const CONTROL: &str = "$control";

impl TestApp {
    /// The newest position, for [`events_after`](Self::events_after).
    pub async fn position(&self) -> i64 {
        self.app.journal.settle().await.expect("the journal settles");
        self.app.journal.head().await.expect("the journal has a head")
    }

    /// All events of the journal.
    pub async fn events(&self) -> Vec<Emitted> {
        self.events_after(0).await
    }

    /// The events behind a position.
    pub async fn events_after(&self, position: i64) -> Vec<Emitted> {
        self.entries_after(position).await.into_iter().filter(|e| e.name != CONTROL).collect()
    }

    /// The names of the events behind a position.
    pub async fn event_names_after(&self, position: i64) -> Vec<String> {
        self.events_after(position).await.into_iter().map(|event| event.name).collect()
    }

    /// The controls behind a position, as JSON.
    pub async fn controls_after(&self, position: i64) -> Vec<Value> {
        let entries = self.entries_after(position).await.into_iter();
        entries.filter(|e| e.name == CONTROL).map(|e| e.payload).collect()
    }

    /// Writes a control as another node would: this one learns of it from the journal alone.
    pub async fn control_elsewhere(&self, control: &Control) {
        let table = match self.app.db.engine() {
            Engine::Sqlite => "journal",
            Engine::Postgres => "outbox",
        };
        let sql = Sql::concat(&[
            "INSERT INTO ",
            table,
            " (event_id, name, audience, payload, created_at) VALUES ($1, $2, '{}', $3, 0)",
        ]);
        let payload = serde_json::to_string(control).expect("JSON");
        let mut tx = self.app.db.begin().await.expect("a transaction");
        tx.execute(sql, args!["elsewhere", CONTROL, &payload]).await.expect("an entry");
        tx.commit().await.expect("a commit");
        self.app.journal.wake();
    }

    /// Events and controls behind a position, without the notifications that come with most steps
    /// (see [`notices_after`](Self::notices_after)); controls have no audience.
    pub async fn entries_after(&self, position: i64) -> Vec<Emitted> {
        let entries = self.everything_after(position).await.into_iter();
        entries.filter(|e| !NOTIFICATION_EVENTS.contains(&e.name.as_str())).collect()
    }

    /// Everything behind a position; controls have no audience.
    pub(super) async fn everything_after(&self, position: i64) -> Vec<Emitted> {
        self.app.journal.settle().await.expect("the journal settles");
        let rows = self
            .app
            .db
            .fetch_all(
                sql!(
                    "SELECT position, name, audience, payload FROM journal
                     WHERE position > $1 ORDER BY position"
                ),
                args![position],
            )
            .await
            .expect("the journal can be read");
        rows.iter()
            .map(|row| Emitted {
                position: row.get("position").expect("a position"),
                name: row.get("name").expect("a name"),
                audience: row.json("audience").expect("an audience"),
                payload: row.json("payload").expect("a payload"),
            })
            .collect()
    }
}
