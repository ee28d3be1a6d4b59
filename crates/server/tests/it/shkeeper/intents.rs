//! The beginning of a payment: an invoice is asked for once, and told to the buyer.

use std::time::Duration;

use fake_shkeeper::{Endpoint, Mishap};
use serde_json::json;

use super::{Deal, INTENTS, Invoice, PAYOUT_WEBHOOK, WEBHOOK, gateway_test};
use crate::support::market::id;
use crate::support::{app_test, at_once};

gateway_test!(the_buyer_is_told_how_to_pay, async |app, gateway| {
    let deal = Deal::new(app).await;
    let head = app.position().await;
    let intent = deal.intent("ETH-USDT").send().await.data(201);
    assert_eq!(intent["crypto"], "ETH-USDT");
    assert_eq!((&intent["amount"], &intent["currency"]), (&json!("180.00"), &json!("USD")));
    assert_eq!(intent["cryptoAmount"], "183.6", "the gateway's fee is on top");
    assert!(intent["expiresAt"].is_string() && intent["walletAddress"].is_string());

    let calls = gateway.calls(Endpoint::PaymentRequest);
    assert_eq!(calls.len(), 1);
    assert_eq!(
        calls[0].body,
        json!({
            "external_id": format!("pay-{}", intent["paymentId"].as_str().expect("an id")),
            "fiat": "USD", "amount": "180.00",
            "callback_url": "https://api.shop.example/api/payment/shkeeper/webhook",
        })
    );
    let names = app.event_names_after(head).await;
    assert_eq!(names, ["payment-created", "purchase-request-update"]);
    assert_eq!(deal.state(&Invoice::read(&intent)).await, "pending none -");
});

gateway_test!(asking_again_finds_the_same_invoice, async |app, gateway| {
    let deal = Deal::new(app).await;
    let first = deal.intent("ETH-USDT").key("k1").send().await;
    let head = app.position().await;
    let second = deal.intent("ETH-USDT").send().await;
    let replayed = deal.intent("ETH-USDT").key("k1").send().await;
    assert_eq!(first.data(201), second.data(201));
    assert_eq!(first.body, replayed.body);
    assert_eq!(gateway.calls(Endpoint::PaymentRequest).len(), 1);
    assert_eq!(app.event_names_after(head).await, [""; 0]);
    deal.intent("ETH-USDC").key("k1").send().await.error(422, "idempotency_key_reused");
    deal.intent("ETH-USDC").send().await.error(409, "payment_in_another_crypto");
    assert_eq!(gateway.calls(Endpoint::PaymentRequest).len(), 1);
});

gateway_test!(many_callers_at_once_make_one_invoice, async |app, gateway| {
    let deal = Deal::new(app).await;
    let answers = at_once((0..40).map(|_| deal.intent("ETH-USDT"))).await;
    let invoices: Vec<_> = answers.iter().map(|a| Invoice::read(&a.data(201))).collect();
    assert!(invoices.iter().all(|invoice| *invoice == invoices[0]));
    assert_eq!(gateway.calls(Endpoint::PaymentRequest).len(), 1);
    assert_eq!(gateway.invoices(), 1);
    let created = app.events().await.into_iter().filter(|e| e.name == "payment-created");
    assert_eq!(created.count(), 1);
});

gateway_test!(a_refusal_of_the_gateway_tells_nothing_of_it, async |app, gateway| {
    let deal = Deal::new(app).await;
    let head = app.position().await;
    let refused = deal.intent("DOGE").send().await;
    refused.error(409, "crypto_unavailable");
    gateway.will(Endpoint::PaymentRequest, Mishap::ErrorBody("db password is hunter2".into()));
    let failed = deal.intent("ETH-USDT").send().await;
    failed.error(409, "crypto_unavailable");
    assert!(!failed.body.contains("hunter2") && !failed.body.contains("Traceback"));
    assert_eq!(app.event_names_after(head).await, [""; 0], "nobody can pay yet");
    // Neither answer stands in the way of another coin.
    deal.intent("BTC").send().await.data(201);
});

gateway_test!(an_answer_that_was_lost_is_asked_for_later, async |app, gateway| {
    for mishap in [Mishap::AnswerLost, Mishap::Nonsense, Mishap::Broken, Mishap::Silence] {
        let deal = Deal::new(app).await;
        let before = gateway.calls(Endpoint::PaymentRequest).len();
        gateway.will(Endpoint::PaymentRequest, mishap.clone());
        deal.intent("ETH-USDT").send().await.error(503, "gateway_unreachable");
        // Another caller may ask only when the call has ended for certain.
        app.advance(Duration::from_secs(33));
        let invoice = deal.begin().await;
        assert_eq!(gateway.calls(Endpoint::PaymentRequest).len(), before + 2, "{mishap:?}");
        assert_eq!(invoice.amount, "183.6");
        assert_eq!(deal.state(&invoice).await, "pending none -");
    }
    // An invoice that was made before is the same.
    assert_eq!(gateway.invoices(), 4);
});

gateway_test!(prices_in_coins, async |app, _gateway| {
    // In the coin itself the price is the amount, whatever the gateway puts on top.
    let deal = Deal::at(app, "12.345678", "USDT").await;
    let intent = deal.intent("ETH-USDT").send().await.data(201);
    assert_eq!(intent["cryptoAmount"], "12.345678");
    let deal = Deal::at(app, "100.00", "USDT").await;
    let intent = deal.intent("BTC").send().await.data(201);
    assert_eq!(intent["cryptoAmount"], "0.00204");
    let deal = Deal::at(app, "2", "ETH").await;
    deal.intent("ETH").send().await.error(409, "currency_not_supported");
});

gateway_test!(who_may_begin_a_payment, async |app, _gateway| {
    let deal = Deal::new(app).await;
    let body = json!({ "purchaseRequestId": id(&deal.request), "sellerOfferId": id(&deal.offer),
                       "crypto": "ETH-USDT" });
    let stranger = app.buyer().await;
    stranger.post(INTENTS).json(&body).send().await.error(404, "not_found");
    deal.seller.post(INTENTS).json(&body).send().await.error(403, "forbidden");
    app.post(INTENTS).json(&body).send().await.error(401, "unauthorized");
    let buyer = &deal.buyer;
    let half = json!({ "purchaseRequestId": id(&deal.request), "crypto": "ETH-USDT" });
    buyer.post(INTENTS).json(&half).send().await.invalid(&["sellerOfferId"]);
    let none = json!({ "crypto": "ETH-USDT" });
    buyer.post(INTENTS).json(&none).send().await.invalid(&["purchaseRequestId"]);
    for wrong in ["", "eth", "ETH/USDT", "ETH%2F..", "ETH-USDT-ETH-USDT-ETH-USDT-ETH-US"] {
        deal.intent(wrong).send().await.invalid(&["crypto"]);
    }
});

app_test!(without_a_gateway_there_is_a_clear_answer, async |app| {
    let deal = Deal::new(app).await;
    deal.intent("ETH-USDT").send().await.error(503, "shkeeper_not_configured");
    for path in [WEBHOOK, PAYOUT_WEBHOOK] {
        app.post(path).json(&json!({})).send().await.error(503, "shkeeper_not_configured");
    }
});
