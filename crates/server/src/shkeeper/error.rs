//! What this rail refuses.

use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum ShkeeperError {
    /// There is no gateway.
    #[error("Payments by SHKeeper are not set up here")]
    NotConfigured,
    /// A callback that is not the gateway's, or too old.
    #[error("The signature is wrong or too old")]
    Signature,
    /// A callback of another form than its endpoint's.
    #[error("This is no callback of this endpoint")]
    Form,
    /// The price is in a money that the gateway does not know.
    #[error("Prices in this currency cannot be paid by SHKeeper")]
    Currency,
    /// The payment is to be paid in the coin that was chosen first.
    #[error("This payment is to be made in {0}")]
    OtherCoin(String),
    /// The gateway does not take this coin now, or not this currency.
    #[error("The gateway does not take this coin now")]
    CoinUnavailable,
    /// The gateway cannot be reached, or its answer did not come.
    #[error("The payment gateway does not answer, try again later")]
    Unreachable,
}

impl Coded for ShkeeperError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotConfigured | Self::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Signature => StatusCode::UNAUTHORIZED,
            Self::Form => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Currency | Self::OtherCoin(_) | Self::CoinUnavailable => StatusCode::CONFLICT,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "shkeeper_not_configured",
            Self::Signature => "signature_invalid",
            Self::Form => "callback_malformed",
            Self::Currency => "currency_not_supported",
            Self::OtherCoin(_) => "payment_in_another_crypto",
            Self::CoinUnavailable => "crypto_unavailable",
            Self::Unreachable => "gateway_unreachable",
        }
    }

    fn retry_after(&self) -> Option<u64> {
        matches!(self, Self::Unreachable).then_some(10)
    }
}
