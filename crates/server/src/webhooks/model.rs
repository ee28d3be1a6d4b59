//! Endpoints and deliveries, and what an answer does to one: pure functions.

use std::time::Duration;

use events::{Timestamp, WebhookDeliveryId, WebhookId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Result};
use crate::extract::Page;
use crate::requests::is_text;

/// Pause after the first failure; four times as long after each further one.
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// Longest pause.
const RETRY_MAX: Duration = Duration::from_hours(1);
/// A delivery that failed so often is dead.
pub const TRIES_MAX: i64 = 12;
/// So is one that failed and is older than this: what waits behind it gets its turn.
pub const AGE_MAX: Duration = Duration::from_hours(24);

/// The pause after so many failures in a row.
pub fn pause(failures: i64) -> Duration {
    let factor = 4_u32.pow((failures - 1).clamp(0, 10) as u32);
    RETRY_FIRST.saturating_mul(factor).min(RETRY_MAX)
}

/// What becomes of a delivery that failed for the `attempts`th time, made so long ago.
pub fn after_failure(attempts: i64, age: Duration) -> DeliveryStatus {
    if attempts >= TRIES_MAX || age >= AGE_MAX {
        DeliveryStatus::Dead
    } else {
        DeliveryStatus::Pending
    }
}

/// Where a delivery stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    strum::AsRefStr,
    strum::Display,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = WebhookDeliveryStatus)]
pub enum DeliveryStatus {
    /// To be sent, or to be tried again.
    Pending,
    /// Answered with 2xx.
    Delivered,
    /// Given up; an administrator may have it tried again.
    Dead,
}

/// A new endpoint.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWebhook {
    /// Where to send: https, on the public internet.
    #[garde(length(min = 1, max = 2000))]
    #[schema(example = "https://hooks.example/souk", max_length = 2000)]
    pub url: String,
    /// The names of the events to send; all where absent.
    #[garde(inner(length(min = 1, max = 100)), inner(inner(custom(is_event_name))))]
    #[schema(example = json!(["payment-update", "payout-completed"]), max_items = 100)]
    pub events: Option<Vec<String>>,
    /// For the administrators: 200 characters at most.
    #[garde(custom(is_text::<0, 200>))]
    #[serde(default)]
    #[schema(max_length = 200)]
    pub description: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde hands the context by reference")]
fn is_event_name(name: &str, (): &()) -> garde::Result {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(garde::Error::new("is 1 to 64 letters, digits, \"-\", \"_\", \":\" and \".\""))
}

/// An endpoint.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The endpoint.
    #[serde(rename = "_id")]
    pub id: WebhookId,
    /// Where events are sent.
    pub url: String,
    /// The names of the events that are sent; absent where all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub events: Option<Vec<String>>,
    /// For the administrators.
    pub description: String,
    /// False after the endpoint answered 410 (it wants no more).
    pub active: bool,
    /// Failed tries since the last success.
    pub failures: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new endpoint and its secret, which is told this once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedWebhook {
    /// The endpoint.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// What its messages are signed with.
    #[schema(examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
    pub secret: String,
}

/// One event for one endpoint.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// The delivery.
    #[serde(rename = "_id")]
    pub id: WebhookDeliveryId,
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// `webhook-id` of the message, the same for every try.
    pub message_id: String,
    /// The event.
    pub event: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: i64,
    /// The status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub response_status: Option<u16>,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub finished_at: Option<Timestamp>,
}

/// Which deliveries to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only these; `dead` is the dead-letter list.
    #[param(inline)]
    pub status: Option<DeliveryStatus>,
}

impl DeliveryQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}

/// 409 for a delivery that is still tried.
pub fn not_finished() -> ApiError {
    ApiError::conflict("delivery_pending", "The delivery is still tried")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let seconds: Vec<u64> = (1..=8).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(seconds, [5, 20, 80, 320, 1280, 3600, 3600, 3600]);
        assert_eq!(pause(i64::MAX), RETRY_MAX);
    }

    #[test]
    fn a_delivery_dies_of_tries_or_of_age() {
        for attempts in 1..=TRIES_MAX {
            for age in [Duration::ZERO, AGE_MAX.saturating_sub(Duration::from_secs(1)), AGE_MAX] {
                let dead = attempts == TRIES_MAX || age == AGE_MAX;
                let expected = if dead { DeliveryStatus::Dead } else { DeliveryStatus::Pending };
                assert_eq!(after_failure(attempts, age), expected, "{attempts} {age:?}");
            }
        }
    }
}
