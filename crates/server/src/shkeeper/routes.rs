//! `/api/payment/shkeeper`.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{CreateIntent, CreatePayout, CreatedPayouts, Intent};
use super::{intents, payout, webhooks};
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Body, Caller, Data, Empty, done, whole_body};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_intent))
        .routes(routes!(webhook))
        .routes(routes!(payout_webhook))
        .routes(routes!(create_payout))
}

/// Begins a payment by the SHKeeper gateway.
///
/// For the buyer of a request whose offer is accepted, or of a checkout. A live payment of the
/// same deal is found again, with the same address and amount.
#[utoipa::path(post, path = "/api/payment/shkeeper/intents", tag = "payments",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = CreateIntent,
    responses((status = 201, description = "How to pay.", body = Data<Intent>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`request_not_payable`, `offer_not_accepted`, `payment_time_over`, `payment_in_progress`, `payment_in_another_crypto`, `currency_not_supported`, `crypto_unavailable`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody),
              (status = 503, description = "`shkeeper_not_configured`, `gateway_unreachable`", body = ErrorBody)))]
async fn create_intent(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateIntent>,
) -> Result<Response> {
    // The gateway is asked outside of a transaction. Asking again finds the same payment, so a key
    // has to be kept for its answer only.
    if let Begun::Replay(answer) = idempotency.clone().begin(&app, &caller, body.digest).await? {
        return Ok(answer);
    }
    let intent = intents::create(&app, &caller, &body.value).await?;
    match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx.answer(StatusCode::CREATED, &intent).await,
        Begun::Replay(answer) => Ok(answer),
    }
}

/// Takes the gateway's callbacks about payments.
///
/// Signed by `X-Shkeeper-Signature` and `X-Shkeeper-Timestamp`. The gateway repeats a callback
/// until it is answered 202.
#[utoipa::path(post, path = "/api/payment/shkeeper/webhook", tag = "payments",
    request_body(content = serde_json::Value, description = "As the gateway sends it."),
    responses((status = 202, description = "It has taken effect.", body = Data<Empty>),
              (status = 401, description = "`signature_invalid`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 422, description = "`callback_malformed`", body = ErrorBody),
              (status = 503, description = "`shkeeper_not_configured`, `gateway_unreachable`: come again", body = ErrorBody)))]
async fn webhook(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, axum::Json<Data<Empty>>)> {
    let (parts, body) = request.into_parts();
    let body = whole_body(body, app.config.http.body_max).await?;
    webhooks::payment(&app, &parts.headers, &body).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(done())))
}

/// Takes the gateway's callbacks about payouts.
///
/// Signed as those about payments.
#[utoipa::path(post, path = "/api/payment/shkeeper/payout-webhook", tag = "payments",
    request_body(content = serde_json::Value, description = "As the gateway sends it."),
    responses((status = 202, description = "It has taken effect.", body = Data<Empty>),
              (status = 401, description = "`signature_invalid`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 422, description = "`callback_malformed`", body = ErrorBody),
              (status = 503, description = "`shkeeper_not_configured`", body = ErrorBody)))]
async fn payout_webhook(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, axum::Json<Data<Empty>>)> {
    let (parts, body) = request.into_parts();
    let body = whole_body(body, app.config.http.body_max).await?;
    webhooks::payout(&app, &parts.headers, &body).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(done())))
}

/// Begins the payout of a payment whose escrow is released. For administrators.
///
/// Payouts begin by themselves with `PAYOUT_MODE=auto`. A payment has one payout for each of its
/// sellers.
#[utoipa::path(post, path = "/api/payment/shkeeper/payout", tag = "payouts",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = CreatePayout,
    responses((status = 201, description = "Begun.", body = Data<CreatedPayouts>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`payment_of_another_provider`, `escrow_wrong_state`, `payout_exists`, `payout_wallet_missing`, `payout_rail_missing`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody),
              (status = 503, description = "`shkeeper_not_configured`", body = ErrorBody)))]
async fn create_payout(
    State(app): State<App>,
    Admin(caller): Admin,
    idempotency: Idempotency,
    body: Body<CreatePayout>,
) -> Result<Response> {
    super::gateway(&app)?;
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let begun = payout::start(&mut tx, &app, &body.value.payment_id).await?;
    let payouts = begun.into_iter().map(|row| row.into_document(&caller)).collect();
    tx.answer(StatusCode::CREATED, &CreatedPayouts { payouts }).await
}
