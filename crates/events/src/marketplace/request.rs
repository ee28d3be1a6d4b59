use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Domain, Event, EventInfo, Parties};
use crate::documents::PurchaseRequest;
use crate::example;
use crate::ids::{PaymentId, RequestId};
use crate::money::{Amount, Currency};
use crate::rooms::Room;
use crate::status::{PaymentProvider, RequestStatus};
use crate::text_enum::text_enum;

/// A request is published. The payload is the document itself, without `deliveryInfo`, which is
/// not for every seller.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct NewPurchaseRequest(PurchaseRequest);

impl NewPurchaseRequest {
    /// Of this request, as sellers may see it.
    pub fn new(mut request: PurchaseRequest) -> Self {
        request.delivery_info = None;
        Self(request)
    }

    /// The document that is sent.
    pub fn request(&self) -> &PurchaseRequest {
        &self.0
    }
}

impl Event for NewPurchaseRequest {
    const NAME: &'static str = "new-purchase-request";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "A purchase request that sellers may answer. A private one, with `preferredSellerIds`, \
         goes to those sellers only.",
        "A request is published.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        match &self.0.preferred_seller_ids {
            Some(sellers) => Audience::rooms(sellers.iter().cloned().map(Room::Seller)),
            None => Audience::room(Room::Sellers),
        }
    }

    fn examples() -> Vec<(Self, ())> {
        let public = PurchaseRequest::example();
        let private = PurchaseRequest {
            preferred_seller_ids: Some(vec![example::seller()]),
            ..PurchaseRequest::example()
        };
        vec![(Self::new(public), ()), (Self::new(private), ())]
    }
}

text_enum! { "snake_case",
    /// What changed about a request (contract §1.4).
    pub enum RequestUpdateType {
        /// Its status.
        StatusChanged,
        /// Its text, budget or another detail.
        DetailsUpdated,
        /// A seller made an offer.
        OfferReceived,
        /// A seller took an offer back.
        OfferWithdrawn,
        /// A payment was begun.
        PaymentCreated,
        /// The money is in escrow.
        PaymentConfirmed,
        /// A payment failed.
        PaymentFailed,
        /// The money went back.
        PaymentRefunded,
        /// There is a dispute.
        DisputeOpened,
        /// The dispute is over.
        DisputeResolved,
    }
}

/// Something about a request changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseRequestUpdate {
    /// What changed.
    #[serde(rename = "type")]
    pub kind: RequestUpdateType,
    /// The request.
    pub request_id: RequestId,
    /// The request's status after the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<RequestStatus>,
    /// The payment that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payment_id: Option<PaymentId>,
    /// The payment's transaction on its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tx_hash: Option<String>,
    /// The payment's rail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub provider: Option<PaymentProvider>,
}

impl PurchaseRequestUpdate {
    /// A change that has nothing to do with a payment.
    pub fn new(kind: RequestUpdateType, request_id: RequestId, status: RequestStatus) -> Self {
        let status = Some(status);
        Self { kind, request_id, status, payment_id: None, tx_hash: None, provider: None }
    }
}

impl Event for PurchaseRequestUpdate {
    const NAME: &'static str = "purchase-request-update";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "Something about a request changed; `type` says what.",
        "Any change of the request, its offers, its payment or its dispute.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        Audience::room(Room::Request(self.request_id.clone()))
    }

    fn examples() -> Vec<(Self, ())> {
        let update = Self {
            kind: RequestUpdateType::PaymentConfirmed,
            request_id: example::request(),
            status: Some(RequestStatus::Processing),
            payment_id: Some(example::payment()),
            tx_hash: Some(example::tx_hash()),
            provider: Some(PaymentProvider::Shkeeper),
        };
        let changed = RequestUpdateType::StatusChanged;
        vec![
            (update, ()),
            (Self::new(changed, example::request(), RequestStatus::ReceivedOffers), ()),
        ]
    }
}

/// A request is called off.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestCancelled {
    /// The request.
    pub request_id: RequestId,
    /// Why, in words.
    pub reason: String,
}

impl Event for RequestCancelled {
    const NAME: &'static str = "request-cancelled";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "The request is called off.",
        "The request is cancelled: to the buyer and to each seller with a live offer.",
    );
    type Address = Parties;

    fn audience(&self, _: Access, parties: &Parties) -> Audience {
        Audience::rooms(parties.user_rooms())
    }

    fn examples() -> Vec<(Self, Parties)> {
        let reason = "Bought elsewhere".to_owned();
        let parties = Parties::new(example::buyer(), example::seller());
        vec![(Self { request_id: example::request(), reason }, parties)]
    }
}

/// A deal is done and paid.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionCompleted {
    /// The request.
    pub request_id: RequestId,
    /// Its payment.
    pub payment_id: PaymentId,
    /// The price.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
}

impl Event for TransactionCompleted {
    const NAME: &'static str = "transaction-completed";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "The deal is done.",
        "The deal is completed and its escrow released.",
    );
    type Address = Parties;

    fn audience(&self, _: Access, parties: &Parties) -> Audience {
        Audience::rooms(parties.user_rooms())
    }

    fn examples() -> Vec<(Self, Parties)> {
        let currency = Currency::Usd;
        let completed = Self {
            request_id: example::request(),
            payment_id: example::payment(),
            amount: Amount::from_minor(18_000, currency),
            currency,
        };
        vec![(completed, Parties::new(example::buyer(), example::seller()))]
    }
}
