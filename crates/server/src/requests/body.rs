//! What clients send about requests, and the rules of its fields.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands values and context by reference"
)]

use events::documents::{Budget, DeliveryInfo};
use events::{CategoryId, ProductType, RequestStatus, Timestamp, Urgency, UserId};
use garde::Validate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Result};
use crate::extract::present;

/// Most sellers whom a private request can invite.
const SELLERS_MAX: usize = 50;
/// Longest search, in characters.
const SEARCH_MAX: usize = 200;

/// A new purchase request.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRequest {
    /// What is wanted, in a line: 3 to 200 characters.
    #[garde(custom(is_line::<3, 200>))]
    #[schema(example = "Two mechanical keyboards", min_length = 3, max_length = 200)]
    pub title: String,
    /// What is wanted, in full: 1 to 5,000 characters.
    #[garde(custom(is_text::<1, 5000>))]
    #[schema(example = "ISO layout, brown switches.", min_length = 1, max_length = 5000)]
    pub description: String,
    /// Its place in the category tree.
    #[garde(skip)]
    pub category_id: Option<CategoryId>,
    /// What kind of thing it is.
    #[garde(skip)]
    pub product_type: ProductType,
    /// How many: 1 to 1,000,000.
    #[garde(range(min = 1, max = 1_000_000))]
    #[schema(example = 2, minimum = 1, maximum = 1_000_000)]
    pub quantity: u32,
    /// What the buyer wants to spend.
    #[garde(custom(is_budget))]
    pub budget: Budget,
    /// How soon.
    #[garde(skip)]
    pub urgency: Urgency,
    /// Offers are taken until then; in the future.
    #[garde(skip)]
    pub offers_until: Option<Timestamp>,
    /// Makes the request private: only these sellers see it. At most 50.
    #[garde(inner(custom(are_distinct)))]
    #[schema(max_items = 50)]
    pub preferred_seller_ids: Option<Vec<UserId>>,
    /// Where the goods go. Only the chosen seller sees it.
    #[garde(inner(custom(is_delivery_info)))]
    pub delivery_info: Option<DeliveryInfo>,
}

/// Changes of an open request. Absent fields stay; `null` clears what is optional.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
pub struct UpdateRequest {
    /// What is wanted, in a line: 3 to 200 characters.
    #[garde(inner(custom(is_line::<3, 200>)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false, min_length = 3, max_length = 200)]
    pub title: Option<String>,
    /// What is wanted, in full: 1 to 5,000 characters.
    #[garde(inner(custom(is_text::<1, 5000>)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false, min_length = 1, max_length = 5000)]
    pub description: Option<String>,
    /// Its place in the category tree.
    #[garde(skip)]
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<CategoryId>)]
    pub category_id: Option<Option<CategoryId>>,
    /// How many: 1 to 1,000,000.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false, minimum = 1, maximum = 1_000_000)]
    pub quantity: Option<u32>,
    /// How soon.
    #[garde(skip)]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub urgency: Option<Urgency>,
    /// What the buyer wants to spend; the currency stays while there are offers.
    #[garde(inner(custom(is_budget)))]
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub budget: Option<Budget>,
    /// Offers are taken until then; in the future.
    #[garde(skip)]
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Timestamp>)]
    pub offers_until: Option<Option<Timestamp>>,
    /// Where the goods go.
    #[garde(inner(inner(custom(is_delivery_info))))]
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<DeliveryInfo>)]
    pub delivery_info: Option<Option<DeliveryInfo>>,
}

/// Why a request is called off.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelRequest {
    /// In words: 1 to 500 characters. Sellers with a live offer read it.
    #[garde(custom(is_text::<1, 500>))]
    #[schema(example = "Bought elsewhere", min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Which requests to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RequestQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// The order; ties are broken by id.
    #[param(inline)]
    pub sort: RequestSort,
    /// Only one's own: a buyer's requests, the requests that a seller has an offer on.
    pub mine: bool,
    /// One status, or several separated by commas.
    #[param(example = "active,received_offers")]
    pub status: Option<String>,
    /// Only this category and those below it.
    pub category_id: Option<CategoryId>,
    /// Only those with this text in title or description, in upper or lower case.
    pub q: Option<String>,
}

/// The order of a list of requests.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema, strum::VariantArray,
)]
pub enum RequestSort {
    /// Oldest first.
    #[serde(rename = "createdAt")]
    CreatedAt,
    /// Newest first.
    #[default]
    #[serde(rename = "-createdAt")]
    CreatedAtDesc,
    /// Those that close first; those that never do at the end.
    #[serde(rename = "offersUntil")]
    OffersUntil,
    /// Those that close last; those that never do at the end.
    #[serde(rename = "-offersUntil")]
    OffersUntilDesc,
    /// By currency, then the lowest upper end of the budget first.
    #[serde(rename = "budget")]
    Budget,
    /// By currency, then the highest upper end of the budget first.
    #[serde(rename = "-budget")]
    BudgetDesc,
}

impl RequestQuery {
    /// The statuses asked for; all of them where none is named.
    ///
    /// # Errors
    /// 422 for a word that is no status.
    pub fn statuses(&self) -> Result<Vec<RequestStatus>> {
        words(self.status.as_deref(), RequestStatus::ALL)
    }

    /// The text searched for, where there is one.
    ///
    /// # Errors
    /// 422 where it is too long.
    pub fn search(&self) -> Result<Option<&str>> {
        let words = self.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
        if words.is_some_and(|words| words.chars().count() > SEARCH_MAX) {
            return Err(ApiError::invalid_field("q", "must have 200 characters at most"));
        }
        Ok(words)
    }
}

/// The words of a comma list in the parameter `status`; all where it is absent.
///
/// # Errors
/// 422 for a word that is not one of `all`.
pub(crate) fn words<T: Copy + PartialEq + std::str::FromStr>(
    list: Option<&str>,
    all: &[T],
) -> Result<Vec<T>> {
    let Some(list) = list else { return Ok(all.to_vec()) };
    let mut found = Vec::new();
    for word in list.split(',').map(str::trim) {
        let word: T = word
            .parse()
            .map_err(|_| ApiError::invalid_field("status", format!("`{word}` is not a status")))?;
        if !found.contains(&word) {
            found.push(word);
        }
    }
    Ok(found)
}

/// One line of `MIN` to `MAX` characters, blanks around it not counted.
pub(crate) fn is_line<const MIN: usize, const MAX: usize>(value: &str, (): &()) -> garde::Result {
    if value.chars().any(char::is_control) {
        return Err(garde::Error::new("must not contain control characters"));
    }
    is_text::<MIN, MAX>(value, &())
}

/// Text of `MIN` to `MAX` characters, blanks around it not counted.
pub(crate) fn is_text<const MIN: usize, const MAX: usize>(value: &str, (): &()) -> garde::Result {
    if (MIN..=MAX).contains(&value.trim().chars().count()) {
        return Ok(());
    }
    Err(garde::Error::new(format!("must have {MIN} to {MAX} characters")))
}

fn is_budget(budget: &Budget, (): &()) -> garde::Result {
    let (min, max) = budget.minor().map_err(|error| garde::Error::new(error.to_string()))?;
    if max == 0 {
        return Err(garde::Error::new("max must be more than zero"));
    }
    if min > max {
        return Err(garde::Error::new("min must not be more than max"));
    }
    Ok(())
}

fn are_distinct(sellers: &[UserId], (): &()) -> garde::Result {
    if sellers.len() > SELLERS_MAX {
        return Err(garde::Error::new(format!("must name {SELLERS_MAX} sellers at most")));
    }
    let distinct: std::collections::HashSet<_> = sellers.iter().collect();
    if distinct.len() < sellers.len() {
        return Err(garde::Error::new("must name each seller once"));
    }
    Ok(())
}

/// The lengths of the parts of an address.
pub(crate) fn is_delivery_info(info: &DeliveryInfo, (): &()) -> garde::Result {
    let fields = [
        ("address", &info.address, 300),
        ("city", &info.city, 100),
        ("country", &info.country, 100),
        ("postalCode", &info.postal_code, 20),
        ("phone", &info.phone, 40),
        ("notes", &info.notes, 1000),
    ];
    for (name, value, max) in fields {
        if value.as_ref().is_some_and(|value| !(1..=max).contains(&value.chars().count())) {
            return Err(garde::Error::new(format!("{name} must have 1 to {max} characters")));
        }
    }
    Ok(())
}
