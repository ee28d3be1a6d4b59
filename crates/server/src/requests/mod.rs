//! Purchase requests (contract §3.1): what buyers want, and where it stands.
//!
//! ```text
//!                ┌───── last offer gone ─────┐
//!                ▼                           │
//! published ─► active ─ offer made ─► received_offers ─ offer accepted ─► payment
//!                ▲                                                         │   │
//!                └─────────────────── payment timed out ───────────────────┘  paid
//!                                                                              ▼
//! checkout ─► pending_payment ─────────────────── paid ──────────────────► processing
//!
//! processing ─ shipped ─► delivery ─ right code ─► delivered ─ confirmed ─► completed
//! ```
//! `cancelled` is reached from the first four by the buyer or an administrator, and from
//! `processing`, `delivery` and `delivered` only with a refund (a dispute, an administrator).
//!
//! What holds always here:
//! - every change of a request or of its offers locks the request's row first, so such changes
//!   happen one after the other; the status moves by a conditional update along
//!   [`model::next`], and nowhere else;
//! - `received_offers` if and only if the open request has a pending offer;
//! - `selectedOfferId` is set from `payment` on and never while the request is open;
//! - the delivery address is seen by the buyer, administrators and the seller whose offer is
//!   accepted, and is in no event.

mod body;
mod checked_out;
pub mod error;
pub mod model;
pub mod routes;
pub mod service;
mod store;

pub use body::{CancelRequest, CreateRequest, RequestQuery, UpdateRequest};
pub(crate) use body::{is_delivery_info, is_line, is_text, words};
