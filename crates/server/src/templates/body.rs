//! What clients send and read about templates and checkouts.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands values and context by reference"
)]

use events::documents::{DeliveryInfo, DeliveryTime};
use events::{
    CategoryId, CheckoutId, Money, PaymentId, ProductType, RequestId, TemplateId, Timestamp, UserId,
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::Result;
use crate::extract::{Page, present};
use crate::offers::{is_delivery_time, is_price};
use crate::requests::{is_delivery_info, is_line, is_text};

/// Most templates of one checkout.
const ITEMS_MAX: usize = 50;

/// A new template.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTemplate {
    /// What is sold, in a line: 3 to 150 characters.
    #[garde(custom(is_line::<3, 150>))]
    #[schema(example = "Mechanical keyboard", min_length = 3, max_length = 150)]
    pub title: String,
    /// What is sold, in full: 5,000 characters at most.
    #[garde(custom(is_text::<0, 5000>))]
    #[serde(default)]
    #[schema(example = "ISO layout, brown switches.", max_length = 5000)]
    pub description: String,
    /// Its place in the category tree.
    #[garde(skip)]
    pub category_id: Option<CategoryId>,
    /// What kind of thing it is; `physical` where it is left out.
    #[garde(skip)]
    pub product_type: Option<ProductType>,
    /// The price of one; more than zero.
    #[garde(custom(is_price))]
    pub price: Money,
    /// How long the delivery takes, 1 to 1,000 units; seven days where it is left out.
    #[garde(inner(custom(is_delivery_time)))]
    pub delivery_time: Option<DeliveryTime>,
    /// How many can be sold, 1 to 1,000,000; any number where it is left out.
    #[garde(range(min = 1, max = 1_000_000))]
    #[schema(example = 20, minimum = 1, maximum = 1_000_000)]
    pub max_usage: Option<u32>,
    /// It is sold until then; in the future.
    #[garde(skip)]
    pub expires_at: Option<Timestamp>,
}

/// Changes of a template. Absent fields stay; `null` clears what is optional. Deals that were
/// made of it stay as they are.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateTemplate {
    /// What is sold, in a line: 3 to 150 characters.
    #[garde(inner(custom(is_line::<3, 150>)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false, min_length = 3, max_length = 150)]
    pub title: Option<String>,
    /// What is sold, in full: 5,000 characters at most.
    #[garde(inner(custom(is_text::<0, 5000>)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false, max_length = 5000)]
    pub description: Option<String>,
    /// Its place in the category tree.
    #[garde(skip)]
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<CategoryId>)]
    pub category_id: Option<Option<CategoryId>>,
    /// What kind of thing it is.
    #[garde(skip)]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub product_type: Option<ProductType>,
    /// The price of one; more than zero.
    #[garde(inner(custom(is_price)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub price: Option<Money>,
    /// How long the delivery takes: 1 to 1,000 units.
    #[garde(inner(custom(is_delivery_time)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub delivery_time: Option<DeliveryTime>,
    /// How many can be sold in all, not fewer than were; 1 to 1,000,000.
    #[garde(inner(range(min = 1, max = 1_000_000)))]
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub max_usage: Option<Option<u32>>,
    /// It is sold until then; in the future.
    #[garde(skip)]
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<Option<Timestamp>>,
}

/// Which templates to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TemplateQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
}

impl TemplateQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}

/// A template (contract §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestTemplate {
    /// The template.
    #[serde(rename = "_id")]
    pub id: TemplateId,
    /// Who sells.
    pub seller_id: UserId,
    /// What is sold, in a line.
    pub title: String,
    /// What is sold, in full.
    pub description: String,
    /// Its place in the category tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub category_id: Option<CategoryId>,
    /// What kind of thing it is.
    pub product_type: ProductType,
    /// The price of one.
    pub price: Money,
    /// How long the delivery takes.
    pub delivery_time: DeliveryTime,
    /// How many can be sold; absent where there is no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub max_usage: Option<i64>,
    /// How many are left; absent where there is no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remaining: Option<i64>,
    /// How many were sold or wait for their payment; for its seller and administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage_count: Option<i64>,
    /// It is sold until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Timestamp>,
    /// Whether it can be bought now.
    pub available: bool,
    /// The secret part of its link, for `GET …/by-link/:link`; for its seller and administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub share_link: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What is bought in one go.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateCheckout {
    /// 1 to 50 templates, each once, all in one currency.
    #[garde(dive, custom(are_distinct))]
    #[schema(min_items = 1, max_items = 50)]
    pub items: Vec<TemplateItem>,
    /// Where the goods go. Only the sellers see it.
    #[garde(inner(custom(is_delivery_info)))]
    pub delivery_info: Option<DeliveryInfo>,
}

/// A template, and how many of it.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateItem {
    /// The template.
    #[garde(skip)]
    pub template_id: TemplateId,
    /// How many: 1 to 1,000.
    #[garde(range(min = 1, max = 1000))]
    #[schema(example = 1, minimum = 1, maximum = 1000)]
    pub quantity: u32,
}

fn are_distinct(items: &[TemplateItem], (): &()) -> garde::Result {
    if !(1..=ITEMS_MAX).contains(&items.len()) {
        return Err(garde::Error::new(format!("must have 1 to {ITEMS_MAX} items")));
    }
    let distinct: std::collections::HashSet<_> = items.iter().map(|i| &i.template_id).collect();
    if distinct.len() < items.len() {
        return Err(garde::Error::new("must name each template once"));
    }
    Ok(())
}

/// Where a checkout stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    ToSchema,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CheckoutStatus {
    /// It waits for its payment.
    Pending,
    /// The money is in escrow.
    Paid,
    /// It came to nothing.
    Failed,
}

/// A checkout (contract §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checkout {
    /// The checkout.
    #[serde(rename = "_id")]
    pub id: CheckoutId,
    /// Who buys.
    pub buyer_id: UserId,
    /// Where it stands.
    pub status: CheckoutStatus,
    /// What it costs in all; for its buyer and administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<Money>,
    /// What was taken; a seller sees their own.
    pub items: Vec<CheckoutItem>,
    /// The requests that it made, one for each seller; a seller sees their own.
    pub request_ids: Vec<RequestId>,
    /// The payment that paid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payment_id: Option<PaymentId>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// It fails then where it is not paid.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a checkout took of one template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckoutItem {
    /// The template.
    pub template_id: TemplateId,
    /// Who sells.
    pub seller_id: UserId,
    /// The request that it is part of.
    pub request_id: RequestId,
    /// What is sold, in a line.
    pub title: String,
    /// How many.
    pub quantity: u32,
    /// The price of one.
    pub price: Money,
}
