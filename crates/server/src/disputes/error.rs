//! What a dispute refuses.

use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum DisputeError {
    /// There is an open one about the deal.
    #[error("There is an open dispute about this deal already")]
    Exists,
    /// It is over.
    #[error("The dispute is resolved")]
    Resolved,
    /// More evidence than anybody reads.
    #[error("There is too much evidence already")]
    TooMuchEvidence,
}

impl Coded for DisputeError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Exists => "dispute_exists",
            Self::Resolved => "dispute_resolved",
            Self::TooMuchEvidence => "too_much_evidence",
        }
    }
}
