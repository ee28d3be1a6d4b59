//! One history: random steps on one deal, each with what the model expects of it.

use std::fmt::Write as _;
use std::pin::pin;
use std::sync::Arc;

use db::{Engine, args};
use events::PaymentProvider;
use fake_shkeeper::{Callback, Decimal, FakeShkeeper, Options};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::Value;
use souk::clock::Clock as _;
use souk::error::ApiError;
use souk::journal::Tx;

use super::Fault;
use super::model::Deal;
use super::rail::RandomRail;
use crate::support::market::id;
use crate::support::money;
use crate::support::{Actor, Request, TestApp};

/// Steps of a history.
const STEPS: usize = 24;

/// Who deals, and the gateway.
pub struct World {
    buyers: Vec<Actor>,
    sellers: Vec<Actor>,
    pub admin: Actor,
    pub rail: Arc<RandomRail>,
    pub gateway: FakeShkeeper,
    pub fault: Fault,
}

/// The gateway of some histories. What is paid is the price: its fee would only blur the amounts.
pub async fn gateway() -> FakeShkeeper {
    let options =
        Options { fee_percent: Decimal::ZERO, notify_unconfirmed: true, ..Options::default() };
    FakeShkeeper::start(options).await.expect("a gateway")
}

impl World {
    pub async fn new(app: &TestApp, gateway: FakeShkeeper, fault: Fault) -> Self {
        let sellers = vec![app.seller().await, app.seller().await];
        for seller in &sellers {
            seller.set_wallet().await;
        }
        let rail = Arc::new(RandomRail::default());
        for provider in [PaymentProvider::Sandbox, PaymentProvider::Shkeeper] {
            app.app.payout_rails.set(provider, rail.clone());
        }
        if fault == Fault::NoUniqueIndex {
            let mut tx = app.app.db.begin().await.expect("a transaction");
            let drop = db::Sql::concat(&["DROP INDEX payouts_payment_id_request_id"]);
            tx.execute(drop, args![]).await.expect("dropped");
            tx.commit().await.expect("a commit");
        }
        let clock = app.clock.clone();
        gateway.set(|options| options.clock = Arc::new(move || clock.now().as_millis()));
        let buyers = vec![app.buyer().await, app.buyer().await];
        Self { buyers, sellers, admin: app.admin().await, rail, gateway, fault }
    }
}

/// What a history came to, for the comparison with the journal.
pub struct Told {
    pub request: String,
    pub model: Deal,
}

pub struct History<'a> {
    pub app: &'a TestApp,
    pub world: &'a World,
    pub buyer: &'a Actor,
    pub seller: &'a Actor,
    pub rng: StdRng,
    pub deal: money::Deal,
    pub model: Deal,
    /// Whether it is paid by the gateway; else in play money, by what its rail reports.
    pub by_gateway: bool,
    /// Callbacks that are under way, each with the payment that it is about.
    pub callbacks: Vec<(usize, Callback)>,
    /// Where each payment by the gateway is paid.
    pub addresses: Vec<String>,
    pub dispute: Option<String>,
    pub log: String,
    pub count: u32,
}

pub type Step = Result<(), String>;

/// Runs one history.
///
/// # Errors
/// What went wrong, and the steps up to there.
pub async fn history(
    app: &TestApp,
    world: &World,
    mut rng: StdRng,
) -> Result<Told, (String, String)> {
    let buyer = &world.buyers[rng.random_range(0..world.buyers.len())];
    let seller = &world.sellers[rng.random_range(0..world.sellers.len())];
    let by_gateway = rng.random_bool(0.5);
    let deal = buyer.deal(seller, "100.00").await;
    let mut history = History {
        app,
        world,
        buyer,
        seller,
        rng,
        deal,
        model: Deal::new(),
        by_gateway,
        callbacks: Vec::new(),
        addresses: Vec::new(),
        dispute: None,
        log: format!("by the gateway: {by_gateway}\n"),
        count: 0,
    };
    for _ in 0..STEPS {
        let step = history.step().await;
        let checked = match step {
            Ok(()) => history.check().await,
            Err(error) => Err(error),
        };
        checked.map_err(|error| (error, std::mem::take(&mut history.log)))?;
    }
    Ok(Told { request: id(&history.deal.request).to_owned(), model: history.model })
}

/// Compares, and says what differs.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Step {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what} is {found:?} instead of {expected:?}"))
}

impl History<'_> {
    pub fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound)
    }

    pub fn note(&mut self, step: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.log, "{step}");
    }

    async fn step(&mut self) -> Step {
        match self.below(32) {
            0..4 => self.open().await,
            4..11 if self.by_gateway => self.pay_or_deliver().await,
            4..11 => self.report().await,
            11 if self.by_gateway => self.deliver().await,
            11 => self.retract().await,
            12 => self.fail().await,
            13 => self.time_out().await,
            14 => self.cancel().await,
            15..18 => self.go_on().await,
            18 => self.open_dispute().await,
            19 => self.resolve().await,
            20 => self.release_by_time().await,
            21 => self.release().await,
            22 => self.refund().await,
            23 => self.refund_excess().await,
            24 | 25 => self.start_payout().await,
            26..28 => self.hand_over().await,
            28..31 => self.look().await,
            _ => self.meddle().await,
        }
    }

    pub async fn tx(&self) -> Tx {
        self.app.app.begin().await.expect("a transaction")
    }

    /// Sends a request; what is no success must have this code.
    pub async fn expect(
        &self,
        request: Request,
        expected: Result<u16, &str>,
    ) -> Result<Value, String> {
        let answer = request.send().await;
        let body: Value = serde_json::from_str(&answer.body).map_err(|e| e.to_string())?;
        let code = body["error"]["code"].as_str().unwrap_or("none").to_owned();
        let found = if answer.status.is_success() { Ok(answer.status.as_u16()) } else { Err(code) };
        same(&answer.request, found, expected.map_err(str::to_owned))?;
        Ok(body["data"].clone())
    }

    /// As [`expect`](Self::expect); but sometimes the program ends at any step of the request, and
    /// its sender, who got no answer, sends it again under the same key.
    pub async fn insist(
        &mut self,
        request: Request,
        expected: Result<u16, &str>,
    ) -> Result<Value, String> {
        self.count += 1;
        let request = request.key(&format!("{}-{}", id(&self.deal.request), self.count));
        if let Some(polls) = self.cut() {
            self.note(format_args!("… and the program ends after {polls} polls"));
            crate::payouts::cut(pin!(request.clone().send()), polls).await;
        }
        self.expect(request, expected).await
    }

    /// After how many polls the program ends, now and then. Not on PostgreSQL: its connection would
    /// be another history's next, with a transaction that is still open.
    pub fn cut(&mut self) -> Option<usize> {
        let (whole, polls) = (self.below(3) > 0, self.below(40));
        (!whole && self.app.app.db.engine() == Engine::Sqlite).then_some(polls)
    }

    /// Commits what succeeded as expected; a refusal must have been expected.
    pub async fn conclude(tx: Tx, found: Result<(), ApiError>, refused: Option<&str>) -> Step {
        let code = found.as_ref().err().map(|error| error.code);
        same("the refusal", code, refused)?;
        if found.is_ok() {
            tx.commit().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// What is stored is what the model says.
    async fn check(&mut self) -> Step {
        let request = self.buyer.see(&self.deal.request).await;
        same("the request", request["status"].as_str(), Some(self.model.request))?;
        for payment in &self.model.payments {
            let found = self.buyer.payment(&serde_json::json!({ "_id": payment.id })).await;
            let text = |field: &str| found[field].as_str().unwrap_or("-").to_owned();
            let state = format!("{} {} {}", text("status"), text("escrowState"), text("exception"));
            let expected = format!("{} {} {}", payment.status, payment.escrow, payment.exception());
            same("the payment", state, expected)?;
            let usd = |minor| events::Amount::from_minor(minor, events::Currency::Usd).to_string();
            same("what was received", text("received"), usd(payment.received()))?;
            let excess = if payment.excess() > 0 { usd(payment.excess()) } else { "-".to_owned() };
            same("the excess", text("excess"), excess)?;
        }
        Ok(())
    }
}
