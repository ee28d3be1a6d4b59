//! The table `socket_sessions`.
//!
//! What holds always here: a row is changed by the node that it names alone; another one takes it
//! over by writing its own name over the one that it read.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use db::{Db, DbError, Engine, FromRow, Row, Sql, Value, args, sql};
use events::{Timestamp, UserId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::history::History;
use super::session::SessionId;
use crate::journal::Tx;

/// Rows that one sweep changes at most, so that nobody waits long for it.
pub const BATCH: i64 = 500;

/// A row.
#[derive(Clone)]
pub struct Stored {
    /// The public id.
    pub sid: String,
    /// To whom it belongs.
    pub user: Option<UserId>,
    /// The position at its beginning.
    pub base: i64,
    /// Its rooms.
    pub history: History,
    /// The same, as the row has them.
    pub rooms: String,
    /// The node that has, or had, its socket.
    pub owner: String,
    /// Since when it has none.
    pub left_at: Option<Timestamp>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let left_at: Option<i64> = row.get("left_at")?;
        Ok(Self {
            sid: row.get("sid")?,
            user: row.parse_optional("user_id")?,
            base: row.get("base")?,
            history: row.json("rooms")?,
            rooms: row.get("rooms")?,
            owner: row.get("owner")?,
            left_at: left_at.map(Timestamp::from_millis),
        })
    }
}

/// The sessions of these ids that are there.
pub async fn find(db: &Db, ids: &[SessionId]) -> Result<HashMap<SessionId, Stored>, DbError> {
    let sql = Sql::for_rows(
        db.engine(),
        "SELECT id, sid, user_id, base, rooms, owner, left_at
         FROM asked JOIN socket_sessions ON id = asked.value->>0",
    );
    let ids: Vec<_> = ids.iter().map(|id| [id.text()]).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for row in db.fetch_all(sql, args![Value::json(&ids)?]).await? {
        // One that cannot be read takes none of the others along.
        match (SessionId::parse(&row.get::<String>("id")?), Stored::from_row(&row)) {
            (Some(id), Ok(stored)) => drop(found.insert(id, stored)),
            (_, Err(error)) => tracing::error!(%error, "a session cannot be read"),
            (None, Ok(_)) => {}
        }
    }
    Ok(found)
}

/// What is to be written.
pub struct Change {
    /// The session.
    pub id: SessionId,
    /// The public id.
    pub sid: String,
    /// To whom it belongs.
    pub user: Option<UserId>,
    /// The position at its beginning.
    pub base: i64,
    /// Its rooms.
    pub rooms: Box<RawValue>,
    /// The node that the row names, if there is a row.
    pub owner: Option<String>,
    /// The rooms that the row must have, where it is taken over: its node may have changed it since
    /// it was read.
    pub read: Option<Box<str>>,
    /// Since when it has no socket.
    pub left_at: Option<Timestamp>,
    /// It is deleted.
    pub is_over: bool,
}

impl Change {
    /// The row as the statements of [`save`] read it.
    fn row(&self) -> impl Serialize {
        let left_at = self.left_at.map(Timestamp::as_millis);
        let Self { sid, user, base, rooms, owner, read, .. } = self;
        (self.id.text(), sid, user, base, rooms, owner, left_at, read)
    }
}

/// Writes changes, of one session each, in the name of `node`. Which of them were: the rows of the
/// others are another node's by now.
pub async fn save(
    tx: &mut db::Tx,
    node: &str,
    changes: &[Change],
) -> Result<HashSet<SessionId>, DbError> {
    let engine = tx.engine();
    let mut written = HashSet::new();
    let (known, new): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.owner.is_some());
    let (never, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|change| change.is_over);
    written.extend(never.iter().map(|change| change.id));
    if engine == Engine::Postgres && !known.is_empty() {
        // All nodes lock rows in the same order.
        let lock = Sql::for_rows(
            engine,
            "SELECT id FROM socket_sessions WHERE id IN (SELECT asked.value->>0 FROM asked)
             ORDER BY id",
        );
        tx.fetch_all(lock.for_update(), args![rows(&known)?]).await?;
    }
    let (over, changed): (Vec<_>, Vec<_>) = known.into_iter().partition(|change| change.is_over);
    if !new.is_empty() {
        written.extend(insert(tx, node, &new).await?);
    }
    if !over.is_empty() {
        let delete = Sql::for_rows(
            engine,
            "DELETE FROM socket_sessions WHERE (id, owner) IN
                 (SELECT asked.value->>0, asked.value->>5 FROM asked)
             RETURNING id",
        );
        written.extend(ids(&tx.fetch_all(delete, args![rows(&over)?]).await?)?);
    }
    if !changed.is_empty() {
        let update = Sql::for_rows(
            engine,
            "UPDATE socket_sessions SET rooms = asked.value->>4, owner = $2,
                 left_at = CAST(asked.value->>6 AS BIGINT)
             FROM asked WHERE id = asked.value->>0 AND owner = asked.value->>5
                 AND (asked.value->>7 IS NULL OR rooms = asked.value->>7)
             RETURNING id",
        );
        written.extend(ids(&tx.fetch_all(update, args![rows(&changed)?, node]).await?)?);
    }
    Ok(written)
}

/// Inserts new rows. Which of them are there: a storm of clients brings many, and nearly always all
/// of them are, so that they need not be named one by one.
async fn insert(tx: &mut db::Tx, node: &str, new: &[&Change]) -> Result<Vec<SessionId>, DbError> {
    let engine = tx.engine();
    let insert = Sql::for_rows(
        engine,
        "INSERT INTO socket_sessions (id, sid, user_id, base, rooms, owner, left_at)
         SELECT asked.value->>0, asked.value->>1, asked.value->>2,
                CAST(asked.value->>3 AS BIGINT), asked.value->>4, $2,
                CAST(asked.value->>6 AS BIGINT)
         FROM asked WHERE true
         ON CONFLICT (id) DO NOTHING",
    );
    let rows = rows(new)?;
    if tx.execute(insert, args![rows.clone(), node]).await? == new.len() as u64 {
        return Ok(new.iter().map(|change| change.id).collect());
    }
    let there = Sql::for_rows(
        engine,
        "SELECT id FROM asked JOIN socket_sessions
             ON id = asked.value->>0 AND sid = asked.value->>1 AND owner = $2",
    );
    ids(&tx.fetch_all(there, args![rows, node]).await?)
}

fn ids(rows: &[Row]) -> Result<Vec<SessionId>, DbError> {
    let id = |row: &Row| Ok(SessionId::parse(&row.get::<String>("id")?));
    rows.iter().filter_map(|row| id(row).transpose()).collect()
}

fn rows(changes: &[&Change]) -> Result<Value, DbError> {
    Value::json(&changes.iter().map(|change| change.row()).collect::<Vec<_>>())
}

/// Sessions whose node has ended have no socket, and those that had none for `window` are
/// deleted, a batch of each. Whether there may be more.
pub async fn sweep(tx: &mut Tx, window: Duration) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let left = tx
        .execute(
            sql!(
                "UPDATE socket_sessions SET left_at = $1 WHERE id IN (
                     SELECT s.id FROM socket_sessions s
                     WHERE s.left_at IS NULL AND s.owner NOT IN (SELECT n.id FROM nodes n)
                     LIMIT $2)"
            ),
            args![now, BATCH],
        )
        .await?;
    let before = now - window.as_millis() as i64;
    let deleted = tx
        .execute(
            sql!(
                "DELETE FROM socket_sessions WHERE id IN (
                     SELECT s.id FROM socket_sessions s WHERE s.left_at < $1
                     ORDER BY s.left_at LIMIT $2)"
            ),
            args![before, BATCH],
        )
        .await?;
    Ok(left as i64 == BATCH || deleted as i64 == BATCH)
}

/// Deletes the oldest entries of the journal, one batch of those from before `kept`, always from
/// its end and never the newest. Whether there may be more.
pub async fn sweep_journal(tx: &mut Tx, kept: Duration) -> Result<bool, DbError> {
    let before = tx.now().as_millis() - kept.as_millis() as i64;
    let oldest = tx
        .fetch_all(
            sql!(
                "SELECT position, created_at FROM journal
                 WHERE position < (SELECT MAX(j.position) FROM journal j)
                 ORDER BY position LIMIT $1"
            ),
            args![BATCH],
        )
        .await?;
    let (mut last, mut count) = (None, 0);
    for row in &oldest {
        if row.get::<i64>("created_at")? >= before {
            break;
        }
        last = Some(row.get::<i64>("position")?);
        count += 1;
    }
    if let Some(last) = last {
        tx.execute(sql!("DELETE FROM journal WHERE position <= $1"), args![last]).await?;
    }
    Ok(count == BATCH)
}
