//! The rows of sign-ins, refresh tokens and mailed tokens. Tokens go in and out by their stored
//! form ([`super::secrets::stored_form`]).

use db::{Db, DbError, FromRow, Row, args, sql};
use events::{Timestamp, UserId};

use super::model::{EndReason, LinkKind, RefreshToken};
use crate::extract::Session;

pub async fn insert_session(
    tx: &mut db::Tx,
    session: &Session,
    user: &UserId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!("INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)"),
        args![&session.0, user, now.as_millis(), expires_at.as_millis()],
    )
    .await?;
    Ok(())
}

/// Lets a live sign-in last longer. False where it has ended.
pub async fn extend_session(
    tx: &mut db::Tx,
    session: &Session,
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let extended = tx
        .execute(
            sql!("UPDATE sessions SET expires_at = $1 WHERE id = $2 AND ended_at IS NULL"),
            args![expires_at.as_millis(), &session.0],
        )
        .await?;
    Ok(extended == 1)
}

/// Ends a live sign-in. False where it has ended already.
pub async fn end_session(
    tx: &mut db::Tx,
    session: &Session,
    reason: EndReason,
    now: Timestamp,
) -> Result<bool, DbError> {
    let ended = tx
        .execute(
            sql!(
                "UPDATE sessions SET ended_at = $1, ended_reason = $2
                 WHERE id = $3 AND ended_at IS NULL"
            ),
            args![now.as_millis(), &reason, &session.0],
        )
        .await?;
    Ok(ended == 1)
}

/// Ends the live sign-ins of a user, but for one, and returns them.
pub async fn end_sessions_of(
    tx: &mut db::Tx,
    user: &UserId,
    but: Option<&Session>,
    reason: EndReason,
    now: Timestamp,
) -> Result<Vec<Session>, DbError> {
    let but = but.map(|session| &session.0);
    let rows = tx
        .fetch_all(
            sql!(
                "UPDATE sessions SET ended_at = $1, ended_reason = $2
                 WHERE user_id = $3 AND ended_at IS NULL
                 AND (CAST($4 AS TEXT) IS NULL OR id <> $4)
                 RETURNING id"
            ),
            args![now.as_millis(), &reason, user, but],
        )
        .await?;
    rows.iter().map(|row| session(row, "id")).collect()
}

/// The sign-ins that ended after a time, and when.
pub async fn ended_since(db: &Db, since: Timestamp) -> Result<Vec<(Session, Timestamp)>, DbError> {
    let rows = db
        .fetch_all(
            sql!("SELECT id, ended_at FROM sessions WHERE ended_at >= $1"),
            args![since.as_millis()],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((session(row, "id")?, Timestamp::from_millis(row.get("ended_at")?))))
        .collect()
}

pub async fn insert_refresh_token(
    tx: &mut db::Tx,
    hash: &str,
    session: &Session,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at)
             VALUES ($1, $2, $3, $4)"
        ),
        args![hash, &session.0, now.as_millis(), expires_at.as_millis()],
    )
    .await?;
    Ok(())
}

impl FromRow for RefreshToken {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            session: session(row, "session_id")?,
            user_id: row.parse("user_id")?,
            expires_at: Timestamp::from_millis(row.get("expires_at")?),
            used: row.get::<Option<i64>>("used_at")?.is_some(),
            ended: row.get::<Option<i64>>("ended_at")?.is_some(),
        })
    }
}

pub async fn find_refresh_token(
    tx: &mut db::Tx,
    hash: &str,
) -> Result<Option<RefreshToken>, DbError> {
    tx.fetch_optional_as(
        sql!(
            "SELECT t.session_id, s.user_id, t.expires_at, t.used_at, s.ended_at
             FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
             WHERE t.hash = $1"
        ),
        args![hash],
    )
    .await
}

/// Marks a refresh token as used. False where someone was faster.
pub async fn use_refresh_token(
    tx: &mut db::Tx,
    hash: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let used = tx
        .execute(
            sql!("UPDATE refresh_tokens SET used_at = $1 WHERE hash = $2 AND used_at IS NULL"),
            args![now.as_millis(), hash],
        )
        .await?;
    Ok(used == 1)
}

pub async fn insert_link(
    tx: &mut db::Tx,
    hash: &str,
    kind: LinkKind,
    user: &UserId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO one_time_tokens (hash, kind, user_id, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)"
        ),
        args![hash, &kind, user, now.as_millis(), expires_at.as_millis()],
    )
    .await?;
    Ok(())
}

pub async fn delete_link(tx: &mut db::Tx, hash: &str) -> Result<(), DbError> {
    tx.execute(sql!("DELETE FROM one_time_tokens WHERE hash = $1"), args![hash]).await?;
    Ok(())
}

/// How many links of a kind were mailed to a user since a time.
pub async fn count_links(
    tx: &mut db::Tx,
    kind: LinkKind,
    user: &UserId,
    since: Timestamp,
) -> Result<i64, DbError> {
    let row = tx
        .fetch_one(
            sql!(
                "SELECT count(*) AS total FROM one_time_tokens
                 WHERE user_id = $1 AND kind = $2 AND created_at > $3"
            ),
            args![user, &kind, since.as_millis()],
        )
        .await?;
    row.get("total")
}

/// Uses a mailed token and returns its user and the end of its time. `None` where there is no such
/// token of this kind, or it was used.
pub async fn use_link(
    tx: &mut db::Tx,
    hash: &str,
    kind: LinkKind,
    now: Timestamp,
) -> Result<Option<(UserId, Timestamp)>, DbError> {
    let row = tx
        .fetch_optional(
            sql!(
                "UPDATE one_time_tokens SET used_at = $1
                 WHERE hash = $2 AND kind = $3 AND used_at IS NULL
                 RETURNING user_id, expires_at"
            ),
            args![now.as_millis(), hash, &kind],
        )
        .await?;
    row.map(|row| Ok((row.parse("user_id")?, Timestamp::from_millis(row.get("expires_at")?))))
        .transpose()
}

/// Takes a user's unused links of a kind out of use.
pub async fn void_links(
    tx: &mut db::Tx,
    kind: LinkKind,
    user: &UserId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE one_time_tokens SET used_at = $1
             WHERE user_id = $2 AND kind = $3 AND used_at IS NULL"
        ),
        args![now.as_millis(), user, &kind],
    )
    .await?;
    Ok(())
}

/// Forgets tokens whose time is over and the sign-ins that have none left.
pub async fn sweep(tx: &mut db::Tx, now: Timestamp) -> Result<(), DbError> {
    let before = || args![now.as_millis()];
    tx.execute(sql!("DELETE FROM one_time_tokens WHERE expires_at < $1"), before()).await?;
    // Their refresh tokens go with them; each expires no later than its sign-in.
    tx.execute(sql!("DELETE FROM sessions WHERE expires_at < $1"), before()).await?;
    tx.execute(sql!("DELETE FROM refresh_tokens WHERE expires_at < $1"), before()).await?;
    Ok(())
}

fn session(row: &Row, column: &str) -> Result<Session, DbError> {
    Ok(Session(row.get::<String>(column)?.into()))
}
