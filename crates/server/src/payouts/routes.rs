//! `/api/payment/payouts`.

use axum::extract::State;
use axum::response::Response;
use events::PayoutId;
use events::documents::Payout;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{PayoutQuery, RetryPayout};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Body, Caller, Data, Id, Listing, Query};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(retry))
}

/// Lists payouts, newest first: their own for sellers, all for administrators.
#[utoipa::path(get, path = "/api/payment/payouts", tag = "payouts", params(PayoutQuery),
    responses((status = 200, description = "A page.", body = Listing<Payout>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PayoutQuery>,
) -> Result<Listing<Payout>> {
    service::list(&app, &caller, &query).await
}

/// Shows one payout, to its seller and administrators.
#[utoipa::path(get, path = "/api/payment/payouts/{id}", tag = "payouts",
    params(("id" = PayoutId, Path, description = "The payout.")),
    responses((status = 200, description = "The payout.", body = Data<Payout>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn get(State(app): State<App>, caller: Caller, Id(id): Id<PayoutId>) -> Result<Data<Payout>> {
    Ok(Data::new(service::get(&app, &caller, &id).await?))
}

/// Tries a payout again. For administrators.
///
/// One that has failed is handed over anew, to the seller's wallet as it is now. One that is
/// `unknown` is looked after, and handed over anew only with `notSent`.
#[utoipa::path(post, path = "/api/payment/payouts/{id}/retry", tag = "payouts",
    params(("id" = PayoutId, Path, description = "The payout."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body(content = Option<RetryPayout>),
    responses((status = 200, description = "The payout as it is now.", body = Data<Payout>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`payout_wrong_state`, `payout_wallet_missing`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn retry(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id<PayoutId>,
    idempotency: Idempotency,
    body: Option<Body<RetryPayout>>,
) -> Result<Response> {
    let (body, digest) = body.map_or_else(Default::default, |body| (body.value, body.digest));
    let mut tx = match idempotency.begin(&app, &caller, digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let payout = service::retry(&mut tx, &id, body).await?;
    tx.answer(StatusCode::OK, &payout.into_document(&caller)).await
}
