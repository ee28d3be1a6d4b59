//! Short cuts to paid deals.

use events::{OfferId, PaymentId, RequestId, UserId};
use serde_json::{Value, json};
use souk::ledger::reconcile;
use souk::payments::service::{Transfer, observe};

use super::market::id;
use super::{Actor, TestApp};

/// Play money.
pub const SANDBOX: (&str, &str) = ("PAYMENT_SANDBOX", "true");
/// A wallet that is well-formed.
pub const WALLET: &str = "0x52908400098527886e0f7030069857d2e4169ee7";

/// A request with an accepted offer.
#[derive(Debug, Clone)]
pub struct Deal {
    /// The request.
    pub request: Value,
    /// The accepted offer.
    pub offer: Value,
}

impl Deal {
    /// The request's id.
    pub fn request_id(&self) -> RequestId {
        id(&self.request).parse().expect("an id")
    }

    /// The offer's id.
    pub fn offer_id(&self) -> OfferId {
        id(&self.offer).parse().expect("an id")
    }

    /// The body of an intent.
    pub fn intent(&self) -> Value {
        json!({ "purchaseRequestId": self.request["_id"], "sellerOfferId": self.offer["_id"] })
    }
}

/// The id of a payment.
pub fn payment_id(payment: &Value) -> PaymentId {
    id(payment).parse().expect("an id")
}

impl Actor {
    /// Publishes a request and accepts an offer of `seller` for `price` USD.
    pub async fn deal(&self, seller: &Actor, price: &str) -> Deal {
        let request = self.publish(&json!({})).await;
        let price = json!({ "price": { "amount": price, "currency": "USD" } });
        let offer = seller.make_offer(&request, &price).await;
        self.accept(&offer).await;
        Deal { request, offer }
    }

    /// Begins a payment in play money.
    pub async fn begin_payment(&self, deal: &Deal) -> Value {
        let answer = self.post("/api/payment/sandbox/intents").json(&deal.intent()).send().await;
        answer.data(201)
    }

    /// Lets a payment in play money come to something; `{}` pays it.
    pub async fn pay(&self, payment: &Value, body: &Value) -> Value {
        let path = format!("/api/payment/sandbox/{}/pay", id(payment));
        self.post(&path).json(body).send().await.data(200)
    }

    /// A deal of `seller` that is paid: it and its payment.
    pub async fn paid_deal(&self, seller: &Actor, price: &str) -> (Deal, Value) {
        let deal = self.deal(seller, price).await;
        let payment = self.begin_payment(&deal).await;
        let payment = self.pay(&payment, &json!({})).await;
        assert_eq!(payment["status"], "confirmed");
        (deal, payment)
    }

    /// A payment as this actor sees it.
    pub async fn payment(&self, payment: &Value) -> Value {
        self.get(&format!("/api/payment/{}", id(payment))).send().await.data(200)
    }

    /// Gives a seller a wallet for payouts.
    pub async fn set_wallet(&self) {
        let wallet = json!({ "payoutWallet": { "crypto": "ETH-USDT", "address": WALLET } });
        self.patch("/api/auth/me").json(&wallet).send().await.data(200);
    }

    /// Releases an escrow; for administrators.
    pub async fn release(&self, payment: &Value) -> Value {
        self.post(&format!("/api/payment/{}/release", id(payment))).send().await.data(200)
    }
}

/// A transfer that is final.
pub fn confirmed(app: &TestApp, reference: &str, amount: i64) -> Transfer {
    use souk::clock::Clock as _;
    Transfer {
        reference: reference.to_owned(),
        amount,
        asset_matches: true,
        confirmed: true,
        tx_hash: Some(format!("0x{reference}")),
        at: app.clock.now(),
    }
}

impl TestApp {
    /// Tells what a rail saw.
    pub async fn observe(&self, payment: &Value, transfers: &[Transfer]) {
        let mut tx = self.app.begin().await.expect("a transaction");
        observe(&mut tx, &self.app, &payment_id(payment), transfers).await.expect("observed");
        tx.commit().await.expect("a commit");
    }

    /// Runs timers and errands until none is due.
    pub async fn settle_timers(&self) {
        while self.run_timers().await > 0 {}
    }

    /// Checks that the ledger agrees with everything.
    #[track_caller]
    pub fn check_ledger(&self) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let found = reconcile::run(&self.app.db).await.expect("a comparison");
            assert!(found.balanced, "{at}: {:#?}", found.differences);
        }
    }

    /// What an account holds, such as `escrow:<request>:USD`.
    pub async fn balance(&self, account: &str) -> i64 {
        let sql = db::sql!(
            "SELECT CAST(COALESCE(SUM(CASE WHEN to_account = $1 THEN amount ELSE -amount END), 0)
                    AS BIGINT) AS balance
             FROM ledger_entries WHERE to_account = $1 OR from_account = $1"
        );
        let row = self.app.db.fetch_one(sql, db::args![account]).await.expect("a balance");
        row.get("balance").expect("a number")
    }

    /// What a seller is owed, in cents.
    pub async fn owed_to(&self, seller: &UserId) -> i64 {
        self.balance(&format!("seller_payable:{seller}:USD")).await
    }
}
