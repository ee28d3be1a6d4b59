//! Reviews as they are written and read.

use events::{RequestId, ReviewId, Timestamp, UserId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::Result;
use crate::extract::Page;
use crate::requests::is_text;

/// A new review.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateReview {
    /// Stars, 1 to 5.
    #[garde(range(min = 1, max = 5))]
    #[schema(minimum = 1, maximum = 5, example = 5)]
    pub rating: u8,
    /// In words: 2,000 characters at most; may be left out.
    #[garde(custom(is_text::<0, 2000>))]
    #[serde(default)]
    #[schema(example = "Fast and careful.", max_length = 2000)]
    pub comment: String,
}

/// A review.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// The review.
    #[serde(rename = "_id")]
    pub id: ReviewId,
    /// The deal.
    pub request_id: RequestId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Their display name.
    pub author_name: String,
    /// Whom it is about.
    pub subject_id: UserId,
    /// Stars, 1 to 5.
    pub rating: u8,
    /// In words.
    pub comment: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Which part of the list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ReviewQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

impl ReviewQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}
