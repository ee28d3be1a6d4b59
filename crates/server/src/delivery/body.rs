//! What clients send and read about a delivery.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands values and context by reference"
)]

use events::{DeliveryStatus, RequestId, RequestStatus, Timestamp};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::codes;
use crate::config::CodeHolder;
use crate::requests::is_text;

/// What the seller says about the shipment. Absent fields stay as they were.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateDelivery {
    /// Where the shipment is.
    #[garde(skip)]
    pub status: DeliveryStatus,
    /// Who carries it: 1 to 100 characters.
    #[garde(inner(custom(is_text::<1, 100>)))]
    #[schema(example = "CTT", min_length = 1, max_length = 100)]
    pub carrier: Option<String>,
    /// The carrier's number of it: 1 to 100 characters.
    #[garde(inner(custom(is_text::<1, 100>)))]
    #[schema(example = "RR123456785PT", min_length = 1, max_length = 100)]
    pub tracking_number: Option<String>,
}

/// The code that the other party shows.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnterCode {
    /// Six digits.
    #[garde(custom(is_code))]
    #[schema(example = "042137", pattern = "^[0-9]{6}$")]
    pub code: String,
}

fn is_code(code: &str, (): &()) -> garde::Result {
    if codes::is_code(code) {
        return Ok(());
    }
    Err(garde::Error::new("must be six digits"))
}

/// The delivery of a deal, for its parties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The request.
    pub request_id: RequestId,
    /// Where the request stands.
    pub request_status: RequestStatus,
    /// Where the shipment is, by the seller's last word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<DeliveryStatus>,
    /// Who carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub carrier: Option<String>,
    /// The carrier's number of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tracking_number: Option<String>,
    /// When the right code was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delivered_at: Option<Timestamp>,
    /// The code that can be entered now, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub code: Option<DeliveryCode>,
}

/// A delivery code.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryCode {
    /// Six digits; only in the answer to its holder who generates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "042137")]
    pub delivery_code: Option<String>,
    /// Who shows it; the other party enters it.
    pub holder: CodeHolder,
    /// It ends then.
    pub expires_at: Timestamp,
    /// Wrong tries that are left.
    pub tries_left: u32,
}

impl std::fmt::Debug for DeliveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeliveryCode(… of {:?})", self.holder)
    }
}
