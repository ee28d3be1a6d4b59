//! A deal: a request and the offer on it that was accepted.

use events::documents::{DeliveryTime, Offer, PurchaseRequest};
use events::{Money, OfferStatus, RequestId, UserId};

use super::store;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::requests;
use crate::requests::error::RequestError;
use crate::requests::model::{OfferStanding, Party, Seen};

/// One of the two people of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub enum Side {
    /// Who buys.
    Buyer,
    /// Whose offer is accepted.
    Seller,
}

/// A request and its accepted offer.
#[derive(Debug, Clone)]
pub struct Deal {
    /// The request.
    pub request: PurchaseRequest,
    /// The accepted offer.
    pub offer: Offer,
    /// Which side the caller is on; `None` for an administrator and for the program itself.
    pub side: Option<Side>,
}

impl Deal {
    /// Who is on a side.
    pub fn user(&self, side: Side) -> &UserId {
        match side {
            Side::Buyer => &self.request.buyer_id,
            Side::Seller => &self.offer.seller_id,
        }
    }

    /// The request as the caller may see it.
    pub fn into_document(self) -> PurchaseRequest {
        let mut request = self.request;
        if self.side == Some(Side::Seller) {
            request.offers_count = None;
        }
        request
    }

    /// 403 unless the caller is on this side.
    ///
    /// # Errors
    /// 403.
    pub fn require(&self, side: Side) -> Result<()> {
        if self.side == Some(side) { Ok(()) } else { Err(ApiError::forbidden()) }
    }
}

/// Makes the offer that stands for what a seller's templates cost: accepted from the beginning, so
/// that its request is a deal like any other. What it costs is to be paid with its checkout.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn accept_at_once(
    tx: &mut Tx,
    request: &mut PurchaseRequest,
    seller: &UserId,
    price: Money,
    delivery_time: DeliveryTime,
) -> Result<Offer> {
    let offer = Offer {
        id: tx.new_id(),
        request_id: request.id.clone(),
        seller_id: seller.clone(),
        price,
        delivery_time,
        message: String::new(),
        status: OfferStatus::Accepted,
        valid_until: None,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &offer).await?;
    requests::service::select_offer(tx, request, &offer.id).await?;
    Ok(offer)
}

/// Which side a party is on. Sellers who were not chosen may know of the request and have no part
/// in the deal.
fn side_of(party: Party) -> Result<Option<Side>> {
    match party {
        Party::Admin => Ok(None),
        Party::Buyer => Ok(Some(Side::Buyer)),
        Party::Seller { offer: Some(OfferStanding::Accepted), .. } => Ok(Some(Side::Seller)),
        Party::Seller { .. } => Err(ApiError::forbidden()),
        Party::Stranger => Err(ApiError::not_found()),
    }
}

fn whole(seen: Seen, offer: Option<Offer>) -> Result<Deal> {
    let side = side_of(seen.party)?;
    let offer = offer.ok_or(RequestError::WrongState(seen.request.status))?;
    Ok(Deal { request: seen.request, offer, side })
}

/// Locks the request of a deal until the transaction ends and reads it for a caller who has part
/// in it, or is an administrator.
///
/// # Errors
/// 404, 403 for sellers who were not chosen, 409 `wrong_state` where no offer is accepted.
pub async fn lock(tx: &mut Tx, caller: &Caller, id: &RequestId) -> Result<Deal> {
    let seen = requests::service::lock(tx, caller, id).await?;
    let offer = accepted(tx, &seen.request.id).await?;
    whole(seen, offer)
}

/// As [`lock`], for what the program does by itself. `None` where no offer is accepted.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn lock_for_system(tx: &mut Tx, id: &RequestId) -> Result<Option<Deal>> {
    let Some(request) = requests::service::lock_for_system(tx, id).await? else {
        return Ok(None);
    };
    let offer = accepted(tx, id).await?;
    Ok(offer.map(|offer| Deal { request, offer, side: None }))
}

/// Reads a deal for a caller who has part in it, or is an administrator.
///
/// # Errors
/// As [`lock`].
pub async fn seen(app: &App, caller: &Caller, id: &RequestId) -> Result<Deal> {
    let seen = requests::service::seen(app, caller, id).await?;
    let offer = store::accepted(&app.db, id).await?;
    whole(seen, offer)
}

/// The accepted offer of a locked request.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn accepted(tx: &mut Tx, id: &RequestId) -> Result<Option<Offer>> {
    let live = store::live(tx, id).await?;
    Ok(live.into_iter().find(|offer| offer.status == OfferStatus::Accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_part_in_a_deal() {
        assert_eq!(side_of(Party::Admin).unwrap(), None);
        assert_eq!(side_of(Party::Buyer).unwrap(), Some(Side::Buyer));
        assert_eq!(side_of(Party::Stranger).unwrap_err().status, 404);
        for invited in [false, true] {
            for offer in [None, Some(OfferStanding::Ended), Some(OfferStanding::Pending)] {
                let party = Party::Seller { invited, offer };
                assert_eq!(side_of(party).unwrap_err().status, 403, "{party:?}");
            }
            let party = Party::Seller { invited, offer: Some(OfferStanding::Accepted) };
            assert_eq!(side_of(party).unwrap(), Some(Side::Seller));
        }
    }
}
