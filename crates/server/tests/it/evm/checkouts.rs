//! Checkouts of several sellers' templates, paid from a wallet.

use std::time::Duration;

use serde_json::{Value, json};

use super::chain::{
    CONFIRM, Chain, INTENTS, PAYOUT, PLATFORM, PRICE, SELLER_WALLET, STRANGER, WALLET, chain_test,
    look, prove, standing,
};
use crate::support::deal::CHECKOUTS;
use crate::support::market::{REQUESTS, id};
use crate::support::{Actor, Answer, TestApp};

/// A checkout of 165 and 15 USD, whose buyer has an intent, and has signed.
struct Cast {
    buyer: Actor,
    sellers: [Actor; 2],
    checkout: Value,
    intent: Value,
}

impl Cast {
    async fn new(app: &TestApp, chain: &Chain) -> Self {
        let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
        let price = |amount: &str| json!({ "price": { "amount": amount, "currency": "USD" } });
        let (a, b) = (one.template(&price("165.00")).await, two.template(&price("5.00")).await);
        let checkout = buyer.checkout(&[(&a, 1), (&b, 3)]).await;
        let body = json!({ "checkoutId": id(&checkout), "token": "USDC", "wallet": WALLET });
        let intent = buyer.post(INTENTS).json(&body).send().await.data(201);
        let intent = prove(&buyer, chain, &intent).await;
        Self { buyer, sellers: [one, two], checkout, intent }
    }

    fn payment(&self) -> &str {
        self.intent["paymentId"].as_str().expect("a payment")
    }

    async fn confirm(&self, hash: &str) -> Answer {
        let body = json!({ "paymentId": self.payment(), "txHash": hash });
        self.buyer.post(CONFIRM).json(&body).send().await
    }

    async fn standing(&self) -> String {
        let path = format!("/api/payment/{}", self.payment());
        standing(&self.buyer.get(&path).send().await.data(200))
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
        let path = format!("{CHECKOUTS}/{}", id(&self.checkout));
        let seen = self.buyer.get(&path).send().await.data(200);
        seen["status"].as_str().expect("a status").to_owned()
    }
}

async fn count(app: &TestApp, after: i64, name: &str) -> usize {
    app.event_names_after(after).await.iter().filter(|event| *event == name).count()
}

chain_test!(one_transaction_pays_all_and_each_seller_gets_theirs, async |app, chain| {
    let cast = Cast::new(app, chain).await;
    assert_eq!(
        (&cast.intent["amount"], &cast.intent["currency"]),
        (&json!("180.00"), &json!("USD"))
    );
    let head = app.position().await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    assert_eq!(cast.statuses().await, ["pending_payment"; 2]);
    cast.confirm(&hash).await.data(200);
    assert_eq!(cast.standing().await, "confirmed funded - 180.00");
    assert_eq!(cast.statuses().await, ["processing"; 2]);
    assert_eq!(cast.status().await, "paid");
    assert_eq!(count(app, head, "template-checkout-payment-confirmed").await, 1);
    assert_eq!(count(app, head, "payment-received").await, 2);

    // The platform pays each seller from its wallet: 165 to one, 15 to the other, each once.
    let admin = app.admin().await;
    let release = format!("/api/payment/{}/release", cast.payment());
    admin.post(&release).send().await.data(200);
    let shares = [(SELLER_WALLET, 165_000_000), (STRANGER, 15_000_000)];
    for (seller, (address, units)) in cast.sellers.iter().zip(shares) {
        let wallet = json!({ "payoutWallet": { "crypto": "ETH-USDC", "address": address } });
        seller.patch("/api/auth/me").json(&wallet).send().await.data(200);
        let hash = chain.transfer(&chain.token, PLATFORM, address, units).await;
        let body = json!({ "paymentId": cast.payment(), "txHash": hash });
        let recorded = admin.post(PAYOUT).json(&body).send().await.data(200);
        assert_eq!(recorded["payout"]["sellerId"], seller.id.as_str());
        chain.mine(2).await;
        look(app).await;
        assert_eq!(app.owed_to(&seller.id).await, 0);
    }
    assert_eq!(cast.standing().await, "completed released - 180.00");
    assert_eq!(cast.statuses().await, ["completed"; 2]);
    let more = chain.transfer(&chain.token, PLATFORM, STRANGER, 15_000_000).await;
    let body = json!({ "paymentId": cast.payment(), "txHash": more });
    admin.post(PAYOUT).json(&body).send().await.error(409, "no_payout_waits");
    app.check_ledger().await;
});

chain_test!(a_part_pays_nobody_and_time_ends_it, async |app, chain| {
    let cast = Cast::new(app, chain).await;
    let hash = chain.pay(PRICE - 1_000_000).await;
    chain.mine(2).await;
    cast.confirm(&hash).await.data(200);
    assert_eq!(cast.standing().await, "processing partial partial 179.00");
    assert_eq!(cast.statuses().await, ["pending_payment"; 2]);
    let head = app.position().await;
    app.advance(Duration::from_hours(25));
    app.run_timers().await;
    assert_eq!(cast.statuses().await, ["cancelled"; 2]);
    assert_eq!(cast.status().await, "failed");
    assert_eq!(count(app, head, "template-checkout-payment-failed").await, 1);
    assert_eq!(count(app, head, "template-checkout-payment-confirmed").await, 0);
    app.check_ledger().await;
});

chain_test!(a_reorganisation_calls_all_of_it_off, async |app, chain| {
    let cast = Cast::new(app, chain).await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    cast.confirm(&hash).await.data(200);
    assert_eq!(cast.statuses().await, ["processing"; 2]);
    chain.reorganise(3).await;
    look(app).await;
    assert_eq!(cast.statuses().await, ["processing"; 2]);
    app.advance(Duration::from_mins(61));
    app.run_timers().await;
    assert_eq!(cast.statuses().await, ["cancelled"; 2]);
    assert_eq!(cast.standing().await, "failed failed - 0.00");
    app.check_ledger().await;
});
