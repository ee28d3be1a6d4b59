//! One history: random steps on one deal, each with what the model expects of it.

use std::fmt::Write as _;
use std::pin::pin;
use std::sync::Arc;

use db::{DbError, Engine, args, sql};
use events::{PaymentProvider, PayoutId};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use souk::error::ApiError;
use souk::journal::Tx;
use souk::payments::service as payments;
use souk::payments::service::Transfer;
use souk::requests::model::Input;
use souk::{offers, payouts, requests};

use super::Fault;
use super::model::{Deal, PRICE, Payment};
use super::rail::RandomRail;
use crate::support::market::{REQUESTS, id};
use crate::support::money::{self, payment_id};
use crate::support::{Actor, Request, TestApp};

/// Steps of a history.
const STEPS: usize = 24;

/// Who deals.
pub struct World {
    buyers: Vec<Actor>,
    sellers: Vec<Actor>,
    admin: Actor,
    rail: Arc<RandomRail>,
    fault: Fault,
}

impl World {
    pub async fn new(app: &TestApp, fault: Fault) -> Self {
        let sellers = vec![app.seller().await, app.seller().await];
        for seller in &sellers {
            seller.set_wallet().await;
        }
        let rail = Arc::new(RandomRail::default());
        app.app.payout_rails.set(PaymentProvider::Sandbox, rail.clone());
        if fault == Fault::NoUniqueIndex {
            let mut tx = app.app.db.begin().await.expect("a transaction");
            let drop = db::Sql::concat(&["DROP INDEX payouts_payment_id_request_id"]);
            tx.execute(drop, args![]).await.expect("dropped");
            tx.commit().await.expect("a commit");
        }
        let buyers = vec![app.buyer().await, app.buyer().await];
        Self { buyers, sellers, admin: app.admin().await, rail, fault }
    }
}

/// What a history came to, for the comparison with the journal.
pub struct Told {
    pub request: String,
    pub model: Deal,
}

struct History<'a> {
    app: &'a TestApp,
    world: &'a World,
    buyer: &'a Actor,
    rng: StdRng,
    deal: money::Deal,
    model: Deal,
    log: String,
    reports: u32,
}

type Step = Result<(), String>;

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
    let deal = buyer.deal(seller, "100.00").await;
    let mut history = History {
        app,
        world,
        buyer,
        rng,
        deal,
        model: Deal::new(),
        log: String::new(),
        reports: 0,
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
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Step {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what} is {found:?} instead of {expected:?}"))
}

impl History<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound)
    }

    fn note(&mut self, step: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.log, "{step}");
    }

    async fn step(&mut self) -> Step {
        match self.below(32) {
            0..5 => self.open().await,
            5..11 => self.report().await,
            11 => self.retract().await,
            12 => self.fail().await,
            13 => self.time_out().await,
            14 => self.cancel().await,
            15..18 => self.go_on().await,
            18 | 19 => self.dispute().await,
            20 => self.resolve().await,
            21 => self.release().await,
            22 => self.refund().await,
            23 => self.refund_excess().await,
            24 | 25 => self.start_payout().await,
            26..28 => self.hand_over().await,
            28..31 => self.look().await,
            _ => self.meddle().await,
        }
    }

    async fn tx(&self) -> Tx {
        self.app.app.begin().await.expect("a transaction")
    }

    /// Sends a request; what is no success must have this code.
    async fn expect(&self, request: Request, expected: Result<u16, &str>) -> Result<Value, String> {
        let answer = request.send().await;
        let body: Value = serde_json::from_str(&answer.body).map_err(|e| e.to_string())?;
        let code = body["error"]["code"].as_str().unwrap_or("none").to_owned();
        let found = if answer.status.is_success() { Ok(answer.status.as_u16()) } else { Err(code) };
        same(&answer.request, found, expected.map_err(str::to_owned))?;
        Ok(body["data"].clone())
    }

    /// Commits what succeeded as expected; a refusal must have been expected.
    async fn conclude(tx: Tx, found: Result<(), ApiError>, refused: Option<&str>) -> Step {
        let code = found.as_ref().err().map(|error| error.code);
        same("the refusal", code, refused)?;
        if found.is_ok() {
            tx.commit().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn open(&mut self) -> Step {
        self.note(format_args!("open"));
        let expected = if self.model.request != "payment" {
            Err("request_not_payable")
        } else if self.model.live().is_some() {
            Ok(200)
        } else {
            Ok(201)
        };
        let intent = self.buyer.post("/api/payment/sandbox/intents").json(&self.deal.intent());
        let payment = self.expect(intent, expected).await?;
        match expected {
            Ok(201) => self.model.payments.push(Payment::new(id(&payment))),
            Ok(_) => {
                let live = self.model.live().map(|live| live.id.clone());
                same("the live payment", Some(id(&payment).to_owned()), live)?;
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// A payment, most often the newest.
    fn some_payment(&mut self) -> Option<usize> {
        let count = self.model.payments.len();
        if count == 0 {
            return None;
        }
        if self.below(4) == 0 { Some(self.below(count)) } else { Some(count - 1) }
    }

    async fn report(&mut self) -> Step {
        let Some(at) = self.some_payment() else { return Ok(()) };
        let name = self.below(4) as u8;
        let amount = [2_500, 5_000, PRICE, PRICE + 1][usize::from(name)];
        let (right, confirmed) = (self.below(10) > 0, self.below(3) > 0);
        // Another report of the same has the same coin.
        let known = self.model.payments[at].money.get(&name);
        let right = known.map_or(right, |money| money.right);
        let times = 1 + self.below(3);
        self.note(format_args!("report {name} on {at}: {right} {confirmed} {times} times"));
        let payment = json!({ "_id": self.model.payments[at].id });
        for time in 0..times {
            let mut reference = format!("{}-{name}", id(&payment));
            if self.world.fault == Fault::TrustedWebhook && time > 0 {
                self.reports += 1;
                reference = format!("{reference}-{}", self.reports);
            }
            let transfer = Transfer {
                asset_matches: right,
                confirmed,
                ..money::confirmed(self.app, &reference, amount)
            };
            self.app.observe(&payment, &[transfer]).await;
            self.model.report(at, name, amount, right, confirmed);
        }
        Ok(())
    }

    async fn retract(&mut self) -> Step {
        let Some(at) = self.some_payment() else { return Ok(()) };
        let payment = &self.model.payments[at];
        let Some(name) = payment.money.iter().find(|(_, money)| !money.gone).map(|(name, _)| *name)
        else {
            return Ok(());
        };
        let (id, reference) = (payment.id.clone(), format!("{}-{name}", payment.id));
        self.note(format_args!("take {name} of {at} back"));
        let refused = (!self.model.retract(at, name)).then_some("escrow_wrong_state");
        let payment = payment_id(&json!({ "_id": id }));
        let mut tx = self.tx().await;
        let found = payments::retract(&mut tx, &self.app.app, &payment, &reference).await;
        Self::conclude(tx, found, refused).await
    }

    async fn fail(&mut self) -> Step {
        let Some(payment) = self.model.payments.last() else { return Ok(()) };
        self.log.push_str("fail\n");
        let payment = payment_id(&json!({ "_id": payment.id }));
        let mut tx = self.tx().await;
        let found = payments::fail(&mut tx, &self.app.app, &payment, "no luck").await;
        self.model.end("failed");
        Self::conclude(tx, found, None).await
    }

    async fn time_out(&mut self) -> Step {
        self.note(format_args!("time out"));
        let mut tx = self.tx().await;
        let found = offers::service::payment_timed_out(&mut tx, &self.deal.offer_id()).await;
        let waits = self.model.live().is_some_and(|payment| payment.seen() >= PRICE);
        if self.model.request == "payment" && !waits {
            self.model.end("expired");
            self.model.go("active");
        }
        Self::conclude(tx, found, None).await
    }

    async fn cancel(&mut self) -> Step {
        self.note(format_args!("cancel"));
        let path = format!("{REQUESTS}/{}/cancel", id(&self.deal.request));
        let cancel = self.buyer.post(&path).json(&json!({ "reason": "x" }));
        if matches!(self.model.request, "payment" | "active") {
            self.expect(cancel, Ok(200)).await?;
            self.model.end("cancelled");
            self.model.go("cancelled");
        } else {
            self.expect(cancel, Err("request_not_cancellable")).await?;
        }
        Ok(())
    }

    /// Shipped, received, confirmed: whatever is next.
    async fn go_on(&mut self) -> Step {
        let disputed = self.model.payment().is_some_and(|payment| payment.escrow == "disputed");
        let (input, to) = match self.model.request {
            "processing" => (Input::Shipped, "delivery"),
            "delivery" => (Input::Received, "delivered"),
            "delivered" if !disputed => (Input::Confirmed, "completed"),
            _ => return Ok(()),
        };
        self.note(format_args!("{to}"));
        let mut tx = self.tx().await;
        let mut request = self.lock(&mut tx).await?;
        let mut found = requests::service::advance(&mut tx, &mut request, input).await;
        if found.is_ok() && to == "completed" {
            let app = &self.app.app;
            found = payments::make_releasable_and_release(&mut tx, app, &request).await;
            self.model.complete();
        } else {
            self.model.go(to);
        }
        Self::conclude(tx, found, None).await
    }

    async fn lock(&self, tx: &mut Tx) -> Result<events::documents::PurchaseRequest, String> {
        let request = requests::service::lock_for_system(tx, &self.deal.request_id()).await;
        request.map_err(|error| error.code.to_owned())?.ok_or_else(|| "no request".to_owned())
    }

    async fn dispute(&mut self) -> Step {
        let open = self.below(2) == 0;
        self.note(format_args!("{}", if open { "hold" } else { "unhold" }));
        let (from, to) = if open { ("funded", "disputed") } else { ("disputed", "funded") };
        let mut tx = self.tx().await;
        let request = self.lock(&mut tx).await?;
        let found = if open {
            payments::hold(&mut tx, &request).await
        } else {
            payments::unhold(&mut tx, &request).await
        };
        let fits = self.model.payment().is_some_and(|payment| payment.escrow == from);
        if fits && let Some(payment) = self.model.payment() {
            payment.set("confirmed", to);
        }
        Self::conclude(tx, found, (!fits).then_some("escrow_wrong_state")).await
    }

    /// A dispute is decided.
    async fn resolve(&mut self) -> Step {
        if self.model.payment().is_none_or(|payment| payment.escrow != "disputed") {
            return Ok(());
        }
        let part = [0, 1, 4_999, PRICE][self.below(4)];
        self.note(format_args!("resolve: {part} to the seller"));
        let mut tx = self.tx().await;
        let mut request = self.lock(&mut tx).await?;
        let found = if part == 0 {
            self.model.refund();
            payments::refund(&mut tx, &mut request, "x").await
        } else {
            self.model.complete();
            match requests::service::complete(&mut tx, &mut request).await {
                Ok(()) => payments::split(&mut tx, &self.app.app, &request, part).await,
                Err(error) => Err(error),
            }
        };
        Self::conclude(tx, found, None).await
    }

    fn post(&self, action: &str) -> Option<Request> {
        let payment = self.model.payments.last()?;
        Some(self.world.admin.post(&format!("/api/payment/{}/{action}", payment.id)))
    }

    async fn release(&mut self) -> Step {
        let Some(request) = self.post("release") else { return Ok(()) };
        self.note(format_args!("release"));
        let (paid, payment) = (self.model.is_paid(), self.model.payments.last());
        let (escrow, has_payout) =
            payment.map_or(("none", false), |p| (p.escrow, p.payout.is_some()));
        let expected = match escrow {
            "funded" if paid => Ok(200),
            "releasable" if has_payout => Err("payout_exists"),
            "releasable" => Ok(200),
            "disputed" => Err("escrow_disputed"),
            _ => Err("escrow_wrong_state"),
        };
        self.expect(request, expected).await?;
        if expected.is_ok() {
            if escrow == "funded" {
                self.model.complete();
            }
            self.find_payout().await?;
        }
        Ok(())
    }

    async fn refund(&mut self) -> Step {
        let Some(request) = self.post("refund") else { return Ok(()) };
        self.note(format_args!("refund"));
        let escrow = self.model.payments.last().map_or("none", |payment| payment.escrow);
        let expected = match escrow {
            "funded" if self.model.is_paid() => Ok(200),
            "disputed" => Err("escrow_disputed"),
            _ => Err("escrow_wrong_state"),
        };
        self.expect(request, expected).await?;
        if expected.is_ok() {
            self.model.refund();
        }
        Ok(())
    }

    async fn refund_excess(&mut self) -> Step {
        let Some(at) = self.some_payment() else { return Ok(()) };
        self.note(format_args!("refund the excess of {at}"));
        let payment = &mut self.model.payments[at];
        let excess = payment.excess();
        let due = excess > 0 && !payment.live();
        let path = format!("/api/payment/{}/refund", payment.id);
        if due {
            payment.excess_refunded += excess;
        }
        let request = self.world.admin.post(&path).json(&json!({ "excess": true }));
        let expected = if due { Ok(200) } else { Err("nothing_to_refund") };
        self.expect(request, expected).await.map(drop)
    }

    /// The id of the payout, where there is one.
    async fn find_payout(&mut self) -> Step {
        let rows = sql!("SELECT id FROM payouts WHERE request_id = $1 ORDER BY id");
        let request = self.deal.request_id();
        let rows = self.app.app.db.fetch_all(rows, args![&request]).await;
        let rows = rows.map_err(|error| error.to_string())?;
        if rows.len() > 1 {
            return Err(format!("{} payouts of one share", rows.len()));
        }
        if let Some(row) = rows.first()
            && let Some(payment) = self.model.payment()
        {
            payment.payout = Some(row.get("id").map_err(|error: DbError| error.to_string())?);
        }
        Ok(())
    }

    async fn start_payout(&mut self) -> Step {
        if self.model.request != "completed" {
            return Ok(());
        }
        self.note(format_args!("start the payout"));
        let mut tx = self.tx().await;
        let request = self.deal.request_id();
        let found = payouts::service::start(&mut tx, &self.app.app, &request).await;
        Self::conclude(tx, found, None).await?;
        self.find_payout().await
    }

    /// How far an errand gets. On PostgreSQL it is not cut: its connection would be another
    /// history's next, with a transaction that is still open.
    fn polls(&mut self) -> usize {
        let (whole, polls) = (self.below(2) == 0, self.below(40));
        if whole || self.app.app.db.engine() == Engine::Postgres { usize::MAX } else { polls }
    }

    fn payout(&self) -> Option<PayoutId> {
        self.model.payments.last()?.payout.as_ref()?.parse().ok()
    }

    /// Hands the payout over, and perhaps ends at any step of it.
    async fn hand_over(&mut self) -> Step {
        let Some(payout) = self.payout() else { return Ok(()) };
        let polls = self.polls();
        self.note(format_args!("hand over, {polls} polls"));
        crate::payouts::cut(pin!(payouts::service::submit(&self.app.app, &payout)), polls).await;
        self.after_payout().await
    }

    async fn look(&mut self) -> Step {
        let Some(payout) = self.payout() else { return Ok(()) };
        let polls = self.polls();
        self.note(format_args!("look, {polls} polls"));
        crate::payouts::cut(pin!(payouts::service::poll(&self.app.app, &payout)), polls).await;
        self.after_payout().await
    }

    /// A payout goes as its rail answers; the payment has to fit it.
    async fn after_payout(&mut self) -> Step {
        let Some(payout) = self.payout() else { return Ok(()) };
        let row = sql!("SELECT status, attempt FROM payouts WHERE id = $1");
        let row = self.app.app.db.fetch_one(row, args![&payout]).await;
        let row = row.map_err(|error| error.to_string())?;
        let status: String = row.get("status").map_err(|error: DbError| error.to_string())?;
        let attempt: i64 = row.get("attempt").map_err(|error: DbError| error.to_string())?;
        let Some(payment) = self.model.payment() else { return Ok(()) };
        (payment.status, payment.escrow) = match status.as_str() {
            "queued" if attempt == 0 => ("confirmed", "releasable"),
            "queued" | "failed" => ("confirmed", "failed"),
            "completed" => ("completed", "released"),
            _ => ("confirmed", "releasing"),
        };
        let submitted = self.world.rail.submitted.lock().expect("a lock");
        let of_this = submitted.iter().filter(|(name, _)| name.starts_with(payout.as_str()));
        for (name, times) in of_this {
            same(&format!("{name} handed over"), *times, 1)?;
        }
        Ok(())
    }

    /// Things that nobody should do: a second payout, an escrow set whatever it was; and an
    /// administrator who tries a payout again.
    async fn meddle(&mut self) -> Step {
        let Some(payout) = self.payout() else { return self.overwrite().await };
        if self.below(2) == 0 {
            self.note(format_args!("insert a second payout"));
            let mut tx = self.app.app.db.begin().await.map_err(|error| error.to_string())?;
            let second = sql!(
                "INSERT INTO payouts (id, payment_id, request_id, seller_id, provider, currency,
                     amount, crypto, address, status, attempt, created_at, updated_at)
                 SELECT id || '-2', payment_id, request_id, seller_id, provider, currency, amount,
                     crypto, address, 'queued', 0, created_at, updated_at
                 FROM payouts WHERE id = $1"
            );
            if tx.execute(second, args![&payout]).await.is_ok() {
                tx.commit().await.map_err(|error| error.to_string())?;
            }
            return self.find_payout().await;
        }
        self.note(format_args!("retry the payout"));
        let body = json!({ "notSent": false });
        let retry = format!("/api/payment/payouts/{payout}/retry");
        let answer = self.world.admin.post(&retry).json(&body).send().await;
        if !matches!(answer.status.as_u16(), 200 | 409) {
            return Err(format!("{answer:#?}"));
        }
        self.after_payout().await
    }

    async fn overwrite(&mut self) -> Step {
        if self.world.fault != Fault::UnconditionalUpdate {
            return Ok(());
        }
        self.note(format_args!("set the escrow whatever it was"));
        let update =
            sql!("UPDATE payment_shares SET escrow_state = 'funded' WHERE request_id = $1");
        let mut tx = self.app.app.db.begin().await.map_err(|error| error.to_string())?;
        tx.execute(update, args![&self.deal.request_id()]).await.map_err(|e| e.to_string())?;
        tx.commit().await.map_err(|error| error.to_string())
    }

    /// What is stored is what the model says.
    async fn check(&mut self) -> Step {
        let request = self.buyer.see(&self.deal.request).await;
        same("the request", request["status"].as_str(), Some(self.model.request))?;
        for payment in &self.model.payments {
            let found = self.buyer.payment(&json!({ "_id": payment.id })).await;
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
