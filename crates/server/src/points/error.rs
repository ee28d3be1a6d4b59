//! What points refuse.

use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum PointsError {
    /// The balance is smaller.
    #[error("You have {0} points")]
    NotEnough(i64),
}

impl Coded for PointsError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotEnough(_) => "not_enough_points",
        }
    }
}
