//! The way of money when nothing is odd.

use serde_json::{Value, json};

use super::{brief, path, states};
use crate::support::app_test;
use crate::support::market::{REQUESTS, id};
use crate::support::money::SANDBOX;

const INTENTS: &str = "/api/payment/sandbox/intents";
const FEE: (&str, &str) = ("PLATFORM_FEE_PERCENT", "2.5");

app_test!(from_intent_to_payout, [SANDBOX, FEE], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    seller.set_wallet().await;
    let deal = buyer.deal(&seller, "100.00").await;
    let head = app.position().await;
    let payment = buyer.begin_payment(&deal).await;
    assert_eq!(states(&payment), "pending none -");
    assert_eq!((&payment["amount"], &payment["currency"]), (&json!("100.00"), &json!("USD")));
    assert_eq!((&payment["received"], &payment["buyerId"]), (&json!("0.00"), &json!(buyer.id)));
    let share = json!([{
        "requestId": deal.request["_id"], "sellerId": seller.id, "offerId": deal.offer["_id"],
        "amount": "100.00", "fee": "2.50", "escrowState": "none",
    }]);
    assert_eq!(payment["shares"], share);
    assert!(payment["expiresAt"].is_string());
    let events = app.events_after(head).await;
    assert_eq!(brief(&events), ["payment-created", "payment_created payment"]);
    assert_eq!(events[1].payload["paymentId"], payment["_id"]);
    assert_eq!(events[1].payload["provider"], "sandbox");

    let head = app.position().await;
    let payment = buyer.pay(&payment, &json!({})).await;
    assert_eq!(states(&payment), "confirmed funded -");
    let hash = &payment["txHash"];
    assert!(hash.as_str().is_some_and(|hash| hash.len() == 66), "{hash}");
    let events = app.events_after(head).await;
    assert_eq!(
        brief(&events),
        [
            "confirmed funded",
            "status_changed processing",
            "payment_confirmed processing",
            "payment-received",
            "payment-completed"
        ]
    );
    assert_eq!(events[0].payload["txHash"], *hash);
    assert_eq!(
        (&events[2].payload["txHash"], &events[2].payload["paymentId"]),
        (hash, &payment["_id"])
    );
    let received = json!({
        "purchaseRequestId": deal.request["_id"], "amount": "100.00", "currency": "USD",
        "buyerId": buyer.id,
    });
    assert_eq!(events[3].payload, received);
    let data = json!({
        "offerId": deal.offer["_id"], "isSelected": true, "paymentId": payment["_id"],
        "transactionHash": hash,
    });
    assert_eq!(events[4].payload["data"], data);
    assert_eq!(buyer.see(&deal.request).await["status"], "processing");
    assert_eq!(app.balance(&format!("escrow:{}:USD", deal.request_id())).await, 10_000);
    app.check_ledger().await;

    let head = app.position().await;
    let released = admin.release(&payment).await;
    assert_eq!(states(&released), "confirmed releasable -");
    assert_eq!(released["shares"][0]["toSeller"], "100.00");
    app.settle_timers().await;
    assert_eq!(
        brief(&app.events_after(head).await),
        [
            "status_changed delivery",
            "status_changed delivered",
            "status_changed completed",
            "confirmed releasable",
            "transaction-completed",
            "level-up",
            "level-up",
            "payout submitting",
            "confirmed releasing",
            "payout-created",
            "payout submitted",
            "payout completed",
            "payout-completed",
            "completed released"
        ]
    );
    assert_eq!(states(&buyer.payment(&payment).await), "completed released -");
    let payout = &seller.get("/api/payment/payouts").send().await.data(200)[0];
    assert_eq!((&payout["amount"], &payout["status"]), (&json!("97.50"), &json!("completed")));
    assert_eq!(app.balance("platform_fee::USD").await, 250);
    assert_eq!(app.balance("provider_clearing:sandbox:USD").await, -250);
    assert_eq!(app.owed_to(&seller.id).await, 0);
    app.check_ledger().await;
});

app_test!(a_live_payment_is_found_again, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let head = app.position().await;
    let again = buyer.post(INTENTS).json(&deal.intent()).send().await.data(200);
    assert_eq!(again, payment);
    assert_eq!(app.position().await, head);
    let keyed = async || buyer.post(INTENTS).key("k").json(&deal.intent()).send().await;
    assert_eq!(keyed().await.data(200), keyed().await.data(200));
    // One that has failed is over; the buyer may try again.
    let failed = buyer.pay(&payment, &json!({ "outcome": "failed" })).await;
    assert_eq!(states(&failed), "failed none -");
    assert_eq!(failed["failureReason"], "sandbox");
    assert_eq!(brief(&app.events_after(head).await), ["failed none", "payment_failed payment"]);
    let second = buyer.begin_payment(&deal).await;
    assert_ne!(second["_id"], payment["_id"]);
    buyer.pay(&second, &json!({})).await;
    let over = buyer.post(INTENTS).json(&deal.intent()).send().await;
    over.error(409, "request_not_payable");
    app.check_ledger().await;
});

app_test!(intents_are_checked, [SANDBOX], async |app| {
    let (buyer, seller, other) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;
    let rival = other.make_offer(&request, &json!({})).await;
    let intent = |offer: &Value| json!({ "purchaseRequestId": request["_id"], "sellerOfferId": offer["_id"] });
    let post = async |body: Value| buyer.post(INTENTS).json(&body).send().await;
    post(intent(&offer)).await.error(409, "request_not_payable");
    buyer.accept(&offer).await;
    post(intent(&rival)).await.error(409, "offer_not_accepted");
    post(json!({})).await.invalid(&["body"]);
    post(json!({ "purchaseRequestId": request["_id"] })).await.invalid(&["sellerOfferId"]);
    post(json!({ "sellerOfferId": offer["_id"] })).await.invalid(&["purchaseRequestId"]);
    let mut three = intent(&offer);
    three["checkoutId"] = json!("x");
    post(three).await.invalid(&["checkoutId"]);
    post(json!({ "checkoutId": "x" })).await.error(404, "not_found");
    post(json!({ "amount": "1.00" })).await.invalid(&["amount"]);
    let stranger = app.buyer().await;
    stranger.post(INTENTS).json(&intent(&offer)).send().await.error(404, "not_found");
    seller.post(INTENTS).json(&intent(&offer)).send().await.error(403, "forbidden");
    app.post(INTENTS).json(&intent(&offer)).send().await.error(401, "unauthorized");
});

app_test!(there_is_no_play_money_unless_switched_on, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    buyer.post(INTENTS).json(&deal.intent()).send().await.error(404, "not_found");
    let pay = format!("/api/payment/sandbox/{}/pay", id(&deal.request));
    buyer.post(&pay).json(&json!({})).send().await.error(404, "not_found");
});

app_test!(each_party_sees_its_own, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let (_, payment) = buyer.paid_deal(&seller, "100.00").await;
    let (other, stranger) = (app.seller().await, app.buyer().await);
    let list = async |actor: &crate::support::Actor, query: &str| {
        actor.get(&format!("/api/payment{query}")).send().await.expect(200)
    };
    for actor in [&buyer, &seller, &admin] {
        let listed = list(actor, "").await;
        assert_eq!(listed["pagination"]["total"], 1);
        assert_eq!(listed["data"][0]["_id"], payment["_id"]);
        assert_eq!(list(actor, "?status=pending").await["pagination"]["total"], 0);
    }
    for actor in [&other, &stranger] {
        assert_eq!(list(actor, "").await["pagination"]["total"], 0);
        actor.get(&path(&payment)).send().await.error(404, "not_found");
    }
    let sold = seller.payment(&payment).await;
    assert!(sold.get("received").is_none(), "{sold}");
    assert_eq!(sold["amount"], "100.00");
    buyer.get("/api/payment?status=paid").send().await.invalid(&["status"]);
});

app_test!(a_paid_deal_is_given_back, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let (deal, payment) = buyer.paid_deal(&seller, "100.00").await;
    let cancel = format!("{REQUESTS}/{}/cancel", id(&deal.request));
    let cancelled = buyer.post(&cancel).json(&json!({ "reason": "x" })).send().await;
    cancelled.error(409, "request_not_cancellable");
    let head = app.position().await;
    let body = json!({ "reason": "The seller is ill" });
    let refund = format!("{}/refund", path(&payment));
    let refunded = admin.post(&refund).json(&body).send().await.data(200);
    assert_eq!(states(&refunded), "refunded refunded -");
    assert_eq!(refunded["shares"][0]["toBuyer"], "100.00");
    let events = app.events_after(head).await;
    assert_eq!(
        brief(&events),
        [
            "confirmed refunding",
            "request-cancelled",
            "status_changed cancelled",
            "refunded refunded",
            "payment_refunded cancelled"
        ]
    );
    assert_eq!(events[1].payload["reason"], "The seller is ill");
    let parties = [format!("user-{}", buyer.id), format!("user-{}", seller.id)];
    assert_eq!(events[1].rooms(), parties);
    assert_eq!(buyer.see(&deal.request).await["status"], "cancelled");
    assert_eq!(app.balance("provider_clearing:sandbox:USD").await, 0);
    admin.post(&refund).send().await.error(409, "escrow_wrong_state");
    let release = format!("{}/release", path(&payment));
    admin.post(&release).send().await.error(409, "escrow_wrong_state");
    app.check_ledger().await;
});
