//! Sockets as connections: their beginning, their limits and their end.

use std::time::{Duration, Instant};

use events::Room;
use serde_json::json;
use souk::journal::Control;

use crate::support::{Socket, app_test};

app_test!(a_token_opens_a_socket_while_it_lives, async |app| {
    let node = app.serve().await;
    let buyer = app.buyer().await;
    let refused = async |token: &str| {
        let error = Socket::connect(&node, &json!({ "token": token })).await.err().unwrap();
        assert_eq!(error["message"], "unauthorized");
        error["data"]["code"].as_str().unwrap().to_owned()
    };
    buyer.connect(&node).await;
    assert_eq!(refused("").await, "token_missing");
    assert_eq!(refused("x").await, "token_invalid");
    app.advance(Duration::from_hours(1));
    assert_eq!(refused(&buyer.token).await, "token_expired");
    node.stop().await;
});

app_test!(the_end_of_a_sign_in_closes_its_sockets_on_every_node, async |app| {
    let node = app.serve().await;
    let (buyer, other) = (app.buyer().await, app.buyer().await);
    let (mut closes, mut stays) = (buyer.connect(&node).await, other.connect(&node).await);
    app.control_elsewhere(&Control::SessionEnded { session: buyer.session.0.to_string() }).await;
    assert_eq!(closes.closed().await, "session ended");
    let error = Socket::connect(&node, &json!({ "token": buyer.token })).await.err().unwrap();
    assert_eq!(error["data"]["code"], "token_revoked");
    stays.done("join-user-room", other.id.as_str()).await;
    node.stop().await;
});

app_test!(ephemeral_events_reach_rooms_and_everyone, async |app| {
    let node = app.serve().await;
    let (seller, buyer) = (app.seller().await, app.buyer().await);
    let (mut inside, mut outside) = (seller.connect(&node).await, buyer.connect(&node).await);
    inside.done("join-seller-room", seller.id.as_str()).await;
    let realtime = &app.app.realtime;
    realtime.emit_to_room(Room::Sellers, "to-sellers", &json!({ "n": 1 })).unwrap();
    realtime.emit_global_event("to-all", &json!({ "n": 2 })).unwrap();
    assert_eq!(inside.event("to-sellers").await, json!({ "n": 1 }));
    for socket in [&mut inside, &mut outside] {
        assert_eq!(socket.event("to-all").await, json!({ "n": 2 }));
        assert!(socket.unread().await.is_empty());
    }
    assert_eq!(app.position().await, 0, "nothing is journaled");
    node.stop().await;
});

app_test!(
    clients_that_do_not_read_hold_up_no_stop,
    [("SHUTDOWN_GRACE", "2s"), ("SOCKET_QUEUE_MAX", "16MiB"), ("SOCKET_STALL_MAX", "1h")],
    async |app| {
        let node = app.serve().await;
        let (frozen, buyer) = (app.seller().await, app.buyer().await);
        let stream = frozen.connect(&node).await.into_stream();
        let mut reads = buyer.connect(&node).await;
        // More than the kernel's buffers take.
        let filler = "x".repeat(64 * 1024);
        for n in 0..200 {
            app.app.realtime.emit_global_event("filler", &json!([n, filler])).unwrap();
            reads.event("filler").await;
        }
        let started = Instant::now();
        node.stop().await;
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        drop(stream);
        assert_eq!(reads.closed().await, "server shutting down");
    }
);

app_test!(who_is_online_can_be_asked, [("PRESENCE_GRACE", "1h")], async |app| {
    let node = app.serve().await;
    let (here, away) = (app.seller().await, app.buyer().await);
    let mut socket = here.connect(&node).await;
    socket.done("user-online", here.id.as_str()).await;
    assert_eq!(socket.event("user-status-change").await["status"], "online");
    let path = "/api/users/presence";
    let ids = format!("{path}?ids={},{},nobody", here.id, away.id);
    let answer = away.get(&ids).send().await.data(200);
    assert_eq!(answer[0]["userId"], here.id.as_str());
    assert_eq!(answer[0]["status"], "online");
    assert!(answer[0]["lastSeen"].as_str().unwrap().ends_with('Z'));
    assert_eq!(answer[1], json!({ "userId": away.id, "status": "offline" }));
    assert_eq!(answer[2], json!({ "userId": "nobody", "status": "offline" }));

    app.get(&ids).send().await.error(401, "unauthorized");
    let too_many = vec!["u"; 101].join(",");
    for bad in ["", "?ids=", "?ids=,", "?ids=a%20b", "?other=1", &format!("?ids={too_many}")] {
        away.get(&format!("{path}{bad}")).send().await.error(422, "validation_failed");
    }
    away.get(&format!("{path}?ids=%00")).send().await.error(400, "bad_request");
    node.stop().await;
});

app_test!(the_catalogue_is_served, async |app| {
    let catalog = app.get("/api/events/catalog").send().await.data(200);
    assert_eq!(catalog, serde_json::to_value(events::catalog()).unwrap());
});
