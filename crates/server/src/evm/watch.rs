//! The looks at the chain, and what follows from them.

use std::time::Duration;

use events::PaymentId;
use http::StatusCode;

use super::error::EvmError;
use super::model::{Input, Standing, next, patience, pause};
use super::rpc::Evidence;
use super::store::{self, Intent, Kind, Submission};
use super::types::Units;
use super::verify::{Depth, Moved, Proof, Refusal, Terms, Verdict, verify};
use super::{Evm, payout};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::journal::Tx;
use crate::payments;
use crate::payments::service::Transfer;

/// The errand that looks at a submitted transaction; its key is the submission.
pub const LOOK: &str = "evm_look";
/// How often a confirmed transaction is looked at.
const CONFIRMED_PAUSE: Duration = Duration::from_mins(1);
/// When to look again where the chain is not configured any more.
const UNCONFIGURED_PAUSE: Duration = Duration::from_hours(1);
/// Why a submission is dropped whose money is lost: its chain took it back after it was passed on.
const LOST: &str = "lost_after_release";
/// Why a submission is dropped that was in no block for too long.
const NOT_MINED: &str = "not_in_a_block";

impl Evm {
    /// Asks the chain about a transaction. `None` when there is no answer.
    pub(super) async fn evidence(&self, hash: super::types::Hash) -> Option<Evidence> {
        let finality = self.config.depth == Depth::Finalized;
        match self.rpc.look(hash, finality).await {
            Ok(evidence) => Some(evidence),
            Err(error) => {
                tracing::warn!(%error, tx_hash = %hash, "the chain cannot be asked");
                None
            }
        }
    }
}

/// The errand [`LOOK`].
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn look(app: &App, id: &str) -> Result<()> {
    let Some(submission) = store::submission(&app.db, id).await? else { return Ok(()) };
    if !submission.standing.is_open() {
        return Ok(());
    }
    let Some(evm) = &app.evm else { return again(app, id, UNCONFIGURED_PAUSE).await };
    let Some(evidence) = evm.evidence(submission.tx_hash).await else {
        return again(app, id, pause_of(app, &submission)).await;
    };
    let mut tx = app.begin().await?;
    match judge(&mut tx, app, evm, submission.clone(), &evidence).await {
        Ok(Some(_)) => Ok(tx.commit().await?),
        // Somebody else looked meanwhile, and set the timer anew.
        Ok(None) => Ok(()),
        Err(error) if error.status == StatusCode::CONFLICT => {
            drop(tx);
            lose(app, submission, &error).await
        }
        Err(error) => Err(error),
    }
}

async fn again(app: &App, id: &str, after: Duration) -> Result<()> {
    let mut tx = app.begin().await?;
    tx.schedule(LOOK, id, after).await?;
    Ok(tx.commit().await?)
}

fn pause_of(app: &App, submission: &Submission) -> Duration {
    if submission.standing == Standing::Confirmed {
        return CONFIRMED_PAUSE;
    }
    let age = app.clock.now().as_millis() - submission.submitted_at.as_millis();
    pause(Duration::from_millis(age.max(0).unsigned_abs()))
}

/// The chain took back what was passed on already: no transaction of ours can undo that. It is
/// left to people.
async fn lose(app: &App, mut submission: Submission, error: &ApiError) -> Result<()> {
    tracing::error!(
        payment = %submission.payment_id, tx_hash = %submission.tx_hash, code = error.code,
        "money that was passed on is gone from the chain"
    );
    let mut tx = app.begin().await?;
    submission.standing = Standing::Dropped;
    submission.reason = Some(LOST.to_owned());
    store::update_submission(&mut tx, &submission).await?;
    Ok(tx.commit().await?)
}

/// Draws the conclusions from what the chain said of a submission, as it was read when the chain
/// was asked. `None` where that changed meanwhile: then this transaction must not be committed.
///
/// # Errors
/// 409 where money cannot be taken back any more.
pub(super) async fn judge(
    tx: &mut Tx,
    app: &App,
    evm: &Evm,
    mut submission: Submission,
    evidence: &Evidence,
) -> Result<Option<Submission>> {
    // Locks the requests and the payment.
    payments::service::observe(tx, app, &submission.payment_id, &[]).await?;
    let intent = store::intent(tx, &submission.payment_id).await?.ok_or(EvmError::NoIntent)?;
    let terms = match submission.kind {
        Kind::Payment => Some(terms(evm, &intent)),
        Kind::Payout => payout::terms(tx, evm, &intent, &submission).await?,
    };
    let mut verdict = match &terms {
        Some((terms, _)) => verify(submission.tx_hash, terms, evidence),
        None => Verdict::Refused(Refusal::AlreadyUsed),
    };
    if let (Verdict::Proven(proof), Some((_, least))) = (&mut verdict, &terms)
        && let Err(refusal) = keep_own(tx, &intent, &submission, proof, *least).await?
    {
        verdict = Verdict::Refused(refusal);
    }

    let known = evidence.transaction.is_some();
    let patience = patience(submission.standing, known).as_millis() as i64;
    let now = tx.now();
    let long =
        submission.gone_since.is_some_and(|since| now.as_millis() - since.as_millis() >= patience);
    let Some(to) = next(submission.standing, Input::of(&verdict, long)) else {
        return Ok(Some(submission));
    };
    let from = submission.standing;
    submission.standing = to;
    match &verdict {
        Verdict::Proven(proof) => {
            submission.block = Some((proof.block_number, proof.block_hash));
            submission.depth = proof.depth;
            submission.gone_since = None;
            submission.reason = None;
            credit(tx, app, &intent, &submission, proof).await?;
        }
        Verdict::Waiting | Verdict::Refused(_) => {
            submission.depth = 0;
            submission.gone_since.get_or_insert(now);
            submission.reason = match (&verdict, to) {
                (Verdict::Refused(refusal), Standing::Rejected) => Some(refusal.as_str().into()),
                (_, Standing::Dropped) => Some(NOT_MINED.to_owned()),
                _ => None,
            };
            if from.is_credited() && !to.is_credited() {
                take_back(tx, app, &intent, &submission).await?;
            }
        }
    }
    if !store::update_submission(tx, &submission).await? {
        return Ok(None);
    }
    submission.version += 1;
    if to.is_open() {
        tx.schedule(LOOK, &submission.id, pause_of(app, &submission)).await?;
    } else {
        tx.unschedule(LOOK, &submission.id).await?;
    }
    Ok(Some(submission))
}

/// What a buyer's transaction has to be, and the least that it moves.
fn terms(evm: &Evm, intent: &Intent) -> (Terms, i64) {
    let terms = Terms {
        contract: intent.token.contract,
        known: evm.config.contracts(),
        payer: intent.payer,
        payee: intent.payee,
        scale: intent.token.scale(),
        since: intent.created_at,
        since_block: intent.block_number,
        depth: evm.config.depth,
    };
    // Too little is money too.
    (terms, 1)
}

/// Claims what a transaction moved, and leaves out what is another submission's.
async fn keep_own(
    tx: &mut Tx,
    intent: &Intent,
    submission: &Submission,
    proof: &mut Proof,
    least: i64,
) -> Result<Result<(), Refusal>> {
    let mut own = Vec::new();
    for moved in std::mem::take(&mut proof.moved) {
        let Units(amount) = moved.units;
        if store::claim(tx, intent.chain_id, submission, moved.log_index, amount).await? {
            own.push(moved);
        }
    }
    proof.moved = own;
    let sum = proof.moved.iter().fold(0_i64, |sum, moved| sum.saturating_add(moved.minor));
    Ok(if proof.moved.is_empty() {
        Err(Refusal::AlreadyUsed)
    } else if sum < least && proof.moved.iter().all(|moved| moved.asset_matches) {
        Err(Refusal::TooSmall)
    } else {
        Ok(())
    })
}

/// What the core knows a transfer by.
fn reference(intent: &Intent, submission: &Submission, log_index: i64) -> String {
    format!("{}:{}:{log_index}", intent.chain_id, submission.tx_hash)
}

async fn credit(
    tx: &mut Tx,
    app: &App,
    intent: &Intent,
    submission: &Submission,
    proof: &Proof,
) -> Result<()> {
    let confirmed = submission.standing != Standing::Seen;
    if submission.kind == Kind::Payout {
        return payout::moved(tx, submission, confirmed).await;
    }
    let payment: &PaymentId = &submission.payment_id;
    // What it moved in a block before, and does not move in this one.
    for log_index in store::claims(tx, submission).await? {
        if !proof.moved.iter().any(|moved| moved.log_index == log_index) {
            let reference = reference(intent, submission, log_index);
            payments::service::retract(tx, app, payment, &reference).await?;
        }
    }
    let transfer = |moved: &Moved| Transfer {
        reference: reference(intent, submission, moved.log_index),
        amount: moved.minor,
        asset_matches: moved.asset_matches,
        confirmed,
        tx_hash: Some(submission.tx_hash.to_string()),
        at: proof.at,
    };
    let transfers: Vec<Transfer> = proof.moved.iter().map(transfer).collect();
    payments::service::observe(tx, app, payment, &transfers).await
}

async fn take_back(tx: &mut Tx, app: &App, intent: &Intent, submission: &Submission) -> Result<()> {
    if submission.kind == Kind::Payout {
        return payout::gone(tx, submission).await;
    }
    for log_index in store::claims(tx, submission).await? {
        let reference = reference(intent, submission, log_index);
        payments::service::retract(tx, app, &submission.payment_id, &reference).await?;
    }
    Ok(())
}
