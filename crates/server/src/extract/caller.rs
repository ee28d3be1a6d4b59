//! Who is calling.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use events::{Role, Timestamp, UserId};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use crate::app::App;
use crate::auth::tokens::TokenError;
use crate::error::{ApiError, Coded, Result};

/// The cookie that carries the access token (contract §2).
pub const ACCESS_COOKIE: &str = "accessToken";

/// A valid access token's holder.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// What the user is.
    pub role: Role,
    /// The sign-in that the token comes from; it ends by logout or revocation.
    pub session: Session,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// A sign-in: the family of refresh tokens that one login started.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session(pub Arc<str>);

impl Caller {
    /// Whether the caller is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// 403 unless the caller has this role (administrators have their own endpoints).
    pub fn require(&self, role: Role) -> Result<()> {
        if self.role == role { Ok(()) } else { Err(ApiError::forbidden()) }
    }
}

impl Coded for TokenError {
    fn status(&self) -> StatusCode {
        StatusCode::UNAUTHORIZED
    }
    fn code(&self) -> &'static str {
        TokenError::code(self)
    }
}

/// Where a token was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSource {
    /// `Authorization: Bearer`.
    Bearer,
    /// The `accessToken` cookie.
    Cookie,
}

/// The access token of a request; the header wins over the cookie.
pub fn token_of(headers: &HeaderMap) -> Option<(&str, TokenSource)> {
    if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok())
        && let Some((scheme, token)) = value.split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some((token.trim(), TokenSource::Bearer));
    }
    cookie(headers, ACCESS_COOKIE).map(|token| (token, TokenSource::Cookie))
}

/// The value of a cookie, where it is there and not empty.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// 403 unless a browser's write comes from an allowed page. A cookie goes along with requests
/// that other sites make (SameSite=Lax is not enough for sibling domains), a header does not.
pub fn check_origin(app: &App, method: &Method, headers: &HeaderMap) -> Result<()> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let origin = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok());
    if origin.is_some_and(|o| app.config.http.allows_origin(o)) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "origin_not_allowed",
        "A write with a cookie needs an allowed Origin",
    ))
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Some((token, source)) = token_of(&parts.headers) else {
            return Err(ApiError::unauthorized());
        };
        let caller = app.tokens.verify(token, app.clock.now())?;
        if source == TokenSource::Cookie {
            check_origin(app, &parts.method, &parts.headers)?;
        }
        Ok(caller)
    }
}

/// The caller, where there is one. A token that is there must be valid.
pub struct MaybeCaller(pub Option<Caller>);

impl FromRequestParts<App> for MaybeCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        if token_of(&parts.headers).is_none() {
            return Ok(Self(None));
        }
        Caller::from_request_parts(parts, app).await.map(|c| Self(Some(c)))
    }
}

/// A caller who is an administrator.
pub struct Admin(pub Caller);

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.require(Role::Admin)?;
        Ok(Self(caller))
    }
}
