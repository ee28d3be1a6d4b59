//! Sellers' offers on purchase requests (contract §3.2).
//!
//! ```text
//! made ─► pending ─┬─ accepted ─┬─ expired   (not paid in time)
//!                  │            └─ rejected  (the request was cancelled)
//!                  ├─ rejected   (by the buyer, another one won, the request was cancelled)
//!                  ├─ withdrawn  (by its seller)
//!                  └─ expired    (past its `validUntil`)
//! ```
//! What holds always here:
//! - a seller has one live offer (pending or accepted) on a request at most, and a request has one
//!   accepted offer at most: two unique indexes say so, whatever the code does;
//! - every change locks the request's row first, then reads the offer again, and moves it by a
//!   conditional update along [`model::next`];
//! - who loses the live offer loses the request's room, unless invited: the journal says so in
//!   the same transaction. When an offer is accepted the losers leave before the room hears of it;
//! - timers check the state when they run and are not taken back: most of them come too late.

mod body;
pub mod deal;
pub mod error;
pub mod model;
pub mod routes;
pub mod service;
mod store;

pub use body::{CreateOffer, OfferQuery, RejectOffer, UpdateOffer};
pub(crate) use body::{is_delivery_time, is_price};
