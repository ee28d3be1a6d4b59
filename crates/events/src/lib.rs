//! The catalogue of Souk's realtime events: every name, payload, audience and room is spelt here
//! and nowhere else. Pure types and functions; no clock, no randomness, no input or output.
//!
//! An event is a struct that implements [`Event`]. Its fields are the payload; what else is
//! needed to address it (the buyer of a request, say) is the event's `Address`:
//!
//! ```
//! use events::marketplace::DeliveryConfirmed;
//! use events::{Access, Event, example};
//!
//! let event = DeliveryConfirmed { request_id: example::request() };
//! let emission = event.emission(Access::Strict, &()).unwrap();
//! assert_eq!(emission.name, "delivery-confirmed");
//! assert_eq!(emission.deliveries[0].audience.rooms[0].to_string(),
//!     "request-01934e5a-6f00-7000-8000-000000000010");
//! ```
//!
//! # How to add an event
//!
//! 1. Write its payload struct in the file of its domain (`marketplace/`, `payment.rs`,
//!    `chat.rs`, …): camelCase, an absent value is an absent field
//!    (`skip_serializing_if`, `#[schema(nullable = false)]`), ids, amounts and times by their
//!    types.
//! 2. Implement [`Event`]: its name, what the catalogue says about it (`.ephemeral()` if it is
//!    not journaled, `.beyond_reference()` if the reference has it not), its address, its
//!    audience in both kinds of [`Access`], and examples that carry every field and reach every
//!    room.
//! 3. Name it in the `list` function of its domain.
//! 4. Give it a row in the table of `tests/it/audiences.rs`; a test fails until you do.
//! 5. Emit it in the transaction that makes the change.
//!
//! A room of a new kind is a variant of [`Room`]; an event that clients send is a variant of
//! [`ClientEvent`].

mod audience;
mod catalog;
pub mod chat;
mod client;
pub mod documents;
pub mod example;
mod ids;
pub mod marketplace;
mod money;
pub mod notification;
pub mod payment;
pub mod points;
pub mod presence;
mod rooms;
pub mod session;
mod status;
mod text_enum;
mod time;

pub use audience::{
    Access, Audience, Buyer, Deal, Delivery, Domain, Durability, Emission, Event, EventInfo, Owner,
    Parties, Seller,
};
pub use catalog::{
    ArgumentSpec, Catalog, ClientEventSpec, Components, EventSpec, RoomPatterns, catalog,
};
pub use client::{Ack, AckError, BadArgument, ClientEvent, Command, Refusal, Typing};
pub use ids::*;
pub use money::{Amount, AmountError, Currency, Money};
pub use rooms::{Room, RoomError};
pub use status::{
    DeliveryStatus, DeliveryUnit, EscrowState, OfferStatus, OnlineStatus, PaymentException,
    PaymentProvider, PaymentStatus, PayoutStatus, ProductType, RequestStatus, Role, Urgency,
};
pub use time::{Timestamp, TimestampError};
