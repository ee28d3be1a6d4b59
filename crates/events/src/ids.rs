//! Identifiers: one type for each kind of thing, so that no two can be mixed up.
//!
//! An id is text and opaque to whoever holds it. The ids that Souk makes are UUIDv7
//! (RFC 9562 §5.7: they grow with time); read from outside, any text of 1 to 64 letters, digits,
//! `-` and `_` is an id, because in `open` access any id names a room (contract §1.2). An id
//! that names nothing is simply not found.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::time::Timestamp;

/// The longest id that is accepted, in bytes.
pub const MAX_ID_LEN: usize = 64;

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 64 letters, digits, \"-\" or \"_\"")]
pub struct IdError;

impl IdError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        "invalid_id"
    }
}

fn check(text: &str) -> Result<(), IdError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=MAX_ID_LEN).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(IdError)
    }
}

/// The UUIDv7 (RFC 9562 §5.7) of a time and ten random bytes. Both come from outside, so that
/// tests and simulations decide them.
pub fn uuid_v7(now: Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Reads an id's text.
struct Text;

impl Visitor<'_> for Text {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Arc<str>, E> {
        check(text).map_err(E::custom)?;
        Ok(text.into())
    }
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        ///
        /// Cloning it copies a pointer: all that names one thing shares one text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id with this UUID, in its lower-case, hyphenated form.
            pub fn new(uuid: Uuid) -> Self {
                Self((&*uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())).into())
            }

            /// A new id (UUIDv7) from a time and ten random bytes.
            pub fn from_parts(now: Timestamp, random: [u8; 10]) -> Self {
                Self::new(uuid_v7(now, random))
            }

            /// Reads an id that came from outside.
            ///
            /// # Errors
            /// [`IdError`] where it is no id.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.into()))
            }

            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self::new(uuid)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl From<$name> for Arc<str> {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_str(Text)?;
                Ok(Self(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(MAX_ID_LEN))
                    .pattern(Some("^[A-Za-z0-9_-]+$"))
                    .examples(["01934e5a-6f00-7000-8000-00000000002a"])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

ids! {
    /// A user: buyer, seller or administrator.
    UserId,
    /// A purchase request.
    RequestId,
    /// A seller's offer on a request.
    OfferId,
    /// A node of the category tree.
    CategoryId,
    /// A request template.
    TemplateId,
    /// A checkout of request templates.
    CheckoutId,
    /// A payment into escrow.
    PaymentId,
    /// A payout to a seller.
    PayoutId,
    /// A dispute about a deal.
    DisputeId,
    /// A review of a deal.
    ReviewId,
    /// A chat.
    ChatId,
    /// A message in a chat.
    MessageId,
    /// A stored file.
    FileId,
    /// A notification.
    NotificationId,
    /// A movement of points.
    PointsTransactionId,
    /// An endpoint that events are sent to.
    WebhookId,
    /// One event for one endpoint.
    WebhookDeliveryId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_version_7_and_grow_with_time() {
        let earlier = UserId::from_parts(Timestamp::from_millis(1_000), [0xff; 10]);
        let later = UserId::from_parts(Timestamp::from_millis(1_001), [0; 10]);
        assert!(earlier < later);
        let uuid: Uuid = earlier.as_str().parse().unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(UserId::new(uuid), earlier);
    }

    #[test]
    fn text_from_outside_is_checked() {
        for good in ["a", "42", "A_b-9", "01934e5a-6f00-7000-8000-00000000002a"] {
            assert_eq!(UserId::parse(good).unwrap().as_str(), good);
            let read: UserId = serde_json::from_value(good.into()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), good);
        }
        let long = "x".repeat(MAX_ID_LEN + 1);
        for bad in ["", " ", "a b", "ü", "a/b", "a\n", "*", &long] {
            assert_eq!(UserId::parse(bad), Err(IdError), "{bad:?}");
            assert!(serde_json::from_value::<UserId>(bad.into()).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<UserId>("42").is_err());
    }
}
