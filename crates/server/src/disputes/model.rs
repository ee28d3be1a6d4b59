//! The rules of disputes: pure functions.

use events::RequestStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a dispute stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    ToSchema,
    strum::AsRefStr,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisputeStatus {
    /// It waits for an administrator.
    Open,
    /// It is decided.
    Resolved,
}

/// How a dispute ends.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    strum::AsRefStr,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = DisputeOutcome)]
pub enum Outcome {
    /// The seller gets the price.
    Release,
    /// The buyer gets it back.
    Refund,
    /// Each gets a part.
    Split,
}

/// Whether a dispute can be opened about a request: while its price is in escrow.
pub fn may_open(status: RequestStatus) -> bool {
    use RequestStatus as S;
    matches!(status, S::Processing | S::Delivery | S::Delivered)
}

/// Why an outcome cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoDecision {
    /// A split says how much the seller gets.
    #[error("is needed for a split: what the seller gets")]
    AmountMissing,
    /// The others say it by themselves.
    #[error("is for a split only")]
    AmountGiven,
    /// A part is more than nothing and less than all.
    #[error("must be more than zero and less than the price")]
    NoPart,
}

/// What the seller gets of `price` (all in minor units).
///
/// # Errors
/// [`NoDecision`], where `amount` does not fit the outcome.
pub fn to_seller(outcome: Outcome, amount: Option<i64>, price: i64) -> Result<i64, NoDecision> {
    match (outcome, amount) {
        (Outcome::Release, None) => Ok(price),
        (Outcome::Refund, None) => Ok(0),
        (Outcome::Release | Outcome::Refund, Some(_)) => Err(NoDecision::AmountGiven),
        (Outcome::Split, None) => Err(NoDecision::AmountMissing),
        (Outcome::Split, Some(amount)) if amount > 0 && amount < price => Ok(amount),
        (Outcome::Split, Some(_)) => Err(NoDecision::NoPart),
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn only_about_what_is_in_escrow() {
        use RequestStatus as S;
        for &status in S::ALL {
            let expected = [S::Processing, S::Delivery, S::Delivered].contains(&status);
            assert_eq!(may_open(status), expected, "{status}");
        }
    }

    #[test]
    fn every_outcome_with_every_amount() {
        for &outcome in Outcome::VARIANTS {
            for amount in [None, Some(-1), Some(0), Some(1), Some(99), Some(100), Some(101)] {
                let expected = match (outcome, amount) {
                    (Outcome::Release, None) => Ok(100),
                    (Outcome::Refund, None) => Ok(0),
                    (Outcome::Split, Some(part @ (1 | 99))) => Ok(part),
                    (Outcome::Split, None) => Err(NoDecision::AmountMissing),
                    (Outcome::Split, Some(_)) => Err(NoDecision::NoPart),
                    (_, Some(_)) => Err(NoDecision::AmountGiven),
                };
                assert_eq!(to_seller(outcome, amount, 100), expected, "{outcome} {amount:?}");
            }
        }
    }
}
