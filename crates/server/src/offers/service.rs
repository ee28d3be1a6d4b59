//! What is done with offers.

use db::ResultExt as _;
use events::documents::{Offer, PurchaseRequest};
use events::marketplace::{
    NewOffer, OfferEventType, OfferUpdateData, RequestUpdateType, SellerOfferUpdate,
};
use events::{
    Buyer, Currency, Money, OfferId, OfferStatus, RequestId, RequestStatus, Role, Room, Timestamp,
    UserId,
};

use super::body::{CreateOffer, OfferQuery, RejectOffer, UpdateOffer};
use super::error::OfferError;
use super::model::{Input, is_past, next, reason};
use super::store;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::journal::{Control, Tx};
use crate::notifications::Notice;
use crate::notifications::service::notify;
use crate::payments::service::{GRACE, TimedOut};
use crate::requests::error::RequestError;
use crate::requests::model::{Input as RequestInput, Party, Seen, is_open};
use crate::{payments, requests};

/// The timer that ends a pending offer; its key is the offer.
pub const EXPIRY: &str = "offer_expiry";
/// The timer that frees a request whose accepted offer was not paid; its key is the offer.
pub const PAYMENT_TIMEOUT: &str = "payment_timeout";

/// Makes an offer on an open request.
///
/// # Errors
/// 403 for anybody but a seller, 404, 409 `request_not_open`, `offers_closed`, `offer_exists`, 422.
pub async fn create(
    tx: &mut Tx,
    caller: &Caller,
    request_id: &RequestId,
    body: CreateOffer,
) -> Result<Offer> {
    caller.require(Role::Seller)?;
    let Seen { mut request, .. } = requests::service::lock(tx, caller, request_id).await?;
    check_takes_offers(&request, tx.now())?;
    check_currency(body.price.currency, &request)?;
    check_valid_until(body.valid_until, tx.now())?;
    let offer = Offer {
        id: tx.new_id(),
        request_id: request_id.clone(),
        seller_id: caller.user_id.clone(),
        price: canonical(&body.price)?,
        delivery_time: body.delivery_time,
        message: body.message.trim().to_owned(),
        status: OfferStatus::Pending,
        valid_until: body.valid_until,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &offer)
        .await
        .on_constraint::<ApiError>("offers_request_id_seller_id", || OfferError::Exists.into())?;
    if let Some(end) = offer.valid_until {
        tx.schedule_at(EXPIRY, offer.id.as_str(), end).await?;
    }
    let event = NewOffer {
        request_id: request_id.clone(),
        offer: offer.clone(),
        seller_id: offer.seller_id.clone(),
    };
    tx.emit(event, &Buyer(request.buyer_id.clone()))?;
    let (deal, price) = ((&request).into(), offer.price.clone());
    let notice = Notice::OfferReceived { deal, offer: offer.id.clone(), price };
    notify(tx, &request.buyer_id, notice);
    requests::service::advance(tx, &mut request, RequestInput::OfferMade).await?;
    requests::service::tell(tx, &request, RequestUpdateType::OfferReceived)?;
    Ok(offer)
}

fn check_takes_offers(request: &PurchaseRequest, now: Timestamp) -> Result<()> {
    if !is_open(request.status) {
        return Err(RequestError::NotOpen(request.status).into());
    }
    if request.offers_until.is_some_and(|end| end <= now) {
        return Err(OfferError::Closed.into());
    }
    Ok(())
}

fn check_currency(currency: Currency, request: &PurchaseRequest) -> Result<()> {
    if currency == request.budget.currency {
        return Ok(());
    }
    let message = format!("must be {}, as the request's budget", request.budget.currency);
    Err(ApiError::invalid_field("price.currency", message))
}

/// The same amount, written as Souk writes it.
fn canonical(price: &Money) -> Result<Money> {
    let minor =
        price.minor().map_err(|error| ApiError::invalid_field("price", error.to_string()))?;
    Ok(Money::from_minor(minor, price.currency))
}

fn check_valid_until(time: Option<Timestamp>, now: Timestamp) -> Result<()> {
    if time.is_some_and(|time| time <= now) {
        return Err(ApiError::invalid_field("validUntil", "must be in the future"));
    }
    Ok(())
}

/// One page of the offers on a request: all for its buyer and administrators, their own for
/// sellers.
///
/// # Errors
/// 404, 422 for parameters that cannot be used.
pub async fn list(
    app: &App,
    caller: &Caller,
    request_id: &RequestId,
    query: &OfferQuery,
) -> Result<Listing<Offer>> {
    let (page, statuses) = (query.page()?, query.statuses()?);
    let seen = requests::service::seen(app, caller, request_id).await?;
    let seller = match seen.party {
        Party::Admin | Party::Buyer => None,
        Party::Seller { .. } | Party::Stranger => Some(&caller.user_id),
    };
    let (rows, total) = store::list(&app.db, Some(request_id), seller, &statuses, page).await?;
    Ok(page.listing(rows, total))
}

/// One page of the caller's own offers.
///
/// # Errors
/// 403 for anybody but a seller, 422 for parameters that cannot be used.
pub async fn mine(app: &App, caller: &Caller, query: &OfferQuery) -> Result<Listing<Offer>> {
    caller.require(Role::Seller)?;
    let (page, statuses) = (query.page()?, query.statuses()?);
    let (rows, total) = store::list(&app.db, None, Some(&caller.user_id), &statuses, page).await?;
    Ok(page.listing(rows, total))
}

/// An offer and its request, locked, and what the caller is to them.
struct Locked {
    request: PurchaseRequest,
    offer: Offer,
    party: Party,
}

/// Locks an offer's request and reads both for a caller who may know of the offer.
async fn lock(tx: &mut Tx, caller: &Caller, id: &OfferId) -> Result<Locked> {
    let before = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    let Seen { request, party } = requests::service::lock(tx, caller, &before.request_id).await?;
    // Read again: what was read before the lock may have changed since.
    let offer = store::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    let knows = match party {
        Party::Admin | Party::Buyer => true,
        Party::Seller { .. } => offer.seller_id == caller.user_id,
        Party::Stranger => false,
    };
    if knows { Ok(Locked { request, offer, party }) } else { Err(ApiError::not_found()) }
}

/// Locks an offer's request and reads both, for a timer.
async fn lock_for_timer(tx: &mut Tx, id: &OfferId) -> Result<Option<(PurchaseRequest, Offer)>> {
    let Some(before) = store::find(tx, id).await? else { return Ok(None) };
    let request = requests::service::lock_for_system(tx, &before.request_id).await?;
    let offer = store::find(tx, id).await?;
    Ok(request.zip(offer))
}

impl Locked {
    /// 403 unless the caller is the request's buyer.
    fn for_buyer(self) -> Result<(PurchaseRequest, Offer)> {
        if self.party == Party::Buyer {
            Ok((self.request, self.offer))
        } else {
            Err(ApiError::forbidden())
        }
    }

    /// 403 unless the caller is the offer's seller: no other seller gets here.
    fn for_seller(self) -> Result<(PurchaseRequest, Offer)> {
        match self.party {
            Party::Seller { .. } => Ok((self.request, self.offer)),
            _ => Err(ApiError::forbidden()),
        }
    }
}

/// Changes a pending offer.
///
/// # Errors
/// 404, 403 for anybody but its seller, 409 `offer_not_pending`, `offer_expired`,
/// `request_not_open`, `offers_closed`, 422.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    id: &OfferId,
    body: UpdateOffer,
) -> Result<Offer> {
    let (request, before) = lock(tx, caller, id).await?.for_seller()?;
    if before.status != OfferStatus::Pending {
        return Err(OfferError::NotPending(before.status).into());
    }
    if is_past(before.valid_until, tx.now()) {
        return Err(OfferError::Expired.into());
    }
    check_takes_offers(&request, tx.now())?;
    if let Some(price) = &body.price {
        check_currency(price.currency, &request)?;
    }
    check_valid_until(body.valid_until.flatten(), tx.now())?;
    let mut offer = before.clone();
    if let Some(price) = &body.price {
        offer.price = canonical(price)?;
    }
    offer.delivery_time = body.delivery_time.unwrap_or(offer.delivery_time);
    offer.message = body.message.map_or(offer.message, |text| text.trim().to_owned());
    offer.valid_until = body.valid_until.unwrap_or(offer.valid_until);
    if offer == before {
        return Ok(offer);
    }
    offer.updated_at = tx.now();
    if !store::set_details(tx, &offer).await? {
        return Err(OfferError::NotPending(before.status).into());
    }
    if let Some(end) = offer.valid_until {
        tx.schedule_at(EXPIRY, id.as_str(), end).await?;
    }
    requests::service::tell(tx, &request, RequestUpdateType::DetailsUpdated)?;
    Ok(offer)
}

/// Accepts an offer: the others are rejected, and the payment's time begins.
///
/// # Errors
/// 404, 403 for anybody but the request's buyer, 409 `offer_not_pending`, `offer_expired`.
pub async fn accept(tx: &mut Tx, app: &App, caller: &Caller, id: &OfferId) -> Result<Offer> {
    let (mut request, mut offer) = lock(tx, caller, id).await?.for_buyer()?;
    if is_past(offer.valid_until, tx.now()) && offer.status == OfferStatus::Pending {
        return Err(OfferError::Expired.into());
    }
    step(tx, &mut offer, Input::Accepted, None).await?;
    let losers: Vec<Offer> = store::live(tx, &request.id)
        .await?
        .into_iter()
        .filter(|other| other.id != offer.id)
        .collect();
    store::reject_live(tx, &request.id, Some(id), reason::ANOTHER_OFFER_WON).await?;
    tx.schedule(PAYMENT_TIMEOUT, id.as_str(), app.config.deal.payment_timeout).await?;
    // First the losers leave the room, so that what the room hears from here on is not for them.
    let keep = vec![request.buyer_id.clone(), offer.seller_id.clone()];
    tx.control(Control::RoomClosed { room: Room::Request(request.id.clone()), keep })?;
    tell_seller(tx, &request, &offer, OfferEventType::OfferAccepted, None)?;
    let notice = Notice::OfferAccepted { deal: (&request).into(), offer: id.clone() };
    notify(tx, &offer.seller_id, notice);
    for loser in &losers {
        let reason = Some(reason::ANOTHER_OFFER_WON);
        tell_seller(tx, &request, loser, OfferEventType::OfferRejected, reason)?;
        notify(tx, &loser.seller_id, rejected(&request, loser, reason));
    }
    request.selected_offer_id = Some(id.clone());
    requests::service::advance(tx, &mut request, RequestInput::OfferAccepted).await?;
    Ok(offer)
}

/// Turns a pending offer down.
///
/// # Errors
/// 404, 403 for anybody but the request's buyer, 409 `offer_not_pending`.
pub async fn reject(
    tx: &mut Tx,
    caller: &Caller,
    id: &OfferId,
    body: RejectOffer,
) -> Result<Offer> {
    let (request, mut offer) = lock(tx, caller, id).await?.for_buyer()?;
    let reason = body.reason.as_deref().map(str::trim);
    step(tx, &mut offer, Input::Rejected, reason).await?;
    tell_seller(tx, &request, &offer, OfferEventType::OfferRejected, reason)?;
    notify(tx, &offer.seller_id, rejected(&request, &offer, reason));
    leave(tx, request, &offer).await?;
    Ok(offer)
}

/// Takes a pending offer back.
///
/// # Errors
/// 404, 403 for anybody but its seller, 409 `offer_not_pending`.
pub async fn withdraw(tx: &mut Tx, caller: &Caller, id: &OfferId) -> Result<Offer> {
    let (request, mut offer) = lock(tx, caller, id).await?.for_seller()?;
    step(tx, &mut offer, Input::Withdrawn, None).await?;
    let notice = Notice::OfferWithdrawn { deal: (&request).into(), offer: id.clone() };
    notify(tx, &request.buyer_id, notice);
    leave(tx, request, &offer).await?;
    Ok(offer)
}

/// The timer [`EXPIRY`]: ends a pending offer whose `validUntil` has passed.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn expire(tx: &mut Tx, id: &OfferId) -> Result<()> {
    let Some((request, mut offer)) = lock_for_timer(tx, id).await? else { return Ok(()) };
    // It may have been answered meanwhile, or be valid for longer now.
    if offer.status != OfferStatus::Pending || !is_past(offer.valid_until, tx.now()) {
        return Ok(());
    }
    step(tx, &mut offer, Input::Expired, Some(reason::EXPIRED)).await?;
    let notice = Notice::OfferExpired { deal: (&request).into(), offer: id.clone() };
    notify(tx, &request.buyer_id, notice.clone());
    notify(tx, &offer.seller_id, notice);
    let reason = Some(reason::EXPIRED);
    tell_seller(tx, &request, &offer, OfferEventType::OfferRejected, reason)?;
    leave(tx, request, &offer).await
}

/// Until when an accepted offer is to be paid, where that is not over.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn payment_due(tx: &mut Tx, id: &OfferId) -> Result<Option<Timestamp>> {
    tx.due_at(PAYMENT_TIMEOUT, id.as_str()).await
}

/// The timer [`PAYMENT_TIMEOUT`]: frees a request whose accepted offer was not paid, and ends its
/// payment. Where all of the money was seen and is not final yet, it looks again later.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn payment_timed_out(tx: &mut Tx, id: &OfferId) -> Result<()> {
    let Some((mut request, mut offer)) = lock_for_timer(tx, id).await? else { return Ok(()) };
    // It may have been paid meanwhile, or the request cancelled.
    if request.status != RequestStatus::Payment || offer.status != OfferStatus::Accepted {
        return Ok(());
    }
    if payments::service::time_out(tx, &request.id).await? == TimedOut::Waits {
        return tx.schedule(PAYMENT_TIMEOUT, id.as_str(), GRACE).await;
    }
    step(tx, &mut offer, Input::PaymentTimedOut, Some(reason::PAYMENT_TIMEOUT)).await?;
    let notice = Notice::OfferPaymentTimedOut { deal: (&request).into(), offer: id.clone() };
    notify(tx, &request.buyer_id, notice.clone());
    notify(tx, &offer.seller_id, notice);
    let reason = Some(reason::PAYMENT_TIMEOUT);
    tell_seller(tx, &request, &offer, OfferEventType::OfferRejected, reason)?;
    end_membership(tx, &request, &offer)?;
    request.selected_offer_id = None;
    requests::service::advance(tx, &mut request, RequestInput::PaymentTimedOut).await
}

/// Rejects every live offer of a locked request that is being cancelled, and returns their
/// sellers. The request notifies them.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn reject_live(tx: &mut Tx, request: &PurchaseRequest) -> Result<Vec<UserId>> {
    let live = store::live(tx, &request.id).await?;
    store::reject_live(tx, &request.id, None, reason::REQUEST_CANCELLED).await?;
    for offer in &live {
        let reason = Some(reason::REQUEST_CANCELLED);
        tell_seller(tx, request, offer, OfferEventType::OfferRejected, reason)?;
    }
    Ok(live.into_iter().map(|offer| offer.seller_id).collect())
}

/// Moves a locked offer along its states.
async fn step(tx: &mut Tx, offer: &mut Offer, input: Input, reason: Option<&str>) -> Result<()> {
    let from = offer.status;
    offer.status = next(from, input).ok_or(OfferError::NotPending(from))?;
    offer.updated_at = tx.now();
    if store::set_status(tx, offer, from, reason).await? {
        Ok(())
    } else {
        Err(OfferError::NotPending(from).into())
    }
}

fn rejected(request: &PurchaseRequest, offer: &Offer, reason: Option<&str>) -> Notice {
    let reason = reason.map(str::to_owned);
    Notice::OfferRejected { deal: request.into(), offer: offer.id.clone(), reason }
}

fn tell_seller(
    tx: &mut Tx,
    request: &PurchaseRequest,
    offer: &Offer,
    event_type: OfferEventType,
    reason: Option<&str>,
) -> Result<()> {
    let event = SellerOfferUpdate {
        seller_id: offer.seller_id.clone(),
        request_id: request.id.clone(),
        event_type,
        data: OfferUpdateData {
            offer_id: offer.id.clone(),
            is_selected: event_type == OfferEventType::OfferAccepted,
            payment_id: None,
            transaction_hash: None,
            reason: reason.map(str::to_owned),
        },
    };
    tx.emit(event, &Buyer(request.buyer_id.clone()))
}

/// After a pending offer ended: its seller leaves the request's room, and the request is no
/// longer `received_offers` where this was its last one.
async fn leave(tx: &mut Tx, mut request: PurchaseRequest, offer: &Offer) -> Result<()> {
    // Who withdraws has no other event that tells the screens of theirs, so they leave last.
    let withdrawn = offer.status == OfferStatus::Withdrawn;
    if !withdrawn {
        end_membership(tx, &request, offer)?;
    }
    if !store::any_pending(tx, &request.id).await? {
        requests::service::advance(tx, &mut request, RequestInput::LastOfferGone).await?;
    }
    if withdrawn || offer.status == OfferStatus::Expired {
        requests::service::tell(tx, &request, RequestUpdateType::OfferWithdrawn)?;
    }
    if withdrawn {
        end_membership(tx, &request, offer)?;
    }
    Ok(())
}

/// The seller's sockets leave the request's room, unless the seller is invited to the request.
fn end_membership(tx: &mut Tx, request: &PurchaseRequest, offer: &Offer) -> Result<()> {
    let invited = request.preferred_seller_ids.iter().flatten().any(|id| *id == offer.seller_id);
    if invited {
        return Ok(());
    }
    let room = Room::Request(request.id.clone());
    tx.control(Control::MembershipEnded { user: offer.seller_id.clone(), room })
}
