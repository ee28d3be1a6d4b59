//! Payments from wallets. The chain is away; what needs it is 503.

use serde_json::{Value, json};

use super::money::Money;
use super::{Body, NOBODYS, Object, Row, World};

/// Play money, and a chain that does not answer.
pub const SETTINGS: [(&str, &str); 5] = [
    ("PAYMENT_SANDBOX", "true"),
    ("EVM_RPC_URL", "http://127.0.0.1:1"),
    ("EVM_CHAIN_ID", "31337"),
    ("EVM_TOKENS", "USDC:native:6:USD"),
    ("EVM_PAYEE", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
];

const WALLET: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";

fn intent() -> Value {
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    json!({
        "purchaseRequestId": nobody, "sellerOfferId": nobody, "token": "USDC", "wallet": WALLET,
    })
}

/// The payment that was made for this row.
fn payment(world: &World) -> Value {
    world.made.as_ref().map_or(Value::Null, |(_, id)| json!(id))
}

fn proof(world: &World) -> Value {
    json!({ "paymentId": payment(world), "signature": "0x" })
}

fn transaction(world: &World) -> Value {
    json!({ "paymentId": payment(world), "txHash": format!("0x{}", "1".repeat(64)) })
}

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    // It is one in play money, so that the last word is 409.
    let pending = Object::Money(Money::Pending);
    vec![
        row(
            "GET /api/payment/decentralized/tokens",
            Body::None,
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row(
            "POST /api/payment/decentralized/intents",
            Body::Made(intent),
            Object::Nothing,
            [401, 503, 503, 403, 403, 403],
            None,
        ),
        row(
            "GET /api/payment/decentralized/intents/{id}",
            Body::None,
            pending,
            [401, 409, 404, 403, 404, 409],
            NOBODYS,
        ),
        row(
            "POST /api/payment/decentralized/wallet",
            Body::Of(proof),
            pending,
            [401, 409, 404, 403, 404, 403],
            None,
        ),
        row(
            "POST /api/payment/decentralized/confirm",
            Body::Of(transaction),
            pending,
            [401, 409, 404, 403, 404, 403],
            None,
        ),
        row(
            "POST /api/payment/decentralized/payout",
            Body::Of(transaction),
            pending,
            [401, 403, 403, 403, 403, 503],
            None,
        ),
    ]
}
