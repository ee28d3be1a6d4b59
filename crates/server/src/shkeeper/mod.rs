//! Payments and payouts by the SHKeeper gateway (contract §4.2 to §4.4).
//!
//! What holds always here:
//! - an invoice is asked for once: its row is written before the call, and one caller at a time
//!   may call. Asked again, the gateway overwrites what an invoice costs; so only an answer that
//!   never came is asked for again, after every earlier call has ended for certain;
//! - what the gateway says of an invoice (`PAID`, from 95 % on, under-confirmed, in any coin) is
//!   not believed. What counts is its transfers, in the expected coin, against the amount that the
//!   buyer was first told. A transfer is final by the callback that it triggers, since only that
//!   one tells of enough confirmations;
//! - callbacks are hints: a signature over the raw body, each text once, any number of them in any
//!   order to the same end. They are answered 202 after the commit. One of an unknown invoice is
//!   stored with a flag, logged as an error, and answered 202 as well;
//! - a name at the gateway begins with `pay-` or `out-`, so that no callback of one kind is taken
//!   for the other;
//! - money is sent by single payouts, each try under a name of its own that was stored before. A
//!   try is never made twice. Only what was certainly not sent is a failure; everything else that
//!   is not a success is unknown;
//! - messages of the gateway go to the log, cut short; keys and passwords go nowhere.

mod answers;
mod body;
mod coin;
pub mod error;
mod gateway;
mod intents;
mod model;
mod paid_out;
pub mod payout;
pub mod poll;
pub mod reconcile;
pub mod routes;
mod signature;
mod store;
pub mod webhooks;
mod wire;

pub use gateway::Gateway;

use error::ShkeeperError;

use crate::app::App;
use crate::error::Result;
use crate::journal::Tx;

/// How long callbacks are kept.
const CALLBACKS_KEPT: std::time::Duration = std::time::Duration::from_hours(90 * 24);

/// The gateway.
///
/// # Errors
/// 503 `shkeeper_not_configured`.
pub(crate) fn gateway(app: &App) -> Result<&Gateway> {
    Ok(app.shkeeper.as_ref().ok_or(ShkeeperError::NotConfigured)?)
}

/// Forgets callbacks that were kept long enough.
///
/// # Errors
/// 503.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = tx.now().as_millis() - CALLBACKS_KEPT.as_millis() as i64;
    Ok(store::sweep_callbacks(tx, events::Timestamp::from_millis(before)).await?)
}
