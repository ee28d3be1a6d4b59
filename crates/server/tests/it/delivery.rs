//! Shipping, delivery codes, and who learns what of them.

use std::time::Duration;

use db::{args, sql};
use serde_json::{Value, json};

use crate::support::deal::Deal;
use crate::support::market::{LONG_SIGN_IN, REQUESTS, id};
use crate::support::money::SANDBOX;
use crate::support::{Actor, Answer, TestApp, app_test, at_once, one_of_a_crowd};

const BUYER_HOLDS: (&str, &str) = ("DELIVERY_CODE_HOLDER", "buyer");
const OPEN: (&str, &str) = ("REALTIME_ACCESS", "open");

async fn ship(actor: &Actor, deal: &Deal, body: &Value) -> Answer {
    actor.put(&deal.path("delivery")).json(body).send().await
}

async fn generate(actor: &Actor, deal: &Deal) -> Answer {
    actor.post(&deal.path("delivery-code/generate")).send().await
}

async fn enter(actor: &Actor, deal: &Deal, code: &str) -> Answer {
    actor.post(&deal.path("delivery-code/verify")).json(&json!({ "code": code })).send().await
}

/// A code that is not this one.
fn another(code: &str) -> String {
    let number: u32 = code.parse().expect("a number");
    format!("{:06}", (number + 1) % 1_000_000)
}

app_test!(a_shipment_moves_the_deal_once, [SANDBOX], async |app| {
    let deal = app.funded_deal().await;
    let preparing = ship(&deal.seller, &deal, &json!({ "status": "preparing" })).await.data(200);
    assert_eq!(preparing["requestStatus"], "processing");
    let head = app.position().await;
    let body = json!({ "status": "shipped", "carrier": " CTT ", "trackingNumber": "RR1" });
    let shipped = ship(&deal.seller, &deal, &body).await.data(200);
    let expected = json!({
        "requestId": deal.id(), "requestStatus": "delivery", "status": "shipped",
        "carrier": "CTT", "trackingNumber": "RR1",
    });
    assert_eq!(shipped, expected);
    let events = app.events_after(head).await;
    let told: Vec<_> = events.iter().map(|event| (&*event.name, event.rooms())).collect();
    let room = vec![deal.room()];
    assert_eq!(told, [("purchase-request-update", room.clone()), ("delivery-update", room)]);
    assert_eq!(events[0].payload["status"], "delivery");
    let update = json!({
        "requestId": deal.id(), "status": "shipped", "carrier": "CTT", "trackingNumber": "RR1",
    });
    assert_eq!(events[1].payload, update);

    // The next word is only told, and what it leaves out stays.
    let head = app.position().await;
    let body = json!({ "status": "in_transit", "trackingNumber": "RR2" });
    ship(&deal.seller, &deal, &body).await.data(200);
    let events = app.events_after(head).await;
    assert_eq!(events.len(), 1);
    let update = json!({
        "requestId": deal.id(), "status": "in_transit", "carrier": "CTT", "trackingNumber": "RR2",
    });
    assert_eq!(events[0].payload, update);
    ship(&deal.seller, &deal, &json!({ "status": "preparing" })).await.error(409, "wrong_state");
    // The carrier's word is not the buyer's.
    ship(&deal.seller, &deal, &json!({ "status": "delivered" })).await.data(200);
    assert_eq!(deal.status().await, "delivery");
    let seen = deal.buyer.get(&deal.path("delivery")).send().await.data(200);
    assert_eq!((&seen["status"], &seen["carrier"]), (&json!("delivered"), &json!("CTT")));
});

app_test!(who_ships_and_when, [SANDBOX], async |app| {
    let (rival, stranger, admin) = (app.seller().await, app.buyer().await, app.admin().await);
    let body = json!({ "status": "shipped" });
    let unpaid = Deal::accepted(app.buyer().await, app.seller().await).await;
    ship(&unpaid.seller, &unpaid, &body).await.error(409, "wrong_state");
    generate(&unpaid.seller, &unpaid).await.error(409, "wrong_state");
    enter(&unpaid.buyer, &unpaid, "123456").await.error(409, "wrong_state");
    let deal = app.funded_deal().await;
    let head = app.position().await;
    for nobody in [&rival, &stranger] {
        ship(nobody, &deal, &body).await.error(404, "not_found");
        generate(nobody, &deal).await.error(404, "not_found");
        enter(nobody, &deal, "123456").await.error(404, "not_found");
        nobody.get(&deal.path("delivery")).send().await.error(404, "not_found");
    }
    for other in [&deal.buyer, &admin] {
        ship(other, &deal, &body).await.error(403, "forbidden");
        generate(other, &deal).await.error(403, "forbidden");
    }
    for other in [&deal.seller, &admin] {
        enter(other, &deal, "123456").await.error(403, "forbidden");
    }
    // Paid and not shipped: there is nothing to hand over.
    generate(&deal.seller, &deal).await.error(409, "wrong_state");
    enter(&deal.buyer, &deal, "123456").await.error(409, "wrong_state");
    for (body, field) in [
        (json!({}), "status"),
        (json!({ "status": "lost" }), "status"),
        (json!({ "status": "shipped", "carrier": "" }), "carrier"),
        (json!({ "status": "shipped", "trackingNumber": "x".repeat(101) }), "trackingNumber"),
        (json!({ "status": "shipped", "price": 1 }), "price"),
    ] {
        ship(&deal.seller, &deal, &body).await.invalid(&[field]);
    }
    for wrong in ["", "12345", "1234567", "12345x"] {
        enter(&deal.buyer, &deal, wrong).await.invalid(&["code"]);
    }
    app.put(&deal.path("delivery")).json(&body).send().await.error(401, "unauthorized");
    assert_eq!(app.position().await, head);
    // Who lost against the chosen seller knows of the request, and has no part in the deal.
    let (buyer, winner, loser) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    loser.make_offer(&request, &json!({})).await;
    let offer = winner.make_offer(&request, &json!({})).await;
    buyer.accept(&offer).await;
    let path = format!("{REQUESTS}/{}/delivery", id(&request));
    loser.put(&path).json(&body).send().await.error(403, "forbidden");
    loser.get(&path).send().await.error(403, "forbidden");
});

/// The deliveries of the newest `delivery-code-generated`: rooms, who alone, who not, the code.
async fn generated(app: &TestApp, after: i64) -> Vec<(Vec<String>, Value, Value, Value)> {
    let events = app.events_after(after).await;
    events
        .iter()
        .map(|event| {
            assert_eq!(event.name, "delivery-code-generated");
            let user = |user: &Option<events::UserId>| json!(user);
            let code = event.payload.get("deliveryCode").cloned().unwrap_or_default();
            (event.rooms(), user(&event.audience.only), user(&event.audience.except), code)
        })
        .collect()
}

app_test!(the_seller_shows_the_code, [SANDBOX], async |app| {
    let deal = app.shipped_deal().await;
    let head = app.position().await;
    let made = generate(&deal.seller, &deal).await.data(200);
    let code = made["deliveryCode"].as_str().expect("a code").to_owned();
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    assert_eq!((&made["holder"], &made["triesLeft"]), (&json!("seller"), &json!(5)));
    let told = generated(app, head).await;
    let (room, seller) = (vec![deal.room()], json!(deal.seller.id));
    assert_eq!(told.len(), 2);
    assert_eq!((&told[0].0, &told[0].1, &told[0].2), (&room, &seller, &Value::Null));
    assert_eq!(told[1], (room, Value::Null, seller, Value::Null));
    generate(&deal.buyer, &deal).await.error(403, "forbidden");
    enter(&deal.seller, &deal, &code).await.error(403, "forbidden");
    for actor in [&deal.seller, &deal.buyer] {
        let seen = actor.get(&deal.path("delivery")).send().await.data(200);
        assert_eq!(
            (&seen["code"]["triesLeft"], &seen["code"]["holder"]),
            (&json!(5), &json!("seller"))
        );
        assert!(seen["code"].get("deliveryCode").is_none());
    }

    let head = app.position().await;
    let received = enter(&deal.buyer, &deal, &code).await.data(200);
    assert_eq!(received["status"], "delivered");
    let events = app.events_after(head).await;
    let told: Vec<_> = events.iter().map(|event| (&*event.name, event.rooms())).collect();
    let expected = [
        ("purchase-request-update", vec![deal.room()]),
        ("delivery-confirmed", vec![deal.room()]),
        ("buyer-confirmed-delivery", vec![format!("user-{}", deal.seller.id)]),
    ];
    assert_eq!(told, expected);
    assert_eq!(events[0].payload["status"], "delivered");
    assert_eq!(events[1].payload, json!({ "requestId": deal.id() }));
    assert_eq!(events[2].payload, json!({ "requestId": deal.id(), "buyerId": deal.buyer.id }));
    // It is used.
    enter(&deal.buyer, &deal, &code).await.error(409, "wrong_state");
    generate(&deal.seller, &deal).await.error(409, "wrong_state");
    ship(&deal.seller, &deal, &json!({ "status": "shipped" })).await.error(409, "wrong_state");
    let seen = deal.buyer.get(&deal.path("delivery")).send().await.data(200);
    assert!(seen.get("code").is_none() && seen["deliveredAt"].is_string());
});

app_test!(in_open_access_the_room_sees_the_code, [SANDBOX, OPEN], async |app| {
    let deal = app.shipped_deal().await;
    let head = app.position().await;
    generate(&deal.seller, &deal).await.data(200);
    let told = generated(app, head).await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].0, &told[0].1), (&vec![deal.room()], &Value::Null));
});

app_test!(the_buyer_shows_the_code, [SANDBOX, BUYER_HOLDS], async |app| {
    let deal = app.shipped_deal().await;
    let head = app.position().await;
    let made = generate(&deal.seller, &deal).await.data(200);
    assert!(made.get("deliveryCode").is_none());
    assert_eq!(made["holder"], "buyer");
    let told = generated(app, head).await;
    assert_eq!(told[0].1, json!(deal.buyer.id));
    assert_eq!((&told[1].2, &told[1].3), (&json!(deal.buyer.id), &Value::Null));
    // Who enters the code makes no new ones to guess at; its holder does.
    generate(&deal.seller, &deal).await.error(403, "forbidden");
    let code = deal.generate_code_as(&deal.buyer).await;
    enter(&deal.buyer, &deal, &code).await.error(403, "forbidden");
    enter(&deal.seller, &deal, &another(&code)).await.error(422, "delivery_code_wrong");
    let seen = enter(&deal.seller, &deal, &code).await.data(200);
    assert_eq!(seen["status"], "delivered");
    assert!(seen.get("offersCount").is_none());
});

app_test!(five_wrong_codes_and_it_is_worth_nothing, [SANDBOX], async |app| {
    let deal = app.shipped_deal().await;
    enter(&deal.buyer, &deal, "123456").await.error(409, "no_delivery_code");
    let code = deal.generate_code().await;
    let wrong = another(&code);
    let head = app.position().await;
    for left in (0..5).rev() {
        let error = enter(&deal.buyer, &deal, &wrong).await.error(422, "delivery_code_wrong");
        assert_eq!(error["details"]["triesLeft"], left.to_string());
    }
    enter(&deal.buyer, &deal, &wrong).await.error(409, "delivery_code_locked");
    enter(&deal.buyer, &deal, &code).await.error(409, "delivery_code_locked");
    assert_eq!(app.position().await, head);
    let seen = deal.buyer.get(&deal.path("delivery")).send().await.data(200);
    assert!(seen.get("code").is_none(), "{seen}");
    // A new one replaces it, with tries of its own.
    let (second, third) = (deal.generate_code().await, deal.generate_code().await);
    assert!(code != second || second != third, "three codes in a row are the same");
    let error = enter(&deal.buyer, &deal, &another(&third)).await.error(422, "delivery_code_wrong");
    assert_eq!(error["details"]["triesLeft"], "4");
    if second != third {
        enter(&deal.buyer, &deal, &second).await.error(422, "delivery_code_wrong");
    }
    enter(&deal.buyer, &deal, &third).await.data(200);
});

app_test!(a_code_lasts_seven_days, [SANDBOX, LONG_SIGN_IN], async |app| {
    let deal = app.shipped_deal().await;
    let code = deal.generate_code().await;
    app.advance(Duration::from_hours(7 * 24));
    enter(&deal.buyer, &deal, &code).await.error(409, "delivery_code_expired");
    let code = deal.generate_code().await;
    app.advance(Duration::from_hours(7 * 24) - Duration::from_secs(30));
    enter(&deal.buyer, &deal, &code).await.data(200);
});

app_test!(ten_thousand_guesses_of_which_five_are_looked_at, [SANDBOX], async |app| {
    let deal = app.shipped_deal().await;
    let code = deal.generate_code().await;
    // Every guess is wrong, so that how many were looked at can be counted.
    let path = deal.path("delivery-code/verify");
    let guesses = (0..10_001).map(|n| format!("{n:06}")).filter(|guess| *guess != code);
    let guesses: Vec<String> = guesses.take(10_000).collect();
    let mut answers = Vec::new();
    // More at once would wait for a connection longer than one is willing to.
    for guesses in guesses.chunks(250) {
        let posts =
            guesses.iter().map(|code| deal.buyer.post(&path).json(&json!({ "code": code })));
        answers.extend(at_once(posts).await);
    }
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(422), count(409)), (5, 9_995));
    for answer in answers.iter().filter(|answer| answer.status == 409) {
        answer.error(409, "delivery_code_locked");
    }
    enter(&deal.buyer, &deal, &code).await.error(409, "delivery_code_locked");
    let row = app.app.db.fetch_one(sql!("SELECT wrong_tries FROM delivery_codes"), args![]).await;
    assert_eq!(row.expect("a row").get::<i64>("wrong_tries").expect("a number"), 5);
});

app_test!(a_thousand_enter_the_right_code_and_one_wins, [SANDBOX], async |app| {
    let deal = app.shipped_deal().await;
    let code = json!({ "code": deal.generate_code().await });
    let head = app.position().await;
    let path = deal.path("delivery-code/verify");
    let answers = at_once((0..1000).map(|_| deal.buyer.post(&path).json(&code))).await;
    one_of_a_crowd(&answers, 200, "wrong_state");
    assert_eq!(app.events_after(head).await.len(), 3);
});

app_test!(the_database_does_not_know_the_code, [SANDBOX], async |app| {
    let deal = app.shipped_deal().await;
    let path = deal.path("delivery-code/generate");
    let made = deal.seller.post(&path).key("k").send().await.data(200);
    let again = deal.seller.post(&path).key("k").send().await.data(200);
    let codes =
        [&made, &again].map(|made| made["deliveryCode"].as_str().expect("a code").to_owned());
    for query in [
        sql!("SELECT hash AS text FROM delivery_codes"),
        sql!("SELECT COALESCE(answer, '') AS text FROM idempotency_keys"),
    ] {
        for row in app.app.db.fetch_all(query, args![]).await.expect("rows") {
            let text: String = row.get("text").expect("a text");
            assert!(codes.iter().all(|code| !text.contains(code)), "{text}");
        }
    }
});

app_test!(the_buyer_confirms_and_the_deal_is_done, [SANDBOX], async |app| {
    let (stranger, admin) = (app.buyer().await, app.admin().await);
    let early = app.shipped_deal().await;
    early.confirm().await.error(409, "wrong_state");
    let deal = app.delivered_deal().await;
    let path = deal.path("confirm-delivery");
    stranger.post(&path).send().await.error(404, "not_found");
    for other in [&deal.seller, &admin] {
        other.post(&path).send().await.error(403, "forbidden");
    }
    let head = app.position().await;
    let keyed = async || deal.buyer.post(&path).key("k").send().await;
    let done = keyed().await.data(200);
    assert_eq!(done["status"], "completed");
    assert_eq!(keyed().await.data(200), done);
    assert_eq!(deal.escrow().await, "releasable");
    let events = app.events_after(head).await;
    let completed: Vec<_> =
        events.iter().filter(|event| event.name == "transaction-completed").collect();
    assert_eq!(completed.len(), 1);
    let people = [format!("user-{}", deal.buyer.id), format!("user-{}", deal.seller.id)];
    assert_eq!(completed[0].rooms(), people);
    let expected = json!({
        "requestId": deal.id(), "paymentId": deal.payment["_id"], "amount": "180.00",
        "currency": "USD",
    });
    assert_eq!(completed[0].payload, expected);
    deal.confirm().await.error(409, "wrong_state");
    // The timer that was set comes to nothing.
    let head = app.position().await;
    app.advance(Duration::from_hours(24 * 8));
    app.settle_timers().await;
    assert!(!app.event_names_after(head).await.contains(&"transaction-completed".to_owned()));
    app.check_ledger().await;
});

app_test!(time_completes_what_nobody_objects_to, [SANDBOX, LONG_SIGN_IN], async |app| {
    let deal = app.delivered_deal().await;
    app.advance(Duration::from_hours(24 * 7) - Duration::from_mins(1));
    app.settle_timers().await;
    assert_eq!(deal.status().await, "delivered");
    app.advance(Duration::from_mins(1));
    app.settle_timers().await;
    assert_eq!(
        (deal.status().await, deal.escrow().await),
        ("completed".into(), "releasable".into())
    );
    deal.confirm().await.error(409, "wrong_state");
    app.check_ledger().await;
});

const SOON: (&str, &str) = ("AUTO_RELEASE_AFTER", "2h");

app_test!(the_time_is_a_setting, [SANDBOX, LONG_SIGN_IN, SOON], async |app| {
    let deal = app.delivered_deal().await;
    app.advance(Duration::from_hours(2));
    app.settle_timers().await;
    assert_eq!(deal.status().await, "completed");
});

app_test!(a_thousand_ends_of_a_deal_and_one_wins, [SANDBOX, LONG_SIGN_IN], async |app| {
    let admin = app.admin().await;
    let deal = app.delivered_deal().await;
    let head = app.position().await;
    let path = deal.path("confirm-delivery");
    let release = format!("/api/payment/{}/release", id(&deal.payment));
    app.advance(Duration::from_hours(24 * 7));
    let mut answers = Vec::new();
    // The timer runs in between, again and again.
    for _ in 0..4 {
        let confirms = (0..200).map(|_| deal.buyer.post(&path));
        let releases = (0..50).map(|_| admin.post(&release));
        let all = at_once(confirms.chain(releases));
        let (_, some) = tokio::join!(app.run_timers(), all);
        answers.extend(some);
    }
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.status, 409, "{answer:#?}");
    }
    assert_eq!(deal.status().await, "completed");
    let names = app.event_names_after(head).await;
    let count = |name: &str| names.iter().filter(|event| *event == name).count();
    assert_eq!((count("transaction-completed"), count("purchase-request-update")), (1, 1));
    assert_eq!(app.owed_to(&deal.seller.id).await, 18_000);
    app.check_ledger().await;
});

app_test!(the_parties_are_notified, [SANDBOX], async |app| {
    let deal = app.completed_deal().await;
    let kinds = async |actor: &Actor| -> Vec<String> {
        let list = actor.get("/api/notifications?limit=100").send().await.data(200);
        let rows = list.as_array().expect("rows").iter();
        rows.map(|row| row["type"].as_str().expect("a type").to_owned()).collect()
    };
    let (buyer, seller) = (kinds(&deal.buyer).await, kinds(&deal.seller).await);
    for kind in ["shipped", "delivery_code_generated", "delivered", "deal_completed"] {
        assert_eq!(buyer.iter().filter(|k| *k == kind).count(), 1, "{kind} of {buyer:?}");
    }
    for kind in ["delivered", "deal_completed"] {
        assert_eq!(seller.iter().filter(|k| *k == kind).count(), 1, "{kind} of {seller:?}");
    }
});
