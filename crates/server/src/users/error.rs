//! What can be wrong with an account.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::error::Coded;

/// Why an account cannot be made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The address belongs to an account.
    #[error("This e-mail address has an account already")]
    EmailTaken,
    /// No user has this referral code.
    #[error("There is no such referral code")]
    UnknownReferralCode,
    /// Buyers and administrators get no payouts.
    #[error("Only sellers have a payout wallet")]
    NotASeller,
    /// The file is not there, or is another user's.
    #[error("There is no such image of yours")]
    UnknownAvatar,
}

impl UserError {
    fn field(self) -> Option<&'static str> {
        match self {
            Self::UnknownReferralCode => Some("referralCode"),
            Self::NotASeller => Some("payoutWallet"),
            Self::UnknownAvatar => Some("avatarId"),
            Self::EmailTaken => None,
        }
    }
}

impl Coded for UserError {
    fn status(&self) -> StatusCode {
        match self {
            Self::EmailTaken => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::EmailTaken => "email_taken",
            _ => "validation_failed",
        }
    }

    fn details(&self) -> Option<BTreeMap<String, String>> {
        self.field().map(|field| [(field.to_owned(), self.to_string())].into())
    }
}
