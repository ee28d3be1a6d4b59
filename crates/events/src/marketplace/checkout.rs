use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Domain, Event, EventInfo, Parties};
use crate::example;
use crate::ids::{CheckoutId, PaymentId, RequestId};
use crate::rooms::Room;

fn audience(access: Access, parties: &Parties, checkout: &CheckoutId) -> Audience {
    Audience::global(access, parties, [Room::TemplateCheckout(checkout.clone())])
}

fn example_parties() -> Parties {
    Parties::new(example::buyer(), example::seller())
}

/// A checkout waits for its payment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateCheckoutPaymentPending {
    /// The checkout.
    pub checkout_id: CheckoutId,
}

impl Event for TemplateCheckoutPaymentPending {
    const NAME: &'static str = "template-checkout-payment-pending";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "The checkout waits for its payment.",
        "A template checkout starts.",
    );
    type Address = Parties;

    fn audience(&self, access: Access, parties: &Parties) -> Audience {
        audience(access, parties, &self.checkout_id)
    }

    fn examples() -> Vec<(Self, Parties)> {
        vec![(Self { checkout_id: example::checkout() }, example_parties())]
    }
}

/// A checkout is paid.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateCheckoutPaymentConfirmed {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// All the requests that it made.
    pub request_ids: Vec<RequestId>,
    /// The one payment for all of them.
    pub payment_id: PaymentId,
}

impl Event for TemplateCheckoutPaymentConfirmed {
    const NAME: &'static str = "template-checkout-payment-confirmed";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "The checkout is paid; its requests are being processed.",
        "The checkout's payment is funded.",
    );
    type Address = Parties;

    fn audience(&self, access: Access, parties: &Parties) -> Audience {
        audience(access, parties, &self.checkout_id)
    }

    fn examples() -> Vec<(Self, Parties)> {
        let event = Self {
            checkout_id: example::checkout(),
            request_ids: vec![example::request()],
            payment_id: example::payment(),
        };
        vec![(event, example_parties())]
    }
}

/// A checkout came to nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateCheckoutPaymentFailed {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// Why.
    pub reason: String,
}

impl Event for TemplateCheckoutPaymentFailed {
    const NAME: &'static str = "template-checkout-payment-failed";
    const INFO: EventInfo = EventInfo::new(
        Domain::Marketplace,
        "The checkout came to nothing; its requests are cancelled.",
        "The checkout's payment fails or expires.",
    );
    type Address = Parties;

    fn audience(&self, access: Access, parties: &Parties) -> Audience {
        audience(access, parties, &self.checkout_id)
    }

    fn examples() -> Vec<(Self, Parties)> {
        let event = Self { checkout_id: example::checkout(), reason: "expired".to_owned() };
        vec![(event, example_parties())]
    }
}
