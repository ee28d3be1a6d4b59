//! Disputes: who opens them, what they hold, and how they end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::deal::Deal;
use crate::support::market::{LONG_SIGN_IN, id};
use crate::support::money::SANDBOX;
use crate::support::{Actor, Answer, Emitted, TestApp, app_test, at_once};

const DISPUTES: &str = "/api/disputes";
const FEE: (&str, &str) = ("PLATFORM_FEE_PERCENT", "10");

fn body(deal: &Deal) -> Value {
    json!({ "purchaseRequestId": deal.id(), "category": "damaged", "description": "Broken." })
}

async fn open(actor: &Actor, deal: &Deal) -> Answer {
    actor.post(DISPUTES).json(&body(deal)).send().await
}

async fn resolve(admin: &Actor, dispute: &Value, body: &Value) -> Answer {
    admin.post(&format!("{DISPUTES}/{}/resolve", id(dispute))).json(body).send().await
}

fn brief(events: &[Emitted]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let own = |e: &&Emitted| !["new-notification", "unread-count-update"].contains(&&*e.name);
    let brief = |e: &Emitted| match e.name.as_str() {
        "purchase-request-update" => {
            format!("{} {}", text(&e.payload["type"]), text(&e.payload["status"]))
        }
        "payment-update" => {
            format!("{} {}", text(&e.payload["status"]), text(&e.payload["escrowState"]))
        }
        name => name.to_owned(),
    };
    events.iter().filter(own).map(brief).collect()
}

/// A deal in each of the states that a dispute can be about.
async fn deals(app: &TestApp) -> [Deal; 3] {
    [app.funded_deal().await, app.shipped_deal().await, app.delivered_deal().await]
}

app_test!(a_dispute_holds_the_deal, [SANDBOX, LONG_SIGN_IN], async |app| {
    let (stranger, rival, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    for (index, deal) in deals(app).await.iter().enumerate() {
        for nobody in [&stranger, &rival] {
            open(nobody, deal).await.error(404, "not_found");
        }
        open(&admin, deal).await.error(403, "forbidden");
        let (one, other) = match index % 2 {
            0 => (&deal.buyer, &deal.seller),
            _ => (&deal.seller, &deal.buyer),
        };
        let status = deal.status().await;
        let head = app.position().await;
        let dispute = open(one, deal).await.data(201);
        assert_eq!((&dispute["status"], &dispute["openedBy"]), (&json!("open"), &json!(one.id)));
        assert_eq!((&dispute["category"], &dispute["evidence"]), (&json!("damaged"), &json!([])));
        let events = app.events_after(head).await;
        let told = ["confirmed disputed".to_owned(), format!("dispute_opened {status}")];
        assert_eq!(brief(&events), told);
        let opened = events.iter().find(|event| event.name == "purchase-request-update");
        assert_eq!(opened.expect("it").rooms(), [deal.room()]);
        assert_eq!((deal.status().await, deal.escrow().await), (status, "disputed".to_owned()));
        open(other, deal).await.error(409, "dispute_exists");
        // Nothing is released while it is open: not by an administrator's release or refund either.
        for action in ["release", "refund"] {
            let path = format!("/api/payment/{}/{action}", id(&deal.payment));
            admin.post(&path).json(&json!({})).send().await.error(409, "escrow_disputed");
        }
        for member in [one, other, &admin] {
            let seen = member.get(&format!("{DISPUTES}/{}", id(&dispute))).send().await.data(200);
            assert_eq!(seen, dispute);
        }
        for nobody in [&stranger, &rival] {
            let path = format!("{DISPUTES}/{}", id(&dispute));
            nobody.get(&path).send().await.error(404, "not_found");
        }
    }
    let delivered = app.delivered_deal().await;
    delivered.dispute(&delivered.buyer).await;
    delivered.confirm().await.error(409, "dispute_open");
    app.advance(Duration::from_hours(24 * 8));
    app.settle_timers().await;
    assert_eq!(delivered.status().await, "delivered");
    app.check_ledger().await;
});

app_test!(only_about_what_is_in_escrow, [SANDBOX], async |app| {
    let unpaid = app.accepted_deal().await;
    open(&unpaid.buyer, &unpaid).await.error(409, "wrong_state");
    let done = app.completed_deal().await;
    open(&done.buyer, &done).await.error(409, "wrong_state");
    let deal = app.funded_deal().await;
    for (field, value) in [
        ("category", json!("")),
        ("category", json!("x".repeat(51))),
        ("description", json!(" ")),
        ("description", json!("x".repeat(5001))),
        ("amount", json!("1")),
    ] {
        let mut body = body(&deal);
        body[field] = value;
        deal.buyer.post(DISPUTES).json(&body).send().await.invalid(&[field]);
    }
    app.post(DISPUTES).json(&body(&deal)).send().await.error(401, "unauthorized");
});

app_test!(every_outcome_from_every_state, [SANDBOX, FEE], async |app| {
    let admin = app.admin().await;
    let split = json!({ "outcome": "split", "amount": "80.00", "note": " Half is broken. " });
    for (outcome, status, escrow, to_seller) in [
        (json!({ "outcome": "release" }), "completed", "releasable", "180.00"),
        (json!({ "outcome": "refund" }), "cancelled", "refunded", "0.00"),
        (split, "completed", "releasable", "80.00"),
    ] {
        for deal in deals(app).await {
            let dispute = deal.dispute(&deal.buyer).await;
            let head = app.position().await;
            let resolved = resolve(&admin, &dispute, &outcome).await.data(200);
            assert_eq!(
                (&resolved["status"], &resolved["outcome"]),
                (&json!("resolved"), &outcome["outcome"])
            );
            assert_eq!(resolved["toSeller"]["amount"], to_seller);
            assert!(resolved["resolvedAt"].is_string());
            assert_eq!(deal.status().await, status, "{outcome}");
            assert_eq!(deal.escrow().await, escrow, "{outcome}");
            let told = brief(&app.events_after(head).await);
            assert!(told[0].starts_with("dispute_resolved "), "{told:?}");
            let has = |line: &str| told.iter().any(|told| told == line);
            assert!(has(&format!("status_changed {status}")), "{told:?}");
            assert_eq!(has("transaction-completed"), status == "completed", "{told:?}");
            assert_eq!(has("request-cancelled"), status == "cancelled", "{told:?}");
            assert_eq!(
                has(&format!("payment_refunded {status}")),
                to_seller != "180.00",
                "{told:?}"
            );
            // It is over: nothing more happens to the deal.
            resolve(&admin, &dispute, &outcome).await.error(409, "dispute_resolved");
            open(&deal.buyer, &deal).await.error(409, "wrong_state");
            deal.confirm().await.error(409, "wrong_state");
            for action in ["release", "refund"] {
                let path = format!("/api/payment/{}/{action}", id(&deal.payment));
                let body = json!({});
                let answer = admin.post(&path).json(&body).send().await;
                assert_eq!(answer.status, 409, "{action}: {answer:#?}");
            }
            let owed = app.owed_to(&deal.seller.id).await;
            let expected = match to_seller {
                "180.00" => 16_200,
                "80.00" => 7_200,
                _ => 0,
            };
            assert_eq!(owed, expected);
            // Both parties still see it.
            for party in [&deal.buyer, &deal.seller] {
                party.see(&deal.request).await;
                let path = format!("{DISPUTES}/{}", id(&dispute));
                assert_eq!(party.get(&path).send().await.data(200), resolved);
            }
        }
    }
    app.check_ledger().await;
});

app_test!(a_decision_is_checked, [SANDBOX], async |app| {
    let admin = app.admin().await;
    let deal = app.shipped_deal().await;
    let dispute = deal.dispute(&deal.seller).await;
    for (body, field) in [
        (json!({}), "outcome"),
        (json!({ "outcome": "win" }), "outcome"),
        (json!({ "outcome": "split" }), "amount"),
        (json!({ "outcome": "split", "amount": "0" }), "amount"),
        (json!({ "outcome": "split", "amount": "180.00" }), "amount"),
        (json!({ "outcome": "split", "amount": "1000" }), "amount"),
        (json!({ "outcome": "split", "amount": "0.001" }), "amount"),
        (json!({ "outcome": "release", "amount": "1" }), "amount"),
        (json!({ "outcome": "refund", "amount": "1" }), "amount"),
        (json!({ "outcome": "refund", "note": "" }), "note"),
    ] {
        resolve(&admin, &dispute, &body).await.invalid(&[field]);
    }
    let outcome = json!({ "outcome": "refund" });
    for party in [&deal.buyer, &deal.seller] {
        resolve(party, &dispute, &outcome).await.error(403, "forbidden");
    }
    assert_eq!(deal.escrow().await, "disputed");
    let path = format!("{DISPUTES}/{}/resolve", id(&dispute));
    let keyed = || admin.post(&path).key("k").json(&outcome).send();
    assert_eq!(keyed().await.data(200), keyed().await.data(200));
});

app_test!(evidence_and_lists, [SANDBOX], async |app| {
    let (stranger, admin) = (app.buyer().await, app.admin().await);
    let deal = app.shipped_deal().await;
    let dispute = deal.dispute(&deal.buyer).await;
    let path = format!("{DISPUTES}/{}/evidence", id(&dispute));
    let text = |text: &str| json!({ "text": text });
    deal.buyer.post(&path).json(&text(" A picture ")).send().await.data(201);
    let keyed = || deal.seller.post(&path).key("k").json(&text("Another")).send();
    assert_eq!(keyed().await.data(201), keyed().await.data(201));
    let seen = admin.post(&path).json(&text("Noted")).send().await.data(201);
    let evidence = seen["evidence"].as_array().expect("evidence");
    let said: Vec<_> = evidence.iter().map(|e| (&e["authorId"], &e["text"])).collect();
    let (buyer, seller, admin_id) = (json!(deal.buyer.id), json!(deal.seller.id), json!(admin.id));
    let words = ["A picture", "Another", "Noted"].map(|word| json!(word));
    assert_eq!(said, [(&buyer, &words[0]), (&seller, &words[1]), (&admin_id, &words[2])]);
    stranger.post(&path).json(&text("x")).send().await.error(404, "not_found");
    deal.buyer.post(&path).json(&text("")).send().await.invalid(&["text"]);

    let other = app.delivered_deal().await;
    let second = other.dispute(&other.seller).await;
    let ids = async |actor: &Actor, query: &str| -> Vec<Value> {
        let list = actor.get(&format!("{DISPUTES}?{query}")).send().await.expect(200);
        assert_eq!(list["pagination"]["total"], list["data"].as_array().map_or(0, Vec::len));
        list["data"].as_array().expect("rows").iter().map(|row| row["_id"].clone()).collect()
    };
    let (first, second) = (dispute["_id"].clone(), second["_id"].clone());
    for party in [&deal.buyer, &deal.seller] {
        assert_eq!(ids(party, "").await, std::slice::from_ref(&first));
    }
    assert_eq!(ids(&stranger, "").await, [Value::Null; 0]);
    assert_eq!(ids(&admin, "").await, [second.clone(), first.clone()]);
    let query = format!("purchaseRequestId={}", other.id());
    assert_eq!(ids(&admin, &query).await, std::slice::from_ref(&second));
    resolve(&admin, &dispute, &json!({ "outcome": "release" })).await.data(200);
    assert_eq!(ids(&admin, "status=open").await, [second]);
    assert_eq!(ids(&admin, "status=resolved").await, [first]);
    deal.buyer.get(&format!("{DISPUTES}?status=lost")).send().await.invalid(&["status"]);
    deal.buyer.post(&path).json(&text("Late")).send().await.error(409, "dispute_resolved");
    let kinds = deal.seller.get("/api/notifications?limit=100").send().await.data(200);
    for kind in ["dispute_opened", "dispute_evidence", "dispute_resolved"] {
        let rows = kinds.as_array().expect("rows").iter();
        assert!(rows.into_iter().any(|row| row["type"] == kind), "{kind}");
    }
});

app_test!(many_at_once_and_one_wins, [SANDBOX], async |app| {
    let admin = app.admin().await;
    let deal = app.delivered_deal().await;
    let head = app.position().await;
    let opens = (0..50).map(|n| {
        let by = if n % 2 == 0 { &deal.buyer } else { &deal.seller };
        by.post(DISPUTES).json(&body(&deal))
    });
    let confirm = deal.path("confirm-delivery");
    let answers = at_once(opens.chain((0..25).map(|_| deal.buyer.post(&confirm)))).await;
    let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    let confirmed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(opened.len() + confirmed, 1, "either a dispute, or the end of the deal");
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 201 | 409)));

    let deal = if confirmed == 1 { app.delivered_deal().await } else { deal };
    let dispute = match opened.first() {
        Some(answer) if confirmed == 0 => answer.data(201),
        _ => deal.dispute(&deal.buyer).await,
    };
    let path = format!("{DISPUTES}/{}/resolve", id(&dispute));
    let outcomes = [
        json!({ "outcome": "release" }),
        json!({ "outcome": "refund" }),
        json!({ "outcome": "split", "amount": "1.00" }),
    ];
    let posts = outcomes.iter().cycle().take(60).map(|body| admin.post(&path).json(body));
    let answers = at_once(posts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.error(409, "dispute_resolved");
    }
    let told = brief(&app.events_after(head).await);
    let count = |word: &str| told.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((count("dispute_opened"), count("dispute_resolved")), (1, 1));
    app.check_ledger().await;
});
