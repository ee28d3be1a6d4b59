//! Payments into escrow (contract §4).
//!
//! A payment pays one request, or all of a checkout; each of these is a *share*. A rail only says
//! what money it saw ([`service::observe`]); what follows is decided here, from the transfers that
//! are stored, never from a gateway's word:
//! ```text
//! status   pending ⇄ processing ─► confirmed ─► completed
//!             │           │            └──────► refunded, failed (its chain took the money back)
//!             └───────────┴───────────────────► failed, cancelled, expired
//! escrow   none ⇄ partial ─► funded ⇄ disputed
//!                               └────────┴──► releasable ─► releasing ⇄ failed
//!                               └────────┴──► refunding ─► refunded   └► released
//! ```
//! What holds always here:
//! - a request has one payment at most that is not dead: a unique index says so. Another rail may
//!   be chosen while no money was seen; the payment before is cancelled then;
//! - the requests' rows are locked first, in the order of their ids, then the payment's row; states
//!   move by conditional updates along [`model`]'s edges;
//! - whatever transfers are seen, in whatever order and however often, the same set of them gives
//!   the same state: a transfer counts once by its reference, which is of one payment only;
//! - money that is confirmed is booked, also on a dead payment (`late`), and what is beyond the
//!   amount (`over`). It stands to the buyer's credit in the payment's own account, and funds
//!   nothing. Another asset (`wrong_asset`) is stored, and neither counted nor booked;
//! - an escrow is divided once, between seller, platform and buyer: the ledger has one name for it;
//! - a payment that ran out of time while the whole amount was seen and is not final yet keeps the
//!   deal until it is known whether the money comes ([`service::time_out`]). One that was paid in
//!   part does not: what came is the buyer's. While the deal waits, the buyer may cancel it.

pub mod bill;
mod body;
mod document;
pub mod error;
mod escrow;
mod intent;
pub mod model;
mod observe;
pub mod reconcile;
pub mod routes;
pub mod sandbox;
pub mod service;
mod store;
mod tell;

pub(crate) use body::target;
pub use store::{PaymentRow, Share};
