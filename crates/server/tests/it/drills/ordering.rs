//! Many writers on two nodes change the same things, while transactions are held open for seconds.
//! Then: the clients of each node, stock ones among them, saw every committed event once, all in
//! one order, and those of each thing in the order of its commits.

use std::collections::HashMap;
use std::time::Duration;

use db::testing::TestDb;
use db::{Db, Sql, args};
use events::{Audience, Room};
use serde_json::{Value, json};
use souk::app::App;

use super::rounds;
use crate::support::nodes::postgres_test;
use crate::support::{Socket, StockClient, TestApp};

const WRITERS: usize = 32;
/// Things that all writers change.
const ENTITIES: usize = 50;
/// Commits in a round.
const ROUND: usize = 1000;
/// One in so many transactions is given up.
const GIVEN_UP: usize = 13;
/// How long a transaction is held open, again and again.
const HELD_FOR: Duration = Duration::from_secs(2);

async fn run(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    tx.execute(Sql::concat(&[sql]), args![]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Changes one thing and tells of it; the transaction is not committed yet. The row in `naive`
/// is for the tail that this drill must show to be wrong.
async fn change(app: &App, entity: usize) -> souk::journal::Tx {
    let mut tx = app.begin().await.unwrap();
    let update = "UPDATE entities SET n = n + 1 WHERE id = $1 RETURNING n";
    let row = tx.fetch_one(Sql::concat(&[update]), args![entity as i64]).await.unwrap();
    let n: i64 = row.get("n").unwrap();
    tx.execute(Sql::concat(&["INSERT INTO naive DEFAULT VALUES"]), args![]).await.unwrap();
    tx.emit_to_room(Room::Sellers, "changed", &json!({ "entity": entity, "n": n })).unwrap();
    tx
}

/// Returns how many were committed.
async fn write(app: App, writer: usize, count: usize) -> usize {
    let mut committed = 0;
    for number in 0..count {
        let tx = change(&app, (writer * 31 + number * 7) % ENTITIES).await;
        if (writer + number).is_multiple_of(GIVEN_UP) {
            drop(tx);
        } else {
            tx.commit().await.unwrap();
            committed += 1;
        }
    }
    committed
}

/// Reads `id > cursor`, as one must not; returns how many rows it saw.
async fn tail_by_id(db: Db, mut stop: tokio::sync::watch::Receiver<bool>) -> usize {
    let (mut cursor, mut seen) = (0_i64, 0);
    loop {
        let last_look = *stop.borrow_and_update();
        let after = Sql::concat(&["SELECT id FROM naive WHERE id > $1 ORDER BY id"]);
        for row in db.fetch_all(after, args![cursor]).await.unwrap() {
            cursor = row.get("id").unwrap();
            seen += 1;
        }
        if last_look {
            return seen;
        }
        let _ = tokio::time::timeout(Duration::from_millis(3), stop.changed()).await;
    }
}

/// Commits one transaction after the other, each [`HELD_FOR`] after its rows got their ids.
async fn hold(db: Db, mut stop: tokio::sync::watch::Receiver<bool>) -> usize {
    let mut held = 0;
    while !*stop.borrow_and_update() {
        held += 1;
        let mut tx = db.begin().await.unwrap();
        tx.execute(Sql::concat(&["INSERT INTO naive DEFAULT VALUES"]), args![]).await.unwrap();
        let insert = "INSERT INTO outbox (event_id, name, audience, payload, created_at)
                      VALUES ($1, 'changed', $2, $3, 0)";
        let audience = serde_json::to_string(&Audience::room(Room::Sellers)).unwrap();
        let payload = json!({ "entity": ENTITIES, "n": held }).to_string();
        let values = args![format!("held {held}"), audience, payload];
        tx.execute(Sql::concat(&[insert]), values).await.unwrap();
        let _ = tokio::time::timeout(HELD_FOR, stop.changed()).await;
        tx.commit().await.unwrap();
    }
    held
}

/// What a client of a node sees.
async fn listen(mut socket: Socket, mut count: tokio::sync::watch::Receiver<usize>) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let all = *count.borrow_and_update();
        if all > 0 && heard.len() >= all {
            // Whatever else was sent comes before this answer.
            assert!(!socket.unread().await.contains(&"changed".to_owned()), "more than committed");
            return heard;
        }
        tokio::select! {
            event = socket.event("changed") => heard.push(event),
            _ = count.changed() => {}
        }
    }
}

// `SOUK_DRILL_ROUNDS` sets the number of thousands of commits; 3 without it.
postgres_test!(ordering_drill, async |db: &TestDb| {
    let count = rounds(3) as usize * ROUND;
    let one = TestApp::on(db, &[("DATABASE_CONNECTIONS", "20")]).await;
    let other = one.another_node().await;
    let nodes = [one.serve().await, other.serve().await];
    run(db, "CREATE TABLE entities (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)").await;
    run(db, "INSERT INTO entities (id, n) SELECT id, 0 FROM generate_series(0, 49) ids (id)").await;
    run(db, "CREATE TABLE naive (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await;
    let seller = one.seller().await;
    let (all, total) = tokio::sync::watch::channel(0);
    let (mut listeners, mut stock) = (Vec::new(), Vec::new());
    for node in &nodes {
        if let Some(mut client) = StockClient::connect(&seller, node).await {
            client.done("join-seller-room", seller.id.as_str()).await;
            stock.push(client);
        }
        let mut socket = seller.connect(node).await;
        socket.done("join-seller-room", seller.id.as_str()).await;
        listeners.push(tokio::spawn(listen(socket, total.clone())));
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let naive = tokio::spawn(tail_by_id((*db).clone(), stopped.clone()));
    let holder = tokio::spawn(hold((*db).clone(), stopped));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let app = [&one, &other][writer % 2].app.clone();
            tokio::spawn(write(app, writer, count / WRITERS))
        })
        .collect();
    let mut committed = 0;
    for writer in writers {
        committed += writer.await.unwrap();
    }
    stop.send_replace(true);
    committed += holder.await.unwrap();
    all.send_replace(committed);
    let mut heard = Vec::new();
    for listener in listeners {
        heard.push(listener.await.unwrap());
    }
    for client in &mut stock {
        heard.push(client.exactly(committed, "changed").await);
    }
    assert_eq!(heard[0].len(), committed, "every commit is told");
    for other in &heard[1..] {
        assert!(heard[0] == *other, "two clients saw different orders");
    }
    let mut last: HashMap<i64, i64> = HashMap::new();
    for event in &heard[0] {
        let (entity, n) = (event["entity"].as_i64().unwrap(), event["n"].as_i64().unwrap());
        let before = last.insert(entity, n).unwrap_or(0);
        assert_eq!(n, before + 1, "entity {entity}: lost, doubled or out of order");
    }
    let lost = committed - naive.await.unwrap();
    println!("{committed} commits told once and in order; a tail by id would have lost {lost}");
    assert!(lost > 0, "the drill is too tame: a tail by id would have passed it");
    for node in nodes {
        node.stop().await;
    }
});
