//! What is done with requests.

use db::{Db, DbError};
use events::documents::{Budget, PurchaseRequest};
use events::marketplace::{
    NewPurchaseRequest, PurchaseRequestUpdate, RequestCancelled, RequestUpdateType,
};
use events::{CategoryId, Parties, RequestId, RequestStatus, Role, Room, Timestamp, UserId};

use http::StatusCode;

use super::body::{CancelRequest, CreateRequest, RequestQuery, UpdateRequest};
pub use super::checked_out::{CheckedOut, cancel_checked_out, create_checked_out, select_offer};
use super::error::RequestError;
use super::model::{Input, Party, Seen, View, is_open, next};
use super::store::{self, Filter, Scope, Viewer};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing, Page};
use crate::journal::{Control, Tx};
use crate::notifications::Notice;
use crate::notifications::service::notify;
use crate::{catalogue, offers, payments, templates, users};

/// Publishes a request.
///
/// # Errors
/// 403 for anybody but a buyer, 422 for a time that is past, a category or a seller that is not
/// there.
pub async fn create(tx: &mut Tx, caller: &Caller, body: CreateRequest) -> Result<PurchaseRequest> {
    caller.require(Role::Buyer)?;
    check_offers_until(body.offers_until, tx.now())?;
    check_category(tx, body.category_id.as_ref()).await?;
    let request = PurchaseRequest {
        id: tx.new_id(),
        title: body.title.trim().to_owned(),
        description: body.description.trim().to_owned(),
        category_id: body.category_id,
        product_type: body.product_type,
        quantity: body.quantity,
        budget: canonical(&body.budget)?,
        urgency: body.urgency,
        status: RequestStatus::Active,
        buyer_id: caller.user_id.clone(),
        preferred_seller_ids: body.preferred_seller_ids.filter(|sellers| !sellers.is_empty()),
        delivery_info: body.delivery_info,
        offers_until: body.offers_until,
        selected_offer_id: None,
        offers_count: Some(0),
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &request).await?;
    for (index, seller) in request.preferred_seller_ids.iter().flatten().enumerate() {
        users::service::seller(tx, seller).await.map_err(|error| {
            let field = format!("preferredSellerIds[{index}]");
            match error.status {
                StatusCode::NOT_FOUND => ApiError::invalid_field(&field, "is not a seller"),
                _ => error,
            }
        })?;
        store::insert_invitation(tx, &request.id, seller).await?;
        notify(tx, seller, Notice::RequestInvitation { deal: (&request).into() });
    }
    tx.emit(NewPurchaseRequest::new(request.clone()), &())?;
    Ok(request)
}

fn check_offers_until(time: Option<Timestamp>, now: Timestamp) -> Result<()> {
    if time.is_some_and(|time| time <= now) {
        return Err(ApiError::invalid_field("offersUntil", "must be in the future"));
    }
    Ok(())
}

/// The same amounts, written as Souk writes them.
fn canonical(budget: &Budget) -> Result<Budget> {
    let (min, max) =
        budget.minor().map_err(|error| ApiError::invalid_field("budget", error.to_string()))?;
    Ok(Budget::from_minor(min, max, budget.currency))
}

async fn check_category(tx: &mut Tx, id: Option<&CategoryId>) -> Result<()> {
    if let Some(id) = id
        && !catalogue::service::exists(tx, id).await?
    {
        return Err(ApiError::invalid_field("categoryId", "is not a category"));
    }
    Ok(())
}

/// One page of the requests that the caller may see.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn list(
    app: &App,
    caller: &Caller,
    query: &RequestQuery,
) -> Result<Listing<PurchaseRequest>> {
    let scope = match (caller.role, query.mine) {
        (Role::Admin, false) => Scope::All,
        // A buyer sees no requests but their own; an administrator has none.
        (Role::Buyer, _) | (Role::Admin, true) => Scope::Own,
        (Role::Seller, false) => Scope::Visible,
        (Role::Seller, true) => Scope::Offered,
    };
    let filter = Filter {
        scope,
        statuses: &query.statuses()?,
        category: query.category_id.as_ref(),
        search: query.search()?,
        sort: query.sort,
        page: Page::of(query.page, query.limit)?,
    };
    let (rows, total) = store::list(&app.db, caller.into(), &filter).await?;
    let documents = rows.into_iter().filter_map(Seen::into_document).collect();
    Ok(filter.page.listing(documents, total))
}

/// One request, as the caller may see it.
///
/// # Errors
/// 404.
pub async fn get(app: &App, caller: &Caller, id: &RequestId) -> Result<PurchaseRequest> {
    let seen = store::find(&app.db, caller.into(), id).await?;
    seen.and_then(Seen::into_document).ok_or_else(ApiError::not_found)
}

/// What the caller is to a request that they may know of.
///
/// # Errors
/// 404.
pub async fn seen(app: &App, caller: &Caller, id: &RequestId) -> Result<Seen> {
    let seen = store::find(&app.db, caller.into(), id).await?;
    seen.filter(|seen| seen.view() != View::Nothing).ok_or_else(ApiError::not_found)
}

/// As [`seen`], in a transaction.
///
/// # Errors
/// 404.
pub async fn seen_in(tx: &mut Tx, caller: &Caller, id: &RequestId) -> Result<Seen> {
    let seen = store::find_in(tx, caller.into(), id).await?;
    seen.filter(|seen| seen.view() != View::Nothing).ok_or_else(ApiError::not_found)
}

/// What the caller is to a request, whatever they may know of it; `None` where there is none.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn party_of(tx: &mut db::Tx, caller: &Caller, id: &RequestId) -> Result<Option<Party>> {
    Ok(store::find_in(tx, caller.into(), id).await?.map(|seen| seen.party))
}

/// Whether this user is a seller who may know of the request.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn may_know(tx: &mut Tx, seller: &UserId, id: &RequestId) -> Result<bool> {
    if users::service::find_seller(tx, seller).await?.is_none() {
        return Ok(false);
    }
    let seen = store::find_in(tx, Viewer::seller(seller), id).await?;
    Ok(seen.is_some_and(|seen| seen.view() != View::Nothing))
}

/// Whether each of these users may be in a request's room.
///
/// # Errors
/// When the database cannot be read.
pub async fn may_join(db: &Db, asked: &[(UserId, Role, RequestId)]) -> Result<Vec<bool>, DbError> {
    let parties = store::parties(db, asked).await?;
    let may_join = |party: &Option<(Party, RequestStatus)>| {
        party.is_some_and(|(party, status)| party.may_join(status))
    };
    Ok(parties.iter().map(may_join).collect())
}

/// Locks the request until the transaction ends and reads it for a caller who may know of it.
/// Whatever changes a request or its offers begins with this.
///
/// # Errors
/// 404.
pub async fn lock(tx: &mut Tx, caller: &Caller, id: &RequestId) -> Result<Seen> {
    if !store::lock(tx, id).await? {
        return Err(ApiError::not_found());
    }
    let seen = store::find_in(tx, caller.into(), id).await?;
    seen.filter(|seen| seen.view() != View::Nothing).ok_or_else(ApiError::not_found)
}

/// As [`lock`], for what the program does by itself.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn lock_for_system(tx: &mut Tx, id: &RequestId) -> Result<Option<PurchaseRequest>> {
    if !store::lock(tx, id).await? {
        return Ok(None);
    }
    let seen = store::find_in(tx, Viewer::SYSTEM, id).await?;
    Ok(seen.map(|seen| seen.request))
}

/// The request's title, for whoever tells of it.
///
/// # Errors
/// 404.
pub async fn title(tx: &mut Tx, id: &RequestId) -> Result<String> {
    store::title(tx, id).await?.ok_or_else(ApiError::not_found)
}

/// Changes the details of an open request.
///
/// # Errors
/// 404, 403 for anybody but its buyer, 409 `request_not_open` or `currency_in_use`, 422.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    id: &RequestId,
    body: UpdateRequest,
) -> Result<PurchaseRequest> {
    let Seen { request: before, party } = lock(tx, caller, id).await?;
    if party != Party::Buyer {
        return Err(ApiError::forbidden());
    }
    if !is_open(before.status) {
        return Err(RequestError::NotOpen(before.status).into());
    }
    check_offers_until(body.offers_until.flatten(), tx.now())?;
    check_category(tx, body.category_id.as_ref().and_then(Option::as_ref)).await?;
    let mut request = apply(&before, body)?;
    if before.status == RequestStatus::ReceivedOffers
        && request.budget.currency != before.budget.currency
    {
        return Err(RequestError::CurrencyInUse.into());
    }
    if request == before {
        return Ok(request);
    }
    request.updated_at = tx.now();
    if !store::set_details(tx, &request).await? {
        return Err(RequestError::NotOpen(before.status).into());
    }
    tell(tx, &request, RequestUpdateType::DetailsUpdated)?;
    Ok(request)
}

fn apply(before: &PurchaseRequest, body: UpdateRequest) -> Result<PurchaseRequest> {
    let trimmed = |text: String| text.trim().to_owned();
    let mut request = before.clone();
    request.title = body.title.map_or(request.title, trimmed);
    request.description = body.description.map_or(request.description, trimmed);
    request.category_id = body.category_id.unwrap_or(request.category_id);
    request.quantity = body.quantity.unwrap_or(request.quantity);
    request.urgency = body.urgency.unwrap_or(request.urgency);
    if let Some(budget) = body.budget {
        request.budget = canonical(&budget)?;
    }
    request.offers_until = body.offers_until.unwrap_or(request.offers_until);
    request.delivery_info = body.delivery_info.unwrap_or(request.delivery_info);
    Ok(request)
}

/// Calls a request off before it is paid; its live offers are rejected.
///
/// # Errors
/// 404, 403 for anybody but its buyer and administrators, 409 `request_not_cancellable`.
pub async fn cancel(
    tx: &mut Tx,
    caller: &Caller,
    id: &RequestId,
    body: CancelRequest,
) -> Result<PurchaseRequest> {
    // The requests of a checkout are locked in the order of their ids, so before this one.
    let checkout = templates::checkout::lock_siblings(tx, id).await?;
    let Seen { mut request, party } = lock(tx, caller, id).await?;
    if !matches!(party, Party::Buyer | Party::Admin) {
        return Err(ApiError::forbidden());
    }
    if next(request.status, Input::Cancelled).is_none() {
        return Err(RequestError::NotCancellable(request.status).into());
    }
    let reason = body.reason.trim();
    if let Some(checkout) = checkout {
        // One payment pays them all, so none of them is left.
        templates::checkout::called_off(tx, &checkout, reason).await?;
        return Ok(lock(tx, caller, id).await?.request);
    }
    payments::service::cancel_unpaid(tx, id).await?;
    let sellers = call_off(tx, &mut request, reason).await?;
    let by_another = (party != Party::Buyer).then_some(&request.buyer_id);
    for told in sellers.iter().chain(by_another) {
        let deal = (&request).into();
        notify(tx, told, Notice::RequestCancelled { deal, reason: reason.to_owned() });
    }
    Ok(request)
}

/// Cancels a locked request that is not paid; its live offers are rejected. Returns their sellers.
pub(super) async fn call_off(
    tx: &mut Tx,
    request: &mut PurchaseRequest,
    reason: &str,
) -> Result<Vec<UserId>> {
    let id = request.id.clone();
    store::set_cancel_reason(tx, &id, reason).await?;
    let sellers = offers::service::reject_live(tx, request).await?;
    let parties = Parties { buyer: request.buyer_id.clone(), sellers: sellers.clone() };
    tx.emit(RequestCancelled { request_id: id.clone(), reason: reason.to_owned() }, &parties)?;
    request.selected_offer_id = None;
    request.offers_count = Some(0);
    advance(tx, request, Input::Cancelled).await?;
    let keep = vec![request.buyer_id.clone()];
    tx.control(Control::RoomClosed { room: Room::Request(id), keep })?;
    Ok(sellers)
}

/// Moves a locked request along its states, stores the new status and `selectedOfferId`, and
/// tells the request's room where the status is another one.
///
/// # Errors
/// 409 `wrong_state` where no edge leads on.
pub async fn advance(tx: &mut Tx, request: &mut PurchaseRequest, input: Input) -> Result<()> {
    let from = request.status;
    let to = next(from, input).ok_or(RequestError::WrongState(from))?;
    if to == from {
        return Ok(());
    }
    request.status = to;
    request.updated_at = tx.now();
    if !store::set_status(tx, request, from).await? {
        return Err(RequestError::WrongState(from).into());
    }
    tell(tx, request, RequestUpdateType::StatusChanged)
}

/// Takes a locked, paid request through the steps that are left to `completed`, where the deal is
/// closed by a decision (an administrator, a dispute) and not by its parties.
///
/// # Errors
/// 409 `wrong_state` where the request is not paid, or over.
pub async fn complete(tx: &mut Tx, request: &mut PurchaseRequest) -> Result<()> {
    for (status, input) in
        [(RequestStatus::Processing, Input::Shipped), (RequestStatus::Delivery, Input::Received)]
    {
        if request.status == status {
            advance(tx, request, input).await?;
        }
    }
    advance(tx, request, Input::Confirmed).await
}

/// Cancels a locked, paid request whose money goes back.
///
/// # Errors
/// 409 `wrong_state` where the request is not paid, or over.
pub async fn refunded(
    tx: &mut Tx,
    request: &mut PurchaseRequest,
    seller: &UserId,
    reason: &str,
) -> Result<()> {
    store::set_cancel_reason(tx, &request.id, reason).await?;
    let notice = Notice::RequestCancelled { deal: (&*request).into(), reason: reason.to_owned() };
    notify(tx, &request.buyer_id, notice.clone());
    notify(tx, seller, notice);
    let parties = Parties::new(request.buyer_id.clone(), seller.clone());
    let event = RequestCancelled { request_id: request.id.clone(), reason: reason.to_owned() };
    tx.emit(event, &parties)?;
    advance(tx, request, Input::Refunded).await
}

/// Tells the request's room that something changed.
///
/// # Errors
/// When the payload cannot be encoded.
pub fn tell(tx: &mut Tx, request: &PurchaseRequest, kind: RequestUpdateType) -> Result<()> {
    tx.emit(PurchaseRequestUpdate::new(kind, request.id.clone(), request.status), &())
}
