//! What a client gets that comes back.

use db::{Engine, args, sql};
use serde_json::json;

use super::retention::count;
use super::{back, number, numbers, tell, tell_many};
use crate::support::nodes::{eventually, postgres_test};
use crate::support::{TestApp, app_test};

app_test!(what_was_missed_comes_once_and_in_order_before_live_events, async |app| {
    let node = app.serve().await;
    let (seller, buyer) = (app.seller().await, app.buyer().await);
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    socket.done("join-user-room", seller.id.as_str()).await;
    let own = format!("user-{}", seller.id);
    tell(app, "sellers", 1).await;
    assert_eq!(number(&socket.event("told").await), 1);
    let memory = socket.cut();

    tell(app, "sellers", 2).await;
    tell(app, "buyers", 100).await;
    tell(app, &own, 3).await;
    tell(app, &format!("user-{}", buyer.id), 101).await;
    tell(app, "*", 4).await;
    app.app.journal.flushed().await.unwrap();
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered);
    assert_eq!(socket.memory.sid, memory.sid);
    tell(app, "sellers", 5).await;
    tell(app, &own, 6).await;
    assert_eq!(number(&socket.event("told").await), 2);
    for n in 3..=6 {
        assert_eq!(number(&socket.event("told").await), n);
    }
    assert_eq!(numbers(app, &mut socket).await, [] as [i64; 0]);
    node.stop().await;
});

app_test!(it_works_again_and_again_and_for_who_has_seen_nothing, async |app| {
    let node = app.serve().await;
    let seller = app.seller().await;
    let mut socket = seller.connect(&node).await;
    let mut memory = socket.memory.clone();
    assert!(!memory.offset.is_empty(), "`session` carries one");
    socket.done("join-seller-room", seller.id.as_str()).await;
    for n in 0..5 {
        // Left open: the server does not know that nobody is there.
        let half_open = socket;
        tell(app, "sellers", n).await;
        app.app.journal.flushed().await.unwrap();
        socket = back(&node, &seller, &memory).await;
        assert!(socket.recovered, "{n}");
        assert_eq!(number(&socket.event("told").await), n);
        let mut half_open = half_open;
        assert_eq!(half_open.closed().await, "session taken up by another connection");
        memory = socket.memory.clone();
    }
    socket.done("leave-seller-room", seller.id.as_str()).await;
    memory = socket.cut();
    tell(app, "sellers", 9).await;
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered);
    assert_eq!(numbers(app, &mut socket).await, [] as [i64; 0], "it had left");
    node.stop().await;
});

app_test!(the_pid_alone_is_enough_for_who_saw_no_offset, async |app| {
    let node = app.serve().await;
    let seller = app.seller().await;
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let mut memory = socket.cut();
    memory.offset.clear();
    tell(app, "sellers", 1).await;
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered);
    assert_eq!(numbers(app, &mut socket).await, [1]);
    node.stop().await;
});

app_test!(a_restart_in_between_changes_nothing, async |app| {
    let node = app.serve().await;
    let seller = app.seller().await;
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    tell(app, "sellers", 1).await;
    assert_eq!(number(&socket.event("told").await), 1);
    let memory = socket.memory.clone();
    node.stop().await;
    assert_eq!(socket.closed().await, "server shutting down");
    tell(app, "sellers", 2).await;

    let app = app.another_node().await;
    let node = app.serve().await;
    tell(&app, "sellers", 3).await;
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered);
    assert_eq!(numbers(&app, &mut socket).await, [2, 3]);
    tell(&app, "sellers", 4).await;
    assert_eq!(number(&socket.event("told").await), 4);
    node.stop().await;
});

app_test!(
    a_long_replay_is_paged_and_holds_up_nobody,
    [("RECOVERY_MEMORY", "64KiB"), ("SOCKET_QUEUE_MAX", "64KiB")],
    async |app| {
        let node = app.serve().await;
        let (away, here) = (app.seller().await, app.seller().await);
        let mut socket = away.connect(&node).await;
        socket.done("join-seller-room", away.id.as_str()).await;
        let memory = socket.cut();
        // Some 3 MB, of which the memory has the last 64 KiB.
        tell_many(app, "sellers", 0..3000, &"x".repeat(1000)).await;
        app.app.journal.flushed().await.unwrap();
        let mut other = here.connect(&node).await;
        other.done("join-seller-room", here.id.as_str()).await;
        let writes = async {
            for n in 3000..3100 {
                tell(app, "sellers", n).await;
            }
        };
        let (mut socket, ()) = tokio::join!(back(&node, &away, &memory), writes);
        assert!(socket.recovered);
        for n in 0..3100 {
            assert_eq!(number(&socket.event("told").await), n);
        }
        for n in 3000..3100 {
            assert_eq!(number(&other.event("told").await), n);
        }
        assert!(numbers(app, &mut socket).await.is_empty());
        node.stop().await;
    }
);

app_test!(who_left_or_was_left_out_gets_what_it_would_have_got, async |app| {
    let node = app.serve().await;
    let (seller, other) = (app.seller().await, app.seller().await);
    let mut socket = seller.connect(&node).await;
    let before = socket.memory.clone();
    socket.done("join-seller-room", seller.id.as_str()).await;
    tell(app, "sellers", 1).await;
    app.app.journal.flushed().await.unwrap();
    socket.done("leave-seller-room", seller.id.as_str()).await;
    tell(app, "sellers", 2).await;
    app.app.journal.flushed().await.unwrap();
    socket.done("join-seller-room", seller.id.as_str()).await;
    tell(app, "sellers", 3).await;
    app.app.journal.flushed().await.unwrap();
    // As if nothing of it had reached the client.
    drop(socket.cut());
    let mut socket = back(&node, &seller, &before).await;
    assert!(socket.recovered);
    assert_eq!(numbers(app, &mut socket).await, [1, 3]);

    let memory = socket.cut();
    let mut tx = app.app.begin().await.unwrap();
    tx.control(souk::journal::Control::MembershipEnded {
        user: other.id.clone(),
        room: "sellers".parse().unwrap(),
    })
    .unwrap();
    tx.commit().await.unwrap();
    tell(app, "sellers", 4).await;
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered, "the end of another one's membership");
    assert_eq!(numbers(app, &mut socket).await, [4]);
    node.stop().await;
});

app_test!(open_access_recovers_too, [("REALTIME_ACCESS", "open")], async |app| {
    let node = app.serve().await;
    let mut socket = crate::support::Socket::connect(&node, &json!({})).await.unwrap();
    socket.done("join-chat-room", "c1").await;
    let memory = socket.cut();
    tell(app, "chat-c1", 1).await;
    tell(app, "chat-c2", 2).await;
    tell(app, "*", 3).await;
    let to = node.addr().to_string();
    let mut socket = crate::support::Socket::open(&to, json!({}), memory).await.unwrap();
    assert!(socket.recovered);
    assert_eq!(numbers(app, &mut socket).await, [1, 3]);
    node.stop().await;
});

/// A session is written down a little after it began.
async fn written(app: &TestApp) {
    let sessions = || sql!("SELECT count(*) AS n FROM socket_sessions");
    let is_written = async || (count(app, sessions()).await == 1).then_some(());
    eventually("the session's row", is_written).await;
}

/// A seller in the own seller's room asks for something, loses the connection, comes back and asks
/// again while the first is still on its way to the disk.
async fn asks_again_before_it_is_durable(app: &TestApp, event: &str) {
    // On PostgreSQL no transaction holds up another one's.
    if app.app.db.engine() == Engine::Postgres {
        return;
    }
    let node = app.serve().await;
    let (seller, buyer) = (app.seller().await, app.buyer().await);
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    written(app).await;
    let mut other = buyer.connect(&node).await;
    let tx = app.app.db.begin().await.unwrap();
    socket.emit(event, &json!(seller.id)).await;
    other.unread().await;
    let memory = socket.cut();
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered);
    let mut again = Box::pin(socket.ask(event, seller.id.as_str()));
    let meanwhile = async {
        for _ in 0..5 {
            other.unread().await;
        }
    };
    tokio::select! {
        answer = &mut again => panic!("a kill would undo it: {answer}"),
        () = meanwhile => {}
    }
    drop(tx);
    assert_eq!(again.await["ok"], true);
    node.stop().await;
}

app_test!(who_has_left_has_so_durably_before_it_hears_that, async |app| {
    asks_again_before_it_is_durable(app, "leave-seller-room").await;
});

app_test!(who_is_in_a_room_is_so_durably_before_it_hears_that, async |app| {
    asks_again_before_it_is_durable(app, "join-user-room").await;
});

postgres_test!(
    what_came_while_a_join_was_on_its_way_does_not_come_after_the_leave,
    async |db: &db::testing::TestDb| {
        let app = &TestApp::on(db, &[]).await;
        let node = app.serve().await;
        let seller = app.seller().await;
        let mut socket = seller.connect(&node).await;
        socket.done("join-user-room", seller.id.as_str()).await;
        written(app).await;
        let mut row = app.app.db.begin().await.unwrap();
        let lock = sql!("SELECT id FROM socket_sessions").for_update();
        assert_eq!(row.fetch_all(lock, args![]).await.unwrap().len(), 1);
        {
            let mut join = Box::pin(socket.ask("join-seller-room", seller.id.as_str()));
            let meanwhile = async {
                for _ in 0..5 {
                    seller.connect(&node).await;
                }
                tell(app, "sellers", 1).await;
                app.app.journal.flushed().await.unwrap();
            };
            tokio::select! {
                answer = &mut join => panic!("its row is locked: {answer}"),
                () = meanwhile => {}
            }
            drop(row);
            assert_eq!(join.await["ok"], true);
        }
        socket.done("leave-seller-room", seller.id.as_str()).await;
        let memory = socket.cut();
        let mut socket = back(&node, &seller, &memory).await;
        assert!(socket.recovered);
        assert_eq!(numbers(app, &mut socket).await, [0_i64; 0]);
        node.stop().await;
    }
);

postgres_test!(another_node_goes_on_with_the_session, async |db: &db::testing::TestDb| {
    let one = TestApp::on(db, &[]).await;
    let other = one.another_node().await;
    let nodes = [one.serve().await, other.serve().await];
    let seller = one.seller().await;
    let mut socket = seller.connect(&nodes[0]).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let mut memory = socket.memory.clone();
    written(&one).await;
    for n in 0..6_i64 {
        // The server of the earlier one does not know that nobody is there.
        let mut half_open = socket;
        tell(&one, "sellers", n).await;
        socket = back(&nodes[(n as usize + 1) % 2], &seller, &memory).await;
        assert!(socket.recovered, "{n}");
        assert_eq!(number(&socket.event("told").await), n);
        assert_eq!(half_open.closed().await, "session taken up by another connection");
        memory = socket.memory.clone();
    }
    for node in nodes {
        node.stop().await;
    }
});
