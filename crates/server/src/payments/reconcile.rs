//! What the ledger has to hold because of payments.

use super::model::is_held;
use super::store;
use crate::error::Result;
use crate::ledger::Account;
use crate::ledger::model::signed;
use crate::ledger::reconcile::{Difference, Expected};

/// Adds what payments expect.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn expect(tx: &mut db::Tx, expected: &mut Expected) -> Result<()> {
    for payment in store::all(tx).await? {
        let currency = payment.currency;
        let clearing = payment.excess_refunded - payment.received;
        expected.add(&Account::Buyer(payment.id.clone()), currency, payment.excess());
        expected.add(&Account::ProviderClearing(payment.provider), currency, clearing);
    }
    for (share, currency, provider) in store::all_shares(tx).await? {
        let held = if is_held(share.escrow_state) { share.amount } else { 0 };
        expected.add(&Account::Escrow(share.request_id), currency, held);
        let refunds = share.to_buyer - share.returned;
        expected.add(&Account::Refunds(share.payment_id), currency, refunds);
        expected.add(&Account::ProviderClearing(provider), currency, share.returned);
        if share.to_seller > 0 {
            let net = share.to_seller - share.fee;
            expected.add(&Account::SellerPayable(share.seller_id), currency, net);
            expected.add(&Account::PlatformFee, currency, share.fee);
        }
    }
    for (payment, transfers) in store::wrong_sums(tx).await? {
        expected.report(Difference {
            check: "received",
            subject: payment.id.to_string(),
            expected: signed(transfers, payment.currency),
            found: signed(payment.received, payment.currency),
        });
    }
    Ok(())
}
