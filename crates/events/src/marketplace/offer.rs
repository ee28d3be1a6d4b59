use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Buyer, Domain, Event, EventInfo, Parties};
use crate::documents::Offer;
use crate::example;
use crate::ids::{OfferId, PaymentId, RequestId, UserId};
use crate::rooms::Room;
use crate::text_enum::text_enum;

/// A seller made an offer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewOffer {
    /// The request.
    pub request_id: RequestId,
    /// The offer.
    pub offer: Offer,
    /// Who offers.
    pub seller_id: UserId,
}

impl Event for NewOffer {
    const NAME: &'static str = "new-offer";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "A seller answers the buyer's request.",
        "A seller makes an offer.",
    );
    /// The request's buyer.
    type Address = Buyer;

    fn audience(&self, _: Access, buyer: &Buyer) -> Audience {
        Audience::room(Room::Buyer(buyer.0.clone()))
    }

    fn examples() -> Vec<(Self, Buyer)> {
        let offer = Offer::example();
        let event = Self {
            request_id: offer.request_id.clone(),
            seller_id: offer.seller_id.clone(),
            offer,
        };
        vec![(event, Buyer(example::buyer()))]
    }
}

text_enum! { "kebab-case",
    /// What happened to a seller's offer.
    pub enum OfferEventType {
        /// Its payment is confirmed.
        PaymentCompleted,
        /// It was turned down, or another one won, or the request was cancelled.
        OfferRejected,
        /// The buyer chose it.
        OfferAccepted,
    }
}

/// What a seller learns about an offer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferUpdateData {
    /// The offer.
    pub offer_id: OfferId,
    /// Whether it is the one that the buyer chose.
    pub is_selected: bool,
    /// The confirmed payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payment_id: Option<PaymentId>,
    /// Its transaction on the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub transaction_hash: Option<String>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
}

/// Something happened to a seller's offer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SellerOfferUpdate {
    /// Whose offer it is.
    pub seller_id: UserId,
    /// The request.
    pub request_id: RequestId,
    /// What happened.
    pub event_type: OfferEventType,
    /// The details.
    pub data: OfferUpdateData,
}

impl Event for SellerOfferUpdate {
    const NAME: &'static str = "seller-offer-update";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "What became of a seller's offer. `payment-completed` is told to the buyer and to \
         administrators as well.",
        "The offer is accepted or rejected (`reason` says why: also when another one wins, or the \
         request is cancelled), and when its payment is confirmed.",
    );
    /// The request's buyer, who is a party when a payment is confirmed.
    type Address = Buyer;

    fn audience(&self, access: Access, buyer: &Buyer) -> Audience {
        let own = Room::Seller(self.seller_id.clone());
        match self.event_type {
            OfferEventType::PaymentCompleted => {
                let parties = Parties::new(buyer.0.clone(), self.seller_id.clone());
                Audience::global(access, &parties, [own])
            }
            OfferEventType::OfferAccepted | OfferEventType::OfferRejected => Audience::room(own),
        }
    }

    fn examples() -> Vec<(Self, Buyer)> {
        let event = |event_type, data| Self {
            seller_id: example::seller(),
            request_id: example::request(),
            event_type,
            data,
        };
        let offer = |is_selected| OfferUpdateData {
            offer_id: example::offer(),
            is_selected,
            payment_id: None,
            transaction_hash: None,
            reason: None,
        };
        let paid = OfferUpdateData {
            payment_id: Some(example::payment()),
            transaction_hash: Some(example::tx_hash()),
            ..offer(true)
        };
        let rejected =
            OfferUpdateData { reason: Some("another_offer_accepted".to_owned()), ..offer(false) };
        [
            event(OfferEventType::PaymentCompleted, paid),
            event(OfferEventType::OfferRejected, rejected),
            event(OfferEventType::OfferAccepted, offer(true)),
        ]
        .map(|event| (event, Buyer(example::buyer())))
        .into()
    }
}
