//! Requests, offers, delivery and template checkouts (reference, "Marketplace").

mod checkout;
mod delivery;
mod offer;
mod request;

pub use checkout::{
    TemplateCheckoutPaymentConfirmed, TemplateCheckoutPaymentFailed, TemplateCheckoutPaymentPending,
};
pub use delivery::{
    BuyerConfirmedDelivery, DeliveryCodeGenerated, DeliveryConfirmed, DeliveryUpdate,
};
pub use offer::{NewOffer, OfferEventType, OfferUpdateData, SellerOfferUpdate};
pub use request::{
    NewPurchaseRequest, PurchaseRequestUpdate, RequestCancelled, RequestUpdateType,
    TransactionCompleted,
};

use crate::catalog::EventList;

pub(crate) fn list(events: &mut EventList) {
    events.add::<NewPurchaseRequest>();
    events.add::<NewOffer>();
    events.add::<SellerOfferUpdate>();
    events.add::<PurchaseRequestUpdate>();
    events.add::<RequestCancelled>();
    events.add::<TransactionCompleted>();
    events.add::<DeliveryCodeGenerated>();
    events.add::<DeliveryUpdate>();
    events.add::<DeliveryConfirmed>();
    events.add::<BuyerConfirmedDelivery>();
    events.add::<TemplateCheckoutPaymentPending>();
    events.add::<TemplateCheckoutPaymentConfirmed>();
    events.add::<TemplateCheckoutPaymentFailed>();
}
