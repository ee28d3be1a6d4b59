//! What clients send about chats, and the rules of its fields.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands values and context by reference"
)]

use events::{FileId, MessageId, RequestId, Timestamp, UserId};
use garde::Validate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Result};
use crate::extract::Page;

/// Longest message, in characters.
const CONTENT_MAX: usize = 10_000;
/// Most files of a message.
const ATTACHMENTS_MAX: usize = 10;
/// Most users who are named at once.
const USERS_MAX: usize = 99;
/// Longest search, in characters.
const SEARCH_MAX: usize = 200;
/// Messages a page, where the client does not say.
const LIMIT_DEFAULT: i64 = 50;
/// Most messages of a page.
const LIMIT_MAX: i64 = 100;

/// The types of chats that users begin by naming who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewChatType {
    /// With one other user; there is one such chat for each pair.
    Direct,
    /// With several.
    Group,
}

/// A new chat.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateChat {
    /// Who takes part besides the caller, who may be named or not: 1 to 99 users.
    #[garde(custom(are_users))]
    #[schema(min_items = 1, max_items = 99)]
    pub participant_ids: Vec<UserId>,
    /// `direct` takes one other user.
    #[garde(skip)]
    #[serde(rename = "type")]
    pub kind: NewChatType,
    /// The name of a group: 1 to 100 characters.
    #[garde(inner(custom(is_title)))]
    #[schema(example = "Group buy", min_length = 1, max_length = 100)]
    pub title: Option<String>,
}

/// A chat about a purchase request.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRequestChat {
    /// The request.
    #[garde(skip)]
    pub purchase_request_id: RequestId,
    /// A seller who may know of the request.
    #[garde(skip)]
    pub seller_id: UserId,
}

/// A message to be sent.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendMessage {
    /// Its text, kept as it is: 10,000 characters at most, and not blank without attachments.
    #[garde(custom(is_content))]
    #[schema(example = "Is it still there?", max_length = 10_000)]
    pub content: String,
    /// Files of the caller's own: 10 at most.
    #[garde(inner(custom(are_files)))]
    #[schema(max_items = 10)]
    pub attachment_ids: Option<Vec<FileId>>,
    /// The sender's own id of the message, 1 to 100 characters: under it, it is sent once.
    #[garde(inner(length(chars, min = 1, max = 100)))]
    #[schema(example = "m-17", min_length = 1, max_length = 100)]
    pub client_message_id: Option<String>,
}

/// Another text of a message.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditMessage {
    /// The new text: 10,000 characters at most, and not blank without attachments.
    #[garde(custom(is_content))]
    #[schema(example = "Is it still to be had?", max_length = 10_000)]
    pub content: String,
}

/// How far the caller has read.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MarkRead {
    /// The newest message that was read; all before it are read too.
    #[garde(skip)]
    pub up_to_message_id: MessageId,
}

/// Who is to take part in a group.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddParticipants {
    /// 1 to 99 users; those who take part already are passed over.
    #[garde(custom(are_users))]
    #[schema(min_items = 1, max_items = 99)]
    pub user_ids: Vec<UserId>,
}

/// Which page of the caller's chats; those with the newest messages first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ChatQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

impl ChatQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}

/// Which messages of a chat. Without any parameter, the newest.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// The messages before this message or time, the newest of them.
    #[param(example = "2026-11-23T10:00:00.000Z")]
    pub before: Option<String>,
    /// The messages after this message or time, the oldest of them unless `before` is given too.
    #[param(example = "01934e5a-6f00-7000-8000-00000000002a")]
    pub after: Option<String>,
    /// Messages a page, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only messages that hold this text, in whatever case: 200 characters at most. One answer
    /// comes from 10,000 messages at most; where `hasMore` is true the search goes on behind them,
    /// also after a page without any.
    pub q: Option<String>,
}

/// A place among the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// At a message.
    Message(MessageId),
    /// At a time.
    Time(Timestamp),
}

fn cursor(field: &str, text: Option<&str>) -> Result<Option<Cursor>> {
    let Some(text) = text else { return Ok(None) };
    // An id has no colon, a time has some.
    let found = match text.parse() {
        Ok(time) => Some(Cursor::Time(time)),
        Err(_) => text.parse().ok().map(Cursor::Message),
    };
    found
        .map(Some)
        .ok_or_else(|| ApiError::invalid_field(field, "must be a message's id or a time"))
}

impl MessageQuery {
    /// Where the messages end, where they begin.
    ///
    /// # Errors
    /// 422 for what is neither an id nor a time.
    pub fn cursors(&self) -> Result<(Option<Cursor>, Option<Cursor>)> {
        let before = cursor("before", self.before.as_deref())?;
        Ok((before, cursor("after", self.after.as_deref())?))
    }

    /// Messages a page.
    ///
    /// # Errors
    /// 422 where it is out of range.
    pub fn limit(&self) -> Result<i64> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=LIMIT_MAX).contains(&limit) {
            return Ok(limit);
        }
        Err(ApiError::invalid_field("limit", "must be between 1 and 100"))
    }

    /// The text searched for, where there is one.
    ///
    /// # Errors
    /// 422 where it is too long.
    pub fn search(&self) -> Result<Option<&str>> {
        let words = self.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
        if words.is_some_and(|words| words.chars().count() > SEARCH_MAX) {
            return Err(ApiError::invalid_field("q", "must have 200 characters at most"));
        }
        Ok(words)
    }
}

fn is_content(content: &str, (): &()) -> garde::Result {
    if content.chars().count() <= CONTENT_MAX {
        return Ok(());
    }
    Err(garde::Error::new(format!("must have {CONTENT_MAX} characters at most")))
}

fn is_title(title: &str, (): &()) -> garde::Result {
    if title.chars().any(char::is_control) {
        return Err(garde::Error::new("must not contain control characters"));
    }
    crate::requests::is_text::<1, 100>(title, &())
}

fn are_distinct<T: std::hash::Hash + Eq>(ids: &[T]) -> bool {
    ids.iter().collect::<std::collections::HashSet<_>>().len() == ids.len()
}

fn are_users(ids: &[UserId], (): &()) -> garde::Result {
    if !(1..=USERS_MAX).contains(&ids.len()) {
        return Err(garde::Error::new(format!("must name 1 to {USERS_MAX} users")));
    }
    if !are_distinct(ids) {
        return Err(garde::Error::new("must name each user once"));
    }
    Ok(())
}

fn are_files(ids: &[FileId], (): &()) -> garde::Result {
    if ids.len() > ATTACHMENTS_MAX {
        return Err(garde::Error::new(format!("must name {ATTACHMENTS_MAX} files at most")));
    }
    if !are_distinct(ids) {
        return Err(garde::Error::new("must name each file once"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_an_id_or_a_time() {
        let read = |text: &str| cursor("before", Some(text)).ok().flatten();
        let time = Timestamp::from_millis(1_795_428_000_000);
        assert_eq!(read("2026-11-23T10:00:00Z"), Some(Cursor::Time(time)));
        assert_eq!(read("m-1"), Some(Cursor::Message("m-1".parse().unwrap())));
        for wrong in ["", "2026-11-23 10:00", "a b", "2026-11-23T10:00:00"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
