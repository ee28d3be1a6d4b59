//! Notifications, points, reviews and webhooks.

use super::{Body, NOBODYS, Object, Row, World, accounts, all, market};
use crate::support::market::id;

/// What belongs to one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// A notification of `buyer`.
    Notification,
    /// An endpoint for webhooks, which are the administrators'.
    Webhook,
}

pub async fn make(world: &World, object: Own) -> String {
    match object {
        Own::Webhook => {
            let body = serde_json::json!({ "url": "https://hooks.example/" });
            let admin = world.caller(5);
            id(&admin.post("/api/webhooks").json(&body).send().await.data(201)).to_owned()
        }
        Own::Notification => {
            let request = world.buyer().publish(&serde_json::json!({})).await;
            world.seller().make_offer(&request, &serde_json::json!({})).await;
            id(&world.buyer().notifications().await[0]).to_owned()
        }
    }
}

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    let own = |route| row(route, Body::None, Object::Nothing, [401, 200, 200, 200, 200, 200], None);
    let everybody = [401, 200, 200, 200, 200, 200];
    let buyers = [401, 200, 404, 404, 404, 404];
    let notification = Object::Own(Own::Notification);
    let webhook = Object::Own(Own::Webhook);
    let admins = [401, 403, 403, 403, 403, 200];
    let forbidden = Some([401, 403, 403, 403, 403, 404]);
    vec![
        row("GET /api/notifications", Body::None, Object::Nothing, everybody, None),
        row("GET /api/notifications/unread-count", Body::None, Object::Nothing, everybody, None),
        row("PATCH /api/notifications/{id}/read", Body::None, notification, buyers, NOBODYS),
        row("PATCH /api/notifications/mark-all-read", Body::None, Object::Nothing, everybody, None),
        row("DELETE /api/notifications/{id}", Body::None, notification, buyers, NOBODYS),
        row("GET /api/notifications/preferences", Body::None, Object::Nothing, everybody, None),
        row(
            "PUT /api/notifications/preferences",
            Body::Text(r#"{"chat": {"inApp": false}}"#),
            Object::Nothing,
            everybody,
            None,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/review",
            Body::Text(r#"{"rating": 5}"#),
            Object::Market(market::Market::Request),
            [401, 409, 404, 403, 403, 409],
            NOBODYS,
        ),
        row(
            "GET /api/marketplace/sellers/{id}/reviews",
            Body::None,
            Object::Person(accounts::Person::Seller),
            all(200),
            Some(all(404)),
        ),
        row("GET /api/webhooks", Body::None, Object::Nothing, [401, 403, 403, 403, 403, 200], None),
        row(
            "POST /api/webhooks",
            Body::Text(r#"{"url": "https://hooks.example/"}"#),
            Object::Nothing,
            [401, 403, 403, 403, 403, 201],
            None,
        ),
        row("DELETE /api/webhooks/{id}", Body::None, webhook, admins, forbidden),
        row("GET /api/webhooks/{id}/deliveries", Body::None, webhook, admins, forbidden),
        row(
            "POST /api/webhooks/deliveries/{id}/retry",
            Body::None,
            Object::Nothing,
            [401, 403, 403, 403, 403, 404],
            forbidden,
        ),
        own("GET /api/points/my-points"),
        own("GET /api/points/transactions"),
        own("GET /api/points/referrals"),
        own("GET /api/points/levels"),
        own("GET /api/points/leaderboard"),
        own("POST /api/points/generate-referral-code"),
        row(
            "POST /api/points/redeem",
            Body::Text(r#"{"points": 1}"#),
            Object::Nothing,
            [401, 409, 409, 409, 409, 409],
            None,
        ),
    ]
}
