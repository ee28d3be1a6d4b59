//! Pays sellers by the gateway: one call for each payout, each try under a name of its own.

use std::sync::Arc;
use std::time::Duration;

use db::Db;
use events::{PaymentId, PaymentProvider, PayoutId};
use futures_util::future::BoxFuture;
use http::StatusCode;
use serde_json::json;

use super::answers::{self, Noted, TaskState};
use super::coin::{Coins, fiat_of, ticker};
use super::gateway::{Gateway, GatewayError};
use super::intents::callback_url;
use super::store::{self, TryRow};
use crate::app::App;
use crate::clock::Clock;
use crate::error::{ApiError, Result};
use crate::journal::Tx;
use crate::payments::error::PaymentError;
use crate::payouts::PayoutRow;
use crate::payouts::rail::{PayoutOrder, PayoutRail, Sighting, Submission};
use crate::payouts::service::POLL;
use crate::{failpoint, payments, payouts};

/// The gateway itself looks after a payout for a day, and says the same of a task that waits and of
/// one that is lost.
const LOST_AFTER: Duration = Duration::from_hours(24);

/// The name of a try at the gateway.
pub(super) fn external_id(order: &PayoutOrder) -> String {
    format!("out-{}", order.external_id)
}

/// The payout that a name of the gateway means.
pub(super) fn payout_of(external_id: &str) -> Option<PayoutId> {
    external_id.strip_prefix("out-")?.rsplit_once('-')?.0.parse().ok()
}

/// Has a payout looked after at once.
pub(super) async fn look_soon(tx: &mut Tx, payout: &PayoutId) -> Result<()> {
    tx.schedule(POLL, payout.as_str(), Duration::ZERO).await
}

/// Lets payments by the gateway be paid out by it, where there is a login for that.
pub(crate) fn add_rail(app: &App) {
    let Some(gateway) = app.shkeeper.as_ref() else { return };
    if gateway.config().payout_login.is_none() {
        return;
    }
    let callback_url = callback_url(app, gateway, "payout-webhook");
    let rail = ShkeeperRail::new(gateway.clone(), app.db.clone(), app.clock.clone(), callback_url);
    app.payout_rails.set(PaymentProvider::Shkeeper, Arc::new(rail));
}

/// Begins the payouts of a payment's released shares on an administrator's word. The payment's
/// requests and the payment are locked.
///
/// # Errors
/// 404, 409 `payment_of_another_provider`, `escrow_wrong_state`, `payout_exists`,
/// `payout_wallet_missing`, `payout_rail_missing`.
pub(super) async fn start(tx: &mut Tx, app: &App, id: &PaymentId) -> Result<Vec<PayoutRow>> {
    let payment = payments::service::lock_payment(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if payment.provider != PaymentProvider::Shkeeper {
        return Err(PaymentError::OtherProvider.into());
    }
    let (_, shares) = payments::service::find(tx, id).await?;
    let (mut begun, mut refusal) = (Vec::new(), None);
    for share in shares {
        let held = payments::service::held(tx, &share.request_id).await?;
        match payouts::service::start_now(tx, app, &held).await {
            Ok(payout) => begun.push(payout),
            Err(error) if error.status == StatusCode::CONFLICT => refusal = Some(error),
            Err(error) => return Err(error),
        }
    }
    match refusal {
        Some(refusal) if begun.is_empty() => Err(refusal),
        _ => Ok(begun),
    }
}

/// The gateway as a way to pay sellers.
pub struct ShkeeperRail {
    gateway: Gateway,
    db: Db,
    clock: Arc<dyn Clock>,
    callback_url: String,
}

impl ShkeeperRail {
    /// A rail that notes its tries in `db` and has its callbacks sent to `callback_url`.
    pub fn new(gateway: Gateway, db: Db, clock: Arc<dyn Clock>, callback_url: String) -> Self {
        Self { gateway, db, clock, callback_url }
    }

    async fn hand_over(&self, order: PayoutOrder) -> Submission {
        let refused = |reason: String| Submission::Refused { reason };
        let amount = match self.amount(&order).await {
            Ok(amount) => amount,
            Err(reason) => return refused(reason),
        };
        let name = external_id(&order);
        let attempt = TryRow {
            external_id: name.clone(),
            payout_id: order.payout_id.clone(),
            coin: order.crypto.clone(),
            amount,
            address: order.address.clone(),
            created_at: self.clock.now(),
        };
        match self.note(&attempt).await {
            Ok(true) => {}
            // Somebody has come this far with it before.
            Ok(false) => {
                return Submission::Unknown { reason: "this try was begun before".into() };
            }
            Err(error) => return refused(format!("the try cannot be noted: {error}")),
        }
        failpoint::reach("payout-noted").await;
        let body = json!({
            "amount": amount.to_string(), "destination": order.address, "external_id": name,
            "fee": self.gateway.config().payout_fee, "callback_url": self.callback_url,
        });
        match self.gateway.pay_out(&order.crypto, &body).await {
            Ok(answer) => answers::submission(answer.status, &answer.body),
            Err(GatewayError::NotReached(reason) | GatewayError::Refused(reason)) => {
                refused(reason)
            }
            Err(GatewayError::Unknown(reason)) => Submission::Unknown { reason },
        }
    }

    /// How many coins an order is: of a price in the coin itself that many, else at the gateway's
    /// rate of this moment, without its fee.
    async fn amount(&self, order: &PayoutOrder) -> Result<Coins, String> {
        let amount = if ticker(&order.crypto) == Some(order.currency) {
            Some(Coins::from_minor(order.amount, order.currency))
        } else {
            let fiat = fiat_of(order.currency)
                .ok_or_else(|| format!("the gateway has no rate for {}", order.currency))?;
            let rate = self.gateway.rate(&order.crypto, fiat).await;
            let rate = rate.map_err(|error| format!("no rate: {error}"))?;
            Coins::at_rate(order.amount, order.currency, rate, &order.crypto)
        };
        let amount = amount.filter(|amount| !amount.is_zero());
        amount.ok_or_else(|| "the amount cannot be paid in this coin".into())
    }

    async fn note(&self, attempt: &TryRow) -> Result<bool, db::DbError> {
        let mut tx = self.db.begin().await?;
        let fresh = store::insert_try(&mut tx, attempt).await?;
        failpoint::reach("payout-noting").await;
        tx.commit().await?;
        Ok(fresh)
    }

    async fn find(&self, order: PayoutOrder) -> Sighting {
        let name = external_id(&order);
        let begun = match store::find_try(&self.db, &name).await {
            Ok(Some(attempt)) => attempt.created_at,
            // The try is noted before the gateway is called.
            Ok(None) => {
                return Sighting::Failed {
                    reason: "it never reached the gateway".into(),
                    certain: true,
                };
            }
            Err(error) => {
                tracing::warn!(%error, "a try to pay out cannot be read");
                return Sighting::Pending;
            }
        };
        let noted = match self.gateway.payout_status(&order.crypto, &name).await {
            Ok(answer) => answers::noted(answer.status, &answer.body),
            Err(error) => {
                tracing::warn!(payout = %order.payout_id, %error, "the gateway cannot be asked");
                Noted::Unreadable
            }
        };
        let heard = noted != Noted::Unreadable;
        let age = self.clock.now().as_millis() - begun.as_millis();
        match answers::sighting(noted, self.task(&order).await) {
            Sighting::Pending if heard && age >= LOST_AFTER.as_millis() as i64 => {
                Sighting::Failed {
                    reason: "the gateway has not got on with it for a day".into(),
                    certain: false,
                }
            }
            sighting => sighting,
        }
    }

    /// What its task has come to, where it has one.
    async fn task(&self, order: &PayoutOrder) -> Option<TaskState> {
        let task_id = order.task_id.as_deref()?;
        if let Some(txid) = answers::sent_at_once(task_id) {
            return Some(TaskState::Sent(txid.to_owned()));
        }
        Some(match self.gateway.task(&order.crypto, task_id).await {
            Ok(answer) => answers::task(answer.status, &answer.body, &order.address),
            Err(error) => {
                tracing::warn!(payout = %order.payout_id, %error, "the gateway cannot be asked");
                TaskState::Unreadable
            }
        })
    }
}

impl PayoutRail for ShkeeperRail {
    fn submit(&self, order: &PayoutOrder) -> BoxFuture<'_, Submission> {
        Box::pin(self.hand_over(order.clone()))
    }

    fn look(&self, order: &PayoutOrder) -> BoxFuture<'_, Sighting> {
        Box::pin(self.find(order.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tries() {
        let id = payout_of("out-01890a5d-ac96-774b-bcce-b302099a8057-12");
        assert_eq!(id.unwrap().as_str(), "01890a5d-ac96-774b-bcce-b302099a8057");
        for other in ["pay-01890a5d", "out-", "out-1", "01890a5d-1"] {
            assert_eq!(payout_of(other), None, "{other}");
        }
    }
}
