//! A few hundred random steps on requests and offers, against a model of a page.
//!
//! The model knows what the contract says (§3.1, §3.2) and nothing of the code: after each step
//! the answer, every document and the events must be what it expects. A failing run prints its
//! seed and its steps; set `SOUK_TEST_SEED` to repeat it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use souk::clock::Clock as _;

use crate::support::market::{LONG_SIGN_IN, OFFERS, REQUESTS, id, offer_body};
use crate::support::{Actor, TestApp, app_test};

const STEPS: usize = 300;
const SETTINGS: [(&str, &str); 2] = [LONG_SIGN_IN, ("PAYMENT_TIMEOUT", "10m")];
/// `PAYMENT_TIMEOUT` of these runs.
const PAYMENT_TIMEOUT_SECS: i64 = 600;

/// How long a step may take at most.
const MARGIN_MS: i64 = 30_000;

struct ModelOffer {
    id: String,
    seller: usize,
    status: &'static str,
    valid_until: Option<i64>,
    /// When it was accepted.
    pay_until: i64,
}

struct ModelRequest {
    id: String,
    status: &'static str,
    invited: Vec<usize>,
    offers: Vec<ModelOffer>,
}

impl ModelRequest {
    fn is_open(&self) -> bool {
        matches!(self.status, "active" | "received_offers")
    }

    fn pending(&self) -> impl Iterator<Item = &ModelOffer> {
        self.offers.iter().filter(|offer| offer.status == "pending")
    }

    fn sees(&self, seller: usize) -> bool {
        self.offers.iter().any(|offer| offer.seller == seller)
            || self.is_open() && (self.invited.is_empty() || self.invited.contains(&seller))
    }

    /// After offers went: the status that follows, told or not.
    fn settle(&mut self, told: &mut Vec<String>) {
        if self.status == "received_offers" && self.pending().count() == 0 {
            self.status = "active";
            told.push("status_changed active".into());
        }
    }
}

/// Everything told by a step: sorted, because the model does not say in which order.
fn told_by(app_events: &[crate::support::Emitted]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut told: Vec<String> = app_events
        .iter()
        .map(|event| match event.name.as_str() {
            "purchase-request-update" => {
                format!("{} {}", text(&event.payload["type"]), text(&event.payload["status"]))
            }
            "seller-offer-update" => format!(
                "{} {} {}",
                text(&event.payload["eventType"]),
                text(&event.payload["data"]["offerId"]),
                text(&event.payload["data"]["reason"])
            ),
            name => name.to_owned(),
        })
        .collect();
    told.sort();
    told
}

struct Run<'a> {
    app: &'a TestApp,
    rng: StdRng,
    buyer: Actor,
    sellers: Vec<Actor>,
    requests: Vec<ModelRequest>,
    log: String,
}

impl Run<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound)
    }

    fn now(&self) -> i64 {
        self.app.clock.now().as_millis()
    }

    fn note(&mut self, step: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.log, "{step}");
    }

    async fn publish(&mut self) -> Vec<String> {
        let mut invited = Vec::new();
        if self.below(3) == 0 {
            invited = (0..self.sellers.len()).filter(|_| self.rng.random_bool(0.5)).collect();
        }
        let ids: Vec<_> = invited.iter().map(|&seller| self.sellers[seller].id.clone()).collect();
        self.note(format_args!("publish, inviting {invited:?}"));
        let request = self.buyer.publish(&json!({ "preferredSellerIds": ids })).await;
        let id = id(&request).to_owned();
        self.requests.push(ModelRequest { id, status: "active", invited, offers: Vec::new() });
        vec!["new-purchase-request".into()]
    }

    async fn offer(&mut self, at: usize) -> Vec<String> {
        let seller = self.below(self.sellers.len());
        let valid_until =
            (self.below(2) == 0).then(|| self.now() + 1000 * (60 + self.below(900) as i64));
        let until = valid_until.map(|ms| events::Timestamp::from_millis(ms).to_string());
        self.note(format_args!("seller {seller} offers on {at}, until {until:?}"));
        let request = &mut self.requests[at];
        let path = format!("{REQUESTS}/{}/offers", request.id);
        let body = offer_body(&json!({ "validUntil": until }));
        let answer = self.sellers[seller].post(&path).json(&body).send().await;
        if !request.sees(seller) {
            answer.error(404, "not_found");
        } else if !request.is_open() {
            answer.error(409, "request_not_open");
        } else if request.pending().any(|offer| offer.seller == seller) {
            answer.error(409, "offer_exists");
        } else {
            let id = id(&answer.data(201)).to_owned();
            let offer = ModelOffer { id, seller, status: "pending", valid_until, pay_until: 0 };
            request.offers.push(offer);
            let mut told =
                vec!["new-offer".to_owned(), "offer_received received_offers".to_owned()];
            if request.status == "active" {
                request.status = "received_offers";
                told.push("status_changed received_offers".into());
            }
            return told;
        }
        vec![]
    }

    async fn accept(&mut self, at: usize, nth: usize) -> Vec<String> {
        self.note(format_args!("accept offer {nth} of {at}"));
        let now = self.now();
        let request = &mut self.requests[at];
        let path = format!("{OFFERS}/{}/accept", request.offers[nth].id);
        let answer = self.buyer.post(&path).send().await;
        if request.offers[nth].status != "pending" {
            answer.error(409, "offer_not_pending");
            return vec![];
        }
        if request.offers[nth].valid_until.is_some_and(|end| end <= now) {
            answer.error(409, "offer_expired");
            return vec![];
        }
        answer.data(200);
        let mut told = vec!["status_changed payment".to_owned()];
        request.status = "payment";
        for (index, offer) in request.offers.iter_mut().enumerate() {
            if index == nth {
                offer.status = "accepted";
                offer.pay_until = now + PAYMENT_TIMEOUT_SECS * 1000;
                told.push(format!("offer-accepted {} -", offer.id));
            } else if offer.status == "pending" {
                offer.status = "rejected";
                told.push(format!("offer-rejected {} another_offer_won", offer.id));
            }
        }
        told
    }

    async fn end(&mut self, at: usize, nth: usize, withdraw: bool) -> Vec<String> {
        let action = if withdraw { "withdraw" } else { "reject" };
        self.note(format_args!("{action} offer {nth} of {at}"));
        let request = &mut self.requests[at];
        let offer = &mut request.offers[nth];
        let actor = if withdraw { &self.sellers[offer.seller] } else { &self.buyer };
        let answer = actor.post(&format!("{OFFERS}/{}/{action}", offer.id)).send().await;
        if offer.status != "pending" {
            answer.error(409, "offer_not_pending");
            return vec![];
        }
        answer.data(200);
        let mut told = Vec::new();
        if withdraw {
            offer.status = "withdrawn";
        } else {
            offer.status = "rejected";
            told.push(format!("offer-rejected {} -", offer.id));
        }
        request.settle(&mut told);
        if withdraw {
            told.push(format!("offer_withdrawn {}", request.status));
        }
        told
    }

    async fn cancel(&mut self, at: usize) -> Vec<String> {
        self.note(format_args!("cancel {at}"));
        let request = &mut self.requests[at];
        let path = format!("{REQUESTS}/{}/cancel", request.id);
        let answer = self.buyer.post(&path).json(&json!({ "reason": "x" })).send().await;
        if request.status == "cancelled" {
            answer.error(409, "request_not_cancellable");
            return vec![];
        }
        answer.data(200);
        request.status = "cancelled";
        let mut told = vec!["request-cancelled".to_owned(), "status_changed cancelled".to_owned()];
        for offer in &mut request.offers {
            if matches!(offer.status, "pending" | "accepted") {
                offer.status = "rejected";
                told.push(format!("offer-rejected {} request_cancelled", offer.id));
            }
        }
        told
    }

    async fn edit(&mut self, at: usize) -> Vec<String> {
        let quantity = 1 + self.below(1000);
        self.note(format_args!("edit {at}: {quantity}"));
        let request = &self.requests[at];
        let path = format!("{REQUESTS}/{}", request.id);
        let before = self.buyer.get(&path).send().await.data(200);
        let answer = self.buyer.patch(&path).json(&json!({ "quantity": quantity })).send().await;
        if !request.is_open() {
            answer.error(409, "request_not_open");
            return vec![];
        }
        answer.data(200);
        if before["quantity"] == quantity {
            return vec![];
        }
        vec![format!("details_updated {}", request.status)]
    }

    /// Timers run one after the other; the model takes them in the order of their times.
    async fn pass_time(&mut self) -> Vec<String> {
        let seconds = self.below(400) as u64;
        self.note(format_args!("{seconds} s pass"));
        self.app.advance(Duration::from_secs(seconds));
        self.steer_clear_of_deadlines();
        let now = self.now();
        self.app.run_timers().await;
        let mut told = Vec::new();
        for request in &mut self.requests {
            let mut due: Vec<(i64, usize)> = Vec::new();
            for (index, offer) in request.offers.iter().enumerate() {
                match (offer.status, offer.valid_until) {
                    ("pending", Some(end)) if end <= now => due.push((end, index)),
                    ("accepted", _) if offer.pay_until <= now => due.push((offer.pay_until, index)),
                    _ => {}
                }
            }
            due.sort_unstable();
            for (_, index) in due {
                let unpaid = request.offers[index].status == "accepted";
                let reason = if unpaid { "payment_timeout" } else { "expired" };
                request.offers[index].status = "expired";
                told.push(format!("offer-rejected {} {reason}", request.offers[index].id));
                if unpaid {
                    request.status = "active";
                    told.push("status_changed active".into());
                } else {
                    request.settle(&mut told);
                    told.push(format!("offer_withdrawn {}", request.status));
                }
            }
        }
        told
    }

    /// The clock goes on while a step runs: no deadline may fall into that.
    fn steer_clear_of_deadlines(&self) {
        let ends = |offer: &ModelOffer| match offer.status {
            "pending" => offer.valid_until,
            "accepted" => Some(offer.pay_until),
            _ => None,
        };
        let deadlines =
            || self.requests.iter().flat_map(|request| &request.offers).filter_map(ends);
        while deadlines().any(|end| (0..=MARGIN_MS).contains(&(end - self.now()))) {
            self.app.advance(Duration::from_millis(MARGIN_MS as u64));
        }
    }

    async fn step(&mut self) -> Vec<String> {
        self.steer_clear_of_deadlines();
        if self.requests.is_empty() || self.below(12) == 0 {
            return self.publish().await;
        }
        let at = self.requests.len() - 1 - self.below(self.requests.len().min(4));
        let offers = self.requests[at].offers.len();
        match self.below(20) {
            0..8 => self.offer(at).await,
            8..11 if offers > 0 => {
                let nth = self.below(offers);
                self.accept(at, nth).await
            }
            11..14 if offers > 0 => {
                let (nth, withdraw) = (self.below(offers), self.rng.random_bool(0.5));
                self.end(at, nth, withdraw).await
            }
            14 => self.cancel(at).await,
            15..17 => self.edit(at).await,
            _ => self.pass_time().await,
        }
    }

    /// What is stored is what the model says.
    async fn check(&self) {
        let page = self.buyer.get(&format!("{REQUESTS}?sort=createdAt&limit=100")).send().await;
        let rows = page.data(200);
        let rows: BTreeMap<&str, &Value> =
            rows.as_array().expect("rows").iter().map(|row| (id(row), row)).collect();
        assert_eq!(rows.len(), self.requests.len());
        for request in &self.requests {
            let row = rows[request.id.as_str()];
            assert_eq!(row["status"], request.status);
            let accepted = request.offers.iter().find(|offer| offer.status == "accepted");
            let selected = row.get("selectedOfferId").and_then(Value::as_str);
            assert_eq!(selected, accepted.map(|offer| offer.id.as_str()));
            let live = request.pending().count() + usize::from(accepted.is_some());
            assert_eq!(row["offersCount"], live);
            assert_eq!(request.status == "received_offers", request.pending().count() > 0);
            let path = format!("{REQUESTS}/{}/offers?limit=100", request.id);
            let offers = self.buyer.get(&path).send().await.data(200);
            let offers = offers.as_array().expect("rows");
            assert_eq!(offers.len(), request.offers.len());
            for offer in &request.offers {
                let row = offers.iter().find(|row| id(row) == offer.id).expect("the offer");
                assert_eq!(row["status"], offer.status, "{}", offer.id);
            }
        }
    }
}

/// Prints how a run went, where it panics.
struct Steps<'r, 'a>(Run<'a>, &'r u64);

impl Drop for Steps<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SOUK_TEST_SEED={}\n{}", self.1, self.0.log);
        }
    }
}

app_test!(a_random_history_is_as_the_model_says, SETTINGS, async |app| {
    let seed = std::env::var("SOUK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from_be_bytes(app.app.random.bytes()));
    let mut sellers = Vec::new();
    for _ in 0..4 {
        sellers.push(app.seller().await);
    }
    let run = Run {
        app,
        rng: StdRng::seed_from_u64(seed),
        buyer: app.buyer().await,
        sellers,
        requests: Vec::new(),
        log: String::new(),
    };
    let mut steps = Steps(run, &seed);
    let mut head = app.position().await;
    for number in 0..STEPS {
        let mut expected = steps.0.step().await;
        expected.sort();
        assert_eq!(told_by(&app.events_after(head).await), expected, "step {number}");
        head = app.position().await;
        if number % 10 == 9 {
            steps.0.check().await;
        }
    }
    steps.0.check().await;
});
