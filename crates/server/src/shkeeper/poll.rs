//! Asks for the invoices that wait for money, in case a callback does not come.
//!
//! What the gateway lists has one confirmation at least, and it does not tell how many; so it is
//! not final by this alone, unless `SHKEEPER_POLL_CONFIRMS` says that one is enough.

use std::time::Duration;

use events::{PaymentId, Timestamp};

use super::gateway::Gateway;
use super::intents::{asked, external_id};
use super::wire::Seen;
use super::{gateway, store, webhooks};
use crate::app::App;
use crate::error::Result;
use crate::journal::Tx;
use crate::payments::{self, model::is_live};

/// The timer; its key is the payment.
pub const POLL: &str = "shkeeper_poll";
/// A dead payment is looked after for so long: money may come late.
const LATE_FOR: Duration = Duration::from_hours(7 * 24);
/// How often a dead payment is looked after.
const LATE_EVERY: Duration = Duration::from_hours(6);

/// Looks after an invoice from now on.
pub(super) async fn schedule(tx: &mut Tx, gateway: &Gateway, payment: &PaymentId) -> Result<()> {
    tx.schedule(POLL, payment.as_str(), gateway.config().poll_every).await
}

/// The timer [`POLL`]: asks for one invoice, and sets the next time.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn run(app: &App, payment: &PaymentId) -> Result<()> {
    // Without a gateway there is nobody to ask any more.
    let Ok(gateway) = gateway(app) else { return Ok(()) };
    // One that does not answer is asked again at the usual time: a timer that failed would be
    // given up after some hours.
    let listed = gateway.invoices(&external_id(payment)).await.unwrap_or_else(|error| {
        tracing::warn!(%payment, %error, "the gateway cannot be asked for an invoice");
        Vec::new()
    });
    let confirms = gateway.config().poll_confirms;
    let seen: Vec<Seen> = listed
        .into_iter()
        .filter(|invoice| invoice.external_id == external_id(payment))
        .flat_map(|invoice| invoice.transfers)
        .map(|seen| Seen { confirmed: seen.confirmed && confirms, ..seen })
        .collect();
    let mut tx = app.begin().await?;
    let Some(row) = payments::service::lock_payment(&mut tx, payment).await? else {
        return Ok(());
    };
    let Some(invoice) = store::invoice(&mut tx, payment).await? else { return Ok(()) };
    if let Some(asked) = asked(&invoice, &row) {
        webhooks::observe(&mut tx, app, payment, &asked, &seen).await?;
    }
    let waiting = store::transfers(&mut tx, payment).await?.iter().any(|tx| !tx.confirmed);
    if waiting {
        tracing::warn!(%payment, "money is listed whose callback has not come yet");
    }
    let usual = gateway.config().poll_every;
    let ended = row.expires_at.unwrap_or(row.updated_at);
    if let Some(pause) = next(is_live(row.status), ended, tx.now(), usual) {
        tx.schedule(POLL, payment.as_str(), pause).await?;
    }
    Ok(tx.commit().await?)
}

/// When to look next, if ever.
fn next(live: bool, ended: Timestamp, now: Timestamp, usual: Duration) -> Option<Duration> {
    if live {
        return Some(usual);
    }
    let end = ended.as_millis() + LATE_FOR.as_millis() as i64;
    (now.as_millis() < end).then_some(LATE_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_payment_is_looked_after_for_a_week() {
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        let usual = Duration::from_mins(5);
        assert_eq!(next(true, at(0), at(10_000), usual), Some(usual));
        assert_eq!(next(false, at(0), at(167), usual), Some(LATE_EVERY));
        assert_eq!(next(false, at(0), at(168), usual), None);
    }
}
