//! The states of a request, and who may know what of it: pure functions.

use events::documents::PurchaseRequest;
use events::{OfferStatus, RequestStatus};
use strum::VariantArray;

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Input {
    /// A seller made an offer.
    OfferMade,
    /// The last pending offer was rejected, withdrawn, or expired.
    LastOfferGone,
    /// The buyer accepted an offer.
    OfferAccepted,
    /// The accepted offer was not paid in time.
    PaymentTimedOut,
    /// The money is in escrow.
    Paid,
    /// The seller has shipped.
    Shipped,
    /// The right delivery code was entered.
    Received,
    /// The buyer confirmed, or the time for disputes is over.
    Confirmed,
    /// The buyer or an administrator calls it off before it is paid, or its checkout failed.
    Cancelled,
    /// A dispute or an administrator calls the paid deal off; the money goes back.
    Refunded,
}

/// The status after `input`, or `None` where the status does not allow it. No edge exists but
/// these (contract §3.1).
pub fn next(status: RequestStatus, input: Input) -> Option<RequestStatus> {
    use RequestStatus as S;
    match (status, input) {
        (S::Active | S::ReceivedOffers, Input::OfferMade) => Some(S::ReceivedOffers),
        (S::ReceivedOffers, Input::LastOfferGone) | (S::Payment, Input::PaymentTimedOut) => {
            Some(S::Active)
        }
        (S::ReceivedOffers, Input::OfferAccepted) => Some(S::Payment),
        (S::PendingPayment | S::Payment, Input::Paid) => Some(S::Processing),
        (S::Processing, Input::Shipped) => Some(S::Delivery),
        (S::Delivery, Input::Received) => Some(S::Delivered),
        (S::Delivered, Input::Confirmed) => Some(S::Completed),
        (S::PendingPayment | S::Active | S::ReceivedOffers | S::Payment, Input::Cancelled)
        | (S::Processing | S::Delivery | S::Delivered, Input::Refunded) => Some(S::Cancelled),
        _ => None,
    }
}

/// Whether sellers may answer the request and its buyer may change it.
pub fn is_open(status: RequestStatus) -> bool {
    matches!(status, RequestStatus::Active | RequestStatus::ReceivedOffers)
}

/// What a seller's best offer on a request amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfferStanding {
    /// It is over: rejected, withdrawn, expired.
    Ended,
    /// It waits for the buyer.
    Pending,
    /// It is the chosen one.
    Accepted,
}

impl From<OfferStatus> for OfferStanding {
    fn from(status: OfferStatus) -> Self {
        match status {
            OfferStatus::Accepted => Self::Accepted,
            OfferStatus::Pending => Self::Pending,
            OfferStatus::Rejected | OfferStatus::Withdrawn | OfferStatus::Expired => Self::Ended,
        }
    }
}

/// What a user is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// An administrator.
    Admin,
    /// The buyer who made it.
    Buyer,
    /// A seller.
    Seller {
        /// Whether the request is private and names this seller.
        invited: bool,
        /// The seller's best offer on it, where there is one.
        offer: Option<OfferStanding>,
    },
    /// Somebody whom it does not concern: another buyer.
    Stranger,
}

/// How much of a request a user may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// That it exists.
    Nothing,
    /// What every seller may know who may answer it.
    Public,
    /// The delivery address as well.
    Deal,
    /// How many offers there are as well.
    Everything,
}

impl Party {
    /// What this user may know of a request. `private`: it has invited sellers.
    pub fn view(self, status: RequestStatus, private: bool) -> View {
        match self {
            Self::Admin | Self::Buyer => View::Everything,
            Self::Seller { offer: Some(OfferStanding::Accepted), .. } => View::Deal,
            Self::Seller { offer: Some(_), .. } => View::Public,
            Self::Seller { invited, offer: None } if is_open(status) && (invited || !private) => {
                View::Public
            }
            Self::Seller { .. } | Self::Stranger => View::Nothing,
        }
    }

    /// Whether this user may be in the request's room (contract §1.2): its buyer; while it is
    /// open, sellers who are invited or have a live offer; once an offer is accepted, the chosen
    /// seller only; administrators always.
    pub fn may_join(self, status: RequestStatus) -> bool {
        match self {
            Self::Admin
            | Self::Buyer
            | Self::Seller { offer: Some(OfferStanding::Accepted), .. } => true,
            Self::Seller { invited, offer } => {
                is_open(status) && (invited || offer == Some(OfferStanding::Pending))
            }
            Self::Stranger => false,
        }
    }
}

/// A request, and what the user who looks at it is to it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The whole request.
    pub request: PurchaseRequest,
    /// What the user is to it.
    pub party: Party,
}

impl Seen {
    /// How much of it the user may know.
    pub fn view(&self) -> View {
        self.party.view(self.request.status, self.request.preferred_seller_ids.is_some())
    }

    /// The document as the user may see it; `None` where the user may not know of it.
    pub fn into_document(self) -> Option<PurchaseRequest> {
        let view = self.view();
        let mut request = self.request;
        match view {
            View::Nothing => return None,
            View::Public => {
                request.delivery_info = None;
                request.selected_offer_id = None;
                request.offers_count = None;
            }
            View::Deal => request.offers_count = None,
            View::Everything => {}
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RequestStatus as S;

    /// Contract §3.1, edge by edge.
    const EDGES: &[(S, Input, S)] = &[
        (S::Active, Input::OfferMade, S::ReceivedOffers),
        (S::ReceivedOffers, Input::OfferMade, S::ReceivedOffers),
        (S::ReceivedOffers, Input::LastOfferGone, S::Active),
        (S::ReceivedOffers, Input::OfferAccepted, S::Payment),
        (S::Payment, Input::PaymentTimedOut, S::Active),
        (S::Payment, Input::Paid, S::Processing),
        (S::PendingPayment, Input::Paid, S::Processing),
        (S::Processing, Input::Shipped, S::Delivery),
        (S::Delivery, Input::Received, S::Delivered),
        (S::Delivered, Input::Confirmed, S::Completed),
        (S::PendingPayment, Input::Cancelled, S::Cancelled),
        (S::Active, Input::Cancelled, S::Cancelled),
        (S::ReceivedOffers, Input::Cancelled, S::Cancelled),
        (S::Payment, Input::Cancelled, S::Cancelled),
        (S::Processing, Input::Refunded, S::Cancelled),
        (S::Delivery, Input::Refunded, S::Cancelled),
        (S::Delivered, Input::Refunded, S::Cancelled),
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

    fn sellers() -> impl Iterator<Item = (bool, Option<OfferStanding>)> {
        use OfferStanding as O;
        [false, true].into_iter().flat_map(|invited| {
            [None, Some(O::Ended), Some(O::Pending), Some(O::Accepted)]
                .map(|offer| (invited, offer))
        })
    }

    #[test]
    fn who_may_join_the_room() {
        for &status in S::ALL {
            assert!(Party::Admin.may_join(status) && Party::Buyer.may_join(status));
            assert!(!Party::Stranger.may_join(status));
            for (invited, offer) in sellers() {
                let open = status == S::Active || status == S::ReceivedOffers;
                let expected = match offer {
                    Some(OfferStanding::Accepted) => true,
                    Some(OfferStanding::Pending) => open,
                    _ => open && invited,
                };
                let party = Party::Seller { invited, offer };
                assert_eq!(party.may_join(status), expected, "{status} {party:?}");
            }
        }
    }

    #[test]
    fn who_may_know_what() {
        for &status in S::ALL {
            for private in [false, true] {
                assert_eq!(Party::Admin.view(status, private), View::Everything);
                assert_eq!(Party::Buyer.view(status, private), View::Everything);
                assert_eq!(Party::Stranger.view(status, private), View::Nothing);
                for (invited, offer) in sellers() {
                    let open = status == S::Active || status == S::ReceivedOffers;
                    let answerable = open && (invited || !private);
                    let expected = match offer {
                        Some(OfferStanding::Accepted) => View::Deal,
                        None if !answerable => View::Nothing,
                        _ => View::Public,
                    };
                    let party = Party::Seller { invited, offer };
                    assert_eq!(party.view(status, private), expected, "{status} {party:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_for_everyone_is_left_out() {
        let full = PurchaseRequest {
            selected_offer_id: Some(events::documents::Offer::example().id),
            status: S::Payment,
            ..PurchaseRequest::example()
        };
        let document = |offer| {
            let party = Party::Seller { invited: false, offer: Some(offer) };
            Seen { request: full.clone(), party }.into_document().unwrap()
        };
        let other = document(OfferStanding::Ended);
        assert_eq!((other.delivery_info, other.selected_offer_id), (None, None));
        assert_eq!(other.offers_count, None);
        let chosen = document(OfferStanding::Accepted);
        assert_eq!(chosen.delivery_info, full.delivery_info);
        assert_eq!(chosen.selected_offer_id, full.selected_offer_id);
        let whole = Seen { request: full.clone(), party: Party::Buyer }.into_document();
        assert_eq!(whole.as_ref(), Some(&full));
        assert!(Seen { request: full, party: Party::Stranger }.into_document().is_none());
    }
}
