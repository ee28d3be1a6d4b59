//! Payments and payouts by the SHKeeper gateway. There is none in this test, so whoever may call
//! is told so.

use super::{Body, Object, Row, all};

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    let nobodys = r#"{"paymentId": "01890a5d-ac96-774b-bcce-b302099a8057"}"#;
    let intent = r#"{"checkoutId": "01890a5d-ac96-774b-bcce-b302099a8057", "crypto": "ETH-USDT"}"#;
    vec![
        row(
            "POST /api/payment/shkeeper/intents",
            Body::Text(intent),
            Object::Nothing,
            [401, 503, 503, 503, 503, 503],
            None,
        ),
        row(
            "POST /api/payment/shkeeper/payout",
            Body::Text(nobodys),
            Object::Nothing,
            [401, 403, 403, 403, 403, 503],
            None,
        ),
        row(
            "POST /api/payment/shkeeper/webhook",
            Body::Text("{}"),
            Object::Nothing,
            all(503),
            None,
        ),
        row(
            "POST /api/payment/shkeeper/payout-webhook",
            Body::Text("{}"),
            Object::Nothing,
            all(503),
            None,
        ),
    ]
}
