//! Checkouts of several sellers' templates, paid by the gateway.

use std::time::Duration;

use fake_shkeeper::{Decimal, Endpoint, FakeShkeeper};
use serde_json::{Value, json};

use super::{INTENTS, Invoice, check_books, deliver, gateway_test};
use crate::support::market::{LONG_SIGN_IN, REQUESTS, id};
use crate::support::{Actor, TestApp, at_once};

/// Where the sellers' money goes.
const WALLETS: [&str; 2] =
    ["0x5e11e40000000000000000000000000000000001", "0x5e11e40000000000000000000000000000000002"];

/// A checkout of 165 and 15 USD.
struct Cast {
    buyer: Actor,
    sellers: [Actor; 2],
    checkout: Value,
}

impl Cast {
    async fn new(app: &TestApp) -> Self {
        let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
        for (seller, address) in [&one, &two].into_iter().zip(WALLETS) {
            let wallet = json!({ "payoutWallet": { "crypto": "ETH-USDT", "address": address } });
            seller.patch("/api/auth/me").json(&wallet).send().await.data(200);
        }
        let price = |amount: &str| json!({ "price": { "amount": amount, "currency": "USD" } });
        let (a, b) = (one.template(&price("165.00")).await, two.template(&price("5.00")).await);
        let checkout = buyer.checkout(&[(&a, 1), (&b, 3)]).await;
        Self { buyer, sellers: [one, two], checkout }
    }

    fn intent(&self) -> crate::support::Request {
        let body = json!({ "checkoutId": id(&self.checkout), "crypto": "ETH-USDT" });
        self.buyer.post(INTENTS).json(&body)
    }

    async fn begin(&self) -> Invoice {
        Invoice::read(&self.intent().send().await.data(201))
    }

    async fn state(&self, invoice: &Invoice) -> String {
        let path = format!("/api/payment/{}", invoice.payment);
        let payment = self.buyer.get(&path).send().await.data(200);
        let word = |name: &str| payment[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("status"), word("escrowState"), word("exception"))
    }

    async fn statuses(&self) -> Vec<String> {
        let mut statuses = Vec::new();
        for request in self.checkout["requestIds"].as_array().expect("ids") {
            let path = format!("{REQUESTS}/{}", request.as_str().expect("an id"));
            let seen = self.buyer.get(&path).send().await.data(200);
            statuses.push(seen["status"].as_str().expect("a status").to_owned());
        }
        statuses
    }

    async fn status(&self) -> String {
        let path = format!("{}/{}", crate::support::deal::CHECKOUTS, id(&self.checkout));
        let seen = self.buyer.get(&path).send().await.data(200);
        seen["status"].as_str().expect("a status").to_owned()
    }
}

async fn told(app: &TestApp, after: i64, name: &str) -> Vec<Value> {
    let events = app.events_after(after).await.into_iter();
    events.filter(|event| event.name == name).map(|event| event.payload).collect()
}

const CONFIRMED: &str = "template-checkout-payment-confirmed";
const FAILED: &str = "template-checkout-payment-failed";

gateway_test!(one_invoice_pays_all_and_each_seller_gets_theirs, async |app, gateway| {
    let (cast, admin) = (Cast::new(app).await, app.admin().await);
    let answers = at_once((0..20).map(|_| cast.intent())).await;
    let invoice = Invoice::read(&answers[0].data(201));
    assert!(answers.iter().all(|answer| Invoice::read(&answer.data(201)) == invoice));
    let asked = gateway.calls(Endpoint::PaymentRequest);
    assert_eq!((asked.len(), &asked[0].body["amount"]), (1, &json!("180.00")));

    // A part of it pays nobody.
    let head = app.position().await;
    gateway.pay("ETH-USDT", &invoice.address, "171", "0xa1", 1).await;
    deliver(app, gateway).await;
    assert_eq!(cast.state(&invoice).await, "processing partial partial");
    assert_eq!(cast.statuses().await, ["pending_payment"; 2]);
    assert!(told(app, head, CONFIRMED).await.is_empty());
    gateway.pay("ETH-USDT", &invoice.address, "12.6", "0xa2", 1).await;
    deliver(app, gateway).await;
    assert_eq!(cast.state(&invoice).await, "confirmed funded -");
    assert_eq!(
        (cast.statuses().await, cast.status().await),
        (vec!["processing".into(); 2], "paid".into())
    );
    let expected = json!({ "checkoutId": id(&cast.checkout), "paymentId": invoice.payment,
                           "requestIds": cast.checkout["requestIds"] });
    assert_eq!(told(app, head, CONFIRMED).await, [expected]);
    assert_eq!(told(app, head, "payment-received").await.len(), 2);

    // Each seller is paid once, by a payout of their own.
    let release = format!("/api/payment/{}/release", invoice.payment);
    admin.post(&release).send().await.data(200);
    for _ in 0..4 {
        app.run_timers().await;
        gateway.mine();
        gateway.tick().await;
        app.advance(Duration::from_mins(1));
    }
    for (wallet, amount) in WALLETS.into_iter().zip([165, 15]) {
        let sent = gateway.sent_to(wallet);
        assert_eq!((sent.len(), sent[0].amount), (1, Decimal::whole(amount)));
    }
    assert_eq!(cast.state(&invoice).await, "completed released -");
    assert_eq!(cast.statuses().await, ["completed"; 2]);
    for seller in &cast.sellers {
        assert_eq!(app.owed_to(&seller.id).await, 0);
    }
    check_books(app).await;
});

async fn expired(app: &TestApp, gateway: &FakeShkeeper) -> (Cast, Invoice, i64) {
    let cast = Cast::new(app).await;
    let invoice = cast.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "100", "0xa1", 1).await;
    deliver(app, gateway).await;
    let head = app.position().await;
    app.advance(Duration::from_hours(25));
    app.run_timers().await;
    (cast, invoice, head)
}

gateway_test!(what_is_not_paid_in_time_ends, [LONG_SIGN_IN], async |app, gateway| {
    let (cast, invoice, head) = expired(app, gateway).await;
    assert_eq!(cast.statuses().await, ["cancelled"; 2]);
    assert_eq!(cast.status().await, "failed");
    let failed = told(app, head, FAILED).await;
    assert_eq!(failed, [json!({ "checkoutId": id(&cast.checkout), "reason": "payment_timeout" })]);
    // The rest comes late: it is booked, and pays nothing any more.
    gateway.pay("ETH-USDT", &invoice.address, "83.6", "0xa2", 1).await;
    deliver(app, gateway).await;
    assert_eq!(cast.state(&invoice).await, "expired none late");
    assert_eq!(cast.statuses().await, ["cancelled"; 2]);
    assert!(told(app, head, CONFIRMED).await.is_empty());
    cast.intent().send().await.error(409, "checkout_not_pending");
    check_books(app).await;
});

gateway_test!(who_may_pay_a_checkout, async |app, _gateway| {
    let cast = Cast::new(app).await;
    let body = json!({ "checkoutId": id(&cast.checkout), "crypto": "ETH-USDT" });
    app.buyer().await.post(INTENTS).json(&body).send().await.error(404, "not_found");
    cast.sellers[0].post(INTENTS).json(&body).send().await.error(403, "forbidden");
    let both = json!({ "checkoutId": id(&cast.checkout), "crypto": "ETH-USDT",
                       "purchaseRequestId": cast.checkout["requestIds"][0] });
    cast.buyer.post(INTENTS).json(&both).send().await.invalid(&["checkoutId"]);
});
