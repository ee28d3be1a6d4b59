//! The cookies of browsers (contract §2): scripts cannot read them, other sites' forms do not
//! carry them, and the refresh token goes to the endpoints that need it alone.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use super::model::SignedIn;
use crate::app::App;
use crate::extract::ACCESS_COOKIE;

/// The cookie that carries the refresh token.
pub const REFRESH_COOKIE: &str = "refreshToken";
/// Where it is sent.
const REFRESH_PATH: &str = "/api/auth";

/// Adds the cookies of a sign-in to `response`.
pub fn set(app: &App, tokens: &SignedIn, response: impl IntoResponse) -> Response {
    let auth = &app.config.auth;
    with(
        app,
        response,
        (&tokens.access_token, auth.access_token_ttl),
        (&tokens.refresh_token, auth.refresh_token_ttl),
    )
}

/// Takes the cookies of a sign-in away.
pub fn clear(app: &App, response: impl IntoResponse) -> Response {
    with(app, response, ("", Duration::ZERO), ("", Duration::ZERO))
}

fn with(
    app: &App,
    response: impl IntoResponse,
    access: (&str, Duration),
    refresh: (&str, Duration),
) -> Response {
    let mut response = response.into_response();
    let secure = if app.config.http.is_https() { "; Secure" } else { "" };
    for (name, path, (value, max_age)) in
        [(ACCESS_COOKIE, "/", access), (REFRESH_COOKIE, REFRESH_PATH, refresh)]
    {
        let max_age = max_age.as_secs();
        let cookie = format!(
            "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"
        );
        // Tokens are base64url and dots: always a header value.
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}
