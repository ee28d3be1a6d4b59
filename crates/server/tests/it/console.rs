//! What operators see, and what Prometheus reads.

use serde_json::{Value, json};

use crate::support::market::id;
use crate::support::money::SANDBOX;
use crate::support::{TestApp, app_test};

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

async fn metric(app: &TestApp, name: &str) -> f64 {
    let answer = app.get("/metrics").send().await;
    assert_eq!(answer.status, 200);
    let prefix = format!("{name} ");
    let value = answer.body.lines().find_map(|line| line.strip_prefix(&prefix));
    value.unwrap_or_else(|| panic!("no {name} in {}", answer.body)).parse().expect("a number")
}

app_test!(sockets_are_listed_with_user_rooms_and_transport, async |app| {
    let node = app.serve().await;
    let (admin, seller) = (app.admin().await, app.seller().await);
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    let live = admin.get("/api/console/sockets").send().await.data(200);
    let own = app.app.bus.node();
    assert_eq!(live["nodes"], json!([{ "id": own, "answered": true, "sockets": 1 }]));
    let list = live["sockets"].as_array().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((&list[0]["userId"], &list[0]["node"]), (&json!(seller.id), &json!(own)));
    assert_eq!((&list[0]["role"], &list[0]["transport"]), (&json!("seller"), &json!("websocket")));
    assert_eq!(list[0]["queuedBytes"], 0);
    assert!(list[0]["name"].is_string());
    let rooms = texts(&list[0]["rooms"]);
    assert!(rooms.contains(&"sellers") && rooms.contains(&&*format!("seller-{}", seller.id)));

    let stats = admin.get("/api/console/stats").send().await.data(200);
    assert_eq!((&stats["sockets"], &stats["websocket"]), (&json!(1), &json!(1)));
    drop(socket);
    node.stop().await;
});

app_test!(the_journal_runs_in_order, async |app| {
    let (admin, buyer) = (app.admin().await, app.buyer().await);
    let page = async |query: &str| {
        app.app.journal.settle().await.expect("the journal settles");
        admin.get(&format!("/api/console/journal{query}")).send().await.data(200)
    };
    let first = buyer.publish(&json!({ "title": "The first" })).await;
    let newest = page("?limit=1").await;
    assert_eq!(newest["entries"][0]["name"], "new-purchase-request");
    assert_eq!(newest["entries"][0]["rooms"], json!(["sellers"]));
    assert_eq!(newest["entries"][0]["payload"]["_id"], first["_id"]);
    let after = newest["next"].as_i64().unwrap();
    assert_eq!(page(&format!("?after={after}")).await, json!({ "entries": [], "next": after }));
    for title in ["The second", "The third"] {
        buyer.publish(&json!({ "title": title })).await;
    }
    let more = page(&format!("?after={after}&limit=500")).await;
    let entries = more["entries"].as_array().unwrap();
    let titles: Vec<_> = entries.iter().map(|entry| &entry["payload"]["title"]).collect();
    assert_eq!(titles, ["The second", "The third"]);
    assert_eq!(more["next"], entries[1]["position"]);
    admin.get("/api/console/journal?limit=501").send().await.invalid(&["limit"]);
});

app_test!(a_timeline_has_the_events_and_the_money_of_a_deal, [SANDBOX], async |app| {
    let (admin, buyer, seller) = (app.admin().await, app.buyer().await, app.seller().await);
    let (deal, _) = buyer.paid_deal(&seller, "100.00").await;
    let (other, _) = buyer.paid_deal(&seller, "7.00").await;
    let path = format!("/api/console/deals/{}/timeline", id(&deal.request));
    app.app.journal.settle().await.expect("the journal settles");
    let timeline = admin.get(&path).send().await.data(200);
    let entries = timeline["entries"].as_array().unwrap();
    let of = |kind: &str| entries.iter().filter(|e| e["kind"] == kind).collect::<Vec<_>>();
    let names: Vec<_> = of("event").iter().map(|e| e["name"].as_str().unwrap()).collect();
    for name in ["new-purchase-request", "new-offer", "seller-offer-update", "payment-created"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let booked = of("ledger");
    assert!(!booked.is_empty());
    assert!(booked.iter().any(|e| e["detail"]["amount"] == "100.00"), "{booked:?}");
    assert!(booked.iter().all(|e| e["detail"]["amount"] != "7.00"), "another deal's");
    let times: Vec<_> = entries.iter().map(|e| e["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let text = timeline.to_string();
    assert!(!text.contains(id(&other.request)), "another deal's");
});

app_test!(a_delivery_code_is_shown_to_no_operator, [SANDBOX], async |app| {
    let deal = app.funded_deal().await.shipped().await;
    let code = deal.generate_code().await;
    let admin = app.admin().await;
    app.app.journal.settle().await.expect("the journal settles");
    for path in ["journal?limit=500".to_owned(), format!("deals/{}/timeline", deal.id())] {
        let answer = admin.get(&format!("/api/console/{path}")).send().await.data(200);
        let text = answer.to_string();
        assert!(text.contains("delivery-code-generated") && !text.contains(&code), "{path}");
    }
});

app_test!(prometheus_reads_figures, async |app| {
    let node = app.serve().await;
    let seller = app.seller().await;
    let mut socket = seller.connect(&node).await;
    socket.done("join-seller-room", seller.id.as_str()).await;
    app.buyer().await.publish(&json!({})).await;
    socket.event("new-purchase-request").await;
    assert!((metric(app, "souk_sockets").await - 1.0).abs() < f64::EPSILON);
    assert!(metric(app, "souk_packets_sent_total").await >= 3.0);
    assert!(metric(app, "souk_commit_to_client_seconds_count").await >= 1.0);
    assert!(metric(app, "souk_journal_position").await >= 1.0);
    drop(socket);
    node.stop().await;
});
