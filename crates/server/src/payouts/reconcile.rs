//! What the ledger has to hold because of payouts.

use events::{EscrowState, PayoutStatus};

use super::model::is_in_transit;
use super::store;
use crate::error::Result;
use crate::ledger::Account;
use crate::ledger::reconcile::{Difference, Expected};

/// What a share's escrow may be while its payout is in a status.
fn fits(status: PayoutStatus, escrow: EscrowState) -> bool {
    match status {
        PayoutStatus::Queued => matches!(escrow, EscrowState::Releasable | EscrowState::Failed),
        PayoutStatus::Completed => escrow == EscrowState::Released,
        PayoutStatus::Failed => escrow == EscrowState::Failed,
        _ => escrow == EscrowState::Releasing,
    }
}

/// Adds what payouts expect.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn expect(tx: &mut db::Tx, expected: &mut Expected) -> Result<()> {
    for (payout, escrow) in store::all(tx).await? {
        let (currency, amount) = (payout.currency, payout.amount);
        let in_transit = is_in_transit(payout.status);
        let completed = payout.status == PayoutStatus::Completed;
        if in_transit {
            expected.add(&Account::PayoutInTransit(payout.id.clone()), currency, amount);
        }
        if completed {
            expected.add(&Account::ProviderClearing(payout.provider), currency, amount);
        }
        if in_transit || completed {
            expected.add(&Account::SellerPayable(payout.seller_id), currency, -amount);
        }
        if !escrow.is_some_and(|escrow| fits(payout.status, escrow)) {
            expected.report(Difference {
                check: "payout",
                subject: payout.id.to_string(),
                expected: format!("an escrow that fits {}", payout.status),
                found: escrow.map_or("none".into(), |escrow| escrow.to_string()),
            });
        }
    }
    Ok(())
}
