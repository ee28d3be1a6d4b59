//! `/api/marketplace/purchase-requests`.

use axum::extract::State;
use axum::response::Response;
use events::RequestId;
use events::documents::PurchaseRequest;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{CancelRequest, CreateRequest, RequestQuery, UpdateRequest};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Id, Listing, Query};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, update))
        .routes(routes!(cancel))
}

/// Publishes a purchase request.
///
/// For buyers. Sellers hear of it at once (`new-purchase-request`): all of them, or those of
/// `preferredSellerIds` alone.
#[utoipa::path(post, path = "/api/marketplace/purchase-requests", tag = "requests",
    request_body = CreateRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 201, description = "Published.", body = Data<PurchaseRequest>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for buyers; `origin_not_allowed`", body = ErrorBody),
              (status = 409, description = "`idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateRequest>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let request = service::create(&mut tx, &caller, body.value).await?;
    tx.answer(StatusCode::CREATED, &request).await
}

/// Lists purchase requests.
///
/// A buyer sees their own, a seller the open ones that they may answer and those that they have
/// an offer on, an administrator all.
#[utoipa::path(get, path = "/api/marketplace/purchase-requests", tag = "requests",
    params(RequestQuery),
    responses((status = 200, description = "A page.", body = Listing<PurchaseRequest>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<RequestQuery>,
) -> Result<Listing<PurchaseRequest>> {
    service::list(&app, &caller, &query).await
}

/// One purchase request.
///
/// `deliveryInfo` is for the buyer, administrators and the chosen seller; `offersCount` is for
/// the buyer and administrators.
#[utoipa::path(get, path = "/api/marketplace/purchase-requests/{id}", tag = "requests",
    params(("id" = RequestId, Path, description = "The request.")),
    responses((status = 200, description = "The request.", body = Data<PurchaseRequest>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
) -> Result<Data<PurchaseRequest>> {
    Ok(Data::new(service::get(&app, &caller, &id).await?))
}

/// Changes an open purchase request.
///
/// For its buyer. Absent fields stay as they are, `null` clears what is optional.
#[utoipa::path(patch, path = "/api/marketplace/purchase-requests/{id}", tag = "requests",
    params(("id" = RequestId, Path, description = "The request.")),
    request_body = UpdateRequest,
    responses((status = 200, description = "The request as it is now.", body = Data<PurchaseRequest>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`request_not_open`, `currency_in_use`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    body: Body<UpdateRequest>,
) -> Result<Data<PurchaseRequest>> {
    let mut tx = app.begin().await?;
    let request = service::update(&mut tx, &caller, &id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(request))
}

/// Calls a purchase request off.
///
/// For its buyer and administrators, until it is paid; its live offers are rejected. A paid deal
/// ends otherwise only through a dispute.
#[utoipa::path(post, path = "/api/marketplace/purchase-requests/{id}/cancel", tag = "requests",
    params(("id" = RequestId, Path, description = "The request.")),
    request_body = CancelRequest,
    responses((status = 200, description = "The cancelled request.", body = Data<PurchaseRequest>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its buyer and administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`request_not_cancellable`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    body: Body<CancelRequest>,
) -> Result<Data<PurchaseRequest>> {
    let mut tx = app.begin().await?;
    let request = service::cancel(&mut tx, &caller, &id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(request))
}
