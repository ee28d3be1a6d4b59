//! Who gets an event, and the form in which it is handed on.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::ids::{RequestId, UserId};
use crate::rooms::Room;
use crate::text_enum::text_enum;

text_enum! { "snake_case",
    /// `REALTIME_ACCESS` (contract §1.2): who may see what.
    pub enum Access {
        /// Money and parties are for those concerned.
        Strict,
        /// The reference to the letter.
        Open,
    }
}

/// The sockets that get a delivery: those in any of `rooms`, each once, narrowed down by the user
/// that they are authenticated as.
///
/// No rooms at all means the one socket that the server is just dealing with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// The rooms; [`Room::Everyone`] among them means every socket.
    #[serde(default)]
    pub rooms: Vec<Room>,
    /// If set, only the sockets of this user, by their token and not by a joined room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<UserId>,
    /// If set, not the sockets of this user, by their token and not by a joined room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<UserId>,
}

impl Audience {
    /// Those in one room.
    pub fn room(room: Room) -> Self {
        Self::rooms([room])
    }

    /// Those in any of the rooms.
    pub fn rooms(rooms: impl IntoIterator<Item = Room>) -> Self {
        let mut audience = Self::default();
        for room in rooms {
            if !audience.rooms.contains(&room) {
                audience.rooms.push(room);
            }
        }
        audience
    }

    /// The one socket that the server is just dealing with.
    pub fn socket() -> Self {
        Self::default()
    }

    /// What the reference sends "global" although it carries money or parties (contract §1.2): in
    /// `strict` to the parties' user rooms, the event's own rooms and the administrators.
    pub fn global(access: Access, parties: &Parties, own: impl IntoIterator<Item = Room>) -> Self {
        match access {
            Access::Strict => Self::rooms(parties.user_rooms().chain(own).chain([Room::Admins])),
            Access::Open => Self::rooms([Room::Everyone].into_iter().chain(own)),
        }
    }

    /// Whether every socket is meant, before `only` and `except`.
    pub fn is_everyone(&self) -> bool {
        self.rooms.contains(&Room::Everyone)
    }
}

/// A payload and those who get it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Who gets it.
    pub audience: Audience,
    /// The event's one argument, as JSON.
    pub payload: Box<RawValue>,
}

/// An event, ready to be sent. Its deliveries concern disjoint sets of sockets.
#[derive(Debug, Clone)]
pub struct Emission {
    /// The event's name.
    pub name: &'static str,
    /// Usually one; more where not all may see the same.
    pub deliveries: Vec<Delivery>,
}

/// An event that the server sends. "How to add an event" is in the docs of this crate.
pub trait Event: Serialize + ToSchema + Sized {
    /// The name on the wire. It is spelt here and nowhere else.
    const NAME: &'static str;
    /// What the catalogue says about it.
    const INFO: EventInfo;
    /// What one must know besides the payload to address it; `()` where nothing.
    type Address;

    /// Who gets it.
    fn audience(&self, access: Access, address: &Self::Address) -> Audience;

    /// What is sent to whom: one delivery, unless not all may see the same.
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    fn deliveries(
        &self,
        access: Access,
        address: &Self::Address,
    ) -> Result<Vec<Delivery>, serde_json::Error> {
        let payload = serde_json::value::to_raw_value(self)?;
        Ok(vec![Delivery { audience: self.audience(access, address), payload }])
    }

    /// The event, ready to be sent.
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    fn emission(
        &self,
        access: Access,
        address: &Self::Address,
    ) -> Result<Emission, serde_json::Error> {
        Ok(Emission { name: Self::NAME, deliveries: self.deliveries(access, address)? })
    }

    /// Examples that together carry every field and reach every kind of room; the first one has
    /// every optional field that can be there. The catalogue takes its room patterns from them,
    /// so their ids come from [`crate::example`].
    fn examples() -> Vec<(Self, Self::Address)>;
}

text_enum! { "snake_case",
    /// What an event is about.
    pub enum Domain {
        /// Requests, offers, delivery, template checkouts.
        Marketplace,
        /// Payments and payouts.
        Payment,
        /// Messages, participants, typing.
        Chat,
        /// Notifications.
        Notification,
        /// Points and referrals.
        Points,
        /// Who is online.
        Presence,
        /// The socket's own session.
        Session,
    }
}

text_enum! { "snake_case",
    /// What happens to an event that a client is not there for (contract §1.6).
    pub enum Durability {
        /// It is written to the journal and sent when the client is back.
        Journaled,
        /// It is gone.
        Ephemeral,
    }
}

/// What the catalogue says about an event.
#[derive(Debug, Clone, Copy)]
pub struct EventInfo {
    /// What it is about.
    pub domain: Domain,
    /// What it tells.
    pub description: &'static str,
    /// When it is emitted.
    pub emitted_when: &'static str,
    /// Whether the journal has it.
    pub durability: Durability,
    /// Whether it is Souk's own and not the reference's.
    pub beyond_reference: bool,
}

impl EventInfo {
    /// A journaled event of the reference.
    pub const fn new(
        domain: Domain,
        description: &'static str,
        emitted_when: &'static str,
    ) -> Self {
        let durability = Durability::Journaled;
        Self { domain, description, emitted_when, durability, beyond_reference: false }
    }

    /// It is not journaled.
    pub const fn ephemeral(mut self) -> Self {
        self.durability = Durability::Ephemeral;
        self
    }

    /// The reference does not have it.
    pub const fn beyond_reference(mut self) -> Self {
        self.beyond_reference = true;
        self
    }
}

/// The address of what goes to a buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer(pub UserId);

/// The address of what goes to a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller(pub UserId);

/// The address of what goes to the user whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(pub UserId);

/// The people of a deal, or of a checkout with its several sellers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    /// Who buys.
    pub buyer: UserId,
    /// Who sells; where the request is still open, those with a live offer.
    pub sellers: Vec<UserId>,
}

impl Parties {
    /// The two people of a deal.
    pub fn new(buyer: UserId, seller: UserId) -> Self {
        Self { buyer, sellers: vec![seller] }
    }

    /// The user rooms of all of them.
    pub(crate) fn user_rooms(&self) -> impl Iterator<Item = Room> {
        std::iter::once(&self.buyer).chain(&self.sellers).cloned().map(Room::User)
    }
}

/// What a payment is for: one request, or all of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// The people.
    pub parties: Parties,
    /// The requests that it pays.
    pub requests: Vec<RequestId>,
}

impl Deal {
    /// The deal of one request.
    pub fn new(buyer: UserId, seller: UserId, request: RequestId) -> Self {
        Self { parties: Parties::new(buyer, seller), requests: vec![request] }
    }

    /// The rooms of its requests.
    pub(crate) fn request_rooms(&self) -> impl Iterator<Item = Room> {
        self.requests.iter().cloned().map(Room::Request)
    }
}
