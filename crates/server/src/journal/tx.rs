//! The transaction of a business change: its rows, its events, its timers and its answer, all or
//! none of them.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use axum::response::Response;
use db::{DbError, Engine, Sql, args, sql};
use events::{Emission, Event, Timestamp, UserId};
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::entry::{Control, NewEntry};
use crate::app::App;
use crate::error::{ApiError, Result, json_response};
use crate::extract::Data;
use crate::idempotency::Ticket;
use crate::notifications::{self, Notice};

/// A database transaction that remembers what is to be told when it commits. Dropped without
/// [`commit`](Self::commit) it leaves no trace.
pub struct Tx {
    inner: db::Tx,
    app: App,
    now: Timestamp,
    entries: Vec<NewEntry>,
    controls: Vec<Control>,
    notices: Vec<(UserId, Notice)>,
    scheduled: bool,
    pub(crate) ticket: Option<Ticket>,
}

impl Deref for Tx {
    type Target = db::Tx;
    fn deref(&self) -> &db::Tx {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut db::Tx {
        &mut self.inner
    }
}

impl Tx {
    pub(crate) async fn begin(app: &App) -> Result<Self, DbError> {
        app.health.check()?;
        Ok(Self {
            inner: app.db.begin().await?,
            app: app.clone(),
            // Read after the transaction has begun, so that times follow commit order on SQLite.
            now: app.clock.now(),
            entries: Vec::new(),
            controls: Vec::new(),
            notices: Vec::new(),
            scheduled: false,
            ticket: None,
        })
    }

    /// The one time of everything that happens in this transaction.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id (UUIDv7: ids grow with time).
    pub fn new_id<T: From<uuid::Uuid>>(&self) -> T {
        T::from(self.app.new_uuid(self.now))
    }

    /// Tells `event` to those whom `address` names, once this transaction has committed.
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    pub fn emit<E: Event>(&mut self, event: E, address: &E::Address) -> Result<()> {
        let emission = event.emission(self.app.config.realtime.access, address)?;
        self.emit_emission(&emission)
    }

    fn emit_emission(&mut self, emission: &Emission) -> Result<()> {
        for delivery in &emission.deliveries {
            self.entries.push(NewEntry::event(
                emission.name,
                &delivery.audience,
                &delivery.payload,
            )?);
        }
        Ok(())
    }

    /// Emits any event to one room, journaled (contract §1.7).
    ///
    /// # Errors
    /// When `data` cannot be encoded.
    pub fn emit_to_room(
        &mut self,
        room: events::Room,
        event: &str,
        data: &impl Serialize,
    ) -> Result<()> {
        let payload = serde_json::value::to_raw_value(data)?;
        self.entries.push(NewEntry::event(event, &events::Audience::room(room), &payload)?);
        Ok(())
    }

    /// Emits any event to every socket, journaled (contract §1.7). Rare.
    ///
    /// # Errors
    /// When `data` cannot be encoded.
    pub fn emit_global_event(&mut self, event: &str, data: &impl Serialize) -> Result<()> {
        self.emit_to_room(events::Room::Everyone, event, data)
    }

    /// Instructs every node, at this place among the events.
    ///
    /// # Errors
    /// When the control cannot be encoded, which does not happen.
    pub fn control(&mut self, control: Control) -> Result<()> {
        self.entries.push(NewEntry::control(&control)?);
        self.controls.push(control);
        Ok(())
    }

    /// Notifies the user when this commits; for [`notifications::service::notify`].
    pub(crate) fn remember(&mut self, user: UserId, notice: Notice) {
        self.notices.push((user, notice));
    }

    /// Sets the timer `(kind, key)` to `after` from now, replacing an earlier one.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn schedule(&mut self, kind: &str, key: &str, after: Duration) -> Result<()> {
        let due = self.now.as_millis() + after.as_millis() as i64;
        self.schedule_at(kind, key, Timestamp::from_millis(due)).await
    }

    /// Sets the timer `(kind, key)` to a time, replacing an earlier one.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn schedule_at(&mut self, kind: &str, key: &str, due: Timestamp) -> Result<()> {
        crate::jobs::store::upsert(&mut self.inner, kind, key, due).await?;
        self.scheduled = true;
        Ok(())
    }

    /// When the timer `(kind, key)` is due, where it is set.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn due_at(&mut self, kind: &str, key: &str) -> Result<Option<Timestamp>> {
        Ok(crate::jobs::store::due_at(&mut self.inner, kind, key).await?)
    }

    /// Sets the timer `(kind, key)` to `after` from now, unless it is set already.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn schedule_if_unset(
        &mut self,
        kind: &str,
        key: &str,
        after: Duration,
    ) -> Result<()> {
        let due = Timestamp::from_millis(self.now.as_millis() + after.as_millis() as i64);
        crate::jobs::store::insert_if_absent(&mut self.inner, kind, key, due).await?;
        self.scheduled = true;
        Ok(())
    }

    /// Takes the timer `(kind, key)` back, where it is set.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unschedule(&mut self, kind: &str, key: &str) -> Result<()> {
        Ok(crate::jobs::store::delete(&mut self.inner, kind, key).await?)
    }

    /// Makes everything durable and visible, and wakes those who tell it.
    ///
    /// # Errors
    /// [`DbError`]; then nothing of the transaction happened, unless the database was lost during
    /// the commit itself, when it cannot be known.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let notices = std::mem::take(&mut self.notices);
        if !notices.is_empty() {
            Box::pin(notifications::service::deliver(&mut self, notices)).await?;
        }
        let created_at = self.now.as_millis();
        for entry in std::mem::take(&mut self.entries) {
            let event_id =
                entry.event_id.unwrap_or_else(|| self.app.new_uuid(self.now).to_string());
            let values = args![event_id, entry.name, entry.audience, entry.payload, created_at];
            self.inner.execute(append(self.app.db.engine()), values).await?;
        }
        self.inner.commit().await?;
        // The journal tells every node; this one need not wait for it to refuse an ended sign-in.
        for session in self.controls.iter().filter_map(Control::ended_session) {
            self.app.tokens.end(session.clone(), self.now);
            self.app.realtime.end_session(&session);
        }
        self.app.journal.wake();
        if self.scheduled {
            self.app.jobs.wake();
        }
        Ok(())
    }

    /// Commits and answers with `data`; under an idempotency key the answer is stored in the same
    /// transaction, so that a repeated request gets it again.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn answer(mut self, status: StatusCode, data: &impl Serialize) -> Result<Response> {
        let json: Box<RawValue> = serde_json::value::to_raw_value(&Data::new(data))?;
        if let Some(ticket) = self.ticket.take() {
            ticket.store_answer(&mut self.inner, status, json.get()).await?;
            self.commit().await?;
            drop(ticket);
        } else {
            self.commit().await?;
        }
        Ok(json_response(status, json))
    }
}

/// Where an entry goes: with one writer straight into the journal, else into the outbox, from
/// which the sequencer takes it.
fn append(engine: Engine) -> Sql {
    match engine {
        Engine::Sqlite => sql!(
            "INSERT INTO journal (event_id, name, audience, payload, created_at)
             VALUES ($1, $2, $3, $4, $5)"
        ),
        Engine::Postgres => Sql::concat(&[
            "INSERT INTO outbox (event_id, name, audience, payload, created_at) ",
            "VALUES ($1, $2, $3, $4, $5)",
        ]),
    }
}

impl App {
    /// Begins a transaction.
    ///
    /// # Errors
    /// 503 when the database cannot be reached in time.
    pub async fn begin(&self) -> Result<Tx, ApiError> {
        Ok(Tx::begin(self).await?)
    }
}
