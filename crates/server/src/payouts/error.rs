//! What a payout refuses.

use events::PayoutStatus;
use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum PayoutError {
    /// Its status does not allow it, or somebody else was faster.
    #[error("The payout is {0}, which does not allow this")]
    WrongState(PayoutStatus),
    /// The share has one already.
    #[error("This deal has its payout already")]
    Exists,
    /// The rail does not pay out by itself.
    #[error("This rail does not pay out by itself")]
    NoRail,
}

impl Coded for PayoutError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::WrongState(_) => "payout_wrong_state",
            Self::Exists => "payout_exists",
            Self::NoRail => "payout_rail_missing",
        }
    }
}
