//! What is done with payouts.

use std::time::Duration;

use db::{Db, ResultExt as _};
use events::documents::Payout;
use events::{EscrowState, PaymentProvider, PayoutId, PayoutStatus, RequestId, UserId};

use super::body::{PayoutQuery, RetryPayout};
use super::error::PayoutError;
use super::model::Input;
pub use super::run::{POLL, SUBMIT, poll, sighted, submit};
pub use super::step::{Facts, step};
use super::store::{self, PayoutRow};
use crate::app::App;
use crate::config::PayoutMode;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::journal::Tx;
use crate::payments::error::PaymentError;
use crate::payments::service::Held;
use crate::users::model::PayoutWallet;
use crate::{failpoint, jobs, payments, requests, users};

/// The timer that begins a payout where it may begin by itself; its key is the request.
pub const START: &str = "payout_start";

/// The escrow of a locked request was released.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn released(tx: &mut Tx, app: &App, request: &RequestId) -> Result<()> {
    match app.config.payments.payout_mode {
        // By a timer, which looks at the seller's wallet after this has committed: a wallet that
        // is set at this moment sets the timer as well, so one of them sees both.
        PayoutMode::Auto => tx.schedule(START, request.as_str(), Duration::ZERO).await,
        PayoutMode::Manual => Ok(()),
    }
}

/// A seller has a wallet: what waited for it begins.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn wallet_set(tx: &mut Tx, seller: &UserId) -> Result<()> {
    for request in payments::service::releasable_of(tx, seller).await? {
        tx.schedule(START, request.as_str(), Duration::ZERO).await?;
    }
    Ok(())
}

/// The timer [`START`].
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn start(tx: &mut Tx, app: &App, request: &RequestId) -> Result<()> {
    if app.config.payments.payout_mode == PayoutMode::Manual
        || requests::service::lock_for_system(tx, request).await?.is_none()
    {
        return Ok(());
    }
    let held = payments::service::held(tx, request).await?;
    if held.share.escrow_state != EscrowState::Releasable
        || app.payout_rails.get(held.payment.provider).is_none()
        || store::find_by_share(tx, &held.payment.id, request).await?.is_some()
    {
        return Ok(());
    }
    match wallet_of(tx, &held.share.seller_id).await? {
        Some(wallet) => {
            create(tx, &held, wallet).await?;
            failpoint::reach("payout-queueing").await;
            Ok(())
        }
        None => Ok(()),
    }
}

async fn wallet_of(tx: &mut Tx, seller: &UserId) -> Result<Option<PayoutWallet>> {
    Ok(users::service::find(tx, seller).await?.payout_wallet)
}

/// Begins the payout of a released share on an administrator's word. The request and the payment
/// are locked.
///
/// # Errors
/// 409 `payout_rail_missing`, `payout_wallet_missing`, `payout_exists`, `escrow_wrong_state`.
pub async fn start_now(tx: &mut Tx, app: &App, held: &Held) -> Result<PayoutRow> {
    if held.share.escrow_state != EscrowState::Releasable {
        return Err(PaymentError::EscrowState(held.share.escrow_state).into());
    }
    if app.payout_rails.get(held.payment.provider).is_none() {
        return Err(PayoutError::NoRail.into());
    }
    let wallet = wallet_of(tx, &held.share.seller_id).await?.ok_or(PaymentError::NoWallet)?;
    create(tx, held, wallet).await
}

/// Writes down a payout of a released share and has it handed to its rail.
async fn create(tx: &mut Tx, held: &Held, wallet: PayoutWallet) -> Result<PayoutRow> {
    let payout = insert(tx, held, wallet).await?;
    tx.schedule(SUBMIT, payout.id.as_str(), Duration::ZERO).await?;
    Ok(payout)
}

async fn insert(tx: &mut Tx, held: &Held, wallet: PayoutWallet) -> Result<PayoutRow> {
    let Held { payment, share, .. } = held;
    let payout = PayoutRow {
        id: tx.new_id(),
        payment_id: payment.id.clone(),
        request_id: share.request_id.clone(),
        seller_id: share.seller_id.clone(),
        provider: payment.provider,
        currency: payment.currency,
        amount: share.to_seller - share.fee,
        crypto: wallet.crypto,
        address: wallet.address,
        status: PayoutStatus::Queued,
        attempt: 0,
        task_id: None,
        tx_hash: None,
        reason: None,
        created_at: tx.now(),
        updated_at: tx.now(),
        completed_at: None,
    };
    store::insert(tx, &payout)
        .await
        .on_constraint::<ApiError>("payouts_payment_id_request_id", || {
            PayoutError::Exists.into()
        })?;
    Ok(payout)
}

/// Records that a released share was paid from a wallet of the platform by this transaction: the
/// payout is `broadcast`, and its rail says when it is final. The request and the payment are
/// locked.
///
/// # Errors
/// 409 `escrow_wrong_state`, `payout_wrong_state`.
pub async fn record(
    tx: &mut Tx,
    held: &Held,
    wallet: PayoutWallet,
    tx_hash: &str,
) -> Result<PayoutRow> {
    let found = store::find_by_share(tx, &held.payment.id, &held.share.request_id).await?;
    let payout = match found {
        Some(payout) => payout,
        None if held.share.escrow_state == EscrowState::Releasable => {
            insert(tx, held, wallet).await?
        }
        None => return Err(PaymentError::EscrowState(held.share.escrow_state).into()),
    };
    let recorded = step(tx, &payout.id, Input::Recorded, Facts::tx_hash(tx_hash)).await?;
    tx.schedule(POLL, payout.id.as_str(), Duration::ZERO).await?;
    recorded.ok_or_else(|| PayoutError::WrongState(payout.status).into())
}

/// The payout of a share, where there is one.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn of_share(tx: &mut Tx, held: &Held) -> Result<Option<PayoutRow>> {
    Ok(store::find_by_share(tx, &held.payment.id, &held.share.request_id).await?)
}

/// The payout with this id.
///
/// # Errors
/// 404.
pub async fn find(tx: &mut db::Tx, id: &PayoutId) -> Result<PayoutRow> {
    store::find(tx, id).await?.ok_or_else(ApiError::not_found)
}

/// Tries a payout again: one that has failed is handed over anew, to the seller's wallet as it is
/// now; one that is unknown is looked after, and handed over anew only where the caller vouches
/// that nothing was sent. For administrators.
///
/// # Errors
/// 404, 409 `payout_wrong_state`, `payout_wallet_missing`.
pub async fn retry(tx: &mut Tx, id: &PayoutId, body: RetryPayout) -> Result<PayoutRow> {
    let payout = find(tx, id).await?;
    let input = match (payout.status, body.not_sent) {
        (PayoutStatus::Failed, _) => Input::Retry,
        (PayoutStatus::Unknown, true) => Input::NotSent,
        (PayoutStatus::Unknown, false) => {
            tx.schedule(POLL, id.as_str(), Duration::ZERO).await?;
            return Ok(payout);
        }
        (status, _) => return Err(PayoutError::WrongState(status).into()),
    };
    let wallet = wallet_of(tx, &payout.seller_id).await?.ok_or(PaymentError::NoWallet)?;
    let facts = Facts { wallet: Some(wallet), attempt: Some(payout.attempt), ..Facts::default() };
    let retried = step(tx, id, input, facts).await?;
    tx.schedule(SUBMIT, id.as_str(), Duration::ZERO).await?;
    retried.ok_or_else(|| PayoutError::WrongState(payout.status).into())
}

/// All payouts of a rail.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn all_of(db: &Db, provider: PaymentProvider) -> Result<Vec<PayoutRow>> {
    Ok(store::of_provider(db, provider).await?)
}

/// One page of payouts: their own for sellers, all for administrators.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn list(app: &App, caller: &Caller, query: &PayoutQuery) -> Result<Listing<Payout>> {
    let (page, statuses) = (query.page()?, query.statuses()?);
    let (rows, total) = store::list(&app.db, caller, &statuses, page).await?;
    let rows = rows.into_iter().map(|row| row.into_document(caller)).collect();
    Ok(page.listing(rows, total))
}

/// One payout, for its seller and administrators.
///
/// # Errors
/// 404.
pub async fn get(app: &App, caller: &Caller, id: &PayoutId) -> Result<Payout> {
    let payout = find(&mut app.db.begin_read().await?, id).await?;
    if caller.is_admin() || payout.seller_id == caller.user_id {
        return Ok(payout.into_document(caller));
    }
    Err(ApiError::not_found())
}

/// Gives a timer to each payout under way that has none.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.now();
    for (id, status) in store::under_way(tx).await? {
        let kind = match status {
            PayoutStatus::Queued | PayoutStatus::Submitting => SUBMIT,
            _ => POLL,
        };
        jobs::store::ensure(tx, kind, id.as_str(), now).await?;
    }
    Ok(())
}
