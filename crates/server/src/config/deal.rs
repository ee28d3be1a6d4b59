//! Times and rules of the deal (contract §3).

use std::time::Duration;

use super::env::Env;

/// Times and rules of the deal (contract §3).
#[derive(Debug, Clone)]
pub struct DealConfig {
    /// An accepted offer that is not paid within this time frees its request (contract §3.2), a
    /// template checkout fails (contract §3.3).
    pub payment_timeout: Duration,
    /// Who shows the delivery code; the other one enters it (contract §3.4).
    pub delivery_code_holder: CodeHolder,
    /// A delivered deal without a dispute completes by itself after this time (contract §3.4).
    pub auto_release_after: Duration,
}

/// Who shows the delivery code.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    serde::Serialize,
    utoipa::ToSchema,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CodeHolder {
    /// The seller's screen shows it, the buyer enters it on receipt (the reference).
    Seller,
    /// The buyer tells it on receipt, the seller enters it.
    Buyer,
}

impl DealConfig {
    pub(super) fn read(env: &mut Env<'_>) -> Self {
        let payment_timeout = env.duration(
            "PAYMENT_TIMEOUT",
            "24h",
            "An accepted offer or a template checkout that is not paid within this time ends.",
        );
        let holder: String = env.get(
            "DELIVERY_CODE_HOLDER",
            "seller",
            "Who shows the delivery code, seller or buyer; the other one enters it.",
        );
        let delivery_code_holder = holder.parse().unwrap_or_else(|_| {
            env.problem("DELIVERY_CODE_HOLDER", "must be seller or buyer");
            CodeHolder::Seller
        });
        let auto_release_after = env.duration(
            "AUTO_RELEASE_AFTER",
            "7d",
            "A delivered deal without a dispute completes by itself after this time.",
        );
        Self { payment_timeout, delivery_code_holder, auto_release_after }
    }
}
