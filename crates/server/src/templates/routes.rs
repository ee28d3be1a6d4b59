//! `/api/marketplace/request-templates` and `/api/marketplace/template-checkout`.

use axum::extract::{Path, State};
use axum::response::Response;
use events::{CheckoutId, TemplateId};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{
    Checkout, CreateCheckout, CreateTemplate, RequestTemplate, TemplateQuery, UpdateTemplate,
};
use super::{checkout, service};
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Empty, Id, Listing, Query, done};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(by_link))
        .routes(routes!(get, update, delete))
        .routes(routes!(create_checkout))
        .routes(routes!(get_checkout))
}

/// Publishes a template. For sellers.
#[utoipa::path(post, path = "/api/marketplace/request-templates", tag = "templates",
    request_body = CreateTemplate,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 201, description = "Published.", body = Data<RequestTemplate>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for sellers; `origin_not_allowed`", body = ErrorBody),
              (status = 409, description = "`idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateTemplate>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let template = service::create(&mut tx, &app, &caller, body.value).await?;
    tx.answer(StatusCode::CREATED, &template).await
}

/// Lists the caller's templates, newest first; all for administrators.
#[utoipa::path(get, path = "/api/marketplace/request-templates", tag = "templates",
    params(TemplateQuery),
    responses((status = 200, description = "A page.", body = Listing<RequestTemplate>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for sellers and administrators", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<TemplateQuery>,
) -> Result<Listing<RequestTemplate>> {
    service::list(&app, &caller, &query).await
}

/// Shows the template of a share link, to whoever has the link.
#[utoipa::path(get, path = "/api/marketplace/request-templates/by-link/{link}", tag = "templates",
    params(("link" = String, Path, description = "The template's `shareLink`.")),
    responses((status = 200, description = "The template.", body = Data<RequestTemplate>),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn by_link(
    State(app): State<App>,
    Path(link): Path<String>,
) -> Result<Data<RequestTemplate>> {
    Ok(Data::new(service::by_link(&app, &link).await?))
}

/// Shows one template.
///
/// Whole to its seller and administrators; to buyers what its share link shows.
#[utoipa::path(get, path = "/api/marketplace/request-templates/{id}", tag = "templates",
    params(("id" = TemplateId, Path, description = "The template.")),
    responses((status = 200, description = "The template.", body = Data<RequestTemplate>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<TemplateId>,
) -> Result<Data<RequestTemplate>> {
    Ok(Data::new(service::get(&app, &caller, &id).await?))
}

/// Changes a template. For its seller.
///
/// Absent fields stay as they are, `null` clears what is optional. Deals that were made of it stay
/// as they are.
#[utoipa::path(patch, path = "/api/marketplace/request-templates/{id}", tag = "templates",
    params(("id" = TemplateId, Path, description = "The template.")),
    request_body = UpdateTemplate,
    responses((status = 200, description = "The template as it is now.", body = Data<RequestTemplate>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its seller; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`stock_too_small`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<TemplateId>,
    body: Body<UpdateTemplate>,
) -> Result<Data<RequestTemplate>> {
    let mut tx = app.begin().await?;
    let template = service::update(&mut tx, &caller, &id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(template))
}

/// Takes a template off sale, for ever. For its seller and administrators. Deals that were made of
/// it go on.
#[utoipa::path(delete, path = "/api/marketplace/request-templates/{id}", tag = "templates",
    params(("id" = TemplateId, Path, description = "The template.")),
    responses((status = 200, description = "Deleted.", body = Data<Empty>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its seller and administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<TemplateId>,
) -> Result<Data<Empty>> {
    let mut tx = app.begin().await?;
    service::delete(&mut tx, &caller, &id).await?;
    tx.commit().await?;
    Ok(done())
}

/// Takes one or more templates: makes a request for each of their sellers, to be paid at once.
///
/// For buyers. Uses are taken now, and given back where the checkout fails or is not paid in time.
#[utoipa::path(post, path = "/api/marketplace/template-checkout", tag = "templates",
    request_body = CreateCheckout,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 201, description = "Waiting for its payment.", body = Data<Checkout>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for buyers; `origin_not_allowed`", body = ErrorBody),
              (status = 409, description = "`template_used_up`, `template_expired`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `mixed_currencies`, `total_too_large`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create_checkout(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateCheckout>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let made = checkout::create(&mut tx, &app, &caller, body.value).await?;
    tx.answer(StatusCode::CREATED, &made).await
}

/// Shows a checkout: whole to its buyer and administrators, the own part of it to its sellers.
#[utoipa::path(get, path = "/api/marketplace/template-checkout/{id}", tag = "templates",
    params(("id" = CheckoutId, Path, description = "The checkout.")),
    responses((status = 200, description = "The checkout.", body = Data<Checkout>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn get_checkout(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CheckoutId>,
) -> Result<Data<Checkout>> {
    Ok(Data::new(checkout::get(&app, &caller, &id).await?))
}
