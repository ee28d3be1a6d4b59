//! What is done with messages.

use events::chat::{MessageDeleted, MessageEdited, MessagesRead, NewMessage};
use events::documents::ChatMessage;
use events::{ChatId, MessageId, UserId};

use super::body::{Cursor, EditMessage, MarkRead, MessageQuery, SendMessage};
use super::error::ChatError;
use super::model::{Access, ChatType, Cursors, MessagePage, ReadMark, ReadReceipt, Window, window};
use super::service::{lock, seen};
use super::store::{self, messages as rows};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::files;
use crate::files::model::Use;
use crate::journal::Tx;
use crate::notifications::Notice;
use crate::{notifications, users};

/// Messages that one answer to a search looks at.
const SEARCHED: i64 = 10_000;

/// A message that was to be sent, and whether it is new.
pub struct Sent {
    /// The message.
    pub message: ChatMessage,
    /// False where it was sent before under its `clientMessageId`.
    pub fresh: bool,
}

/// Sends a message.
///
/// # Errors
/// 404, 403 for administrators who only read, 422 for a blank one and for files that are not the
/// caller's.
pub async fn send(tx: &mut Tx, caller: &Caller, id: &ChatId, body: SendMessage) -> Result<Sent> {
    let place = lock(tx, caller, id).await?.taking_part()?;
    let me = &caller.user_id;
    if let Some(client_id) = &body.client_message_id
        && let Some(message) = rows::find_by_client_id(tx, id, me, client_id).await?
    {
        return Ok(Sent { message, fresh: false });
    }
    let files = body.attachment_ids.filter(|files| !files.is_empty());
    check_not_blank(&body.content, files.is_some())?;
    let now = tx.now();
    if place.part.is_none() {
        store::insert_participant(tx, &place.chat, me, 0, now).await?;
    }
    let sender_seq = place.part.unwrap_or_default().sent + 1;
    let message_id: MessageId = tx.new_id();
    let attachments = match files {
        Some(files) => {
            let used = Use::Message { chat: id.clone(), message: message_id.clone() };
            Some(files::service::attach(tx, me, &files, &used, "attachmentIds").await?)
        }
        None => None,
    };
    let (seq, created_at) = store::next_seq(tx, id, now).await?;
    let message = ChatMessage {
        id: message_id,
        chat_id: id.clone(),
        content: body.content,
        sender_id: me.clone(),
        created_at,
        attachments,
        client_message_id: body.client_message_id,
        edited_at: None,
        deleted_at: None,
    };
    rows::insert(tx, &message, seq, sender_seq).await?;
    store::set_sent(tx, id, me, sender_seq).await?;
    let event = NewMessage { chat_id: id.clone(), message: message.clone(), sender_id: me.clone() };
    tx.emit(event, &())?;
    notify_away(tx, place.chat.kind, &message, seq).await?;
    Ok(Sent { message, fresh: true })
}

/// Notifies those who are away of a message, once until they have read it: not of those that follow.
async fn notify_away(tx: &mut Tx, kind: ChatType, message: &ChatMessage, seq: i64) -> Result<()> {
    let (chat, sender) = (&message.chat_id, &message.sender_id);
    let away = store::away(tx, chat, sender).await?;
    let had_read_all = away.into_iter().filter(|(_, part)| part.unread(seq - 1) == 0);
    let mut users: Vec<UserId> = had_read_all.map(|(user, _)| user).collect();
    if kind == ChatType::Support && seq == 1 {
        users.extend(store::away_admins(tx, chat).await?);
    }
    if users.is_empty() {
        return Ok(());
    }
    let name = users::service::find(tx, sender).await?.name;
    for user in users {
        let notice = Notice::ChatMessage {
            chat: chat.clone(),
            message: message.id.clone(),
            sender: sender.clone(),
            name: name.clone(),
            preview: message.content.clone(),
        };
        notifications::service::notify(tx, &user, notice);
    }
    Ok(())
}

fn check_not_blank(content: &str, has_attachments: bool) -> Result<()> {
    if has_attachments || !content.trim().is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid_field("content", "must not be blank"))
}

/// A message of the caller's own, in a locked chat.
async fn own(
    tx: &mut Tx,
    caller: &Caller,
    id: &ChatId,
    message: &MessageId,
) -> Result<ChatMessage> {
    lock(tx, caller, id).await?;
    let message = rows::find(tx, id, message).await?.ok_or_else(ApiError::not_found)?;
    if message.sender_id == caller.user_id { Ok(message) } else { Err(ApiError::forbidden()) }
}

/// Gives a message another text.
///
/// # Errors
/// 404, 403 for anybody but its sender, 409 `message_deleted`, 422 for a blank text.
pub async fn edit(
    tx: &mut Tx,
    caller: &Caller,
    id: &ChatId,
    message: &MessageId,
    body: EditMessage,
) -> Result<ChatMessage> {
    let mut message = own(tx, caller, id, message).await?;
    if message.deleted_at.is_some() {
        return Err(ChatError::Deleted.into());
    }
    check_not_blank(&body.content, message.attachments.is_some())?;
    if message.content == body.content {
        return Ok(message);
    }
    let edited_at = tx.now();
    message.content = body.content;
    message.edited_at = Some(edited_at);
    if !rows::update(tx, &message).await? {
        return Err(ChatError::Deleted.into());
    }
    let event = MessageEdited {
        chat_id: id.clone(),
        message_id: message.id.clone(),
        content: message.content.clone(),
        edited_at,
    };
    tx.emit(event, &())?;
    Ok(message)
}

/// Deletes a message; a tombstone remains. Deleted again, it stays as it is.
///
/// # Errors
/// 404, 403 for anybody but its sender.
pub async fn delete(
    tx: &mut Tx,
    caller: &Caller,
    id: &ChatId,
    message: &MessageId,
) -> Result<ChatMessage> {
    let mut message = own(tx, caller, id, message).await?;
    if message.deleted_at.is_some() {
        return Ok(message);
    }
    let deleted_at = tx.now();
    message.content.clear();
    message.attachments = None;
    message.deleted_at = Some(deleted_at);
    let used = Use::Message { chat: id.clone(), message: message.id.clone() };
    files::service::detach(tx, &used).await?;
    if rows::update(tx, &message).await? {
        let event =
            MessageDeleted { chat_id: id.clone(), message_id: message.id.clone(), deleted_at };
        tx.emit(event, &())?;
    }
    Ok(message)
}

/// Marks the messages up to one as read by the caller.
///
/// # Errors
/// 404, 403 for administrators who only read, 422 for a message that is not of this chat.
pub async fn mark_read(
    tx: &mut Tx,
    caller: &Caller,
    id: &ChatId,
    body: MarkRead,
) -> Result<ReadReceipt> {
    let me = &caller.user_id;
    let place = seen(tx, caller, id).await?.taking_part()?;
    if place.part.is_none() {
        let now = tx.now();
        store::insert_participant(tx, &place.chat, me, 0, now).await?;
    }
    // Who was removed meanwhile has no row to lock.
    let part = store::lock_part(tx, id, me).await?.ok_or_else(ApiError::not_found)?;
    let up_to = body.up_to_message_id;
    let seq = rows::seq_of(tx, id, &up_to)
        .await?
        .ok_or_else(|| ApiError::invalid_field("upToMessageId", "is not a message of this chat"))?;
    let mark = ReadMark { seq, own: rows::sent_up_to(tx, id, me, seq).await? };
    let modified_count = u32::try_from(part.read.newly_read(mark)).unwrap_or(u32::MAX);
    if store::set_read(tx, id, me, mark).await? && modified_count > 0 {
        let event = MessagesRead {
            chat_id: id.clone(),
            user_id: me.clone(),
            up_to_message_id: up_to.clone(),
            modified_count,
        };
        tx.emit(event, &())?;
    }
    // Read again: more may have been sent before the row was locked.
    let found = seen(tx, caller, id).await?.taking_part()?;
    let unread_count = found.part.unwrap_or_default().unread(found.chat.last_seq);
    Ok(ReadReceipt { chat_id: id.clone(), up_to_message_id: up_to, modified_count, unread_count })
}

/// One page of the messages, in the order in which they were sent.
///
/// # Errors
/// 404, 422 for parameters that cannot be used.
pub async fn page(
    app: &App,
    caller: &Caller,
    id: &ChatId,
    query: &MessageQuery,
) -> Result<MessagePage> {
    let (limit, (before, after), text) = (query.limit()?, query.cursors()?, query.search()?);
    let mut tx = app.db.begin_read().await?;
    let place = seen(&mut tx, caller, id).await?;
    debug_assert_ne!(place.access, Access::None);
    let end = place.found.chat.last_seq + 1;
    let forwards = before.is_none() && after.is_some();
    let before = match before {
        None => end,
        Some(Cursor::Message(message)) => at(&mut tx, id, &message, "before").await?,
        Some(Cursor::Time(time)) => rows::first_from(&mut tx, id, time).await?.unwrap_or(end),
    };
    let after = match after {
        None => 0,
        Some(Cursor::Message(message)) => at(&mut tx, id, &message, "after").await?,
        Some(Cursor::Time(time)) => rows::last_until(&mut tx, id, time).await?.unwrap_or(0),
    };
    if let Some(text) = text {
        let searched = window(after, before, SEARCHED, forwards);
        return search(&mut tx, id, searched, text, limit, forwards).await;
    }
    let shown = window(after, before, limit, forwards);
    let data = rows::page(&mut tx, id, shown).await?;
    let pagination = Cursors {
        limit,
        has_more: shown.more,
        before: data.first().map(|message| message.id.clone()),
        after: data.last().map(|message| message.id.clone()),
    };
    Ok(MessagePage { success: true, data, pagination })
}

async fn at(tx: &mut db::Tx, id: &ChatId, message: &MessageId, field: &str) -> Result<i64> {
    let seq = rows::seq_of(tx, id, message).await?;
    seq.ok_or_else(|| ApiError::invalid_field(field, "is not a message of this chat"))
}

/// What a window has of the text. Where it has more than a page, the search goes on behind the
/// page's last message, else behind the window.
async fn search(
    tx: &mut db::Tx,
    id: &ChatId,
    searched: Window,
    text: &str,
    limit: i64,
    forwards: bool,
) -> Result<MessagePage> {
    let mut data = rows::search(tx, id, searched, text, limit + 1, forwards).await?;
    let page_is_full = data.len() as i64 > limit;
    data.truncate(limit as usize);
    let reached = if page_is_full {
        data.last().map(|message| message.id.clone())
    } else if searched.more {
        let edge = if forwards { searched.before - 1 } else { searched.after + 1 };
        rows::id_at(tx, id, edge).await?
    } else {
        None
    };
    if !forwards {
        data.reverse();
    }
    let has_more = reached.is_some();
    let first = data.first().map(|message| message.id.clone());
    let last = data.last().map(|message| message.id.clone());
    let (before, after) =
        if forwards { (first, reached.or(last)) } else { (reached.or(first), last) };
    Ok(MessagePage { success: true, data, pagination: Cursors { limit, has_more, before, after } })
}
