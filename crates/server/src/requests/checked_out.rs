//! Requests that a template checkout makes (contract §3.3): they are not published, and wait for
//! the checkout's payment.

use events::documents::{Budget, DeliveryInfo, PurchaseRequest};
use events::{
    CategoryId, Currency, OfferId, ProductType, RequestId, RequestStatus, Urgency, UserId,
};

use super::error::RequestError;
use super::{service, store};
use crate::error::Result;
use crate::journal::Tx;

/// What a checkout buys of one seller.
#[derive(Debug, Clone)]
pub struct CheckedOut {
    /// Who buys.
    pub buyer_id: UserId,
    /// What is bought, in a line.
    pub title: String,
    /// What is bought, in full.
    pub description: String,
    /// Its place in the category tree.
    pub category_id: Option<CategoryId>,
    /// What kind of thing it is.
    pub product_type: ProductType,
    /// How many.
    pub quantity: u32,
    /// The price of all, in minor units.
    pub price: i64,
    /// The price's currency.
    pub currency: Currency,
    /// Where the goods go.
    pub delivery_info: Option<DeliveryInfo>,
}

/// Makes a request that waits for its checkout's payment. Nobody is told of it but by its checkout.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn create_checked_out(tx: &mut Tx, new: CheckedOut) -> Result<PurchaseRequest> {
    let request = PurchaseRequest {
        id: tx.new_id(),
        title: new.title,
        description: new.description,
        category_id: new.category_id,
        product_type: new.product_type,
        quantity: new.quantity,
        budget: Budget::from_minor(new.price, new.price, new.currency),
        urgency: Urgency::Medium,
        status: RequestStatus::PendingPayment,
        buyer_id: new.buyer_id,
        preferred_seller_ids: None,
        delivery_info: new.delivery_info,
        offers_until: None,
        selected_offer_id: None,
        offers_count: Some(1),
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &request).await?;
    Ok(request)
}

/// Stores which offer a request waits to pay for.
///
/// # Errors
/// 409 `wrong_state` where it does not wait for its payment.
pub async fn select_offer(
    tx: &mut Tx,
    request: &mut PurchaseRequest,
    offer: &OfferId,
) -> Result<()> {
    request.selected_offer_id = Some(offer.clone());
    if store::set_status(tx, request, RequestStatus::PendingPayment).await? {
        Ok(())
    } else {
        Err(RequestError::WrongState(request.status).into())
    }
}

/// Cancels a locked request whose checkout came to nothing. One that is over already stays as it is.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn cancel_checked_out(tx: &mut Tx, id: &RequestId, reason: &str) -> Result<()> {
    let Some(mut request) = service::lock_for_system(tx, id).await? else { return Ok(()) };
    if request.status != RequestStatus::PendingPayment {
        return Ok(());
    }
    service::call_off(tx, &mut request, reason).await?;
    Ok(())
}
