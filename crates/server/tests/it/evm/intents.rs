//! How a payment from a wallet begins.

use serde_json::{Value, json};

use super::chain::{
    Chain, INTENTS, PLATFORM, PRICE, PROVE, STRANGER, WALLET, chain_test, paying, prove, told,
};
use crate::support::{TestApp, app_test};

/// The body of an intent of a deal.
fn body(deal: &crate::support::money::Deal) -> Value {
    let mut body = deal.intent();
    body["token"] = json!("USDC");
    body["wallet"] = json!(WALLET);
    body
}

chain_test!(an_intent_says_how_to_pay, async |app, chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "180.00").await;
    let head = app.position().await;
    let mut body = body(&deal);
    body["wallet"] = json!(WALLET.to_lowercase());
    let intent = buyer.post(INTENTS).json(&body).send().await.data(201);
    let checksummed = souk_address(&chain.token);
    assert_eq!(intent["chainId"], 31337);
    let token = json!({
        "symbol": "USDC", "address": checksummed, "decimals": 6, "currency": "USD",
    });
    assert_eq!(intent["token"], token);
    assert_eq!((&intent["payee"], &intent["wallet"]), (&json!(PLATFORM), &json!(WALLET)));
    assert_eq!((&intent["amount"], &intent["currency"]), (&json!("180.00"), &json!("USD")));
    assert_eq!(intent["amountBaseUnits"], PRICE.to_string());
    assert_eq!(intent["dueBaseUnits"], PRICE.to_string());
    let uri = format!("ethereum:{checksummed}@31337/transfer?address={PLATFORM}&uint256={PRICE}");
    assert_eq!(intent["uri"], uri);
    assert_eq!(intent["walletProven"], false);
    assert!(intent["expiresAt"].is_string());
    assert_eq!(intent["transactions"], json!([]));
    let message = intent["message"].as_str().expect("a message");
    for part in [intent["paymentId"].as_str().expect("an id"), WALLET, "https://api.shop.example"] {
        assert!(message.contains(part), "{message}");
    }
    let names = told(app, head).await;
    assert_eq!(names, ["payment-created", "purchase-request-update"]);

    // Once more it is the same one, and nobody is told again.
    let again = buyer.post(INTENTS).json(&body).send().await.data(201);
    assert_eq!(again, intent);
    assert_eq!(told(app, head).await.len(), 2);
    let seen = buyer.get(&format!("{INTENTS}/{}", intent["paymentId"].as_str().unwrap()));
    assert_eq!(seen.send().await.data(200), intent);
});

fn souk_address(text: &str) -> String {
    text.parse::<souk::evm::types::Address>().expect("an address").to_string()
}

chain_test!(token_and_wallet_may_change_until_a_transaction_is_named, async |app, chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "180.00").await;
    let intent = buyer.post(INTENTS).json(&body(&deal)).send().await.data(201);
    prove(&buyer, chain, &intent).await;
    let mut other = body(&deal);
    other["wallet"] = json!(STRANGER);
    let changed = buyer.post(INTENTS).json(&other).send().await.data(201);
    assert_eq!(changed["paymentId"], intent["paymentId"]);
    assert_eq!(changed["wallet"], STRANGER);
    assert_eq!(changed["walletProven"], false, "another wallet is another proof");
    let proven = prove(&buyer, chain, &changed).await;
    assert_eq!(proven["walletProven"], true);

    let hash = chain.transfer(&chain.token, STRANGER, PLATFORM, PRICE).await;
    let confirm = json!({ "paymentId": intent["paymentId"], "txHash": hash });
    buyer.post(crate::evm::chain::CONFIRM).json(&confirm).send().await.data(200);
    let refused = buyer.post(INTENTS).json(&body(&deal)).send().await;
    refused.error(409, "intent_in_use");
    buyer.post(INTENTS).json(&other).send().await.data(201);
});

chain_test!(a_wallet_may_be_proven_with_the_confirmation, async |app, chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "180.00").await;
    let intent = buyer.post(INTENTS).json(&body(&deal)).send().await.data(201);
    let hash = chain.pay(PRICE).await;
    let signature = chain.sign(WALLET, intent["message"].as_str().unwrap()).await;
    let body = json!({ "paymentId": intent["paymentId"], "txHash": hash, "signature": signature });
    let seen = buyer.post(crate::evm::chain::CONFIRM).json(&body).send().await.data(200);
    assert_eq!(seen["transaction"]["status"], "seen");
    let path = format!("{INTENTS}/{}", intent["paymentId"].as_str().unwrap());
    assert_eq!(buyer.get(&path).send().await.data(200)["walletProven"], true);
});

chain_test!(intents_are_checked, async |app, _chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "180.00").await;
    for (field, value, named) in [
        ("token", json!("DOGE"), "token"),
        ("token", json!(""), "token"),
        // Ether pays deals in ether.
        ("token", json!("ETH"), "token"),
        ("wallet", json!("0x12"), "wallet"),
        ("wallet", json!(PLATFORM), "wallet"),
        ("wallet", json!("0x0000000000000000000000000000000000000000"), "wallet"),
        ("sellerOfferId", Value::Null, "sellerOfferId"),
        ("checkoutId", deal.request["_id"].clone(), "checkoutId"),
        ("payee", json!(WALLET), "payee"),
        ("amount", json!("1.00"), "amount"),
    ] {
        let mut body = body(&deal);
        body[field] = value;
        buyer.post(INTENTS).json(&body).send().await.invalid(&[named]);
    }
    app.post(INTENTS).json(&body(&deal)).send().await.error(401, "unauthorized");
    seller.post(INTENTS).json(&body(&deal)).send().await.error(403, "forbidden");
    let other = app.buyer().await;
    other.post(INTENTS).json(&body(&deal)).send().await.error(404, "not_found");
});

chain_test!(signatures_are_the_buyers, async |app, chain| {
    let paying = paying(app, chain).await;
    let message = paying.intent["message"].as_str().expect("a message");
    let signature = chain.sign(WALLET, message).await;
    let body = json!({ "paymentId": paying.id(), "signature": signature });
    app.buyer().await.post(PROVE).json(&body).send().await.error(404, "not_found");
    paying.seller.post(PROVE).json(&body).send().await.error(403, "forbidden");
    for signature in ["", "0x", "hello", &signature[..130], &format!("{signature}00")] {
        let body = json!({ "paymentId": paying.id(), "signature": signature });
        let answer = paying.buyer.post(PROVE).json(&body).send().await;
        answer.error(422, "wallet_signature_invalid");
    }
    let body = json!({ "paymentId": paying.id(), "signature": "0".repeat(201) });
    paying.buyer.post(PROVE).json(&body).send().await.invalid(&["signature"]);
});

chain_test!(the_tokens_are_listed, async |app, chain: &Chain| {
    let tokens = app.buyer().await.get("/api/payment/decentralized/tokens").send().await.data(200);
    assert_eq!(tokens["chainId"], 31337);
    let symbols: Vec<_> = tokens["tokens"].as_array().expect("a list").iter().collect();
    assert_eq!(symbols.len(), 3);
    assert_eq!(symbols[0]["address"], souk_address(&chain.token));
    assert_eq!(symbols[2], &json!({ "symbol": "ETH", "decimals": 18, "currency": "ETH" }));
});

app_test!(without_a_chain_there_is_a_clear_answer, async |app: &TestApp| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "180.00").await;
    let answer = buyer.post(INTENTS).json(&body(&deal)).send().await;
    answer.error(503, "decentralized_not_configured");
    let tokens = buyer.get("/api/payment/decentralized/tokens").send().await;
    tokens.error(503, "decentralized_not_configured");
});
