//! What a payment refuses.

use events::{EscrowState, PaymentStatus, RequestStatus};
use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// There is nothing to pay, or it is paid.
    #[error("The request is {0}, so there is nothing to pay")]
    NotPayable(RequestStatus),
    /// The time for the payment has passed.
    #[error("The time to pay has passed")]
    TimeOver,
    /// The request's accepted offer is another one.
    #[error("This is not the offer that was accepted")]
    OtherOffer,
    /// Money of another payment was seen and is not final.
    #[error("Another payment of this deal is under way")]
    InProgress,
    /// The payment is paid or dead.
    #[error("The payment is {0}, which does not allow this")]
    NotLive(PaymentStatus),
    /// The payment is of another rail.
    #[error("The payment is of another rail")]
    OtherProvider,
    /// The reference is of another payment.
    #[error("This transfer was used for another payment")]
    TransferClaimed,
    /// The escrow's state does not allow it, or somebody else was faster.
    #[error("The escrow is {0}, which does not allow this")]
    EscrowState(EscrowState),
    /// First the dispute is to be resolved.
    #[error("There is a dispute about this deal")]
    Disputed,
    /// The buyer has nothing to get back.
    #[error("There is nothing to give back")]
    NothingToRefund,
    /// The seller has no payout wallet, or it cannot be paid to by itself.
    #[error("The seller has no payout wallet")]
    NoWallet,
}

impl Coded for PaymentError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotPayable(_) => "request_not_payable",
            Self::TimeOver => "payment_time_over",
            Self::OtherOffer => "offer_not_accepted",
            Self::InProgress => "payment_in_progress",
            Self::NotLive(_) => "payment_not_live",
            Self::OtherProvider => "payment_of_another_provider",
            Self::TransferClaimed => "transfer_already_used",
            Self::EscrowState(_) => "escrow_wrong_state",
            Self::Disputed => "escrow_disputed",
            Self::NothingToRefund => "nothing_to_refund",
            Self::NoWallet => "payout_wallet_missing",
        }
    }
}
