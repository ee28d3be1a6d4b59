//! What is done about a delivery until the goods are received.

use std::time::Duration;

use events::documents::PurchaseRequest;
use events::marketplace::{
    BuyerConfirmedDelivery, DeliveryCodeGenerated, DeliveryConfirmed, DeliveryUpdate,
};
use events::{Owner, RequestId, RequestStatus, Seller, Timestamp};

use super::body::{Delivery, DeliveryCode, UpdateDelivery};
use super::error::DeliveryError;
use super::model::{CODE_LASTS, Code, CodeState, Shipment, may_generate, shipment};
use super::{completion, store};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::notifications::service::notify;
use crate::notifications::{Deal as About, Notice};
use crate::offers::deal::{self, Deal, Side};
use crate::requests;
use crate::requests::error::RequestError;
use crate::requests::model::Input;

/// Stores what the seller says about the shipment; the first word of a parcel on its way moves
/// the request to `delivery`.
///
/// # Errors
/// 404, 403 for anybody but the deal's seller, 409 `wrong_state`.
pub async fn update(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &RequestId,
    body: UpdateDelivery,
) -> Result<Delivery> {
    let mut deal = deal::lock(tx, caller, id).await?;
    deal.require(Side::Seller)?;
    let status = deal.request.status;
    let moves = shipment(status, body.status).ok_or(RequestError::WrongState(status))?;
    let carrier = body.carrier.as_deref().map(str::trim);
    let tracking_number = body.tracking_number.as_deref().map(str::trim);
    let told = store::tell(tx, id, body.status, carrier, tracking_number).await?;
    if let Shipment::Moves(input) = moves {
        requests::service::advance(tx, &mut deal.request, input).await?;
    }
    let event = DeliveryUpdate {
        request_id: id.clone(),
        status: told.status,
        carrier: told.carrier.clone(),
        tracking_number: told.tracking_number.clone(),
    };
    tx.emit(event, &())?;
    let about = About::from(&deal.request);
    let notice = match moves {
        Shipment::Moves(_) => Notice::Shipped {
            deal: about,
            carrier: told.carrier.clone(),
            tracking_number: told.tracking_number.clone(),
        },
        Shipment::Told => Notice::DeliveryUpdated { deal: about, status: told.status },
    };
    notify(tx, &deal.request.buyer_id, notice);
    let code = store::code(tx, id).await?;
    Ok(document(app, &deal, Some(told), code, tx.now()))
}

/// The delivery of a deal, for its parties.
///
/// # Errors
/// 404, 403 for sellers who were not chosen, 409 `wrong_state` where no offer is accepted.
pub async fn get(app: &App, caller: &Caller, id: &RequestId) -> Result<Delivery> {
    let deal = deal::seen(app, caller, id).await?;
    let (told, code) = store::find(&app.db, id).await?;
    Ok(document(app, &deal, told, code, app.clock.now()))
}

fn document(
    app: &App,
    deal: &Deal,
    told: Option<store::Stored>,
    code: Option<Code>,
    now: Timestamp,
) -> Delivery {
    let live = code.filter(|code| code.state(now) == CodeState::Live);
    Delivery {
        request_id: deal.request.id.clone(),
        request_status: deal.request.status,
        status: told.as_ref().map(|told| told.status),
        delivered_at: told.as_ref().and_then(|told| told.delivered_at),
        carrier: told.as_ref().and_then(|told| told.carrier.clone()),
        tracking_number: told.and_then(|told| told.tracking_number),
        code: live.map(|code| DeliveryCode {
            delivery_code: None,
            holder: app.config.deal.delivery_code_holder,
            expires_at: code.expires_at,
            tries_left: code.tries_left(),
        }),
    }
}

/// Makes a delivery code; one that is there is worth nothing from now on. Only its holder gets to
/// know it.
///
/// # Errors
/// 404, 403 for whom [`may_generate`] does not let, 409 `wrong_state` unless the goods are on
/// their way.
pub async fn generate_code(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &RequestId,
) -> Result<DeliveryCode> {
    let deal = deal::lock(tx, caller, id).await?;
    let holder = Side::from(app.config.deal.delivery_code_holder);
    let first = store::code(tx, id).await?.is_none();
    let side = deal.side.ok_or_else(ApiError::forbidden)?;
    if !may_generate(side, holder, first) {
        return Err(ApiError::forbidden());
    }
    if deal.request.status != RequestStatus::Delivery {
        return Err(RequestError::WrongState(deal.request.status).into());
    }
    let digits = app.delivery_codes.make(&app.random);
    let expires_at = later(tx, CODE_LASTS);
    let hash = app.delivery_codes.stored_form(id, &digits);
    let code = Code { hash, wrong_tries: 0, expires_at, used_at: None };
    store::set_code(tx, id, &code).await?;
    let event =
        DeliveryCodeGenerated { request_id: id.clone(), delivery_code: Some(digits.clone()) };
    tx.emit(event, &Owner(deal.user(holder).clone()))?;
    let notice = Notice::DeliveryCodeGenerated { deal: About::from(&deal.request) };
    notify(tx, &deal.request.buyer_id, notice);
    Ok(DeliveryCode {
        delivery_code: (side == holder).then_some(digits),
        holder: app.config.deal.delivery_code_holder,
        expires_at,
        tries_left: code.tries_left(),
    })
}

/// What entering a code came to. Both are to be committed: a wrong try counts.
#[derive(Debug)]
pub enum Entered {
    /// The goods are received; the request as it is now.
    Right(Box<PurchaseRequest>),
    /// It was another one.
    Wrong(DeliveryError),
}

/// Enters the delivery code: the right one makes the request `delivered`.
///
/// # Errors
/// 404, 403 for the code's holder, 409 `wrong_state`, `no_delivery_code`,
/// `delivery_code_expired`, `delivery_code_locked`.
pub async fn enter_code(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &RequestId,
    digits: &str,
) -> Result<Entered> {
    let mut deal = deal::lock(tx, caller, id).await?;
    let holder = Side::from(app.config.deal.delivery_code_holder);
    if deal.side.is_none_or(|side| side == holder) {
        return Err(ApiError::forbidden());
    }
    if deal.request.status != RequestStatus::Delivery {
        return Err(RequestError::WrongState(deal.request.status).into());
    }
    let code = store::code(tx, id).await?.ok_or(DeliveryError::NoCode)?;
    match code.state(tx.now()) {
        CodeState::Live => {}
        CodeState::Used => return Err(DeliveryError::NoCode.into()),
        CodeState::Locked => return Err(DeliveryError::CodeLocked.into()),
        CodeState::Expired => return Err(DeliveryError::CodeExpired.into()),
    }
    if app.delivery_codes.stored_form(id, digits) != code.hash {
        if !store::count_wrong(tx, id).await? {
            return Err(DeliveryError::CodeLocked.into());
        }
        return Ok(Entered::Wrong(DeliveryError::WrongCode(code.tries_left().saturating_sub(1))));
    }
    if !store::use_code(tx, id, &code.hash).await? {
        return Err(DeliveryError::NoCode.into());
    }
    received(tx, app, &mut deal).await?;
    Ok(Entered::Right(Box::new(deal.into_document())))
}

async fn received(tx: &mut Tx, app: &App, deal: &mut Deal) -> Result<()> {
    let id = deal.request.id.clone();
    store::set_delivered(tx, &id).await?;
    requests::service::advance(tx, &mut deal.request, Input::Received).await?;
    tx.emit(DeliveryConfirmed { request_id: id.clone() }, &())?;
    let event =
        BuyerConfirmedDelivery { request_id: id.clone(), buyer_id: deal.request.buyer_id.clone() };
    tx.emit(event, &Seller(deal.offer.seller_id.clone()))?;
    let at = later(tx, app.config.deal.auto_release_after);
    for side in [Side::Buyer, Side::Seller] {
        let about = About::from(&deal.request);
        notify(tx, deal.user(side), Notice::Delivered { deal: about, auto_release_at: Some(at) });
    }
    tx.schedule_at(completion::AUTO_RELEASE, id.as_str(), at).await
}

fn later(tx: &Tx, by: Duration) -> Timestamp {
    Timestamp::from_millis(tx.now().as_millis() + by.as_millis() as i64)
}
