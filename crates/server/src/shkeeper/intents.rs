//! How a payment by the gateway begins.

use std::time::Duration;

use events::{Amount, PaymentId, PaymentProvider, Timestamp};

use super::body::{CreateIntent, Intent};
use super::coin::{Coins, fiat_of, ticker};
use super::error::ShkeeperError;
use super::gateway::{Gateway, GatewayError};
use super::store::{self, InvoiceRow, OpenInvoice};
use super::{gateway, poll};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::payments::{self, PaymentRow};

/// What our side may take beside the call itself, before another one may ask.
const MARGIN: Duration = Duration::from_secs(30);
/// How often those who wait for somebody else's call look.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The name of a payment's invoice at the gateway.
pub(super) fn external_id(payment: &PaymentId) -> String {
    format!("pay-{payment}")
}

/// The payment that a name of the gateway means.
pub(super) fn payment_of(external_id: &str) -> Option<PaymentId> {
    external_id.strip_prefix("pay-")?.parse().ok()
}

/// Where the gateway sends the callbacks of `endpoint`.
pub(super) fn callback_url(app: &App, gateway: &Gateway, endpoint: &str) -> String {
    let base = gateway.config().callback_url.as_deref().unwrap_or(&app.config.http.public_url);
    format!("{base}/api/payment/shkeeper/{endpoint}")
}

/// Opens a payment, or finds the live one of the deal, and tells how to pay it. The gateway is
/// asked once, however many callers there are at the same time.
///
/// # Errors
/// As [`payments::service::open`]; 409 `currency_not_supported`, `payment_in_another_crypto`,
/// `crypto_unavailable`, 503 `gateway_unreachable`.
pub async fn create(app: &App, caller: &Caller, body: &CreateIntent) -> Result<Intent> {
    let gateway = gateway(app)?;
    let target = body.target()?;
    let lease = gateway.config().timeout + MARGIN;
    let give_up = tokio::time::Instant::now() + lease;
    let (payment, mut claimed) = begin(app, caller, &target, &body.crypto, lease).await?;
    loop {
        if let Some(asked_at) = claimed {
            ask(app, gateway, &payment, &body.crypto, asked_at).await?;
        }
        let row = store::look(&app.db, &payment.id).await?;
        let row = row.ok_or_else(ApiError::not_found)?;
        if row.coin != body.crypto && (row.open.is_some() || row.asking) {
            return Err(ShkeeperError::OtherCoin(row.coin).into());
        }
        if let Some(open) = row.open {
            return Ok(intent(&payment, row.coin, open));
        }
        if tokio::time::Instant::now() >= give_up {
            return Err(ShkeeperError::Unreachable.into());
        }
        if row.asking {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        claimed =
            if row.asking { None } else { claim(app, &payment.id, &body.crypto, lease).await? };
    }
}

/// Opens the payment and claims the right to ask for its invoice, where nobody has it: the time
/// of the claim is returned then.
async fn begin(
    app: &App,
    caller: &Caller,
    target: &payments::service::Target,
    coin: &str,
    lease: Duration,
) -> Result<(PaymentRow, Option<Timestamp>)> {
    let mut tx = app.begin().await?;
    let provider = PaymentProvider::Shkeeper;
    let payment = payments::service::open(&mut tx, app, caller, target, provider).await?.payment;
    if fiat_of(payment.currency).is_none() {
        return Err(ShkeeperError::Currency.into());
    }
    let claimed = claim_in(&mut tx, &payment.id, coin, lease).await?;
    tx.commit().await?;
    Ok((payment, claimed))
}

async fn claim(
    app: &App,
    payment: &PaymentId,
    coin: &str,
    lease: Duration,
) -> Result<Option<Timestamp>> {
    let mut tx = app.begin().await?;
    let claimed = claim_in(&mut tx, payment, coin, lease).await?;
    tx.commit().await?;
    Ok(claimed)
}

async fn claim_in(
    tx: &mut crate::journal::Tx,
    payment: &PaymentId,
    coin: &str,
    lease: Duration,
) -> Result<Option<Timestamp>> {
    let now = tx.now();
    let stale = Timestamp::from_millis(now.as_millis() - lease.as_millis() as i64);
    let claimed = store::claim(tx, payment, &external_id(payment), coin, stale).await?;
    Ok(claimed.then_some(now))
}

/// Asks the gateway and stores its answer. After a refusal the next caller may ask at once; after
/// an answer that did not come, only once the call has ended for certain.
async fn ask(
    app: &App,
    gateway: &Gateway,
    payment: &PaymentRow,
    coin: &str,
    asked_at: Timestamp,
) -> Result<()> {
    let fiat = fiat_of(payment.currency).ok_or(ShkeeperError::Currency)?;
    let price = Amount::from_minor(payment.amount, payment.currency);
    let callback_url = callback_url(app, gateway, "webhook");
    let name = external_id(&payment.id);
    let made = gateway.payment_request(coin, &name, fiat, price.as_str(), &callback_url).await;
    let mut tx = app.begin().await?;
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            tracing::warn!(payment = %payment.id, coin, %error, "no invoice from the gateway");
            if matches!(error, GatewayError::Unknown(_)) {
                return Err(ShkeeperError::Unreachable.into());
            }
            store::set_none(&mut tx, &payment.id, asked_at).await?;
            tx.commit().await?;
            return Err(match error {
                GatewayError::Refused(_) => ShkeeperError::CoinUnavailable.into(),
                _ => ShkeeperError::Unreachable.into(),
            });
        }
    };
    // A price in the coin itself needs no rate, and no fee of the gateway is put on top.
    let expected = if ticker(coin) == Some(payment.currency) {
        Coins::from_minor(payment.amount, payment.currency)
    } else {
        made.amount
    };
    // The payment's locks come first.
    payments::service::announce(&mut tx, &payment.id).await?;
    if store::set_open(&mut tx, &payment.id, asked_at, &made, expected).await? {
        poll::schedule(&mut tx, gateway, &payment.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn intent(payment: &PaymentRow, coin: String, open: OpenInvoice) -> Intent {
    Intent {
        payment_id: payment.id.clone(),
        wallet_address: open.address,
        crypto_amount: open.expected.to_string(),
        crypto: coin,
        amount: Amount::from_minor(payment.amount, payment.currency),
        currency: payment.currency,
        expires_at: payment.expires_at,
    }
}

/// What an invoice asks for, where it was answered.
pub(super) fn asked(row: &InvoiceRow, payment: &PaymentRow) -> Option<super::model::Asked> {
    let open = row.open.as_ref()?;
    Some(super::model::Asked {
        coin: row.coin.clone(),
        expected: open.expected,
        price: payment.amount,
    })
}
