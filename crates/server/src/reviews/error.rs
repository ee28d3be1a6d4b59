//! What a review refuses.

use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The caller wrote one about this deal.
    #[error("You have reviewed this deal already")]
    Exists,
}

impl Coded for ReviewError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Exists => "review_exists",
        }
    }
}
