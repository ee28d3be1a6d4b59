//! The rows of messages. Every look-up is by an index; a page is a range of numbers.

use db::{DbError, Row, Value, args, sql};
use events::documents::{Attachment, ChatMessage};
use events::{ChatId, MessageId, Timestamp, UserId};

use crate::chat::model::Window;
use crate::text::{fold, like_pattern};

/// The columns of `chat_messages m` that [`read`] reads.
macro_rules! message_columns {
    () => {
        "m.id AS m_id, m.chat_id AS m_chat_id, m.sender_id AS m_sender_id,
         m.content AS m_content, m.attachments AS m_attachments,
         m.client_message_id AS m_client_message_id, m.created_at AS m_created_at,
         m.edited_at AS m_edited_at, m.deleted_at AS m_deleted_at"
    };
}
pub(super) use message_columns;

pub(super) fn read(row: &Row) -> Result<ChatMessage, DbError> {
    let time = |column: &str| -> Result<Option<Timestamp>, DbError> {
        Ok(row.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
    };
    Ok(ChatMessage {
        id: row.parse("m_id")?,
        chat_id: row.parse("m_chat_id")?,
        content: row.get("m_content")?,
        sender_id: row.parse("m_sender_id")?,
        created_at: Timestamp::from_millis(row.get("m_created_at")?),
        attachments: row.json_optional("m_attachments")?,
        client_message_id: row.get("m_client_message_id")?,
        edited_at: time("m_edited_at")?,
        deleted_at: time("m_deleted_at")?,
    })
}

fn attachments(message: &ChatMessage) -> Result<Value, DbError> {
    let list: Option<&Vec<Attachment>> = message.attachments.as_ref();
    list.map_or(Ok(Value::Null(db::Kind::Text)), Value::json)
}

/// Writes a message. `seq` is its number in the chat, `sender_seq` among those of its sender there.
pub async fn insert(
    tx: &mut db::Tx,
    message: &ChatMessage,
    seq: i64,
    sender_seq: i64,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO chat_messages (id, chat_id, seq, sender_id, sender_seq, content,
                 search_text, attachments, client_message_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        args![
            &message.id,
            &message.chat_id,
            seq,
            &message.sender_id,
            sender_seq,
            &message.content,
            fold(&message.content),
            attachments(message)?,
            message.client_message_id.as_ref(),
            message.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn find(
    tx: &mut db::Tx,
    chat: &ChatId,
    id: &MessageId,
) -> Result<Option<ChatMessage>, DbError> {
    let find = sql!(concat!(
        "SELECT ",
        message_columns!(),
        " FROM chat_messages m WHERE m.chat_id = $1 AND m.id = $2"
    ));
    tx.fetch_optional(find, args![chat, id]).await?.as_ref().map(read).transpose()
}

pub async fn find_by_client_id(
    tx: &mut db::Tx,
    chat: &ChatId,
    sender: &UserId,
    client_message_id: &str,
) -> Result<Option<ChatMessage>, DbError> {
    let find = sql!(concat!(
        "SELECT ",
        message_columns!(),
        " FROM chat_messages m
          WHERE m.chat_id = $1 AND m.sender_id = $2 AND m.client_message_id = $3"
    ));
    let row = tx.fetch_optional(find, args![chat, sender, client_message_id]).await?;
    row.as_ref().map(read).transpose()
}

/// Writes what its sender may change. False when it is a tombstone meanwhile.
pub async fn update(tx: &mut db::Tx, message: &ChatMessage) -> Result<bool, DbError> {
    let update = sql!(
        "UPDATE chat_messages SET content = $1, search_text = $2, attachments = $3,
                                  edited_at = $4, deleted_at = $5
         WHERE id = $6 AND deleted_at IS NULL"
    );
    let changed = tx
        .execute(
            update,
            args![
                &message.content,
                fold(&message.content),
                attachments(message)?,
                message.edited_at.map(Timestamp::as_millis),
                message.deleted_at.map(Timestamp::as_millis),
                &message.id,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// The number of a message.
pub async fn seq_of(
    tx: &mut db::Tx,
    chat: &ChatId,
    id: &MessageId,
) -> Result<Option<i64>, DbError> {
    let find = sql!("SELECT seq FROM chat_messages WHERE chat_id = $1 AND id = $2");
    tx.fetch_optional(find, args![chat, id]).await?.map(|row| row.get("seq")).transpose()
}

/// The number of the first message at `time` or later.
pub async fn first_from(
    tx: &mut db::Tx,
    chat: &ChatId,
    time: Timestamp,
) -> Result<Option<i64>, DbError> {
    let find = sql!(
        "SELECT seq FROM chat_messages WHERE chat_id = $1 AND created_at >= $2
         ORDER BY created_at, seq LIMIT 1"
    );
    let row = tx.fetch_optional(find, args![chat, time.as_millis()]).await?;
    row.map(|row| row.get("seq")).transpose()
}

/// The number of the last message at `time` or earlier.
pub async fn last_until(
    tx: &mut db::Tx,
    chat: &ChatId,
    time: Timestamp,
) -> Result<Option<i64>, DbError> {
    let find = sql!(
        "SELECT seq FROM chat_messages WHERE chat_id = $1 AND created_at <= $2
         ORDER BY created_at DESC, seq DESC LIMIT 1"
    );
    let row = tx.fetch_optional(find, args![chat, time.as_millis()]).await?;
    row.map(|row| row.get("seq")).transpose()
}

/// How many of a chat's messages up to `seq` are the user's.
pub async fn sent_up_to(
    tx: &mut db::Tx,
    chat: &ChatId,
    user: &UserId,
    seq: i64,
) -> Result<i64, DbError> {
    let find = sql!(
        "SELECT sender_seq FROM chat_messages WHERE chat_id = $1 AND sender_id = $2 AND seq <= $3
         ORDER BY seq DESC LIMIT 1"
    );
    let row = tx.fetch_optional(find, args![chat, user, seq]).await?;
    row.map_or(Ok(0), |row| row.get("sender_seq"))
}

/// The messages of a window, in order.
pub async fn page(
    tx: &mut db::Tx,
    chat: &ChatId,
    window: Window,
) -> Result<Vec<ChatMessage>, DbError> {
    let select = sql!(concat!(
        "SELECT ",
        message_columns!(),
        " FROM chat_messages m WHERE m.chat_id = $1 AND m.seq > $2 AND m.seq < $3 ORDER BY m.seq"
    ));
    tx.fetch_all(select, args![chat, window.after, window.before]).await?.iter().map(read).collect()
}

/// The messages of a window that hold the text, in the order of reading; `limit` at most.
pub async fn search(
    tx: &mut db::Tx,
    chat: &ChatId,
    window: Window,
    text: &str,
    limit: i64,
    forwards: bool,
) -> Result<Vec<ChatMessage>, DbError> {
    macro_rules! matching {
        ($order:literal) => {
            sql!(concat!(
                "SELECT ",
                message_columns!(),
                " FROM chat_messages m
                  WHERE m.chat_id = $1 AND m.seq > $2 AND m.seq < $3 AND m.deleted_at IS NULL
                  AND m.search_text LIKE $4 ESCAPE '\\' ORDER BY ",
                $order,
                " LIMIT $5"
            ))
        };
    }
    let select = if forwards { matching!("m.seq") } else { matching!("m.seq DESC") };
    let pattern = like_pattern(&fold(text));
    let values = args![chat, window.after, window.before, pattern, limit];
    tx.fetch_all(select, values).await?.iter().map(read).collect()
}

/// The message with a number.
pub async fn id_at(tx: &mut db::Tx, chat: &ChatId, seq: i64) -> Result<Option<MessageId>, DbError> {
    let find = sql!("SELECT id FROM chat_messages WHERE chat_id = $1 AND seq = $2");
    tx.fetch_optional(find, args![chat, seq]).await?.map(|row| row.parse("id")).transpose()
}
