//! A real chain on this machine (anvil), with a token on it, and people who pay with it.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use db::Engine;
use serde_json::{Value, json};
use souk::evm::types::keccak256;
use souk::outbound::{Client, Limits};
use souk::text::hex;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::market::LONG_SIGN_IN;
use crate::support::money::Deal;
use crate::support::proxy::Proxy;
use crate::support::{Actor, Answer, TestApp};

/// The accounts that anvil makes, and whose keys it has.
pub const MAKER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
pub const PLATFORM: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
pub const WALLET: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
pub const STRANGER: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
pub const SELLER_WALLET: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
/// 180 dollars in a token with 6 places.
pub const PRICE: u128 = 180_000_000;

/// The routes.
pub const INTENTS: &str = "/api/payment/decentralized/intents";
pub const PROVE: &str = "/api/payment/decentralized/wallet";
pub const CONFIRM: &str = "/api/payment/decentralized/confirm";
pub const PAYOUT: &str = "/api/payment/decentralized/payout";

/// Makes a test on each engine, each with a chain of its own. The body gets the program and the
/// chain; settings that differ from the usual ones stand between.
macro_rules! chain_test {
    ($name:ident, $body:expr $(,)?) => {
        chain_test!($name, [], $body);
    };
    ($name:ident, $settings:expr, $body:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::evm::chain::run(::db::Engine::Sqlite, &$settings, $body).await;
            }

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::evm::chain::run(::db::Engine::Postgres, &$settings, $body).await;
            }
        }
    };
}
pub(crate) use chain_test;

/// Runs one test on one engine; used by `chain_test!`.
pub async fn run<F>(engine: Engine, settings: &[(&str, &str)], test: F)
where
    F: AsyncFnOnce(&TestApp, &Chain),
{
    let Some(chain) = Chain::start().await else { return };
    let (url, tokens) = (chain.proxy.through(&chain.url), chain.tokens());
    let mut all = vec![
        ("EVM_RPC_URL", url.as_str()),
        ("EVM_CHAIN_ID", "31337"),
        ("EVM_TOKENS", tokens.as_str()),
        ("EVM_CONFIRMATIONS", "3"),
        ("EVM_PAYEE", PLATFORM),
        LONG_SIGN_IN,
    ];
    all.retain(|(name, _)| !settings.iter().any(|(other, _)| name == other));
    all.extend(settings);
    crate::support::run(engine, &all, async |app: &TestApp| test(app, &chain).await).await;
}

/// Where the tests find anvil; without it the test says that it is skipped, and fails where `CI`
/// is set.
fn anvil() -> Option<String> {
    let program = std::env::var("SOUK_TEST_ANVIL").ok();
    if program.is_none() {
        assert!(std::env::var_os("CI").is_none(), "SOUK_TEST_ANVIL is not set");
        eprintln!("SKIPPED: SOUK_TEST_ANVIL is not set");
    }
    program
}

/// The contracts of `tests/chain/Token.sol`.
fn code(contract: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/chain/contracts.json");
    let text = std::fs::read_to_string(path).expect("the contracts");
    let contracts: Value = serde_json::from_str(&text).expect("JSON");
    contracts[contract].as_str().expect("a contract").to_owned()
}

/// A call of a contract: the name of a function and its arguments, addresses or numbers.
pub fn call_data(signature: &str, arguments: &[String]) -> String {
    let selector = hex(&keccak256(signature.as_bytes())[..4]);
    let words = arguments.iter().map(|word| format!("{word:0>64}"));
    std::iter::once(format!("0x{selector}")).chain(words).collect()
}

/// An address as an argument.
pub fn address(address: &str) -> String {
    address.trim_start_matches("0x").to_lowercase()
}

/// A number as an argument.
pub fn number(number: u128) -> String {
    format!("{number:x}")
}

/// A chain of its own, until dropped. A block is made for each transaction.
pub struct Chain {
    _anvil: Child,
    holds_back: AtomicBool,
    client: Client,
    url: String,
    /// Between the program and the chain.
    pub proxy: Proxy,
    /// A dollar, which the program takes.
    pub token: String,
    /// Another token that the program takes.
    pub other_token: String,
    /// A contract like the dollar's, which the program does not know.
    pub lookalike: String,
}

impl Chain {
    /// `None` where anvil is not installed.
    pub async fn start() -> Option<Self> {
        let mut anvil = Command::new(anvil()?)
            .args(["--host", "127.0.0.1", "--port", "0", "--no-mining"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(anvil.stdout.take().expect("its output")).lines();
        let addr = loop {
            let line = lines.next_line().await.expect("its output").expect("where it listens");
            if let Some(addr) = line.strip_prefix("Listening on ") {
                break addr.to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let url = format!("http://{addr}");
        let mut chain = Self {
            _anvil: anvil,
            holds_back: AtomicBool::new(false),
            client: Client::new().expect("a client"),
            proxy: Proxy::to(&url).await,
            url,
            token: String::new(),
            other_token: String::new(),
            lookalike: String::new(),
        };
        chain.token = chain.deploy("Token").await;
        chain.other_token = chain.deploy("Token").await;
        chain.lookalike = chain.deploy("Token").await;
        for token in [&chain.token, &chain.other_token, &chain.lookalike] {
            for holder in [WALLET, STRANGER, PLATFORM] {
                chain.transfer(token, MAKER, holder, 1_000_000_000_000).await;
            }
        }
        Some(chain)
    }

    /// Its address, past the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `EVM_TOKENS`.
    pub fn tokens(&self) -> String {
        format!("USDC:{}:6:USD,USDT:{}:6,ETH:native:18", self.token, self.other_token)
    }

    /// Asks the chain.
    #[track_caller]
    pub fn ask(&self, method: &str, params: Value) -> impl Future<Output = Value> + use<'_> {
        let at = std::panic::Location::caller();
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        async move {
            let request = http::Request::post(&self.url)
                .header("content-type", "application/json")
                .body(Bytes::from(body.to_string()))
                .expect("a request");
            let limits = Limits { timeout: Duration::from_secs(20), body_max: 10 << 20 };
            let answer = self.client.send(request, limits).await.expect("an answer");
            let mut answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
            assert!(answer.get("error").is_none(), "{at}: {body}: {answer}");
            answer["result"].take()
        }
    }

    /// Sends a transaction and returns its hash.
    pub async fn send(&self, transaction: Value) -> String {
        let hash = self.ask("eth_sendTransaction", json!([transaction])).await;
        self.make_block().await;
        hash.as_str().expect("a hash").to_owned()
    }

    async fn make_block(&self) {
        if !self.holds_back.load(Ordering::SeqCst) {
            self.mine(1).await;
        }
    }

    /// Makes a contract and returns its address.
    pub async fn deploy(&self, contract: &str) -> String {
        let hash = self.send(json!({ "from": MAKER, "data": code(contract) })).await;
        let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).await;
        receipt["contractAddress"].as_str().expect("a contract").to_owned()
    }

    /// Moves units of a token. The gas is given, so that what reverts is sent as well.
    pub async fn transfer(&self, token: &str, from: &str, to: &str, units: u128) -> String {
        let data = call_data("transfer(address,uint256)", &[address(to), number(units)]);
        self.send(json!({ "from": from, "to": token, "data": data, "gas": "0x30d40" })).await
    }

    /// Pays dollars from the buyer's wallet to the platform's.
    pub async fn pay(&self, units: u128) -> String {
        self.transfer(&self.token, WALLET, PLATFORM, units).await
    }

    /// Moves the chain's own coin.
    pub async fn send_coin(&self, from: &str, to: &str, wei: u128) -> String {
        self.send(json!({ "from": from, "to": to, "value": format!("{wei:#x}") })).await
    }

    /// Makes empty blocks.
    pub async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    /// Replaces the newest blocks by empty ones. Their transactions are gone.
    pub async fn reorganise(&self, depth: u64) {
        self.ask("anvil_reorg", json!([depth, []])).await;
    }

    /// A transaction as it was signed, to be sent again with [`again`](Self::again).
    pub async fn raw(&self, hash: &str) -> Value {
        self.ask("eth_getRawTransactionByHash", json!([hash])).await
    }

    /// Sends a signed transaction again.
    pub async fn again(&self, raw: &Value) {
        self.ask("eth_sendRawTransaction", json!([raw])).await;
        self.make_block().await;
    }

    /// Whether transactions wait until somebody makes a block.
    pub fn hold_back(&self, on: bool) {
        self.holds_back.store(on, Ordering::SeqCst);
    }

    /// Signs a text with a wallet, as wallets do.
    pub async fn sign(&self, wallet: &str, text: &str) -> String {
        let text = format!("0x{}", hex(text.as_bytes()));
        let signature = self.ask("personal_sign", json!([text, wallet])).await;
        signature.as_str().expect("a signature").to_owned()
    }
}

/// A buyer who is about to pay.
pub struct Paying {
    pub buyer: Actor,
    pub seller: Actor,
    pub deal: Deal,
    /// How to pay.
    pub intent: Value,
}

impl Paying {
    /// The payment's id.
    pub fn id(&self) -> &str {
        self.intent["paymentId"].as_str().expect("a payment")
    }

    /// Says which transaction pays.
    pub async fn confirm(&self, hash: &str) -> Answer {
        let body = json!({ "paymentId": self.id(), "txHash": hash });
        self.buyer.post(CONFIRM).json(&body).send().await
    }

    /// The payment as the buyer sees it.
    pub async fn payment(&self) -> Value {
        self.buyer.get(&format!("/api/payment/{}", self.id())).send().await.data(200)
    }

    /// Status, escrow and exception of the payment, and what was received.
    pub async fn standing(&self) -> String {
        standing(&self.payment().await)
    }

    /// Where a transaction of the payment stands.
    pub async fn transaction(&self, hash: &str) -> Value {
        let path = format!("{INTENTS}/{}", self.id());
        let intent = self.buyer.get(&path).send().await.data(200);
        let all = intent["transactions"].as_array().expect("transactions").clone();
        all.into_iter().find(|one| one["txHash"] == hash).expect("the transaction")
    }

    /// Its status.
    pub async fn transaction_status(&self, hash: &str) -> String {
        self.transaction(hash).await["status"].as_str().expect("a status").to_owned()
    }
}

/// Status, escrow and exception of a payment, and what was received, in one line.
pub fn standing(payment: &Value) -> String {
    let word = |field: &str| payment[field].as_str().unwrap_or("-").to_owned();
    let words = ["status", "escrowState", "exception", "received"].map(word);
    words.join(" ")
}

/// A deal over 180 dollars whose buyer has an intent, and has signed.
pub async fn paying(app: &TestApp, chain: &Chain) -> Paying {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    begin(&buyer, &seller, chain).await
}

/// The same with these two.
pub async fn begin(buyer: &Actor, seller: &Actor, chain: &Chain) -> Paying {
    let deal = buyer.deal(seller, "180.00").await;
    let mut body = deal.intent();
    body["token"] = json!("USDC");
    body["wallet"] = json!(WALLET);
    let intent = buyer.post(INTENTS).json(&body).send().await.data(201);
    let intent = prove(buyer, chain, &intent).await;
    Paying { buyer: buyer.clone(), seller: seller.clone(), deal, intent }
}

/// Signs an intent's message with its wallet.
pub async fn prove(buyer: &Actor, chain: &Chain, intent: &Value) -> Value {
    let (wallet, message) = (intent["wallet"].as_str(), intent["message"].as_str());
    let signature = chain.sign(wallet.expect("a wallet"), message.expect("a message")).await;
    let body = json!({ "paymentId": intent["paymentId"], "signature": signature });
    buyer.post(PROVE).json(&body).send().await.data(200)
}

/// Lets a minute pass and the program look at the chain.
pub async fn look(app: &TestApp) {
    app.advance(Duration::from_secs(61));
    app.run_timers().await;
}

/// The names of the events behind a position, without what people are notified of.
pub async fn told(app: &TestApp, position: i64) -> Vec<String> {
    let names = app.event_names_after(position).await.into_iter();
    let notices = ["new-notification", "unread-count-update"];
    names.filter(|name| !notices.contains(&name.as_str())).collect()
}
