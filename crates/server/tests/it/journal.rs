//! The journal: what commits is in it, once, in the order of commits; nothing else is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use db::testing::TestDb;
use db::{Db, Sql, args};
use events::Room;
use serde_json::{Value, json};
use souk::app::App;
use souk::journal::{Entry, EntryKind, Journal, Sink};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::nodes::{PATIENCE, eventually, postgres_test};
use crate::support::{TestApp, app_test};

/// Writers that work at the same time.
const WRITERS: usize = 16;
/// Transactions of each.
const ROUNDS: usize = 60;
/// Things that they all change.
const ENTITIES: usize = 5;

/// Counters, which count the commits of each thing.
async fn make_entities(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let table = "CREATE TABLE entities (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
    tx.execute(Sql::concat(&[table]), args![]).await.unwrap();
    for id in 0..ENTITIES {
        let insert = "INSERT INTO entities (id, n) VALUES ($1, 0)";
        tx.execute(Sql::concat(&[insert]), args![id as i64]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// A transaction that changes one thing and tells of it, and is not committed yet.
async fn change(app: &App, entity: usize) -> souk::journal::Tx {
    let mut tx = app.begin().await.unwrap();
    let update = "UPDATE entities SET n = n + 1 WHERE id = $1 RETURNING n";
    let row = tx.fetch_one(Sql::concat(&[update]), args![entity as i64]).await.unwrap();
    let n: i64 = row.get("n").unwrap();
    for part in 0..2 {
        let told = json!({"entity": entity, "n": n, "part": part});
        tx.emit_to_room(Room::Sellers, "changed", &told).unwrap();
    }
    tx
}

/// Many writers at once, on any of the nodes; every seventh transaction is given up.
async fn write(nodes: &[App]) {
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let app = nodes[writer % nodes.len()].clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    let tx = change(&app, (writer * 7 + round * 3) % ENTITIES).await;
                    if (writer + round) % 7 == 0 {
                        drop(tx);
                    } else {
                        tx.commit().await.unwrap();
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Compares the journal with what the counters say was committed.
async fn check(db: &Db) {
    let counters = Sql::concat(&["SELECT id, n FROM entities ORDER BY id"]);
    let counters = db.fetch_all(counters, args![]).await.unwrap();
    let journal =
        Sql::concat(&["SELECT position, event_id, payload FROM journal ORDER BY position"]);
    let journal = db.fetch_all(journal, args![]).await.unwrap();
    let mut ids = HashSet::new();
    let mut told: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
    for (index, row) in journal.iter().enumerate() {
        assert_eq!(row.get::<i64>("position").unwrap(), index as i64 + 1, "positions are dense");
        assert!(ids.insert(row.get::<String>("event_id").unwrap()), "an event stands twice");
        let payload: Value = row.json("payload").unwrap();
        let number = |field: &str| payload[field].as_i64().unwrap();
        told.entry(number("entity")).or_default().push((number("n"), number("part")));
    }
    for row in counters {
        let (entity, n): (i64, i64) = (row.get("id").unwrap(), row.get("n").unwrap());
        let expected: Vec<_> = (1..=n).flat_map(|n| [(n, 0), (n, 1)]).collect();
        assert_eq!(told.remove(&entity).unwrap_or_default(), expected, "entity {entity}");
    }
    assert!(told.is_empty());
}

app_test!(commits_are_told_once_and_in_order, async |app| {
    make_entities(&app.app.db).await;
    write(std::slice::from_ref(&app.app)).await;
    app.app.journal.settle().await.unwrap();
    check(&app.app.db).await;
});

postgres_test!(two_nodes_and_a_transaction_held_open, async |db: &TestDb| {
    let (one, other) = (TestApp::on(db, &[]).await, TestApp::on(db, &[]).await);
    make_entities(db).await;
    let nodes = [one.serve().await, other.serve().await];
    let (before, inside) = (change(&one.app, 0).await, insert_and_hold(db).await);
    // Whoever wants entity 0 waits for it; its rows of the outbox come late, with greater ids.
    let held = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        before.commit().await.unwrap();
        inside.commit().await.unwrap();
    });
    // Moves by hand, beside the sequencer's.
    let app = one.app.clone();
    let settling = tokio::spawn(async move {
        loop {
            app.journal.settle().await.unwrap();
        }
    });
    write(&[one.app.clone(), other.app.clone()]).await;
    held.await.unwrap();
    settling.abort();
    let _ = settling.await;
    other.app.journal.settle().await.unwrap();
    let late = Sql::concat(&["DELETE FROM journal WHERE name = 'held' RETURNING position"]);
    let mut tx = db.begin().await.unwrap();
    let late = tx.fetch_all(late, args![]).await.unwrap();
    assert_eq!(late.len(), 1, "the event of the transaction held open is there");
    let close_the_gap = "UPDATE journal SET position = -position WHERE position > $1";
    let position: i64 = late[0].get("position").unwrap();
    tx.execute(Sql::concat(&[close_the_gap]), args![position]).await.unwrap();
    let close_the_gap = "UPDATE journal SET position = -position - 1 WHERE position < 0";
    tx.execute(Sql::concat(&[close_the_gap]), args![]).await.unwrap();
    tx.commit().await.unwrap();
    check(db).await;
    for node in nodes {
        node.stop().await;
    }
});

/// A transaction that has its id in the outbox and does not commit yet.
async fn insert_and_hold(db: &Db) -> db::Tx {
    let mut tx = db.begin().await.unwrap();
    let insert = "INSERT INTO outbox (event_id, name, audience, payload, created_at)
                  VALUES ('held', 'held', '{\"rooms\":[\"sellers\"]}', '{}', 0)";
    tx.execute(Sql::concat(&[insert]), args![]).await.unwrap();
    tx
}

// Why there is a sequencer: a tail by id passes over what commits late, and never sees it.
postgres_test!(a_tail_by_id_loses_what_the_journal_keeps, async |db: &TestDb| {
    let app = TestApp::on(db, &[]).await;
    let mut tx = db.begin().await.unwrap();
    let table = "CREATE TABLE naive (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY)";
    tx.execute(Sql::concat(&[table]), args![]).await.unwrap();
    tx.commit().await.unwrap();
    let insert = || Sql::concat(&["INSERT INTO naive DEFAULT VALUES"]);
    let mut cursor = 0;
    let mut seen = Vec::new();
    let mut look = async || {
        let after = "SELECT id FROM naive WHERE id > $1 ORDER BY id";
        for row in db.fetch_all(Sql::concat(&[after]), args![cursor]).await.unwrap() {
            cursor = row.get("id").unwrap();
            seen.push(cursor);
        }
        app.app.journal.settle().await.unwrap();
    };
    let mut late = insert_and_hold(db).await;
    late.execute(insert(), args![]).await.unwrap();
    let mut early = app.app.begin().await.unwrap();
    early.execute(insert(), args![]).await.unwrap();
    early.emit_to_room(Room::Sellers, "early", &json!({})).unwrap();
    early.commit().await.unwrap();
    look().await;
    late.commit().await.unwrap();
    look().await;
    assert_eq!(seen, [2], "the tail by id does not see what got the id 1");
    let names: Vec<_> = app.events().await.into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["early", "held"]);
});

/// Hands entries to a test.
struct Told(mpsc::UnboundedSender<String>);

impl Sink for Told {
    fn take(&self, entry: Entry) {
        if let EntryKind::Event { name, .. } = entry.kind {
            // The test may have ended.
            let _ = self.0.send(name);
        }
    }

    fn pass(&self, _: i64) {}
}

/// The names of events as positions are given, seen from outside of the nodes.
fn follow(db: &Db) -> mpsc::UnboundedReceiver<String> {
    let (sender, told) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    tokio::spawn(Journal::new(db.clone()).run(Arc::new(Told(sender)), stop));
    told
}

async fn emit(app: &TestApp, name: &str) {
    let mut tx = app.app.begin().await.unwrap();
    tx.emit_to_room(Room::Sellers, name, &json!({})).unwrap();
    tx.commit().await.unwrap();
}

async fn next(told: &mut mpsc::UnboundedReceiver<String>) -> String {
    tokio::time::timeout(PATIENCE, told.recv()).await.expect("an event in time").expect("a tail")
}

/// The server's process of the connection that holds the sequencer's lock.
async fn sequencer(db: &Db) -> Option<i64> {
    let holder = "SELECT CAST(pid AS BIGINT) AS pid FROM pg_locks
                  WHERE locktype = 'advisory' AND granted AND objsubid = 1
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND classid = 29551 AND objid = 1969946625";
    let row = db.fetch_optional(Sql::concat(&[holder]), args![]).await.unwrap()?;
    Some(row.get("pid").unwrap())
}

postgres_test!(another_sequencer_takes_over, async |db: &TestDb| {
    let (one, other) = (TestApp::on(db, &[]).await, TestApp::on(db, &[]).await);
    let nodes = [one.serve().await, other.serve().await];
    let mut told = follow(db);
    for round in 0..3 {
        let name = format!("before {round}");
        emit(&one, &name).await;
        assert_eq!(next(&mut told).await, name);
        let first = eventually("a sequencer", async || sequencer(db).await).await;
        let end = Sql::concat(&["SELECT pg_terminate_backend(CAST($1 AS INTEGER)) AS ended"]);
        db.fetch_one(end, args![first]).await.unwrap();
        let started = Instant::now();
        let second =
            eventually("another one", async || sequencer(db).await.filter(|pid| *pid != first))
                .await;
        println!("{second} follows {first} after {:?}", started.elapsed());
        let name = format!("after {round}");
        emit(&other, &name).await;
        assert_eq!(next(&mut told).await, name);
    }
    for node in nodes {
        node.stop().await;
    }
});

// A node that hangs keeps its connection and its lock; the others end it.
postgres_test!(a_silent_sequencer_is_deposed, async |db: &TestDb| {
    use sqlx::ConnectOptions as _;
    let app = TestApp::on(db, &[]).await;
    let options = db.postgres().unwrap().connect_options();
    let mut hung = options.as_ref().clone().connect().await.unwrap();
    let lock = "SELECT pg_try_advisory_lock(126922548510721)";
    let locked: bool = sqlx::query_scalar(lock).fetch_one(&mut hung).await.unwrap();
    assert!(locked, "{lock}");
    let silent_since = Instant::now();
    let mut told = follow(db);
    let node = app.serve().await;
    emit(&app, "moved").await;
    assert_eq!(next(&mut told).await, "moved");
    println!("after {:?}", silent_since.elapsed());
    assert!(sqlx::query("SELECT 1").execute(&mut hung).await.is_err(), "the lock is lost");
    node.stop().await;
});
