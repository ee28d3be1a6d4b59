//! What a buyer has to pay.

use events::{Currency, OfferId, RequestId, Timestamp, UserId};

/// What is to be paid for one request.
#[derive(Debug, Clone)]
pub struct Due {
    /// The request, which waits for its payment.
    pub request_id: RequestId,
    /// Who sells.
    pub seller_id: UserId,
    /// The accepted offer.
    pub offer_id: Option<OfferId>,
    /// The price, in minor units.
    pub amount: i64,
}

/// What is to be paid in all.
#[derive(Debug, Clone)]
pub struct Bill {
    /// The currency of all amounts.
    pub currency: Currency,
    /// Each request, by id; all are locked.
    pub dues: Vec<Due>,
    /// It is to be paid until then.
    pub expires_at: Option<Timestamp>,
}
