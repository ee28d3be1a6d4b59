//! What becomes of money in escrow: to the seller, back to the buyer, or divided.

use events::documents::PurchaseRequest;
use events::{Money, PaymentProvider, RequestId};

use super::error::PaymentError;
use super::intent::states;
use super::model::{EscrowInput, end_of, fee_of_part, next, next_escrow, together};
use super::store::{self, PaymentRow, Share};
use super::tell;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::journal::Tx;
use crate::ledger::{self, Account, Kind};
use crate::{payouts, points, requests};

/// The payment of a request and what of it is the request's, locked; the request is locked before.
pub struct Held {
    /// The payment.
    pub payment: PaymentRow,
    /// The request's share.
    pub share: Share,
    /// Those of the other requests.
    pub others: Vec<Share>,
}

/// Finds and locks the payment of a locked request. A paid request always has one.
///
/// # Errors
/// 409 `escrow_wrong_state` where there is none that is not dead.
pub async fn held(tx: &mut Tx, request: &RequestId) -> Result<Held> {
    let id = store::standing(tx, request).await?;
    let id = id.ok_or(PaymentError::EscrowState(events::EscrowState::None))?;
    let payment = store::lock(tx, &id).await?.ok_or_else(ApiError::not_found)?;
    let (mut own, others): (Vec<_>, Vec<_>) =
        store::shares(tx, &id).await?.into_iter().partition(|share| share.request_id == *request);
    let share = own.pop().ok_or_else(ApiError::not_found)?;
    Ok(Held { payment, share, others })
}

impl Held {
    /// Moves the share's escrow, and the payment where that is its end, and tells of it.
    pub(crate) async fn step(&mut self, tx: &mut Tx, input: EscrowInput) -> Result<()> {
        let from = self.share.escrow_state;
        let to = next_escrow(from, input).ok_or(PaymentError::EscrowState(from))?;
        let before = self.payment.clone();
        self.share.escrow_state = to;
        let mut all = states(&self.others);
        all.push(to);
        let payment = &mut self.payment;
        payment.escrow_state = together(&all);
        if let Some(status) = end_of(&all).and_then(|input| next(before.status, input)) {
            payment.status = status;
        }
        self.share.standing = !super::model::is_dead(payment.status);
        payment.updated_at = tx.now();
        if !store::update_share(tx, from, &self.share).await?
            || !store::update(tx, &before, payment).await?
        {
            return Err(PaymentError::EscrowState(from).into());
        }
        if payment.status == before.status {
            return tell::share_changed(tx, payment, &self.share);
        }
        let mut shares = vec![self.share.clone()];
        for other in &mut self.others {
            if other.standing && !self.share.standing {
                other.standing = false;
                store::update_share(tx, other.escrow_state, other).await?;
            }
            shares.push(other.clone());
        }
        shares.sort_by(|a, b| a.request_id.cmp(&b.request_id));
        tell::changed(tx, payment, &shares)
    }

    /// Divides the escrow in the ledger: what is not the seller's goes back to the buyer. The
    /// ledger has one name for it, so it cannot happen twice, whatever it comes to.
    async fn divide(&mut self, tx: &mut Tx, to_seller: i64) -> Result<()> {
        let Self { payment, share, .. } = self;
        share.to_seller = to_seller;
        share.to_buyer = share.amount - to_seller;
        // The fee is the seller's to pay, and so are the points that lower it.
        let fee = fee_of_part(share.fee, to_seller, share.amount);
        let (seller, request) = (&share.seller_id, &share.request_id);
        share.fee =
            points::service::fee_after_discount(tx, seller, request, fee, payment.currency).await?;
        let escrow = Account::Escrow(share.request_id.clone());
        let reference = format!("{}:{}", share.payment_id, share.request_id);
        let transfer = ledger::Transfer::new(Kind::Divided, reference, payment.currency)
            .move_to(
                escrow.clone(),
                Account::SellerPayable(share.seller_id.clone()),
                to_seller - share.fee,
            )
            .move_to(escrow.clone(), Account::PlatformFee, share.fee)
            .move_to(escrow, Account::Refunds(payment.id.clone()), share.to_buyer);
        ledger::service::post(tx, transfer).await
    }

    /// What goes back to the buyer has left.
    async fn send_back(&mut self, tx: &mut Tx, request: &PurchaseRequest) -> Result<()> {
        let Self { payment, share, .. } = self;
        share.returned = share.to_buyer;
        let reference = format!("{}:{}", share.payment_id, share.request_id);
        let transfer = ledger::Transfer::new(Kind::Refunded, reference, payment.currency).move_to(
            Account::Refunds(payment.id.clone()),
            Account::ProviderClearing(payment.provider),
            share.to_buyer,
        );
        ledger::service::post(tx, transfer).await?;
        if share.escrow_state == events::EscrowState::Refunding {
            self.step(tx, EscrowInput::RefundSent).await?;
        } else if !store::update_share(tx, share.escrow_state, share).await? {
            return Err(PaymentError::EscrowState(share.escrow_state).into());
        }
        tell::refunded(tx, &self.payment, &self.share, request)
    }
}

/// Whether a rail gives money back by itself. With the others an administrator does, and records it.
fn refunds_by_itself(provider: PaymentProvider) -> bool {
    provider == PaymentProvider::Sandbox
}

/// The deal of a locked request is done: its escrow is the seller's, less the fee, and a payout
/// begins where one may begin by itself. The request's own state is the caller's.
///
/// # Errors
/// 409 `escrow_wrong_state` where it is not in escrow, or was released or given back before.
pub async fn make_releasable_and_release(
    tx: &mut Tx,
    app: &App,
    request: &PurchaseRequest,
) -> Result<()> {
    let price = held(tx, &request.id).await?.share.amount;
    split(tx, app, request, price).await
}

/// As [`make_releasable_and_release`], but only `to_seller` minor units of the price are the
/// seller's, with their part of the fee; the rest goes back to the buyer.
///
/// # Errors
/// 409 `escrow_wrong_state`; 422 where `to_seller` is nothing, or more than the price.
pub async fn split(
    tx: &mut Tx,
    app: &App,
    request: &PurchaseRequest,
    to_seller: i64,
) -> Result<()> {
    let mut held = held(tx, &request.id).await?;
    if !(1..=held.share.amount).contains(&to_seller) {
        return Err(ApiError::invalid_field("amount", "must be above zero, and at most the price"));
    }
    let from = held.share.escrow_state;
    next_escrow(from, EscrowInput::Released).ok_or(PaymentError::EscrowState(from))?;
    held.divide(tx, to_seller).await?;
    held.step(tx, EscrowInput::Released).await?;
    tell::completed(tx, &held.payment, &held.share)?;
    // What goes back to the buyer earns nothing.
    let price = Money::from_minor(to_seller, held.payment.currency);
    points::service::deal_completed(tx, app, request, &held.share.seller_id, &price).await?;
    if held.share.to_buyer > 0 && refunds_by_itself(held.payment.provider) {
        held.send_back(tx, request).await?;
    }
    payouts::service::released(tx, app, &request.id).await
}

/// A dispute holds the escrow of a locked request.
///
/// # Errors
/// 409 `escrow_wrong_state`.
pub async fn hold(tx: &mut Tx, request: &PurchaseRequest) -> Result<()> {
    held(tx, &request.id).await?.step(tx, EscrowInput::Held).await
}

/// Calls a paid deal off: the request is cancelled and the whole price goes back to the buyer, at
/// once where the rail does so by itself; else it waits for [`refund_sent`].
///
/// # Errors
/// 409 `escrow_wrong_state` where it is not in escrow, or was released or given back before.
pub async fn refund(tx: &mut Tx, request: &mut PurchaseRequest, reason: &str) -> Result<()> {
    let mut held = held(tx, &request.id).await?;
    let from = held.share.escrow_state;
    next_escrow(from, EscrowInput::RefundBegun).ok_or(PaymentError::EscrowState(from))?;
    held.divide(tx, 0).await?;
    held.step(tx, EscrowInput::RefundBegun).await?;
    requests::service::refunded(tx, request, &held.share.seller_id, reason).await?;
    points::service::deal_refunded(tx, request).await?;
    if refunds_by_itself(held.payment.provider) {
        held.send_back(tx, request).await?;
    }
    Ok(())
}

/// The buyer's part of a locked request's price has left.
///
/// # Errors
/// 409 `nothing_to_refund` where nothing waits for it.
pub async fn refund_sent(
    tx: &mut Tx,
    request: &PurchaseRequest,
    tx_hash: Option<&str>,
) -> Result<()> {
    let mut held = held(tx, &request.id).await?;
    if held.share.to_buyer <= held.share.returned {
        return Err(PaymentError::NothingToRefund.into());
    }
    held.share.refund_tx_hash = tx_hash.map(str::to_owned);
    held.send_back(tx, request).await
}
