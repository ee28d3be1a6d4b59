//! What payments from wallets refuse.

use std::borrow::Cow;

use http::StatusCode;

use super::rpc::RpcError;
use super::verify::Refusal;
use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum EvmError {
    /// `EVM_RPC_URL` is not set.
    #[error("Payments from wallets are not set up here")]
    NotConfigured,
    /// The chain cannot be asked now.
    #[error("The chain cannot be reached now, try again")]
    Unavailable,
    /// The payment has no intent of this rail.
    #[error("The payment is not one from a wallet")]
    NoIntent,
    /// Nobody has shown yet whose wallet it is.
    #[error("Sign the payment's message with the wallet first")]
    WalletNotProven,
    /// Somebody else signed, or something else was signed.
    #[error("The signature is not the wallet's under the payment's message")]
    WrongSignature,
    /// Token or wallet cannot change any more.
    #[error("A transaction was submitted already, so token and wallet stay as they are")]
    IntentInUse,
    /// Too many transactions of one payment.
    #[error("Too many transactions were submitted for this payment")]
    TooManyTransactions,
    /// The transaction is not what was asked for.
    #[error("{}", in_words(*.0))]
    Refused(Refusal),
    /// No payout waits for this transaction.
    #[error("No payout of this payment waits for a transaction")]
    NoPayout,
    /// The seller has named no wallet.
    #[error("The seller has no payout wallet")]
    NoWallet,
    /// The transaction is in no block yet.
    #[error("The transaction is in no block yet")]
    NotInABlock,
    /// The seller's wallet is not on this chain.
    #[error("The seller's wallet is not on this chain")]
    OtherChain,
}

/// A refusal as people read it.
pub fn in_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Reverted => "The transaction was reverted: it moved nothing",
        Refusal::TooOld => "The transaction is older than the payment",
        Refusal::WrongToken => "The transaction moves another token",
        Refusal::WrongRecipient => "The transaction pays somebody else",
        Refusal::WrongSender => "The money does not come from the wallet that was named",
        Refusal::NoTransfer => {
            "The transaction moves no money that can be seen; a coin is to be sent by a plain \
             transfer, not by a contract"
        }
        Refusal::TooSmall => "The amount is too small to be counted",
        Refusal::TooLarge => "The amount is too large to be counted",
        Refusal::AlreadyUsed => "The transaction was used already",
    }
}

impl Coded for EvmError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotConfigured | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(refusal) if *refusal == Refusal::AlreadyUsed => StatusCode::CONFLICT,
            Self::WrongSignature | Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::CONFLICT,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "decentralized_not_configured",
            Self::Unavailable => "chain_unavailable",
            Self::NoIntent => "payment_not_decentralized",
            Self::WalletNotProven => "wallet_not_proven",
            Self::WrongSignature => "wallet_signature_invalid",
            Self::IntentInUse => "intent_in_use",
            Self::TooManyTransactions => "too_many_transactions",
            Self::Refused(Refusal::Reverted) => "transaction_reverted",
            Self::Refused(Refusal::TooOld) => "transaction_too_old",
            Self::Refused(Refusal::WrongToken) => "transaction_wrong_token",
            Self::Refused(Refusal::WrongRecipient) => "transaction_wrong_recipient",
            Self::Refused(Refusal::WrongSender) => "transaction_wrong_sender",
            Self::Refused(Refusal::NoTransfer) => "transaction_no_transfer",
            Self::Refused(Refusal::TooSmall) => "transaction_too_small",
            Self::Refused(Refusal::TooLarge) => "transaction_too_large",
            Self::Refused(Refusal::AlreadyUsed) => "transaction_already_used",
            Self::NoPayout => "no_payout_waits",
            Self::NoWallet => "payout_wallet_missing",
            Self::NotInABlock => "transaction_not_in_a_block",
            Self::OtherChain => "payout_wallet_on_another_chain",
        }
    }

    fn retry_after(&self) -> Option<u64> {
        matches!(self, Self::Unavailable).then_some(5)
    }

    fn message(&self) -> Cow<'static, str> {
        Cow::Owned(self.to_string())
    }
}

impl From<RpcError> for EvmError {
    fn from(error: RpcError) -> Self {
        tracing::warn!(%error, "the chain cannot be asked");
        Self::Unavailable
    }
}
