//! `/api/disputes`.

use axum::extract::State;
use axum::response::Response;
use events::DisputeId;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{AddEvidence, Dispute, DisputeQuery, OpenDispute, ResolveDispute};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Body, Caller, Data, Id, Listing, Query};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open, list))
        .routes(routes!(get))
        .routes(routes!(add_evidence))
        .routes(routes!(resolve))
}

/// Opens a dispute about a paid deal. For its buyer and its seller.
///
/// While it is open the escrow is held, and the deal is neither confirmed nor released by time.
#[utoipa::path(post, path = "/api/disputes", tag = "disputes",
    request_body = OpenDispute,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 201, description = "Opened.", body = Data<Dispute>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the parties of the deal; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`wrong_state`, `dispute_exists`, `escrow_wrong_state`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn open(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<OpenDispute>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let dispute = service::open(&mut tx, &caller, body.value).await?;
    tx.answer(StatusCode::CREATED, &dispute).await
}

/// Lists the disputes about the caller's deals, newest first; all for administrators.
#[utoipa::path(get, path = "/api/disputes", tag = "disputes", params(DisputeQuery),
    responses((status = 200, description = "A page.", body = Listing<Dispute>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DisputeQuery>,
) -> Result<Listing<Dispute>> {
    service::list(&app, &caller, &query).await
}

/// Shows a dispute with its evidence, to the parties of its deal and administrators.
#[utoipa::path(get, path = "/api/disputes/{id}", tag = "disputes",
    params(("id" = DisputeId, Path, description = "The dispute.")),
    responses((status = 200, description = "The dispute.", body = Data<Dispute>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<DisputeId>,
) -> Result<Data<Dispute>> {
    Ok(Data::new(service::get(&app, &caller, &id).await?))
}

/// Adds evidence to an open dispute. For the parties of its deal and administrators.
#[utoipa::path(post, path = "/api/disputes/{id}/evidence", tag = "disputes",
    params(("id" = DisputeId, Path, description = "The dispute."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = AddEvidence,
    responses((status = 201, description = "The dispute as it is now.", body = Data<Dispute>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`dispute_resolved`, `too_much_evidence`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn add_evidence(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<DisputeId>,
    idempotency: Idempotency,
    body: Body<AddEvidence>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let dispute = service::add_evidence(&mut tx, &caller, &id, body.value).await?;
    tx.answer(StatusCode::CREATED, &dispute).await
}

/// Decides an open dispute, which ends its deal. For administrators.
///
/// `release` gives the price to the seller and completes the request, `refund` gives it back to
/// the buyer and cancels the request, `split` gives `amount` to the seller and the rest back and
/// completes the request.
#[utoipa::path(post, path = "/api/disputes/{id}/resolve", tag = "disputes",
    params(("id" = DisputeId, Path, description = "The dispute."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = ResolveDispute,
    responses((status = 200, description = "The dispute as it is now.", body = Data<Dispute>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`dispute_resolved`, `wrong_state`, `escrow_wrong_state`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn resolve(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id<DisputeId>,
    idempotency: Idempotency,
    body: Body<ResolveDispute>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let dispute = service::resolve(&mut tx, &app, &caller, &id, body.value).await?;
    tx.answer(StatusCode::OK, &dispute).await
}
