//! The pages of the console, compiled in (`build.rs`). A program for development reads them from
//! the source tree.

use std::borrow::Cow;

use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::error::ApiError;

/// A file of the built console.
#[cfg_attr(debug_assertions, expect(dead_code, reason = "read from the source tree instead"))]
pub struct Asset {
    path: &'static str,
    text: &'static [u8],
    compressed: &'static [u8],
}

#[cfg_attr(debug_assertions, expect(dead_code, reason = "read from the source tree instead"))]
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// The page talks to this server alone. Its styles are set by script here and there.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// The place where the page's own addresses are right.
pub async fn enter() -> Redirect {
    Redirect::temporary("/console/")
}

/// A file of the console; the empty path is its page.
pub fn serve(path: &str, headers: &HeaderMap) -> Response {
    let path = if path.is_empty() { "index.html" } else { path };
    let Some((text, compressed)) = find(path) else { return missing().into_response() };
    let takes_gzip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"));
    let mut response = if takes_gzip {
        ([(header::CONTENT_ENCODING, "gzip")], compressed).into_response()
    } else {
        text.into_response()
    };
    // The names of the others say what is in them.
    let lasts = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lasts));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

type Text = Cow<'static, [u8]>;

/// The file as it is, and compressed.
#[cfg(not(debug_assertions))]
fn find(path: &str) -> Option<(Text, Text)> {
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    Some((asset.text.into(), asset.compressed.into()))
}

#[cfg(debug_assertions)]
fn find(path: &str) -> Option<(Text, Text)> {
    if path.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return None;
    }
    let file = format!("{}/../../web/dist/console/{path}", env!("CARGO_MANIFEST_DIR"));
    let compressed = std::fs::read(format!("{file}.gz")).ok()?;
    Some((std::fs::read(file).ok()?.into(), compressed.into()))
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn missing() -> ApiError {
    if find("index.html").is_none() {
        return ApiError::new(
            StatusCode::NOT_FOUND,
            "console_not_built",
            "This Souk was built without its console; `cargo xtask serve` builds both",
        );
    }
    ApiError::not_found()
}
