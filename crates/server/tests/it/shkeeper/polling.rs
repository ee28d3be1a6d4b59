//! Callbacks that do not come.

use std::time::Duration;

use fake_shkeeper::{Endpoint, Mishap};

use super::{Deal, check_books, deliver, gateway_test};
use crate::support::TestApp;

const POLL: Duration = Duration::from_mins(5);

async fn poll(app: &TestApp) {
    app.advance(POLL);
    app.run_timers().await;
}

gateway_test!(what_is_listed_is_seen_and_not_final, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    poll(app).await;
    assert_eq!(deal.state(&invoice).await, "processing none -");
    // Its callback makes it final, whenever it comes.
    gateway.take_callbacks();
    gateway.tick().await;
    deliver(app, gateway).await;
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
    poll(app).await;
    assert_eq!(deal.payment(&invoice).await["received"], "180.00");
    check_books(app).await;
});

gateway_test!(
    what_is_listed_is_final_by_setting,
    [("SHKEEPER_POLL_CONFIRMS", "true")],
    async |app, gateway| {
        let deal = Deal::new(app).await;
        let invoice = deal.begin().await;
        gateway.pay("ETH-USDT", &invoice.address, "100", "0xa1", 1).await;
        gateway.pay("ETH-USDC", &invoice.address, "500", "0xa2", 1).await;
        poll(app).await;
        assert_eq!(deal.state(&invoice).await, "processing partial wrong_asset");
        gateway.pay("ETH-USDT", &invoice.address, "83.6", "0xa3", 1).await;
        poll(app).await;
        assert_eq!(deal.state(&invoice).await, "confirmed funded wrong_asset");
        gateway.take_callbacks();
        gateway.tick().await;
        deliver(app, gateway).await;
        assert_eq!(deal.payment(&invoice).await["received"], "180.00");
        check_books(app).await;
    }
);

gateway_test!(a_gateway_that_is_down_is_asked_again, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    for mishap in [Mishap::Broken, Mishap::ErrorBody("no".into()), Mishap::AnswerLost] {
        gateway.will(Endpoint::Invoices, mishap);
        poll(app).await;
        assert_eq!(deal.state(&invoice).await, "pending none -");
    }
    poll(app).await;
    assert_eq!(deal.state(&invoice).await, "processing none -");
    assert_eq!(gateway.calls(Endpoint::Invoices).len(), 4);
});

gateway_test!(late_money_is_seen_for_a_week, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    app.advance(Duration::from_hours(25));
    app.run_timers().await;
    assert_eq!(deal.state(&invoice).await, "expired none -");
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    app.advance(Duration::from_hours(7));
    app.run_timers().await;
    assert_eq!(deal.state(&invoice).await, "expired none late");
    let calls = gateway.calls(Endpoint::Invoices).len();
    for _ in 0..40 {
        app.advance(Duration::from_hours(6));
        app.run_timers().await;
    }
    let more = gateway.calls(Endpoint::Invoices).len() - calls;
    assert!((20..=30).contains(&more), "{more}");
});
