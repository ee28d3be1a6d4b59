//! Calls of the API, in the same process.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, header};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::app::App;
use crate::http::Peer;
use crate::router;

/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// Calls the API.
#[derive(Clone)]
pub struct Api {
    router: Router,
}

impl Api {
    pub fn new(app: &App) -> Self {
        Self { router: router::router(app) }
    }

    /// The `data` of the answer.
    ///
    /// # Errors
    /// One line about a refusal.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let mut request = Request::builder().method(method.clone()).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        let peer = Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let request = request.extension(peer).body(body).map_err(|error| error.to_string())?;
        let Ok(response) = self.router.clone().oneshot(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), ANSWER_MAX).await;
        let bytes = bytes.map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_slice(&bytes)
            .map_err(|error| format!("{method} {path}: {status}, no JSON: {error}"))?;
        if status.is_success() {
            return Ok(answer["data"].take());
        }
        Err(format!("{method} {path}: {status}: {}", answer["error"]))
    }
}
