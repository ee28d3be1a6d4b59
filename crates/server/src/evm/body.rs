//! What is sent and answered about payments from wallets.

use events::documents::{Payment, Payout};
use events::{Amount, CheckoutId, Currency, OfferId, PaymentId, RequestId, Timestamp};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::Standing;
use super::types::{Address, Hash};
use crate::config::Token;

/// What to pay, and from which wallet.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "purchaseRequestId": "01934e5a-6f00-7000-8000-00000000002a",
    "sellerOfferId": "01934e5a-6f00-7000-8000-00000000002a",
    "token": "USDC",
    "wallet": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
}))]
pub struct CreateWalletIntent {
    /// The request whose accepted offer is paid; goes with `sellerOfferId`.
    #[garde(skip)]
    pub purchase_request_id: Option<RequestId>,
    /// The accepted offer.
    #[garde(skip)]
    pub seller_offer_id: Option<OfferId>,
    /// The template checkout that is paid, instead of the two.
    #[garde(skip)]
    pub checkout_id: Option<CheckoutId>,
    /// One of `GET /api/payment/decentralized/tokens`.
    #[garde(length(min = 1, max = 12))]
    #[schema(example = "USDC")]
    pub token: String,
    /// The wallet that will pay. Its own key has to sign `message`, so it cannot be a contract or
    /// an exchange's.
    #[garde(skip)]
    #[schema(value_type = String, example = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    pub wallet: Address,
}

/// Shows whose wallet it is.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProveWallet {
    /// The payment.
    #[garde(skip)]
    pub payment_id: PaymentId,
    /// The intent's `message`, signed by the wallet with `personal_sign` (EIP-191): `0x` and 130
    /// hexadecimal digits.
    #[garde(length(bytes, max = 200))]
    pub signature: String,
}

/// Names the transaction that pays.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmPayment {
    /// The payment.
    #[garde(skip)]
    pub payment_id: PaymentId,
    /// The transaction: `0x` and 64 hexadecimal digits.
    #[garde(skip)]
    #[schema(value_type = String, pattern = "^0x[0-9a-fA-F]{64}$")]
    pub tx_hash: Hash,
    /// As for `POST /api/payment/decentralized/wallet`, where that was not called before.
    #[garde(inner(length(bytes, max = 200)))]
    pub signature: Option<String>,
}

/// Names the transaction that paid the seller.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordPayout {
    /// The payment whose escrow is paid out.
    #[garde(skip)]
    pub payment_id: PaymentId,
    /// The transaction: `0x` and 64 hexadecimal digits.
    #[garde(skip)]
    #[schema(value_type = String, pattern = "^0x[0-9a-fA-F]{64}$")]
    pub tx_hash: Hash,
}

/// A token, or the chain's own coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletToken {
    /// Its name in requests.
    #[schema(example = "USDC")]
    pub symbol: String,
    /// Its contract; absent for the chain's own coin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub address: Option<Address>,
    /// Its decimal places on the chain.
    pub decimals: u32,
    /// The currency of the deals that it pays, one unit for one.
    pub currency: Currency,
}

impl From<&Token> for WalletToken {
    fn from(token: &Token) -> Self {
        Self {
            symbol: token.symbol.clone(),
            address: token.contract,
            decimals: token.decimals,
            currency: token.currency,
        }
    }
}

/// What may be paid with.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletTokens {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// Its tokens.
    pub tokens: Vec<WalletToken>,
}

/// How to pay, and how far it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletIntent {
    /// The payment.
    pub payment_id: PaymentId,
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// What to pay with.
    pub token: WalletToken,
    /// Whom to pay: a plain transfer of the token, or of the coin, to this address.
    #[schema(value_type = String)]
    pub payee: Address,
    /// How much.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The same in the token's smallest units.
    #[schema(example = "180000000")]
    pub amount_base_units: String,
    /// What of that is still to be sent: less than all after a transaction that brought too little.
    #[schema(example = "180000000")]
    pub due_base_units: String,
    /// The payment as a link that wallets open (EIP-681).
    pub uri: String,
    /// The wallet that pays.
    #[schema(value_type = String)]
    pub wallet: Address,
    /// Whether it has signed `message`.
    pub wallet_proven: bool,
    /// What the wallet has to sign before a transaction can be confirmed.
    pub message: String,
    /// It is to be paid until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Timestamp>,
    /// The transactions that were confirmed so far, oldest first.
    pub transactions: Vec<WalletTransaction>,
}

/// A transaction that was submitted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletTransaction {
    /// The transaction.
    #[schema(value_type = String)]
    pub tx_hash: Hash,
    /// Where it stands.
    pub status: Standing,
    /// Why it is rejected or dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// How many blocks deep it was when the chain was last asked.
    pub confirmations: u64,
    /// How many it has to be; absent where the chain itself says when it is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confirmations_needed: Option<u64>,
}

/// What a confirmation led to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletConfirmation {
    /// The payment as it is now.
    pub payment: Payment,
    /// The transaction.
    pub transaction: WalletTransaction,
}

/// A payout that was made from the platform's wallet.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedPayout {
    /// The payout as it is now.
    pub payout: Payout,
    /// The transaction.
    pub transaction: WalletTransaction,
}
