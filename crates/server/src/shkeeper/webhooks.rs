//! Callbacks of the gateway (contract §4.3).

use events::{PaymentId, Timestamp};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::error::ShkeeperError;
use super::intents::{asked, payment_of};
use super::model::{self, Known};
use super::signature::{self, Proof};
use super::store::{self, CallbackRow};
use super::wire::{self, Seen};
use super::{gateway, payout};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::journal::Tx;
use crate::payments::service::{self as payments, Transfer};
use crate::text::hex;

/// What is odd about a callback.
mod flag {
    /// It tells of nothing that is known here.
    pub const UNKNOWN_ID: &str = "unknown_id";
    /// It is signed and of another form.
    pub const MALFORMED: &str = "malformed";
}

/// A callback that is the gateway's.
struct Proven<'r> {
    endpoint: &'static str,
    body: &'r [u8],
    digest: String,
    proof: Proof,
}

impl Proven<'_> {
    /// Stores it. False where the same text was stored before.
    async fn store(
        &self,
        tx: &mut Tx,
        external_id: Option<&str>,
        flag: Option<&'static str>,
    ) -> Result<bool> {
        let body = String::from_utf8_lossy(self.body).replace('\0', "\u{fffd}");
        let row = CallbackRow {
            endpoint: self.endpoint,
            digest: &self.digest,
            external_id,
            body: &body,
            proof: self.proof.as_str(),
            flag,
        };
        Ok(store::insert_callback(tx, &row).await?)
    }
}

fn prove<'r>(
    app: &App,
    endpoint: &'static str,
    headers: &HeaderMap,
    body: &'r [u8],
) -> Result<Proven<'r>> {
    let config = gateway(app)?.config();
    let now = app.clock.now();
    let proof = signature::verify(&config.api_key, headers, body, now, config.allow_api_key_only)
        .ok_or(ShkeeperError::Signature)?;
    Ok(Proven { endpoint, body, digest: hex(&Sha256::digest(body)), proof })
}

/// Takes a callback of the payment endpoint. It has taken effect once this returns.
///
/// # Errors
/// 401 `signature_invalid`, 422 `callback_malformed`, 503.
pub async fn payment(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let callback = prove(app, "payment", headers, body)?;
    if store::has_callback(&app.db, callback.endpoint, &callback.digest).await? {
        return Ok(());
    }
    let Some(read) = wire::payment_callback(body) else {
        return malformed(app, &callback).await;
    };
    let mut tx = app.begin().await?;
    let id = payment_of(&read.external_id);
    let known = match &id {
        Some(id) => payments::lock_payment(&mut tx, id).await?,
        None => None,
    };
    let row = match &known {
        Some(payment) => store::invoice(&mut tx, &payment.id).await?,
        None => None,
    };
    let (Some(payment), Some(row)) = (known, row) else {
        return unknown(tx, &callback, &read.external_id).await;
    };
    let Some(asked) = asked(&row, &payment) else {
        // Nobody was told of this invoice yet. The gateway comes again until its answer is here.
        tracing::warn!(payment = %payment.id, "callback of an invoice that was not answered yet");
        return Err(ShkeeperError::Unreachable.into());
    };
    if callback.store(&mut tx, Some(&read.external_id), None).await? {
        observe(&mut tx, app, &payment.id, &asked, &read.transfers).await?;
    }
    // Also of one that is stored already: it may not be on disk yet, and 202 says that it is.
    Ok(tx.commit().await?)
}

/// Stores what was seen of a payment that is locked, and tells the payment.
pub(super) async fn observe(
    tx: &mut Tx,
    app: &App,
    payment: &PaymentId,
    asked: &model::Asked,
    seen: &[Seen],
) -> Result<()> {
    let before = store::transfers(tx, payment).await?;
    let after = model::add(asked, &before, seen)
        .ok_or_else(|| ApiError::internal(&format!("transfers to {payment} are too large")))?;
    let changed: Vec<_> = after.iter().filter(|known| !before.contains(known)).collect();
    let mut transfers = Vec::with_capacity(changed.len());
    for known in changed {
        store::upsert_transfer(tx, payment, known).await?;
        transfers.push(transfer(payment, asked, known, tx.now()));
    }
    if transfers.is_empty() {
        return Ok(());
    }
    payments::observe(tx, app, payment, &transfers).await
}

/// One transaction may pay two invoices, so the payment is a part of a transfer's name.
fn transfer(payment: &PaymentId, asked: &model::Asked, known: &Known, now: Timestamp) -> Transfer {
    let Known { coin, txid, .. } = known;
    Transfer {
        reference: format!("{payment}/{coin}/{txid}"),
        amount: known.credited,
        asset_matches: *coin == asked.coin,
        confirmed: known.confirmed,
        tx_hash: Some(txid.clone()),
        at: now,
    }
}

async fn unknown(mut tx: Tx, callback: &Proven<'_>, external_id: &str) -> Result<()> {
    let external_id = wire::brief(external_id);
    tracing::error!(
        external_id,
        endpoint = callback.endpoint,
        "callback of the gateway for something that is not known here"
    );
    callback.store(&mut tx, Some(&external_id), Some(flag::UNKNOWN_ID)).await?;
    Ok(tx.commit().await?)
}

/// The gateway comes again with it, so that nothing is lost once it can be read.
async fn malformed(app: &App, callback: &Proven<'_>) -> Result<()> {
    tracing::error!(endpoint = callback.endpoint, "callback of the gateway that cannot be read");
    let mut tx = app.begin().await?;
    // Under a digest of its own: the text may be read one day.
    let kept = Proven {
        endpoint: callback.endpoint,
        body: callback.body,
        digest: format!("{}:{}", flag::MALFORMED, callback.digest),
        proof: callback.proof,
    };
    kept.store(&mut tx, None, Some(flag::MALFORMED)).await?;
    tx.commit().await?;
    Err(ShkeeperError::Form.into())
}

/// Takes a callback of the payout endpoint: the payout is looked after at once.
///
/// # Errors
/// As [`payment`].
pub async fn payout(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let callback = prove(app, "payout", headers, body)?;
    if store::has_callback(&app.db, callback.endpoint, &callback.digest).await? {
        return Ok(());
    }
    let Some(read) = wire::payout_callback(body) else {
        return malformed(app, &callback).await;
    };
    let mut tx = app.begin().await?;
    let Some(id) = payout::payout_of(&read.external_id) else {
        return unknown(tx, &callback, &read.external_id).await;
    };
    if store::find_try(&app.db, &read.external_id).await?.is_none() {
        return unknown(tx, &callback, &read.external_id).await;
    }
    if callback.store(&mut tx, Some(&read.external_id), None).await? {
        payout::look_soon(&mut tx, &id).await?;
    }
    Ok(tx.commit().await?)
}
