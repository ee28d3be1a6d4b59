//! The rows of timers.

use std::time::Duration;

use db::{Db, DbError, Engine, FromRow, Row, Sql, args, sql};
use events::Timestamp;

use crate::journal::Tx;

/// A timer that is due.
#[derive(Debug)]
pub struct Timer {
    /// What it does.
    pub kind: String,
    /// What it does it to.
    pub key: String,
    due_at: i64,
    /// How often it failed.
    pub attempts: i64,
}

impl FromRow for Timer {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            kind: row.get("kind")?,
            key: row.get("key")?,
            due_at: row.get("due_at")?,
            attempts: row.get("attempts")?,
        })
    }
}

pub async fn upsert(tx: &mut db::Tx, kind: &str, key: &str, due: Timestamp) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO timers (kind, key, due_at, attempts) VALUES ($1, $2, $3, 0)
             ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at, attempts = 0"
        ),
        args![kind, key, due.as_millis()],
    )
    .await?;
    Ok(())
}

/// Sets the timer unless it is set.
pub async fn insert_if_absent(
    tx: &mut db::Tx,
    kind: &str,
    key: &str,
    due: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO timers (kind, key, due_at, attempts) VALUES ($1, $2, $3, 0)
             ON CONFLICT (kind, key) DO NOTHING"
        ),
        args![kind, key, due.as_millis()],
    )
    .await?;
    Ok(())
}

/// Takes a timer back, unless it is being run: whoever runs it waits for what the caller holds, so
/// to wait for it would be a deadlock; and its work checks the state again.
pub async fn delete(tx: &mut db::Tx, kind: &str, key: &str) -> Result<(), DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => sql!("DELETE FROM timers WHERE kind = $1 AND key = $2"),
        Engine::Postgres => Sql::concat(&[
            "DELETE FROM timers WHERE (kind, key) IN ",
            "(SELECT kind, key FROM timers WHERE kind = $1 AND key = $2 FOR UPDATE SKIP LOCKED)",
        ]),
    };
    tx.execute(sql, args![kind, key]).await?;
    Ok(())
}

/// Sets the timer where it is not set.
pub async fn ensure(tx: &mut db::Tx, kind: &str, key: &str, due: Timestamp) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO timers (kind, key, due_at, attempts) VALUES ($1, $2, $3, 0)
             ON CONFLICT (kind, key) DO NOTHING"
        ),
        args![kind, key, due.as_millis()],
    )
    .await?;
    Ok(())
}

pub async fn due_at(tx: &mut db::Tx, kind: &str, key: &str) -> Result<Option<Timestamp>, DbError> {
    let sql = sql!("SELECT due_at FROM timers WHERE kind = $1 AND key = $2");
    let row = tx.fetch_optional(sql, args![kind, key]).await?;
    row.map(|row| Ok(Timestamp::from_millis(row.get("due_at")?))).transpose()
}

pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Timer>, DbError> {
    let rows = db
        .fetch_all(
            sql!(
                "SELECT kind, key, due_at, attempts FROM timers
                 WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
            ),
            args![now.as_millis(), limit],
        )
        .await?;
    rows.iter().map(Timer::from_row).collect()
}

/// Deletes the timer as it was read. False when another node was faster, or it was set anew.
pub async fn take(tx: &mut Tx, timer: &Timer) -> Result<bool, DbError> {
    let taken = tx
        .execute(
            sql!(
                "DELETE FROM timers
                 WHERE kind = $1 AND key = $2 AND due_at = $3 AND attempts = $4"
            ),
            args![&timer.kind, &timer.key, timer.due_at, timer.attempts],
        )
        .await?;
    Ok(taken == 1)
}

/// Moves the timer, as it was read, to `pause` from now and counts a try. `None` when another node
/// was faster, or it was set anew.
pub async fn postpone(
    tx: &mut Tx,
    timer: &Timer,
    pause: Duration,
) -> Result<Option<Timer>, DbError> {
    let due_at = tx.now().as_millis() + pause.as_millis() as i64;
    let moved = tx
        .execute(
            sql!(
                "UPDATE timers SET due_at = $1, attempts = attempts + 1
                 WHERE kind = $2 AND key = $3 AND due_at = $4 AND attempts = $5"
            ),
            args![due_at, &timer.kind, &timer.key, timer.due_at, timer.attempts],
        )
        .await?;
    Ok((moved == 1).then(|| Timer {
        kind: timer.kind.clone(),
        key: timer.key.clone(),
        due_at,
        attempts: timer.attempts + 1,
    }))
}
