//! The table `socket_sessions`.
//!
//! What holds always here: a row is changed by the node that it names alone; another one takes it
//! over by writing its own name over the one that it read.

use std::time::Duration;

use db::{Db, DbError, args, sql};
use events::{Timestamp, UserId};

use super::history::History;
use super::session::SessionId;
use crate::journal::Tx;

/// Rows that one sweep changes at most, so that nobody waits long for it.
pub const BATCH: i64 = 500;

/// A row.
pub struct Stored {
    /// The public id.
    pub sid: String,
    /// To whom it belongs.
    pub user: Option<UserId>,
    /// The position at its beginning.
    pub base: i64,
    /// Its rooms.
    pub history: History,
    /// The node that has, or had, its socket.
    pub owner: String,
    /// Since when it has none.
    pub left_at: Option<Timestamp>,
}

/// The session of this id.
pub async fn find(db: &Db, id: SessionId) -> Result<Option<Stored>, DbError> {
    let sql =
        sql!("SELECT sid, user_id, base, rooms, owner, left_at FROM socket_sessions WHERE id = $1");
    let row = db.fetch_optional(sql, args![id.text()]).await?;
    row.map(|row| {
        let user: Option<String> = row.get("user_id")?;
        let user = user.map(|user| user.parse()).transpose();
        let left_at: Option<i64> = row.get("left_at")?;
        Ok(Stored {
            sid: row.get("sid")?,
            user: user.map_err(|_| DbError::Config("user_id of a session".into()))?,
            base: row.get("base")?,
            history: row.json("rooms")?,
            owner: row.get("owner")?,
            left_at: left_at.map(Timestamp::from_millis),
        })
    })
    .transpose()
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
    /// Its rooms, as JSON.
    pub rooms: String,
    /// The node that the row names, if there is a row.
    pub owner: Option<String>,
    /// Since when it has no socket.
    pub left_at: Option<Timestamp>,
    /// It is deleted.
    pub is_over: bool,
}

/// Writes a change in the name of `node`. False when the row is another node's by now.
pub async fn save(tx: &mut db::Tx, node: &str, change: &Change) -> Result<bool, DbError> {
    let id = change.id.text();
    let left_at = change.left_at.map(Timestamp::as_millis);
    let written = match &change.owner {
        None if change.is_over => return Ok(true),
        None => {
            tx.execute(
                sql!(
                    "INSERT INTO socket_sessions (id, sid, user_id, base, rooms, owner, left_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING"
                ),
                args![
                    id,
                    &change.sid,
                    change.user.as_ref().map(ToString::to_string),
                    change.base,
                    &change.rooms,
                    node,
                    left_at
                ],
            )
            .await?
        }
        Some(owner) if change.is_over => {
            tx.execute(
                sql!("DELETE FROM socket_sessions WHERE id = $1 AND owner = $2"),
                args![id, owner],
            )
            .await?
        }
        Some(owner) => {
            tx.execute(
                sql!(
                    "UPDATE socket_sessions SET rooms = $1, owner = $2, left_at = $3
                     WHERE id = $4 AND owner = $5"
                ),
                args![&change.rooms, node, left_at, id, owner],
            )
            .await?
        }
    };
    Ok(written == 1)
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
