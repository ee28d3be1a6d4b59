//! What payments ask of template checkouts, and tell them.
#![expect(clippy::unused_async, reason = "checkouts read and write here")]

use events::{CheckoutId, Currency, OfferId, PaymentId, RequestId, Timestamp, UserId};

use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;

/// What is to be paid for one request.
#[derive(Debug, Clone)]
pub struct Due {
    /// The request, which waits for its payment.
    pub request_id: RequestId,
    /// Who sells.
    pub seller_id: UserId,
    /// The accepted offer; none where the request came from a template.
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

/// Locks the requests of the caller's checkout and says what is to be paid.
///
/// # Errors
/// 404: there are no checkouts, so no id names one.
pub async fn bill(_: &mut Tx, _: &Caller, _: &CheckoutId) -> Result<Bill> {
    Err(ApiError::not_found())
}

/// A checkout is paid; its requests have moved on.
///
/// # Errors
/// As the checkout's own.
pub async fn paid(_: &mut Tx, _: &App, _: &CheckoutId, _: &PaymentId) -> Result<()> {
    Ok(())
}

/// A checkout's payment failed, expired or was called off.
///
/// # Errors
/// As the checkout's own.
pub async fn failed(_: &mut Tx, _: &App, _: &CheckoutId, _: &str) -> Result<()> {
    Ok(())
}
