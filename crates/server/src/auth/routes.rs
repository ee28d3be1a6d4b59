//! Sign-in over HTTP.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::attempts::{Client, Group};
use super::cookies::{self, REFRESH_COOKIE};
use super::error::AuthError;
use super::model::{
    Credentials, EmailVerification, EndReason, ForgottenPassword, PasswordChange, PasswordReset,
    RefreshInput, Registration, SignedIn,
};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Empty, check_origin, cookie, done};

/// The routes of sign-in.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh_token))
        .routes(routes!(logout))
        .routes(routes!(change_password))
        .routes(routes!(forgot_password))
        .routes(routes!(reset_password))
        .routes(routes!(verify_email))
}

/// Makes an account and signs it in. A mail asks to verify the address.
#[utoipa::path(post, path = "/api/auth/register", tag = "auth", request_body = Registration,
    responses((status = 201, description = "Signed in; the tokens are set as cookies too",
               body = Data<SignedIn>),
              (status = 409, description = "`email_taken`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody)))]
async fn register(
    State(app): State<App>,
    client: Client,
    body: Body<Registration>,
) -> Result<Response> {
    app.attempts.count(Group::Register, client).await?;
    let mut registration = body.value;
    let password = std::mem::take(&mut registration.password);
    let hash = app.passwords.hash(password, &app.random).await?;
    let mut tx = app.begin().await?;
    let signed_in = service::register(&mut tx, &app, registration, hash).await?;
    tx.commit().await?;
    Ok(answer(&app, StatusCode::CREATED, signed_in))
}

/// Signs in.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = Credentials,
    responses((status = 200, description = "Signed in; the tokens are set as cookies too",
               body = Data<SignedIn>),
              (status = 401, description = "`invalid_credentials`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody)))]
async fn login(
    State(app): State<App>,
    client: Client,
    body: Body<Credentials>,
) -> Result<Response> {
    app.attempts.count(Group::Password, client).await?;
    let user = service::check_credentials(&app, body.value).await?;
    let mut tx = app.begin().await?;
    let signed_in = service::login(&mut tx, &app, user).await?;
    tx.commit().await?;
    Ok(answer(&app, StatusCode::OK, signed_in))
}

fn answer(app: &App, status: StatusCode, signed_in: SignedIn) -> Response {
    let data = Data::new(signed_in);
    cookies::set(app, &data.data, (status, axum::Json(&data)))
}

/// Exchanges a refresh token, of the body or of the cookie, for new tokens. It works once; used
/// again it ends the whole sign-in.
#[utoipa::path(post, path = "/api/auth/refresh-token", tag = "auth",
    request_body = Option<RefreshInput>,
    responses((status = 200, description = "The tokens are set as cookies too",
               body = Data<SignedIn>),
              (status = 401, description = "`refresh_token_missing`, `refresh_token_invalid`, \
               `refresh_token_expired`, `refresh_token_reused`, `refresh_token_revoked`",
               body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody)))]
async fn refresh_token(
    State(app): State<App>,
    headers: HeaderMap,
    body: Option<Body<RefreshInput>>,
) -> Result<Response> {
    let token = refresh_token_of(&app, &headers, body)?.ok_or(AuthError::RefreshTokenMissing)?;
    let mut tx = app.begin().await?;
    let refreshed = service::refresh(&mut tx, &app, &token).await?;
    tx.commit().await?;
    Ok(answer(&app, StatusCode::OK, refreshed?))
}

/// The refresh token of the body, else that of the cookie, which only our own pages may use.
fn refresh_token_of(
    app: &App,
    headers: &HeaderMap,
    body: Option<Body<RefreshInput>>,
) -> Result<Option<String>> {
    if let Some(token) = body.and_then(|body| body.value.refresh_token) {
        return Ok(Some(token));
    }
    let Some(token) = cookie(headers, REFRESH_COOKIE) else { return Ok(None) };
    check_origin(app, &Method::POST, headers)?;
    Ok(Some(token.to_owned()))
}

/// Ends the sign-in and takes its cookies away. An access token that has expired will not do, but
/// a refresh token beside it will.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", request_body = Option<RefreshInput>,
    responses((status = 200, body = Data<Empty>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, \
               `token_revoked`, `refresh_token_invalid`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody)))]
async fn logout(
    State(app): State<App>,
    caller: Result<Caller>,
    headers: HeaderMap,
    body: Option<Body<RefreshInput>>,
) -> Result<Response> {
    let mut tx = app.begin().await?;
    let session = match caller {
        Ok(caller) => caller.session,
        Err(error) => match refresh_token_of(&app, &headers, body)? {
            Some(token) => service::session_of(&mut tx, &token).await?,
            None => return Err(error),
        },
    };
    service::end(&mut tx, &session, EndReason::Logout).await?;
    tx.commit().await?;
    Ok(cookies::clear(&app, done()))
}

/// Changes the caller's own password and ends all other sign-ins.
#[utoipa::path(post, path = "/api/auth/change-password", tag = "auth",
    request_body = PasswordChange,
    responses((status = 200, body = Data<Empty>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, \
                                            `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 409, description = "`password_changed`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, also for a wrong password",
               body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody)))]
async fn change_password(
    State(app): State<App>,
    client: Client,
    caller: Caller,
    body: Body<PasswordChange>,
) -> Result<Data<Empty>> {
    app.attempts.count(Group::Password, client).await?;
    service::change_password(&app, &caller, body.value).await?;
    Ok(done())
}

/// Mails a link that sets a new password, where the address has an account. The answer does not
/// tell.
#[utoipa::path(post, path = "/api/auth/forgot-password", tag = "auth",
    request_body = ForgottenPassword,
    responses((status = 200, body = Data<Empty>),
              (status = 422, description = "`validation_failed`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody)))]
async fn forgot_password(
    State(app): State<App>,
    client: Client,
    body: Body<ForgottenPassword>,
) -> Result<Data<Empty>> {
    app.attempts.count(Group::Mail, client).await?;
    let mut tx = app.begin().await?;
    service::forgot_password(&mut tx, &body.value.email).await?;
    tx.commit().await?;
    Ok(done())
}

/// Sets a new password by the token of a mailed link, and ends all sign-ins.
#[utoipa::path(post, path = "/api/auth/reset-password", tag = "auth", request_body = PasswordReset,
    responses((status = 200, body = Data<Empty>),
              (status = 401, description = "`link_invalid`, `link_expired`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody)))]
async fn reset_password(
    State(app): State<App>,
    client: Client,
    body: Body<PasswordReset>,
) -> Result<Data<Empty>> {
    app.attempts.count(Group::MailToken, client).await?;
    service::reset_password(&app, body.value).await?;
    Ok(done())
}

/// Shows by the token of a mailed link that the address is the user's.
#[utoipa::path(post, path = "/api/auth/verify-email", tag = "auth",
    request_body = EmailVerification,
    responses((status = 200, body = Data<Empty>),
              (status = 401, description = "`link_invalid`, `link_expired`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody)))]
async fn verify_email(
    State(app): State<App>,
    client: Client,
    body: Body<EmailVerification>,
) -> Result<Data<Empty>> {
    app.attempts.count(Group::MailToken, client).await?;
    let mut tx = app.begin().await?;
    service::verify_email(&mut tx, body.value).await?;
    tx.commit().await?;
    Ok(done())
}
