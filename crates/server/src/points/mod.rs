//! Points, levels and referrals (contract §3.7).
//!
//! ```text
//! deal completed ─ earn ─► balance ─ redeem ─► credit ─ a later deal's fee ─► less fee
//! referral reward ─┘          │ └─ expire (not used in time)
//!                             └─── reverse (the deal was refunded)
//! ```
//! What holds always here:
//! - points move by rows that are only ever added (triggers refuse the rest); the account's row is
//!   locked first and is what the rows add up to. Several accounts are locked in the order of
//!   their users' ids;
//! - nothing moves points twice: a movement names what it follows from, once for each user and
//!   reason;
//! - a balance is never negative. What is taken back after it was spent is owed, and what is earned
//!   next pays it;
//! - a level is reached once: `level-up` is told where lifetime points pass what they ever were;
//! - a referral is paid once, at the invited user's first completed deal, and never where the
//!   chain of referrers leads back to the invited user.
//!
//! What points are worth: 100 redeemed points take one whole unit off the fee of a later deal, in
//! fiat money and in coins that stand for a dollar ([`model::discount`]). A deal's fee is never
//! lowered below zero, and credit that is not used stays.

mod error;
pub mod model;
pub mod routes;
pub mod service;
mod store;

pub use model::Level;
