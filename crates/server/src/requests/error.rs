//! What a purchase request refuses.

use events::RequestStatus;
use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Only an open request can be changed or answered.
    #[error("The request is {0}; it is no longer open")]
    NotOpen(RequestStatus),
    /// It is paid already, or over.
    #[error("A request that is {0} cannot be cancelled like this")]
    NotCancellable(RequestStatus),
    /// Its status does not allow what was asked, or somebody else was faster.
    #[error("The request is {0}, which does not allow this")]
    WrongState(RequestStatus),
    /// Offers were made in the budget's currency.
    #[error("The currency cannot change while there are offers in it")]
    CurrencyInUse,
}

impl Coded for RequestError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotOpen(_) => "request_not_open",
            Self::NotCancellable(_) => "request_not_cancellable",
            Self::WrongState(_) => "wrong_state",
            Self::CurrencyInUse => "currency_in_use",
        }
    }
}
