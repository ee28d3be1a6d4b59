//! Logs, and the request id that ties an answer to its log lines.

use std::io::IsTerminal as _;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The header that carries a request's id in both directions.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// The id of the request that is being handled, or an empty text outside of one.
pub fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// Starts logging to standard error. `RUST_LOG` overrides the level.
pub fn init(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = if json {
        logs.json().flatten_event(true).with_target(false).try_init()
    } else {
        logs.with_target(false).try_init()
    };
}

/// Gives each request an id (the client's, where it is sane), a span, and one log line.
pub async fn trace(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(REQUEST_ID_HEADER)
        .and_then(|v| v.to_str().ok())
        .filter(|v| is_sane_id(v))
        .map_or_else(|| uuid::Uuid::new_v4().simple().to_string(), str::to_owned);
    let header = HeaderValue::from_str(&id).ok();
    if let Some(value) = &header {
        request.headers_mut().insert(REQUEST_ID_HEADER, value.clone());
    }
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_owned());
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    let span = tracing::info_span!("request", id = %id);
    let started = Instant::now();
    let mut response = REQUEST_ID.scope(id, next.run(request)).instrument(span.clone()).await;
    span.in_scope(|| {
        let status = response.status().as_u16();
        let ms = started.elapsed().as_millis() as u64;
        if status >= 500 {
            tracing::warn!(%method, route, status, ms, "request failed");
        } else {
            tracing::debug!(%method, route, status, ms, "request");
        }
    });
    if let Some(value) = header {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    response
}

/// Ids from outside end up in logs and answers: short, and nothing but harmless characters.
fn is_sane_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::is_sane_id;

    #[test]
    fn ids_from_outside_are_checked() {
        assert!(is_sane_id("a-1_B.c"));
        assert!(!is_sane_id(""));
        assert!(!is_sane_id("a b"));
        assert!(!is_sane_id("a\nb"));
        assert!(!is_sane_id(&"x".repeat(65)));
    }
}
