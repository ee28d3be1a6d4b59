//! Pages of lists (contract §2): `?page&limit`, answered with `pagination`.

use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, Result};

/// Most rows of a page (contract §2).
const LIMIT_MAX: i64 = 100;
/// Beyond this a list is to be narrowed by its filters; it also keeps the offset from overflow.
const PAGE_MAX: i64 = 1_000_000;

/// Which part of a list is asked for. A list's own query type holds `page` and `limit` beside its
/// filters and makes this of them.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Counted from 1.
    pub page: i64,
    /// Rows a page, 1 to 100.
    pub limit: i64,
}

impl Page {
    /// Checks the two parameters; absent ones are page 1 and 20 rows.
    pub fn of(page: Option<i64>, limit: Option<i64>) -> Result<Self> {
        let page = page.unwrap_or(1);
        let limit = limit.unwrap_or(20);
        if !(1..=PAGE_MAX).contains(&page) {
            return Err(ApiError::invalid_field("page", "must be between 1 and 1000000"));
        }
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::invalid_field("limit", "must be between 1 and 100"));
        }
        Ok(Self { page, limit })
    }

    /// Rows to pass over.
    pub fn offset(self) -> i64 {
        (self.page - 1) * self.limit
    }

    /// The answer, from the rows of this page and the count of all.
    pub fn listing<T>(self, data: Vec<T>, total: i64) -> Listing<T> {
        let has_more = self.offset() + (data.len() as i64) < total;
        Listing {
            success: true,
            data,
            pagination: Pagination { page: self.page, limit: self.limit, total, has_more },
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// Always true.
    #[schema(default = true)]
    pub success: bool,
    /// The rows of this page.
    pub data: Vec<T>,
    /// Where this page stands.
    pub pagination: Pagination,
}

/// Where a page stands in its list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Counted from 1.
    pub page: i64,
    /// Rows a page.
    pub limit: i64,
    /// Rows of the whole list.
    pub total: i64,
    /// Whether a next page has rows.
    pub has_more: bool,
}

impl<T: Serialize> IntoResponse for Listing<T> {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}
