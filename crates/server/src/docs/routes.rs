//! Where the documents are served.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde_json::value::RawValue;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::Config;

use super::{asyncapi, openapi, page, reference};
use crate::app::App;
use crate::error::{ApiError, Result, json_response};

/// The pages may run and load what this server has, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; base-uri 'none'; frame-ancestors 'self'",
);

/// The documents.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(asyncapi))
        .routes(routes!(events_page))
}

/// The pages that show the OpenAPI document; they are no part of the API.
pub fn viewer() -> Router<App> {
    Router::new()
        .route("/docs", get(async || Redirect::temporary("/docs/")))
        .route("/docs/", get(async || viewer_file("index.html")))
        .route("/docs/{file}", get(async |Path(file): Path<String>| viewer_file(&file)))
}

/// This API as an OpenAPI 3.1 document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "The OpenAPI document.", body = serde_json::Value)))]
async fn openapi() -> Result<Response> {
    static TEXT: LazyLock<serde_json::Result<Box<RawValue>>> =
        LazyLock::new(|| openapi::document().and_then(|d| serde_json::value::to_raw_value(&d)));
    stored(&TEXT)
}

/// All events as an AsyncAPI 3 document.
#[utoipa::path(get, path = "/asyncapi.json", tag = "operations",
    responses((status = 200, description = "The AsyncAPI document.", body = serde_json::Value)))]
async fn asyncapi() -> Result<Response> {
    static TEXT: LazyLock<serde_json::Result<Box<RawValue>>> = LazyLock::new(|| {
        let document = asyncapi::document(&events::catalog())?;
        serde_json::value::to_raw_value(&document)
    });
    stored(&TEXT)
}

/// All events as a page to read.
#[utoipa::path(get, path = "/docs/events", tag = "operations",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
async fn events_page() -> Result<Response> {
    static PAGE: LazyLock<serde_json::Result<String>> = LazyLock::new(|| {
        let text = reference::markdown(&events::catalog())?;
        Ok(page::render("Souk: socket events", &text))
    });
    match &*PAGE {
        Ok(page) => Ok(guarded(Html(page.as_str()).into_response())),
        Err(error) => Err(ApiError::internal(error)),
    }
}

fn stored(text: &'static LazyLock<serde_json::Result<Box<RawValue>>>) -> Result<Response> {
    match &**text {
        Ok(json) => Ok(json_response(StatusCode::OK, json.clone())),
        Err(error) => Err(ApiError::internal(error)),
    }
}

fn guarded(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// A file of the viewer, which is compiled in.
fn viewer_file(name: &str) -> Response {
    static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
        // Otherwise the viewer has the document checked by a server elsewhere.
        let config = Config::from("/openapi.json").validator_url("none").deep_linking(true);
        Arc::new(config.display_request_duration(true).persist_authorization(false))
    });
    match utoipa_swagger_ui::serve(name, CONFIG.clone()) {
        Ok(Some(file)) => {
            let kind = [(header::CONTENT_TYPE, file.content_type)];
            guarded((kind, file.bytes.into_owned()).into_response())
        }
        Ok(None) => ApiError::not_found().into_response(),
        Err(error) => ApiError::internal(&error).into_response(),
    }
}
