//! Publishing, changing and cancelling requests. Who sees what and lists are in
//! `requests_seen.rs`.

use std::time::Duration;

use db::{args, sql};
use serde_json::{Value, json};

use crate::support::market::{LONG_SIGN_IN, REQUESTS, id, request_body};
use crate::support::{Actor, TestApp, app_test};

fn in_an_hour(app: &TestApp) -> String {
    use souk::clock::Clock as _;
    events::Timestamp::from_millis(app.clock.now().as_millis() + 3_600_000).to_string()
}

async fn set_status(app: &TestApp, request: &Value, status: &str) {
    let mut tx = app.app.begin().await.expect("a transaction");
    tx.execute(
        sql!("UPDATE purchase_requests SET status = $1 WHERE id = $2"),
        args![status, id(request)],
    )
    .await
    .expect("an update");
    tx.commit().await.expect("a commit");
}

app_test!(a_published_request_reaches_all_sellers, async |app| {
    let buyer = app.buyer().await;
    let until = in_an_hour(app);
    let tree = app.get("/api/marketplace/categories").send().await.data(200);
    let category = id(&tree[0]["children"][0]);
    let body = request_body(&json!({
        "title": "  Two mechanical keyboards ",
        "budget": { "min": "100", "max": "250.5", "currency": "USD" },
        "offersUntil": until, "categoryId": category,
    }));
    let request = buyer.post(REQUESTS).json(&body).send().await.data(201);
    assert_eq!(request["title"], "Two mechanical keyboards");
    assert_eq!(request["budget"], json!({ "min": "100.00", "max": "250.50", "currency": "USD" }));
    assert_eq!(request["status"], "active");
    assert_eq!(request["buyerId"], buyer.id.as_str());
    assert_eq!(request["categoryId"], category);
    assert_eq!(request["offersUntil"], until);
    assert_eq!(request["offersCount"], 0);
    assert_eq!(request["deliveryInfo"], body["deliveryInfo"]);
    assert_eq!(request["createdAt"], request["updatedAt"]);
    assert_eq!(buyer.see(&request).await, request);

    let [event] = app.events().await.try_into().expect("one event");
    assert_eq!(event.name, "new-purchase-request");
    assert_eq!(event.rooms(), ["sellers"]);
    let mut for_sellers = request.clone();
    for_sellers.as_object_mut().expect("an object").remove("deliveryInfo");
    assert_eq!(event.payload, for_sellers);
});

app_test!(a_private_request_reaches_its_sellers, async |app| {
    let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
    let sellers = json!([two.id, one.id]);
    let request = buyer.publish(&json!({ "preferredSellerIds": sellers })).await;
    assert_eq!(request["preferredSellerIds"], sellers);
    let [event] = app.events().await.try_into().expect("one event");
    assert_eq!(event.rooms(), [format!("seller-{}", two.id), format!("seller-{}", one.id)]);
    assert!(event.payload.get("deliveryInfo").is_none());

    let public = buyer.publish(&json!({ "preferredSellerIds": [] })).await;
    assert!(public.get("preferredSellerIds").is_none());
    let head = app.position().await;
    let refused = async |sellers: Value, fields: &[&str]| {
        let body = request_body(&json!({ "preferredSellerIds": sellers }));
        buyer.post(REQUESTS).json(&body).send().await.invalid(fields);
    };
    refused(json!([one.id, buyer.id]), &["preferredSellerIds[1]"]).await;
    refused(json!(["nobody"]), &["preferredSellerIds[0]"]).await;
    refused(json!([one.id, one.id]), &["preferredSellerIds"]).await;
    refused(json!(vec![one.id.as_str(); 51]), &["preferredSellerIds"]).await;
    refused(json!(["no id!"]), &["preferredSellerIds[0]"]).await;
    assert_eq!(app.position().await, head, "a refused request tells nobody");
});

app_test!(only_buyers_publish, async |app| {
    let body = request_body(&json!({}));
    app.post(REQUESTS).json(&body).send().await.error(401, "unauthorized");
    app.seller().await.post(REQUESTS).json(&body).send().await.error(403, "forbidden");
    app.admin().await.post(REQUESTS).json(&body).send().await.error(403, "forbidden");
    assert!(app.events().await.is_empty());
});

app_test!(fields_are_checked, async |app| {
    let buyer = app.buyer().await;
    let long = |n: usize| "x".repeat(n);
    let budget = |min: &str, max: &str, currency: &str| json!({ "min": min, "max": max, "currency": currency });
    let wrong: &[(&str, Value, &str)] = &[
        ("title", json!("ab"), "title"),
        ("title", json!("   a   "), "title"),
        ("title", json!(long(201)), "title"),
        ("title", json!("two\nlines"), "title"),
        ("title", json!(7), "title"),
        ("description", json!(" "), "description"),
        ("description", json!(long(5001)), "description"),
        ("quantity", json!(0), "quantity"),
        ("quantity", json!(1_000_001), "quantity"),
        ("quantity", json!(-1), "quantity"),
        ("quantity", json!(1.5), "quantity"),
        ("budget", budget("2.00", "1.00", "USD"), "budget"),
        ("budget", budget("0", "0", "USD"), "budget"),
        ("budget", budget("0.001", "1.00", "USD"), "budget"),
        ("budget", budget("1", "99999999999999999999", "USD"), "budget"),
        ("budget", json!({ "min": "1", "max": "2" }), "budget.currency"),
        ("budget", budget("-1", "1", "USD"), "budget.min"),
        ("budget", budget("1", "2", "XYZ"), "budget.currency"),
        ("budget", json!({ "min": "1", "max": 2, "currency": "USD" }), "budget.max"),
        ("urgency", json!("now"), "urgency"),
        ("productType", json!("thing"), "productType"),
        ("offersUntil", json!("2020-01-01T00:00:00Z"), "offersUntil"),
        ("offersUntil", json!("tomorrow"), "offersUntil"),
        ("categoryId", json!("none"), "categoryId"),
        ("deliveryInfo", json!({ "phone": long(41) }), "deliveryInfo"),
        ("deliveryInfo", json!({ "street": "x" }), "deliveryInfo.street"),
        ("status", json!("completed"), "status"),
    ];
    for (field, value, named) in wrong {
        let body = request_body(&json!({ *field: value }));
        let answer = buyer.post(REQUESTS).json(&body).send().await;
        answer.invalid(&[named]);
    }
    for field in ["title", "description", "quantity", "budget", "urgency", "productType"] {
        let body = request_body(&json!({ field: null }));
        buyer.post(REQUESTS).json(&body).send().await.invalid(&[field]);
    }
    for (field, value) in [
        ("title", json!("äbc")),
        ("title", json!("ü".repeat(200))),
        ("description", json!("ü".repeat(5000))),
        ("quantity", json!(1_000_000)),
        ("budget", budget("0", "0.00000001", "BTC")),
        ("budget", budget("5", "5", "JPY")),
    ] {
        buyer.publish(&json!({ field: value })).await;
    }
});

app_test!(bodies_that_cannot_be_read, async |app| {
    let buyer = app.buyer().await;
    let request = buyer.publish(&json!({})).await;
    let one = format!("{REQUESTS}/{}", id(&request));
    let cancel = format!("{one}/cancel");
    let head = app.position().await;
    let all: [&dyn Fn() -> crate::support::Request; 3] =
        [&|| buyer.post(REQUESTS), &|| buyer.patch(&one), &|| buyer.post(&cancel)];
    for new in all {
        let json = "application/json";
        new().raw(json, "{").send().await.error(400, "malformed_json");
        new().raw(json, "").send().await.error(400, "malformed_json");
        new().raw(json, vec![0xff, 0xfe]).send().await.error(400, "malformed_json");
        let deep = new().raw(json, "[".repeat(100_000)).send().await;
        assert!(matches!(deep.status.as_u16(), 400 | 422), "{deep:#?}");
        for other in ["[]", "null", "1", r#""x""#, r#"["a","b","c"]"#] {
            new().raw(json, other).send().await.error(422, "validation_failed");
        }
        new().raw("text/plain", "{}").send().await.error(415, "unsupported_media_type");
        new().raw(json, "x".repeat(300_000)).send().await.error(413, "payload_too_large");
        let nul = r#"{"title":"a\u0000bc","description":"a\u0000bc","reason":"a\u0000bc"}"#;
        new().raw(json, nul).send().await.error(422, "validation_failed");
        new().json(&json!({ "surprise": 1 })).send().await.error(422, "validation_failed");
    }
    assert_eq!(app.position().await, head);
    app.post(REQUESTS).bearer("x").json(&json!({})).send().await.error(401, "token_invalid");
    buyer.get(&format!("{REQUESTS}/{}", "x".repeat(65))).send().await.error(404, "not_found");
    buyer.get(&format!("{REQUESTS}/%00")).send().await.error(404, "not_found");
    buyer.get(&format!("{REQUESTS}/%FF")).send().await.error(404, "not_found");
});

app_test!(a_key_publishes_once, async |app| {
    let buyer = app.buyer().await;
    let body = request_body(&json!({}));
    let first = buyer.post(REQUESTS).key("k1").json(&body).send().await;
    let again = buyer.post(REQUESTS).key("k1").json(&body).send().await;
    assert_eq!((first.data(201), &first.body), (again.data(201), &again.body));
    let other = request_body(&json!({ "quantity": 3 }));
    let reused = buyer.post(REQUESTS).key("k1").json(&other).send().await;
    reused.error(422, "idempotency_key_reused");
    assert_eq!(app.events().await.len(), 1);
    let list = buyer.get(REQUESTS).send().await.expect(200);
    assert_eq!(list["pagination"]["total"], 1);
    // A refused request leaves its key free.
    let wrong = request_body(&json!({ "categoryId": "none" }));
    buyer.post(REQUESTS).key("k2").json(&wrong).send().await.invalid(&["categoryId"]);
    buyer.post(REQUESTS).key("k2").json(&body).send().await.data(201);
});

app_test!(an_open_request_can_be_changed, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let path = format!("{REQUESTS}/{}", id(&request));
    let head = app.position().await;
    let until = in_an_hour(app);
    app.advance(Duration::from_secs(5));
    let changes = json!({
        "title": " Three keyboards", "description": "Any layout.", "quantity": 3,
        "urgency": "urgent", "budget": { "min": "1", "max": "2", "currency": "EUR" },
        "offersUntil": until, "deliveryInfo": { "city": "Porto" },
    });
    let changed = buyer.patch(&path).json(&changes).send().await.data(200);
    assert_eq!(changed["title"], "Three keyboards");
    assert_eq!(changed["description"], "Any layout.");
    assert_eq!((&changed["quantity"], &changed["urgency"]), (&json!(3), &json!("urgent")));
    assert_eq!(changed["budget"], json!({ "min": "1.00", "max": "2.00", "currency": "EUR" }));
    assert_eq!(changed["offersUntil"], until);
    assert_eq!(changed["deliveryInfo"], json!({ "city": "Porto" }));
    assert_eq!(changed["createdAt"], request["createdAt"]);
    assert!(changed["updatedAt"].as_str() > request["updatedAt"].as_str());
    assert_eq!(buyer.see(&request).await, changed);
    let [event] = app.events_after(head).await.try_into().expect("one event");
    assert_eq!(event.name, "purchase-request-update");
    assert_eq!(event.rooms(), [format!("request-{}", id(&request))]);
    let update =
        json!({ "type": "details_updated", "requestId": id(&request), "status": "active" });
    assert_eq!(event.payload, update);
    // The search follows.
    let found = seller.get(&format!("{REQUESTS}?q=three")).send().await.expect(200);
    assert_eq!(found["pagination"]["total"], 1);
    let found = seller.get(&format!("{REQUESTS}?q=mechanical")).send().await.expect(200);
    assert_eq!(found["pagination"]["total"], 0);

    let clear = json!({ "offersUntil": null, "deliveryInfo": null, "categoryId": null });
    let cleared = buyer.patch(&path).json(&clear).send().await.data(200);
    assert!(cleared.get("offersUntil").is_none() && cleared.get("deliveryInfo").is_none());
    let head = app.position().await;
    let same = buyer.patch(&path).json(&json!({ "quantity": 3 })).send().await.data(200);
    assert_eq!(same, cleared);
    assert_eq!(app.position().await, head, "no change is no event");
    for (field, value) in [
        ("title", json!(null)),
        ("quantity", json!(null)),
        ("budget", json!(null)),
        ("offersUntil", json!("2020-01-01T00:00:00Z")),
        ("categoryId", json!("none")),
        ("title", json!("x")),
        ("urgency", json!("now")),
    ] {
        buyer.patch(&path).json(&json!({ field: value })).send().await.invalid(&[field]);
    }
    for field in ["status", "productType", "preferredSellerIds", "buyerId"] {
        buyer.patch(&path).json(&json!({ field: "x" })).send().await.invalid(&[field]);
    }
    assert_eq!(app.position().await, head);
});

app_test!(not_everybody_changes_a_request, async |app| {
    let (buyer, other, seller) = (app.buyer().await, app.buyer().await, app.seller().await);
    let admin = app.admin().await;
    let request = buyer.publish(&json!({})).await;
    let path = format!("{REQUESTS}/{}", id(&request));
    let change = json!({ "quantity": 9 });
    app.patch(&path).json(&change).send().await.error(401, "unauthorized");
    other.patch(&path).json(&change).send().await.error(404, "not_found");
    seller.patch(&path).json(&change).send().await.error(403, "forbidden");
    admin.patch(&path).json(&change).send().await.error(403, "forbidden");
    let nothing = format!("{REQUESTS}/01934e5a-0000-7000-8000-000000000000");
    buyer.patch(&nothing).json(&change).send().await.error(404, "not_found");

    // While there are offers, their currency stays.
    seller.make_offer(&request, &json!({})).await;
    let euros = json!({ "budget": { "min": "1", "max": "2", "currency": "EUR" } });
    buyer.patch(&path).json(&euros).send().await.error(409, "currency_in_use");
    let dollars = json!({ "budget": { "min": "1", "max": "2", "currency": "USD" } });
    buyer.patch(&path).json(&dollars).send().await.data(200);
    for status in events::RequestStatus::ALL {
        set_status(app, &request, status.as_str()).await;
        let answer = buyer.patch(&path).json(&json!({ "urgency": "low" })).send().await;
        if matches!(status.as_str(), "active" | "received_offers") {
            answer.data(200);
        } else {
            answer.error(409, "request_not_open");
        }
    }
});

async fn cancel(actor: &Actor, request: &Value) -> crate::support::Answer {
    let path = format!("{REQUESTS}/{}/cancel", id(request));
    actor.post(&path).json(&json!({ "reason": " Bought elsewhere " })).send().await
}

app_test!(a_cancelled_request_rejects_its_offers, async |app| {
    let (buyer, one, two, gone) =
        (app.buyer().await, app.seller().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let first = one.make_offer(&request, &json!({})).await;
    let second = two.make_offer(&request, &json!({})).await;
    let withdrawn = gone.make_offer(&request, &json!({})).await;
    let path = format!("/api/marketplace/offers/{}/withdraw", id(&withdrawn));
    gone.post(&path).send().await.data(200);
    let head = app.position().await;
    let cancelled = cancel(&buyer, &request).await.data(200);
    assert_eq!((&cancelled["status"], &cancelled["offersCount"]), (&json!("cancelled"), &json!(0)));
    assert_eq!(buyer.see(&request).await, cancelled);
    for (seller, offer) in [(&one, &first), (&two, &second)] {
        let mine = seller.get("/api/marketplace/offers/mine").send().await.data(200);
        assert_eq!((&mine[0]["_id"], &mine[0]["status"]), (&offer["_id"], &json!("rejected")));
    }
    let events = app.entries_after(head).await;
    let told: Vec<_> = events.iter().map(|e| (e.name.as_str(), e.rooms())).collect();
    let room = |kind: &str, id: &str| format!("{kind}-{id}");
    assert_eq!(
        told,
        [
            ("seller-offer-update", vec![room("seller", one.id.as_str())]),
            ("seller-offer-update", vec![room("seller", two.id.as_str())]),
            (
                "request-cancelled",
                [&buyer, &one, &two].map(|actor| room("user", actor.id.as_str())).into()
            ),
            ("purchase-request-update", vec![room("request", id(&request))]),
            ("$control", vec![]),
        ]
    );
    let rejected = json!({
        "sellerId": one.id, "requestId": id(&request), "eventType": "offer-rejected",
        "data": { "offerId": id(&first), "isSelected": false, "reason": "request_cancelled" },
    });
    assert_eq!(events[0].payload, rejected);
    let why = json!({ "requestId": id(&request), "reason": "Bought elsewhere" });
    assert_eq!(events[2].payload, why);
    let update =
        json!({ "type": "status_changed", "requestId": id(&request), "status": "cancelled" });
    assert_eq!(events[3].payload, update);
    let closed = json!({
        "control": "room_closed", "room": room("request", id(&request)), "keep": [buyer.id],
    });
    assert_eq!(events[4].payload, closed);
    cancel(&buyer, &request).await.error(409, "request_not_cancellable");
});

app_test!(an_accepted_offer_is_rejected_with_its_request, [LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;
    buyer.accept(&offer).await;
    let cancelled = cancel(&buyer, &request).await.data(200);
    assert!(cancelled.get("selectedOfferId").is_none());
    let mine = seller.get("/api/marketplace/offers/mine").send().await.data(200);
    assert_eq!(mine[0]["status"], "rejected");
    assert!(seller.see(&request).await.get("deliveryInfo").is_none());
    // The payment's time-out comes and finds nothing to do.
    let head = app.position().await;
    app.advance(Duration::from_hours(25));
    assert!(app.run_timers().await > 0);
    assert_eq!(app.position().await, head);
    assert_eq!(buyer.see(&request).await["status"], "cancelled");
});

app_test!(who_cancels_and_when, async |app| {
    let (buyer, other, seller) = (app.buyer().await, app.buyer().await, app.seller().await);
    let admin = app.admin().await;
    let request = buyer.publish(&json!({})).await;
    let path = format!("{REQUESTS}/{}/cancel", id(&request));
    let reason = json!({ "reason": "x" });
    app.post(&path).json(&reason).send().await.error(401, "unauthorized");
    other.post(&path).json(&reason).send().await.error(404, "not_found");
    seller.post(&path).json(&reason).send().await.error(403, "forbidden");
    for wrong in [json!({}), json!({ "reason": "" }), json!({ "reason": "x".repeat(501) })] {
        buyer.post(&path).json(&wrong).send().await.invalid(&["reason"]);
    }
    for status in events::RequestStatus::ALL {
        for actor in [&buyer, &admin] {
            set_status(app, &request, status.as_str()).await;
            let head = app.position().await;
            let answer = actor.post(&path).json(&reason).send().await;
            if matches!(
                status.as_str(),
                "pending_payment" | "active" | "received_offers" | "payment"
            ) {
                assert_eq!(answer.data(200)["status"], "cancelled");
            } else {
                answer.error(409, "request_not_cancellable");
                assert_eq!(app.position().await, head, "{status}");
                assert_eq!(buyer.see(&request).await["status"], status.as_str());
            }
        }
    }
});
