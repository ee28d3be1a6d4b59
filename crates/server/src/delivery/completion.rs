//! The end of a deal: the buyer's confirmation, or time.

use events::documents::PurchaseRequest;
use events::{RequestId, RequestStatus};

use super::error::DeliveryError;
use crate::app::App;
use crate::error::Result;
use crate::extract::Caller;
use crate::journal::Tx;
use crate::notifications::service::notify;
use crate::notifications::{Deal as About, Notice};
use crate::offers::deal::{self, Deal, Side};
use crate::payments::service as payments;
use crate::requests::error::RequestError;
use crate::requests::model::Input;
use crate::{disputes, requests};

/// The timer that completes a delivered deal; its key is the request.
pub const AUTO_RELEASE: &str = "auto_release";

/// The buyer is content: the deal is completed and its escrow released.
///
/// # Errors
/// 404, 403 for anybody but the deal's buyer, 409 `wrong_state`, `dispute_open`.
pub async fn confirm(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &RequestId,
) -> Result<PurchaseRequest> {
    let mut deal = deal::lock(tx, caller, id).await?;
    deal.require(Side::Buyer)?;
    if deal.request.status != RequestStatus::Delivered {
        return Err(RequestError::WrongState(deal.request.status).into());
    }
    if disputes::service::holds(tx, id).await? {
        return Err(DeliveryError::DisputeOpen.into());
    }
    complete(tx, app, &mut deal).await?;
    tx.unschedule(AUTO_RELEASE, id.as_str()).await?;
    Ok(deal.into_document())
}

/// The timer [`AUTO_RELEASE`]: completes a deal that nobody objected to. A dispute ends its deal by
/// itself, so there is nothing to wait for where one is open.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn release_by_time(tx: &mut Tx, app: &App, id: &RequestId) -> Result<()> {
    let Some(mut deal) = deal::lock_for_system(tx, id).await? else { return Ok(()) };
    let delivered = deal.request.status == RequestStatus::Delivered;
    if !delivered || disputes::service::holds(tx, id).await? {
        return Ok(());
    }
    complete(tx, app, &mut deal).await
}

async fn complete(tx: &mut Tx, app: &App, deal: &mut Deal) -> Result<()> {
    requests::service::advance(tx, &mut deal.request, Input::Confirmed).await?;
    payments::make_releasable_and_release(tx, app, &deal.request).await?;
    for side in [Side::Buyer, Side::Seller] {
        notify(tx, deal.user(side), Notice::DealCompleted { deal: About::from(&deal.request) });
    }
    Ok(())
}
