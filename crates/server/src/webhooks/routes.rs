//! `/api/webhooks`, for administrators.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::{WebhookDeliveryId, WebhookId};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{CreateWebhook, CreatedWebhook, DeliveryQuery, Webhook, WebhookDelivery};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Body, Data, Empty, Id, Listing, Page, Query, done};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
        .routes(routes!(deliveries))
        .routes(routes!(retry))
}

/// Which part of the list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct WebhookQuery {
    /// Counted from 1.
    page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    limit: Option<i64>,
}

/// Lists the endpoints that events are sent to.
#[utoipa::path(get, path = "/api/webhooks", tag = "webhooks", params(WebhookQuery),
    responses((status = 200, description = "A page.", body = Listing<Webhook>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<WebhookQuery>,
) -> Result<Listing<Webhook>> {
    service::list(&app, Page::of(query.page, query.limit)?).await
}

/// Has events sent to an endpoint, from now on.
///
/// Messages are signed by the Standard Webhooks scheme. The secret is told in this answer only.
#[utoipa::path(post, path = "/api/webhooks", tag = "webhooks", request_body = CreateWebhook,
    responses((status = 201, description = "Made.", body = Data<CreatedWebhook>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn create(
    State(app): State<App>,
    Admin(caller): Admin,
    body: Body<CreateWebhook>,
) -> Result<Response> {
    let mut tx = app.begin().await?;
    let created = service::create(&mut tx, &app, &caller, body.value).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, axum::Json(Data::new(created))).into_response())
}

/// Deletes an endpoint and its deliveries.
#[utoipa::path(delete, path = "/api/webhooks/{id}", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The endpoint.")),
    responses((status = 200, description = "It is gone.", body = Data<Empty>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn delete(State(app): State<App>, _: Admin, Id(id): Id<WebhookId>) -> Result<Data<Empty>> {
    let mut tx = app.begin().await?;
    service::delete(&mut tx, &id).await?;
    tx.commit().await?;
    Ok(done())
}

/// Lists the deliveries to an endpoint, newest first; with `status=dead` those that were given up.
#[utoipa::path(get, path = "/api/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The endpoint."), DeliveryQuery),
    responses((status = 200, description = "A page.", body = Listing<WebhookDelivery>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn deliveries(
    State(app): State<App>,
    _: Admin,
    Id(id): Id<WebhookId>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Listing<WebhookDelivery>> {
    service::deliveries(&app, &id, &query).await
}

/// Has a delivery sent again that was delivered or given up. Takes no body.
#[utoipa::path(post, path = "/api/webhooks/deliveries/{id}/retry", tag = "webhooks",
    params(("id" = WebhookDeliveryId, Path, description = "The delivery.")),
    responses((status = 200, description = "It is tried again.", body = Data<WebhookDelivery>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`delivery_pending`", body = ErrorBody)))]
async fn retry(
    State(app): State<App>,
    _: Admin,
    Id(id): Id<WebhookDeliveryId>,
) -> Result<Data<WebhookDelivery>> {
    let mut tx = app.begin().await?;
    let delivery = service::retry(&mut tx, &id).await?;
    tx.commit().await?;
    Ok(Data::new(delivery))
}
