//! What a delivery refuses.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No code was made, or it was used.
    #[error("There is no delivery code to enter; ask for one")]
    NoCode,
    /// Its seven days are over.
    #[error("The delivery code has expired; ask for a new one")]
    CodeExpired,
    /// Too many wrong ones were entered.
    #[error("Too many wrong codes were entered; ask for a new one")]
    CodeLocked,
    /// Another code is the right one.
    #[error("The delivery code is wrong; {0} more tries")]
    WrongCode(u32),
    /// Nothing is completed while a dispute is open.
    #[error("The deal has an open dispute")]
    DisputeOpen,
}

impl Coded for DeliveryError {
    fn status(&self) -> StatusCode {
        match self {
            Self::WrongCode(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::CONFLICT,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoCode => "no_delivery_code",
            Self::CodeExpired => "delivery_code_expired",
            Self::CodeLocked => "delivery_code_locked",
            Self::WrongCode(_) => "delivery_code_wrong",
            Self::DisputeOpen => "dispute_open",
        }
    }

    fn details(&self) -> Option<BTreeMap<String, String>> {
        match self {
            Self::WrongCode(left) => Some([("triesLeft".to_owned(), left.to_string())].into()),
            _ => None,
        }
    }
}
