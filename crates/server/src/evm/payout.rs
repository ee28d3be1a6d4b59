//! Payouts that an administrator made from the platform's wallet, verified on the chain.

use events::{EscrowState, PayoutId};

use super::body::{RecordPayout, RecordedPayout};
use super::error::EvmError;
use super::rpc::Evidence;
use super::service::{configured, submission};
use super::store::{self, Intent, Kind, Submission};
use super::types::Address;
use super::verify::{Refusal, Terms, Verdict, verify};
use super::{Evm, service};
use crate::app::App;
use crate::error::Result;
use crate::extract::Caller;
use crate::journal::Tx;
use crate::payments::PaymentRow;
use crate::payments::service::Held;
use crate::payouts::PayoutRow;
use crate::payouts::model::{Input, next};
use crate::payouts::rail::Sighting;
use crate::users::model::PayoutWallet;
use crate::{payments, payouts, users};

/// What a payout's transaction has to be: from the platform's wallet to the seller's, in the token
/// that was paid with, and not before the buyer's money was there.
fn terms_of(evm: &Evm, intent: &Intent, payment: &PaymentRow, seller: Address) -> Terms {
    Terms {
        contract: intent.token.contract,
        // Another token is not what the seller was promised.
        known: Vec::new(),
        payer: intent.payee,
        payee: seller,
        scale: intent.token.scale(),
        since: payment.confirmed_at.unwrap_or(payment.created_at),
        since_block: intent.block_number,
        depth: evm.config.depth,
    }
}

/// The terms of a payout that is recorded, and the least that the transaction moves. `None` where
/// it is paid by another transaction now.
pub(super) async fn terms(
    tx: &mut Tx,
    evm: &Evm,
    intent: &Intent,
    submission: &Submission,
) -> Result<Option<(Terms, i64)>> {
    let payout = of(tx, submission).await?;
    let hash = submission.tx_hash.to_string();
    let Ok(seller) = payout.address.parse() else { return Ok(None) };
    if payout.tx_hash.is_some_and(|other| other != hash) {
        return Ok(None);
    }
    let (payment, _) = payments::service::find(tx, &payout.payment_id).await?;
    Ok(Some((terms_of(evm, intent, &payment, seller), payout.amount)))
}

async fn of(tx: &mut Tx, submission: &Submission) -> Result<PayoutRow> {
    let id: PayoutId =
        submission.subject_id.parse().map_err(|error| crate::error::ApiError::internal(&error))?;
    payouts::service::find(tx, &id).await
}

/// The transaction is in a block, or deep enough.
pub(super) async fn moved(tx: &mut Tx, submission: &Submission, confirmed: bool) -> Result<()> {
    let payout = of(tx, submission).await?;
    let tx_hash = submission.tx_hash.to_string();
    let sighting =
        if confirmed { Sighting::Completed { tx_hash } } else { Sighting::Broadcast { tx_hash } };
    payouts::service::sighted(tx, &payout, sighting).await?;
    Ok(())
}

/// The chain took the transaction back: whether the seller gets the money is not known.
pub(super) async fn gone(tx: &mut Tx, submission: &Submission) -> Result<()> {
    let payout = of(tx, submission).await?;
    let reason = "the transaction is no longer on the chain".to_owned();
    payouts::service::sighted(tx, &payout, Sighting::Failed { reason, certain: false }).await?;
    Ok(())
}

/// Records that the platform's wallet paid a seller of this payment. The transaction has to be in
/// a block; the payout is completed when it is deep enough.
///
/// # Errors
/// 404, 409 `payment_not_decentralized`, `no_payout_waits`, `payout_wallet_missing`,
/// `payout_wallet_on_another_chain`, `transaction_not_in_a_block`, `transaction_already_used`, 422
/// `transaction_…`, 503 `chain_unavailable`.
pub async fn record(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    body: &RecordPayout,
    evidence: Option<&Evidence>,
) -> Result<RecordedPayout> {
    let evm = configured(app)?;
    let evidence = evidence.ok_or(EvmError::Unavailable)?;
    // Locks the requests and the payment.
    payments::service::observe(tx, app, &body.payment_id, &[]).await?;
    let intent = store::intent(tx, &body.payment_id).await?.ok_or(EvmError::NoIntent)?;
    let known = store::submissions(tx, Kind::Payout, &body.payment_id).await?;
    if let Some(known) = known.into_iter().find(|one| one.tx_hash == body.tx_hash)
        && known.standing.is_credited()
    {
        let payout = of(tx, &known).await?.into_document(caller);
        return Ok(RecordedPayout { payout, transaction: submission(app, &known) });
    }
    let (held, wallet) = find(tx, evm, &intent, body, evidence).await?;
    let tx_hash = body.tx_hash.to_string();
    let payout = payouts::service::record(tx, &held, wallet, &tx_hash).await?;
    let subject = (Kind::Payout, payout.id.as_str());
    let stored = service::submit(tx, app, &intent, subject, body.tx_hash, Some(evidence)).await?;
    let payout = payouts::service::find(tx, &payout.id).await?.into_document(caller);
    Ok(RecordedPayout { payout, transaction: submission(app, &stored) })
}

/// The share that the transaction pays out, and the wallet that it pays.
async fn find(
    tx: &mut Tx,
    evm: &Evm,
    intent: &Intent,
    body: &RecordPayout,
    evidence: &Evidence,
) -> Result<(Held, PayoutWallet)> {
    let mut refusal = EvmError::NoPayout;
    let (_, shares) = payments::service::find(tx, &body.payment_id).await?;
    for share in shares.into_iter().filter(|share| share.standing) {
        let held = payments::service::held(tx, &share.request_id).await?;
        let waits = match payouts::service::of_share(tx, &held).await? {
            Some(payout) => next(payout.status, Input::Recorded).is_some(),
            None => held.share.escrow_state == EscrowState::Releasable,
        };
        if !waits {
            continue;
        }
        let seller = users::service::find(tx, &held.share.seller_id).await?;
        let Some(wallet) = seller.payout_wallet else {
            refusal = EvmError::NoWallet;
            continue;
        };
        let Ok(address) = wallet.address.parse() else {
            refusal = EvmError::OtherChain;
            continue;
        };
        let least = held.share.to_seller - held.share.fee;
        match verify(body.tx_hash, &terms_of(evm, intent, &held.payment, address), evidence) {
            Verdict::Proven(proof) => {
                let sum: i64 = proof.moved.iter().map(|moved| moved.minor).sum();
                if sum >= least {
                    return Ok((held, wallet));
                }
                refusal = EvmError::Refused(Refusal::TooSmall);
            }
            Verdict::Refused(why) => refusal = EvmError::Refused(why),
            Verdict::Waiting => refusal = EvmError::NotInABlock,
        }
    }
    Err(refusal.into())
}
