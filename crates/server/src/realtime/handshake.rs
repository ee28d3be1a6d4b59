//! Who may connect (contract §1.1, §1.2).

use std::net::IpAddr;
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
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str());
    let host = text(header::HOST).and_then(Result::ok).unwrap_or_default();
    match text(header::ORIGIN) {
        None => Ok(()),
        Some(Ok(origin)) if http.allows_origin(origin) || is_own(http, origin, host) => Ok(()),
        Some(_) => Err(Refused("Origin not allowed")),
    }
}

/// Whether a request comes from Souk's own address. Some clients that are no browsers name the
/// address that they connect to as their origin (Python's `websocket-client` does). A name that
/// is not `PUBLIC_URL`'s may be one that somebody else has pointed at this server, an address or
/// `localhost` may not.
fn is_own(http: &HttpConfig, origin: &str, host: &str) -> bool {
    if origin.eq_ignore_ascii_case(&http.public_url) {
        return true;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_fixed = name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    is_fixed && authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
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

/// What a client says of the session that it had (Socket.IO, connection state recovery).
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Claimed {
    /// The session's private id.
    pub pid: String,
    /// The last offset that it saw, or a text that it took for one.
    pub offset: Option<String>,
}

/// What `auth` of CONNECT says of an earlier session.
pub fn claimed(auth: Option<&RawValue>) -> Option<Claimed> {
    serde_json::from_str(auth?.get()).ok()
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

    #[test]
    fn an_earlier_session_is_found_in_auth() {
        let claimed = |auth: &str| claimed(Some(&RawValue::from_string(auth.to_owned()).unwrap()));
        let some = |pid: &str, offset: Option<&str>| {
            Some(Claimed { pid: pid.to_owned(), offset: offset.map(str::to_owned) })
        };
        assert_eq!(claimed(r#"{"pid":"p","offset":"o","token":"t"}"#), some("p", Some("o")));
        assert_eq!(claimed(r#"{"pid":"p"}"#), some("p", None));
        for auth in ["{}", r#"{"offset":"o"}"#, r#"{"pid":1}"#, "[]", r#"{"pid":"p","offset":1}"#] {
            assert_eq!(claimed(auth), None, "{auth}");
        }
    }

    #[test]
    fn origins_are_the_front_ends_or_our_own() {
        let vars = [
            ("FRONTEND_URL", "https://shop.example,http://localhost:3000"),
            ("PUBLIC_URL", "https://api.shop.example/"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let http = crate::config::Config::from_vars(&vars).unwrap().http;
        let allowed = |origin: &str, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if !origin.is_empty() {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            check_origin(&http, &headers).is_ok()
        };
        for (origin, host) in [
            ("", "evil.example"),
            ("https://shop.example", "api.shop.example"),
            ("http://localhost:3000", "api.shop.example"),
            ("https://api.shop.example", "api.shop.example"),
            ("http://127.0.0.1:5000", "127.0.0.1:5000"),
            ("http://[::1]:5000", "[::1]:5000"),
            ("http://localhost:5000", "localhost:5000"),
        ] {
            assert!(allowed(origin, host), "{origin} at {host}");
        }
        for (origin, host) in [
            ("null", "127.0.0.1:5000"),
            ("http://evil.example", "127.0.0.1:5000"),
            ("http://evil.example", "evil.example"),
            ("http://evil.example:5000", "evil.example:5000"),
            ("https://shop.example.evil.example", "api.shop.example"),
            ("http://shop.example", "api.shop.example"),
            ("http://localhost:3001", "localhost:5000"),
            ("http://127.0.0.1:3000", "127.0.0.1:5000"),
            ("ftp://127.0.0.1:5000", "127.0.0.1:5000"),
        ] {
            assert!(!allowed(origin, host), "{origin} at {host}");
        }
    }
}
