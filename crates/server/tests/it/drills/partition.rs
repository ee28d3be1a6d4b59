//! A node is cut off from PostgreSQL, without a sign to either side. It says so soon, refuses writes,
//! keeps its sockets, and catches up when the way is free again.

use std::time::{Duration, Instant};

use db::testing::TestDb;
use events::Room;
use serde_json::json;

use super::rounds;
use crate::support::TestApp;
use crate::support::nodes::{eventually, postgres_test};
use crate::support::proxy::Proxy;

// `SOUK_DRILL_ROUNDS` sets the number of seconds; 5 without it.
postgres_test!(partition_drill, async |db: &TestDb| {
    let cut_for = Duration::from_secs(rounds(5));
    let proxy = Proxy::to(db.url()).await;
    let one = TestApp::on(db, &[]).await;
    let through = proxy.through(db.url());
    let other = TestApp::on(db, &[("DATABASE_URL", &through)]).await;
    let nodes = [one.serve().await, other.serve().await];
    let (buyer, seller) = (one.buyer().await, one.seller().await);
    let mut socket = seller.connect(&nodes[1]).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let new = json!({"name": "Another name"});
    let write = async || {
        let writing = other.patch("/api/auth/me").bearer(&buyer.token).json(&new).send();
        // Each by itself would wait 5 s for a connection; what is known to be lost is not asked.
        tokio::time::timeout(Duration::from_secs(4), writing).await.expect("an answer soon")
    };
    write().await.data(200);

    proxy.cut();
    let cut_at = Instant::now();
    let ready = async || other.get("/ready").send().await;
    eventually("the loss", async || (ready().await.status == 503).then_some(())).await;
    eventually("the watch", async || other.app.health.check().err()).await;
    println!("not ready after {:?}", cut_at.elapsed());
    let (mut told, mut refused) = (0, 0);
    while told == 0 || cut_at.elapsed() < cut_for {
        let answer = write().await;
        answer.error(503, "unavailable");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        refused += 1;
        let answer = ready().await;
        answer.error(503, "unavailable");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        let mut tx = one.app.begin().await.unwrap();
        tx.emit_to_room(Room::Sellers, "meanwhile", &json!({ "number": told })).unwrap();
        tx.commit().await.unwrap();
        told += 1;
    }

    proxy.heal();
    for number in 0..told {
        assert_eq!(socket.event("meanwhile").await["number"], number);
    }
    eventually("ready", async || (ready().await.status == 200).then_some(())).await;
    write().await.data(200);
    assert!(!socket.unread().await.contains(&"meanwhile".to_owned()), "each once");
    println!("{refused} writes refused, {told} events caught up on");
    for node in nodes {
        node.stop().await;
    }
});
