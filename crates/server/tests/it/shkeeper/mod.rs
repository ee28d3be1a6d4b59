//! Payments and payouts by the SHKeeper gateway, against a stand-in of it that has all its ways.

mod checkouts;
mod forgeries;
mod intents;
mod kills;
mod payouts;
mod polling;
mod quirks;
mod reconciliation;
mod webhooks;

use std::sync::Arc;

use db::testing::TestDb;
use db::{Engine, args, sql};
use fake_shkeeper::{Callback, FakeShkeeper, Options};
use serde_json::{Value, json};
use souk::clock::Clock as _;

use crate::support::market::id;
use crate::support::{Actor, Answer, Request, TestApp};

pub const INTENTS: &str = "/api/payment/shkeeper/intents";
pub const WEBHOOK: &str = "/api/payment/shkeeper/webhook";
pub const PAYOUT_WEBHOOK: &str = "/api/payment/shkeeper/payout-webhook";

/// Makes a test of `name` for each engine; the body gets the `&TestApp` and the `&FakeShkeeper`
/// that it is connected to. Settings stand between.
macro_rules! gateway_test {
    ($name:ident, $body:expr $(,)?) => {
        gateway_test!($name, [], $body);
    };
    ($name:ident, $settings:expr, $body:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::shkeeper::run(::db::Engine::Sqlite, &$settings, $body).await;
            }

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::shkeeper::run(::db::Engine::Postgres, &$settings, $body).await;
            }
        }
    };
}
pub(crate) use gateway_test;

/// Runs one test on one engine; used by `gateway_test!`.
pub async fn run<F>(engine: Engine, settings: &[(&str, &str)], test: F)
where
    F: AsyncFnOnce(&TestApp, &FakeShkeeper),
{
    db::testing::run_test(engine, &souk::migrations::ALL, async |db: &TestDb| {
        let gateway = FakeShkeeper::start(Options::default()).await.expect("a gateway");
        let url = gateway.url();
        let mut all = vec![
            ("SHKEEPER_URL", url.as_str()),
            ("SHKEEPER_API_KEY", "testkey123"),
            ("SHKEEPER_PAYOUT_USER", "admin"),
            ("SHKEEPER_PAYOUT_PASSWORD", "admin"),
            ("SHKEEPER_TIMEOUT", "2s"),
            ("ACCESS_TOKEN_TTL", "30d"),
        ];
        all.extend_from_slice(settings);
        let app = TestApp::on(db, &all).await;
        let clock = app.clock.clone();
        gateway.set(|options| options.clock = Arc::new(move || clock.now().as_millis()));
        test(&app, &gateway).await;
    })
    .await
    .expect("a test database");
}

/// A request of 180 USD whose offer is accepted.
pub struct Deal {
    pub buyer: Actor,
    pub seller: Actor,
    pub request: Value,
    pub offer: Value,
}

impl Deal {
    pub async fn new(app: &TestApp) -> Self {
        Self::at(app, "180.00", "USD").await
    }

    pub async fn at(app: &TestApp, amount: &str, currency: &str) -> Self {
        let (buyer, seller) = (app.buyer().await, app.seller().await);
        let budget = json!({ "min": "1.00", "max": "1000.00", "currency": currency });
        let request = buyer.publish(&json!({ "budget": budget })).await;
        let price = json!({ "price": { "amount": amount, "currency": currency } });
        let offer = seller.make_offer(&request, &price).await;
        buyer.accept(&offer).await;
        Self { buyer, seller, request, offer }
    }

    pub fn intent(&self, coin: &str) -> Request {
        self.buyer.post(INTENTS).json(&json!({
            "purchaseRequestId": id(&self.request), "sellerOfferId": id(&self.offer),
            "crypto": coin,
        }))
    }

    /// Begins the payment in USDT and returns how to pay.
    pub async fn begin(&self) -> Invoice {
        Invoice::read(&self.intent("ETH-USDT").send().await.data(201))
    }

    /// The payment as the buyer sees it.
    pub async fn payment(&self, invoice: &Invoice) -> Value {
        let path = format!("/api/payment/{}", invoice.payment);
        self.buyer.get(&path).send().await.data(200)
    }

    /// Status, escrow and exception of the payment, in a line.
    pub async fn state(&self, invoice: &Invoice) -> String {
        let payment = self.payment(invoice).await;
        let word = |name: &str| payment[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("status"), word("escrowState"), word("exception"))
    }
}

/// How to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub payment: String,
    pub address: String,
    pub amount: String,
}

impl Invoice {
    pub fn read(intent: &Value) -> Self {
        let text = |name: &str| intent[name].as_str().expect("text").to_owned();
        Self {
            payment: text("paymentId"),
            address: text("walletAddress"),
            amount: text("cryptoAmount"),
        }
    }
}

/// Hands a callback to the program, as the gateway would.
pub fn request(app: &TestApp, callback: &Callback) -> Request {
    let mut request = app.post(callback.path()).raw("", callback.body.clone());
    for (name, value) in &callback.headers {
        request = request.header(name, value);
    }
    request
}

/// Hands callbacks over one after the other; each is taken.
pub async fn deliver(app: &TestApp, gateway: &FakeShkeeper) -> usize {
    let callbacks = gateway.take_callbacks();
    for callback in &callbacks {
        let answer: Answer = request(app, callback).send().await;
        answer.expect(202);
        gateway.accepted(callback);
    }
    callbacks.len()
}

/// The numbers of rows that a payment by the gateway makes.
pub async fn count(app: &TestApp, table: &'static str) -> i64 {
    let sql = match table {
        "payment_transfers" => sql!("SELECT COUNT(*) AS n FROM payment_transfers"),
        "ledger_transfers" => sql!("SELECT COUNT(*) AS n FROM ledger_transfers"),
        "shkeeper_callbacks" => sql!("SELECT COUNT(*) AS n FROM shkeeper_callbacks"),
        "shkeeper_transfers" => sql!("SELECT COUNT(*) AS n FROM shkeeper_transfers"),
        other => panic!("no such table: {other}"),
    };
    let row = app.app.db.fetch_one(sql, args![]).await.expect("a count");
    row.get("n").expect("a number")
}

/// Compares the ledger with everything else.
pub async fn check_books(app: &TestApp) {
    let found = souk::ledger::reconcile::run(&app.app.db).await.expect("a reconciliation");
    assert!(found.balanced, "{found:#?}");
}
