//! Accounts and profiles over HTTP.

use axum::extract::{Path, State};
use axum::response::Response;
use events::UserId;
use events::documents::PublicUser;
use http::{StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Account, AccountChange, SellerQuery};
use super::service;
use crate::app::App;
use crate::error::{ApiError, ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Id, Listing, Query};
use crate::text::percent_encode;

/// The routes of accounts and profiles.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me, change_me))
        .routes(routes!(profile))
        .routes(routes!(sellers))
        .routes(routes!(seller))
        .routes(routes!(referral_link))
}

/// The caller's own account.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, body = Data<Account>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, \
                                            `token_revoked`", body = ErrorBody)))]
async fn me(State(app): State<App>, caller: Caller) -> Result<Data<Account>> {
    let mut tx = app.db.begin_read().await?;
    let user = service::find(&mut tx, &caller.user_id).await?;
    Ok(Data::new(user.into()))
}

/// Changes the caller's own account. Absent fields stay, `null` removes.
#[utoipa::path(patch, path = "/api/auth/me", tag = "auth", request_body = AccountChange,
    responses((status = 200, body = Data<Account>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn change_me(
    State(app): State<App>,
    caller: Caller,
    body: Body<AccountChange>,
) -> Result<Data<Account>> {
    let mut tx = app.begin().await?;
    let user = service::change(&mut tx, &caller.user_id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(user.into()))
}

/// What everyone may know of a user.
#[utoipa::path(get, path = "/api/users/{id}", tag = "users",
    params(("id" = UserId, Path, description = "The user")),
    responses((status = 200, body = Data<PublicUser>),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn profile(State(app): State<App>, Id(id): Id<UserId>) -> Result<Data<PublicUser>> {
    let mut tx = app.db.begin_read().await?;
    Ok(Data::new(service::profile(&mut tx, &id).await?))
}

/// The sellers.
#[utoipa::path(get, path = "/api/marketplace/sellers", tag = "users", params(SellerQuery),
    responses((status = 200, body = Listing<PublicUser>),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn sellers(
    State(app): State<App>,
    Query(query): Query<SellerQuery>,
) -> Result<Listing<PublicUser>> {
    let mut tx = app.db.begin_read().await?;
    service::sellers(&mut tx, query).await
}

/// One seller.
#[utoipa::path(get, path = "/api/marketplace/sellers/{id}", tag = "users",
    params(("id" = UserId, Path, description = "The seller")),
    responses((status = 200, body = Data<PublicUser>),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn seller(State(app): State<App>, Id(id): Id<UserId>) -> Result<Data<PublicUser>> {
    let mut tx = app.db.begin_read().await?;
    Ok(Data::new(service::seller(&mut tx, &id).await?))
}

/// The link that users give to those whom they invite: leads to the sign-up page, whatever the
/// code, so that nobody can try codes here.
#[utoipa::path(get, path = "/r/{code}", tag = "users",
    params(("code" = String, Path, description = "A referral code")),
    responses((status = 302, description = "To the sign-up page"),
              (status = 400, description = "`bad_request`: not UTF-8", body = ErrorBody)))]
async fn referral_link(
    State(app): State<App>,
    code: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Response> {
    let Path(code) = code.map_err(|_| ApiError::bad_request("The path cannot be read"))?;
    let location =
        format!("{}/auth/jwt/sign-up?ref={}", app.config.http.frontend(), percent_encode(&code));
    Response::builder()
        .status(StatusCode::FOUND)
        .header(header::LOCATION, location)
        .body(axum::body::Body::empty())
        .map_err(|error| ApiError::internal(&error))
}
