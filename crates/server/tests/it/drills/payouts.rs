//! The real program, with a gateway in another process, is killed by SIGKILL between any two steps
//! of a payout and started again. Never are two payouts at the gateway, none is forgotten, and in
//! the end `souk reconcile` finds nothing.

use std::path::Path;

use db::testing::{TestDb, run_test};
use db::{Db, Engine, Options, args, sql};
use fake_shkeeper::{Endpoint, FakeShkeeper, Mishap};
use hyper::Method;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::http::Http;
use super::process::Souk;
use super::rounds;
use crate::support::nodes::eventually;

/// Where the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kill {
    /// At one of its own places.
    At(&'static str),
    /// The gateway was asked, and has not acted.
    Asked,
    /// The gateway has acted, and its answer was not heard.
    Acted,
}

/// What becomes of the payout without anybody's help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The seller is paid.
    Paid,
    /// It certainly was not sent.
    Failed,
    /// Nobody can tell.
    Unknown,
}

/// Every gap between two steps, in their order.
const KILLS: [(Kill, Fate); 15] = [
    (Kill::At("payout-queueing"), Fate::Paid),
    (Kill::At("payout-queued"), Fate::Paid),
    (Kill::At("payout-beginning"), Fate::Paid),
    (Kill::At("payout-begun"), Fate::Failed),
    (Kill::At("payout-noting"), Fate::Failed),
    (Kill::At("payout-noted"), Fate::Unknown),
    (Kill::Asked, Fate::Unknown),
    (Kill::Acted, Fate::Paid),
    (Kill::At("payout-answered"), Fate::Paid),
    (Kill::At("payout-submitting"), Fate::Paid),
    (Kill::At("payout-submitted"), Fate::Paid),
    (Kill::At("payout-look"), Fate::Paid),
    (Kill::At("payout-looked"), Fate::Paid),
    (Kill::At("payout-seeing"), Fate::Paid),
    (Kill::At("payout-seen"), Fate::Paid),
];

/// The gateway, the database, and who deals.
struct World<'a> {
    gateway: FakeShkeeper,
    url: &'a str,
    directory: &'a Path,
    settings: Vec<(String, String)>,
    http: Http,
    admin: String,
    buyer: String,
    seller: String,
    deals: u32,
}

/// A deal whose payout begins.
struct Deal {
    payment: String,
    /// Where this seller's money of this deal goes, and nothing else.
    address: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl<'a> World<'a> {
    async fn new(url: &'a str, directory: &'a Path) -> Self {
        let options = fake_shkeeper::Options { delivers: true, ..Default::default() };
        let gateway = FakeShkeeper::start(options).await.expect("a gateway");
        // Always the same one, since the gateway calls back.
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("its number").port().to_string()
        };
        let settings = [
            ("PORT", port.as_str()),
            ("JWT_SECRET", "the key of all the drill's programs"),
            ("ACCESS_TOKEN_TTL", "1d"),
            ("SHKEEPER_URL", &gateway.url()),
            ("SHKEEPER_API_KEY", "testkey123"),
            ("SHKEEPER_PAYOUT_USER", "admin"),
            ("SHKEEPER_PAYOUT_PASSWORD", "admin"),
            ("SHKEEPER_CALLBACK_URL", &format!("http://127.0.0.1:{port}")),
            ("PAYOUT_POLL_EVERY", "100ms"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let (admin, buyer, seller) = Default::default();
        let http = Http::new();
        let mut world =
            Self { gateway, url, directory, settings, http, admin, buyer, seller, deals: 0 };
        let login = json!({ "email": "admin@drill.example", "password": "correct horse" });
        let made = ["admin", "create", "--email", "admin@drill.example", "--password"];
        let (status, told) = world.command(&[&made[..], &["correct horse"]].concat()).await;
        assert!(status.success(), "{told}");
        let souk = world.start(None).await;
        let answer = world.post(&souk.authority, "/api/auth/login", "", &login).await;
        world.admin = text(&answer["accessToken"]);
        for role in ["buyer", "seller"] {
            let body = json!({ "email": format!("{role}@drill.example"), "role": role,
                               "password": "correct horse", "name": role });
            let answer = world.post(&souk.authority, "/api/auth/register", "", &body).await;
            let token = text(&answer["accessToken"]);
            *(if role == "buyer" { &mut world.buyer } else { &mut world.seller }) = token;
        }
        souk.kill().await;
        world
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    async fn command(&self, args: &[&str]) -> (std::process::ExitStatus, String) {
        Souk::command(args, self.url, self.directory, &self.settings()).await
    }

    async fn start(&self, kill: Option<Kill>) -> Souk {
        let mut settings = self.settings();
        match kill {
            Some(Kill::At(place)) => settings.push(("SOUK_STOP_AT", place)),
            Some(Kill::Asked) => self.gateway.will(Endpoint::Payout, Mishap::Silence),
            Some(Kill::Acted) => self.gateway.will(Endpoint::Payout, Mishap::AnswerHeld),
            None => {}
        }
        Souk::start(self.url, self.directory, &settings).await
    }

    async fn call(
        &self,
        to: &str,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Value {
        let token = Some(token).filter(|token| !token.is_empty());
        let sent = self.http.send(method, to, path, token, None, body).await;
        let (status, mut answer) = sent.expect("an answer");
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer["data"].take()
    }

    async fn post(&self, to: &str, path: &str, token: &str, body: &Value) -> Value {
        self.call(to, Method::POST, path, token, Some(body)).await
    }

    /// A deal that is paid and released.
    async fn deal(&mut self, to: &str) -> Deal {
        self.deals += 1;
        let address = format!("0x5e11e4{:034}", self.deals);
        let wallet = json!({ "payoutWallet": { "crypto": "ETH-USDT", "address": address } });
        self.call(to, Method::PATCH, "/api/auth/me", &self.seller, Some(&wallet)).await;
        let requests = "/api/marketplace/purchase-requests";
        let request = crate::support::market::request_body(&json!({}));
        let request = text(&self.post(to, requests, &self.buyer, &request).await["_id"]);
        let offer = crate::support::market::offer_body(&json!({}));
        let path = format!("{requests}/{request}/offers");
        let offer = text(&self.post(to, &path, &self.seller, &offer).await["_id"]);
        let path = format!("/api/marketplace/offers/{offer}/accept");
        self.post(to, &path, &self.buyer, &json!({})).await;
        let body = json!({ "purchaseRequestId": request, "sellerOfferId": offer,
                           "crypto": "ETH-USDT" });
        let intent = self.post(to, "/api/payment/shkeeper/intents", &self.buyer, &body).await;
        let (wallet, amount) = (text(&intent["walletAddress"]), text(&intent["cryptoAmount"]));
        let txid = format!("0xa{:063}", self.deals);
        assert!(self.gateway.pay("ETH-USDT", &wallet, &amount, &txid, 1).await);
        let payment = text(&intent["paymentId"]);
        let path = format!("/api/payment/{payment}");
        let seen = self.call(to, Method::GET, &path, &self.buyer, None).await;
        assert_eq!(seen["escrowState"], "funded");
        self.post(to, &format!("{path}/release"), &self.admin, &json!({})).await;
        Deal { payment, address }
    }

    /// The payout of a deal, once it is there.
    async fn payout(&self, to: &str, deal: &Deal) -> Option<Value> {
        let path = "/api/payment/payouts?limit=100";
        let all = self.call(to, Method::GET, path, &self.admin, None).await;
        let mut own = all.as_array().expect("rows").iter();
        own.find(|payout| payout["paymentId"] == deal.payment.as_str()).cloned()
    }

    fn sent(&self, deal: &Deal) -> usize {
        self.gateway.sent_to(&deal.address).len()
    }

    /// Waits until the program is where it is to be killed.
    async fn stopped(&self, souk: &mut Souk, kill: Kill, asked: usize) {
        match kill {
            Kill::At(_) => souk.stopped().await,
            Kill::Asked | Kill::Acted => {
                eventually("the call of the gateway", async || {
                    (self.gateway.calls(Endpoint::Payout).len() > asked).then_some(())
                })
                .await;
            }
        }
    }

    /// Enough time passes for everything to be tried again. The program is not running.
    async fn wait(&self) {
        let db = Db::open(self.url, &Options::default()).await.expect("the database opens");
        let mut tx = db.begin().await.expect("a transaction");
        let due = sql!("UPDATE timers SET due_at = 0 WHERE kind LIKE 'payout%'");
        tx.execute(due, args![]).await.expect("timers");
        tx.commit().await.expect("a commit");
        db.close().await;
    }

    /// Lets the gateway and the program go on until the payout has come to something.
    async fn settled(&self, to: &str, deal: &Deal) -> Fate {
        let looks = self.gateway.calls(Endpoint::PayoutStatus).len();
        eventually("the end of the payout", async || {
            self.gateway.mine();
            self.gateway.tick().await;
            let payout = self.payout(to, deal).await?;
            let looked = self.gateway.calls(Endpoint::PayoutStatus).len() - looks;
            match payout["status"].as_str()? {
                "completed" => Some(Fate::Paid),
                "failed" => Some(Fate::Failed),
                // The gateway was asked, and knows nothing.
                "unknown" if looked > 3 => Some(Fate::Unknown),
                _ => None,
            }
        })
        .await
    }

    /// A payout that is killed at each of `kills`, as far as it gets there.
    async fn payout_with(&mut self, kills: &[Kill]) -> Fate {
        let mut deal = None;
        for kill in kills {
            let asked = self.gateway.calls(Endpoint::Payout).len();
            let mut souk = self.start(Some(*kill)).await;
            if deal.is_none() {
                deal = Some(self.deal(&souk.authority).await);
            }
            let begun = deal.as_ref().expect("a deal");
            let authority = souk.authority.clone();
            // Another kill than the first may find nothing left to do.
            tokio::select! {
                () = self.stopped(&mut souk, *kill, asked) => {}
                _ = self.settled(&authority, begun) => {}
            }
            souk.kill().await;
            self.gateway.forgive();
            self.wait().await;
            assert!(self.sent(begun) <= 1, "{kills:?}");
        }
        let deal = deal.expect("a deal");
        let souk = self.start(None).await;
        let fate = self.settled(&souk.authority, &deal).await;
        let sent = usize::from(fate == Fate::Paid);
        assert_eq!(self.sent(&deal), sent, "{fate:?} after {kills:?}");
        if fate != Fate::Paid {
            // A person looks into the wallet, and has it sent.
            let id = text(&self.payout(&souk.authority, &deal).await.expect("a payout")["_id"]);
            let body = json!({ "notSent": fate == Fate::Unknown });
            let retry = format!("/api/payment/payouts/{id}/retry");
            self.post(&souk.authority, &retry, &self.admin, &body).await;
            assert_eq!(self.settled(&souk.authority, &deal).await, Fate::Paid, "after {kills:?}");
            assert_eq!(self.sent(&deal), 1, "after {kills:?}");
        }
        souk.kill().await;
        fate
    }
}

async fn drill(url: &str, directory: &Path) {
    let seed: u64 = StdRng::from_rng(&mut rand::rng()).random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::new(url, directory).await;
    for (kill, fate) in KILLS {
        assert_eq!(world.payout_with(&[kill]).await, fate, "{kill:?}");
    }
    // At length: several kills of one payout.
    for _ in 1..rounds(1) {
        let count = rng.random_range(2..5);
        let kills = (0..count).map(|_| KILLS[rng.random_range(0..KILLS.len())].0);
        world.payout_with(&kills.collect::<Vec<_>>()).await;
    }
    let (status, told) = world.command(&["reconcile"]).await;
    assert!(status.success(), "{told}");
    println!("{} payouts, each sent once", world.deals);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let url = format!("sqlite:{}", directory.path().join("souk.db").display());
    drill(&url, directory.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let directory = tempfile::tempdir().expect("temporary directory");
    run_test(Engine::Postgres, &souk::migrations::ALL, async |db: &TestDb| {
        drill(db.url(), directory.path()).await;
    })
    .await
    .expect("a test database");
}
