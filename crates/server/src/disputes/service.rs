//! What is done with disputes.

use db::ResultExt as _;
use events::marketplace::RequestUpdateType;
use events::{DisputeId, RequestId, RequestStatus};

use super::body::{AddEvidence, Dispute, DisputeQuery, Evidence, OpenDispute, ResolveDispute};
use super::error::DisputeError;
use super::model::{DisputeStatus, Outcome, may_open, to_seller};
use super::store;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::files;
use crate::files::model::Use;
use crate::journal::Tx;
use crate::notifications::service::notify;
use crate::notifications::{Deal as About, Notice};
use crate::offers::deal::{self, Deal, Side};
use crate::payments::service as payments;
use crate::requests;
use crate::requests::error::RequestError;

/// Most pieces of evidence of one dispute.
const EVIDENCE_MAX: usize = 200;

/// Opens a dispute about a paid deal; its escrow is held from now on.
///
/// # Errors
/// 404, 403 for administrators and for sellers who were not chosen, 409 `wrong_state`,
/// `dispute_exists`.
pub async fn open(tx: &mut Tx, caller: &Caller, body: OpenDispute) -> Result<Dispute> {
    let id = &body.purchase_request_id;
    let deal = deal::lock(tx, caller, id).await?;
    let side = deal.side.ok_or_else(ApiError::forbidden)?;
    if !may_open(deal.request.status) {
        return Err(RequestError::WrongState(deal.request.status).into());
    }
    let dispute: DisputeId = tx.new_id();
    let (category, description) = (body.category.trim(), body.description.trim());
    store::insert(tx, &dispute, id, &caller.user_id, category, description)
        .await
        .on_constraint::<ApiError>("disputes_request_id", || DisputeError::Exists.into())?;
    payments::hold(tx, &deal.request).await?;
    requests::service::tell(tx, &deal.request, RequestUpdateType::DisputeOpened)?;
    let about = About::from(&deal.request);
    notify(
        tx,
        deal.user(other(side)),
        Notice::DisputeOpened { deal: about, dispute: dispute.clone() },
    );
    document(tx, &dispute).await
}

fn other(side: Side) -> Side {
    match side {
        Side::Buyer => Side::Seller,
        Side::Seller => Side::Buyer,
    }
}

async fn document(tx: &mut db::Tx, id: &DisputeId) -> Result<Dispute> {
    let mut dispute = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    dispute.evidence = Some(store::evidence(tx, id).await?);
    Ok(dispute)
}

fn may_see(caller: &Caller, dispute: &Dispute) -> bool {
    caller.is_admin() || dispute.buyer_id == caller.user_id || dispute.seller_id == caller.user_id
}

/// One page of the disputes about the caller's deals; all for administrators.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn list(app: &App, caller: &Caller, query: &DisputeQuery) -> Result<Listing<Dispute>> {
    let (page, statuses) = (query.page()?, query.statuses()?);
    let user = (!caller.is_admin()).then_some(&caller.user_id);
    let request = query.purchase_request_id.as_ref();
    let (rows, total) = store::list(&app.db, user, request, &statuses, page).await?;
    Ok(page.listing(rows, total))
}

/// One dispute with its evidence, for the parties of its deal and administrators.
///
/// # Errors
/// 404.
pub async fn get(app: &App, caller: &Caller, id: &DisputeId) -> Result<Dispute> {
    let dispute = document(&mut app.db.begin_read().await?, id).await?;
    if may_see(caller, &dispute) { Ok(dispute) } else { Err(ApiError::not_found()) }
}

/// Locks the deal of a dispute and reads it for a caller who may know of it.
async fn lock(tx: &mut Tx, caller: &Caller, id: &DisputeId) -> Result<(Dispute, Deal)> {
    let before = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if !may_see(caller, &before) {
        return Err(ApiError::not_found());
    }
    let deal = deal::lock(tx, caller, &before.purchase_request_id).await?;
    // Read again: what was read before the lock may have changed since.
    let dispute = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    Ok((dispute, deal))
}

/// Adds evidence to an open dispute.
///
/// # Errors
/// 404, 409 `dispute_resolved`, `too_much_evidence`, 422 for files that are not the caller's.
pub async fn add_evidence(
    tx: &mut Tx,
    caller: &Caller,
    id: &DisputeId,
    body: AddEvidence,
) -> Result<Dispute> {
    let (dispute, deal) = lock(tx, caller, id).await?;
    if dispute.status != DisputeStatus::Open {
        return Err(DisputeError::Resolved.into());
    }
    if store::evidence(tx, id).await?.len() >= EVIDENCE_MAX {
        return Err(DisputeError::TooMuchEvidence.into());
    }
    let evidence = Evidence {
        id: tx.new_id::<uuid::Uuid>().to_string(),
        author_id: caller.user_id.clone(),
        text: body.text.trim().to_owned(),
        attachment_ids: body.attachment_ids.unwrap_or_default(),
        created_at: tx.now(),
    };
    let used = Use::Evidence { dispute: id.clone(), request: deal.request.id.clone() };
    let (owner, attached) = (&caller.user_id, &evidence.attachment_ids);
    files::service::attach(tx, owner, attached, &used, "attachmentIds").await?;
    store::insert_evidence(tx, id, &evidence).await?;
    for side in [Side::Buyer, Side::Seller] {
        if deal.side != Some(side) {
            let about = About::from(&deal.request);
            let notice = Notice::DisputeEvidence { deal: about, dispute: id.clone() };
            notify(tx, deal.user(side), notice);
        }
    }
    document(tx, id).await
}

/// Decides an open dispute, which ends its deal. For administrators.
///
/// # Errors
/// 404, 409 `dispute_resolved`, `wrong_state`, `escrow_wrong_state`, 422 for an amount that does
/// not fit.
pub async fn resolve(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &DisputeId,
    body: ResolveDispute,
) -> Result<Dispute> {
    let (dispute, mut deal) = lock(tx, caller, id).await?;
    if dispute.status != DisputeStatus::Open {
        return Err(DisputeError::Resolved.into());
    }
    let internal = |error| ApiError::internal(&error);
    let price = deal.offer.price.minor().map_err(internal)?;
    let wrong = |message: String| ApiError::invalid_field("amount", message);
    let amount = match &body.amount {
        None => None,
        Some(amount) => {
            let minor = amount.minor(deal.offer.price.currency);
            Some(minor.map_err(|error| wrong(error.to_string()))?)
        }
    };
    let part = to_seller(body.outcome, amount, price).map_err(|error| wrong(error.to_string()))?;
    let note = body.note.as_deref().map(str::trim);
    if !store::resolve(tx, id, body.outcome, part, note, &caller.user_id).await? {
        return Err(DisputeError::Resolved.into());
    }
    requests::service::tell(tx, &deal.request, RequestUpdateType::DisputeResolved)?;
    match body.outcome {
        // Its chain took the payment back meanwhile: the deal is over, and the dispute too.
        Outcome::Refund if deal.request.status == RequestStatus::Cancelled => {}
        Outcome::Release => {
            requests::service::complete(tx, &mut deal.request).await?;
            payments::make_releasable_and_release(tx, app, &deal.request).await?;
        }
        Outcome::Split => {
            requests::service::complete(tx, &mut deal.request).await?;
            payments::split(tx, app, &deal.request, part).await?;
        }
        Outcome::Refund => {
            payments::refund(tx, &mut deal.request, "dispute_refunded").await?;
        }
    }
    for side in [Side::Buyer, Side::Seller] {
        let outcome = body.outcome.to_string();
        let about = About::from(&deal.request);
        let notice = Notice::DisputeResolved { deal: about, dispute: id.clone(), outcome };
        notify(tx, deal.user(side), notice);
    }
    document(tx, id).await
}

/// Whether a locked request has an open dispute, which holds its escrow.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn holds(tx: &mut Tx, request: &RequestId) -> Result<bool> {
    Ok(store::is_open(tx, request).await?)
}
