use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Delivery, Domain, Event, EventInfo, Owner, Seller};
use crate::example;
use crate::ids::{RequestId, UserId};
use crate::rooms::Room;
use crate::status::DeliveryStatus;

/// The delivery code was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryCodeGenerated {
    /// The request.
    pub request_id: RequestId,
    /// Six digits; absent for those who may not know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delivery_code: Option<String>,
}

impl Event for DeliveryCodeGenerated {
    const NAME: &'static str = "delivery-code-generated";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "There is a delivery code. In `strict` access only its holder gets `deliveryCode`.",
        "The seller generates a code.",
    );
    /// The code's holder (contract §3.4).
    type Address = Owner;

    fn audience(&self, _: Access, _: &Owner) -> Audience {
        Audience::room(Room::Request(self.request_id.clone()))
    }

    fn deliveries(
        &self,
        access: Access,
        holder: &Owner,
    ) -> Result<Vec<Delivery>, serde_json::Error> {
        let room = self.audience(access, holder);
        let payload = serde_json::value::to_raw_value(self)?;
        if access == Access::Open {
            return Ok(vec![Delivery { audience: room, payload }]);
        }
        let without_code = Self { delivery_code: None, ..self.clone() };
        let to_holder = Audience { only: Some(holder.0.clone()), ..room.clone() };
        let to_others = Audience { except: Some(holder.0.clone()), ..room };
        Ok(vec![
            Delivery { audience: to_holder, payload },
            Delivery {
                audience: to_others,
                payload: serde_json::value::to_raw_value(&without_code)?,
            },
        ])
    }

    fn examples() -> Vec<(Self, Owner)> {
        let event =
            Self { request_id: example::request(), delivery_code: Some("042137".to_owned()) };
        vec![(event, Owner(example::seller()))]
    }
}

/// The shipment moved on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryUpdate {
    /// The request.
    pub request_id: RequestId,
    /// Where the shipment is.
    pub status: DeliveryStatus,
    /// Who carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub carrier: Option<String>,
    /// The carrier's number of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tracking_number: Option<String>,
}

impl Event for DeliveryUpdate {
    const NAME: &'static str = "delivery-update";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "What the seller says about the shipment.",
        "The seller ships, or updates the shipment.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        Audience::room(Room::Request(self.request_id.clone()))
    }

    fn examples() -> Vec<(Self, ())> {
        let event = Self {
            request_id: example::request(),
            status: DeliveryStatus::Shipped,
            carrier: Some("CTT".to_owned()),
            tracking_number: Some("RR123456785PT".to_owned()),
        };
        vec![(event, ())]
    }
}

/// The right code was entered.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryConfirmed {
    /// The request.
    pub request_id: RequestId,
}

impl Event for DeliveryConfirmed {
    const NAME: &'static str = "delivery-confirmed";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "The goods were handed over against the code.",
        "The right code is entered; the request is `delivered`.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        Audience::room(Room::Request(self.request_id.clone()))
    }

    fn examples() -> Vec<(Self, ())> {
        vec![(Self { request_id: example::request() }, ())]
    }
}

/// Tells the seller that the goods were received.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuyerConfirmedDelivery {
    /// The request.
    pub request_id: RequestId,
    /// Who received them.
    pub buyer_id: UserId,
}

impl Event for BuyerConfirmedDelivery {
    const NAME: &'static str = "buyer-confirmed-delivery";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "Tells the seller that the buyer has the goods.",
        "The right code is entered; the request is `delivered`.",
    );
    type Address = Seller;

    fn audience(&self, _: Access, seller: &Seller) -> Audience {
        Audience::room(Room::User(seller.0.clone()))
    }

    fn examples() -> Vec<(Self, Seller)> {
        let event = Self { request_id: example::request(), buyer_id: example::buyer() };
        vec![(event, Seller(example::seller()))]
    }
}
