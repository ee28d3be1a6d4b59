//! What clients send about offers, and the rules of its fields.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands values and context by reference"
)]

use events::documents::DeliveryTime;
use events::{Money, OfferStatus, Timestamp};
use garde::Validate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::error::Result;
use crate::extract::{Page, present};
use crate::requests::{is_text, words};

/// A new offer.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOffer {
    /// The price of everything asked for, in the request's currency; more than zero.
    #[garde(custom(is_price))]
    pub price: Money,
    /// How long the delivery takes: 1 to 1,000 units.
    #[garde(custom(is_delivery_time))]
    pub delivery_time: DeliveryTime,
    /// The seller's words: 2,000 characters at most.
    #[garde(custom(is_text::<0, 2000>))]
    #[schema(example = "Both in stock.", max_length = 2000)]
    pub message: String,
    /// It expires then; in the future.
    #[garde(skip)]
    pub valid_until: Option<Timestamp>,
}

/// Changes of a pending offer. Absent fields stay; `null` clears `validUntil`.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateOffer {
    /// The price of everything asked for, in the request's currency; more than zero.
    #[garde(inner(custom(is_price)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub price: Option<Money>,
    /// How long the delivery takes: 1 to 1,000 units.
    #[garde(inner(custom(is_delivery_time)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub delivery_time: Option<DeliveryTime>,
    /// The seller's words: 2,000 characters at most.
    #[garde(inner(custom(is_text::<0, 2000>)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false, max_length = 2000)]
    pub message: Option<String>,
    /// It expires then; in the future.
    #[garde(skip)]
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Timestamp>)]
    pub valid_until: Option<Option<Timestamp>>,
}

/// Why an offer is turned down.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectOffer {
    /// In words: 1 to 500 characters. The seller reads it.
    #[garde(inner(custom(is_text::<1, 500>)))]
    #[schema(example = "Too late for us", min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

/// Which offers to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct OfferQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// One status, or several separated by commas.
    #[param(example = "pending,accepted")]
    pub status: Option<String>,
}

impl OfferQuery {
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
    pub fn statuses(&self) -> Result<Vec<OfferStatus>> {
        words(self.status.as_deref(), OfferStatus::ALL)
    }
}

/// A price: more than zero.
pub(crate) fn is_price(price: &Money, (): &()) -> garde::Result {
    match price.minor() {
        Ok(0) => Err(garde::Error::new("must be more than zero")),
        Ok(_) => Ok(()),
        Err(error) => Err(garde::Error::new(error.to_string())),
    }
}

/// 1 to 1,000 units.
pub(crate) fn is_delivery_time(time: &DeliveryTime, (): &()) -> garde::Result {
    if (1..=1000).contains(&time.amount) {
        return Ok(());
    }
    Err(garde::Error::new("amount must be between 1 and 1000"))
}
