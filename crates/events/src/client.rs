//! What clients send (reference, "Rooms"; contract §1.3): names, arguments, answers.
//!
//! Every client event takes one argument and, if the client wants one, an [`Ack`]. Further
//! arguments are ignored. Reading is pure: [`ClientEvent::command`] turns the argument into a
//! [`Command`], and whether this socket may do it is decided elsewhere.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{ChatId, UserId};
use crate::rooms::Room;
use crate::text_enum::text_enum;

text_enum! { "kebab-case",
    /// The events that clients send.
    pub enum ClientEvent {
        /// Joins `user-<userId>`.
        JoinUserRoom,
        /// Leaves it.
        LeaveUserRoom,
        /// Joins `request-<requestId>`.
        JoinRequestRoom,
        /// Leaves it.
        LeaveRequestRoom,
        /// Joins `seller-<sellerId>` and `sellers`.
        JoinSellerRoom,
        /// Leaves both.
        LeaveSellerRoom,
        /// Joins `buyer-<buyerId>` and `buyers`.
        JoinBuyerRoom,
        /// Leaves both.
        LeaveBuyerRoom,
        /// Joins `chat-<chatId>`.
        JoinChatRoom,
        /// Leaves it.
        LeaveChatRoom,
        /// Joins `template-checkout-<checkoutId>`.
        JoinTemplateCheckoutRoom,
        /// Leaves it.
        LeaveTemplateCheckoutRoom,
        /// Joins `user-<userId>` and makes the user online.
        UserOnline,
        /// Says in the chat that the user is writing.
        TypingStart,
        /// Says in the chat that the user stopped writing.
        TypingStop,
        /// Presents a fresh access token on the live socket.
        Authenticate,
    }
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// To be in these rooms; the first one is named in the ack.
    Join(Vec<Room>),
    /// To be in these rooms no longer; the first one is named in the ack.
    Leave(Vec<Room>),
    /// To be online, and in the user's room.
    Online(UserId),
    /// To be seen writing, or not any more.
    Typing(Typing),
    /// To go on with this access token.
    Authenticate(String),
}

/// The argument of `typing-start` and `typing-stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    /// The chat.
    pub chat_id: ChatId,
    /// Who is writing; needed in `open` access, otherwise known by the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_id: Option<UserId>,
    /// Their display name, at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    pub user_name: Option<String>,
    /// Whether they are writing: the event's name says it.
    #[serde(skip)]
    pub is_typing: bool,
}

/// The longest display name that `typing-start` may carry, in characters.
const MAX_USER_NAME: usize = 200;

/// The argument is missing or is not what the event takes; the code is
/// [`Refusal::BadRequest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` takes {takes}")]
pub struct BadArgument {
    event: ClientEvent,
    takes: &'static str,
}

impl ClientEvent {
    /// Reads the argument, which is JSON.
    ///
    /// # Errors
    /// [`BadArgument`]: missing, of a wrong type, or no id.
    pub fn command(self, argument: Option<&str>) -> Result<Command, BadArgument> {
        let takes = match self {
            Self::TypingStart | Self::TypingStop => "an object with `chatId`",
            Self::Authenticate => "an access token",
            _ => "an id",
        };
        self.read(argument).ok_or(BadArgument { event: self, takes })
    }

    fn read(self, json: Option<&str>) -> Option<Command> {
        fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
            serde_json::from_str(json).ok()
        }
        let json = json?;
        match self {
            Self::JoinUserRoom
            | Self::JoinRequestRoom
            | Self::JoinSellerRoom
            | Self::JoinBuyerRoom
            | Self::JoinChatRoom
            | Self::JoinTemplateCheckoutRoom => {
                self.rooms(&parse::<String>(json)?).map(Command::Join)
            }
            Self::LeaveUserRoom
            | Self::LeaveRequestRoom
            | Self::LeaveSellerRoom
            | Self::LeaveBuyerRoom
            | Self::LeaveChatRoom
            | Self::LeaveTemplateCheckoutRoom => {
                self.rooms(&parse::<String>(json)?).map(Command::Leave)
            }
            Self::UserOnline => parse(json).map(Command::Online),
            Self::TypingStart | Self::TypingStop => {
                let mut typing: Typing = parse(json)?;
                typing.is_typing = self == Self::TypingStart;
                let name_fits =
                    typing.user_name.as_ref().is_none_or(|n| n.chars().count() <= MAX_USER_NAME);
                name_fits.then_some(Command::Typing(typing))
            }
            Self::Authenticate => parse(json).map(Command::Authenticate),
        }
    }

    /// The rooms that the event joins or leaves for this id; `None` where it is no id.
    fn rooms(self, id: &str) -> Option<Vec<Room>> {
        let rooms = match self {
            Self::JoinUserRoom | Self::LeaveUserRoom | Self::UserOnline => {
                vec![Room::User(id.parse().ok()?)]
            }
            Self::JoinRequestRoom | Self::LeaveRequestRoom => {
                vec![Room::Request(id.parse().ok()?)]
            }
            Self::JoinSellerRoom | Self::LeaveSellerRoom => {
                vec![Room::Seller(id.parse().ok()?), Room::Sellers]
            }
            Self::JoinBuyerRoom | Self::LeaveBuyerRoom => {
                vec![Room::Buyer(id.parse().ok()?), Room::Buyers]
            }
            Self::JoinChatRoom | Self::LeaveChatRoom => vec![Room::Chat(id.parse().ok()?)],
            Self::JoinTemplateCheckoutRoom | Self::LeaveTemplateCheckoutRoom => {
                vec![Room::TemplateCheckout(id.parse().ok()?)]
            }
            Self::TypingStart | Self::TypingStop | Self::Authenticate => Vec::new(),
        };
        Some(rooms)
    }
}

text_enum! { "snake_case",
    /// Why a client's event is refused.
    pub enum Refusal {
        /// The argument is malformed.
        BadRequest,
        /// There is no such event.
        UnknownEvent,
        /// There is no valid token.
        Unauthorized,
        /// The socket's user may not do this.
        Forbidden,
        /// Too many events in too short a time (`SOCKET_EVENTS_PER_SECOND`).
        RateLimited,
        /// The socket is in too many rooms (`SOCKET_ROOMS_MAX`).
        TooManyRooms,
        /// The server could not do it; it may work later.
        Internal,
    }
}

/// The answer to a client's event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    /// Whether it was done.
    pub ok: bool,
    /// The room that it was about, when it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub room: Option<Room>,
    /// Why not, when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<AckError>,
}

/// Why a client's event was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AckError {
    /// For programs.
    pub code: Refusal,
    /// For people.
    pub message: String,
}

impl Ack {
    /// It was done.
    pub fn done(room: Option<Room>) -> Self {
        Self { ok: true, room, error: None }
    }

    /// It was not done.
    pub fn refused(code: Refusal, message: impl Into<String>) -> Self {
        Self { ok: false, room: None, error: Some(AckError { code, message: message.into() }) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn command(event: ClientEvent, argument: &serde_json::Value) -> Result<Command, BadArgument> {
        event.command(Some(&argument.to_string()))
    }

    #[test]
    fn arguments_are_read() {
        let seller_rooms = vec![Room::Seller("s1".parse().unwrap()), Room::Sellers];
        assert_eq!(
            command(ClientEvent::JoinSellerRoom, &json!("s1")),
            Ok(Command::Join(seller_rooms.clone()))
        );
        assert_eq!(
            command(ClientEvent::LeaveSellerRoom, &json!("s1")),
            Ok(Command::Leave(seller_rooms))
        );
        assert_eq!(
            command(ClientEvent::UserOnline, &json!("u1")),
            Ok(Command::Online("u1".parse().unwrap()))
        );
        assert_eq!(
            command(ClientEvent::Authenticate, &json!("a.b.c")),
            Ok(Command::Authenticate("a.b.c".to_owned()))
        );
        let typing = json!({"chatId": "c1", "userId": "u1", "userName": "Ada", "isTyping": false});
        assert_eq!(
            command(ClientEvent::TypingStart, &typing),
            Ok(Command::Typing(Typing {
                chat_id: "c1".parse().unwrap(),
                user_id: Some("u1".parse().unwrap()),
                user_name: Some("Ada".to_owned()),
                is_typing: true,
            }))
        );
        assert!(matches!(
            command(ClientEvent::TypingStop, &json!({"chatId": "c1"})),
            Ok(Command::Typing(Typing { is_typing: false, user_id: None, .. }))
        ));
    }

    #[test]
    fn malformed_arguments_are_refused() {
        let long_name = json!({"chatId": "c1", "userName": "x".repeat(MAX_USER_NAME + 1)});
        let never = [json!(null), json!(1), json!([]), json!([["c1"]]), long_name];
        for event in ClientEvent::ALL {
            assert!(event.command(None).is_err(), "{event} without an argument");
            for argument in &never {
                assert!(command(*event, argument).is_err(), "{event} {argument}");
            }
        }
        for event in [ClientEvent::JoinRequestRoom, ClientEvent::UserOnline] {
            for argument in [json!(""), json!("a b"), json!("*"), json!({"chatId": "c1"})] {
                assert!(command(event, &argument).is_err(), "{event} {argument}");
            }
        }
        assert!(command(ClientEvent::TypingStart, &json!({"userId": "u1"})).is_err());
        assert_eq!(
            command(ClientEvent::JoinChatRoom, &json!(1)).unwrap_err().to_string(),
            "`join-chat-room` takes an id"
        );
    }

    #[test]
    fn acks_have_the_form_of_the_contract() {
        let done = Ack::done(Some(Room::Sellers));
        assert_eq!(serde_json::to_value(done).unwrap(), json!({"ok": true, "room": "sellers"}));
        assert_eq!(serde_json::to_value(Ack::done(None)).unwrap(), json!({"ok": true}));
        let refused = Ack::refused(Refusal::TooManyRooms, "64 rooms at most");
        assert_eq!(
            serde_json::to_value(refused).unwrap(),
            json!({"ok": false, "error": {"code": "too_many_rooms", "message": "64 rooms at most"}})
        );
    }
}
