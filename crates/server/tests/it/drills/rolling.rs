//! Two nodes behind a load balancer are restarted in turns, under load. No request fails that is
//! sent again where its connection was lost, none is carried out twice, and every client sees each
//! event once and in order, with a short gap.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use db::testing::TestDb;
use events::Access;
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::balancer::Balancer;
use super::http::Http;
use super::process::Souk;
use super::recovery::checker::{Begun, Checker};
use super::recovery::client::{Client, Fault, World};
use super::recovery::stock::Fleet;
use super::recovery::{KEY, members, start};
use super::rounds;
use crate::support::market::{REQUESTS, request_body};
use crate::support::nodes::postgres_test;

/// How often a request is sent before it has failed.
const TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Clients of our own, and stock clients.
const CLIENTS: usize = 60;
const STOCK: usize = 8;
const ROOMS: usize = 8;
/// Users who publish requests.
const BUYERS: usize = 4;
/// How long a client may be without a connection, but for one in a hundred times.
const GAP_MAX: Duration = Duration::from_secs(1);
/// From so many restarts on, gaps are held to that.
const LONG: u64 = 10;

/// What became of the requests.
#[derive(Default)]
struct Load {
    done: AtomicU64,
    again: AtomicU64,
}

/// What is asked of the nodes.
enum Call<'a> {
    Emit(&'a Value),
    /// A user's, with a path and the key of idempotency.
    Publish(&'a str, &'a Value),
    Read(&'a str),
}

/// Sends requests through the balancer.
struct Sender {
    http: Http,
    to: String,
    token: Option<String>,
    load: Arc<Load>,
}

impl Sender {
    async fn send(&self, call: &Call<'_>) -> Result<(u16, Value), String> {
        let (http, to, token) = (&self.http, &self.to, self.token.as_deref());
        match call {
            Call::Emit(body) => Ok((http.emit(to, KEY, body).await?, Value::Null)),
            Call::Publish(key, body) => {
                http.send(Method::POST, to, REQUESTS, token, Some(key), Some(body)).await
            }
            Call::Read(path) => http.send(Method::GET, to, path, token, None, None).await,
        }
    }

    /// Sends a request, again where its outcome is not known.
    async fn insist(&self, call: Call<'_>) -> Result<(u16, Value), String> {
        let mut last = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.load.again.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
            }
            let sent = timeout(PATIENCE, self.send(&call)).await;
            match sent.map_err(|_| "no answer, and no end of the connection")? {
                Ok((502..=504, answer)) => last = answer.to_string(),
                Ok(answer) => {
                    self.load.done.fetch_add(1, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => last = error,
            }
        }
        Err(format!("failed: {last}"))
    }
}

/// Emits events of a room, one after the other, until all is over.
async fn emit(
    sender: Sender,
    begun: Begun,
    room: usize,
    stop: Arc<AtomicBool>,
) -> Result<(), String> {
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        n += 1;
        begun[room].store(n, Ordering::SeqCst);
        let body = json!({ "event": "told", "room": format!("chat-r{room}"),
                           "data": { "room": room, "n": n }, "id": format!("{room}-{n}") });
        let (status, _) = sender.insist(Call::Emit(&body)).await?;
        if status != 202 {
            return Err(format!("{status} for an event"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Publishes requests and reads them, until all is over; how many.
async fn trade(sender: Sender, stop: Arc<AtomicBool>) -> Result<u64, String> {
    let body = request_body(&json!({}));
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) {
        let key = format!("request-{count}");
        let (status, document) = sender.insist(Call::Publish(&key, &body)).await?;
        if status != 201 {
            return Err(format!("{status} for a request: {document}"));
        }
        count += 1;
        let path = format!("{REQUESTS}/{}", document["data"]["_id"].as_str().unwrap_or_default());
        let (status, document) = sender.insist(Call::Read(&path)).await?;
        if status != 200 {
            return Err(format!("{status} for what was published: {document}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(count)
}

/// `SOUK_DRILL_ROUNDS` sets the number of restarts.
async fn rolling(db: &TestDb) {
    let restarts = rounds(4);
    let directory = tempfile::tempdir().expect("temporary directory");
    let tokens = members(db.url(), CLIENTS + STOCK + BUYERS, ROOMS).await;
    let start = async || start(db.url(), directory.path(), Access::Strict).await;
    let mut nodes = vec![start().await, start().await];
    let behind = Arc::default();
    let tell = |nodes: &[Souk]| {
        let addresses: Vec<_> = nodes.iter().map(|souk| souk.authority.clone()).collect();
        *std::sync::RwLock::write(&behind).expect("nodes") = addresses;
    };
    tell(&nodes);
    let balancer = Balancer::start(behind.clone(), None).await;
    let to = balancer.authority.clone();
    let begun: Begun = Arc::new((0..ROOMS).map(|_| AtomicU64::new(0)).collect());
    let world = Arc::new(World {
        nodes: Arc::new(std::sync::RwLock::new(vec![to.clone()])),
        rooms: ROOMS,
        is_over: AtomicBool::new(false),
        fault: Fault::None,
        is_calm: true,
        recovered: AtomicU64::new(0),
        anew: AtomicU64::new(0),
        gaps: Mutex::default(),
    });
    let token = |n: usize| Some(tokens[n].clone());
    let mut clients: JoinSet<_> = (0..CLIENTS)
        .map(|n| {
            let checker = Checker::new(begun.clone());
            Client::new(world.clone(), n as u64, checker, token(n)).live()
        })
        .collect();
    let mut fleet = Fleet::start(STOCK);
    let mut stock = fleet.as_mut().map_or_else(JoinSet::new, |fleet| {
        let checkers =
            (0..STOCK).map(|n| (Checker::new(begun.clone()), token(CLIENTS + n))).collect();
        fleet.live(&world, &to, 1, checkers)
    });
    let (load, stop) = (Arc::new(Load::default()), Arc::new(AtomicBool::new(false)));
    let sender = |token| Sender { http: Http::new(), to: to.clone(), token, load: load.clone() };
    let mut emitters: JoinSet<_> =
        (0..ROOMS).map(|room| emit(sender(None), begun.clone(), room, stop.clone())).collect();
    let mut buyers: JoinSet<_> =
        (0..BUYERS).map(|n| trade(sender(token(CLIENTS + STOCK + n)), stop.clone())).collect();
    let started = Instant::now();
    for _ in 0..restarts {
        // Time for some load on both.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let status = nodes.remove(0).terminate().await;
        assert!(status.success(), "a node ended with {status}");
        nodes.push(start().await);
        tell(&nodes);
    }
    let took = started.elapsed();
    stop.store(true, Ordering::SeqCst);
    while let Some(emitter) = emitters.join_next().await {
        emitter.expect("no panic").expect("no event fails");
    }
    let mut published = 0;
    while let Some(buyer) = buyers.join_next().await {
        published += buyer.expect("no panic").expect("no request fails");
    }
    world.is_over.store(true, Ordering::SeqCst);
    let mut seen = 0;
    while let Some(client) = clients.join_next().await {
        seen += client.expect("no panic").expect("nothing is lost or doubled").checker.seen;
    }
    while let Some(checker) = stock.join_next().await {
        seen += checker.expect("no panic").expect("nothing is lost or doubled").seen;
    }
    let rows = db
        .fetch_one(db::Sql::concat(&["SELECT COUNT(*) AS count FROM purchase_requests"]), vec![])
        .await
        .and_then(|row| row.get::<i64>("count"));
    assert_eq!(rows.expect("a count"), published as i64, "each request once");
    let mut gaps = std::mem::take(&mut *world.gaps.lock().expect("gaps"));
    gaps.sort();
    assert!(gaps.len() >= CLIENTS * restarts as usize / 4, "{} gaps", gaps.len());
    let p99 = gaps[(gaps.len() * 99).div_ceil(100) - 1];
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{restarts} restarts in {took:.1?}: {} requests ({} sent again), {published} published, \
         {seen} deliveries, {} sessions taken up, {} new; gaps: median {:.0?}, p99 {p99:.0?}, \
         longest {:.0?}",
        read(&load.done),
        read(&load.again),
        read(&world.recovered),
        read(&world.anew),
        gaps[gaps.len() / 2],
        gaps[gaps.len() - 1],
    );
    // Whose replay was cut off by a stop gets a new session.
    let (recovered, anew) = (read(&world.recovered), read(&world.anew));
    assert!(anew * 100 <= recovered, "{anew} sessions were new and {recovered} taken up");
    // The short version runs beside other tests.
    if restarts >= LONG {
        assert!(p99 <= GAP_MAX, "gaps: p99 {p99:?}");
    }
    for node in nodes {
        node.terminate().await;
    }
}

postgres_test!(rolling_restarts, async |db: &TestDb| { rolling(db).await });
