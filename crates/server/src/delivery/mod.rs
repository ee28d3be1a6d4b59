//! How a paid deal comes to its end (contract §3.4): shipping, the delivery code, the buyer's
//! confirmation.
//!
//! ```text
//! processing ─ first word of a shipment ─► delivery ─ right code ─► delivered
//! delivered ─ the buyer confirms, or AUTO_RELEASE_AFTER passes without a dispute ─► completed
//! ```
//! Digital goods and services take the same path: "shipped" is the hand-over of what was bought.
//!
//! What holds always here:
//! - the carrier's word moves no deal but from `processing` to `delivery`; that the goods were
//!   received is known by the code alone;
//! - a deal has one code at most; a new one replaces the old one. It is used once, ends after
//!   [`model::CODE_LASTS`], and after [`model::WRONG_TRIES_MAX`] wrong tries nothing more is
//!   compared with it;
//! - the database holds a keyed hash of the code: who has the database and not the installation's
//!   secret cannot find it. The answer to the holder carries it and is never stored. A holder who
//!   lost it generates another one;
//! - who enters the code may not make themselves new ones to guess at: that party can generate
//!   the first one of a deal and no other;
//! - a deal is completed once, by a conditional update, and never while a dispute is open.

mod body;
pub mod codes;
pub mod completion;
pub mod error;
pub mod model;
pub mod routes;
pub mod service;
mod store;

pub use body::{Delivery, DeliveryCode, EnterCode, UpdateDelivery};
