//! Payouts to sellers (contract §4.4).
//!
//! ```text
//! queued ─► submitting ─┬─► submitted ─► broadcast ─► completed
//!    ▲                  ├─► failed ◄── certainly ──┘ (from each of these three)
//!    │                  └─► unknown ◄─ perhaps ────┘
//!    └── an administrator, from failed; from unknown only who vouches that nothing was sent
//! ```
//! What holds always here:
//! - a share of a payment has one payout at most: a unique index says so. It is handed to its rail
//!   once an attempt, and a further attempt follows only a certain failure, or a person's word;
//! - it is `submitting` before the rail is called, and the call is outside of any transaction. Who
//!   finds it `submitting` later does not know whether the call went out: it is `unknown` then;
//! - what is `unknown` is looked after until it is known, and never handed over again by itself;
//! - the request's row is locked first, then the payment's; the state moves by a conditional
//!   update along [`model::next`];
//! - the ledger has the money in transit from `submitting` until it is completed or has failed;
//! - each payout that is not over has a timer; a sweep sees to it.

mod body;
pub mod error;
pub mod model;
pub mod rail;
pub mod reconcile;
pub mod routes;
mod run;
pub mod sandbox;
pub mod service;
mod step;
mod store;

pub use store::PayoutRow;
