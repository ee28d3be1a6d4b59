//! Every route on one screen.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::any;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::config::HttpConfig;
use crate::error::ApiError;
use crate::{operations, realtime, telemetry};

#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Souk", description = "The backend of an escrow marketplace."))]
struct Document;

/// The routes and their documentation. Each slice has a line; what it serves stands in its
/// `routes.rs`.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .merge(crate::docs::routes::routes())
        .merge(crate::console::routes::routes())
        .merge(crate::auth::routes::routes())
        .merge(crate::users::routes::routes())
        .merge(crate::catalogue::routes::routes())
        .merge(crate::requests::routes::routes())
        .merge(crate::offers::routes::routes())
        .merge(crate::notifications::routes::routes())
        .merge(crate::templates::routes::routes())
        .merge(crate::delivery::routes::routes())
        .merge(crate::chat::routes::routes())
        .merge(crate::payments::routes::routes())
        .merge(crate::payouts::routes::routes())
        .merge(crate::ledger::routes::routes())
        .merge(crate::points::routes::routes())
        .merge(crate::files::routes::routes())
        .merge(crate::disputes::routes::routes())
        .merge(crate::shkeeper::routes::routes())
        .merge(crate::evm::routes::routes())
        .merge(crate::reviews::routes::routes())
        .merge(crate::webhooks::routes::routes())
        .merge(realtime::recovery::routes::routes())
        .merge(realtime::routes::routes())
}

/// The OpenAPI document of all routes.
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

/// The complete service.
pub fn router(app: &App) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .merge(crate::docs::routes::viewer())
        .merge(crate::console::routes::pages())
        .route_layer(from_fn_with_state(app.clone(), count))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(telemetry::trace))
        // A poll lasts as long as nothing happens, so it is no request that a stop waits for.
        .route("/socket.io", any(sockets))
        .route("/socket.io/", any(sockets))
        .layer(cors(&app.config.http))
        .with_state(app.clone())
}

async fn sockets(State(app): State<App>, request: Request) -> Response {
    app.realtime.handle(request).await
}

/// Lets a stop wait for the requests under way.
async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let _under_way = app.requests.token();
    next.run(request).await
}

async fn method_not_allowed(State(_): State<App>) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This path has no such method",
    )
}

/// A bug in a handler answers 500 and takes nothing else down.
fn panicked(cause: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("panic");
    axum::response::IntoResponse::into_response(ApiError::internal(&cause))
}

/// Only `FRONTEND_URL`, with credentials (contract §1.1).
fn cors(http: &HttpConfig) -> CorsLayer {
    let http = http.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin: &HeaderValue, _| {
            origin.to_str().is_ok_and(|origin| http.allows_origin(origin))
        }))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static(telemetry::REQUEST_ID_HEADER),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            HeaderName::from_static(telemetry::REQUEST_ID_HEADER),
        ])
        .max_age(Duration::from_mins(10))
}
