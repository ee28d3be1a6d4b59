//! Rooms: how an event is addressed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::ids::{ChatId, CheckoutId, RequestId, UserId};

/// A room (reference, "Rooms"), or everyone. Its text is the Socket.IO room's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Room {
    /// `user-<id>`: the user's own.
    User(UserId),
    /// `seller-<id>`: a seller's own.
    Seller(UserId),
    /// `sellers`: all sellers.
    Sellers,
    /// `buyer-<id>`: a buyer's own.
    Buyer(UserId),
    /// `buyers`: all buyers.
    Buyers,
    /// `request-<id>`: those of a purchase request.
    Request(RequestId),
    /// `chat-<id>`: the participants of a chat.
    Chat(ChatId),
    /// `template-checkout-<id>`: the buyer and the sellers of a template checkout.
    TemplateCheckout(CheckoutId),
    /// `admins`: all administrators; joined on connect and in no other way.
    Admins,
    /// `*`: every socket. No Socket.IO room: nobody can join or leave it.
    Everyone,
}

/// A text that names no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room of this name")]
pub struct RoomError;

impl RoomError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        "invalid_room"
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user-{id}"),
            Self::Seller(id) => write!(f, "seller-{id}"),
            Self::Sellers => f.write_str("sellers"),
            Self::Buyer(id) => write!(f, "buyer-{id}"),
            Self::Buyers => f.write_str("buyers"),
            Self::Request(id) => write!(f, "request-{id}"),
            Self::Chat(id) => write!(f, "chat-{id}"),
            Self::TemplateCheckout(id) => write!(f, "template-checkout-{id}"),
            Self::Admins => f.write_str("admins"),
            Self::Everyone => f.write_str("*"),
        }
    }
}

impl FromStr for Room {
    type Err = RoomError;

    fn from_str(text: &str) -> Result<Self, RoomError> {
        fn id<T: FromStr>(text: &str) -> Result<T, RoomError> {
            text.parse().map_err(|_| RoomError)
        }
        match text {
            "sellers" => return Ok(Self::Sellers),
            "buyers" => return Ok(Self::Buyers),
            "admins" => return Ok(Self::Admins),
            "*" => return Ok(Self::Everyone),
            _ => {}
        }
        if let Some(text) = text.strip_prefix("template-checkout-") {
            return id(text).map(Self::TemplateCheckout);
        }
        match text.split_once('-').ok_or(RoomError)? {
            ("user", text) => id(text).map(Self::User),
            ("seller", text) => id(text).map(Self::Seller),
            ("buyer", text) => id(text).map(Self::Buyer),
            ("request", text) => id(text).map(Self::Request),
            ("chat", text) => id(text).map(Self::Chat),
            _ => Err(RoomError),
        }
    }
}

impl TryFrom<String> for Room {
    type Error = RoomError;
    fn try_from(text: String) -> Result<Self, RoomError> {
        text.parse()
    }
}

impl From<Room> for String {
    fn from(room: Room) -> Self {
        room.to_string()
    }
}

impl PartialSchema for Room {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of a room."))
            .examples(["request-01934e5a-6f00-7000-8000-00000000002a"])
            .into()
    }
}

impl ToSchema for Room {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Room")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_and_read() {
        let rooms = [
            (Room::User("u1".parse().unwrap()), "user-u1"),
            (Room::Seller("s-1".parse().unwrap()), "seller-s-1"),
            (Room::Sellers, "sellers"),
            (Room::Buyer("b1".parse().unwrap()), "buyer-b1"),
            (Room::Buyers, "buyers"),
            (Room::Request("r1".parse().unwrap()), "request-r1"),
            (Room::Chat("c1".parse().unwrap()), "chat-c1"),
            (Room::TemplateCheckout("t1".parse().unwrap()), "template-checkout-t1"),
            (Room::Admins, "admins"),
            (Room::Everyone, "*"),
        ];
        for (room, name) in rooms {
            assert_eq!(room.to_string(), name);
            assert_eq!(name.parse(), Ok(room));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "user-", "user", "user-a b", "Sellers", "sellers-1", "shop-1", "**", "-x"]
        {
            assert_eq!(text.parse::<Room>(), Err(RoomError), "{text:?}");
        }
    }
}
