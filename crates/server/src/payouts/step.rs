//! One step of a payout: its row, its share's escrow, the ledger and the events.

use events::documents::PurchaseRequest;
use events::payment::{PayoutCompleted, PayoutCreated, PayoutUpdated};
use events::{Amount, Money, PayoutId, PayoutStatus, Seller};

use super::model::{Input, is_in_transit, next};
use super::store::{self, PayoutRow};
use crate::error::{ApiError, Result};
use crate::journal::Tx;
use crate::ledger::{self, Account, Kind};
use crate::notifications::Notice;
use crate::notifications::service::notify;
use crate::payments::model::EscrowInput;
use crate::users::model::PayoutWallet;
use crate::{payments, requests};

/// What is learned with a step.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The rail's task.
    pub task_id: Option<String>,
    /// The transaction.
    pub tx_hash: Option<String>,
    /// Why it failed, or is not known.
    pub reason: Option<String>,
    /// Where it goes from now on.
    pub wallet: Option<PayoutWallet>,
    /// The attempt that it is about; a word about an earlier one counts for nothing.
    pub attempt: Option<i64>,
}

impl Facts {
    /// A transaction.
    pub fn tx_hash(tx_hash: impl Into<String>) -> Self {
        Self { tx_hash: Some(tx_hash.into()), ..Self::default() }
    }

    /// A reason.
    pub fn reason(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }
}

/// Moves a payout. `None` where it is not in a status that allows it: it was done before, or is
/// out of date. Locks the request and the payment.
///
/// # Errors
/// 404; 503 when the database cannot be reached.
pub async fn step(
    tx: &mut Tx,
    id: &PayoutId,
    input: Input,
    facts: Facts,
) -> Result<Option<PayoutRow>> {
    let row = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    let request = requests::service::lock_for_system(tx, &row.request_id).await?;
    let request = request.ok_or_else(ApiError::not_found)?;
    let mut held = payments::service::held(tx, &request.id).await?;
    // Read again: what was read before the locks may have changed since.
    let before = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if facts.attempt.is_some_and(|attempt| attempt != before.attempt) {
        return Ok(None);
    }
    let Some(status) = next(before.status, input) else { return Ok(None) };
    let mut after = before.clone();
    apply(tx, &mut after, status, facts);
    if !store::update(tx, &before, &after).await? {
        return Ok(None);
    }
    if let Some(transfer) = booking(&before, &after) {
        ledger::service::post(tx, transfer).await?;
    }
    tell(tx, &before, &after)?;
    notify_seller(tx, &before, &after, &request);
    if let Some(input) = escrow_input(before.status, status) {
        held.step(tx, input).await?;
    }
    Ok(Some(after))
}

fn apply(tx: &Tx, payout: &mut PayoutRow, status: PayoutStatus, facts: Facts) {
    if !is_in_transit(payout.status) && is_in_transit(status) {
        payout.attempt += 1;
    }
    payout.status = status;
    payout.updated_at = tx.now();
    if let Some(wallet) = facts.wallet {
        (payout.crypto, payout.address) = (wallet.crypto, wallet.address);
    }
    if status == PayoutStatus::Queued {
        // The next attempt has a task and a transaction of its own.
        (payout.task_id, payout.tx_hash) = (None, None);
    }
    payout.tx_hash = facts.tx_hash.or_else(|| payout.tx_hash.take());
    payout.task_id = facts.task_id.or_else(|| payout.task_id.take());
    let told = matches!(status, PayoutStatus::Broadcast | PayoutStatus::Completed);
    if told && payout.task_id.is_none() {
        payout.task_id = Some(payout.id.to_string());
    }
    payout.reason = match status {
        PayoutStatus::Failed | PayoutStatus::Unknown => facts.reason,
        _ => None,
    };
    payout.completed_at = (status == PayoutStatus::Completed).then(|| tx.now());
}

/// What the ledger has to do with it.
fn booking(before: &PayoutRow, after: &PayoutRow) -> Option<ledger::Transfer> {
    let payable = Account::SellerPayable(after.seller_id.clone());
    let transit = Account::PayoutInTransit(after.id.clone());
    let (was, is) = (is_in_transit(before.status), is_in_transit(after.status));
    let reference = format!("{}:{}", after.id, after.attempt);
    let (kind, reference, from, to) = match (was, is) {
        (false, true) => (Kind::PayoutSent, reference, payable, transit),
        (true, false) if after.status == PayoutStatus::Completed => {
            let clearing = Account::ProviderClearing(after.provider);
            (Kind::PayoutCompleted, after.id.to_string(), transit, clearing)
        }
        (true, false) => (Kind::PayoutReturned, reference, transit, payable),
        _ => return None,
    };
    let transfer = ledger::Transfer::new(kind, reference, after.currency);
    Some(transfer.move_to(from, to, after.amount))
}

/// What the share's escrow has to do with it.
fn escrow_input(before: PayoutStatus, after: PayoutStatus) -> Option<EscrowInput> {
    match (is_in_transit(before), is_in_transit(after)) {
        (false, true) => Some(EscrowInput::PayoutBegun),
        (true, false) if after == PayoutStatus::Completed => Some(EscrowInput::PaidOut),
        (true, false) => Some(EscrowInput::PayoutFailed),
        _ => None,
    }
}

/// The seller hears when it begins, when it is there, and when it has failed.
fn notify_seller(tx: &mut Tx, before: &PayoutRow, after: &PayoutRow, request: &PurchaseRequest) {
    let (deal, payout) = (Some(request.into()), after.id.clone());
    let amount = Money::from_minor(after.amount, after.currency);
    let notice = match after.status {
        PayoutStatus::Completed => Notice::PayoutCompleted { deal, payout, amount },
        PayoutStatus::Failed => Notice::PayoutFailed { deal, payout, amount },
        _ if before.task_id.is_none() && after.task_id.is_some() => {
            Notice::PayoutStarted { deal, payout, amount }
        }
        _ => return,
    };
    notify(tx, &after.seller_id, notice);
}

fn tell(tx: &mut Tx, before: &PayoutRow, after: &PayoutRow) -> Result<()> {
    let task_id = after.task_id.clone().unwrap_or_else(|| after.id.to_string());
    if before.task_id.is_none() && after.task_id.is_some() {
        let event = PayoutCreated {
            payout_id: after.id.clone(),
            task_id: task_id.clone(),
            seller_id: after.seller_id.clone(),
            amount: Amount::from_minor(after.amount, after.currency),
            currency: after.currency,
        };
        tx.emit(event, &())?;
    }
    let seller = Seller(after.seller_id.clone());
    let event = PayoutUpdated { payout_id: after.id.clone(), status: after.status };
    tx.emit(event, &seller)?;
    if after.status != PayoutStatus::Completed {
        return Ok(());
    }
    let tx_hash = after.tx_hash.clone().unwrap_or_default();
    tx.emit(PayoutCompleted { payout_id: after.id.clone(), task_id, tx_hash }, &seller)
}
