//! Deals that go wrong.

use serde_json::json;

use super::people::{Person, id};
use super::story::Deal;

const DISPUTES: &str = "/api/disputes";

/// The buyer complains, both sides say something, and an administrator may decide.
pub async fn about(deal: &Deal, admin: &Person, outcome: Option<&str>) -> Result<(), String> {
    let body = json!({
        "purchaseRequestId": deal.request, "category": "not_as_described",
        "description": "It is not what we agreed upon.",
    });
    let dispute = deal.buyer.post(DISPUTES, &body).await?;
    let path = format!("{DISPUTES}/{}", id(&dispute)?);
    for (person, text) in [
        (&deal.buyer, "One part is missing, and the colour is another one."),
        (&deal.seller, "It left our house complete; the carrier has weighed the parcel."),
    ] {
        person.post(&format!("{path}/evidence"), &json!({ "text": text })).await?;
    }
    let Some(outcome) = outcome else { return Ok(()) };
    let mut decision = json!({ "outcome": outcome, "note": "Both sides were heard." });
    if outcome == "split" {
        decision["amount"] = json!("20.00");
    }
    admin.post(&format!("{path}/resolve"), &decision).await?;
    Ok(())
}
