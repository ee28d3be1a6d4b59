//! Clients in random rooms are cut off, frozen, left half-open; servers are killed and stopped;
//! clients change nodes, join and leave meanwhile. Then: each saw every event of its rooms exactly
//! once and in order, or was told that its session is new, and few were.

pub mod checker;
pub mod client;
pub mod stock;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use db::testing::TestDb;
use db::{Sql, args};
use events::{Access, Role};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use souk::auth::tokens::Tokens;
use souk::clock::{Clock as _, SystemClock};
use souk::config::Secret;
use souk::extract::Session;
use tokio::task::JoinSet;

use super::balancer::Balancer;
use super::http::Http;
use super::process::Souk;
use super::rounds;
use crate::support::nodes::postgres_test;
use checker::{Begun, Checker};
use client::{Client, Fault, World};
use stock::Fleet;

pub const KEY: &str = "the key of the drill";
const SECRET: &str = "the same key on all nodes of the drill";

/// How much of it.
#[derive(Clone, Copy)]
struct Size {
    /// Fast clients of our own, which know the nodes.
    clients: usize,
    /// Stock clients, behind a balancer.
    stock: usize,
    rooms: usize,
    /// Events in each room.
    events: u64,
    kills: usize,
}

/// Among the tests some 3·10⁴ deliveries, on each engine and in each access; with `rounds` of 10
/// some 10⁶ to 500 clients.
fn size() -> Size {
    match rounds(1) {
        0 | 1 => Size { clients: 40, stock: 8, rooms: 16, events: 150, kills: 4 },
        n => Size { clients: 450, stock: 50, rooms: 100, events: 50 * n, kills: 3 * n as usize },
    }
}

fn seed() -> u64 {
    let given = std::env::var("SOUK_DRILL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| rand::rng().random_range(0..1_000_000))
}

/// Emits the events of one room, one after the other.
async fn fill(world: Arc<World>, begun: Begun, room: usize, count: u64) {
    let http = Http::new();
    for n in 1..=count {
        begun[room].store(n, Ordering::SeqCst);
        let body = json!({ "event": "told", "room": format!("chat-r{room}"),
                           "data": { "room": room, "n": n }, "id": format!("{room}-{n}") });
        loop {
            let nodes = world.nodes.read().expect("nodes").clone();
            let node = nodes.get((n as usize + room) % nodes.len().max(1));
            let sent = match node {
                Some(node) => http.emit(node, KEY, &body).await,
                None => Err("no node".into()),
            };
            match sent {
                Ok(202) => break,
                Ok(503) | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(status) => panic!("{status} for an event"),
            }
        }
    }
}

/// Where and how it is run.
#[derive(Clone, Copy)]
struct Course<'a> {
    url: &'a str,
    directory: &'a Path,
    nodes: usize,
    access: Access,
    fault: Fault,
}

/// Makes users who are members of all rooms' chats, and their tokens.
pub async fn members(url: &str, users: usize, rooms: usize) -> Vec<String> {
    let db = db::Db::open(url, &db::Options::default()).await.expect("the database");
    db.migrate(&souk::migrations::ALL).await.expect("its tables");
    let mut tx = db.begin().await.expect("a transaction");
    let statements: [(&'static str, usize); 2] = [
        (
            "INSERT INTO users (id, email, name, role, password_hash, referral_code, created_at,
                 updated_at) VALUES ($1, $1, $1, 'buyer', 'none', $1, 0, 0)",
            users,
        ),
        (
            "INSERT INTO chats (id, type, created_by, last_seq, created_at, updated_at)
             VALUES ($1, 'group', 'r0', 0, 0, 0)",
            rooms,
        ),
    ];
    for (sql, count) in statements {
        for n in 0..count {
            tx.execute(Sql::concat(&[sql]), args![format!("r{n}")]).await.expect("a row");
        }
    }
    let all =
        "INSERT INTO chat_participants (chat_id, user_id, read_seq, sent, read_own, joined_at)
               SELECT c.id, u.id, 0, 0, 0, 0 FROM chats c CROSS JOIN users u";
    tx.execute(Sql::concat(&[all]), args![]).await.expect("members");
    tx.commit().await.expect("a commit");
    db.close().await;
    let tokens = Tokens::new(&Secret::new(SECRET), Duration::from_hours(12));
    let now = SystemClock.now();
    let token = |n: usize| {
        let user = format!("r{n}").parse().expect("an id");
        let session = Session(format!("s{n}").into());
        let issued = tokens.issue(&user, Role::Buyer, &session, now, [0; 8]);
        issued.expect("a token").0
    };
    (0..users).map(token).collect()
}

/// Starts a node of a drill.
pub async fn start(url: &str, directory: &Path, access: Access) -> Souk {
    let env = [
        ("REALTIME_ACCESS", if access == Access::Open { "open" } else { "strict" }),
        ("SERVICE_KEY", KEY),
        ("JWT_SECRET", SECRET),
        ("ACCESS_TOKEN_TTL", "12h"),
        ("SOCKET_EVENTS_PER_SECOND", "0"),
        ("RUST_LOG", "warn"),
    ];
    Souk::start(url, directory, &env).await
}

/// Runs the drill and returns the first thing that a client has seen and must not.
async fn drill(course: Course<'_>, size: Size, seed: u64) -> Result<String, String> {
    let Course { url, directory, nodes: node_count, access, fault } = course;
    let tokens = match access {
        Access::Strict => members(url, size.clients + size.stock, size.rooms).await,
        Access::Open => Vec::new(),
    };
    let token = |n: usize| tokens.get(n).cloned();
    let start = async || start(url, directory, access).await;
    let begun: Begun = Arc::new((0..size.rooms).map(|_| AtomicU64::new(0)).collect());
    let world = Arc::new(World {
        nodes: Arc::default(),
        rooms: size.rooms,
        is_over: AtomicBool::new(false),
        fault,
        is_calm: false,
        recovered: AtomicU64::new(0),
        anew: AtomicU64::new(0),
        gaps: Mutex::default(),
    });
    let tell = |nodes: &[Souk]| {
        let addresses = nodes.iter().map(|souk| souk.authority.clone()).collect();
        *world.nodes.write().expect("nodes") = addresses;
    };
    let mut nodes = Vec::new();
    for _ in 0..node_count {
        nodes.push(start().await);
    }
    tell(&nodes);
    let mut clients: tokio::task::JoinSet<_> = (0..size.clients)
        .map(|n| {
            let checker = Checker::new(begun.clone());
            Client::new(world.clone(), seed * 1000 + n as u64, checker, token(n)).live()
        })
        .collect();
    let balancer = Balancer::start(world.nodes.clone(), Some(seed)).await;
    let mut fleet = if size.stock > 0 { Fleet::start(size.stock) } else { None };
    let mut stock = fleet.as_mut().map_or_else(JoinSet::new, |fleet| {
        let checkers = (0..size.stock)
            .map(|n| (Checker::new(begun.clone()), token(size.clients + n)))
            .collect();
        fleet.live(&world, &balancer.authority, seed, checkers)
    });
    let stock_count = stock.len();
    let mut emitters: tokio::task::JoinSet<_> =
        (0..size.rooms).map(|room| fill(world.clone(), begun.clone(), room, size.events)).collect();
    let mut random = StdRng::seed_from_u64(seed);
    let total = size.events * size.rooms as u64;
    for kill in 1..=size.kills as u64 {
        let goal = total * kill / (size.kills as u64 + 1);
        let sent = || begun.iter().map(|count| count.load(Ordering::SeqCst)).sum::<u64>();
        while sent() < goal {
            tokio::select! {
                Some(ended) = clients.join_next() => drop(ended.expect("no panic")?),
                Some(ended) = stock.join_next() => drop(ended.expect("no panic")?),
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
        let victim = nodes.remove(random.random_range(0..nodes.len()));
        tell(&nodes);
        if random.random_bool(0.7) {
            victim.kill().await;
        } else {
            victim.terminate().await;
        }
        nodes.push(start().await);
        tell(&nodes);
    }
    while let Some(emitter) = emitters.join_next().await {
        emitter.expect("all events are sent");
    }
    world.is_over.store(true, Ordering::SeqCst);
    let mut seen = 0;
    while let Some(client) = clients.join_next().await {
        seen += client.expect("no panic")?.checker.seen;
    }
    let mut seen_by_stock = 0;
    while let Some(checker) = stock.join_next().await {
        seen_by_stock += checker.expect("no panic")?.seen;
    }
    seen += seen_by_stock;
    let (recovered, anew) =
        (world.recovered.load(Ordering::Relaxed), world.anew.load(Ordering::Relaxed));
    for node in nodes {
        node.terminate().await;
    }
    if anew * 20 > recovered {
        return Err(format!("{anew} sessions were new and {recovered} taken up: too few"));
    }
    Ok(format!(
        "{seen} deliveries, {seen_by_stock} of them to {stock_count} stock clients, {recovered} \
         sessions taken up, {anew} new"
    ))
}

async fn run(url: &str, directory: &Path, nodes: usize, access: Access) {
    let seed = seed();
    let course = Course { url, directory, nodes, access, fault: Fault::None };
    match drill(course, size(), seed).await {
        Ok(figures) => println!("seed {seed}: {figures}; nothing lost, nothing doubled"),
        Err(what) => panic!("seed {seed}: {what} (again with SOUK_DRILL_SEED={seed})"),
    }
}

async fn run_on_sqlite(access: Access) {
    let directory = tempfile::tempdir().expect("temporary directory");
    let url = format!("sqlite:{}", directory.path().join("souk.db").display());
    run(&url, directory.path(), 1, access).await;
}

/// `SOUK_DRILL_ROUNDS` sets its length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_drill_in_strict() {
    run_on_sqlite(Access::Strict).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_drill_in_open() {
    run_on_sqlite(Access::Open).await;
}

postgres_test!(recovery_drill_on_two_nodes_in_strict, async |db: &TestDb| {
    let directory = tempfile::tempdir().expect("temporary directory");
    run(db.url(), directory.path(), 2, Access::Strict).await;
});

postgres_test!(recovery_drill_on_two_nodes_in_open, async |db: &TestDb| {
    let directory = tempfile::tempdir().expect("temporary directory");
    run(db.url(), directory.path(), 2, Access::Open).await;
});

/// The drill finds what it is there to find.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_found() {
    for (fault, expected) in
        [(Fault::Skipped, "skipped"), (Fault::Doubled, "doubled"), (Fault::RoomLost, "room ")]
    {
        let directory = tempfile::tempdir().expect("temporary directory");
        let url = format!("sqlite:{}", directory.path().join("souk.db").display());
        let directory = directory.path();
        let course = Course { url: &url, directory, nodes: 1, access: Access::Strict, fault };
        let size = Size { clients: 12, stock: 0, rooms: 4, events: 150, kills: 1 };
        let found = drill(course, size, 7).await;
        let found = found.expect_err("the fault is not found");
        assert!(found.contains(expected), "{fault:?}: {found}");
    }
}
