//! The beginning of a payment, and its end without money.

use std::time::Duration;

use db::ResultExt as _;
use events::documents::PurchaseRequest;
use events::marketplace::RequestUpdateType;
use events::{
    CheckoutId, EscrowState, OfferId, PaymentId, PaymentProvider, PaymentStatus, RequestId,
    RequestStatus, Role,
};

use super::bill::{Bill, Due};
use super::error::PaymentError;
use super::model::{EscrowInput, Input, is_live, next, next_escrow, together};
use super::store::{self, PaymentRow, Share};
use super::tell;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::requests::model::{Party, Seen};
use crate::templates::checkout;
use crate::{offers, requests};

/// The timer that ends a checkout's payment; its key is the payment. A payment of an offer ends
/// with the offer's own timer.
pub const EXPIRY: &str = "payment_expiry";
/// How long after its end a payment is looked at again whose money is seen and not final.
pub const GRACE: Duration = Duration::from_mins(10);

/// What is to be paid.
#[derive(Debug, Clone)]
pub enum Target {
    /// The accepted offer of a request.
    Offer {
        /// The request.
        request: RequestId,
        /// The offer.
        offer: OfferId,
    },
    /// All of a template checkout.
    Checkout(CheckoutId),
}

/// A payment that can be paid.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The payment.
    pub payment: PaymentRow,
    /// What it pays.
    pub shares: Vec<Share>,
    /// False where it was there already.
    pub fresh: bool,
}

/// A payment with everything that belongs to it, locked.
pub(super) struct Locked {
    pub payment: PaymentRow,
    /// By request.
    pub shares: Vec<Share>,
    /// In the order of `shares`.
    pub requests: Vec<PurchaseRequest>,
}

/// Locks the requests of a payment, in the order of their ids, and then the payment.
pub(super) async fn lock(tx: &mut Tx, id: &PaymentId) -> Result<Option<Locked>> {
    // Which requests a payment pays never changes.
    let mut requests = Vec::new();
    for share in store::shares(tx, id).await? {
        let request = requests::service::lock_for_system(tx, &share.request_id).await?;
        requests.push(request.ok_or_else(ApiError::not_found)?);
    }
    let Some(payment) = store::lock(tx, id).await? else { return Ok(None) };
    let shares = store::shares(tx, id).await?;
    Ok(Some(Locked { payment, shares, requests }))
}

/// Opens a payment for the caller, or finds the live one of the same deal and rail. Nobody is told
/// before [`announce`].
///
/// # Errors
/// 403 for anybody but a buyer, 404, 409 `request_not_payable`, `offer_not_accepted`,
/// `payment_time_over`, `payment_in_progress`.
pub async fn open(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    target: &Target,
    provider: PaymentProvider,
) -> Result<Opened> {
    caller.require(Role::Buyer)?;
    let (bill, checkout_id) = match target {
        Target::Offer { request, offer } => (bill_of(tx, caller, request, offer).await?, None),
        Target::Checkout(id) => (checkout::bill(tx, caller, id).await?, Some(id.clone())),
    };
    if bill.expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(PaymentError::TimeOver.into());
    }
    for due in &bill.dues {
        let Some(id) = store::standing(tx, &due.request_id).await? else { continue };
        let payment = store::lock(tx, &id).await?.ok_or_else(ApiError::not_found)?;
        if payment.provider == provider && is_live(payment.status) {
            let shares = store::shares(tx, &id).await?;
            return Ok(Opened { payment, shares, fresh: false });
        }
        if payment.status != PaymentStatus::Pending || payment.seen > 0 {
            return Err(PaymentError::InProgress.into());
        }
        replace(tx, payment).await?;
    }
    let payment = PaymentRow {
        id: tx.new_id(),
        buyer_id: caller.user_id.clone(),
        provider,
        checkout_id,
        currency: bill.currency,
        amount: bill.dues.iter().map(|due| due.amount).sum(),
        status: PaymentStatus::Pending,
        escrow_state: EscrowState::None,
        exception: None,
        received: 0,
        seen: 0,
        excess_refunded: 0,
        announced: false,
        tx_hash: None,
        failure_reason: None,
        expires_at: bill.expires_at,
        confirmed_at: None,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &payment).await?;
    let mut shares = Vec::new();
    for Due { request_id, seller_id, offer_id, amount } in bill.dues {
        let share = Share {
            payment_id: payment.id.clone(),
            request_id,
            seller_id,
            offer_id,
            amount,
            fee: app.config.payments.fee.of(amount),
            escrow_state: EscrowState::None,
            standing: true,
            to_seller: 0,
            to_buyer: 0,
            returned: 0,
            refund_tx_hash: None,
        };
        store::insert_share(tx, &share)
            .await
            .on_constraint::<ApiError>("payment_shares_request_id", || {
                PaymentError::InProgress.into()
            })?;
        shares.push(share);
    }
    if payment.checkout_id.is_some()
        && let Some(end) = payment.expires_at
    {
        tx.schedule_at(EXPIRY, payment.id.as_str(), end).await?;
    }
    Ok(Opened { payment, shares, fresh: true })
}

/// What an accepted offer costs. Locks its request.
async fn bill_of(
    tx: &mut Tx,
    caller: &Caller,
    request: &RequestId,
    offer: &OfferId,
) -> Result<Bill> {
    let Seen { request, party } = requests::service::lock(tx, caller, request).await?;
    if party != Party::Buyer {
        return Err(ApiError::forbidden());
    }
    if request.status != RequestStatus::Payment {
        return Err(PaymentError::NotPayable(request.status).into());
    }
    let accepted = offers::deal::accepted(tx, &request.id).await?;
    let Some(accepted) = accepted.filter(|accepted| accepted.id == *offer) else {
        return Err(PaymentError::OtherOffer.into());
    };
    let amount = accepted.price.minor().map_err(|error| ApiError::internal(&error))?;
    let due = Due {
        request_id: request.id.clone(),
        seller_id: accepted.seller_id,
        offer_id: Some(accepted.id),
        amount,
    };
    let expires_at = offers::service::payment_due(tx, offer).await?;
    Ok(Bill { currency: accepted.price.currency, dues: vec![due], expires_at })
}

/// Cancels a payment that nobody paid, because another rail was chosen.
async fn replace(tx: &mut Tx, payment: PaymentRow) -> Result<()> {
    let shares = store::shares(tx, &payment.id).await?;
    let mut locked = Locked { payment, shares, requests: Vec::new() };
    finish(tx, &mut locked, Input::Cancelled, "another_rail_chosen").await
}

/// Tells everybody that a payment was begun, once: the rail calls it when the buyer can pay.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn announce(tx: &mut Tx, id: &PaymentId) -> Result<()> {
    let Some(locked) = lock(tx, id).await? else { return Ok(()) };
    if !store::set_announced(tx, id).await? {
        return Ok(());
    }
    tell::created(tx, &locked.payment, &locked.shares, &locked.requests)
}

/// Ends a payment that is live: what was received stands to the buyer's credit.
async fn finish(tx: &mut Tx, locked: &mut Locked, input: Input, reason: &str) -> Result<()> {
    let before = locked.payment.clone();
    let status = next(before.status, input).ok_or(PaymentError::NotLive(before.status))?;
    for share in &mut locked.shares {
        let from = share.escrow_state;
        share.escrow_state = next_escrow(from, EscrowInput::Emptied).unwrap_or(from);
        share.standing = false;
        if !store::update_share(tx, from, share).await? {
            return Err(PaymentError::EscrowState(from).into());
        }
    }
    let payment = &mut locked.payment;
    payment.status = status;
    payment.escrow_state = together(&states(&locked.shares));
    payment.failure_reason = Some(reason.to_owned());
    payment.updated_at = tx.now();
    if !store::update(tx, &before, payment).await? {
        return Err(PaymentError::NotLive(before.status).into());
    }
    tx.unschedule(EXPIRY, payment.id.as_str()).await?;
    tell::changed(tx, payment, &locked.shares)
}

/// The escrow states of shares.
pub(super) fn states(shares: &[Share]) -> Vec<EscrowState> {
    shares.iter().map(|share| share.escrow_state).collect()
}

/// The rail says that the payment did not work. The buyer may begin another one while there is
/// time. Nothing happens to a payment that is not live.
///
/// # Errors
/// 404.
pub async fn fail(tx: &mut Tx, app: &App, id: &PaymentId, reason: &str) -> Result<()> {
    let mut locked = lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if !is_live(locked.payment.status) {
        return Ok(());
    }
    fail_locked(tx, app, &mut locked, reason).await
}

/// As [`fail`], for a live payment that is locked.
pub(super) async fn fail_locked(
    tx: &mut Tx,
    app: &App,
    locked: &mut Locked,
    reason: &str,
) -> Result<()> {
    finish(tx, locked, Input::Failed, reason).await?;
    for request in &locked.requests {
        tell::failed(tx, &locked.payment, request, reason);
        tell::request_changed(tx, &locked.payment, request, RequestUpdateType::PaymentFailed)?;
    }
    match &locked.payment.checkout_id {
        Some(id) => checkout::failed(tx, app, id, reason).await,
        None => Ok(()),
    }
}

/// Cancels the payment of a locked request that is called off before it was paid.
///
/// # Errors
/// 409 where it is paid.
pub async fn cancel_unpaid(tx: &mut Tx, request: &RequestId) -> Result<()> {
    let Some(id) = store::standing(tx, request).await? else { return Ok(()) };
    let payment = store::lock(tx, &id).await?.ok_or_else(ApiError::not_found)?;
    let shares = store::shares(tx, &id).await?;
    let mut locked = Locked { payment, shares, requests: Vec::new() };
    finish(tx, &mut locked, Input::Cancelled, "request_cancelled").await
}

/// What the end of its time does to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimedOut {
    /// It is over, or there was none.
    Over,
    /// The whole amount was seen: the deal waits until it is known whether it comes.
    Waits,
}

/// The time to pay a locked request has passed.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn time_out(tx: &mut Tx, request: &RequestId) -> Result<TimedOut> {
    let Some(id) = store::standing(tx, request).await? else { return Ok(TimedOut::Over) };
    let payment = store::lock(tx, &id).await?.ok_or_else(ApiError::not_found)?;
    if payment.seen >= payment.amount {
        return Ok(TimedOut::Waits);
    }
    let shares = store::shares(tx, &id).await?;
    let mut locked = Locked { payment, shares, requests: Vec::new() };
    finish(tx, &mut locked, Input::Expired, "payment_timeout").await?;
    Ok(TimedOut::Over)
}

/// The timer [`EXPIRY`]: ends a checkout's payment that was not paid in time.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn expire(tx: &mut Tx, app: &App, id: &PaymentId) -> Result<()> {
    let Some(mut locked) = lock(tx, id).await? else { return Ok(()) };
    let payment = &locked.payment;
    if !is_live(payment.status) || payment.expires_at.is_none_or(|end| end > tx.now()) {
        return Ok(());
    }
    if payment.seen >= payment.amount {
        return tx.schedule(EXPIRY, id.as_str(), GRACE).await;
    }
    expire_locked(tx, app, &mut locked).await
}

/// Ends a live payment that is locked, because its time is over.
pub(super) async fn expire_locked(tx: &mut Tx, app: &App, locked: &mut Locked) -> Result<()> {
    finish(tx, locked, Input::Expired, "payment_timeout").await?;
    match &locked.payment.checkout_id {
        Some(id) => checkout::failed(tx, app, id, "payment_timeout").await,
        None => Ok(()),
    }
}
