//! Handing payouts over and looking after them: the two errands.

use std::time::Duration;

use events::{PayoutId, PayoutStatus};

use super::model::Input;
use super::rail::{Sighting, Submission};
use super::step::{Facts, step};
use super::store::{self, PayoutRow};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::failpoint;

/// The errand that hands a payout to its rail; its key is the payout.
pub const SUBMIT: &str = "payout_submit";
/// The errand that looks what became of a payout; its key is the payout.
pub const POLL: &str = "payout_poll";

/// Longest wait for a rail: shorter than an errand may take, so that its silence is written down.
const ANSWER_WITHIN: Duration = Duration::from_secs(45);

/// The errand [`SUBMIT`].
///
/// # Errors
/// When the database cannot be reached; then it is run again.
pub async fn submit(app: &App, id: &PayoutId) -> Result<()> {
    failpoint::reach("payout-queued").await;
    let Some(payout) = begin(app, id).await? else { return Ok(()) };
    failpoint::reach("payout-begun").await;
    let Some(rail) = app.payout_rails.get(payout.provider) else {
        let facts = Facts::reason("the rail is switched off");
        return conclude(app, &payout, Input::Refused, facts, None).await;
    };
    let submission = tokio::time::timeout(ANSWER_WITHIN, rail.submit(&payout.order())).await;
    let silence = Submission::Unknown { reason: "the rail did not answer in time".into() };
    let first_look =
        if rail.settles_at_once() { Duration::ZERO } else { app.config.payments.payout_poll_every };
    let (input, facts, look) = match submission.unwrap_or(silence) {
        Submission::Accepted { task_id } => (
            Input::Accepted,
            Facts { task_id: Some(task_id), ..Facts::default() },
            Some(first_look),
        ),
        Submission::Refused { reason } => (Input::Refused, Facts::reason(reason), None),
        Submission::Unknown { reason } => {
            (Input::Unclear, Facts::reason(reason), Some(app.config.payments.payout_poll_every))
        }
    };
    failpoint::reach("payout-answered").await;
    conclude(app, &payout, input, facts, look).await?;
    failpoint::reach("payout-submitted").await;
    Ok(())
}

/// Writes down that the payout is about to be handed over. `None` where that is not to be done.
async fn begin(app: &App, id: &PayoutId) -> Result<Option<PayoutRow>> {
    let mut tx = app.begin().await?;
    let payout = store::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let begun = match payout.status {
        PayoutStatus::Queued => step(&mut tx, id, Input::Begin, Facts::default()).await?,
        PayoutStatus::Submitting => {
            // Whoever wrote it ended before there was an answer: the call may have gone out.
            let reason = "the program ended while it was handed over";
            let facts = Facts { attempt: Some(payout.attempt), ..Facts::reason(reason) };
            step(&mut tx, id, Input::Lost, facts).await?;
            tx.schedule(POLL, id.as_str(), Duration::ZERO).await?;
            None
        }
        _ => None,
    };
    failpoint::reach("payout-beginning").await;
    tx.commit().await?;
    Ok(begun)
}

/// Writes down what the rail said, and when it is looked at next.
async fn conclude(
    app: &App,
    payout: &PayoutRow,
    input: Input,
    facts: Facts,
    look: Option<Duration>,
) -> Result<()> {
    let mut tx = app.begin().await?;
    let facts = Facts { attempt: Some(payout.attempt), ..facts };
    step(&mut tx, &payout.id, input, facts).await?;
    if let Some(after) = look {
        tx.schedule(POLL, payout.id.as_str(), after).await?;
    }
    failpoint::reach("payout-submitting").await;
    Ok(tx.commit().await?)
}

/// The errand [`POLL`].
///
/// # Errors
/// When the database cannot be reached; then it is run again.
pub async fn poll(app: &App, id: &PayoutId) -> Result<()> {
    let payout = {
        let mut tx = app.db.begin_read().await?;
        store::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?
    };
    use PayoutStatus as S;
    if !matches!(payout.status, S::Submitted | S::Broadcast | S::Unknown) {
        return Ok(());
    }
    failpoint::reach("payout-look").await;
    let sighting = match app.payout_rails.get(payout.provider) {
        Some(rail) => tokio::time::timeout(ANSWER_WITHIN, rail.look(&payout.order()))
            .await
            .unwrap_or(Sighting::Pending),
        None => Sighting::Pending,
    };
    failpoint::reach("payout-looked").await;
    let mut tx = app.begin().await?;
    let status = sighted(&mut tx, &payout, sighting).await?;
    if !matches!(status, S::Completed | S::Failed) {
        tx.schedule(POLL, id.as_str(), app.config.payments.payout_poll_every).await?;
    }
    let seen = status != payout.status;
    if seen {
        failpoint::reach("payout-seeing").await;
    }
    tx.commit().await?;
    if seen {
        failpoint::reach("payout-seen").await;
    }
    Ok(())
}

/// What a rail knows of a payout, from a look or from its own call. Returns its status after it.
///
/// # Errors
/// 404; 503 when the database cannot be reached.
pub async fn sighted(
    tx: &mut crate::journal::Tx,
    payout: &PayoutRow,
    sighting: Sighting,
) -> Result<PayoutStatus> {
    let (input, facts) = match sighting {
        Sighting::Pending => return Ok(payout.status),
        Sighting::Broadcast { tx_hash } => (Input::Broadcast, Facts::tx_hash(tx_hash)),
        Sighting::Completed { tx_hash } => (Input::Completed, Facts::tx_hash(tx_hash)),
        Sighting::Failed { reason, certain: true } => {
            (Input::FailedForCertain, Facts::reason(reason))
        }
        Sighting::Failed { reason, certain: false } => {
            (Input::FailedPerhaps, Facts::reason(reason))
        }
        Sighting::Absent => (Input::Absent, Facts::reason("the rail does not know of it")),
    };
    let facts = Facts { attempt: Some(payout.attempt), ..facts };
    let after = step(tx, &payout.id, input, facts).await?;
    Ok(after.map_or(payout.status, |after| after.status))
}
