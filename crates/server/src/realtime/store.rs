//! The tables `presence`, `presence_nodes` and `nodes`.
//!
//! What holds always here: a user is online if and only if a row of `presence_nodes` says on which
//! node. Who changes either locks the user's row of `presence` first, so of several nodes one sees
//! that it was the first or the last.

use std::collections::HashSet;

use db::{Db, DbError, Engine, Sql, Value, args, sql};
use events::{Timestamp, UserId};

use super::presence::Seen;

/// What is known of a user.
pub async fn find(tx: &mut db::Tx, user: &UserId) -> Result<Option<Seen>, DbError> {
    let sql = sql!("SELECT online, last_seen FROM presence WHERE user_id = $1");
    let row = tx.fetch_optional(sql, args![user]).await?;
    row.map(|row| {
        let last_seen = Timestamp::from_millis(row.get("last_seen")?);
        Ok(Seen { online: row.get("online")?, last_seen })
    })
    .transpose()
}

/// Writes whether users are on this node, and returns those who are online or offline by it and
/// were not before, on any node.
pub async fn save(
    tx: &mut db::Tx,
    node: &str,
    users: &[(UserId, Seen)],
) -> Result<Vec<(UserId, Seen)>, DbError> {
    let engine = tx.engine();
    let rows = |users: &[&(UserId, Seen)]| {
        let row = |(user, seen): &&(UserId, Seen)| (user.clone(), seen.last_seen.as_millis());
        Value::json(&users.iter().map(row).collect::<Vec<_>>())
    };
    let (here, gone): (Vec<_>, Vec<_>) = users.iter().partition(|(_, seen)| seen.online);
    let all = rows(&users.iter().collect::<Vec<_>>())?;
    let known = Sql::for_rows(
        engine,
        "INSERT INTO presence (user_id, online, last_seen)
         SELECT asked.value->>0, $2, CAST(asked.value->>1 AS BIGINT) FROM asked WHERE true
         ORDER BY asked.value->>0 ON CONFLICT (user_id) DO NOTHING",
    );
    tx.execute(known, args![all.clone(), false]).await?;
    if engine == Engine::Postgres {
        // All nodes lock users in the same order.
        let lock = Sql::for_rows(
            engine,
            "SELECT user_id FROM presence
             WHERE user_id IN (SELECT asked.value->>0 FROM asked) ORDER BY user_id",
        );
        tx.fetch_all(lock.for_update(), args![all]).await?;
    }
    let mut changed = HashSet::new();
    if !here.is_empty() {
        let come = Sql::for_rows(
            engine,
            "INSERT INTO presence_nodes (user_id, node_id)
             SELECT asked.value->>0, $2 FROM asked WHERE true
             ON CONFLICT (user_id, node_id) DO NOTHING",
        );
        tx.execute(come, args![rows(&here)?, node]).await?;
        let online = Sql::for_rows(
            engine,
            "UPDATE presence SET online = $2, last_seen = CAST(asked.value->>1 AS BIGINT)
             FROM asked WHERE user_id = asked.value->>0 AND NOT online RETURNING user_id",
        );
        for row in tx.fetch_all(online, args![rows(&here)?, true]).await? {
            changed.insert(row.get::<String>("user_id")?);
        }
    }
    if !gone.is_empty() {
        let go = Sql::for_rows(
            engine,
            "DELETE FROM presence_nodes WHERE node_id = $2
             AND user_id IN (SELECT asked.value->>0 FROM asked)",
        );
        tx.execute(go, args![rows(&gone)?, node]).await?;
        let offline = Sql::for_rows(
            engine,
            "UPDATE presence SET online = $2, last_seen = CAST(asked.value->>1 AS BIGINT)
             FROM asked WHERE user_id = asked.value->>0 AND online AND NOT EXISTS
                 (SELECT 1 FROM presence_nodes n WHERE n.user_id = presence.user_id)
             RETURNING user_id",
        );
        for row in tx.fetch_all(offline, args![rows(&gone)?, false]).await? {
            changed.insert(row.get::<String>("user_id")?);
        }
    }
    let is_changed = |(user, _): &&(UserId, Seen)| changed.contains(user.as_str());
    Ok(users.iter().filter(is_changed).cloned().collect())
}

/// A node and the count of its signs of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beats {
    /// The node.
    pub node: String,
    /// Grows while it lives; negative once it has stopped.
    pub count: i64,
}

/// This node begins.
pub async fn enter(db: &Db, node: &str, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    tx.execute(
        sql!("INSERT INTO nodes (id, beats, seen_at) VALUES ($1, 0, $2)"),
        args![node, now.as_millis()],
    )
    .await?;
    tx.commit().await
}

/// A sign of life of this node. False when others have taken it for dead.
pub async fn beat(db: &Db, node: &str, now: Timestamp) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let found = tx
        .execute(
            sql!("UPDATE nodes SET beats = beats + 1, seen_at = $1 WHERE id = $2"),
            args![now.as_millis(), node],
        )
        .await?;
    tx.commit().await?;
    Ok(found == 1)
}

/// This node has stopped: others need not wait to see that it is dead.
pub async fn leave(db: &Db, node: &str, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    tx.execute(
        sql!("UPDATE nodes SET beats = -1, seen_at = $1 WHERE id = $2"),
        args![now.as_millis(), node],
    )
    .await?;
    tx.commit().await
}

/// The nodes but this one.
pub async fn others(db: &Db, node: &str) -> Result<Vec<Beats>, DbError> {
    let rows =
        db.fetch_all(sql!("SELECT id, beats FROM nodes WHERE id <> $1"), args![node]).await?;
    rows.iter().map(|row| Ok(Beats { node: row.get("id")?, count: row.get("beats")? })).collect()
}

/// Takes the users of a dead node over; of several nodes that try, one does. Who they are, and
/// when the dead node was last heard of.
pub async fn take_over(
    db: &Db,
    node: &str,
    dead: &Beats,
) -> Result<Vec<(UserId, Timestamp)>, DbError> {
    let mut tx = db.begin().await?;
    let taken = tx
        .fetch_optional(
            sql!("DELETE FROM nodes WHERE id = $1 AND beats = $2 RETURNING seen_at"),
            args![&dead.node, dead.count],
        )
        .await?;
    let Some(taken) = taken else { return Ok(Vec::new()) };
    let last_seen = Timestamp::from_millis(taken.get("seen_at")?);
    let users = tx
        .fetch_all(sql!("SELECT user_id FROM presence_nodes WHERE node_id = $1"), args![&dead.node])
        .await?;
    tx.execute(
        sql!(
            "INSERT INTO presence_nodes (user_id, node_id)
             SELECT user_id, $1 FROM presence_nodes WHERE node_id = $2
             ON CONFLICT (user_id, node_id) DO NOTHING"
        ),
        args![node, &dead.node],
    )
    .await?;
    tx.execute(sql!("DELETE FROM presence_nodes WHERE node_id = $1"), args![&dead.node]).await?;
    tx.commit().await?;
    users.iter().map(|row| Ok((row.parse("user_id")?, last_seen))).collect()
}
