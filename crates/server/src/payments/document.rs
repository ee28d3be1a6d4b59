//! A payment as its parties may see it.

use events::documents::{Payment, PaymentShare};
use events::{Amount, Currency, EscrowState};

use super::intent::states;
use super::model::together;
use super::store::{PaymentRow, Share};
use crate::extract::Caller;

/// The document as the caller may see it: whole for its buyer and administrators, their own shares
/// for sellers. `None` where the caller may not know of it.
pub fn document(payment: PaymentRow, shares: Vec<Share>, caller: &Caller) -> Option<Payment> {
    let whole = caller.is_admin() || payment.buyer_id == caller.user_id;
    let shares: Vec<Share> =
        shares.into_iter().filter(|share| whole || share.seller_id == caller.user_id).collect();
    if shares.is_empty() {
        return None;
    }
    let currency = payment.currency;
    let amount = |minor: i64| Amount::from_minor(minor, currency);
    let excess = payment.excess();
    Some(Payment {
        escrow_state: together(&states(&shares)),
        amount: amount(shares.iter().map(|share| share.amount).sum()),
        received: whole.then(|| amount(payment.received)),
        excess: (whole && excess > 0).then(|| amount(excess)),
        shares: shares.into_iter().map(|share| share_document(share, currency)).collect(),
        id: payment.id,
        provider: payment.provider,
        status: payment.status,
        exception: payment.exception,
        buyer_id: payment.buyer_id,
        currency,
        checkout_id: payment.checkout_id,
        tx_hash: payment.tx_hash,
        failure_reason: payment.failure_reason,
        expires_at: payment.expires_at,
        confirmed_at: payment.confirmed_at,
        created_at: payment.created_at,
        updated_at: payment.updated_at,
    })
}

fn share_document(share: Share, currency: Currency) -> PaymentShare {
    let amount = |minor: i64| Amount::from_minor(minor, currency);
    let decided = share.to_seller + share.to_buyer > 0;
    let reversed = share.escrow_state == EscrowState::Failed && !share.standing;
    PaymentShare {
        amount: amount(share.amount),
        fee: amount(share.fee),
        to_seller: (decided && !reversed).then(|| amount(share.to_seller)),
        to_buyer: (decided && !reversed).then(|| amount(share.to_buyer)),
        request_id: share.request_id,
        seller_id: share.seller_id,
        offer_id: share.offer_id,
        escrow_state: share.escrow_state,
        refund_tx_hash: share.refund_tx_hash,
    }
}
