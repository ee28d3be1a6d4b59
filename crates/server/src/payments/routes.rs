//! `/api/payment`, and the sandbox's rail.

use axum::extract::State;
use axum::response::Response;
use events::PaymentId;
use events::documents::Payment;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{CreateIntent, PaySandbox, PaymentQuery, RefundPayment, ReleasePayment};
use super::{sandbox, service};
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Body, Caller, Data, Id, Listing, Query};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(release))
        .routes(routes!(refund))
        .routes(routes!(create_sandbox))
        .routes(routes!(pay_sandbox))
}

/// Lists the payments that the caller pays or gets, newest first; all for administrators.
#[utoipa::path(get, path = "/api/payment", tag = "payments", params(PaymentQuery),
    responses((status = 200, description = "A page.", body = Listing<Payment>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PaymentQuery>,
) -> Result<Listing<Payment>> {
    service::list(&app, &caller, &query).await
}

/// Shows one payment, to its parties and administrators. A seller sees the own share of it.
#[utoipa::path(get, path = "/api/payment/{id}", tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment.")),
    responses((status = 200, description = "The payment.", body = Data<Payment>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<PaymentId>,
) -> Result<Data<Payment>> {
    Ok(Data::new(service::get(&app, &caller, &id).await?))
}

/// Releases an escrow on an administrator's word: the deal is completed whatever its parties have
/// still to do, and the payout begins. Where the escrow is released already and no payout was
/// begun, it begins the payout. For administrators.
#[utoipa::path(post, path = "/api/payment/{id}/release", tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body(content = Option<ReleasePayment>),
    responses((status = 200, description = "The payment as it is now.", body = Data<Payment>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`escrow_wrong_state`, `escrow_disputed`, `payout_exists`, `payout_wallet_missing`, `payout_rail_missing`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn release(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id<PaymentId>,
    idempotency: Idempotency,
    body: Option<Body<ReleasePayment>>,
) -> Result<Response> {
    let (body, digest) = body.map_or_else(Default::default, |body| (body.value, body.digest));
    let mut tx = match idempotency.begin(&app, &caller, digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    service::release(&mut tx, &app, &id, body).await?;
    let payment = service::seen(&mut tx, &caller, &id).await?;
    tx.answer(StatusCode::OK, &payment).await
}

/// Gives a buyer's money back on an administrator's word. For administrators.
///
/// A paid deal is called off, and its price is `refunding` until its rail has given it back: the
/// sandbox does so at once, for the others a second call records the transaction (`txHash`). With
/// `excess` it is about what came beside a price.
#[utoipa::path(post, path = "/api/payment/{id}/refund", tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body(content = Option<RefundPayment>),
    responses((status = 200, description = "The payment as it is now.", body = Data<Payment>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`escrow_wrong_state`, `escrow_disputed`, `nothing_to_refund`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn refund(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id<PaymentId>,
    idempotency: Idempotency,
    body: Option<Body<RefundPayment>>,
) -> Result<Response> {
    let (body, digest) = body.map_or_else(Default::default, |body| (body.value, body.digest));
    let mut tx = match idempotency.begin(&app, &caller, digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    service::refund_by_admin(&mut tx, &id, body).await?;
    let payment = service::seen(&mut tx, &caller, &id).await?;
    tx.answer(StatusCode::OK, &payment).await
}

/// Begins a payment in play money, or finds the live one of the same deal. For buyers, where
/// `PAYMENT_SANDBOX` is on; else it is not there.
#[utoipa::path(post, path = "/api/payment/sandbox/intents", tag = "payments",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = CreateIntent,
    responses((status = 201, description = "Begun.", body = Data<Payment>),
              (status = 200, description = "It was there already.", body = Data<Payment>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the deal's buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`request_not_payable`, `offer_not_accepted`, `payment_time_over`, `payment_in_progress`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create_sandbox(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateIntent>,
) -> Result<Response> {
    sandbox::check_enabled(&app)?;
    let target = body.value.target()?;
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let opened = sandbox::create(&mut tx, &app, &caller, &target).await?;
    let payment = service::seen(&mut tx, &caller, &opened.payment.id).await?;
    let status = if opened.fresh { StatusCode::CREATED } else { StatusCode::OK };
    tx.answer(status, &payment).await
}

/// Lets a payment in play money come to what the caller says. For its buyer and administrators,
/// where `PAYMENT_SANDBOX` is on; else it is not there.
#[utoipa::path(post, path = "/api/payment/sandbox/{id}/pay", tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body(content = Option<PaySandbox>),
    responses((status = 200, description = "The payment as it is now.", body = Data<Payment>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`payment_not_live`, `payment_of_another_provider`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn pay_sandbox(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<PaymentId>,
    idempotency: Idempotency,
    body: Option<Body<PaySandbox>>,
) -> Result<Response> {
    sandbox::check_enabled(&app)?;
    let (body, digest) = body.map_or_else(Default::default, |body| (body.value, body.digest));
    let mut tx = match idempotency.begin(&app, &caller, digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let payment = sandbox::pay(&mut tx, &app, &caller, &id, body).await?;
    tx.answer(StatusCode::OK, &payment).await
}
