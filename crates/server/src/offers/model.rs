//! The states of an offer: pure functions.

use events::{OfferStatus, Timestamp};
use strum::VariantArray;

/// What can happen to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Input {
    /// The buyer chose it.
    Accepted,
    /// The buyer turned it down, or chose another one.
    Rejected,
    /// Its seller took it back.
    Withdrawn,
    /// Its `validUntil` has passed.
    Expired,
    /// It was chosen and not paid in time.
    PaymentTimedOut,
    /// Its request was cancelled before it was paid.
    RequestCancelled,
}

/// The status after `input`, or `None` where the status does not allow it (contract §3.2).
pub fn next(status: OfferStatus, input: Input) -> Option<OfferStatus> {
    use OfferStatus as S;
    match (status, input) {
        (S::Pending, Input::Accepted) => Some(S::Accepted),
        (S::Pending, Input::Rejected | Input::RequestCancelled)
        | (S::Accepted, Input::RequestCancelled) => Some(S::Rejected),
        (S::Pending, Input::Withdrawn) => Some(S::Withdrawn),
        (S::Pending, Input::Expired) | (S::Accepted, Input::PaymentTimedOut) => Some(S::Expired),
        _ => None,
    }
}

/// Whether an offer is over at `now`, also where its timer has not run yet.
pub fn is_past(valid_until: Option<Timestamp>, now: Timestamp) -> bool {
    valid_until.is_some_and(|end| end <= now)
}

/// Why an offer ended without a word of the buyer, as `seller-offer-update` tells it.
pub mod reason {
    /// The buyer chose another one.
    pub const ANOTHER_OFFER_WON: &str = "another_offer_won";
    /// The request was cancelled.
    pub const REQUEST_CANCELLED: &str = "request_cancelled";
    /// Its `validUntil` has passed.
    pub const EXPIRED: &str = "expired";
    /// It was chosen and not paid in time.
    pub const PAYMENT_TIMEOUT: &str = "payment_timeout";
}

#[cfg(test)]
mod tests {
    use super::*;
    use OfferStatus as S;

    /// Contract §3.2, edge by edge.
    const EDGES: &[(S, Input, S)] = &[
        (S::Pending, Input::Accepted, S::Accepted),
        (S::Pending, Input::Rejected, S::Rejected),
        (S::Pending, Input::Withdrawn, S::Withdrawn),
        (S::Pending, Input::Expired, S::Expired),
        (S::Pending, Input::RequestCancelled, S::Rejected),
        (S::Accepted, Input::RequestCancelled, S::Rejected),
        (S::Accepted, Input::PaymentTimedOut, S::Expired),
    ];

    #[test]
    fn there_are_these_edges_and_no_others() {
        for &status in S::ALL {
            for &input in Input::VARIANTS {
                let edge = EDGES.iter().find(|edge| edge.0 == status && edge.1 == input);
                assert_eq!(next(status, input), edge.map(|edge| edge.2), "{status} {input:?}");
            }
        }
    }

    #[test]
    fn the_end_of_validity_is_past() {
        let at = Timestamp::from_millis;
        assert!(!is_past(None, at(5)));
        assert!(!is_past(Some(at(6)), at(5)));
        assert!(is_past(Some(at(5)), at(5)));
    }
}
