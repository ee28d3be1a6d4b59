//! The rules of delivery: pure functions.

use std::time::Duration;

use events::{DeliveryStatus, RequestStatus, Timestamp};

use crate::config::CodeHolder;
use crate::offers::deal::Side;
use crate::requests::model::Input;

/// How long a code can be used (contract §3.4).
pub const CODE_LASTS: Duration = Duration::from_hours(7 * 24);
/// Wrong tries at a code after which it is worth nothing (contract §3.4).
pub const WRONG_TRIES_MAX: u32 = 5;

/// What the seller's word does to a request, or `None` where the request's status does not allow
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipment {
    /// It is only told.
    Told,
    /// It moves the request.
    Moves(Input),
}

/// What the seller's word about the shipment does (contract §3.4): the first one of a parcel on
/// its way moves the request to `delivery`; nothing is prepared again that was shipped.
pub fn shipment(request: RequestStatus, word: DeliveryStatus) -> Option<Shipment> {
    match (request, word) {
        (RequestStatus::Processing, DeliveryStatus::Preparing) => Some(Shipment::Told),
        (RequestStatus::Processing, _) => Some(Shipment::Moves(Input::Shipped)),
        (RequestStatus::Delivery, DeliveryStatus::Preparing) => None,
        (RequestStatus::Delivery, _) => Some(Shipment::Told),
        _ => None,
    }
}

impl From<CodeHolder> for Side {
    fn from(holder: CodeHolder) -> Self {
        match holder {
            CodeHolder::Buyer => Self::Buyer,
            CodeHolder::Seller => Self::Seller,
        }
    }
}

/// A stored code.
#[derive(Debug, Clone)]
pub struct Code {
    /// Its keyed hash.
    pub hash: String,
    /// How often another one was entered.
    pub wrong_tries: u32,
    /// It ends then.
    pub expires_at: Timestamp,
    /// When it was entered.
    pub used_at: Option<Timestamp>,
}

/// What a code is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub enum CodeState {
    /// It can be entered.
    Live,
    /// It was entered.
    Used,
    /// Too many wrong ones were entered.
    Locked,
    /// Its time is over.
    Expired,
}

impl Code {
    /// What it is worth now.
    pub fn state(&self, now: Timestamp) -> CodeState {
        if self.used_at.is_some() {
            CodeState::Used
        } else if self.wrong_tries >= WRONG_TRIES_MAX {
            CodeState::Locked
        } else if self.expires_at <= now {
            CodeState::Expired
        } else {
            CodeState::Live
        }
    }

    /// Wrong tries that are left.
    pub fn tries_left(&self) -> u32 {
        WRONG_TRIES_MAX.saturating_sub(self.wrong_tries)
    }
}

/// Whether `side` may make a code where `holder` shows it. The seller makes it (contract §3.4).
/// Its holder may replace it at any time; who enters it could go on guessing at new ones for ever,
/// and so makes the first one at most.
pub fn may_generate(side: Side, holder: Side, first: bool) -> bool {
    match (side, holder) {
        (Side::Seller, Side::Seller) | (Side::Buyer, Side::Buyer) => true,
        (Side::Seller, Side::Buyer) => first,
        (Side::Buyer, Side::Seller) => false,
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use DeliveryStatus as D;
    use RequestStatus as R;

    #[test]
    fn what_a_word_does_in_each_status() {
        let told = |word| (word, Some(Shipment::Told));
        let ships = |word| (word, Some(Shipment::Moves(Input::Shipped)));
        for &status in R::ALL {
            let expected = match status {
                R::Processing => vec![
                    told(D::Preparing),
                    ships(D::Shipped),
                    ships(D::InTransit),
                    ships(D::OutForDelivery),
                    ships(D::Delivered),
                ],
                R::Delivery => vec![
                    (D::Preparing, None),
                    told(D::Shipped),
                    told(D::InTransit),
                    told(D::OutForDelivery),
                    told(D::Delivered),
                ],
                _ => D::ALL.iter().map(|word| (*word, None)).collect(),
            };
            assert_eq!(expected.len(), D::ALL.len());
            for (word, expected) in expected {
                assert_eq!(shipment(status, word), expected, "{status} {word}");
            }
        }
    }

    #[test]
    fn a_code_ends_by_use_by_tries_and_by_time() {
        let at = Timestamp::from_millis;
        let code = |wrong_tries, used: bool, expires| Code {
            hash: String::new(),
            wrong_tries,
            expires_at: at(expires),
            used_at: used.then(|| at(1)),
        };
        for tries in 0..=WRONG_TRIES_MAX + 1 {
            for used in [false, true] {
                for (expires, past) in [(11, false), (10, true), (9, true)] {
                    let code = code(tries, used, expires);
                    let expected = match (used, tries, past) {
                        (true, _, _) => CodeState::Used,
                        (_, 5.., _) => CodeState::Locked,
                        (_, _, true) => CodeState::Expired,
                        _ => CodeState::Live,
                    };
                    assert_eq!(code.state(at(10)), expected, "{code:?}");
                    assert_eq!(code.tries_left(), 5_u32.saturating_sub(tries));
                }
            }
        }
    }

    #[test]
    fn who_makes_codes() {
        for &holder in Side::VARIANTS {
            for &side in Side::VARIANTS {
                for first in [false, true] {
                    let expected = side == holder || (side == Side::Seller && first);
                    assert_eq!(may_generate(side, holder, first), expected);
                }
            }
        }
    }
}
