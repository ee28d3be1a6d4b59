//! The journal over REST: events of other processes, and the caller's own ones.

use serde_json::json;

use super::tell;
use crate::support::app_test;

const EMIT: &str = "/api/realtime/emit";
const KEY: (&str, &str) = ("SERVICE_KEY", "a key of the tests");

app_test!(services_emit_events, [KEY], async |app| {
    let node = app.serve().await;
    let (seller, buyer) = (app.seller().await, app.buyer().await);
    let mut inside = seller.connect(&node).await;
    inside.done("join-seller-room", seller.id.as_str()).await;
    let mut outside = buyer.connect(&node).await;
    let emit = |body: serde_json::Value| app.post(EMIT).header("x-service-key", KEY.1).json(&body);
    let body = json!({ "event": "price-drop", "room": "sellers", "data": { "n": 1 }, "id": "a" });
    assert_eq!(emit(body.clone()).send().await.data(202), json!({ "repeated": false }));
    assert_eq!(emit(body.clone()).send().await.data(202), json!({ "repeated": true }));
    let other = json!({ "event": "price-drop", "room": "sellers", "data": { "n": 2 }, "id": "a" });
    emit(other).send().await.error(422, "idempotency_key_reused");
    emit(json!({ "event": "maintenance", "data": "soon" })).send().await.data(202);
    emit(json!({ "event": "empty", "room": "*" })).send().await.data(202);
    assert_eq!(inside.event("price-drop").await, json!({ "n": 1 }));
    let before = outside.memory.offset.clone();
    for socket in [&mut inside, &mut outside] {
        assert_eq!(socket.event("maintenance").await, "soon");
        assert_eq!(socket.event("empty").await, json!(null));
        assert!(socket.unread().await.is_empty());
    }
    assert_ne!(outside.memory.offset, before, "it is journaled, and carries an offset");

    app.post(EMIT).json(&body).send().await.error(401, "invalid_service_key");
    app.post(EMIT)
        .header("x-service-key", "x")
        .json(&body)
        .send()
        .await
        .error(401, "invalid_service_key");
    app.post(EMIT)
        .header("x-service-key", "x")
        .raw("text/plain", "x")
        .send()
        .await
        .error(401, "invalid_service_key");
    for event in ["", "$control", "connect", "disconnect", "session", &"x".repeat(101)] {
        emit(json!({ "event": event })).send().await.invalid(&["event"]);
    }
    emit(json!({ "event": "e", "id": "" })).send().await.invalid(&["id"]);
    assert_eq!(emit(json!({ "event": "e", "room": "nowhere" })).send().await.status, 422);
    assert_eq!(emit(json!({ "event": "e", "other": 1 })).send().await.status, 422);
    node.stop().await;
});

app_test!(without_a_key_nobody_emits, async |app| {
    app.post(EMIT).json(&json!({ "event": "e" })).send().await.error(404, "not_found");
});

app_test!(one_id_at_once_is_one_event, [KEY], async |app| {
    let body = json!({ "event": "once", "id": "b" });
    let requests = (0..8).map(|_| app.post(EMIT).header("x-service-key", KEY.1).json(&body));
    let answers = crate::support::at_once(requests.collect::<Vec<_>>()).await;
    let fresh = answers.iter().filter(|answer| answer.data(202)["repeated"] == false).count();
    assert_eq!(fresh, 1);
    assert_eq!(app.event_names_after(0).await, ["once"]);
});

app_test!(the_own_events_can_be_read, async |app| {
    let (seller, buyer) = (app.seller().await, app.buyer().await);
    let admin = app.admin().await;
    let start = seller.get("/api/events").send().await.data(200);
    assert_eq!(start["events"], json!([]));
    assert_eq!(start["reset"], false);
    let start = start["next"].as_str().unwrap().to_owned();
    tell(app, "sellers", 1).await;
    tell(app, &format!("user-{}", buyer.id), 2).await;
    tell(app, "*", 3).await;
    tell(app, &format!("seller-{}", seller.id), 4).await;
    tell(app, "admins", 5).await;
    let request = buyer.publish(&json!({ "preferredSellerIds": [seller.id] })).await;
    let request = request["_id"].as_str().unwrap();
    tell(app, &format!("request-{request}"), 6).await;
    tell(app, "request-of-others", 7).await;
    app.position().await;
    let read = async |who: &crate::support::Actor, after: &str, limit: usize| {
        let page =
            who.get(&format!("/api/events?after={after}&limit={limit}")).send().await.data(200);
        assert_eq!(page["reset"], false);
        let told: Vec<i64> = page["events"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["event"] == "told")
            .map(|event| event["data"]["n"].as_i64().unwrap())
            .collect();
        (told, page["next"].as_str().unwrap().to_owned(), page["hasMore"] == true)
    };
    assert_eq!(read(&seller, &start, 100).await.0, [1, 3, 4, 6]);
    assert_eq!(read(&buyer, &start, 100).await.0, [2, 3, 6]);
    assert_eq!(read(&admin, &start, 100).await.0, [3, 5]);
    let (mut after, mut all) = (start.clone(), Vec::new());
    loop {
        let (some, next, more) = read(&seller, &after, 1).await;
        all.extend(some);
        after = next;
        if !more {
            break;
        }
    }
    assert_eq!(all, [1, 3, 4, 6], "page by page");
    for after in ["hello", "0000000000000000.1", &format!("{start}9999999")] {
        let page = seller.get(&format!("/api/events?after={after}")).send().await.data(200);
        assert_eq!(page["reset"], true, "{after}");
        assert_eq!(page["next"], after_all(&all, &page));
    }
    app.get("/api/events").send().await.error(401, "unauthorized");
    for limit in ["0", "1001", "x"] {
        seller.get(&format!("/api/events?limit={limit}")).send().await.invalid(&["limit"]);
    }
});

/// A reset goes on from now.
fn after_all(_: &[i64], page: &serde_json::Value) -> serde_json::Value {
    assert!(page["next"].as_str().unwrap().contains('.'));
    page["next"].clone()
}
