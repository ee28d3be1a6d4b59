//! What is done with payments. Rails [`open`] a payment, [`announce`] it, and say what they saw of
//! it ([`observe`], [`retract`], [`fail`]); the deal's slices decide about its escrow.

use events::documents::{Payment, PurchaseRequest};
use events::{EscrowState, PaymentId, PaymentProvider, RequestStatus};

use super::body::{PaymentQuery, RefundPayment, ReleasePayment};
use super::document::document;
use super::error::PaymentError;
pub use super::escrow::{
    Held, held, hold, make_releasable_and_release, refund, refund_sent, split,
};
pub use super::intent::{
    EXPIRY, GRACE, Opened, Target, TimedOut, announce, cancel_unpaid, expire, fail, open, time_out,
};
use super::intent::{Locked, lock};
pub use super::observe::{Transfer, observe, retract};
pub use super::store::releasable_of;
use super::store::{self, PaymentRow, Share};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::journal::Tx;
use crate::ledger::{self, Account, Kind};
use crate::notifications::Notice;
use crate::notifications::service::notify;
use crate::{payouts, requests};

/// One page of the payments that the caller pays or gets; all for administrators.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn list(app: &App, caller: &Caller, query: &PaymentQuery) -> Result<Listing<Payment>> {
    let (page, statuses) = (query.page()?, query.statuses()?);
    let (rows, total) = store::list(&app.db, caller, &statuses, page).await?;
    let documents =
        rows.into_iter().filter_map(|(payment, shares)| document(payment, shares, caller));
    Ok(page.listing(documents.collect(), total))
}

/// One payment, as the caller may see it.
///
/// # Errors
/// 404.
pub async fn get(app: &App, caller: &Caller, id: &PaymentId) -> Result<Payment> {
    seen(&mut app.db.begin_read().await?, caller, id).await
}

/// As [`get`], in a transaction.
///
/// # Errors
/// 404.
pub async fn seen(tx: &mut db::Tx, caller: &Caller, id: &PaymentId) -> Result<Payment> {
    let (payment, shares) = find(tx, id).await?;
    document(payment, shares, caller).ok_or_else(ApiError::not_found)
}

/// Locks a payment, after its requests, for a rail that stores what it saw of it. `None` where there
/// is none.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn lock_payment(tx: &mut Tx, id: &PaymentId) -> Result<Option<PaymentRow>> {
    Ok(lock(tx, id).await?.map(|locked| locked.payment))
}

/// A payment and its shares.
///
/// # Errors
/// 404.
pub async fn find(tx: &mut db::Tx, id: &PaymentId) -> Result<(PaymentRow, Vec<Share>)> {
    let payment = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    Ok((payment, store::shares(tx, id).await?))
}

/// The shares that an administrator means, by their places: those of one request, or all.
fn meant(locked: &Locked, request: Option<&events::RequestId>) -> Result<Vec<usize>> {
    let is_meant = |share: &Share| request.is_none_or(|request| share.request_id == *request);
    let places: Vec<_> =
        (0..locked.shares.len()).filter(|place| is_meant(&locked.shares[*place])).collect();
    if places.is_empty() {
        return Err(ApiError::invalid_field("requestId", "is not paid by this payment"));
    }
    Ok(places)
}

/// Where an administrator wants something of several shares, those that it fits.
fn fitting(
    locked: &Locked,
    places: Vec<usize>,
    fits: impl Fn(&Share, &PurchaseRequest) -> bool,
) -> Result<Vec<usize>> {
    let first = places.first().map_or(EscrowState::None, |p| locked.shares[*p].escrow_state);
    let fitting: Vec<_> = places
        .into_iter()
        .filter(|place| fits(&locked.shares[*place], &locked.requests[*place]))
        .collect();
    match (fitting.is_empty(), first) {
        (false, _) => Ok(fitting),
        (true, EscrowState::Disputed) => Err(PaymentError::Disputed.into()),
        (true, state) => Err(PaymentError::EscrowState(state).into()),
    }
}

/// Whether a request is paid and not over.
fn is_under_way(status: RequestStatus) -> bool {
    use RequestStatus as S;
    matches!(status, S::Processing | S::Delivery | S::Delivered)
}

/// Releases the escrow on an administrator's word, and begins the payout where the seller has a
/// wallet. Where the escrow is released already, it begins the payout that waits.
///
/// # Errors
/// 404, 409 `escrow_wrong_state`, `escrow_disputed`, `payout_exists`, `payout_wallet_missing`,
/// `payout_rail_missing`, 422 for a request that the payment does not pay.
pub async fn release(tx: &mut Tx, app: &App, id: &PaymentId, body: ReleasePayment) -> Result<()> {
    let mut locked = lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    let places = meant(&locked, body.request_id.as_ref())?;
    let places = fitting(&locked, places, |share, request| match share.escrow_state {
        EscrowState::Funded => is_under_way(request.status),
        EscrowState::Releasable => true,
        _ => false,
    })?;
    for place in places {
        let request = &mut locked.requests[place];
        let waits = locked.shares[place].escrow_state == EscrowState::Releasable;
        if !waits {
            requests::service::complete(tx, request).await?;
            make_releasable_and_release(tx, app, request).await?;
            let notice = Notice::DealCompleted { deal: (&*request).into() };
            notify(tx, &request.buyer_id, notice.clone());
            notify(tx, &locked.shares[place].seller_id, notice);
        }
        let held = held(tx, &request.id).await?;
        match payouts::service::start_now(tx, app, &held).await {
            Ok(_) => {}
            // The release is done; the payout waits for a wallet, or for another way.
            Err(error) if !waits && error.status == http::StatusCode::CONFLICT => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Gives a buyer's money back on an administrator's word. A deal that is under way is called off;
/// else what waits to leave, or what came beside a price, is recorded as sent.
///
/// # Errors
/// 404, 409 `escrow_wrong_state`, `escrow_disputed`, `nothing_to_refund`, 422 for a request that
/// the payment does not pay, and for a `txHash` that is missing.
pub async fn refund_by_admin(tx: &mut Tx, id: &PaymentId, body: RefundPayment) -> Result<()> {
    let mut locked = lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if body.excess {
        return refund_excess(tx, &locked.payment, body.tx_hash.as_deref()).await;
    }
    let places = meant(&locked, body.request_id.as_ref())?;
    let waiting: Vec<_> = places
        .iter()
        .copied()
        .filter(|place| locked.shares[*place].to_buyer > locked.shares[*place].returned)
        .collect();
    if !waiting.is_empty() {
        let tx_hash = body.tx_hash.as_deref().ok_or_else(missing_tx_hash)?;
        for place in waiting {
            refund_sent(tx, &locked.requests[place], Some(tx_hash)).await?;
        }
        return Ok(());
    }
    let places = fitting(&locked, places, |share, request| {
        share.escrow_state == EscrowState::Funded && is_under_way(request.status)
    })?;
    let reason = body.reason.as_deref().map_or("refunded_by_administrator", str::trim);
    for place in places {
        let request = &mut locked.requests[place];
        refund(tx, request, reason).await?;
        let by_itself = locked.payment.provider == PaymentProvider::Sandbox;
        if let (Some(tx_hash), false) = (&body.tx_hash, by_itself) {
            refund_sent(tx, request, Some(tx_hash)).await?;
        }
    }
    Ok(())
}

fn missing_tx_hash() -> ApiError {
    ApiError::invalid_field("txHash", "is needed: the transaction that brought the money back")
}

/// Records that what came beside the price is back with the buyer.
async fn refund_excess(tx: &mut Tx, payment: &PaymentRow, tx_hash: Option<&str>) -> Result<()> {
    let excess = payment.excess();
    // What is on its way to fund the payment is no excess.
    if excess <= 0 || super::model::is_live(payment.status) {
        return Err(PaymentError::NothingToRefund.into());
    }
    if tx_hash.is_none() && payment.provider != PaymentProvider::Sandbox {
        return Err(missing_tx_hash());
    }
    let mut after = payment.clone();
    after.excess_refunded += excess;
    after.updated_at = tx.now();
    if !store::update(tx, payment, &after).await? {
        return Err(PaymentError::NothingToRefund.into());
    }
    // With what was given back before, so each has a name of its own; the transaction says which.
    let reference =
        format!("{}:{}:{}", payment.id, after.excess_refunded, tx_hash.unwrap_or("sandbox"));
    let transfer = ledger::Transfer::new(Kind::ExcessRefunded, reference, payment.currency)
        .move_to(
            Account::Buyer(payment.id.clone()),
            Account::ProviderClearing(payment.provider),
            excess,
        );
    ledger::service::post(tx, transfer).await
}
