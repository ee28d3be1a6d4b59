//! Payments, payouts and the ledger.

use serde_json::{Value, json};

use super::{Body, NOBODYS, Object, Row, World};
use crate::support::market::id;

/// A payment or a payout of `buyer` to `seller`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Money {
    /// Begun and not paid.
    Pending,
    /// Paid into escrow.
    Funded,
    /// A payout that waits to be handed over.
    Payout,
}

pub async fn make(world: &World, object: Money) -> String {
    let (buyer, seller) = (world.buyer(), world.seller());
    let deal = buyer.deal(seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    if object == Money::Pending {
        return id(&payment).to_owned();
    }
    let payment = buyer.pay(&payment, &json!({})).await;
    if object == Money::Funded {
        return id(&payment).to_owned();
    }
    seller.set_wallet().await;
    world.admin().post(&format!("/api/payment/{}/release", id(&payment))).send().await.data(200);
    let payouts = world.admin().get("/api/payment/payouts?limit=1").send().await.data(200);
    id(&payouts[0]).to_owned()
}

/// Nothing of anybody's.
fn nothing() -> Value {
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    json!({ "purchaseRequestId": nobody, "sellerOfferId": nobody })
}

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    let (nobodys, admins) = (NOBODYS, [401, 403, 403, 403, 403, 200]);
    let (payment, payout) = (|object| Object::Money(object), Object::Money(Money::Payout));
    vec![
        row("GET /api/payment", Body::None, Object::Nothing, [401, 200, 200, 200, 200, 200], None),
        row(
            "GET /api/payment/{id}",
            Body::None,
            payment(Money::Pending),
            [401, 200, 404, 200, 404, 200],
            nobodys,
        ),
        row(
            "POST /api/payment/{id}/release",
            Body::None,
            payment(Money::Funded),
            admins,
            Some([401, 403, 403, 403, 403, 404]),
        ),
        row(
            "POST /api/payment/{id}/refund",
            Body::Text("{}"),
            payment(Money::Funded),
            admins,
            Some([401, 403, 403, 403, 403, 404]),
        ),
        row(
            "POST /api/payment/sandbox/intents",
            Body::Made(nothing),
            Object::Nothing,
            [401, 404, 404, 403, 403, 403],
            None,
        ),
        row(
            "POST /api/payment/sandbox/{id}/pay",
            Body::Text("{}"),
            payment(Money::Pending),
            [401, 200, 404, 403, 404, 200],
            nobodys,
        ),
        row(
            "GET /api/payment/payouts",
            Body::None,
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row(
            "GET /api/payment/payouts/{id}",
            Body::None,
            payout,
            [401, 404, 404, 200, 404, 200],
            nobodys,
        ),
        row(
            "POST /api/payment/payouts/{id}/retry",
            Body::None,
            payout,
            // It has not failed.
            [401, 403, 403, 403, 403, 409],
            Some([401, 403, 403, 403, 403, 404]),
        ),
        row("GET /api/ledger/accounts", Body::None, Object::Nothing, admins, None),
        row("GET /api/ledger/entries", Body::None, Object::Nothing, admins, None),
        row("GET /api/ledger/reconciliation", Body::None, Object::Nothing, admins, None),
    ]
}
