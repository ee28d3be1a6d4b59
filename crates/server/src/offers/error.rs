//! What an offer refuses.

use events::OfferStatus;
use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// The request's `offersUntil` has passed.
    #[error("Offers on this request are closed")]
    Closed,
    /// The seller has a live offer on the request.
    #[error("You have a live offer on this request already")]
    Exists,
    /// The offer was accepted or is over, or somebody else was faster.
    #[error("The offer is {0}")]
    NotPending(OfferStatus),
    /// Its `validUntil` has passed.
    #[error("The offer was valid until a time that has passed")]
    Expired,
}

impl Coded for OfferError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "offers_closed",
            Self::Exists => "offer_exists",
            Self::NotPending(_) => "offer_not_pending",
            Self::Expired => "offer_expired",
        }
    }
}
