//! The ledger (contract §4.1): double entry, append-only, the truth about money.
//!
//! An account's balance is what was put into it less what was taken out, in minor units of its
//! currency. Money comes in from, and goes out to, the clearing account of its rail, which is
//! therefore what Souk owes in all, with a minus sign:
//! ```text
//! provider_clearing ─ received ─► buyer ─ held ─► escrow ─┬─ released ─► seller_payable, platform_fee
//!         ▲                         │                     └─ refunding ─► refunds
//!         ├──── excess_refunded ────┘                                        │
//!         ├──────────────────────── refunded ────────────────────────────────┘
//!         └─ payout_completed ─ payout_in_transit ◄─ payout_sent ─ seller_payable
//! ```
//! What holds always here:
//! - an entry takes an amount from one account and puts it into another one of the same currency,
//!   so everything balances by the form of the rows;
//! - a transfer has a name of its own, `(kind, reference)`: what is booked twice is refused, and
//!   with it the transaction that tried;
//! - no account but those of clearing goes below zero;
//! - rows are never changed or deleted: triggers refuse it;
//! - a deal's state is never derived from balances: [`reconcile`] compares the two.

mod body;
pub mod model;
pub mod reconcile;
pub mod routes;
pub mod service;
mod store;

pub use model::{Account, Kind, Transfer};
