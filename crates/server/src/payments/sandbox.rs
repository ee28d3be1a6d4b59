//! Play money (`PAYMENT_SANDBOX=true`): a rail on which the buyer says what happens.

use events::documents::Payment;
use events::{Amount, Currency, PaymentId, PaymentProvider, PaymentStatus};

use super::body::{Outcome, PaySandbox};
use super::error::PaymentError;
use super::intent::{self, Locked, lock};
use super::model::is_live;
use super::observe::{Transfer, observe_locked};
use super::service::{self, Opened, Target};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::payouts::sandbox::tx_hash;

/// 404 unless there is play money.
///
/// # Errors
/// 404.
pub fn check_enabled(app: &App) -> Result<()> {
    if app.config.payments.sandbox { Ok(()) } else { Err(ApiError::not_found()) }
}

/// Begins a payment in play money, or finds the live one.
///
/// # Errors
/// As [`service::open`].
pub async fn create(tx: &mut Tx, app: &App, caller: &Caller, target: &Target) -> Result<Opened> {
    let opened = service::open(tx, app, caller, target, PaymentProvider::Sandbox).await?;
    service::announce(tx, &opened.payment.id).await?;
    Ok(opened)
}

/// Lets a payment come to what its buyer, or an administrator, says.
///
/// # Errors
/// 404, 403 for its sellers, 409 `payment_of_another_provider`, `payment_not_live`, 422.
pub async fn pay(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &PaymentId,
    body: PaySandbox,
) -> Result<Payment> {
    // 404 for whom it does not concern, before anything else is said.
    service::seen(tx, caller, id).await?;
    let mut locked = lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if !caller.is_admin() && locked.payment.buyer_id != caller.user_id {
        return Err(ApiError::forbidden());
    }
    if locked.payment.provider != PaymentProvider::Sandbox {
        return Err(PaymentError::OtherProvider.into());
    }
    let given = amount(body.amount.as_ref(), locked.payment.currency)?;
    play(tx, app, &mut locked, body.outcome, given).await?;
    service::seen(tx, caller, id).await
}

fn amount(amount: Option<&Amount>, currency: Currency) -> Result<Option<i64>> {
    let Some(amount) = amount else { return Ok(None) };
    match amount.minor(currency) {
        Ok(0) => Err(ApiError::invalid_field("amount", "must be more than zero")),
        Ok(minor) => Ok(Some(minor)),
        Err(error) => Err(ApiError::invalid_field("amount", error.to_string())),
    }
}

async fn play(
    tx: &mut Tx,
    app: &App,
    locked: &mut Locked,
    outcome: Outcome,
    given: Option<i64>,
) -> Result<()> {
    let payment = &locked.payment;
    let (status, live) = (payment.status, is_live(payment.status));
    let missing = (payment.amount - payment.seen).max(1);
    let arrives = match outcome {
        Outcome::Paid | Outcome::Failed => missing,
        Outcome::Partial => (missing / 2).max(1),
        Outcome::Over => missing.saturating_add((payment.amount / 10).max(1)),
        Outcome::Late => payment.amount,
    };
    let arrives = given.unwrap_or(arrives);
    match outcome {
        // More money may come when the price is paid.
        Outcome::Over if matches!(status, PaymentStatus::Confirmed | PaymentStatus::Completed) => {}
        Outcome::Late => {
            if live {
                intent::expire_locked(tx, app, locked).await?;
            }
        }
        Outcome::Failed if live => {
            return intent::fail_locked(tx, app, locked, "sandbox").await;
        }
        _ if live => {}
        _ => return Err(PaymentError::NotLive(status).into()),
    }
    let reference = tx.new_id::<uuid::Uuid>().to_string();
    let transfer = Transfer {
        tx_hash: Some(tx_hash(&reference)),
        reference,
        amount: arrives,
        asset_matches: true,
        confirmed: true,
        at: tx.now(),
    };
    observe_locked(tx, app, locked, &[transfer]).await
}
