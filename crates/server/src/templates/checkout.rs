//! Checkouts of templates, and what their payment does to them.

use std::collections::HashSet;

use events::documents::DeliveryInfo;
use events::marketplace::{
    TemplateCheckoutPaymentConfirmed, TemplateCheckoutPaymentFailed, TemplateCheckoutPaymentPending,
};
use events::{
    CheckoutId, Money, Parties, PaymentId, RequestId, Role, TemplateId, Timestamp, UserId,
};

use super::body::{Checkout, CheckoutStatus, CreateCheckout};
use super::error::TemplateError;
use super::model::{Input, PAYMENT_TIMEOUT, Part, Template, next, parts};
use super::store::{self, Share, StoredCheckout};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::notifications::service::notify;
use crate::notifications::{Deal, Notice};
use crate::payments::bill::{Bill, Due};
use crate::payments::service::{self as payments, TimedOut};
use crate::requests::service::CheckedOut;
use crate::{offers, requests};

/// The timer that ends a checkout that was not paid; its key is the checkout.
pub const EXPIRY: &str = "checkout_expiry";

/// Takes uses of templates and makes a request for each of their sellers.
///
/// # Errors
/// 403 for anybody but a buyer, 409 `template_used_up`, `template_expired`, 422 also with
/// `mixed_currencies`, `total_too_large`.
pub async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    body: CreateCheckout,
) -> Result<Checkout> {
    caller.require(Role::Buyer)?;
    // In the order of ids, as everywhere: two checkouts that take the same never wait for each
    // other in a circle.
    let mut order: Vec<usize> = (0..body.items.len()).collect();
    order.sort_by(|a, b| body.items[*a].template_id.cmp(&body.items[*b].template_id));
    let mut taken = Vec::new();
    for place in order {
        let item = &body.items[place];
        let taken_now = store::take(tx, &item.template_id, item.quantity).await?;
        let Some(template) = taken_now else {
            return Err(why_not(tx, &item.template_id, place).await?);
        };
        taken.push((template, item.quantity));
    }
    let parts = parts(&taken)?;
    let total = parts.iter().try_fold(0_i64, |sum, part| sum.checked_add(part.amount));
    let currency = taken.first().map(|(template, _)| template.currency);
    let (Some(total), Some(currency)) = (total, currency) else {
        return Err(TemplateError::TooMuch.into());
    };
    let end = tx.now().as_millis() + app.config.deal.payment_timeout.as_millis() as i64;
    let checkout = StoredCheckout {
        id: tx.new_id(),
        buyer_id: caller.user_id.clone(),
        status: CheckoutStatus::Pending,
        total,
        currency,
        payment_id: None,
        reason: None,
        expires_at: Timestamp::from_millis(end),
        created_at: tx.now(),
    };
    store::insert_checkout(tx, &checkout).await?;
    for part in &parts {
        open_deal(tx, &checkout, part, &taken, body.delivery_info.as_ref()).await?;
    }
    tx.schedule_at(EXPIRY, checkout.id.as_str(), checkout.expires_at).await?;
    let sellers = parts.into_iter().map(|part| part.seller_id).collect();
    let parties = Parties { buyer: caller.user_id.clone(), sellers };
    let event = TemplateCheckoutPaymentPending { checkout_id: checkout.id.clone() };
    tx.emit(event, &parties)?;
    document(tx, caller, checkout).await
}

/// Why a template cannot be taken.
async fn why_not(tx: &mut Tx, id: &TemplateId, place: usize) -> Result<ApiError> {
    let Some(template) = store::lock(tx, id).await? else {
        let field = format!("items[{place}].templateId");
        return Ok(ApiError::invalid_field(&field, "is not a template"));
    };
    Ok(if template.is_over(tx.now()) {
        TemplateError::Expired(template.title).into()
    } else {
        TemplateError::UsedUp(template.title).into()
    })
}

/// Makes one seller's request, with the offer that stands for the template's price.
async fn open_deal(
    tx: &mut Tx,
    checkout: &StoredCheckout,
    part: &Part,
    taken: &[(Template, u32)],
    delivery_info: Option<&DeliveryInfo>,
) -> Result<()> {
    let new = CheckedOut {
        buyer_id: checkout.buyer_id.clone(),
        title: part.title.clone(),
        description: part.description.clone(),
        category_id: part.category_id.clone(),
        product_type: part.product_type,
        quantity: part.quantity,
        price: part.amount,
        currency: checkout.currency,
        delivery_info: delivery_info.cloned(),
    };
    let mut request = requests::service::create_checked_out(tx, new).await?;
    let price = Money::from_minor(part.amount, checkout.currency);
    let seller = &part.seller_id;
    let offer =
        offers::deal::accept_at_once(tx, &mut request, seller, price, part.delivery_time).await?;
    let share = Share {
        request_id: request.id.clone(),
        seller_id: seller.clone(),
        offer_id: offer.id,
        amount: part.amount,
    };
    store::insert_share(tx, &checkout.id, &share).await?;
    for (template, quantity) in part.places.iter().filter_map(|place| taken.get(*place)) {
        store::insert_item(tx, &checkout.id, &request.id, template, *quantity).await?;
    }
    let deal = Deal::from(&request);
    notify(tx, seller, Notice::TemplateOrdered { deal, checkout: checkout.id.clone() });
    Ok(())
}

/// A checkout as the caller may see it: whole for its buyer and administrators, their own part for
/// its sellers.
async fn document(tx: &mut db::Tx, caller: &Caller, checkout: StoredCheckout) -> Result<Checkout> {
    let mut shares = store::shares(tx, &checkout.id).await?;
    let mut items = store::items(tx, &checkout).await?;
    let whole = caller.is_admin() || checkout.buyer_id == caller.user_id;
    if !whole {
        shares.retain(|share| share.seller_id == caller.user_id);
        items.retain(|item| item.seller_id == caller.user_id);
        if shares.is_empty() {
            return Err(ApiError::not_found());
        }
    }
    Ok(Checkout {
        total: whole.then(|| Money::from_minor(checkout.total, checkout.currency)),
        id: checkout.id,
        buyer_id: checkout.buyer_id,
        status: checkout.status,
        items,
        request_ids: shares.into_iter().map(|share| share.request_id).collect(),
        payment_id: checkout.payment_id,
        reason: checkout.reason,
        expires_at: checkout.expires_at,
        created_at: checkout.created_at,
    })
}

/// One checkout, as the caller may see it.
///
/// # Errors
/// 404.
pub async fn get(app: &App, caller: &Caller, id: &CheckoutId) -> Result<Checkout> {
    let mut tx = app.db.begin_read().await?;
    let checkout = store::find_checkout(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    document(&mut tx, caller, checkout).await
}

/// Those of these users who are the buyer or a seller of the checkout beside each.
///
/// # Errors
/// When the database cannot be read.
pub async fn may_join(
    db: &db::Db,
    asked: &[(UserId, CheckoutId)],
) -> Result<HashSet<(UserId, CheckoutId)>, db::DbError> {
    store::partners(db, asked).await
}

/// Locks the requests of a checkout, by id, and reads it.
async fn lock(tx: &mut Tx, id: &CheckoutId) -> Result<Option<(StoredCheckout, Vec<Share>)>> {
    let shares = store::shares(tx, id).await?;
    for share in &shares {
        requests::service::lock_for_system(tx, &share.request_id).await?;
    }
    Ok(store::find_checkout(tx, id).await?.map(|checkout| (checkout, shares)))
}

/// Locks the requests of the caller's checkout and says what is to be paid.
///
/// # Errors
/// 404 for anybody but its buyer, 409 `checkout_not_pending`.
pub async fn bill(tx: &mut Tx, caller: &Caller, id: &CheckoutId) -> Result<Bill> {
    let (checkout, shares) = lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if checkout.buyer_id != caller.user_id {
        return Err(ApiError::not_found());
    }
    if checkout.status != CheckoutStatus::Pending {
        return Err(TemplateError::NotPending.into());
    }
    let due = |share: Share| Due {
        request_id: share.request_id,
        seller_id: share.seller_id,
        offer_id: Some(share.offer_id),
        amount: share.amount,
    };
    Ok(Bill {
        currency: checkout.currency,
        dues: shares.into_iter().map(due).collect(),
        expires_at: Some(checkout.expires_at),
    })
}

fn parties(checkout: &StoredCheckout, shares: &[Share]) -> Parties {
    let sellers = shares.iter().map(|share| share.seller_id.clone()).collect();
    Parties { buyer: checkout.buyer_id.clone(), sellers }
}

/// The checkout's payment is in escrow; its requests have moved on. Once only.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn paid(tx: &mut Tx, _: &App, id: &CheckoutId, payment: &PaymentId) -> Result<()> {
    let Some((checkout, shares)) = lock(tx, id).await? else { return Ok(()) };
    let Some(status) = next(checkout.status, Input::Paid) else { return Ok(()) };
    if !store::finish(tx, id, checkout.status, status, Some(payment), None).await? {
        return Ok(());
    }
    tx.unschedule(EXPIRY, id.as_str()).await?;
    let requests = shares.len();
    let event = TemplateCheckoutPaymentConfirmed {
        checkout_id: id.clone(),
        request_ids: shares.iter().map(|share| share.request_id.clone()).collect(),
        payment_id: payment.clone(),
    };
    tx.emit(event, &parties(&checkout, &shares))?;
    let notice = Notice::CheckoutPaid { checkout: id.clone(), payment: payment.clone(), requests };
    notify(tx, &checkout.buyer_id, notice);
    Ok(())
}

/// The checkout comes to nothing: its requests are cancelled, its payment where it is still live,
/// and its uses are given back. Once only.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn failed(tx: &mut Tx, _: &App, id: &CheckoutId, reason: &str) -> Result<()> {
    undo(tx, id, Input::Failed, reason).await
}

/// The buyer, or an administrator, calls the checkout off. Once only.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn called_off(tx: &mut Tx, id: &CheckoutId, reason: &str) -> Result<()> {
    undo(tx, id, Input::Failed, reason).await
}

/// The payment of a paid checkout was taken back by its chain; its requests are cancelled already.
/// Once only.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn reversed(tx: &mut Tx, _: &App, id: &CheckoutId, reason: &str) -> Result<()> {
    undo(tx, id, Input::Reversed, reason).await
}

async fn undo(tx: &mut Tx, id: &CheckoutId, input: Input, reason: &str) -> Result<()> {
    let Some((checkout, shares)) = lock(tx, id).await? else { return Ok(()) };
    let from = checkout.status;
    let Some(status) = next(from, input) else { return Ok(()) };
    if !store::finish(tx, id, from, status, checkout.payment_id.as_ref(), Some(reason)).await? {
        return Ok(());
    }
    tx.unschedule(EXPIRY, id.as_str()).await?;
    for share in &shares {
        payments::cancel_unpaid(tx, &share.request_id).await?;
    }
    for share in &shares {
        requests::service::cancel_checked_out(tx, &share.request_id, reason).await?;
    }
    store::give_back(tx, id).await?;
    let event =
        TemplateCheckoutPaymentFailed { checkout_id: id.clone(), reason: reason.to_owned() };
    let parties = parties(&checkout, &shares);
    tx.emit(event, &parties)?;
    for user in parties.sellers.iter().chain([&parties.buyer]) {
        let notice = Notice::CheckoutFailed { checkout: id.clone(), reason: reason.to_owned() };
        notify(tx, user, notice);
    }
    Ok(())
}

/// The timer [`EXPIRY`]: ends a checkout that was not paid in time. Where all of the money was seen
/// and is not final yet, it looks again later.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn expire(tx: &mut Tx, id: &CheckoutId) -> Result<()> {
    let Some((checkout, shares)) = lock(tx, id).await? else { return Ok(()) };
    let Some(first) = shares.first() else { return Ok(()) };
    if checkout.status != CheckoutStatus::Pending || checkout.expires_at > tx.now() {
        return Ok(());
    }
    if payments::time_out(tx, &first.request_id).await? == TimedOut::Waits {
        return tx.schedule(EXPIRY, id.as_str(), payments::GRACE).await;
    }
    undo(tx, id, Input::Failed, PAYMENT_TIMEOUT).await
}

/// Locks all requests of the checkout that made this one, where one did: whoever cancels one of
/// them cancels all, and takes their locks in the order of ids.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn lock_siblings(tx: &mut Tx, request: &RequestId) -> Result<Option<CheckoutId>> {
    let Some(id) = store::checkout_of(tx, request).await? else { return Ok(None) };
    lock(tx, &id).await?;
    Ok(Some(id))
}
