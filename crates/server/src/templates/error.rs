//! What templates and their checkouts refuse.

use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Not so many uses are left.
    #[error("Not enough of \"{0}\" is left")]
    UsedUp(String),
    /// Its time is over.
    #[error("\"{0}\" is no longer for sale")]
    Expired(String),
    /// More was taken than the new stock would hold.
    #[error("{0} uses are taken; the stock cannot be smaller")]
    StockTooSmall(i64),
    /// One payment pays a checkout, so it has one currency.
    #[error("All templates of a checkout must be in one currency")]
    Currencies,
    /// The sum cannot be paid.
    #[error("The total is too large")]
    TooMuch,
    /// The checkout is paid already, or it failed.
    #[error("The checkout is no longer waiting for its payment")]
    NotPending,
}

impl Coded for TemplateError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Currencies | Self::TooMuch => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::CONFLICT,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UsedUp(_) => "template_used_up",
            Self::Expired(_) => "template_expired",
            Self::StockTooSmall(_) => "stock_too_small",
            Self::Currencies => "mixed_currencies",
            Self::TooMuch => "total_too_large",
            Self::NotPending => "checkout_not_pending",
        }
    }
}
