//! What clients send about payments.

use events::{Amount, CheckoutId, OfferId, PaymentStatus, RequestId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::service::Target;
use crate::error::{ApiError, Result};
use crate::extract::Page;
use crate::requests::{is_text, words};

/// Which payments to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PaymentQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// One status, or several separated by commas.
    #[param(example = "pending,processing")]
    pub status: Option<String>,
}

impl PaymentQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }

    /// The statuses asked for; all of them where none is named.
    ///
    /// # Errors
    /// 422 for a word that is no status.
    pub fn statuses(&self) -> Result<Vec<PaymentStatus>> {
        words(self.status.as_deref(), PaymentStatus::ALL)
    }
}

/// What is to be paid: the accepted offer of a request, or a checkout.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
#[schema(example = json!({
    "purchaseRequestId": "01934e5a-6f00-7000-8000-00000000002a",
    "sellerOfferId": "01934e5a-6f00-7000-8000-00000000002a",
}))]
pub struct CreateIntent {
    /// The request, with `sellerOfferId`.
    #[garde(skip)]
    pub purchase_request_id: Option<RequestId>,
    /// Its accepted offer.
    #[garde(skip)]
    pub seller_offer_id: Option<OfferId>,
    /// The checkout, instead of both.
    #[garde(skip)]
    pub checkout_id: Option<CheckoutId>,
}

impl CreateIntent {
    /// What is to be paid.
    ///
    /// # Errors
    /// 422 where that is not said, or twice.
    pub fn target(self) -> Result<Target> {
        target(self.purchase_request_id, self.seller_offer_id, self.checkout_id)
    }
}

/// What the three fields of an intent mean together.
///
/// # Errors
/// 422 where they name nothing, or two things.
pub fn target(
    request: Option<RequestId>,
    offer: Option<OfferId>,
    checkout: Option<CheckoutId>,
) -> Result<Target> {
    match (request, offer, checkout) {
        (Some(request), Some(offer), None) => Ok(Target::Offer { request, offer }),
        (None, None, Some(checkout)) => Ok(Target::Checkout(checkout)),
        (Some(_), None, None) => Err(ApiError::invalid_field("sellerOfferId", "is missing")),
        (None, Some(_), None) => Err(ApiError::invalid_field("purchaseRequestId", "is missing")),
        (None, None, None) => {
            let message = "purchaseRequestId with sellerOfferId, or checkoutId is missing";
            Err(ApiError::invalid_field("body", message))
        }
        (_, _, Some(_)) => {
            Err(ApiError::invalid_field("checkoutId", "does not go with a request or an offer"))
        }
    }
}

/// What an administrator releases.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReleasePayment {
    /// Only the share of this request; all that can be without it.
    #[garde(skip)]
    pub request_id: Option<RequestId>,
}

/// What an administrator gives back.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RefundPayment {
    /// Only the share of this request; all that can be without it.
    #[garde(skip)]
    pub request_id: Option<RequestId>,
    /// Why, in words that both parties read: 1 to 500 characters.
    #[garde(inner(custom(is_text::<1, 500>)))]
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
    /// The transaction that brought the money back, where the rail does not do so by itself.
    #[garde(inner(custom(is_text::<1, 128>)))]
    #[schema(min_length = 1, max_length = 128)]
    pub tx_hash: Option<String>,
    /// Not a price, but what came beside it: too much, too late, or not enough.
    #[garde(skip)]
    pub excess: bool,
}

/// What a payment in play money comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SandboxOutcome)]
pub enum Outcome {
    /// What is missing arrives and is final.
    #[default]
    Paid,
    /// The rail says that it did not work.
    Failed,
    /// Less than what is missing arrives: half of it.
    Partial,
    /// More than what is missing arrives: a tenth of the amount more.
    Over,
    /// The payment ends, and then the money arrives.
    Late,
}

/// A payment in play money.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PaySandbox {
    /// What it comes to; `paid` by default.
    #[garde(skip)]
    pub outcome: Outcome,
    /// How much arrives, instead of what the outcome says; more than zero.
    #[garde(skip)]
    pub amount: Option<Amount>,
}
