//! What clients send to this rail and get from it.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands values and context by reference"
)]

use events::documents::Payout;
use events::{Amount, CheckoutId, Currency, OfferId, PaymentId, RequestId, Timestamp};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, Result};
use crate::payments::service::Target;

/// What is to be paid, and in which coin: an accepted offer (`purchaseRequestId` and
/// `sellerOfferId`) or a checkout (`checkoutId`).
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CreateShkeeperIntent, example = json!({
    "purchaseRequestId": "01934e5a-6f00-7000-8000-00000000002a",
    "sellerOfferId": "01934e5a-6f00-7000-8000-00000000002a",
    "crypto": "ETH-USDT",
}))]
pub struct CreateIntent {
    /// The request.
    #[garde(skip)]
    pub purchase_request_id: Option<RequestId>,
    /// Its accepted offer.
    #[garde(skip)]
    pub seller_offer_id: Option<OfferId>,
    /// The checkout.
    #[garde(skip)]
    pub checkout_id: Option<CheckoutId>,
    /// The coin, as the gateway names it.
    #[garde(custom(is_coin))]
    #[schema(example = "ETH-USDT", min_length = 1, max_length = 32)]
    pub crypto: String,
}

impl CreateIntent {
    /// What is to be paid.
    ///
    /// # Errors
    /// 422 where it is not one of the two.
    pub fn target(&self) -> Result<Target> {
        match (&self.purchase_request_id, &self.seller_offer_id, &self.checkout_id) {
            (Some(request), Some(offer), None) => {
                Ok(Target::Offer { request: request.clone(), offer: offer.clone() })
            }
            (None, None, Some(checkout)) => Ok(Target::Checkout(checkout.clone())),
            (None, None, None) => {
                Err(ApiError::invalid_field("purchaseRequestId", "this or checkoutId is needed"))
            }
            (_, _, Some(_)) => {
                Err(ApiError::invalid_field("checkoutId", "stands alone, without a request"))
            }
            (None, Some(_), None) => {
                Err(ApiError::invalid_field("purchaseRequestId", "is missing"))
            }
            (Some(_), None, None) => Err(ApiError::invalid_field("sellerOfferId", "is missing")),
        }
    }
}

/// A name that the gateway gives to a coin, such as `BTC-LIGHTNING`.
fn is_coin(name: &str, (): &()) -> garde::Result {
    let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&name.len()) && name.bytes().all(letter) {
        return Ok(());
    }
    Err(garde::Error::new("must be a coin's name of capital letters, digits and -"))
}

/// How to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The payment.
    pub payment_id: PaymentId,
    /// Where the coins go. Nothing else may go there.
    #[schema(example = "0x8a24797afba34000be956201def75e46d520ad78")]
    pub wallet_address: String,
    /// How many coins are exactly the price.
    #[schema(example = "183.6")]
    pub crypto_amount: String,
    /// The coin.
    #[schema(example = "ETH-USDT")]
    pub crypto: String,
    /// The price.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// It is to be paid until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Timestamp>,
}

/// Which payment's escrow is to be paid out.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePayout {
    /// The payment.
    #[garde(skip)]
    pub payment_id: PaymentId,
}

/// The payouts that were begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedPayouts {
    /// One for each seller of the payment.
    pub payouts: Vec<Payout>,
}
