//! Disputes about paid deals.
//!
//! ```text
//! opened by buyer or seller ─► open ─ an administrator decides ─► resolved
//!     release: the seller gets the price, the request is completed
//!     refund:  the buyer gets it back, the request is cancelled
//!     split:   the seller gets a part and the buyer the rest, the request is completed
//! ```
//!
//! What holds always here:
//! - a deal has one open dispute at most: a unique index says so, whatever the code does;
//! - an open dispute holds the deal's escrow. While it is open the deal is neither confirmed nor
//!   released by time; a dispute always ends the deal, so nothing is to be taken up again;
//! - a dispute is resolved once, by a conditional update, in the transaction that moves the
//!   escrow and the request;
//! - only the parties of the deal and administrators know of it.

mod body;
pub mod error;
pub mod model;
pub mod routes;
pub mod service;
mod store;

pub use body::{AddEvidence, Dispute, DisputeQuery, Evidence, OpenDispute, ResolveDispute};
