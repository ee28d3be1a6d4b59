//! A stand-in for the SHKeeper gateway, as it really behaves: see `docs/operations.md` for what is
//! peculiar about it. For tests and demonstrations; no money moves.
//!
//! What is peculiar is always there (failures as HTTP 200, the fee on top, an invoice asked for
//! twice is quoted anew, any coin of an address counts, …), or stands on a switch of [`Options`].
//! What goes wrong only at times is told beforehand, for one call each: [`Mishap`].
//!
//! The chain is played by [`FakeShkeeper::pay`] and [`FakeShkeeper::confirm`], the gateway's
//! scheduler by [`FakeShkeeper::tick`]. What left the gateway can be counted:
//! [`FakeShkeeper::sent`], [`FakeShkeeper::sent_to`].

mod api;
mod callback;
pub mod decimal;
mod invoices;
mod payouts;
mod state;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use callback::{Callback, sign};
pub use decimal::Decimal;
use state::State;
pub use state::{Call, Send, TaskEnd};

/// Tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + std::marker::Send + Sync>;

/// How the gateway is set up.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The API key of all coins, and the secret of the callbacks' signatures.
    pub api_key: String,
    /// The administrator, who alone may pay out.
    pub user: String,
    /// The administrator's password.
    pub password: String,
    /// The coins and how much of the fiat money one of them is worth.
    pub rates: BTreeMap<String, Decimal>,
    /// The fiat moneys.
    pub fiats: Vec<String>,
    /// Percent on top of every invoice.
    pub fee_percent: Decimal,
    /// Confirmations after which a transfer's callback is sent.
    pub confirmations: u32,
    /// From this percentage of the price on an invoice is `PAID`.
    pub lower_limit: Decimal,
    /// From this percentage of the price on an invoice is `OVERPAID`.
    pub upper_limit: Decimal,
    /// `UNCONFIRMED_TX_NOTIFICATION`.
    pub notify_unconfirmed: bool,
    /// `ENABLE_PAYOUT_CALLBACK`.
    pub payout_callbacks: bool,
    /// Signs callbacks; installations of before May 2026 send the API key alone.
    pub signs: bool,
    /// Sends callbacks over HTTP. Otherwise they wait in [`FakeShkeeper::take_callbacks`].
    pub delivers: bool,
    /// Payout tasks wait for [`FakeShkeeper::end_task`]. Otherwise they succeed at once.
    pub holds_tasks: bool,
    /// The time.
    pub clock: Clock,
}

impl Default for Options {
    #[expect(clippy::disallowed_methods, reason = "the gateway is a program of its own")]
    fn default() -> Self {
        let rate = |coin: &str, text: &str| (coin.to_owned(), text.parse().unwrap_or_default());
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            api_key: "testkey123".to_owned(),
            user: "admin".to_owned(),
            password: "admin".to_owned(),
            rates: BTreeMap::from([
                rate("BTC", "50000"),
                rate("ETH", "2000"),
                rate("ETH-USDC", "1"),
                rate("ETH-USDT", "1"),
            ]),
            fiats: vec!["USD".to_owned(), "EUR".to_owned()],
            fee_percent: Decimal::whole(2),
            confirmations: 1,
            lower_limit: Decimal::whole(95),
            upper_limit: Decimal::whole(105),
            notify_unconfirmed: false,
            payout_callbacks: false,
            signs: true,
            delivers: false,
            holds_tasks: false,
            clock: Arc::new(|| {
                let since_epoch = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                i64::try_from(since_epoch.as_millis()).unwrap_or_default()
            }),
        }
    }
}

/// What can be called, for [`FakeShkeeper::will`] and [`FakeShkeeper::calls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /{coin}/payment_request`.
    PaymentRequest,
    /// `POST /{coin}/quote`.
    Quote,
    /// `GET /invoices` and `GET /invoices/{external_id}`.
    Invoices,
    /// `POST /{coin}/payout`.
    Payout,
    /// `GET /{coin}/payout/status`.
    PayoutStatus,
    /// `GET /{coin}/task/{id}`.
    Task,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mishap {
    /// HTTP 500 with an HTML page, before anything is done.
    Broken,
    /// HTTP 302 to the login, with an HTML page: what whoever brings no credentials gets, as from a
    /// gateway behind a proxy that swallows them. Nothing is done.
    LoginPage,
    /// HTTP 200 with `status: error`, a message and a traceback.
    ErrorBody(String),
    /// It is done, and the connection is cut before the answer.
    AnswerLost,
    /// It is done, and the answer is 1 MiB of nonsense.
    Nonsense,
    /// No answer comes, ever; nothing is done.
    Silence,
    /// It is done, and no answer comes, ever.
    AnswerHeld,
    /// `payout` alone: the wallet behind refuses. HTTP 200 with `msg`; the external id is burnt.
    Refused(String),
    /// `payout` alone: the wallet behind does not answer within 10 s. HTTP 500 and no row; the
    /// money is gone all the same where this is true.
    WalletTimeout {
        /// Whether the wallet sends it nevertheless.
        sends: bool,
    },
}

/// A running gateway; it ends when dropped.
pub struct FakeShkeeper {
    shared: Arc<Shared>,
    addr: SocketAddr,
    server: JoinHandle<()>,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    mishaps: Mutex<VecDeque<(Endpoint, Mishap)>>,
    options: Mutex<Options>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn options(&self) -> Options {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn mishap(&self, endpoint: Endpoint) -> Option<Mishap> {
        let mut mishaps = self.mishaps.lock().unwrap_or_else(PoisonError::into_inner);
        let index = mishaps.iter().position(|(of, _)| *of == endpoint)?;
        mishaps.remove(index).map(|(_, mishap)| mishap)
    }
}

impl FakeShkeeper {
    /// Starts listening.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            mishaps: Mutex::default(),
            options: Mutex::new(options),
        });
        let router = api::router(shared.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { shared, addr, server })
    }

    /// Its address, e.g. `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Changes the set-up.
    pub fn set(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.shared.options.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets the next call of `endpoint` that has no mishap yet go wrong.
    pub fn will(&self, endpoint: Endpoint, mishap: Mishap) {
        let mut mishaps = self.shared.mishaps.lock().unwrap_or_else(PoisonError::into_inner);
        mishaps.push_back((endpoint, mishap));
    }

    /// Nothing more goes wrong of what was told and has not happened.
    pub fn forgive(&self) {
        self.shared.mishaps.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A transfer of `amount` of `coin` reaches `address` in the transaction `txid`, with so many
    /// confirmations. Sends the callbacks that the gateway sends at once, and returns whether the
    /// gateway took notice of the transfer.
    pub async fn pay(
        &self,
        coin: &str,
        address: &str,
        amount: &str,
        txid: &str,
        confirmations: u32,
    ) -> bool {
        let amount = amount.parse().unwrap_or_default();
        let (noticed, callbacks) =
            invoices::notice(&self.shared, coin, address, amount, txid, confirmations);
        callback::dispatch(&self.shared, callbacks).await;
        noticed
    }

    /// The transaction has so many confirmations now. The gateway learns of it with the next
    /// [`tick`](Self::tick).
    pub fn confirm(&self, txid: &str, confirmations: u32) {
        self.shared.state().confirmations.insert(txid.to_owned(), confirmations);
    }

    /// Every transaction has one confirmation more.
    pub fn mine(&self) {
        for confirmations in self.shared.state().confirmations.values_mut() {
            *confirmations += 1;
        }
    }

    /// One run of the gateway's scheduler: counts confirmations, sends the callbacks that were
    /// not answered 202 yet, looks after payouts. The delay of 60 s before the first repetition
    /// is left out.
    pub async fn tick(&self) {
        let due = invoices::tick(&self.shared);
        callback::dispatch(&self.shared, due).await;
        let due = payouts::tick(&self.shared);
        callback::dispatch(&self.shared, due).await;
    }

    /// The callbacks that wait to be delivered, where [`Options::delivers`] is off. They stay due:
    /// [`accepted`](Self::accepted) ends their repetition.
    pub fn take_callbacks(&self) -> Vec<Callback> {
        std::mem::take(&mut self.shared.state().waiting)
    }

    /// This callback was answered 202.
    pub fn accepted(&self, callback: &Callback) {
        callback::accepted(&self.shared, callback);
    }

    /// Signs any body as the gateway does now.
    pub fn signed(&self, url: &str, body: &str) -> Callback {
        callback::signed(&self.shared, url, body)
    }

    /// Ends a payout's task, where [`Options::holds_tasks`] is on.
    pub fn end_task(&self, external_id: &str, end: TaskEnd) {
        payouts::end_task(&mut self.shared.state(), external_id, end);
    }

    /// The wallet behind forgets its tasks: all of them look `PENDING`.
    pub fn forget_tasks(&self) {
        self.shared.state().tasks.clear();
    }

    /// The gateway loses its notes of payouts, as one does that is set up anew. What was sent was
    /// sent.
    pub fn forget_payouts(&self) {
        self.shared.state().payouts.clear();
    }

    /// How often money was sent for an external id.
    pub fn sent(&self, external_id: &str) -> usize {
        self.shared.state().sends.iter().filter(|send| send.external_id == external_id).count()
    }

    /// Everything that was sent to an address.
    pub fn sent_to(&self, destination: &str) -> Vec<Send> {
        let state = self.shared.state();
        state.sends.iter().filter(|send| send.destination == destination).cloned().collect()
    }

    /// The calls that arrived so far, in order.
    pub fn calls(&self, endpoint: Endpoint) -> Vec<Call> {
        let state = self.shared.state();
        state.calls.iter().filter(|call| call.endpoint == endpoint).cloned().collect()
    }

    /// How many invoices there are.
    pub fn invoices(&self) -> usize {
        self.shared.state().invoices.len()
    }
}

impl Drop for FakeShkeeper {
    fn drop(&mut self) {
        self.server.abort();
    }
}
