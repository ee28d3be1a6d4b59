//! Who may connect (contract §1.1, §1.2).

use std::time::Instant;

use events::{Access, Timestamp};
use http::{HeaderMap, header, request};
use serde::Deserialize;
use serde_json::value::RawValue;
use socketio::{ConnectRequest, Refusal, Refused};

use crate::app::App;
use crate::auth::tokens::TokenError;
use crate::config::HttpConfig;
use crate::extract::{Caller, token_of};

/// Why a socket is closed when its sign-in ends.
pub const SIGNED_OUT: &str = "session ended";
/// Why a socket is closed when its token ends.
pub const TOKEN_EXPIRED: &str = "token expired";

/// What a refused client reads as the error's message.
const UNAUTHORIZED: &str = "unauthorized";
/// The code where no token came at all; the others are [`TokenError`]'s.
const TOKEN_MISSING: &str = "token_missing";

/// Lets requests of allowed pages and of programs through. Browsers do not hold a WebSocket to
/// CORS, so the origin is checked here, on polling and on upgrade (contract §1.1).
pub fn check_origin(http: &HttpConfig, headers: &HeaderMap) -> Result<(), Refused> {
    match headers.get(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if origin.to_str().is_ok_and(|o| http.allows_origin(o)) => Ok(()),
        Some(_) => Err(Refused("Origin not allowed")),
    }
}

/// The gate of the Socket.IO server. The router answers preflights and adds the CORS headers.
pub fn gate(
    http: HttpConfig,
) -> impl Fn(&request::Parts, &mut HeaderMap) -> Result<(), Refused> + Send + Sync {
    move |request, _| check_origin(&http, &request.headers)
}

/// Who connects. `None` in `open` access for a client without a valid token.
///
/// # Errors
/// In `strict` access, for a client without a valid token.
pub fn authenticate(app: &App, request: &ConnectRequest) -> Result<Option<Caller>, Refusal> {
    let given = auth_token(request.auth.as_deref());
    let token = match &given {
        Some(token) => Some(token.as_str()),
        None => token_of(&request.handshake.headers).map(|(token, _)| token),
    };
    let verified = token.map(|token| app.tokens.verify(token, app.clock.now()));
    match (verified, app.config.realtime.access) {
        (Some(Ok(caller)), _) => Ok(Some(caller)),
        (_, Access::Open) => Ok(None),
        (None, Access::Strict) => Err(refusal(TOKEN_MISSING, "Sign in first")),
        (Some(Err(error)), Access::Strict) => Err(of_token(error)),
    }
}

fn of_token(error: TokenError) -> Refusal {
    refusal(error.code(), &error.to_string())
}

fn refusal(code: &str, detail: &str) -> Refusal {
    Refusal::new(UNAUTHORIZED).data(serde_json::json!({ "code": code, "message": detail }))
}

/// `auth.token` of CONNECT; it wins over what the browser sends by itself.
fn auth_token(auth: Option<&RawValue>) -> Option<String> {
    #[derive(Deserialize)]
    struct Auth {
        token: Option<String>,
    }
    let auth: Auth = serde_json::from_str(auth?.get()).ok()?;
    auth.token.filter(|token| !token.is_empty())
}

/// The moment of a time, by the clock that the connections go by.
pub fn moment(app: &App, at: Timestamp) -> Instant {
    let left = at.as_millis() - app.clock.now().as_millis();
    Instant::now() + std::time::Duration::from_millis(u64::try_from(left).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(auth: &str) -> Option<String> {
        auth_token(Some(&RawValue::from_string(auth.to_owned()).unwrap()))
    }

    #[test]
    fn the_token_is_found_in_auth() {
        assert_eq!(token(r#"{"token":"a.b.c","x":1}"#).as_deref(), Some("a.b.c"));
        for auth in [r#"{"token":""}"#, r#"{"token":null}"#, r#"{"token":1}"#, "{}", "[]", "\"t\""]
        {
            assert_eq!(token(auth), None, "{auth}");
        }
        assert_eq!(auth_token(None), None);
    }
}
