//! Many clients that come back at once, and replays that are cut off.

use db::{args, sql};
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use souk::node::Node;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::{back, numbers, tell, tell_many};
use crate::support::market::id;
use crate::support::nodes::postgres_test;
use crate::support::{Actor, Memory, Socket, TestApp, app_test};

/// Clients that come back at once.
const CROWD: usize = 200;

app_test!(many_that_come_back_cost_few_statements, async |app| {
    let node = app.serve().await;
    let buyer = app.buyer().await;
    let request = buyer.publish(&json!({})).await;
    let room = format!("request-{}", id(&request));
    let mut sellers = Vec::new();
    for _ in 0..CROWD {
        sellers.push(app.seller().await);
    }
    let mut tx = app.app.begin().await.unwrap();
    for seller in &sellers {
        let invite =
            sql!("INSERT INTO request_invitations (request_id, seller_id) VALUES ($1, $2)");
        tx.execute(invite, args![id(&request), &seller.id]).await.unwrap();
    }
    tx.commit().await.unwrap();
    let memories = join_all(sellers.iter().map(async |seller| {
        let mut socket = seller.connect(&node).await;
        socket.done("join-request-room", id(&request)).await;
        socket.done("user-online", seller.id.as_str()).await;
        socket.memory.clone()
    }));
    let memories = memories.await;
    node.stop().await;

    let app = app.another_node().await;
    let node = app.serve().await;
    tell_many(&app, &room, 0..3, "").await;
    app.app.journal.flushed().await.unwrap();
    let to = node.addr().to_string();
    let streams = join_all(sellers.iter().map(|_| Socket::reach(&to))).await;
    let before = app.app.db.statements();
    let come =
        sellers.iter().zip(&memories).zip(streams).map(async |((seller, memory), stream)| {
            let auth = json!({ "token": seller.token });
            Socket::enter(stream, auth, memory.clone()).await.expect("it is let in")
        });
    let sockets = join_all(come).await;
    souk::realtime::recovery::save_all(&app.app).await;
    let statements = app.app.db.statements() - before;
    for mut socket in sockets {
        assert!(socket.recovered);
        assert_eq!(numbers(&app, &mut socket).await, [0, 1, 2]);
    }
    node.stop().await;
    println!("{statements} statements for {CROWD} clients");
    assert!(statements < CROWD as u64 / 2, "{statements} statements");
});

/// A client that comes back, gets a part of what it missed, and loses the connection before it
/// hears that it is back.
async fn cut_in_between(node: &Node, who: &Actor, memory: &Memory) {
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", node.addr());
    let (mut stream, _) = connect_async(url).await.unwrap();
    let auth = json!({ "token": who.token, "pid": memory.pid, "offset": memory.offset });
    stream.send(Message::text(format!("40{auth}"))).await.unwrap();
    loop {
        let message = stream.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(!message.starts_with("40"), "an event comes first");
        if message.starts_with("42") {
            return;
        }
    }
}

/// A seller in the sellers' room that missed much.
async fn away(app: &TestApp, node: &Node, count: i64) -> (Actor, Memory) {
    let seller = app.seller().await;
    let mut socket = seller.connect(node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let memory = socket.cut();
    tell_many(app, "sellers", 0..count, &"x".repeat(500)).await;
    app.app.journal.flushed().await.unwrap();
    (seller, memory)
}

app_test!(a_replay_that_was_cut_off_does_not_come_twice, async |app| {
    let node = app.serve().await;
    // 1: by the node that remembers it, 2: after a restart.
    let (one, first) = away(app, &node, 4).await;
    let (other, second) = away(app, &node, 400).await;
    cut_in_between(&node, &one, &first).await;
    assert!(!back(&node, &one, &first).await.recovered);
    cut_in_between(&node, &other, &second).await;
    node.stop().await;
    let app = app.another_node().await;
    let node = app.serve().await;
    assert!(!back(&node, &other, &second).await.recovered);

    // Who heard that it is back has a later offset.
    let (seller, memory) = away(&app, &node, 4).await;
    let mut socket = back(&node, &seller, &memory).await;
    assert_eq!(numbers(&app, &mut socket).await, [0, 1, 2, 3]);
    let memory = socket.cut();
    tell(&app, "sellers", 4).await;
    app.app.journal.flushed().await.unwrap();
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered);
    assert_eq!(numbers(&app, &mut socket).await, [4]);
    // What fits into one segment comes whole or not at all.
    let memory = socket.cut();
    tell(&app, "sellers", 5).await;
    app.app.journal.flushed().await.unwrap();
    cut_in_between(&node, &seller, &memory).await;
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered);
    assert_eq!(numbers(&app, &mut socket).await, [5]);
    node.stop().await;
});

postgres_test!(nor_on_another_node, async |db: &db::testing::TestDb| {
    let one = TestApp::on(db, &[]).await;
    let other = one.another_node().await;
    let nodes = [one.serve().await, other.serve().await];
    let (seller, memory) = away(&one, &nodes[0], 400).await;
    other.app.journal.flushed().await.unwrap();
    cut_in_between(&nodes[0], &seller, &memory).await;
    assert!(!back(&nodes[1], &seller, &memory).await.recovered);
    for node in nodes {
        node.stop().await;
    }
});

app_test!(who_is_back_is_online, [("PRESENCE_GRACE", "300ms")], async |app| {
    let node = app.serve().await;
    let (stays, goes, watcher) = (app.buyer().await, app.buyer().await, app.buyer().await);
    let mut watches = watcher.connect(&node).await;
    let mut socket = stays.connect(&node).await;
    socket.done("user-online", stays.id.as_str()).await;
    let mut gone = goes.connect(&node).await;
    gone.done("user-online", goes.id.as_str()).await;
    let memory = socket.cut();
    let socket = back(&node, &stays, &memory).await;
    assert!(socket.recovered);
    // The one's grace would have ended before the other's.
    drop(gone.cut());
    loop {
        let event = watches.event("user-status-change").await;
        if event["status"] == "offline" {
            assert_eq!(event["userId"], goes.id.as_str());
            break;
        }
    }
    let asked = format!("/api/users/presence?ids={}", stays.id);
    let answer = watcher.get(&asked).send().await.data(200);
    assert_eq!(answer[0]["status"], "online");
    drop(socket);
    node.stop().await;
});
