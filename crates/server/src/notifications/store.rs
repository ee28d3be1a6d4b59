//! The rows of notifications.

use db::{Db, DbError, FromRow, Row, Value, args, sql};
use events::documents::Notification;
use events::{NotificationId, Timestamp, UserId};

use super::model::{Category, Preferences};
use crate::extract::Page;
use crate::journal::Tx;

/// What is counted and chosen for one user.
#[derive(Debug)]
pub struct Account {
    pub unread: i64,
    /// The number of the newest notification.
    pub last_number: i64,
    pub preferences: Preferences,
}

fn read_preferences(row: &Row) -> Result<Preferences, DbError> {
    Ok(row.json_optional("preferences")?.unwrap_or_default())
}

/// Locks the user's row until the transaction ends, made where there was none.
pub async fn lock(tx: &mut Tx, user: &UserId) -> Result<Account, DbError> {
    let row = tx
        .fetch_one(
            sql!(
                "INSERT INTO notification_accounts (user_id, unread, last_number) VALUES ($1, 0, 0)
                 ON CONFLICT (user_id) DO UPDATE SET unread = notification_accounts.unread
                 RETURNING unread, last_number, preferences"
            ),
            args![user],
        )
        .await?;
    Ok(Account {
        unread: row.get("unread")?,
        last_number: row.get("last_number")?,
        preferences: read_preferences(&row)?,
    })
}

/// The numbers from `last_number` down are taken.
pub async fn set_last_number(tx: &mut Tx, user: &UserId, last_number: i64) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE notification_accounts SET last_number = $1 WHERE user_id = $2"),
        args![last_number, user],
    )
    .await?;
    Ok(())
}

pub async fn set_unread(tx: &mut Tx, user: &UserId, unread: i64) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE notification_accounts SET unread = $1 WHERE user_id = $2"),
        args![unread, user],
    )
    .await?;
    Ok(())
}

pub async fn unread(db: &Db, user: &UserId) -> Result<i64, DbError> {
    let row = db
        .fetch_optional(
            sql!("SELECT unread FROM notification_accounts WHERE user_id = $1"),
            args![user],
        )
        .await?;
    row.map_or(Ok(0), |row| row.get("unread"))
}

pub async fn preferences(db: &Db, user: &UserId) -> Result<Preferences, DbError> {
    let row = db
        .fetch_optional(
            sql!("SELECT preferences FROM notification_accounts WHERE user_id = $1"),
            args![user],
        )
        .await?;
    row.map_or_else(|| Ok(Preferences::default()), |row| read_preferences(&row))
}

pub async fn set_preferences(
    tx: &mut Tx,
    user: &UserId,
    preferences: &Preferences,
) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE notification_accounts SET preferences = $1 WHERE user_id = $2"),
        args![Value::json(preferences)?, user],
    )
    .await?;
    Ok(())
}

/// A [`Notification`] as a row. The document's type is another crate's.
struct Stored(Notification);

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self(Notification {
            id: row.parse("id")?,
            kind: row.get("kind")?,
            title: row.get("title")?,
            body: row.get("body")?,
            data: row.json("data")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
            read_at: row.get::<Option<i64>>("read_at")?.map(Timestamp::from_millis),
        }))
    }
}

macro_rules! columns {
    () => {
        "id, kind, title, body, data, created_at, read_at"
    };
}

pub async fn insert(
    tx: &mut Tx,
    user: &UserId,
    number: i64,
    notification: &Notification,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO notifications (id, user_id, number, kind, title, body, data, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ),
        args![
            &notification.id,
            user,
            number,
            &notification.kind,
            &notification.title,
            &notification.body,
            Value::json(&notification.data)?,
            notification.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn find(
    tx: &mut Tx,
    user: &UserId,
    id: &NotificationId,
) -> Result<Option<Notification>, DbError> {
    let sql =
        sql!(concat!("SELECT ", columns!(), " FROM notifications WHERE id = $1 AND user_id = $2"));
    Ok(tx.fetch_optional_as::<Stored>(sql, args![id, user]).await?.map(|stored| stored.0))
}

/// One page of a user's notifications, newest first, and how many there are on all pages.
pub async fn list(
    db: &Db,
    user: &UserId,
    unread_only: bool,
    page: Page,
) -> Result<(Vec<Notification>, i64), DbError> {
    macro_rules! filter {
        () => {
            " FROM notifications WHERE user_id = $1 AND (read_at IS NULL OR NOT $2)"
        };
    }
    // Both statements look at the same state.
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total", filter!()));
    let total = tx.fetch_one(count, args![user, unread_only]).await?.get("total")?;
    let select =
        sql!(concat!("SELECT ", columns!(), filter!(), " ORDER BY number DESC LIMIT $3 OFFSET $4"));
    let values = args![user, unread_only, page.limit, page.offset()];
    let rows = tx.fetch_all_as::<Stored>(select, values).await?;
    Ok((rows.into_iter().map(|stored| stored.0).collect(), total))
}

/// True where it was unread.
pub async fn mark_read(tx: &mut Tx, user: &UserId, id: &NotificationId) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let changed = tx
        .execute(
            sql!(
                "UPDATE notifications SET read_at = $1
                 WHERE id = $2 AND user_id = $3 AND read_at IS NULL"
            ),
            args![now, id, user],
        )
        .await?;
    Ok(changed == 1)
}

/// How many were unread.
pub async fn mark_all_read(tx: &mut Tx, user: &UserId) -> Result<i64, DbError> {
    let now = tx.now().as_millis();
    let changed = tx
        .execute(
            sql!("UPDATE notifications SET read_at = $1 WHERE user_id = $2 AND read_at IS NULL"),
            args![now, user],
        )
        .await?;
    Ok(changed as i64)
}

/// Whether it was unread; `None` where it is not there.
pub async fn delete(
    tx: &mut Tx,
    user: &UserId,
    id: &NotificationId,
) -> Result<Option<bool>, DbError> {
    let row = tx
        .fetch_optional(
            sql!("DELETE FROM notifications WHERE id = $1 AND user_id = $2 RETURNING read_at"),
            args![id, user],
        )
        .await?;
    row.map(|row| Ok(row.get::<Option<i64>>("read_at")?.is_none())).transpose()
}

/// Users with notifications from before that time, in the order of their ids.
pub async fn users_with_old(
    tx: &mut Tx,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<UserId>, DbError> {
    let rows = tx
        .fetch_all(
            sql!(
                "SELECT DISTINCT user_id FROM notifications WHERE created_at < $1
                 ORDER BY user_id LIMIT $2"
            ),
            args![before.as_millis(), limit],
        )
        .await?;
    rows.iter().map(|row| row.parse("user_id")).collect()
}

/// Deletes a user's notifications from before that time; how many of them were unread.
pub async fn delete_old(tx: &mut Tx, user: &UserId, before: Timestamp) -> Result<i64, DbError> {
    let unread = tx
        .execute(
            sql!(
                "DELETE FROM notifications
                 WHERE user_id = $1 AND created_at < $2 AND read_at IS NULL"
            ),
            args![user, before.as_millis()],
        )
        .await?;
    tx.execute(
        sql!("DELETE FROM notifications WHERE user_id = $1 AND created_at < $2"),
        args![user, before.as_millis()],
    )
    .await?;
    Ok(unread as i64)
}

/// A notification that is to go out by mail.
pub struct Mail {
    pub id: NotificationId,
    pub user: UserId,
    pub category: Category,
    pub title: String,
    pub body: String,
}

pub async fn insert_mail(tx: &mut Tx, mail: &Mail) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO notification_mails (id, user_id, category, title, body, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        args![&mail.id, &mail.user, &mail.category, &mail.title, &mail.body, now],
    )
    .await?;
    Ok(())
}

pub async fn find_mail(tx: &mut Tx, id: &NotificationId) -> Result<Option<Mail>, DbError> {
    let row = tx
        .fetch_optional(
            sql!("SELECT user_id, category, title, body FROM notification_mails WHERE id = $1"),
            args![id],
        )
        .await?;
    row.map(|row| {
        Ok(Mail {
            id: id.clone(),
            user: row.parse("user_id")?,
            category: row.parse("category")?,
            title: row.get("title")?,
            body: row.get("body")?,
        })
    })
    .transpose()
}

pub async fn delete_mail(tx: &mut Tx, id: &NotificationId) -> Result<(), DbError> {
    tx.execute(sql!("DELETE FROM notification_mails WHERE id = $1"), args![id]).await?;
    Ok(())
}

pub async fn delete_old_mails(tx: &mut Tx, before: Timestamp) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM notification_mails WHERE created_at < $1"),
        args![before.as_millis()],
    )
    .await?;
    Ok(())
}
