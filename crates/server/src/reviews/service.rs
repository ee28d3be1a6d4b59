//! What is done with reviews.

use db::ResultExt as _;
use events::{RequestId, RequestStatus, UserId};

use super::error::ReviewError;
use super::model::{CreateReview, Review, ReviewQuery};
use super::store;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::journal::Tx;
use crate::notifications::Notice;
use crate::notifications::service::notify;
use crate::offers::deal::{self, Side};
use crate::requests::error::RequestError;
use crate::users;

/// Writes a review about the other party of a completed deal.
///
/// # Errors
/// 404, 403 for whoever is no party of the deal, 409 `wrong_state` unless it is completed,
/// `review_exists`.
pub async fn create(
    tx: &mut Tx,
    caller: &Caller,
    id: &RequestId,
    body: CreateReview,
) -> Result<Review> {
    let deal = deal::lock(tx, caller, id).await?;
    let other = match deal.side.ok_or_else(ApiError::forbidden)? {
        Side::Buyer => Side::Seller,
        Side::Seller => Side::Buyer,
    };
    if deal.request.status != RequestStatus::Completed {
        return Err(RequestError::WrongState(deal.request.status).into());
    }
    let review = Review {
        id: tx.new_id(),
        request_id: id.clone(),
        author_id: caller.user_id.clone(),
        author_name: users::service::find(tx, &caller.user_id).await?.name,
        subject_id: deal.user(other).clone(),
        rating: body.rating,
        comment: body.comment.trim().to_owned(),
        created_at: tx.now(),
    };
    store::insert(tx, &review)
        .await
        .on_constraint::<ApiError>("reviews_request_id_author_id", || ReviewError::Exists.into())?;
    store::count(tx, &review.subject_id, review.rating).await?;
    let notice = Notice::ReviewReceived {
        deal: (&deal.request).into(),
        review: review.id.clone(),
        rating: review.rating,
    };
    notify(tx, &review.subject_id, notice);
    Ok(review)
}

/// One page of the reviews about a seller.
///
/// # Errors
/// 404, also for a user who is no seller; 422 for parameters that cannot be used.
pub async fn of_seller(app: &App, seller: &UserId, query: &ReviewQuery) -> Result<Listing<Review>> {
    let page = query.page()?;
    // All statements look at the same state.
    let mut tx = app.db.begin_read().await?;
    users::service::seller(&mut tx, seller).await?;
    let (rows, total) = store::list(&mut tx, seller, page).await?;
    Ok(page.listing(rows, total))
}
