//! What time, and the end of a deal, do to a payment.

use std::time::Duration;

use serde_json::json;
use souk::payments::service::Transfer;

use super::{brief, states};
use crate::support::app_test;
use crate::support::market::{LONG_SIGN_IN, REQUESTS, id};
use crate::support::money::{SANDBOX, confirmed};

const TIMEOUT: (&str, &str) = ("PAYMENT_TIMEOUT", "1h");

app_test!(an_unpaid_payment_ends_with_its_offer, [SANDBOX, TIMEOUT, LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    buyer.pay(&payment, &json!({ "outcome": "partial" })).await;
    app.advance(Duration::from_mins(59));
    app.settle_timers().await;
    assert_eq!(states(&buyer.payment(&payment).await), "processing partial partial");
    let head = app.position().await;
    app.advance(Duration::from_mins(2));
    app.settle_timers().await;
    // A part does not hold the deal; it is the buyer's.
    let ended = buyer.payment(&payment).await;
    assert_eq!(states(&ended), "expired none partial");
    assert_eq!(ended["failureReason"], "payment_timeout");
    assert_eq!(ended["excess"], "50.00");
    let told = brief(&app.events_after(head).await);
    assert_eq!(told, ["expired none", "offer-rejected", "status_changed active"]);
    app.check_ledger().await;
});

app_test!(money_that_is_seen_keeps_the_deal, [SANDBOX, TIMEOUT, LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let seen = Transfer { confirmed: false, ..confirmed(app, "a", 10_000) };
    app.observe(&payment, &[seen]).await;
    for _ in 0..5 {
        app.advance(Duration::from_hours(1));
        app.settle_timers().await;
        assert_eq!(states(&buyer.payment(&payment).await), "processing none -");
        assert_eq!(buyer.see(&deal.request).await["status"], "payment");
    }
    app.observe(&payment, &[confirmed(app, "a", 10_000)]).await;
    assert_eq!(buyer.see(&deal.request).await["status"], "processing");
    app.advance(Duration::from_hours(1));
    app.settle_timers().await;
    assert_eq!(buyer.see(&deal.request).await["status"], "processing");
    app.check_ledger().await;
});

app_test!(money_that_vanishes_does_not, [SANDBOX, TIMEOUT, LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let seen = Transfer { confirmed: false, ..confirmed(app, "a", 10_000) };
    app.observe(&payment, &[seen]).await;
    app.advance(Duration::from_mins(61));
    app.settle_timers().await;
    let mut tx = app.app.begin().await.expect("a transaction");
    let payment_id = crate::support::money::payment_id(&payment);
    souk::payments::service::retract(&mut tx, &app.app, &payment_id, "a").await.expect("gone");
    tx.commit().await.expect("a commit");
    app.advance(Duration::from_mins(11));
    app.settle_timers().await;
    assert_eq!(states(&buyer.payment(&payment).await), "expired none -");
    assert_eq!(buyer.see(&deal.request).await["status"], "active");
});

app_test!(a_cancelled_request_cancels_its_payment, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let head = app.position().await;
    let cancel = format!("{REQUESTS}/{}/cancel", id(&deal.request));
    buyer.post(&cancel).json(&json!({ "reason": "x" })).send().await.data(200);
    let told = brief(&app.events_after(head).await);
    assert_eq!(
        told,
        ["cancelled none", "offer-rejected", "request-cancelled", "status_changed cancelled"]
    );
    assert_eq!(states(&buyer.payment(&payment).await), "cancelled none -");
    // What comes now is late.
    app.observe(&payment, &[confirmed(app, "a", 10_000)]).await;
    assert_eq!(states(&buyer.payment(&payment).await), "cancelled none late");
    app.check_ledger().await;
});

app_test!(the_time_to_pay_ends, [SANDBOX, TIMEOUT, LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    app.advance(Duration::from_hours(1));
    let late = buyer.post("/api/payment/sandbox/intents").json(&deal.intent()).send().await;
    late.error(409, "payment_time_over");
});
