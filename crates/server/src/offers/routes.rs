//! `/api/marketplace/offers`, and the offers of a purchase request.

use axum::extract::State;
use axum::response::Response;
use events::documents::Offer;
use events::{OfferId, RequestId};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{CreateOffer, OfferQuery, RejectOffer, UpdateOffer};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Id, Listing, Query};
use crate::idempotency::{Begun, Idempotency, NO_BODY};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(mine))
        .routes(routes!(update))
        .routes(routes!(accept))
        .routes(routes!(reject))
        .routes(routes!(withdraw))
}

/// Makes an offer on a purchase request.
///
/// For sellers who may see the request, while it is open and before its `offersUntil`. A seller
/// has one live offer on a request.
#[utoipa::path(post, path = "/api/marketplace/purchase-requests/{id}/offers", tag = "offers",
    params(("id" = RequestId, Path, description = "The request."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = CreateOffer,
    responses((status = 201, description = "Made.", body = Data<Offer>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for sellers; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`request_not_open`, `offers_closed`, `offer_exists`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    idempotency: Idempotency,
    body: Body<CreateOffer>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let offer = service::create(&mut tx, &caller, &id, body.value).await?;
    tx.answer(StatusCode::CREATED, &offer).await
}

/// Lists the offers on a purchase request, newest first.
///
/// All of them for its buyer and administrators, their own for sellers.
#[utoipa::path(get, path = "/api/marketplace/purchase-requests/{id}/offers", tag = "offers",
    params(("id" = RequestId, Path, description = "The request."), OfferQuery),
    responses((status = 200, description = "A page.", body = Listing<Offer>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    Query(query): Query<OfferQuery>,
) -> Result<Listing<Offer>> {
    service::list(&app, &caller, &id, &query).await
}

/// Lists the caller's own offers, newest first. For sellers.
#[utoipa::path(get, path = "/api/marketplace/offers/mine", tag = "offers",
    params(OfferQuery),
    responses((status = 200, description = "A page.", body = Listing<Offer>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for sellers", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn mine(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<OfferQuery>,
) -> Result<Listing<Offer>> {
    service::mine(&app, &caller, &query).await
}

/// Changes a pending offer.
///
/// For its seller, while the request is open and before its `offersUntil`. Absent fields stay as
/// they are, `null` clears `validUntil`.
#[utoipa::path(patch, path = "/api/marketplace/offers/{id}", tag = "offers",
    params(("id" = OfferId, Path, description = "The offer.")),
    request_body = UpdateOffer,
    responses((status = 200, description = "The offer as it is now.", body = Data<Offer>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its seller; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`offer_not_pending`, `offer_expired`, `request_not_open`, `offers_closed`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<OfferId>,
    body: Body<UpdateOffer>,
) -> Result<Data<Offer>> {
    let mut tx = app.begin().await?;
    let offer = service::update(&mut tx, &caller, &id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(offer))
}

/// Accepts an offer.
///
/// For the request's buyer. All other pending offers are rejected at the same instant, and the
/// time for the payment begins. Takes no body.
#[utoipa::path(post, path = "/api/marketplace/offers/{id}/accept", tag = "offers",
    params(("id" = OfferId, Path, description = "The offer."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 200, description = "The accepted offer.", body = Data<Offer>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the request's buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`offer_not_pending`, `offer_expired`, `idempotency_in_progress`", body = ErrorBody),
              (status = 422, description = "`idempotency_key_reused`", body = ErrorBody)))]
async fn accept(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<OfferId>,
    idempotency: Idempotency,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, NO_BODY).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let offer = service::accept(&mut tx, &app, &caller, &id).await?;
    tx.answer(StatusCode::OK, &offer).await
}

/// Turns a pending offer down. For the request's buyer; the body may be left out.
#[utoipa::path(post, path = "/api/marketplace/offers/{id}/reject", tag = "offers",
    params(("id" = OfferId, Path, description = "The offer.")),
    request_body = Option<RejectOffer>,
    responses((status = 200, description = "The rejected offer.", body = Data<Offer>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the request's buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`offer_not_pending`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn reject(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<OfferId>,
    body: Option<Body<RejectOffer>>,
) -> Result<Data<Offer>> {
    let body = body.map(|body| body.value).unwrap_or_default();
    let mut tx = app.begin().await?;
    let offer = service::reject(&mut tx, &caller, &id, body).await?;
    tx.commit().await?;
    Ok(Data::new(offer))
}

/// Takes a pending offer back. For its seller. Takes no body.
#[utoipa::path(post, path = "/api/marketplace/offers/{id}/withdraw", tag = "offers",
    params(("id" = OfferId, Path, description = "The offer.")),
    responses((status = 200, description = "The withdrawn offer.", body = Data<Offer>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its seller; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`offer_not_pending`", body = ErrorBody)))]
async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<OfferId>,
) -> Result<Data<Offer>> {
    let mut tx = app.begin().await?;
    let offer = service::withdraw(&mut tx, &caller, &id).await?;
    tx.commit().await?;
    Ok(Data::new(offer))
}
