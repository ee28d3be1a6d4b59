//! What is told of payments.

use events::documents::PurchaseRequest;
use events::marketplace::{
    OfferEventType, OfferUpdateData, PurchaseRequestUpdate, RequestUpdateType, SellerOfferUpdate,
    TransactionCompleted,
};
use events::payment::{PaymentCreated, PaymentReceived, PaymentUpdate};
use events::{Amount, Buyer, Deal, EscrowState, Money, Parties, Seller};

use super::store::{PaymentRow, Share};
use crate::error::Result;
use crate::journal::Tx;
use crate::notifications::Notice;
use crate::notifications::service::notify;

fn deal(payment: &PaymentRow, shares: &[Share]) -> Deal {
    let sellers = shares.iter().map(|share| share.seller_id.clone()).collect();
    Deal {
        parties: Parties { buyer: payment.buyer_id.clone(), sellers },
        requests: shares.iter().map(|share| share.request_id.clone()).collect(),
    }
}

/// The payment's status or escrow changed, for all of its parties.
pub fn changed(tx: &mut Tx, payment: &PaymentRow, shares: &[Share]) -> Result<()> {
    update(tx, payment, payment.escrow_state, shares)
}

/// The escrow of one share changed, for the parties of that one.
pub fn share_changed(tx: &mut Tx, payment: &PaymentRow, share: &Share) -> Result<()> {
    update(tx, payment, share.escrow_state, std::slice::from_ref(share))
}

fn update(tx: &mut Tx, payment: &PaymentRow, state: EscrowState, shares: &[Share]) -> Result<()> {
    let event = PaymentUpdate {
        payment_id: payment.id.clone(),
        status: payment.status,
        escrow_state: Some(state),
        tx_hash: payment.tx_hash.clone(),
    };
    tx.emit(event, &deal(payment, shares))
}

/// The payment was begun, and the buyer can pay.
pub fn created(
    tx: &mut Tx,
    payment: &PaymentRow,
    shares: &[Share],
    requests: &[PurchaseRequest],
) -> Result<()> {
    let Some(first) = shares.first() else { return Ok(()) };
    let event = PaymentCreated {
        payment_id: payment.id.clone(),
        provider: payment.provider,
        request_id: first.request_id.clone(),
        buyer_id: payment.buyer_id.clone(),
        seller_id: first.seller_id.clone(),
        amount: Amount::from_minor(payment.amount, payment.currency),
        currency: payment.currency,
    };
    tx.emit(event, &deal(payment, shares))?;
    if let Some(request) = requests.first() {
        let amount = Money::from_minor(payment.amount, payment.currency);
        let notice =
            Notice::PaymentCreated { deal: request.into(), payment: payment.id.clone(), amount };
        notify(tx, &payment.buyer_id, notice);
    }
    for request in requests {
        request_changed(tx, payment, request, RequestUpdateType::PaymentCreated)?;
    }
    Ok(())
}

/// Something about a request's payment changed.
pub fn request_changed(
    tx: &mut Tx,
    payment: &PaymentRow,
    request: &PurchaseRequest,
    kind: RequestUpdateType,
) -> Result<()> {
    let event = PurchaseRequestUpdate {
        payment_id: Some(payment.id.clone()),
        tx_hash: payment.tx_hash.clone(),
        provider: Some(payment.provider),
        ..PurchaseRequestUpdate::new(kind, request.id.clone(), request.status)
    };
    tx.emit(event, &())
}

/// The price of a share is in escrow.
pub fn received(
    tx: &mut Tx,
    payment: &PaymentRow,
    share: &Share,
    request: &PurchaseRequest,
) -> Result<()> {
    let amount = Money::from_minor(share.amount, payment.currency);
    let id = payment.id.clone();
    let notice = Notice::PaymentReceived {
        deal: request.into(),
        payment: id.clone(),
        amount: amount.clone(),
    };
    notify(tx, &share.seller_id, notice);
    // Of a checkout the buyer hears as a whole.
    if payment.checkout_id.is_none() {
        let notice = Notice::PaymentConfirmed { deal: request.into(), payment: id, amount };
        notify(tx, &payment.buyer_id, notice);
    }
    let event = PaymentReceived {
        purchase_request_id: share.request_id.clone(),
        amount: Amount::from_minor(share.amount, payment.currency),
        currency: payment.currency,
        buyer_id: payment.buyer_id.clone(),
    };
    tx.emit(event, &Seller(share.seller_id.clone()))?;
    let Some(offer_id) = &share.offer_id else { return Ok(()) };
    let event = SellerOfferUpdate {
        seller_id: share.seller_id.clone(),
        request_id: share.request_id.clone(),
        event_type: OfferEventType::PaymentCompleted,
        data: OfferUpdateData {
            offer_id: offer_id.clone(),
            is_selected: true,
            payment_id: Some(payment.id.clone()),
            transaction_hash: payment.tx_hash.clone(),
            reason: None,
        },
    };
    tx.emit(event, &Buyer(payment.buyer_id.clone()))
}

/// The payment did not work, or its time is over. Of a checkout the buyer hears as a whole.
pub fn failed(tx: &mut Tx, payment: &PaymentRow, request: &PurchaseRequest, reason: &str) {
    if payment.checkout_id.is_none() {
        let (deal, id, reason) = (request.into(), payment.id.clone(), reason.to_owned());
        notify(tx, &payment.buyer_id, Notice::PaymentFailed { deal, payment: id, reason });
    }
}

/// A part of the price is back with the buyer.
pub fn refunded(
    tx: &mut Tx,
    payment: &PaymentRow,
    share: &Share,
    request: &PurchaseRequest,
) -> Result<()> {
    let amount = Money::from_minor(share.to_buyer, payment.currency);
    let notice =
        Notice::PaymentRefunded { deal: request.into(), payment: payment.id.clone(), amount };
    notify(tx, &payment.buyer_id, notice.clone());
    notify(tx, &share.seller_id, notice);
    request_changed(tx, payment, request, RequestUpdateType::PaymentRefunded)
}

/// Something is odd about the payment's money that was not before.
pub fn odd(tx: &mut Tx, payment: &PaymentRow, request: &PurchaseRequest) {
    if let Some(exception) = payment.exception {
        let (deal, id) = (request.into(), payment.id.clone());
        notify(tx, &payment.buyer_id, Notice::PaymentException { deal, payment: id, exception });
    }
}

/// The deal is done, and the escrow is the seller's.
pub fn completed(tx: &mut Tx, payment: &PaymentRow, share: &Share) -> Result<()> {
    let event = TransactionCompleted {
        request_id: share.request_id.clone(),
        payment_id: payment.id.clone(),
        amount: Amount::from_minor(share.to_seller, payment.currency),
        currency: payment.currency,
    };
    tx.emit(event, &Parties::new(payment.buyer_id.clone(), share.seller_id.clone()))
}
