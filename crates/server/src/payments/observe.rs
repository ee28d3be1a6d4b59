//! What rails saw, and what follows from it.

use db::ResultExt as _;
use events::marketplace::RequestUpdateType;
use events::{PaymentId, Timestamp};

use super::error::PaymentError;
use super::intent::{EXPIRY, Locked, lock, states};
use super::model::{
    EscrowInput, Input, Money, Seen, is_dead, is_held, is_live, next, next_escrow, together,
};
use super::store::{self, PaymentRow, Share};
use super::tell;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::journal::Tx;
use crate::ledger::{self, Account, Kind};
use crate::requests::{self, model::Input as RequestInput};
use crate::templates::checkout;

/// Money that a rail saw. It may be reported again, as when it is final.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The rail's own name of it: each is of one payment, and counts once.
    pub reference: String,
    /// Minor units of the payment's currency. What is final keeps its amount.
    pub amount: i64,
    /// Whether it is in the coin that was asked for.
    pub asset_matches: bool,
    /// Whether it is final. It stays so, whatever is reported later.
    pub confirmed: bool,
    /// The transaction on the chain.
    pub tx_hash: Option<String>,
    /// When it was sent, or seen first.
    pub at: Timestamp,
}

/// Stores what a rail saw of a payment and draws the conclusions: sums, status, escrow, exception,
/// ledger, events. Any number of times, in any order.
///
/// # Errors
/// 404, 409 `transfer_already_used` where one of the transfers is of another payment.
pub async fn observe(
    tx: &mut Tx,
    app: &App,
    payment: &PaymentId,
    transfers: &[Transfer],
) -> Result<()> {
    let mut locked = lock(tx, payment).await?.ok_or_else(ApiError::not_found)?;
    observe_locked(tx, app, &mut locked, transfers).await
}

/// As [`observe`], for a payment that is locked.
pub(super) async fn observe_locked(
    tx: &mut Tx,
    app: &App,
    locked: &mut Locked,
    transfers: &[Transfer],
) -> Result<()> {
    for transfer in transfers {
        record(tx, &locked.payment, transfer).await?;
    }
    settle(tx, app, locked).await
}

/// What is known of a transfer after another report of it.
fn merge(known: &Seen, report: &Transfer, dead: bool) -> Seen {
    // What is final stays as it is; what its chain took back has to be reported anew.
    if known.confirmed && !known.retracted {
        return known.clone();
    }
    Seen {
        reference: known.reference.clone(),
        amount: report.amount,
        asset_matches: known.asset_matches && report.asset_matches,
        confirmed: report.confirmed,
        late: known.late || dead,
        retracted: false,
        tx_hash: report.tx_hash.clone().or_else(|| known.tx_hash.clone()),
        at: known.at.min(report.at),
    }
}

async fn record(tx: &mut Tx, payment: &PaymentRow, transfer: &Transfer) -> Result<()> {
    if transfer.amount < 0 || transfer.reference.is_empty() {
        return Err(ApiError::internal(&format!("no transfer: {transfer:?}")));
    }
    let dead = is_dead(payment.status);
    let (seen, bookings, stored) = match store::transfer(tx, payment.provider, &transfer.reference)
        .await?
    {
        Some((_, other, _)) if other != payment.id => {
            return Err(PaymentError::TransferClaimed.into());
        }
        Some((known, _, bookings)) => (merge(&known, transfer, dead), bookings, Some(known)),
        None => {
            let Transfer { reference, amount, asset_matches, confirmed, tx_hash, at } =
                transfer.clone();
            let (late, retracted) = (dead, false);
            let seen =
                Seen { reference, amount, asset_matches, confirmed, late, retracted, tx_hash, at };
            (seen, 0, None)
        }
    };
    if stored.as_ref() == Some(&seen) {
        return Ok(());
    }
    let was_booked = stored.as_ref().is_some_and(|known| known.confirmed && known.counts());
    let book = seen.confirmed && seen.counts() && !was_booked;
    let bookings = bookings + i64::from(book);
    if stored.is_some() {
        store::update_transfer(tx, payment.provider, &seen, bookings).await?;
    } else {
        store::insert_transfer(tx, payment, &seen, bookings)
            .await
            .on_constraint::<ApiError>("payment_transfers_provider_reference", || {
                PaymentError::TransferClaimed.into()
            })?;
    }
    if book { book_received(tx, payment, &seen, bookings).await } else { Ok(()) }
}

async fn book_received(tx: &mut Tx, payment: &PaymentRow, seen: &Seen, number: i64) -> Result<()> {
    if seen.amount == 0 {
        return Ok(());
    }
    let reference = format!("{}:{}:{number}", payment.provider, seen.reference);
    let transfer = ledger::Transfer::new(Kind::Received, reference, payment.currency).move_to(
        Account::ProviderClearing(payment.provider),
        Account::Buyer(payment.id.clone()),
        seen.amount,
    );
    ledger::service::post(tx, transfer).await
}

/// A chain took a transfer back. What it had funded fails with it: the deal is called off. After
/// the escrow was released or given back it is refused, for that money is gone.
///
/// # Errors
/// 404, 409 `escrow_wrong_state`.
pub async fn retract(tx: &mut Tx, app: &App, payment: &PaymentId, reference: &str) -> Result<()> {
    let mut locked = lock(tx, payment).await?.ok_or_else(ApiError::not_found)?;
    let provider = locked.payment.provider;
    let found = store::transfer(tx, provider, reference).await?;
    let Some((known, _, bookings)) = found.filter(|(_, owner, _)| owner == payment) else {
        return Err(ApiError::not_found());
    };
    if known.retracted {
        return Ok(());
    }
    let gone = Seen { retracted: true, ..known.clone() };
    store::update_transfer(tx, provider, &gone, bookings).await?;
    if known.confirmed && known.asset_matches && known.amount > 0 {
        let (excess, held) = (locked.payment.excess(), locked.payment.held());
        if known.amount > excess + held {
            // It was given back meanwhile.
            return Err(PaymentError::EscrowState(locked.payment.escrow_state).into());
        }
        if known.amount > excess {
            reverse(tx, app, &mut locked).await?;
        }
        let row = &locked.payment;
        let reference = format!("{provider}:{reference}:{bookings}");
        let reversal = ledger::Transfer::new(Kind::Reversed, reference, row.currency).move_to(
            Account::Buyer(row.id.clone()),
            Account::ProviderClearing(provider),
            known.amount,
        );
        ledger::service::post(tx, reversal).await?;
    }
    settle(tx, app, &mut locked).await
}

/// Takes the price of every share out of escrow again and calls the deals off.
async fn reverse(tx: &mut Tx, app: &App, locked: &mut Locked) -> Result<()> {
    const REASON: &str = "payment_reversed";
    let Locked { payment, shares, requests } = locked;
    let before = payment.clone();
    let mut transfer = ledger::Transfer::new(Kind::Unheld, payment.id.as_str(), payment.currency);
    for share in shares.iter_mut() {
        let from = share.escrow_state;
        let to = next_escrow(from, EscrowInput::Reversed);
        share.escrow_state = to.ok_or(PaymentError::EscrowState(from))?;
        share.standing = false;
        transfer = transfer.move_to(
            Account::Escrow(share.request_id.clone()),
            Account::Buyer(payment.id.clone()),
            share.amount,
        );
        if !store::update_share(tx, from, share).await? {
            return Err(PaymentError::EscrowState(from).into());
        }
    }
    ledger::service::post(tx, transfer).await?;
    payment.status =
        next(before.status, Input::Failed).ok_or(PaymentError::NotLive(before.status))?;
    payment.escrow_state = together(&states(shares));
    payment.failure_reason = Some(REASON.to_owned());
    payment.updated_at = tx.now();
    if !store::update(tx, &before, payment).await? {
        return Err(PaymentError::NotLive(before.status).into());
    }
    tell::changed(tx, payment, shares)?;
    for (request, share) in requests.iter_mut().zip(shares.iter()) {
        requests::service::refunded(tx, request, &share.seller_id, REASON).await?;
        tell::failed(tx, payment, request, REASON);
        tell::request_changed(tx, payment, request, RequestUpdateType::PaymentFailed)?;
    }
    match &payment.checkout_id {
        Some(id) => checkout::reversed(tx, app, id, REASON).await,
        None => Ok(()),
    }
}

/// Brings the payment in line with its transfers.
async fn settle(tx: &mut Tx, app: &App, locked: &mut Locked) -> Result<()> {
    let money = Money::of(&store::transfers(tx, &locked.payment.id).await?);
    let before = locked.payment.clone();
    let payment = &mut locked.payment;
    payment.received = money.received;
    payment.seen = money.seen;
    payment.exception = money.exception(payment.amount);
    payment.tx_hash.clone_from(&money.tx_hash);
    if !is_live(payment.status) {
        return store_changes(tx, &before, locked).await;
    }
    let input = money.input(payment.amount);
    let payable = |request: &events::documents::PurchaseRequest| {
        requests::model::next(request.status, RequestInput::Paid).is_some()
    };
    if input == Input::Funded && !locked.requests.iter().all(payable) {
        // Its deal is gone, which ends payments with it, so this does not happen; if it does, the
        // money stands to the buyer's credit.
        store_changes(tx, &before, locked).await?;
        return super::intent::fail_locked(tx, app, locked, "request_not_payable").await;
    }
    if input == Input::Funded {
        return fund(tx, app, &before, locked).await;
    }
    if let Some(status) = next(payment.status, input) {
        payment.status = status;
    }
    for share in &mut locked.shares {
        let from = share.escrow_state;
        if let Some(state) = next_escrow(from, money.escrow_input()) {
            share.escrow_state = state;
            move_share(tx, from, share).await?;
        }
    }
    locked.payment.escrow_state = together(&states(&locked.shares));
    store_changes(tx, &before, locked).await
}

async fn move_share(tx: &mut Tx, from: events::EscrowState, share: &Share) -> Result<()> {
    if store::update_share(tx, from, share).await? {
        Ok(())
    } else {
        Err(PaymentError::EscrowState(from).into())
    }
}

/// Stores the payment where it changed, and tells of its status and escrow where these did.
async fn store_changes(tx: &mut Tx, before: &PaymentRow, locked: &mut Locked) -> Result<()> {
    let payment = &mut locked.payment;
    if payment == before {
        return Ok(());
    }
    payment.updated_at = tx.now();
    if !store::update(tx, before, payment).await? {
        return Err(PaymentError::NotLive(before.status).into());
    }
    if payment.exception != before.exception
        && let Some(request) = locked.requests.first()
    {
        tell::odd(tx, payment, request);
    }
    if (payment.status, payment.escrow_state) == (before.status, before.escrow_state) {
        return Ok(());
    }
    tell::changed(tx, payment, &locked.shares)
}

/// The whole amount is confirmed: it goes into escrow, and the deals go on.
async fn fund(tx: &mut Tx, app: &App, before: &PaymentRow, locked: &mut Locked) -> Result<()> {
    let payment = &mut locked.payment;
    payment.status =
        next(before.status, Input::Funded).ok_or(PaymentError::NotLive(before.status))?;
    payment.confirmed_at = Some(tx.now());
    let mut transfer = ledger::Transfer::new(Kind::Held, payment.id.as_str(), payment.currency);
    for share in &mut locked.shares {
        let from = share.escrow_state;
        let to = next_escrow(from, EscrowInput::Funded);
        share.escrow_state = to.ok_or(PaymentError::EscrowState(from))?;
        move_share(tx, from, share).await?;
        transfer = transfer.move_to(
            Account::Buyer(payment.id.clone()),
            Account::Escrow(share.request_id.clone()),
            share.amount,
        );
    }
    ledger::service::post(tx, transfer).await?;
    payment.escrow_state = together(&states(&locked.shares));
    tx.unschedule(EXPIRY, payment.id.as_str()).await?;
    store_changes(tx, before, locked).await?;
    let Locked { payment, shares, requests } = locked;
    debug_assert!(shares.iter().all(|share| is_held(share.escrow_state)));
    for (request, share) in requests.iter_mut().zip(shares.iter()) {
        requests::service::advance(tx, request, RequestInput::Paid).await?;
        tell::request_changed(tx, payment, request, RequestUpdateType::PaymentConfirmed)?;
        tell::received(tx, payment, share, request)?;
    }
    match &payment.checkout_id {
        Some(id) => checkout::paid(tx, app, id, &payment.id).await,
        None => Ok(()),
    }
}
