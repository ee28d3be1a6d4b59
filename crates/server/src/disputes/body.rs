//! What clients send and read about disputes.

use events::{Amount, DisputeId, FileId, Money, RequestId, Timestamp, UserId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::model::{DisputeStatus, Outcome};
use crate::error::Result;
use crate::extract::Page;
use crate::requests::{is_line, is_text, words};

/// Most files of one piece of evidence.
const ATTACHMENTS_MAX: usize = 10;

/// A new dispute.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenDispute {
    /// The deal.
    #[garde(skip)]
    pub purchase_request_id: RequestId,
    /// What it is about, in a word or two, such as `not_received`, `not_as_described`, `damaged`,
    /// `no_response`, `other`: 1 to 50 characters.
    #[garde(custom(is_line::<1, 50>))]
    #[schema(example = "not_as_described", min_length = 1, max_length = 50)]
    pub category: String,
    /// What happened: 1 to 5,000 characters.
    #[garde(custom(is_text::<1, 5000>))]
    #[schema(example = "The switches are red.", min_length = 1, max_length = 5000)]
    pub description: String,
}

/// Evidence of one of the parties.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddEvidence {
    /// In words: 1 to 5,000 characters.
    #[garde(custom(is_text::<1, 5000>))]
    #[schema(example = "A picture of the switches.", min_length = 1, max_length = 5000)]
    pub text: String,
    /// Files of the caller's: 10 at most.
    #[garde(inner(length(max = ATTACHMENTS_MAX)))]
    #[schema(max_items = 10)]
    pub attachment_ids: Option<Vec<FileId>>,
}

/// An administrator's decision.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "outcome": "split", "amount": "12.50", "note": "Both sides were heard.",
}))]
pub struct ResolveDispute {
    /// How it ends.
    #[garde(skip)]
    pub outcome: Outcome,
    /// What the seller gets of the price; for a split, and for nothing else.
    #[garde(skip)]
    pub amount: Option<Amount>,
    /// Why, for both parties: 1 to 2,000 characters.
    #[garde(inner(custom(is_text::<1, 2000>)))]
    #[schema(min_length = 1, max_length = 2000)]
    pub note: Option<String>,
}

/// Which disputes to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DisputeQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// One status, or several separated by commas.
    #[param(example = "open")]
    pub status: Option<String>,
    /// Only those about this deal.
    pub purchase_request_id: Option<RequestId>,
}

impl DisputeQuery {
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
    pub fn statuses(&self) -> Result<Vec<DisputeStatus>> {
        words(self.status.as_deref(), <DisputeStatus as strum::VariantArray>::VARIANTS)
    }
}

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dispute {
    /// The dispute.
    #[serde(rename = "_id")]
    pub id: DisputeId,
    /// The deal.
    pub purchase_request_id: RequestId,
    /// Who buys.
    pub buyer_id: UserId,
    /// Who sells.
    pub seller_id: UserId,
    /// Who opened it.
    pub opened_by: UserId,
    /// What it is about.
    pub category: String,
    /// What happened, by whom opened it.
    pub description: String,
    /// Where it stands.
    pub status: DisputeStatus,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome: Option<Outcome>,
    /// What the seller got of the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to_seller: Option<Money>,
    /// What the administrator said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
    /// When it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resolved_at: Option<Timestamp>,
    /// What the parties brought forward, oldest first; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub evidence: Option<Vec<Evidence>>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a party, or an administrator, brought forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The evidence.
    #[serde(rename = "_id")]
    pub id: String,
    /// Whose it is.
    pub author_id: UserId,
    /// In words.
    pub text: String,
    /// Files.
    pub attachment_ids: Vec<FileId>,
    /// When it was brought.
    pub created_at: Timestamp,
}
