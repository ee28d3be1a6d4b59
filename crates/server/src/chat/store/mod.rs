//! The rows of chats and of who takes part in them.

pub mod messages;

use std::collections::HashSet;

use db::{Db, DbError, Row, Sql, Value, args, sql};
use events::documents::{ChatMessage, PublicUser};
use events::{ChatId, RequestId, Timestamp, UserId};

use super::model::{ChatType, ReadMark};
use crate::extract::Page;

/// A chat's row.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: ChatId,
    pub kind: ChatType,
    pub title: Option<String>,
    pub created_by: UserId,
    pub owner_id: Option<UserId>,
    pub purchase_request_id: Option<RequestId>,
    /// The number of the newest message.
    pub last_seq: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a participant's row says of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Part {
    pub read: ReadMark,
    /// How many messages are theirs.
    pub sent: i64,
}

impl Part {
    /// How many messages of others are not read, of `last_seq`.
    pub fn unread(&self, last_seq: i64) -> i64 {
        self.read.newly_read(ReadMark { seq: last_seq, own: self.sent })
    }
}

/// A chat as a user finds it.
pub struct Found {
    pub chat: Stored,
    /// `None` where the user does not take part.
    pub part: Option<Part>,
    /// The newest message.
    pub last_message: Option<ChatMessage>,
}

/// Chats with the part of the user `$1` in each and the newest message.
macro_rules! found {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.type, c.title, c.created_by, c.owner_id, c.purchase_request_id,
                    c.last_seq, c.created_at, c.updated_at,
                    me.read_seq, me.sent, me.read_own, ",
            messages::message_columns!(),
            " FROM chats c
              LEFT JOIN chat_participants me ON me.chat_id = c.id AND me.user_id = $1
              LEFT JOIN chat_messages m ON m.chat_id = c.id AND m.seq = c.last_seq ",
            $rest
        )
    };
}

fn part(row: &Row) -> Result<Option<Part>, DbError> {
    let Some(seq) = row.get::<Option<i64>>("read_seq")? else { return Ok(None) };
    let read = ReadMark { seq, own: row.get("read_own")? };
    Ok(Some(Part { read, sent: row.get("sent")? }))
}

fn read(row: &Row) -> Result<Found, DbError> {
    let chat = Stored {
        id: row.parse("id")?,
        kind: row.parse("type")?,
        title: row.get("title")?,
        created_by: row.parse("created_by")?,
        owner_id: row.parse_optional("owner_id")?,
        purchase_request_id: row.parse_optional("purchase_request_id")?,
        last_seq: row.get("last_seq")?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        updated_at: Timestamp::from_millis(row.get("updated_at")?),
    };
    let has_messages = chat.last_seq > 0;
    let last_message = has_messages.then(|| messages::read(row)).transpose()?;
    Ok(Found { chat, part: part(row)?, last_message })
}

pub async fn find(tx: &mut db::Tx, id: &ChatId, user: &UserId) -> Result<Option<Found>, DbError> {
    let row = tx.fetch_optional(sql!(found!("WHERE c.id = $2")), args![user, id]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Locks the chat until the transaction ends. The lock comes first, in a statement of its own: what
/// is read besides the locked row is as old as its statement.
pub async fn lock(tx: &mut db::Tx, id: &ChatId) -> Result<bool, DbError> {
    let lock = sql!("SELECT id FROM chats WHERE id = $1").for_update();
    Ok(tx.fetch_optional(lock, args![id]).await?.is_some())
}

/// Makes the chat's row, unless there is a chat of this `singleton`; false then.
pub async fn insert(
    tx: &mut db::Tx,
    chat: &Stored,
    singleton: Option<&str>,
) -> Result<bool, DbError> {
    let inserted = tx
        .execute(
            sql!(
                "INSERT INTO chats (id, type, singleton, title, created_by, owner_id,
                                    purchase_request_id, last_seq, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                 ON CONFLICT (singleton) DO NOTHING"
            ),
            args![
                &chat.id,
                &chat.kind,
                singleton,
                chat.title.as_ref(),
                &chat.created_by,
                chat.owner_id.as_ref(),
                chat.purchase_request_id.as_ref(),
                chat.last_seq,
                chat.created_at.as_millis(),
                chat.updated_at.as_millis(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

pub async fn find_singleton(tx: &mut db::Tx, singleton: &str) -> Result<ChatId, DbError> {
    let find = sql!("SELECT id FROM chats WHERE singleton = $1");
    tx.fetch_one(find, args![singleton]).await?.parse("id")
}

/// Adds a participant who has read everything up to `last_seq`; false where they are one already.
pub async fn insert_participant(
    tx: &mut db::Tx,
    chat: &Stored,
    user: &UserId,
    read_up_to: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sent = messages::sent_up_to(tx, &chat.id, user, chat.last_seq).await?;
    let read_own = messages::sent_up_to(tx, &chat.id, user, read_up_to).await?;
    let inserted = tx
        .execute(
            sql!(
                "INSERT INTO chat_participants (chat_id, user_id, read_seq, sent, read_own,
                                                joined_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chat_id, user_id) DO NOTHING"
            ),
            args![&chat.id, user, read_up_to, sent, read_own, now.as_millis()],
        )
        .await?;
    Ok(inserted == 1)
}

pub async fn delete_participant(
    tx: &mut db::Tx,
    chat: &ChatId,
    user: &UserId,
) -> Result<bool, DbError> {
    let delete = sql!("DELETE FROM chat_participants WHERE chat_id = $1 AND user_id = $2");
    Ok(tx.execute(delete, args![chat, user]).await? == 1)
}

/// Those of these users who take part in the chat beside each.
pub async fn taking_part(
    db: &Db,
    asked: &[(UserId, ChatId)],
) -> Result<HashSet<(UserId, ChatId)>, DbError> {
    let sql = Sql::for_rows(
        db.engine(),
        "SELECT p.user_id, p.chat_id FROM asked JOIN chat_participants p
         ON p.user_id = asked.value->>0 AND p.chat_id = asked.value->>1",
    );
    let rows = db.fetch_all(sql, args![Value::json(asked)?]).await?;
    rows.iter().map(|row| Ok((row.parse("user_id")?, row.parse("chat_id")?))).collect()
}

/// Locks the participant's row until the transaction ends.
pub async fn lock_part(
    tx: &mut db::Tx,
    chat: &ChatId,
    user: &UserId,
) -> Result<Option<Part>, DbError> {
    let lock = sql!(
        "SELECT read_seq, sent, read_own FROM chat_participants
         WHERE chat_id = $1 AND user_id = $2"
    );
    match tx.fetch_optional(lock.for_update(), args![chat, user]).await? {
        Some(row) => part(&row),
        None => Ok(None),
    }
}

/// Moves the mark of a participant on, where it is not as far yet.
pub async fn set_read(
    tx: &mut db::Tx,
    chat: &ChatId,
    user: &UserId,
    mark: ReadMark,
) -> Result<bool, DbError> {
    let set = sql!(
        "UPDATE chat_participants SET read_seq = $1, read_own = $2
         WHERE chat_id = $3 AND user_id = $4 AND read_seq < $1"
    );
    Ok(tx.execute(set, args![mark.seq, mark.own, chat, user]).await? == 1)
}

/// Counts a message of the participant's own.
pub async fn set_sent(
    tx: &mut db::Tx,
    chat: &ChatId,
    user: &UserId,
    sent: i64,
) -> Result<(), DbError> {
    let set = sql!("UPDATE chat_participants SET sent = $1 WHERE chat_id = $2 AND user_id = $3");
    tx.execute(set, args![sent, chat, user]).await?;
    Ok(())
}

pub async fn set_owner(
    tx: &mut db::Tx,
    chat: &ChatId,
    owner: Option<&UserId>,
) -> Result<(), DbError> {
    let set = sql!("UPDATE chats SET owner_id = $1 WHERE id = $2");
    tx.execute(set, args![owner, chat]).await?;
    Ok(())
}

/// Takes the next number of a message, and a time that is not before the newest message's.
pub async fn next_seq(
    tx: &mut db::Tx,
    chat: &ChatId,
    now: Timestamp,
) -> Result<(i64, Timestamp), DbError> {
    let next = sql!(
        "UPDATE chats SET last_seq = last_seq + 1,
                          updated_at = CASE WHEN updated_at < $1 THEN $1 ELSE updated_at END
         WHERE id = $2 RETURNING last_seq, updated_at"
    );
    let row = tx.fetch_one(next, args![now.as_millis(), chat]).await?;
    Ok((row.get("last_seq")?, Timestamp::from_millis(row.get("updated_at")?)))
}

fn public_user(row: &Row) -> Result<PublicUser, DbError> {
    Ok(PublicUser {
        id: row.parse("id")?,
        name: row.get("name")?,
        role: row.parse("role")?,
        avatar_id: row.parse_optional("avatar_id")?,
        // Profiles tell it; it has no place among the participants of a chat.
        rating: None,
        created_at: Timestamp::from_millis(row.get("created_at")?),
    })
}

/// Who takes part, in the order in which they came.
pub async fn participants(tx: &mut db::Tx, chat: &ChatId) -> Result<Vec<PublicUser>, DbError> {
    let select = sql!(
        "SELECT u.id, u.name, u.role, u.avatar_id, u.created_at
         FROM chat_participants p JOIN users u ON u.id = p.user_id
         WHERE p.chat_id = $1 ORDER BY p.joined_at, p.user_id"
    );
    tx.fetch_all(select, args![chat]).await?.iter().map(public_user).collect()
}

/// Whose chats a list is made of: those that the user `$1` takes part in; administrators have those
/// with the support besides.
const OWN: &str = "c.id IN (SELECT chat_id FROM chat_participants WHERE user_id = $1)";
const OWN_AND_SUPPORT: &str = "c.id IN (SELECT chat_id FROM chat_participants WHERE user_id = $1
    UNION SELECT id FROM chats WHERE type = 'support')";

/// One page of the user's chats, and how many there are.
pub async fn list(
    tx: &mut db::Tx,
    user: &UserId,
    with_support: bool,
    page: Page,
) -> Result<(Vec<Found>, i64), DbError> {
    let condition = if with_support { OWN_AND_SUPPORT } else { OWN };
    let count = Sql::concat(&["SELECT COUNT(*) AS total FROM chats c WHERE ", condition]);
    let total = tx.fetch_one(count, args![user]).await?.get("total")?;
    let select = Sql::concat(&[
        found!("WHERE "),
        condition,
        " ORDER BY c.updated_at DESC, c.id DESC LIMIT $2 OFFSET $3",
    ]);
    let rows = tx.fetch_all(select, args![user, page.limit, page.offset()]).await?;
    Ok((rows.iter().map(read).collect::<Result<_, _>>()?, total))
}

/// Who takes part but this user and has no live socket.
pub async fn away(
    tx: &mut db::Tx,
    chat: &ChatId,
    but: &UserId,
) -> Result<Vec<(UserId, Part)>, DbError> {
    let select = sql!(
        "SELECT p.user_id, p.read_seq, p.sent, p.read_own
         FROM chat_participants p LEFT JOIN presence o ON o.user_id = p.user_id
         WHERE p.chat_id = $1 AND p.user_id <> $2 AND NOT COALESCE(o.online, false)
         ORDER BY p.user_id"
    );
    let rows = tx.fetch_all(select, args![chat, but]).await?;
    rows.iter().map(|row| Ok((row.parse("user_id")?, part(row)?.unwrap_or_default()))).collect()
}

/// The administrators who have neither read nor written in this chat and have no live socket.
pub async fn away_admins(tx: &mut db::Tx, chat: &ChatId) -> Result<Vec<UserId>, DbError> {
    let select = sql!(
        "SELECT u.id FROM users u LEFT JOIN presence o ON o.user_id = u.id
         WHERE u.role = 'admin' AND NOT COALESCE(o.online, false)
         AND NOT EXISTS (SELECT 1 FROM chat_participants p
                         WHERE p.chat_id = $1 AND p.user_id = u.id)
         ORDER BY u.id"
    );
    tx.fetch_all(select, args![chat]).await?.iter().map(|row| row.parse("id")).collect()
}
