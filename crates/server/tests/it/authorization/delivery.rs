//! The delivery of a deal.

use super::{Body, NOBODYS, Object, Row, World};
use crate::support::TestApp;

/// A deal of `buyer` and `seller`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is paid.
    Funded,
    /// It is on its way.
    Shipped,
}

pub async fn make(world: &World, app: &TestApp, stage: Stage) -> String {
    let deal = app.accepted_deal_of(world.buyer().clone(), world.seller().clone()).await;
    let deal = deal.funded().await;
    let deal = match stage {
        Stage::Funded => deal,
        Stage::Shipped => deal.shipped().await,
    };
    deal.id().to_owned()
}

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    vec![
        row(
            "GET /api/marketplace/purchase-requests/{id}/delivery",
            Body::None,
            Object::Deal(Stage::Shipped),
            [401, 200, 404, 200, 404, 200],
            NOBODYS,
        ),
        row(
            "PUT /api/marketplace/purchase-requests/{id}/delivery",
            Body::Text(r#"{"status": "shipped"}"#),
            Object::Deal(Stage::Funded),
            [401, 403, 404, 200, 404, 403],
            NOBODYS,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/delivery-code/generate",
            Body::None,
            Object::Deal(Stage::Shipped),
            [401, 403, 404, 200, 404, 403],
            NOBODYS,
        ),
        // Nobody has made a code.
        row(
            "POST /api/marketplace/purchase-requests/{id}/delivery-code/verify",
            Body::Text(r#"{"code": "123456"}"#),
            Object::Deal(Stage::Shipped),
            [401, 409, 404, 403, 404, 403],
            NOBODYS,
        ),
    ]
}
