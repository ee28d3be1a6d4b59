//! Delivery: `/api/marketplace/purchase-requests/:id/…`.

use axum::extract::State;
use axum::response::Response;
use events::RequestId;
use events::documents::PurchaseRequest;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Delivery, DeliveryCode, EnterCode, UpdateDelivery};
use super::completion;
use super::service::{self, Entered};
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Id};
use crate::idempotency::{Begun, Idempotency, NO_BODY};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get, update))
        .routes(routes!(generate_code))
        .routes(routes!(enter_code))
        .routes(routes!(confirm))
}

/// The delivery of a deal: what the seller said last, and whether there is a code.
///
/// For its buyer, the chosen seller and administrators.
#[utoipa::path(get, path = "/api/marketplace/purchase-requests/{id}/delivery", tag = "delivery",
    params(("id" = RequestId, Path, description = "The request.")),
    responses((status = 200, description = "The delivery.", body = Data<Delivery>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the parties of the deal", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`wrong_state`: no offer is accepted", body = ErrorBody)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
) -> Result<Data<Delivery>> {
    Ok(Data::new(service::get(&app, &caller, &id).await?))
}

/// Says where the shipment is.
///
/// For the chosen seller, once the deal is paid. The first word of a parcel on its way moves the
/// request from `processing` to `delivery`. Fields that are left out stay as they were.
#[utoipa::path(put, path = "/api/marketplace/purchase-requests/{id}/delivery", tag = "delivery",
    params(("id" = RequestId, Path, description = "The request.")),
    request_body = UpdateDelivery,
    responses((status = 200, description = "The delivery as it is now.", body = Data<Delivery>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the chosen seller; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`wrong_state`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    body: Body<UpdateDelivery>,
) -> Result<Data<Delivery>> {
    let mut tx = app.begin().await?;
    let delivery = service::update(&mut tx, &app, &caller, &id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(delivery))
}

/// Makes a delivery code; an earlier one is worth nothing any more. Takes no body.
///
/// For the chosen seller, while the request is in `delivery`. Where the buyer holds the codes
/// (`DELIVERY_CODE_HOLDER=buyer`) the seller can make the first one only, and the buyer any. The
/// answer holds the code for its holder alone, and is never stored: who lost the code makes
/// another one.
#[utoipa::path(post, path = "/api/marketplace/purchase-requests/{id}/delivery-code/generate", tag = "delivery",
    params(("id" = RequestId, Path, description = "The request.")),
    responses((status = 200, description = "The new code.", body = Data<DeliveryCode>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the chosen seller or the codes' holder; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`wrong_state`", body = ErrorBody)))]
async fn generate_code(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
) -> Result<Data<DeliveryCode>> {
    let mut tx = app.begin().await?;
    let code = service::generate_code(&mut tx, &app, &caller, &id).await?;
    tx.commit().await?;
    Ok(Data::new(code))
}

/// Enters the delivery code, which makes the request `delivered`.
///
/// For the party that does not hold the codes. After five wrong ones a new code is needed.
#[utoipa::path(post, path = "/api/marketplace/purchase-requests/{id}/delivery-code/verify", tag = "delivery",
    params(("id" = RequestId, Path, description = "The request.")),
    request_body = EnterCode,
    responses((status = 200, description = "The request, now `delivered`.", body = Data<PurchaseRequest>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the party that enters the code; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`wrong_state`, `no_delivery_code`, `delivery_code_expired`, `delivery_code_locked`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`; `delivery_code_wrong` with `triesLeft`", body = ErrorBody)))]
async fn enter_code(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    body: Body<EnterCode>,
) -> Result<Data<PurchaseRequest>> {
    let mut tx = app.begin().await?;
    let entered = service::enter_code(&mut tx, &app, &caller, &id, &body.value.code).await?;
    // A wrong try is stored as well.
    tx.commit().await?;
    match entered {
        Entered::Right(request) => Ok(Data::new(*request)),
        Entered::Wrong(error) => Err(error.into()),
    }
}

/// Confirms that the goods are as they should be: completes the deal and releases its escrow.
///
/// For the deal's buyer, once it is `delivered`. Takes no body.
#[utoipa::path(post, path = "/api/marketplace/purchase-requests/{id}/confirm-delivery", tag = "delivery",
    params(("id" = RequestId, Path, description = "The request."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 200, description = "The request, now `completed`.", body = Data<PurchaseRequest>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the deal's buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`wrong_state`, `dispute_open`, `escrow_wrong_state`, `idempotency_in_progress`", body = ErrorBody),
              (status = 422, description = "`idempotency_key_reused`", body = ErrorBody)))]
async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RequestId>,
    idempotency: Idempotency,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, NO_BODY).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let request = completion::confirm(&mut tx, &app, &caller, &id).await?;
    tx.answer(StatusCode::OK, &request).await
}
