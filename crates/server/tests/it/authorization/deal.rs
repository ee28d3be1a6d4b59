//! Deals after their payment: delivery and disputes; templates and their checkouts.

use serde_json::{Value, json};

use super::{Body, NOBODYS, Object, Row, World, all};
use crate::support::deal::{Deal, template_body};
use crate::support::market::id;

/// A deal of `buyer` and `seller`, or what belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is paid.
    Funded,
    /// It is on its way.
    Shipped,
    /// It was received.
    Delivered,
    /// A dispute about it.
    Dispute,
    /// A template of `seller`.
    Template,
    /// A checkout of `buyer` with a template of `seller`.
    Checkout,
}

pub async fn make(world: &World, stage: Stage) -> String {
    let (buyer, seller) = (world.buyer().clone(), world.seller().clone());
    if matches!(stage, Stage::Template | Stage::Checkout) {
        let template = seller.template(&json!({})).await;
        if stage == Stage::Template {
            return id(&template).to_owned();
        }
        return id(&buyer.checkout(&[(&template, 1)]).await).to_owned();
    }
    let deal = Deal::accepted(buyer, seller).await.funded().await;
    let deal = match stage {
        Stage::Funded => deal,
        Stage::Delivered => deal.shipped().await.delivered().await,
        _ => deal.shipped().await,
    };
    if stage == Stage::Dispute {
        return id(&deal.dispute(&deal.buyer).await).to_owned();
    }
    deal.id().to_owned()
}

fn template() -> Value {
    template_body(&json!({}))
}

/// A deal of nobody's.
const NO_DEAL: &str = r#"{"purchaseRequestId": "01890a5d-ac96-774b-bcce-b302099a8057",
                          "category": "damaged", "description": "Broken."}"#;
/// A template of nobody's.
const NO_ITEM: &str = r#"{"items": [{"templateId": "01890a5d-ac96-774b-bcce-b302099a8057",
                                     "quantity": 1}]}"#;

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    let deal = |stage| Object::Deal(stage);
    let mut rows = vec![
        row(
            "GET /api/marketplace/purchase-requests/{id}/delivery",
            Body::None,
            deal(Stage::Shipped),
            [401, 200, 404, 200, 404, 200],
            NOBODYS,
        ),
        row(
            "PUT /api/marketplace/purchase-requests/{id}/delivery",
            Body::Text(r#"{"status": "shipped"}"#),
            deal(Stage::Funded),
            [401, 403, 404, 200, 404, 403],
            NOBODYS,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/delivery-code/generate",
            Body::None,
            deal(Stage::Shipped),
            [401, 403, 404, 200, 404, 403],
            NOBODYS,
        ),
        // Nobody has made a code.
        row(
            "POST /api/marketplace/purchase-requests/{id}/delivery-code/verify",
            Body::Text(r#"{"code": "123456"}"#),
            deal(Stage::Shipped),
            [401, 409, 404, 403, 404, 403],
            NOBODYS,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/confirm-delivery",
            Body::None,
            deal(Stage::Delivered),
            [401, 200, 404, 403, 404, 403],
            NOBODYS,
        ),
    ];
    rows.extend([
        row(
            "POST /api/disputes",
            Body::Text(NO_DEAL),
            Object::Nothing,
            [401, 404, 404, 404, 404, 404],
            None,
        ),
        row("GET /api/disputes", Body::None, Object::Nothing, [401, 200, 200, 200, 200, 200], None),
        row(
            "GET /api/disputes/{id}",
            Body::None,
            deal(Stage::Dispute),
            [401, 200, 404, 200, 404, 200],
            NOBODYS,
        ),
        row(
            "POST /api/disputes/{id}/evidence",
            Body::Text(r#"{"text": "A picture"}"#),
            deal(Stage::Dispute),
            [401, 201, 404, 201, 404, 201],
            NOBODYS,
        ),
        row(
            "POST /api/disputes/{id}/resolve",
            Body::Text(r#"{"outcome": "refund"}"#),
            deal(Stage::Dispute),
            [401, 403, 403, 403, 403, 200],
            Some([401, 403, 403, 403, 403, 404]),
        ),
    ]);
    rows.extend([
        row(
            "POST /api/marketplace/request-templates",
            Body::Made(template),
            Object::Nothing,
            [401, 403, 403, 201, 201, 403],
            None,
        ),
        row(
            "GET /api/marketplace/request-templates",
            Body::None,
            Object::Nothing,
            [401, 403, 403, 200, 200, 200],
            None,
        ),
        row(
            "GET /api/marketplace/request-templates/{id}",
            Body::None,
            deal(Stage::Template),
            [401, 200, 200, 200, 404, 200],
            NOBODYS,
        ),
        row(
            "PATCH /api/marketplace/request-templates/{id}",
            Body::Text(r#"{"title": "Another title"}"#),
            deal(Stage::Template),
            [401, 403, 403, 200, 404, 403],
            NOBODYS,
        ),
        row(
            "DELETE /api/marketplace/request-templates/{id}",
            Body::None,
            deal(Stage::Template),
            [401, 403, 403, 200, 404, 200],
            NOBODYS,
        ),
        // Nobody has made one with this link.
        row(
            "GET /api/marketplace/request-templates/by-link/{link}",
            Body::None,
            Object::Nothing,
            all(404),
            None,
        ),
        row(
            "POST /api/marketplace/template-checkout",
            Body::Text(NO_ITEM),
            Object::Nothing,
            [401, 422, 422, 403, 403, 403],
            None,
        ),
        row(
            "GET /api/marketplace/template-checkout/{id}",
            Body::None,
            deal(Stage::Checkout),
            [401, 200, 404, 200, 404, 200],
            NOBODYS,
        ),
    ]);
    rows
}
