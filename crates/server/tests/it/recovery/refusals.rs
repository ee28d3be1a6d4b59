//! When a client gets a new session: all or nothing.

use std::time::Duration;

use db::{args, sql};
use serde_json::json;
use souk::journal::Control;
use souk::realtime::recovery::history::History;

use super::{back, number, numbers, tell, tell_many};
use crate::support::market::id;
use crate::support::nodes::eventually;
use crate::support::{Actor, Memory, Socket, TestApp, app_test};

app_test!(a_session_is_its_users_and_its_journals, async |app| {
    let node = app.serve().await;
    let (seller, other) = (app.seller().await, app.seller().await);
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let memory = socket.memory.clone();
    tell(app, "sellers", 1).await;

    let mut thief = back(&node, &other, &memory).await;
    assert!(!thief.recovered, "another user");
    assert_ne!(thief.memory.sid, memory.sid);
    assert!(numbers(app, &mut thief).await.is_empty());
    assert_eq!(number(&socket.event("told").await), 1, "the owner is not disturbed");

    let epoch = memory.offset.split('.').next().unwrap().to_owned();
    for offset in
        ["hello", "1", "0000000000000000.1", &format!("{epoch}.999999"), &format!("{epoch}.-1")]
    {
        let socket = seller.connect(&node).await;
        let memory = Memory { offset: (*offset).to_owned(), ..socket.memory.clone() };
        drop(socket);
        let socket = back(&node, &seller, &memory).await;
        assert!(!socket.recovered, "{offset}");
    }
    let unknown = Memory { pid: "ffffffffffffffffffffffffffffffff".into(), ..memory.clone() };
    assert!(!back(&node, &seller, &unknown).await.recovered);

    let error =
        Socket::open(&node.addr().to_string(), json!({ "token": "x" }), memory.clone()).await;
    assert_eq!(error.err().unwrap()["message"], "unauthorized", "the token is checked again");
    let back = back(&node, &seller, &memory).await;
    assert!(back.recovered, "what was tried in between changed nothing");
    node.stop().await;
});

app_test!(too_many_missed_events, [("RECOVERY_MAX_EVENTS", "50")], async |app| {
    let node = app.serve().await;
    let seller = app.seller().await;
    let mut memories = Vec::new();
    for _ in 0..2 {
        let mut socket = seller.connect(&node).await;
        socket.done("join-seller-room", seller.id.as_str()).await;
        memories.push(socket.cut());
    }
    tell_many(app, "sellers", 0..50, "").await;
    tell_many(app, "buyers", 0..50, "").await;
    app.app.journal.flushed().await.unwrap();
    let mut socket = back(&node, &seller, &memories[0]).await;
    assert!(socket.recovered, "as many as may be");
    assert_eq!(numbers(app, &mut socket).await, (0..50).collect::<Vec<_>>());
    tell(app, "sellers", 50).await;
    app.app.journal.flushed().await.unwrap();
    // The kit's client fails where a new session begins with a part of a replay.
    assert!(!back(&node, &seller, &memories[1]).await.recovered);
    node.stop().await;
});

/// A request with a seller in its room, cut off.
async fn away_from_a_request(app: &TestApp, node: &souk::node::Node) -> (Actor, String, Memory) {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({ "preferredSellerIds": [seller.id] })).await;
    let request = id(&request).to_owned();
    let mut socket = seller.connect(node).await;
    socket.done("join-request-room", request.as_str()).await;
    (seller, request, socket.cut())
}

app_test!(a_membership_that_ended_meanwhile, async |app| {
    let node = app.serve().await;
    let (seller, request, memory) = away_from_a_request(app, &node).await;
    tell(app, &format!("request-{request}"), 1).await;
    let socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered, "nothing has ended yet");
    let memory = socket.cut();
    let end = Control::MembershipEnded {
        user: seller.id.clone(),
        room: format!("request-{request}").parse().unwrap(),
    };
    app.control_elsewhere(&end).await;
    app.app.journal.flushed().await.unwrap();
    assert!(!back(&node, &seller, &memory).await.recovered, "though it may come in again");

    // The buyer takes the one of two sellers.
    let (buyer, chosen, rival) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let offer = chosen.make_offer(&request, &json!({})).await;
    rival.make_offer(&request, &json!({})).await;
    let mut memories = Vec::new();
    for seller in [&chosen, &rival] {
        let mut socket = seller.connect(&node).await;
        socket.done("join-request-room", id(&request)).await;
        memories.push(socket.cut());
    }
    buyer.accept(&offer).await;
    app.app.journal.flushed().await.unwrap();
    assert!(back(&node, &chosen, &memories[0]).await.recovered, "who is chosen stays");
    assert!(!back(&node, &rival, &memories[1]).await.recovered, "who is not does not");
    node.stop().await;
});

/// A membership ends, by itself or with all others of the room, while the seller is there.
async fn ends_while_it_is_there(app: &TestApp, all: bool) {
    let node = app.serve().await;
    let (seller, request, memory) = away_from_a_request(app, &node).await;
    let name = format!("request-{request}");
    let mut socket = back(&node, &seller, &memory).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let (user, room) = (seller.id.clone(), name.parse().unwrap());
    let end = if all {
        Control::RoomClosed { room, keep: Vec::new() }
    } else {
        Control::MembershipEnded { user, room }
    };
    app.control_elsewhere(&end).await;
    tell(app, &name, 1).await;
    tell(app, "sellers", 2).await;
    assert_eq!(number(&socket.event("told").await), 2);
    let has_left = async || {
        let rows = app.app.db.fetch_all(sql!("SELECT rooms FROM socket_sessions"), args![]);
        let rooms = rows.await.unwrap().into_iter().map(|row| row.json::<History>("rooms"));
        let is_in = |rooms: History| rooms.joined.iter().any(|joined| *joined.room == *name);
        (!rooms.map(Result::unwrap).any(is_in)).then_some(())
    };
    eventually("the session to have left the room", has_left).await;
    let memory = socket.cut();
    tell(app, &name, 3).await;
    tell(app, "sellers", 4).await;
    let mut socket = back(&node, &seller, &memory).await;
    assert!(socket.recovered, "its rooms are what they were");
    assert_eq!(numbers(app, &mut socket).await, [4]);
    node.stop().await;
}

app_test!(a_membership_that_ended_while_it_was_there, async |app| {
    ends_while_it_is_there(app, false).await;
});

app_test!(a_room_that_was_closed_while_it_was_there, async |app| {
    ends_while_it_is_there(app, true).await;
});

app_test!(rooms_that_were_left_too_long_ago, async |app| {
    let node = app.serve().await;
    for (times, recovers) in [(4, true), (5, false)] {
        let seller = app.seller().await;
        let mut socket = seller.connect(&node).await;
        // As if nothing of what follows had reached the client.
        let before = socket.memory.clone();
        for n in 0..times {
            // Two rooms.
            socket.done("join-seller-room", seller.id.as_str()).await;
            tell(app, "sellers", n).await;
            app.app.journal.flushed().await.unwrap();
            socket.done("leave-seller-room", seller.id.as_str()).await;
        }
        drop(socket.cut());
        assert_eq!(back(&node, &seller, &before).await.recovered, recovers, "{times} times");
    }
    node.stop().await;
});

app_test!(who_leaves_by_itself_has_left, async |app| {
    let node = app.serve().await;
    let seller = app.seller().await;
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let memory = socket.memory.clone();
    socket.leave().await;
    let is_gone = async || app.app.realtime.live().await.is_empty().then_some(());
    eventually("the server has heard of it", is_gone).await;
    assert!(!back(&node, &seller, &memory).await.recovered);
    node.stop().await;
});

app_test!(a_text_at_the_end_of_an_ephemeral_event_is_no_offset, async |app| {
    let node = app.serve().await;
    let seller = app.seller().await;
    let mut socket = seller.connect(&node).await;
    let before = socket.memory.offset.clone();
    app.app.realtime.emit_global_event("shout", &"hello").unwrap();
    assert_eq!(socket.event("shout").await, "hello");
    assert_eq!(socket.memory.offset, before);
    tell(app, "*", 1).await;
    assert_eq!(number(&socket.event("told").await), 1);
    assert_ne!(socket.memory.offset, before);
    let memory = socket.cut();
    assert!(back(&node, &seller, &memory).await.recovered);
    node.stop().await;
});

app_test!(
    a_client_that_was_away_for_too_long,
    [("RECOVERY_WINDOW", "10m"), ("ACCESS_TOKEN_TTL", "30d")],
    async |app| {
        let node = app.serve().await;
        let seller = app.seller().await;
        let mut socket = seller.connect(&node).await;
        socket.done("join-seller-room", seller.id.as_str()).await;
        let memory = socket.cut();
        node.stop().await;
        let app = app.another_node().await;
        app.advance(Duration::from_mins(9));
        let node = app.serve().await;
        let socket = back(&node, &seller, &memory).await;
        assert!(socket.recovered);
        let memory = socket.cut();
        node.stop().await;
        let app = app.another_node().await;
        app.advance(Duration::from_mins(11));
        let node = app.serve().await;
        assert!(!back(&node, &seller, &memory).await.recovered);
        node.stop().await;
    }
);
