//! Reviews over HTTP.

use axum::extract::State;
use axum::response::Response;
use events::{RequestId, UserId};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{CreateReview, Review, ReviewQuery};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Id, Listing, Query};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(of_seller))
}

/// Writes a review about the other party of a completed deal.
///
/// For its buyer and its seller, once each.
#[utoipa::path(post, path = "/api/marketplace/purchase-requests/{id}/review", tag = "reviews",
    params(("id" = RequestId, Path, description = "The request."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = CreateReview,
    responses((status = 201, description = "Written.", body = Data<Review>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the deal's parties; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`wrong_state`, `review_exists`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    idempotency: Idempotency,
    body: Body<CreateReview>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let review = service::create(&mut tx, &caller, &id, body.value).await?;
    tx.answer(StatusCode::CREATED, &review).await
}

/// Lists the reviews about a seller, newest first. For everyone.
#[utoipa::path(get, path = "/api/marketplace/sellers/{id}/reviews", tag = "reviews",
    params(("id" = UserId, Path, description = "The seller."), ReviewQuery),
    responses((status = 200, description = "A page.", body = Listing<Review>),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn of_seller(
    State(app): State<App>,
    Id(id): Id<UserId>,
    Query(query): Query<ReviewQuery>,
) -> Result<Listing<Review>> {
    service::of_seller(&app, &id, &query).await
}
