//! What the gateway says and what is made of it.

use std::time::Duration;

use serde_json::json;

use super::{Deal, check_books, deliver, gateway_test};

gateway_test!(ninety_five_percent_are_paid_for_the_gateway_alone, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "171", "0xa1", 1).await;
    let callbacks = gateway.take_callbacks();
    assert_eq!(callbacks[0].json()["status"], "PAID");
    gateway.tick().await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "processing partial partial");
    assert_eq!(deal.payment(&invoice).await["received"], "167.64");
    // The rest completes it.
    gateway.pay("ETH-USDT", &invoice.address, "12.6", "0xa2", 1).await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
    assert_eq!(deal.payment(&invoice).await["received"], "180.00");
    check_books(app).await;
});

gateway_test!(a_dust_less_than_the_price_is_not_the_price, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.59999999", "0xa1", 1).await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "processing partial partial");
});

gateway_test!(another_coin_is_no_payment, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDC", &invoice.address, "183.6", "0xa1", 1).await;
    let callback = &gateway.take_callbacks()[0];
    assert_eq!(callback.json()["paid"], true, "says the gateway");
    gateway.tick().await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "pending none wrong_asset");
    check_books(app).await;
});

gateway_test!(too_much_is_kept_and_flagged, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "204", "0xa1", 1).await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "confirmed funded over");
    let payment = deal.payment(&invoice).await;
    assert_eq!((&payment["received"], &payment["excess"]), (&json!("200.00"), &json!("20.00")));
    check_books(app).await;
});

gateway_test!(too_few_confirmations_fund_nothing, async |app, gateway| {
    gateway.set(|options| options.confirmations = 6);
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "120", "0xa1", 1).await;
    gateway.pay("ETH-USDT", &invoice.address, "63.6", "0xa2", 6).await;
    let callback = gateway.take_callbacks().remove(0);
    assert_eq!(callback.json()["status"], "PAID", "with what has one confirmation");
    gateway.tick().await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "processing partial -");
    gateway.confirm("0xa1", 6);
    gateway.tick().await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
    assert_eq!(deal.payment(&invoice).await["received"], "180.00");
    check_books(app).await;
});

gateway_test!(money_without_confirmations_is_seen, async |app, gateway| {
    gateway.set(|options| options.notify_unconfirmed = true);
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 0).await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "processing none -");
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
});

gateway_test!(the_second_transfer_of_a_transaction_is_not_told, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    assert!(gateway.pay("ETH-USDT", &invoice.address, "100", "0xa1", 1).await);
    assert!(!gateway.pay("ETH-USDT", &invoice.address, "83.6", "0xa1", 1).await);
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "processing partial partial");
});

gateway_test!(one_transaction_may_pay_two_invoices, async |app, gateway| {
    let (first, second) = (Deal::new(app).await, Deal::new(app).await);
    let (one, two) = (first.begin().await, second.begin().await);
    gateway.pay("ETH-USDT", &one.address, "183.6", "0xa1", 1).await;
    gateway.pay("ETH-USDT", &two.address, "183.6", "0xa1", 1).await;
    deliver(app, gateway).await;
    assert_eq!(first.state(&one).await, "confirmed funded -");
    assert_eq!(second.state(&two).await, "confirmed funded -");
    check_books(app).await;
});

gateway_test!(late_money_is_booked, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    app.advance(Duration::from_hours(25));
    app.run_timers().await;
    assert_eq!(deal.state(&invoice).await, "expired none -");
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "expired none late");
    assert_eq!(deal.payment(&invoice).await["received"], "180.00");
    check_books(app).await;
});
