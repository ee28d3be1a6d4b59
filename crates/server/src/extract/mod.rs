//! What handlers take from a request, checked before they see it.
//!
//! What holds always here: malformed input is 400, a wrong value is 422 with the field's path,
//! an unknown field is refused, and nothing that arrives can hold a NUL (which PostgreSQL's text
//! cannot store).

mod body;
mod caller;
mod page;
mod params;

pub use body::{Body, present, whole_body};
pub use caller::{
    ACCESS_COOKIE, Admin, Caller, MaybeCaller, Session, check_origin, cookie, token_of,
};
pub use page::{Listing, Page, Pagination};
pub use params::{Id, Ids, Query};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A successful answer: `{"success": true, "data": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Data<T> {
    /// Always true.
    #[schema(default = true)]
    pub success: bool,
    /// The answer itself.
    pub data: T,
}

impl<T> Data<T> {
    /// Wraps an answer.
    pub fn new(data: T) -> Self {
        Self { success: true, data }
    }
}

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        (StatusCode::OK, axum::Json(self)).into_response()
    }
}

/// A successful answer without content of its own: `{"success": true, "data": {}}`.
pub fn done() -> Data<Empty> {
    Data::new(Empty {})
}

/// An empty object.
#[derive(Debug, Serialize, ToSchema)]
pub struct Empty {}
