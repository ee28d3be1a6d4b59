//! Endpoints for operators and tools: liveness, readiness.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use db::{DbError, args, sql};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, Result};

/// Whoever asks whether a node is ready does not wait long for the answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The state of this node.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`: a process that answers is alive.
    pub status: &'static str,
    /// The program's version.
    pub version: &'static str,
}

/// The process is alive.
#[utoipa::path(get, path = "/health", tag = "operations",
    responses((status = 200, description = "The process is alive.", body = Health)))]
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The node can serve requests: it reaches its database and is not stopping.
#[utoipa::path(get, path = "/ready", tag = "operations",
    responses((status = 200, description = "The node can serve.", body = Health),
              (status = 503, description = "It cannot, for now.", body = crate::error::ErrorBody)))]
pub async fn ready(State(app): State<App>) -> Result<Json<Health>> {
    if app.stopping.is_cancelled() {
        let mut error = ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "This node is shutting down",
        );
        error.retry_after = Some(1);
        return Err(error);
    }
    app.health.check()?;
    let look = app.db.fetch_one(sql!("SELECT 1 AS one"), args![]);
    tokio::time::timeout(ANSWER_WITHIN, look)
        .await
        .map_err(|_| DbError::Unavailable("the database does not answer".into()))??;
    Ok(Json(Health { status: "ready", version: env!("CARGO_PKG_VERSION") }))
}
