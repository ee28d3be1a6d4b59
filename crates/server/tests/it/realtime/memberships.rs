//! A membership that ends takes its sockets out of the room, at its place among the events.

use events::marketplace::{DeliveryCodeGenerated, DeliveryConfirmed};
use events::{Owner, RequestId, Room};
use serde_json::{Value, json};
use souk::journal::Control;

use crate::support::market::id;
use crate::support::{Actor, Socket, TestApp, app_test};

/// A request's room with the buyer, two sellers and an administrator in it.
struct Scene {
    request: RequestId,
    buyer: Actor,
    sellers: [Actor; 2],
    offers: [Value; 2],
    buys: Socket,
    sells: [Socket; 2],
    watches: Socket,
}

async fn scene(app: &TestApp, node: &souk::node::Node) -> Scene {
    let (buyer, admin) = (app.buyer().await, app.admin().await);
    let sellers = [app.seller().await, app.seller().await];
    let document = buyer.publish(&json!({})).await;
    let offers = [
        sellers[0].make_offer(&document, &json!({})).await,
        sellers[1].make_offer(&document, &json!({})).await,
    ];
    let request: RequestId = id(&document).parse().unwrap();
    // What came before is not for this test.
    app.app.journal.flushed().await.unwrap();
    let mut sockets = Vec::new();
    for actor in [&buyer, &sellers[0], &sellers[1], &admin] {
        let mut socket = actor.connect(node).await;
        socket.done("join-request-room", request.as_str()).await;
        sockets.push(socket);
    }
    let [buys, one, two, watches] = sockets.try_into().ok().unwrap();
    Scene { request, buyer, sellers, offers, buys, sells: [one, two], watches }
}

async fn confirm(app: &TestApp, request: &RequestId) {
    let mut tx = app.app.begin().await.unwrap();
    tx.emit(DeliveryConfirmed { request_id: request.clone() }, &()).unwrap();
    tx.commit().await.unwrap();
}

app_test!(who_loses_a_membership_sees_what_came_before_and_nothing_after, async |app| {
    let node = app.serve().await;
    let Scene { request, sellers, mut buys, sells: [mut leaves, mut stays], mut watches, .. } =
        scene(app, &node).await;
    // One transaction, so that nothing but the order of its entries decides.
    let mut tx = app.app.begin().await.unwrap();
    tx.emit(DeliveryConfirmed { request_id: request.clone() }, &()).unwrap();
    let room = Room::Request(request.clone());
    let user = sellers[0].id.clone();
    tx.control(Control::MembershipEnded { user, room: room.clone() }).unwrap();
    tx.emit_to_room(room, "after", &json!({})).unwrap();
    tx.commit().await.unwrap();
    for socket in [&mut buys, &mut stays, &mut watches] {
        socket.event("delivery-confirmed").await;
        socket.event("after").await;
    }
    assert_eq!(leaves.unread().await, ["delivery-confirmed"]);
    node.stop().await;
});

app_test!(a_room_that_closes_keeps_those_who_stay, async |app| {
    let node = app.serve().await;
    let Scene {
        request,
        buyer,
        sellers,
        mut buys,
        sells: [mut leaves, mut stays],
        mut watches,
        ..
    } = scene(app, &node).await;
    // A second socket of somebody who leaves.
    let mut tab = sellers[0].connect(&node).await;
    tab.done("join-request-room", request.as_str()).await;
    let room = Room::Request(request.clone());
    let keep = vec![buyer.id.clone(), sellers[1].id.clone()];
    let mut tx = app.app.begin().await.unwrap();
    tx.emit_to_room(room.clone(), "before", &json!({})).unwrap();
    tx.control(Control::RoomClosed { room: room.clone(), keep }).unwrap();
    tx.emit_to_room(room, "after", &json!({})).unwrap();
    tx.commit().await.unwrap();
    for socket in [&mut buys, &mut stays, &mut watches] {
        socket.event("before").await;
        socket.event("after").await;
    }
    for socket in [&mut leaves, &mut tab] {
        assert_eq!(socket.unread().await, ["before"]);
    }
    node.stop().await;
});

app_test!(
    a_join_that_meets_the_end_of_its_membership_never_outlives_it,
    [("SOCKET_EVENTS_PER_SECOND", "0")],
    async |app| {
        let node = app.serve().await;
        for round in 0..25 {
            let Scene { request, buyer, sellers, offers, mut buys, .. } = scene(app, &node).await;
            let mut sockets = Vec::new();
            for _ in 0..8 {
                sockets.push(sellers[0].connect(&node).await);
            }
            // All of them join all the while the other offer is accepted.
            let joins = sockets.into_iter().map(async |mut socket| {
                while socket.ask("join-request-room", request.as_str()).await["ok"] == true {}
                socket
            });
            let accept = buyer.accept(&offers[1]);
            let (_, sockets) = tokio::join!(accept, futures_util::future::join_all(joins));
            app.app.journal.flushed().await.unwrap();
            confirm(app, &request).await;
            buys.event("delivery-confirmed").await;
            for mut socket in sockets {
                let seen = socket.unread().await;
                assert!(
                    !seen.contains(&"delivery-confirmed".to_owned()),
                    "round {round}: {seen:?}"
                );
            }
        }
        node.stop().await;
    }
);

app_test!(a_code_is_for_its_holder, async |app| {
    let node = app.serve().await;
    let Scene { request, sellers, mut buys, sells: [mut holds, mut other], .. } =
        scene(app, &node).await;
    // The holder's socket outside of the room is not meant.
    let mut outside = sellers[0].connect(&node).await;
    let mut tx = app.app.begin().await.unwrap();
    let event = DeliveryCodeGenerated {
        request_id: request.clone(),
        delivery_code: Some("123456".to_owned()),
    };
    tx.emit(event, &Owner(sellers[0].id.clone())).unwrap();
    tx.commit().await.unwrap();
    let name = "delivery-code-generated";
    let with_code = json!({ "requestId": request, "deliveryCode": "123456" });
    assert_eq!(holds.event(name).await, with_code);
    for socket in [&mut buys, &mut other] {
        assert_eq!(socket.event(name).await, json!({ "requestId": request }));
    }
    for socket in [&mut holds, &mut buys, &mut other, &mut outside] {
        assert!(socket.unread().await.is_empty(), "each once");
    }
    node.stop().await;
});
