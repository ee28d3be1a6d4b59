//! Categories, and who wants to hear of which.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::Result;
use crate::extract::Page;

/// What a notification is about, for preferences.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    strum::AsRefStr,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Category {
    /// Offers made, accepted, turned down, over.
    Offers,
    /// Requests: invitations, cancellations, completed deals.
    Requests,
    /// Payments and template checkouts.
    Payments,
    /// Payouts to sellers.
    Payouts,
    /// Shipment, codes, receipt.
    Delivery,
    /// Disputes.
    Disputes,
    /// Messages.
    Chat,
    /// Points, levels, referrals.
    Points,
    /// Reviews.
    Reviews,
}

/// How a user wants to hear of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Channels {
    /// As a notification.
    #[schema(default = true)]
    pub in_app: bool,
    /// By mail, where the address is verified.
    #[schema(default = false)]
    pub mail: bool,
}

impl Default for Channels {
    fn default() -> Self {
        Self { in_app: true, mail: false }
    }
}

/// How a user wants to hear of what. What is left out takes its default: in the app, not by mail.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct Preferences {
    /// Offers made, accepted, turned down, over.
    pub offers: Channels,
    /// Requests: invitations, cancellations, completed deals.
    pub requests: Channels,
    /// Payments and template checkouts.
    pub payments: Channels,
    /// Payouts to sellers.
    pub payouts: Channels,
    /// Shipment, codes, receipt.
    pub delivery: Channels,
    /// Disputes.
    pub disputes: Channels,
    /// Messages.
    pub chat: Channels,
    /// Points, levels, referrals.
    pub points: Channels,
    /// Reviews.
    pub reviews: Channels,
}

impl Preferences {
    /// How the user wants to hear of this category.
    pub fn of(&self, category: Category) -> Channels {
        match category {
            Category::Offers => self.offers,
            Category::Requests => self.requests,
            Category::Payments => self.payments,
            Category::Payouts => self.payouts,
            Category::Delivery => self.delivery,
            Category::Disputes => self.disputes,
            Category::Chat => self.chat,
            Category::Points => self.points,
            Category::Reviews => self.reviews,
        }
    }
}

/// How many notifications the caller has not read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnreadCount {
    /// Never negative; what the newest `unread-count-update` told.
    pub unread_count: i64,
}

/// What became of a call that reads several notifications.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllRead {
    /// How many became read by this call.
    pub modified_count: i64,
    /// How many are unread now.
    pub unread_count: i64,
}

/// Which notifications to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct NotificationQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only those that are not read.
    pub unread_only: bool,
}

impl NotificationQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray as _;

    #[test]
    fn each_category_has_a_preference_of_its_own_name() {
        for category in Category::VARIANTS {
            let json = serde_json::json!({ category.as_ref(): { "inApp": false, "mail": true } });
            let chosen: Preferences = serde_json::from_value(json).unwrap();
            for other in Category::VARIANTS {
                let expected = if other == category {
                    Channels { in_app: false, mail: true }
                } else {
                    Channels::default()
                };
                assert_eq!(chosen.of(*other), expected, "{category} {other}");
            }
        }
    }
}
