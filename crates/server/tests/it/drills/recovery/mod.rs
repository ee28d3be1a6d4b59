//! Clients in random rooms are cut off, frozen, left half-open; servers are killed and stopped;
//! clients change nodes, join and leave meanwhile. Then: each saw every event of its rooms exactly
//! once and in order, or was told that its session is new, and few were.

mod checker;
mod client;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use db::testing::TestDb;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::http::Http;
use super::process::Souk;
use super::rounds;
use crate::support::nodes::postgres_test;
use checker::{Begun, Checker};
use client::{Client, Fault, World};

const KEY: &str = "the key of the drill";

/// How much of it.
#[derive(Clone, Copy)]
struct Size {
    clients: usize,
    rooms: usize,
    /// Events in each room.
    events: u64,
    kills: usize,
}

/// Among the tests some 2·10⁴ deliveries; with `rounds` of 10 some 10⁶ to 500 clients.
fn size() -> Size {
    match rounds(1) {
        0 | 1 => Size { clients: 40, rooms: 16, events: 150, kills: 4 },
        n => Size { clients: 500, rooms: 100, events: 80 * n, kills: 3 * n as usize },
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

/// Runs the drill and returns the first thing that a client has seen and must not.
async fn drill(
    url: &str,
    directory: &Path,
    node_count: usize,
    size: Size,
    fault: Fault,
    seed: u64,
) -> Result<String, String> {
    let start = async || {
        let env = [
            ("REALTIME_ACCESS", "open"),
            ("SERVICE_KEY", KEY),
            ("JWT_SECRET", "the same key on all nodes of the drill"),
            ("SOCKET_EVENTS_PER_SECOND", "0"),
            ("RUST_LOG", "warn"),
        ];
        Souk::start(url, directory, &env).await
    };
    let begun: Begun = Arc::new((0..size.rooms).map(|_| AtomicU64::new(0)).collect());
    let world = Arc::new(World {
        nodes: RwLock::default(),
        rooms: size.rooms,
        is_over: AtomicBool::new(false),
        fault,
        recovered: AtomicU64::new(0),
        anew: AtomicU64::new(0),
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
            Client::new(world.clone(), seed * 1000 + n as u64, checker).live()
        })
        .collect();
    let mut emitters: tokio::task::JoinSet<_> =
        (0..size.rooms).map(|room| fill(world.clone(), begun.clone(), room, size.events)).collect();
    let mut random = StdRng::seed_from_u64(seed);
    let total = size.events * size.rooms as u64;
    for kill in 1..=size.kills as u64 {
        let goal = total * kill / (size.kills as u64 + 1);
        let sent = || begun.iter().map(|count| count.load(Ordering::SeqCst)).sum::<u64>();
        while sent() < goal && clients.len() == size.clients {
            if let Ok(Some(ended)) =
                tokio::time::timeout(Duration::from_millis(20), clients.join_next()).await
            {
                ended.expect("no panic")?;
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
    let (recovered, anew) =
        (world.recovered.load(Ordering::Relaxed), world.anew.load(Ordering::Relaxed));
    for node in nodes {
        node.terminate().await;
    }
    if anew * 20 > recovered {
        return Err(format!("{anew} sessions were new and {recovered} taken up: too few"));
    }
    Ok(format!("{seen} deliveries, {recovered} sessions taken up, {anew} new"))
}

async fn run(url: &str, directory: &Path, nodes: usize) {
    let seed = seed();
    match drill(url, directory, nodes, size(), Fault::None, seed).await {
        Ok(figures) => println!("seed {seed}: {figures}; nothing lost, nothing doubled"),
        Err(what) => panic!("seed {seed}: {what} (again with SOUK_DRILL_SEED={seed})"),
    }
}

/// `SOUK_DRILL_ROUNDS` sets its length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_drill() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let url = format!("sqlite:{}", directory.path().join("souk.db").display());
    run(&url, directory.path(), 1).await;
}

postgres_test!(recovery_drill_on_two_nodes, async |db: &TestDb| {
    let directory = tempfile::tempdir().expect("temporary directory");
    run(db.url(), directory.path(), 2).await;
});

/// The drill finds what it is there to find.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_found() {
    for (fault, expected) in
        [(Fault::Skipped, "skipped"), (Fault::Doubled, "doubled"), (Fault::RoomLost, "room ")]
    {
        let directory = tempfile::tempdir().expect("temporary directory");
        let url = format!("sqlite:{}", directory.path().join("souk.db").display());
        let size = Size { clients: 12, rooms: 4, events: 150, kills: 1 };
        let found = drill(&url, directory.path(), 1, size, fault, 7).await;
        let found = found.expect_err("the fault is not found");
        assert!(found.contains(expected), "{fault:?}: {found}");
    }
}
