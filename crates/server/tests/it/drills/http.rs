//! A small REST client over real connections.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A client with its connection pool.
#[derive(Clone)]
pub struct Http(Client<HttpConnector, Full<Bytes>>);

/// An answer: status and JSON body.
pub type Answer = (u16, Value);

impl Http {
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends a request; an error means that the connection failed, so that the outcome is not
    /// known.
    pub async fn send(
        &self,
        method: Method,
        authority: &str,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let mut request =
            Request::builder().method(method).uri(format!("http://{authority}{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Bytes::new, |json| json.to_string().into());
        let request = request.body(Full::new(body)).map_err(|e| e.to_string())?;
        let response = self.0.request(request).await.map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
        let json = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
        Ok((status, json))
    }

    /// Emits an event as another process would; the status.
    pub async fn emit(&self, authority: &str, key: &str, body: &Value) -> Result<u16, String> {
        let request = Request::post(format!("http://{authority}/api/realtime/emit"))
            .header("x-service-key", key)
            .header("content-type", "application/json")
            .body(Full::new(body.to_string().into()))
            .map_err(|e| e.to_string())?;
        let response = self.0.request(request).await.map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        response.into_body().collect().await.map_err(|e| e.to_string())?;
        Ok(status)
    }
}
