//! The program is killed with SIGKILL again and again while buyers and sellers work. Then:
//! every acknowledged write is there; every committed event is in the journal exactly once and in
//! order; none stands for a change that was rolled back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use db::{Db, Options, args, sql};
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::http::{Answer, Http};
use super::process::Souk;
use super::rounds;

/// Writers that work at the same time.
const WRITERS: usize = 8;
/// Acknowledged writes between two kills: enough that each kill meets work in every stage.
const ACKS_PER_ROUND: u64 = 40;

/// What the writers share.
struct World {
    http: Http,
    /// Where the program listens now; `None` while it is down.
    authority: watch::Receiver<Option<String>>,
    done: AtomicBool,
    acks: watch::Sender<u64>,
    unknown: AtomicU64,
}

/// What one writer was told.
#[derive(Default)]
struct Told {
    requests: Vec<String>,
    offers: Vec<String>,
    accepted: Vec<String>,
}

impl World {
    /// Sends until there is an answer: a failed connection is tried again, under the same key,
    /// once the program is back.
    async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> Answer {
        let mut authority = self.authority.clone();
        loop {
            let to = authority.wait_for(Option::is_some).await.expect("drill runs").clone();
            let to = to.expect("waited for");
            let token = Some(token).filter(|t| !t.is_empty());
            match self.http.send(method.clone(), &to, path, token, Some(key), Some(body)).await {
                Ok((503, _)) => {}
                Ok((409, body)) if body["error"]["code"] == "idempotency_in_progress" => {}
                Ok(answer) => return answer,
                Err(_) => {
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn acknowledge(&self) {
        self.acks.send_modify(|acks| *acks += 1);
    }

    async fn register(&self, role: &str, name: &str) -> (String, String) {
        let body = json!({"email": format!("{name}@example.com"), "password": "correct horse",
                          "name": name, "role": role});
        let (status, answer) = self.send(Method::POST, "/api/auth/register", "", name, &body).await;
        assert_eq!(status, 201, "{answer}");
        let data = &answer["data"];
        (text(&data["user"]["_id"]), text(&data["accessToken"]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// One buyer with two sellers: request after request, two offers each, now and then an accept,
/// and in between what must be refused.
async fn write(world: Arc<World>, number: usize) -> Told {
    let mut told = Told::default();
    let (_, buyer) = world.register("buyer", &format!("buyer{number}")).await;
    let (_, first) = world.register("seller", &format!("first{number}")).await;
    let (_, second) = world.register("seller", &format!("second{number}")).await;
    for round in 0_u64.. {
        if world.done.load(Ordering::Relaxed) {
            break;
        }
        let key = |what: &str| format!("{number}-{round}-{what}");
        let request = json!({
            "title": key("request"), "description": "as drawn", "productType": "physical",
            "quantity": 1, "urgency": "low",
            "budget": {"min": "10.00", "max": "20.00", "currency": "USD"},
        });
        let requests = "/api/marketplace/purchase-requests";
        let (status, answer) =
            world.send(Method::POST, requests, &buyer, &key("request"), &request).await;
        assert_eq!(status, 201, "{answer}");
        let request_id = text(&answer["data"]["_id"]);
        told.requests.push(request_id.clone());
        world.acknowledge();

        let offers = format!("{requests}/{request_id}/offers");
        let offer = json!({
            "price": {"amount": "15.00", "currency": "USD"},
            "deliveryTime": {"amount": 2, "unit": "days"}, "message": key("offer"),
        });
        let (one, two) = tokio::join!(
            async { world.send(Method::POST, &offers, &first, &key("one"), &offer).await },
            async { world.send(Method::POST, &offers, &second, &key("two"), &offer).await },
        );
        assert_eq!((one.0, two.0), (201, 201), "{one:?} {two:?}");
        let offer_id = text(&one.1["data"]["_id"]);
        told.offers.extend([offer_id.clone(), text(&two.1["data"]["_id"])]);
        world.acknowledge();

        // Refused after the transaction has begun: nothing of it may stay.
        let (again, _) = world.send(Method::POST, &offers, &first, &key("again"), &offer).await;
        assert_eq!(again, 409);
        if round % 2 == 0 {
            let accept = format!("/api/marketplace/offers/{offer_id}/accept");
            let (status, answer) =
                world.send(Method::POST, &accept, &buyer, &key("accept"), &json!({})).await;
            assert_eq!(status, 200, "{answer}");
            told.accepted.push(offer_id);
            world.acknowledge();
        }
    }
    told
}

/// Runs the drill: `rounds` kills under load, then the check. Of several nodes the one is killed
/// to which the writers talk, and they go on with another.
pub(super) async fn drill(rounds: u64, nodes: usize, url: &str, directory: &Path) {
    let start = async || {
        let secret = ("JWT_SECRET", "the same key on all nodes of the drill");
        Souk::start(url, directory, &[secret]).await
    };
    let mut running = VecDeque::new();
    let (address, authority) = watch::channel(None);
    let (acks, mut acknowledged) = watch::channel(0);
    let world = Arc::new(World {
        http: Http::new(),
        authority,
        done: AtomicBool::new(false),
        acks,
        unknown: AtomicU64::new(0),
    });
    let writers: Vec<_> =
        (0..WRITERS).map(|number| tokio::spawn(write(world.clone(), number))).collect();
    for round in 1..=rounds {
        while running.len() < nodes {
            running.push_back(start().await);
        }
        let victim = running.pop_front().expect("at least one node");
        address.send_replace(Some(victim.authority.clone()));
        // The writers' tasks fail the drill at its end; here they only must not stall it.
        let goal = *acknowledged.borrow() + ACKS_PER_ROUND;
        let enough = acknowledged.wait_for(|acks| *acks >= goal);
        tokio::time::timeout(std::time::Duration::from_mins(1), enough)
            .await
            .expect("writers make progress")
            .expect("drill runs");
        address.send_replace(running.front().map(|souk| souk.authority.clone()));
        victim.kill().await;
        if round % 10 == 0 {
            println!("{round} kills, {} writes acknowledged", acknowledged.borrow().to_owned());
        }
    }
    let souk = match running.pop_front() {
        Some(souk) => souk,
        None => start().await,
    };
    world.done.store(true, Ordering::Relaxed);
    address.send_replace(Some(souk.authority.clone()));
    let mut told = Told::default();
    for writer in writers {
        let one = writer.await.expect("no writer met a contradiction");
        told.requests.extend(one.requests);
        told.offers.extend(one.offers);
        told.accepted.extend(one.accepted);
    }
    let status = souk.terminate().await;
    assert!(status.success(), "a stop by SIGTERM is no failure: {status}");
    check(url, &told).await;
    println!(
        "{rounds} kills: {} requests, {} offers, {} accepts acknowledged, {} answers lost; \
         nothing lost, nothing doubled",
        told.requests.len(),
        told.offers.len(),
        told.accepted.len(),
        world.unknown.load(Ordering::Relaxed),
    );
    assert!(world.unknown.load(Ordering::Relaxed) > 0, "no kill met a request under way");
}

/// Compares the tables, the journal, and what the writers were told.
async fn check(url: &str, told: &Told) {
    let db = Db::open(url, &Options::default()).await.expect("the database opens");
    let ids = |rows: Vec<db::Row>| -> Vec<String> {
        rows.iter().map(|row| row.get("id").expect("id")).collect()
    };
    let requests = sql!("SELECT id, title AS marker FROM purchase_requests ORDER BY id");
    let requests = db.fetch_all(requests, args![]).await.expect("requests");
    let titles: HashSet<String> =
        requests.iter().map(|r| r.get("marker").expect("title")).collect();
    assert_eq!(titles.len(), requests.len(), "a repeated request made a second row");
    let requests = ids(requests);
    let offers = ids(db.fetch_all(sql!("SELECT id FROM offers"), args![]).await.expect("offers"));
    let accepted = sql!("SELECT id FROM offers WHERE status = 'accepted'");
    let accepted = ids(db.fetch_all(accepted, args![]).await.expect("accepted"));
    for (what, told, stored) in [
        ("request", &told.requests, &requests),
        ("offer", &told.offers, &offers),
        ("accept", &told.accepted, &accepted),
    ] {
        let stored: HashSet<_> = stored.iter().collect();
        for id in told {
            assert!(stored.contains(id), "the acknowledged {what} {id} is lost");
        }
    }

    let journal = sql!("SELECT position, event_id, name, payload FROM journal ORDER BY position");
    let journal = db.fetch_all(journal, args![]).await.expect("journal");
    let mut event_ids = HashSet::new();
    let mut seen: HashMap<(String, String), i64> = HashMap::new();
    for (index, row) in journal.iter().enumerate() {
        let position: i64 = row.get("position").expect("position");
        assert_eq!(position, index as i64 + 1, "positions have a gap");
        let event_id: String = row.get("event_id").expect("event_id");
        assert!(event_ids.insert(event_id), "an event stands twice");
        let name: String = row.get("name").expect("name");
        let payload: Value = row.json("payload").expect("payload");
        let subject = match name.as_str() {
            "new-purchase-request" => text(&payload["_id"]),
            "new-offer" => text(&payload["offer"]["_id"]),
            "seller-offer-update" if payload["eventType"] == "offer-accepted" => {
                text(&payload["data"]["offerId"])
            }
            _ => continue,
        };
        let twice = seen.insert((name.clone(), subject.clone()), position);
        assert_eq!(twice, None, "{name} of {subject} stands twice");
        if name == "new-offer" {
            let request = ("new-purchase-request".to_owned(), text(&payload["requestId"]));
            assert!(seen.contains_key(&request), "an offer stands before its request");
        }
    }
    for (name, stored) in [
        ("new-purchase-request", &requests),
        ("new-offer", &offers),
        ("seller-offer-update", &accepted),
    ] {
        let told: HashSet<&String> =
            seen.keys().filter(|(n, _)| n == name).map(|(_, subject)| subject).collect();
        let stored: HashSet<&String> = stored.iter().collect();
        assert_eq!(told, stored, "{name}: events and rows differ");
    }
    db.close().await;
}

/// `SOUK_DRILL_ROUNDS` sets the number of kills; 10 without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_drill() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let url = format!("sqlite:{}", directory.path().join("souk.db").display());
    drill(rounds(10), 1, &url, directory.path()).await;
}
