//! Making, changing, accepting, rejecting and withdrawing offers, and what time does to them.

use std::time::Duration;

use serde_json::{Value, json};
use souk::clock::Clock as _;

use crate::support::market::{LONG_SIGN_IN, OFFERS, REQUESTS, id, offer_body};
use crate::support::{Actor, Answer, Emitted, TestApp, app_test};

fn after(app: &TestApp, seconds: i64) -> String {
    events::Timestamp::from_millis(app.clock.now().as_millis() + seconds * 1000).to_string()
}

async fn post_offer(seller: &Actor, request: &Value, changes: Value) -> Answer {
    let path = format!("{REQUESTS}/{}/offers", id(request));
    seller.post(&path).json(&offer_body(&changes)).send().await
}

async fn act(actor: &Actor, offer: &Value, action: &str) -> Answer {
    actor.post(&format!("{OFFERS}/{}/{action}", id(offer))).send().await
}

async fn status_of(seller: &Actor, offer: &Value) -> String {
    let mine = seller.get(&format!("{OFFERS}/mine?limit=100")).send().await.data(200);
    let rows = mine.as_array().expect("rows").iter();
    let row = rows.into_iter().find(|row| row["_id"] == offer["_id"]).expect("the offer");
    row["status"].as_str().expect("a status").to_owned()
}

/// Events and controls in few words, such as `status_changed payment` or `offer-rejected expired`.
fn brief(entries: &[Emitted]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let brief = |e: &Emitted| match e.name.as_str() {
        "purchase-request-update" => {
            format!("{} {}", text(&e.payload["type"]), text(&e.payload["status"]))
        }
        "seller-offer-update" => {
            format!("{} {}", text(&e.payload["eventType"]), text(&e.payload["data"]["reason"]))
        }
        "$control" => text(&e.payload["control"]),
        name => name.to_owned(),
    };
    entries.iter().map(brief).collect()
}

app_test!(an_offer_reaches_the_buyer, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let head = app.position().await;
    let until = after(app, 3600);
    let changes = json!({
        "price": { "amount": "180.5", "currency": "USD" }, "validUntil": until,
        "message": " Both in stock. ",
    });
    let offer = post_offer(&seller, &request, changes).await.data(201);
    assert_eq!(offer["requestId"], request["_id"]);
    assert_eq!(offer["sellerId"], seller.id.as_str());
    assert_eq!(offer["price"], json!({ "amount": "180.50", "currency": "USD" }));
    assert_eq!(offer["deliveryTime"], json!({ "amount": 3, "unit": "days" }));
    assert_eq!(offer["message"], "Both in stock.");
    assert_eq!((&offer["status"], &offer["validUntil"]), (&json!("pending"), &json!(until)));

    let events = app.events_after(head).await;
    assert_eq!(
        brief(&events),
        ["new-offer", "status_changed received_offers", "offer_received received_offers"]
    );
    assert_eq!(events[0].rooms(), [format!("buyer-{}", buyer.id)]);
    let payload = json!({ "requestId": id(&request), "offer": offer, "sellerId": seller.id });
    assert_eq!(events[0].payload, payload);
    for event in &events[1..] {
        assert_eq!(event.rooms(), [format!("request-{}", id(&request))]);
        assert_eq!(event.payload["requestId"], request["_id"]);
    }
    let seen = buyer.see(&request).await;
    assert_eq!((&seen["status"], &seen["offersCount"]), (&json!("received_offers"), &json!(1)));

    // The second one changes no status.
    let head = app.position().await;
    app.seller().await.make_offer(&request, &json!({})).await;
    let events = app.events_after(head).await;
    assert_eq!(brief(&events), ["new-offer", "offer_received received_offers"]);
    assert_eq!(buyer.see(&request).await["offersCount"], 2);
});

app_test!(offers_are_checked, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({ "offersUntil": after(app, 60) })).await;
    let path = format!("{REQUESTS}/{}/offers", id(&request));
    let head = app.position().await;
    let price = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let time = |amount: i64, unit: &str| json!({ "amount": amount, "unit": unit });
    for (field, value, named) in [
        ("price", price("0", "USD"), "price"),
        ("price", price("0.001", "USD"), "price"),
        ("price", price("-1", "USD"), "price.amount"),
        ("price", price("1e3", "USD"), "price.amount"),
        ("price", price("1", "EUR"), "price.currency"),
        ("price", price("1", "DOLLAR"), "price.currency"),
        ("price", json!({ "amount": 1, "currency": "USD" }), "price.amount"),
        ("deliveryTime", time(0, "days"), "deliveryTime"),
        ("deliveryTime", time(1001, "days"), "deliveryTime"),
        ("deliveryTime", time(1, "years"), "deliveryTime.unit"),
        ("message", json!("x".repeat(2001)), "message"),
        ("validUntil", json!("2020-01-01T00:00:00Z"), "validUntil"),
        ("validUntil", json!(after(app, 0)), "validUntil"),
        ("validUntil", json!(12), "validUntil"),
        ("status", json!("accepted"), "status"),
        ("sellerId", json!(buyer.id), "sellerId"),
    ] {
        post_offer(&seller, &request, json!({ field: value })).await.invalid(&[named]);
    }
    for field in ["price", "deliveryTime", "message"] {
        let answer = post_offer(&seller, &request, json!({ field: null })).await;
        answer.invalid(&[field]);
    }
    let body = offer_body(&json!({}));
    app.post(&path).json(&body).send().await.error(401, "unauthorized");
    buyer.post(&path).json(&body).send().await.error(403, "forbidden");
    app.admin().await.post(&path).json(&body).send().await.error(403, "forbidden");
    seller.post(&path).raw("application/json", "{").send().await.error(400, "malformed_json");
    seller.post(&path).raw("", "{}").send().await.error(415, "unsupported_media_type");
    let nowhere = format!("{REQUESTS}/01934e5a-0000-7000-8000-000000000000/offers");
    seller.post(&nowhere).json(&body).send().await.error(404, "not_found");
    let private = buyer.publish(&json!({ "preferredSellerIds": [app.seller().await.id] })).await;
    post_offer(&seller, &private, json!({})).await.error(404, "not_found");
    let told = app.event_names_after(head).await;
    assert_eq!(told, ["new-purchase-request"], "only the private request was told of");

    app.advance(Duration::from_mins(1));
    post_offer(&seller, &request, json!({})).await.error(409, "offers_closed");
});

app_test!(one_live_offer_for_each_seller, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let first = seller.make_offer(&request, &json!({})).await;
    post_offer(&seller, &request, json!({})).await.error(409, "offer_exists");
    act(&seller, &first, "withdraw").await.data(200);
    let second = seller.make_offer(&request, &json!({})).await;
    buyer.accept(&second).await;
    // The request is still seen, and no longer open.
    post_offer(&seller, &request, json!({})).await.error(409, "request_not_open");
    let other = buyer.publish(&json!({})).await;
    seller.make_offer(&other, &json!({})).await;
});

app_test!(a_key_makes_one_offer_and_accepts_it_once, async |app| {
    let (buyer, seller, other) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let path = format!("{REQUESTS}/{}/offers", id(&request));
    let post =
        async |key: &str| seller.post(&path).key(key).json(&offer_body(&json!({}))).send().await;
    let (first, again) = (post("k").await, post("k").await);
    assert_eq!((first.data(201), &first.body), (again.data(201), &again.body));
    post("other").await.error(409, "offer_exists");
    let offer = first.data(201);
    let rival = other.make_offer(&request, &json!({})).await;
    let head = app.position().await;
    let accept = async |offer: &Value, key: &str| {
        buyer.post(&format!("{OFFERS}/{}/accept", id(offer))).key(key).send().await
    };
    let (first, again) = (accept(&offer, "a").await, accept(&offer, "a").await);
    assert_eq!((first.data(200), &first.body), (again.data(200), &again.body));
    assert_eq!(app.events_after(head).await.len(), 3);
    accept(&offer, "b").await.error(409, "offer_not_pending");
    accept(&rival, "a").await.error(422, "idempotency_key_reused");
});

app_test!(lists_of_offers, async |app| {
    let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
    let (request, other) = (buyer.publish(&json!({})).await, buyer.publish(&json!({})).await);
    let a = one.make_offer(&request, &json!({})).await;
    app.advance(Duration::from_millis(10));
    let b = two.make_offer(&request, &json!({})).await;
    app.advance(Duration::from_millis(10));
    let c = one.make_offer(&other, &json!({})).await;
    act(&one, &a, "withdraw").await.data(200);
    let path = format!("{REQUESTS}/{}/offers", id(&request));
    let ids = |list: &Value| -> Vec<Value> {
        list["data"].as_array().expect("rows").iter().map(|row| row["_id"].clone()).collect()
    };
    let list = async |actor: &Actor, path: &str| ids(&actor.get(path).send().await.expect(200));
    for whole in [&buyer, &app.admin().await] {
        assert_eq!(list(whole, &path).await, [b["_id"].clone(), a["_id"].clone()]);
        let pending = format!("{path}?status=pending");
        assert_eq!(list(whole, &pending).await, [b["_id"].clone()]);
    }
    assert_eq!(list(&one, &path).await, [a["_id"].clone()]);
    assert_eq!(list(&two, &path).await, [b["_id"].clone()]);
    app.buyer().await.get(&path).send().await.error(404, "not_found");
    app.get(&path).send().await.error(401, "unauthorized");
    let mine = format!("{OFFERS}/mine");
    assert_eq!(list(&one, &mine).await, [c["_id"].clone(), a["_id"].clone()]);
    assert_eq!(list(&one, &format!("{mine}?status=withdrawn")).await, [a["_id"].clone()]);
    let all = format!("{mine}?status=withdrawn,pending&limit=1&page=2");
    let page = one.get(&all).send().await.expect(200);
    assert_eq!(ids(&page), [a["_id"].clone()]);
    let pagination = json!({ "page": 2, "limit": 1, "total": 2, "hasMore": false });
    assert_eq!(page["pagination"], pagination);
    app.get(&mine).send().await.error(401, "unauthorized");
    buyer.get(&mine).send().await.error(403, "forbidden");
    app.admin().await.get(&mine).send().await.error(403, "forbidden");
    one.get(&format!("{mine}?status=active")).send().await.invalid(&["status"]);
    one.get(&format!("{path}?limit=1000")).send().await.invalid(&["limit"]);
});

app_test!(a_pending_offer_can_be_changed, [LONG_SIGN_IN], async |app| {
    let (buyer, seller, other) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({ "offersUntil": after(app, 7200) })).await;
    let offer = seller.make_offer(&request, &json!({ "validUntil": after(app, 600) })).await;
    let path = format!("{OFFERS}/{}", id(&offer));
    let head = app.position().await;
    let until = after(app, 3600);
    let changes = json!({
        "price": { "amount": "9", "currency": "USD" }, "message": "Better.",
        "deliveryTime": { "amount": 2, "unit": "weeks" }, "validUntil": until,
    });
    let changed = seller.patch(&path).json(&changes).send().await.data(200);
    assert_eq!(changed["price"]["amount"], "9.00");
    assert_eq!(changed["message"], "Better.");
    assert_eq!(changed["deliveryTime"], changes["deliveryTime"]);
    assert_eq!(changed["validUntil"], until);
    let events = app.events_after(head).await;
    assert_eq!(brief(&events), ["details_updated received_offers"]);
    assert_eq!(events[0].rooms(), [format!("request-{}", id(&request))]);
    let head = app.position().await;
    assert_eq!(seller.patch(&path).json(&json!({})).send().await.data(200), changed);
    assert_eq!(app.position().await, head, "no change is no event");

    let change = json!({ "message": "x" });
    app.patch(&path).json(&change).send().await.error(401, "unauthorized");
    buyer.patch(&path).json(&change).send().await.error(403, "forbidden");
    app.admin().await.patch(&path).json(&change).send().await.error(403, "forbidden");
    other.patch(&path).json(&change).send().await.error(404, "not_found");
    app.buyer().await.patch(&path).json(&change).send().await.error(404, "not_found");
    let nothing = format!("{OFFERS}/nothing");
    seller.patch(&nothing).json(&change).send().await.error(404, "not_found");
    for (field, value, named) in [
        ("price", json!({ "amount": "1", "currency": "EUR" }), "price.currency"),
        ("price", json!({ "amount": "0", "currency": "USD" }), "price"),
        ("price", json!(null), "price"),
        ("message", json!(null), "message"),
        ("validUntil", json!("2020-01-01T00:00:00Z"), "validUntil"),
        ("deliveryTime", json!({ "amount": 0, "unit": "days" }), "deliveryTime"),
        ("status", json!("accepted"), "status"),
    ] {
        seller.patch(&path).json(&json!({ field: value })).send().await.invalid(&[named]);
    }

    // The first end of validity passes; the offer goes by the new one.
    app.advance(Duration::from_mins(11));
    app.run_timers().await;
    assert_eq!(status_of(&seller, &offer).await, "pending");
    app.advance(Duration::from_mins(50));
    seller.patch(&path).json(&change).send().await.error(409, "offer_expired");
    app.run_timers().await;
    assert_eq!(status_of(&seller, &offer).await, "expired");
    seller.patch(&path).json(&change).send().await.error(409, "offer_not_pending");

    let lasting = seller.make_offer(&request, &json!({ "validUntil": after(app, 60) })).await;
    let path = format!("{OFFERS}/{}", id(&lasting));
    let clear = json!({ "validUntil": null });
    assert!(seller.patch(&path).json(&clear).send().await.data(200).get("validUntil").is_none());
    app.advance(Duration::from_hours(2));
    app.run_timers().await;
    assert_eq!(status_of(&seller, &lasting).await, "pending");
    seller.patch(&path).json(&change).send().await.error(409, "offers_closed");
    buyer.accept(&lasting).await;
    seller.patch(&path).json(&change).send().await.error(409, "offer_not_pending");
});

app_test!(an_accepted_offer_ends_the_others, async |app| {
    let (buyer, winner, loser) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let won = winner.make_offer(&request, &json!({})).await;
    let lost = loser.make_offer(&request, &json!({})).await;
    let head = app.position().await;
    let accepted = buyer.accept(&won).await;
    assert_eq!((&accepted["_id"], &accepted["status"]), (&won["_id"], &json!("accepted")));
    assert_eq!(status_of(&loser, &lost).await, "rejected");
    let seen = buyer.see(&request).await;
    assert_eq!((&seen["status"], &seen["selectedOfferId"]), (&json!("payment"), &won["_id"]));
    assert_eq!(winner.see(&request).await["deliveryInfo"], request["deliveryInfo"]);
    assert!(loser.see(&request).await.get("selectedOfferId").is_none());

    let entries = app.entries_after(head).await;
    // The losers leave the room before it hears of anything.
    assert_eq!(
        brief(&entries),
        [
            "room_closed",
            "offer-accepted -",
            "offer-rejected another_offer_won",
            "status_changed payment"
        ]
    );
    let room = format!("request-{}", id(&request));
    let closed = json!({ "control": "room_closed", "room": room, "keep": [buyer.id, winner.id] });
    assert_eq!(entries[0].payload, closed);
    assert_eq!(entries[1].rooms(), [format!("seller-{}", winner.id)]);
    let told = json!({
        "sellerId": winner.id, "requestId": id(&request), "eventType": "offer-accepted",
        "data": { "offerId": id(&won), "isSelected": true },
    });
    assert_eq!(entries[1].payload, told);
    assert_eq!(entries[2].rooms(), [format!("seller-{}", loser.id)]);
    assert_eq!(entries[2].payload["data"]["isSelected"], false);
    assert_eq!(entries[3].rooms(), [room]);

    for (offer, action) in
        [(&won, "accept"), (&lost, "accept"), (&won, "reject"), (&lost, "reject")]
    {
        act(&buyer, offer, action).await.error(409, "offer_not_pending");
    }
    act(&winner, &won, "withdraw").await.error(409, "offer_not_pending");
    assert_eq!(app.entries_after(head).await.len(), 4);
});

app_test!(who_decides_on_an_offer, async |app| {
    let (buyer, seller, other) = (app.buyer().await, app.seller().await, app.seller().await);
    let (stranger, admin) = (app.buyer().await, app.admin().await);
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;
    let head = app.position().await;
    for action in ["accept", "reject", "withdraw"] {
        let path = format!("{OFFERS}/{}/{action}", id(&offer));
        app.post(&path).send().await.error(401, "unauthorized");
        for nobody in [&other, &stranger] {
            act(nobody, &offer, action).await.error(404, "not_found");
        }
        act(&admin, &offer, action).await.error(403, "forbidden");
        let wrong = if action == "withdraw" { &buyer } else { &seller };
        act(wrong, &offer, action).await.error(403, "forbidden");
        let nothing = json!({ "_id": "01934e5a-0000-7000-8000-000000000000" });
        act(&buyer, &nothing, action).await.error(404, "not_found");
    }
    assert_eq!(app.position().await, head);
    assert_eq!(status_of(&seller, &offer).await, "pending");
});

app_test!(a_rejected_offer, async |app| {
    let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let first = one.make_offer(&request, &json!({})).await;
    let second = two.make_offer(&request, &json!({})).await;
    let path = format!("{OFFERS}/{}/reject", id(&first));
    for wrong in [json!({ "reason": " " }), json!({ "reason": "x".repeat(501) })] {
        buyer.post(&path).json(&wrong).send().await.invalid(&["reason"]);
    }
    buyer.post(&path).raw("application/json", "{").send().await.error(400, "malformed_json");
    let head = app.position().await;
    let reason = json!({ "reason": " Too late " });
    let rejected = buyer.post(&path).json(&reason).send().await.data(200);
    assert_eq!(rejected["status"], "rejected");
    let entries = app.entries_after(head).await;
    assert_eq!(brief(&entries), ["offer-rejected Too late", "membership_ended"]);
    assert_eq!(entries[0].rooms(), [format!("seller-{}", one.id)]);
    let room = format!("request-{}", id(&request));
    let ended = json!({ "control": "membership_ended", "user": one.id, "room": room });
    assert_eq!(entries[1].payload, ended);
    assert_eq!(buyer.see(&request).await["status"], "received_offers");

    let head = app.position().await;
    act(&buyer, &second, "reject").await.data(200);
    let told = ["offer-rejected -", "membership_ended", "status_changed active"];
    assert_eq!(brief(&app.entries_after(head).await), told);
    assert_eq!(buyer.see(&request).await["status"], "active");
    act(&buyer, &second, "reject").await.error(409, "offer_not_pending");
});

app_test!(a_withdrawn_offer, async |app| {
    let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({ "preferredSellerIds": [one.id, two.id] })).await;
    let first = one.make_offer(&request, &json!({})).await;
    two.make_offer(&request, &json!({})).await;
    let head = app.position().await;
    assert_eq!(act(&one, &first, "withdraw").await.data(200)["status"], "withdrawn");
    // An invited seller stays in the room.
    let told = ["offer_withdrawn received_offers"];
    assert_eq!(brief(&app.entries_after(head).await), told);

    let public = buyer.publish(&json!({})).await;
    let only = one.make_offer(&public, &json!({})).await;
    let head = app.position().await;
    act(&one, &only, "withdraw").await.data(200);
    let entries = app.entries_after(head).await;
    let told = ["status_changed active", "offer_withdrawn active", "membership_ended"];
    assert_eq!(brief(&entries), told);
    assert_eq!(entries[1].rooms(), [format!("request-{}", id(&public))]);
    assert_eq!(buyer.see(&public).await["status"], "active");
});

app_test!(an_expired_offer, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({ "validUntil": after(app, 60) })).await;
    let head = app.position().await;
    assert_eq!(app.run_timers().await, 0);
    app.advance(Duration::from_mins(1));
    // Past its end it cannot be accepted, although the timer has not run.
    act(&buyer, &offer, "accept").await.error(409, "offer_expired");
    assert_eq!(app.run_timers().await, 1);
    let entries = app.entries_after(head).await;
    assert_eq!(
        brief(&entries),
        [
            "offer-rejected expired",
            "membership_ended",
            "status_changed active",
            "offer_withdrawn active"
        ]
    );
    assert_eq!(entries[0].rooms(), [format!("seller-{}", seller.id)]);
    assert_eq!(status_of(&seller, &offer).await, "expired");
    assert_eq!(buyer.see(&request).await["status"], "active");
    seller.make_offer(&request, &json!({})).await;
});

app_test!(a_timer_that_comes_too_late, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({ "validUntil": after(app, 60) })).await;
    buyer.accept(&offer).await;
    let head = app.position().await;
    app.advance(Duration::from_mins(2));
    assert_eq!(app.run_timers().await, 1);
    assert_eq!(app.position().await, head);
    assert_eq!(status_of(&seller, &offer).await, "accepted");
});

app_test!(
    an_unpaid_offer_frees_the_request,
    [LONG_SIGN_IN, ("PAYMENT_TIMEOUT", "2h")],
    async |app| {
        let (buyer, seller) = (app.buyer().await, app.seller().await);
        let request = buyer.publish(&json!({})).await;
        let offer = seller.make_offer(&request, &json!({})).await;
        buyer.accept(&offer).await;
        let head = app.position().await;
        app.advance(Duration::from_mins(119));
        app.run_timers().await;
        assert_eq!(buyer.see(&request).await["status"], "payment");
        app.advance(Duration::from_mins(1));
        assert_eq!(app.run_timers().await, 1);
        let seen = buyer.see(&request).await;
        assert_eq!(seen["status"], "active");
        assert!(seen.get("selectedOfferId").is_none());
        assert_eq!(status_of(&seller, &offer).await, "expired");
        assert!(seller.see(&request).await.get("deliveryInfo").is_none());
        let told = ["offer-rejected payment_timeout", "membership_ended", "status_changed active"];
        assert_eq!(brief(&app.entries_after(head).await), told);
        // And it goes on from there.
        let again = seller.make_offer(&request, &json!({})).await;
        buyer.accept(&again).await;
        assert_eq!(buyer.see(&request).await["selectedOfferId"], again["_id"]);
    }
);

app_test!(a_paid_offer_does_not_time_out, [LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;
    buyer.accept(&offer).await;
    let mut tx = app.app.begin().await.expect("a transaction");
    let id: events::RequestId = id(&request).parse().expect("an id");
    let locked = souk::requests::service::lock_for_system(&mut tx, &id).await.expect("a lock");
    let mut paid = locked.expect("the request");
    souk::requests::service::advance(&mut tx, &mut paid, souk::requests::model::Input::Paid)
        .await
        .expect("an edge");
    tx.commit().await.expect("a commit");
    let head = app.position().await;
    app.advance(Duration::from_hours(25));
    assert_eq!(app.run_timers().await, 1);
    assert_eq!(app.position().await, head);
    let seen = buyer.see(&request).await;
    assert_eq!((&seen["status"], &seen["selectedOfferId"]), (&json!("processing"), &offer["_id"]));
});
