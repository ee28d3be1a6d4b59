//! Paying: intents, what rails see, escrow, release and refund.

mod events_of_money;
mod flow;
mod odd_money;
mod races;
mod timing;

use serde_json::Value;

use crate::support::{Emitted, market::id};

/// Events in few words, such as `payment-update confirmed funded` or `status_changed processing`.
pub fn brief(events: &[Emitted]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let brief = |e: &Emitted| match e.name.as_str() {
        "purchase-request-update" => {
            format!("{} {}", text(&e.payload["type"]), text(&e.payload["status"]))
        }
        "seller-offer-update" => text(&e.payload["eventType"]),
        "payment-update" => {
            format!("{} {}", text(&e.payload["status"]), text(&e.payload["escrowState"]))
        }
        "payout-updated" => format!("payout {}", text(&e.payload["status"])),
        name => name.to_owned(),
    };
    events.iter().map(brief).collect()
}

/// The three states of a payment: `confirmed funded -`.
pub fn states(payment: &Value) -> String {
    let text = |field: &str| payment[field].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", text("status"), text("escrowState"), text("exception"))
}

/// Where a payment is.
pub fn path(payment: &Value) -> String {
    format!("/api/payment/{}", id(payment))
}
