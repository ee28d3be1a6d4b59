//! Requests and offers.

use serde_json::{Value, json};

use super::{Body, NOBODYS, Object, Row, World};
use crate::support::market::{id, offer_body as offer, request_body as request};

/// A request or an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Market {
    /// A public request of `buyer`, with a pending offer of `seller`.
    Request,
    /// A request of `buyer` to which only `seller` is invited.
    PrivateRequest,
    /// The pending offer of `seller` on a public request of `buyer`.
    Offer,
}

pub async fn make(world: &World, object: Market) -> String {
    let invitation = json!({ "preferredSellerIds": [world.seller().id.as_str()] });
    if object == Market::PrivateRequest {
        return id(&world.buyer().publish(&invitation).await).to_owned();
    }
    let request = world.buyer().publish(&json!({})).await;
    let offer = world.seller().make_offer(&request, &json!({})).await;
    id(if object == Market::Offer { &offer } else { &request }).to_owned()
}

fn request_body() -> Value {
    request(&json!({}))
}

fn offer_body() -> Value {
    offer(&json!({}))
}

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    let nobodys = NOBODYS;
    vec![
        row(
            "POST /api/marketplace/purchase-requests",
            Body::Made(request_body),
            Object::Nothing,
            [401, 201, 201, 403, 403, 403],
            None,
        ),
        row(
            "GET /api/marketplace/purchase-requests",
            Body::None,
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}",
            Body::None,
            Object::Market(Market::Request),
            [401, 200, 404, 200, 200, 200],
            nobodys,
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}",
            Body::None,
            Object::Market(Market::PrivateRequest),
            [401, 200, 404, 200, 404, 200],
            nobodys,
        ),
        row(
            "PATCH /api/marketplace/purchase-requests/{id}",
            Body::Text(r#"{"title": "Another title"}"#),
            Object::Market(Market::Request),
            [401, 200, 404, 403, 403, 403],
            nobodys,
        ),
        row(
            "PATCH /api/marketplace/purchase-requests/{id}",
            Body::Text(r#"{"title": "Another title"}"#),
            Object::Market(Market::PrivateRequest),
            [401, 200, 404, 403, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/cancel",
            Body::Text(r#"{"reason": "Not needed any more"}"#),
            Object::Market(Market::Request),
            [401, 200, 404, 403, 403, 200],
            nobodys,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/cancel",
            Body::Text(r#"{"reason": "Not needed any more"}"#),
            Object::Market(Market::PrivateRequest),
            [401, 200, 404, 403, 404, 200],
            nobodys,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/offers",
            Body::Made(offer_body),
            Object::Market(Market::Request),
            // The seller has a live offer there already.
            [401, 403, 403, 409, 201, 403],
            Some([401, 403, 403, 404, 404, 403]),
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/offers",
            Body::Made(offer_body),
            Object::Market(Market::PrivateRequest),
            [401, 403, 403, 201, 404, 403],
            Some([401, 403, 403, 404, 404, 403]),
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}/offers",
            Body::None,
            Object::Market(Market::Request),
            [401, 200, 404, 200, 200, 200],
            nobodys,
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}/offers",
            Body::None,
            Object::Market(Market::PrivateRequest),
            [401, 200, 404, 200, 404, 200],
            nobodys,
        ),
        row(
            "GET /api/marketplace/offers/mine",
            Body::None,
            Object::Nothing,
            [401, 403, 403, 200, 200, 403],
            None,
        ),
        row(
            "PATCH /api/marketplace/offers/{id}",
            Body::Text(r#"{"message": "Another message"}"#),
            Object::Market(Market::Offer),
            [401, 403, 404, 200, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/offers/{id}/accept",
            Body::Text("{}"),
            Object::Market(Market::Offer),
            [401, 200, 404, 403, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/offers/{id}/reject",
            Body::Text("{}"),
            Object::Market(Market::Offer),
            [401, 200, 404, 403, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/offers/{id}/withdraw",
            Body::Text("{}"),
            Object::Market(Market::Offer),
            [401, 403, 404, 200, 404, 403],
            nobodys,
        ),
    ]
}
