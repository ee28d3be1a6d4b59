//! Payments into escrow and payouts to sellers (reference, "Payment").

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Deal, Domain, Event, EventInfo, Seller};
use crate::catalog::EventList;
use crate::example;
use crate::ids::{PaymentId, PayoutId, RequestId, UserId};
use crate::money::{Amount, Currency};
use crate::rooms::Room;
use crate::status::{EscrowState, PaymentProvider, PaymentStatus, PayoutStatus};

pub(crate) fn list(events: &mut EventList) {
    events.add::<PaymentCreated>();
    events.add::<PaymentReceived>();
    events.add::<PaymentUpdate>();
    events.add::<PayoutCreated>();
    events.add::<PayoutUpdated>();
    events.add::<PayoutCompleted>();
}

fn example_deal() -> Deal {
    Deal::new(example::buyer(), example::seller(), example::request())
}

/// A payment was begun.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentCreated {
    /// The payment.
    pub payment_id: PaymentId,
    /// Its rail.
    pub provider: PaymentProvider,
    /// The request that it pays; the first one of a checkout.
    pub request_id: RequestId,
    /// Who pays.
    pub buyer_id: UserId,
    /// Who will get it; the seller of `requestId` where a checkout has several.
    pub seller_id: UserId,
    /// How much is to be paid in all.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
}

impl Event for PaymentCreated {
    const NAME: &'static str = "payment-created";
    const INFO: EventInfo =
        EventInfo::new(Domain::Payment, "A payment was begun.", "A payment intent is made.");
    type Address = Deal;

    fn audience(&self, access: Access, deal: &Deal) -> Audience {
        Audience::global(access, &deal.parties, deal.request_rooms())
    }

    fn examples() -> Vec<(Self, Deal)> {
        let currency = Currency::Usdt;
        let event = Self {
            payment_id: example::payment(),
            provider: PaymentProvider::Shkeeper,
            request_id: example::request(),
            buyer_id: example::buyer(),
            seller_id: example::seller(),
            amount: Amount::from_minor(180_000_000, currency),
            currency,
        };
        vec![(event, example_deal())]
    }
}

/// Tells the seller that the money is in escrow.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentReceived {
    /// The request that is paid.
    pub purchase_request_id: RequestId,
    /// The seller's price.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// Who paid.
    pub buyer_id: UserId,
}

impl Event for PaymentReceived {
    const NAME: &'static str = "payment-received";
    const INFO: EventInfo = EventInfo::new(
        Domain::Payment,
        "Tells the seller that the money is there.",
        "Money is confirmed into escrow.",
    );
    /// The seller who gets it.
    type Address = Seller;

    fn audience(&self, _: Access, seller: &Seller) -> Audience {
        Audience::room(Room::User(seller.0.clone()))
    }

    fn examples() -> Vec<(Self, Seller)> {
        let currency = Currency::Usdt;
        let event = Self {
            purchase_request_id: example::request(),
            amount: Amount::from_minor(180_000_000, currency),
            currency,
            buyer_id: example::buyer(),
        };
        vec![(event, Seller(example::seller()))]
    }
}

/// A payment changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentUpdate {
    /// The payment.
    pub payment_id: PaymentId,
    /// Its status.
    pub status: PaymentStatus,
    /// Where its money is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub escrow_state: Option<EscrowState>,
    /// The transaction on the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tx_hash: Option<String>,
}

impl Event for PaymentUpdate {
    const NAME: &'static str = "payment-update";
    const INFO: EventInfo = EventInfo::new(
        Domain::Payment,
        "A payment changed.",
        "Any change of a payment's `status` or `escrowState`.",
    );
    type Address = Deal;

    fn audience(&self, access: Access, deal: &Deal) -> Audience {
        // Its own rooms are the request's and the user rooms of both (contract §1.4).
        let own = deal.request_rooms().chain(deal.parties.user_rooms());
        Audience::global(access, &deal.parties, own)
    }

    fn examples() -> Vec<(Self, Deal)> {
        let event = Self {
            payment_id: example::payment(),
            status: PaymentStatus::Confirmed,
            escrow_state: Some(EscrowState::Funded),
            tx_hash: Some(example::tx_hash()),
        };
        vec![(event, example_deal())]
    }
}

/// The parties of a payout: the seller alone. What reaches the seller is not the buyer's matter.
fn payout_audience(access: Access, seller: &UserId) -> Audience {
    let user = Room::User(seller.clone());
    match access {
        Access::Strict => Audience::rooms([user, Room::Admins]),
        Access::Open => Audience::rooms([Room::Everyone, user]),
    }
}

/// A payout was handed to the gateway.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutCreated {
    /// The payout.
    pub payout_id: PayoutId,
    /// The gateway's task; the payout's own id where no gateway is in between.
    pub task_id: String,
    /// Who gets it.
    pub seller_id: UserId,
    /// How much.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
}

impl Event for PayoutCreated {
    const NAME: &'static str = "payout-created";
    const INFO: EventInfo = EventInfo::new(
        Domain::Payment,
        "A payout is on its way to the seller.",
        "A payout is submitted.",
    );
    type Address = ();

    fn audience(&self, access: Access, (): &()) -> Audience {
        payout_audience(access, &self.seller_id)
    }

    fn examples() -> Vec<(Self, ())> {
        let currency = Currency::Usdt;
        let event = Self {
            payout_id: example::payout(),
            task_id: "08c57b8c-8a4b-4f5c-9a57-3f0f5b0d6a11".to_owned(),
            seller_id: example::seller(),
            amount: Amount::from_minor(176_400_000, currency),
            currency,
        };
        vec![(event, ())]
    }
}

/// A payout changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutUpdated {
    /// The payout.
    pub payout_id: PayoutId,
    /// Its status.
    pub status: PayoutStatus,
}

impl Event for PayoutUpdated {
    const NAME: &'static str = "payout-updated";
    const INFO: EventInfo =
        EventInfo::new(Domain::Payment, "A payout changed.", "Any change of a payout's status.");
    /// The seller who gets it.
    type Address = Seller;

    fn audience(&self, access: Access, seller: &Seller) -> Audience {
        payout_audience(access, &seller.0)
    }

    fn examples() -> Vec<(Self, Seller)> {
        let event = Self { payout_id: example::payout(), status: PayoutStatus::Broadcast };
        vec![(event, Seller(example::seller()))]
    }
}

/// A payout reached the seller.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutCompleted {
    /// The payout.
    pub payout_id: PayoutId,
    /// The gateway's task; the payout's own id where no gateway is in between.
    pub task_id: String,
    /// The transaction on the chain.
    pub tx_hash: String,
}

impl Event for PayoutCompleted {
    const NAME: &'static str = "payout-completed";
    const INFO: EventInfo = EventInfo::new(
        Domain::Payment,
        "The seller has the money.",
        "A payout's transaction is final.",
    );
    /// The seller who gets it.
    type Address = Seller;

    fn audience(&self, access: Access, seller: &Seller) -> Audience {
        payout_audience(access, &seller.0)
    }

    fn examples() -> Vec<(Self, Seller)> {
        let event = Self {
            payout_id: example::payout(),
            task_id: "08c57b8c-8a4b-4f5c-9a57-3f0f5b0d6a11".to_owned(),
            tx_hash: example::tx_hash(),
        };
        vec![(event, Seller(example::seller()))]
    }
}
