//! Many hands on one payment at the same time: one wins.

use db::{args, sql};
use serde_json::{Value, json};

use super::{path, states};
use crate::support::market::{REQUESTS, id};
use crate::support::money::{SANDBOX, confirmed};
use crate::support::{Answer, TestApp, app_test, at_once, one_of_a_crowd};

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn rows(app: &TestApp, kind: &str) -> i64 {
    let count = sql!("SELECT COUNT(*) AS n FROM ledger_transfers WHERE kind = $1");
    app.app.db.fetch_one(count, args![kind]).await.expect("a count").get("n").expect("a number")
}

app_test!(one_of_a_thousand_pays, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let pay = format!("/api/payment/sandbox/{}/pay", id(&payment));
    let head = app.position().await;
    let answers = at_once((0..1000).map(|_| buyer.post(&pay).json(&json!({})))).await;
    one_of_a_crowd(&answers, 200, "payment_not_live");
    assert_eq!(app.events_after(head).await.len(), 5);
    assert_eq!((rows(app, "received").await, rows(app, "held").await), (1, 1));
    app.check_ledger().await;
});

app_test!(one_of_a_thousand_releases, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    seller.set_wallet().await;
    let (_, payment) = buyer.paid_deal(&seller, "100.00").await;
    let release = format!("{}/release", path(&payment));
    let answers = at_once((0..1000).map(|_| admin.post(&release))).await;
    one_of_a_crowd(&answers, 200, "payout_exists");
    app.settle_timers().await;
    assert_eq!((rows(app, "divided").await, rows(app, "payout_sent").await), (1, 1));
    let payouts = admin.get("/api/payment/payouts").send().await.expect(200);
    assert_eq!(payouts["pagination"]["total"], 1);
    app.check_ledger().await;
});

app_test!(one_of_a_thousand_refunds, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let (_, payment) = buyer.paid_deal(&seller, "100.00").await;
    let refund = format!("{}/refund", path(&payment));
    let answers = at_once((0..1000).map(|_| admin.post(&refund))).await;
    one_of_a_crowd(&answers, 200, "escrow_wrong_state");
    assert_eq!((rows(app, "divided").await, rows(app, "refunded").await), (1, 1));
    app.check_ledger().await;
});

app_test!(released_or_given_back, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    seller.set_wallet().await;
    for _ in 0..10 {
        let (deal, payment) = buyer.paid_deal(&seller, "100.00").await;
        let post = |action: &str| admin.post(&format!("{}/{action}", path(&payment)));
        let answers =
            at_once([post("release"), post("refund"), post("refund"), post("release")]).await;
        assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 3), "{answers:#?}");
        app.settle_timers().await;
        let (seen, request) = (buyer.payment(&payment).await, buyer.see(&deal.request).await);
        match request["status"].as_str().expect("a status") {
            "completed" => assert_eq!(states(&seen), "completed released -"),
            "cancelled" => assert_eq!(states(&seen), "refunded refunded -"),
            other => panic!("the request is {other}"),
        }
    }
    app.check_ledger().await;
});

app_test!(paid_or_cancelled, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    for _ in 0..10 {
        let deal = buyer.deal(&seller, "100.00").await;
        let payment = buyer.begin_payment(&deal).await;
        let pay = format!("/api/payment/sandbox/{}/pay", id(&payment));
        let cancel = format!("{REQUESTS}/{}/cancel", id(&deal.request));
        let answers = at_once([
            buyer.post(&cancel).json(&json!({ "reason": "x" })),
            buyer.post(&pay).json(&json!({})),
            buyer.post(&pay).json(&json!({})),
        ])
        .await;
        assert_eq!(count(&answers, 200), 1, "{answers:#?}");
        let (seen, request) = (buyer.payment(&payment).await, buyer.see(&deal.request).await);
        match request["status"].as_str().expect("a status") {
            "processing" => assert_eq!(states(&seen), "confirmed funded -"),
            "cancelled" => assert_eq!(states(&seen), "cancelled none -"),
            other => panic!("the request is {other}"),
        }
    }
    app.check_ledger().await;
});

app_test!(one_intent_of_many, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let head = app.position().await;
    let intent = || buyer.post("/api/payment/sandbox/intents").json(&deal.intent());
    let answers = at_once((0..50).map(|_| intent())).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 49));
    let mut ids: Vec<Value> =
        answers.iter().map(|answer| answer.data(answer.status.as_u16())["_id"].clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.events_after(head).await.len(), 2);
});

app_test!(a_thousand_reports_have_one_effect, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let head = app.position().await;
    let transfer = confirmed(app, "a", 10_000);
    let reports = (0..1000).map(|_| app.observe(&payment, std::slice::from_ref(&transfer)));
    futures_util::future::join_all(reports).await;
    assert_eq!(app.events_after(head).await.len(), 5);
    assert_eq!((rows(app, "received").await, rows(app, "held").await), (1, 1));
    app.check_ledger().await;
});
