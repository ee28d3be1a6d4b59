//! Errors as clients see them: an HTTP status, a stable snake_case code, a message for people.
//!
//! What holds always here: a slice has its own error enum that implements [`Coded`]; everything
//! else becomes `internal`, is logged with its cause, and tells the client nothing of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use db::DbError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::telemetry;

/// An error with its place in the HTTP API and a code that never changes.
pub trait Coded: std::error::Error {
    /// The HTTP status of the answer.
    fn status(&self) -> StatusCode;
    /// The stable snake_case code.
    fn code(&self) -> &'static str;
    /// Fields and what is wrong with them, for 422.
    fn details(&self) -> Option<BTreeMap<String, String>> {
        None
    }
    /// Seconds after which a retry makes sense, for 429 and 503.
    fn retry_after(&self) -> Option<u64> {
        None
    }
    /// What the client reads; by default the error's `Display`.
    fn message(&self) -> Cow<'static, str> {
        Cow::Owned(self.to_string())
    }
}

/// What a handler fails with.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    /// The text for people.
    pub message: Cow<'static, str>,
    /// Per-field explanations of a 422.
    pub details: Option<BTreeMap<String, String>>,
    /// Seconds for the `Retry-After` header.
    pub retry_after: Option<u64>,
}

/// The result of handlers and services.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

impl ApiError {
    /// An error without details.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), details: None, retry_after: None }
    }

    /// 400: the request cannot be read.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 401: who is calling is not known.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Sign in first")
    }

    /// 403: the caller is known and may not.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You may not do this")
    }

    /// 404: it does not exist, or the caller may not know of it.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing")
    }

    /// 409 with a code of its own: the state does not allow it.
    pub fn conflict(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 422: one field is wrong.
    pub fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid([(field.to_owned(), message.into())].into())
    }

    /// 422: the named fields are wrong.
    pub fn invalid(details: BTreeMap<String, String>) -> Self {
        let mut error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "Some fields cannot be accepted",
        );
        error.details = Some(details);
        error
    }

    /// 429 with `Retry-After`.
    pub fn rate_limited(retry_after_secs: u64) -> Self {
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "Too many requests, try again later",
        );
        error.retry_after = Some(retry_after_secs.max(1));
        error
    }

    /// 500: our fault. The cause goes to the log and not to the client.
    #[track_caller]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        let at = std::panic::Location::caller();
        tracing::error!(%cause, %at, "internal error");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
    }
}

impl<E: Coded> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self {
            status: error.status(),
            code: error.code(),
            message: error.message(),
            details: error.details(),
            retry_after: error.retry_after(),
        }
    }
}

/// Constraint violations that a slice did not expect are internal errors; an unreachable or
/// overloaded database is a 503 that may be tried again.
impl From<DbError> for ApiError {
    #[track_caller]
    fn from(error: DbError) -> Self {
        if matches!(error, DbError::Unavailable(..) | DbError::Serialization(..)) {
            tracing::warn!(%error, "database unavailable");
            let mut answer = Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The database cannot be reached, try again",
            );
            answer.retry_after = Some(1);
            return answer;
        }
        Self::internal(&error)
    }
}

impl From<serde_json::Error> for ApiError {
    /// Only our own values are turned into JSON by hand; what clients send goes through
    /// [`crate::extract::Body`].
    #[track_caller]
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

/// The body of every failed request.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Always false.
    #[schema(default = false)]
    pub success: bool,
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong, for programs (`code`) and for people (`message`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    /// Stable snake_case code.
    pub code: Cow<'static, str>,
    /// Text for people; may change.
    pub message: String,
    /// Field paths and what is wrong with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<BTreeMap<String, String>>,
    /// Also in the `X-Request-Id` header and in the log.
    pub request_id: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            success: false,
            error: ErrorDetail {
                code: Cow::Borrowed(self.code),
                message: self.message.into_owned(),
                details: self.details,
                request_id: telemetry::request_id(),
            },
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(secs) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// A JSON text that is already encoded, such as a stored answer.
pub fn json_response(status: StatusCode, json: Box<RawValue>) -> Response {
    let mut response = (status, String::from(Box::<str>::from(json))).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
