//! Short cuts to requests and offers, for tests that need some.

use serde_json::{Value, json};

use super::Actor;

/// Where requests are.
pub const REQUESTS: &str = "/api/marketplace/purchase-requests";
/// Where offers are.
pub const OFFERS: &str = "/api/marketplace/offers";

/// Sign-ins that outlast what a test lets pass.
pub const LONG_SIGN_IN: (&str, &str) = ("ACCESS_TOKEN_TTL", "30d");

/// A complete request, with some fields replaced; `null` leaves one out.
pub fn request_body(changes: &Value) -> Value {
    merged(
        json!({
            "title": "Two mechanical keyboards",
            "description": "ISO layout, brown switches.",
            "productType": "physical",
            "quantity": 2,
            "budget": { "min": "100.00", "max": "250.00", "currency": "USD" },
            "urgency": "medium",
            "deliveryInfo": { "address": "Rua A 1", "city": "Lisbon", "phone": "+351 1" },
        }),
        changes,
    )
}

/// A complete offer, with some fields replaced; `null` leaves one out.
pub fn offer_body(changes: &Value) -> Value {
    merged(
        json!({
            "price": { "amount": "180.00", "currency": "USD" },
            "deliveryTime": { "amount": 3, "unit": "days" },
            "message": "Both in stock.",
        }),
        changes,
    )
}

pub(super) fn merged(mut body: Value, changes: &Value) -> Value {
    let fields = body.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object of changes") {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    body
}

/// The `_id` of a document.
pub fn id(document: &Value) -> &str {
    document["_id"].as_str().expect("an _id")
}

impl Actor {
    /// Publishes [`request_body`] with changes and returns the document.
    pub async fn publish(&self, changes: &Value) -> Value {
        self.post(REQUESTS).json(&request_body(changes)).send().await.data(201)
    }

    /// Makes an offer on a request, [`offer_body`] with changes, and returns the document.
    pub async fn make_offer(&self, request: &Value, changes: &Value) -> Value {
        let path = format!("{REQUESTS}/{}/offers", id(request));
        self.post(&path).json(&offer_body(changes)).send().await.data(201)
    }

    /// Accepts an offer and returns it.
    pub async fn accept(&self, offer: &Value) -> Value {
        self.post(&format!("{OFFERS}/{}/accept", id(offer))).send().await.data(200)
    }

    /// The request as this actor sees it.
    pub async fn see(&self, request: &Value) -> Value {
        self.get(&format!("{REQUESTS}/{}", id(request))).send().await.data(200)
    }
}
