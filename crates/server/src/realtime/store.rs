//! The table `presence`.

use std::collections::HashMap;

use db::{Db, DbError, args, sql};
use events::{Timestamp, UserId};

use super::presence::Seen;

/// Who was online when it was last written, and when they were last seen.
pub async fn online(db: &Db) -> Result<Vec<(UserId, Timestamp)>, DbError> {
    let sql = sql!("SELECT user_id, last_seen FROM presence WHERE online");
    let rows = db.fetch_all(sql, args![]).await?;
    rows.iter()
        .map(|row| Ok((row.parse("user_id")?, Timestamp::from_millis(row.get("last_seen")?))))
        .collect()
}

/// When a user who is not online was last seen.
pub async fn last_seen(tx: &mut db::Tx, user: &UserId) -> Result<Option<Timestamp>, DbError> {
    let sql = sql!("SELECT last_seen FROM presence WHERE user_id = $1");
    let row = tx.fetch_optional(sql, args![user]).await?;
    row.map(|row| Ok(Timestamp::from_millis(row.get("last_seen")?))).transpose()
}

/// Writes the state of users.
pub async fn save(db: &Db, users: &HashMap<UserId, Seen>) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    for (user, seen) in users {
        tx.execute(
            sql!(
                "INSERT INTO presence (user_id, online, last_seen) VALUES ($1, $2, $3)
                 ON CONFLICT (user_id)
                 DO UPDATE SET online = excluded.online, last_seen = excluded.last_seen"
            ),
            args![user, seen.online, seen.last_seen.as_millis()],
        )
        .await?;
    }
    tx.commit().await
}
