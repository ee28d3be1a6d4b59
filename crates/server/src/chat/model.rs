//! Chats as clients see them, who may do what in them, and which messages make a page.

use axum::response::{IntoResponse, Response};
use events::documents::{ChatMessage, PublicUser};
use events::{ChatId, MessageId, RequestId, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use strum::VariantArray;
use utoipa::ToSchema;

/// Most participants of a group.
pub const PARTICIPANTS_MAX: usize = 100;

/// What a chat is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    strum::AsRefStr,
    strum::EnumString,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChatType {
    /// Two users.
    Direct,
    /// Whom its owner adds.
    Group,
    /// The buyer of a purchase request and a seller.
    PurchaseRequest,
    /// A user and the administrators.
    Support,
}

/// A chat.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chat {
    /// The chat.
    #[serde(rename = "_id")]
    pub id: ChatId,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: ChatType,
    /// A group's name; that of the request of a chat about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub title: Option<String>,
    /// Who began it.
    pub created_by: UserId,
    /// Who adds and removes participants of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub owner_id: Option<UserId>,
    /// The request that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub purchase_request_id: Option<RequestId>,
    /// Who takes part, in the order in which they came. Of the administrators in a chat with the
    /// support, those who have read or written.
    pub participant_ids: Vec<UserId>,
    /// The same, with their names.
    pub participants: Vec<PublicUser>,
    /// The newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_message: Option<ChatMessage>,
    /// How many messages of others the caller has not read.
    pub unread_count: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When the newest message was sent; without one, when it was begun.
    pub updated_at: Timestamp,
}

/// What a user may do in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Not even know that it exists.
    None,
    /// Read it.
    Read,
    /// Take part: read, write, count what is unread.
    TakePart,
}

/// What a user with this role may do in a chat, who `takes_part` where a row says so.
pub fn access(role: Role, kind: ChatType, takes_part: bool) -> Access {
    match (role, kind, takes_part) {
        (_, _, true) | (Role::Admin, ChatType::Support, false) => Access::TakePart,
        (Role::Admin, _, false) => Access::Read,
        (_, _, false) => Access::None,
    }
}

/// The text that is unique among chats of which there is one for these two users.
pub fn direct_singleton(one: &UserId, other: &UserId) -> String {
    let (lower, higher) = if one < other { (one, other) } else { (other, one) };
    format!("direct:{lower}:{higher}")
}

/// As [`direct_singleton`], of a seller and a request.
pub fn request_singleton(request: &RequestId, seller: &UserId) -> String {
    format!("request:{request}:{seller}")
}

/// As [`direct_singleton`], of a user and the support.
pub fn support_singleton(user: &UserId) -> String {
    format!("support:{user}")
}

/// How far somebody has read in a chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadMark {
    /// The number of the newest message that is read; 0 is none.
    pub seq: i64,
    /// How many messages up to it are their own.
    pub own: i64,
}

impl ReadMark {
    /// How many messages of others become read when the mark moves on to `to`; none when `to` is
    /// not behind it.
    pub fn newly_read(self, to: Self) -> i64 {
        if to.seq <= self.seq { 0 } else { (to.seq - self.seq) - (to.own - self.own) }
    }
}

/// A range of message numbers, its ends not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Behind this number.
    pub after: i64,
    /// Before this number.
    pub before: i64,
    /// Whether there is more in the direction of reading.
    pub more: bool,
}

/// The next `length` numbers of the range, from its start (`forwards`) or from its end.
pub fn window(after: i64, before: i64, length: i64, forwards: bool) -> Window {
    let inside = (before - after - 1).max(0);
    let more = inside > length;
    match (more, forwards) {
        (false, _) => Window { after, before, more },
        (true, true) => Window { after, before: after + length + 1, more },
        (true, false) => Window { after: before - length - 1, before, more },
    }
}

/// Messages in the order in which they were sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagePage {
    /// Always true.
    #[schema(default = true)]
    pub success: bool,
    /// The messages, oldest first.
    pub data: Vec<ChatMessage>,
    /// How to go on.
    pub pagination: Cursors,
}

/// How to go on from a page of messages.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cursors {
    /// Messages a page.
    pub limit: i64,
    /// Whether there are more: newer ones where only `after` was given, else older ones.
    pub has_more: bool,
    /// `before` of the page with what is older than this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub before: Option<MessageId>,
    /// `after` of the page with what is newer than this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub after: Option<MessageId>,
}

impl IntoResponse for MessagePage {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}

/// What became read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadReceipt {
    /// The chat.
    pub chat_id: ChatId,
    /// The message that the caller has read up to.
    pub up_to_message_id: MessageId,
    /// How many messages of others became read by it.
    pub modified_count: u32,
    /// How many are unread now.
    pub unread_count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_goes_by_role_and_part() {
        for &kind in ChatType::VARIANTS {
            for &role in Role::ALL {
                assert_eq!(access(role, kind, true), Access::TakePart, "{role} {kind:?}");
                let expected = match (role, kind) {
                    (Role::Admin, ChatType::Support) => Access::TakePart,
                    (Role::Admin, _) => Access::Read,
                    _ => Access::None,
                };
                assert_eq!(access(role, kind, false), expected, "{role} {kind:?}");
            }
        }
    }

    #[test]
    fn a_pair_has_one_name() {
        let id = |id: &str| id.parse::<UserId>().unwrap();
        let (one, two) = (id("a"), id("b"));
        assert_eq!(direct_singleton(&one, &two), "direct:a:b");
        assert_eq!(direct_singleton(&two, &one), "direct:a:b");
    }

    #[test]
    fn words_are_alike_in_json_and_in_rows() {
        for kind in ChatType::VARIANTS {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_ref());
            assert_eq!(kind.as_ref().parse(), Ok(*kind));
        }
    }

    /// By hand: who wrote message 1, 2, 3, …; the reader is `me`.
    fn counted(senders: &[&str], from: usize, to: usize) -> i64 {
        senders.get(from..to).unwrap_or_default().iter().filter(|who| **who != "me").count() as i64
    }

    #[test]
    fn what_becomes_read_is_what_others_wrote() {
        let senders = ["a", "me", "me", "b", "a", "me", "b"];
        let mark = |seq: usize| {
            let own = senders[..seq].iter().filter(|who| **who == "me").count() as i64;
            ReadMark { seq: seq as i64, own }
        };
        for from in 0..=senders.len() {
            for to in 0..=senders.len() {
                let expected = counted(&senders, from, to);
                assert_eq!(mark(from).newly_read(mark(to)), expected, "{from} {to}");
            }
        }
    }

    #[test]
    fn windows_are_what_taking_and_skipping_gives() {
        for (after, before) in [(0, 1), (0, 2), (0, 11), (3, 9), (5, 5), (9, 3)] {
            for length in 1..=12 {
                let all: Vec<i64> = (after + 1..before).collect();
                for forwards in [true, false] {
                    let Window { after: low, before: high, more } =
                        window(after, before, length, forwards);
                    let taken: Vec<i64> = (low + 1..high).collect();
                    let length = length as usize;
                    let expected = if forwards {
                        all.iter().copied().take(length).collect::<Vec<_>>()
                    } else {
                        all[all.len().saturating_sub(length)..].to_vec()
                    };
                    assert_eq!(taken, expected, "{after} {before} {length} {forwards}");
                    assert_eq!(more, all.len() > length);
                }
            }
        }
    }
}
