//! Notifications and points.

use super::{Body, NOBODYS, Object, Row, World};
use crate::support::market::id;

/// What belongs to one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// A notification of `buyer`.
    Notification,
}

pub async fn make(world: &World, object: Own) -> String {
    match object {
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
