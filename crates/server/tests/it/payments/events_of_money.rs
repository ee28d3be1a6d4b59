//! Who hears of money, in both kinds of access (contract §1.2, §1.4).

use serde_json::json;

use crate::support::money::SANDBOX;
use crate::support::{TestApp, app_test};

/// Everything that has to do with money, from the intent to the payout, or to the refund.
async fn check(app: &TestApp, open: bool) {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    seller.set_wallet().await;
    let (user_b, user_s) = (format!("user-{}", buyer.id), format!("user-{}", seller.id));
    for refund in [false, true] {
        let head = app.position().await;
        let (deal, payment) = buyer.paid_deal(&seller, "100.00").await;
        let request = format!("request-{}", deal.request_id());
        let end = if refund { "refund" } else { "release" };
        let path = format!("{}/{end}", crate::payments::path(&payment));
        admin.post(&path).send().await.data(200);
        app.settle_timers().await;
        let mut seen = std::collections::BTreeSet::new();
        for event in app.events_after(head).await {
            let kind = event.payload["eventType"].as_str().unwrap_or_default();
            let own_seller = format!("seller-{}", seller.id);
            let (strict, open_rooms): (Vec<&str>, Vec<&str>) = match (event.name.as_str(), kind) {
                ("payment-created", _) => {
                    (vec![&user_b, &user_s, &request, "admins"], vec!["*", &request])
                }
                ("payment-update", _) => (
                    vec![&user_b, &user_s, &request, "admins"],
                    vec!["*", &request, &user_b, &user_s],
                ),
                ("seller-offer-update", "payment-completed") => {
                    (vec![&user_b, &user_s, &own_seller, "admins"], vec!["*", &own_seller])
                }
                ("payment-received", _) => (vec![&user_s], vec![&user_s]),
                ("payout-created" | "payout-updated" | "payout-completed", _) => {
                    (vec![&user_s, "admins"], vec!["*", &user_s])
                }
                ("transaction-completed" | "request-cancelled", _) => {
                    (vec![&user_b, &user_s], vec![&user_b, &user_s])
                }
                ("purchase-request-update", _) => (vec![&request], vec![&request]),
                // The last one is of the points of a completed deal, which have tests of their own.
                ("new-purchase-request" | "new-offer" | "seller-offer-update" | "level-up", _) => {
                    continue;
                }
                (other, _) => panic!("who hears of {other}?"),
            };
            assert_eq!(event.rooms(), if open { open_rooms } else { strict }, "{event:?}");
            seen.insert(event.name);
        }
        let expected: &[&str] = if refund {
            &["payment-created", "payment-update", "payment-received", "request-cancelled"]
        } else {
            &["payout-created", "payout-updated", "payout-completed", "transaction-completed"]
        };
        for name in expected {
            assert!(seen.contains(*name), "{name}");
        }
    }
    // The amounts are what they say.
    let events = app.events().await;
    let find = |name: &str| events.iter().find(|event| event.name == name).expect("an event");
    let created = &find("payment-created").payload;
    assert_eq!((&created["amount"], &created["provider"]), (&json!("100.00"), &json!("sandbox")));
    let payout = &find("payout-created").payload;
    assert_eq!((&payout["amount"], &payout["currency"]), (&json!("97.50"), &json!("USD")));
    let completed = &find("transaction-completed").payload;
    assert_eq!(completed["amount"], "100.00");
    let done = &find("payout-completed").payload;
    assert_eq!((&done["payoutId"], &done["taskId"]), (&payout["payoutId"], &payout["taskId"]));
    assert!(done["txHash"].as_str().is_some_and(|hash| hash.starts_with("0x")));
}

const FEE: (&str, &str) = ("PLATFORM_FEE_PERCENT", "2.5");

app_test!(strict, [SANDBOX, FEE], async |app| check(app, false).await);
app_test!(open, [SANDBOX, FEE, ("REALTIME_ACCESS", "open")], async |app| check(app, true).await);

app_test!(both_are_notified, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let (_, payment) = buyer.paid_deal(&seller, "100.00").await;
    assert_eq!(buyer.notified().await, ["offer_received", "payment_created", "payment_confirmed"]);
    assert_eq!(seller.notified().await, ["offer_accepted", "payment_received"]);
    admin.release(&payment).await;
    seller.set_wallet().await;
    app.settle_timers().await;
    assert_eq!(buyer.notified().await[3..], ["level_up", "deal_completed"]);
    assert_eq!(
        seller.notified().await[2..],
        ["level_up", "deal_completed", "payout_started", "payout_completed"]
    );
    let (_, second) = buyer.paid_deal(&seller, "50.00").await;
    let (before_b, before_s) = (buyer.notified().await.len(), seller.notified().await.len());
    admin.post(&format!("{}/refund", crate::payments::path(&second))).send().await.data(200);
    assert_eq!(buyer.notified().await[before_b..], ["request_cancelled", "payment_refunded"]);
    assert_eq!(seller.notified().await[before_s..], ["request_cancelled", "payment_refunded"]);
    let deal = buyer.deal(&seller, "100.00").await;
    let third = buyer.begin_payment(&deal).await;
    let before = buyer.notified().await.len();
    buyer.pay(&third, &json!({ "outcome": "partial" })).await;
    buyer.pay(&third, &json!({ "outcome": "failed" })).await;
    assert_eq!(buyer.notified().await[before..], ["payment_exception", "payment_failed"]);
});
