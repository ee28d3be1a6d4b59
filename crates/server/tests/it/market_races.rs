//! Many hands on one request at the same time: one wins, the others are told so.

use db::{args, sql};
use serde_json::{Value, json};

use crate::support::market::{OFFERS, REQUESTS, id, offer_body};
use crate::support::{Answer, TestApp, app_test, at_once, one_of_a_crowd};

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn offers_with(app: &TestApp, request: &Value, status: &str) -> i64 {
    let count = sql!("SELECT COUNT(*) AS n FROM offers WHERE request_id = $1 AND status = $2");
    let row = app.app.db.fetch_one(count, args![id(request), status]).await.expect("a count");
    row.get("n").expect("a number")
}

app_test!(of_a_thousand_acceptances_of_200_offers_one_wins, async |app| {
    const OFFERS_MADE: usize = 200;
    let buyer = app.buyer().await;
    let request = buyer.publish(&json!({})).await;
    let path = format!("{REQUESTS}/{}/offers", id(&request));
    let mut posts = Vec::new();
    for _ in 0..OFFERS_MADE {
        posts.push(app.seller().await.post(&path).json(&offer_body(&json!({}))));
    }
    let made = at_once(posts).await;
    assert_eq!(count(&made, 201), OFFERS_MADE);
    let made: Vec<Value> = made.iter().map(|answer| answer.data(201)).collect();
    let head = app.position().await;
    let accept = |offer: &Value| buyer.post(&format!("{OFFERS}/{}/accept", id(offer)));
    let answers = at_once(made.iter().cycle().take(1000).map(accept)).await;
    let won = one_of_a_crowd(&answers, 200, "offer_not_pending").data(200);
    assert_eq!(offers_with(app, &request, "accepted").await, 1);
    assert_eq!(offers_with(app, &request, "rejected").await, OFFERS_MADE as i64 - 1);
    let seen = buyer.see(&request).await;
    assert_eq!((&seen["status"], &seen["selectedOfferId"]), (&json!("payment"), &won["_id"]));

    let events = app.events_after(head).await;
    let of = |kind: &str| {
        let told = events.iter().filter(|event| event.payload["eventType"] == kind);
        told.map(|event| event.payload["data"]["offerId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("offer-accepted"), [won["_id"].clone()]);
    let mut rejected = of("offer-rejected");
    rejected.sort_by_key(Value::to_string);
    rejected.dedup();
    assert_eq!(rejected.len(), OFFERS_MADE - 1);
    assert_eq!(events.len(), OFFERS_MADE + 1);
    assert_eq!(app.controls_after(head).await.len(), 1);
});

app_test!(a_seller_makes_one_offer_however_often, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let path = format!("{REQUESTS}/{}/offers", id(&request));
    let head = app.position().await;
    let answers = at_once((0..30).map(|_| seller.post(&path).json(&offer_body(&json!({}))))).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 29));
    for answer in answers.iter().filter(|answer| answer.status == 409) {
        answer.error(409, "offer_exists");
    }
    assert_eq!(offers_with(app, &request, "pending").await, 1);
    assert_eq!(app.events_after(head).await.len(), 3);
});

app_test!(one_key_makes_one_request_however_often, async |app| {
    let buyer = app.buyer().await;
    let body = crate::support::market::request_body(&json!({}));
    let answers = at_once((0..20).map(|_| buyer.post(REQUESTS).key("k").json(&body))).await;
    let first = answers.iter().find(|answer| answer.status == 201).expect("one is made");
    for answer in &answers {
        if answer.status == 201 {
            assert_eq!(answer.body, first.body);
        } else {
            answer.error(409, "idempotency_in_progress");
        }
    }
    assert_eq!(app.events().await.len(), 1);
});

/// What follows from an accepted offer and what from a cancelled request, and nothing between.
async fn check_consistent(app: &TestApp, buyer: &crate::support::Actor, request: &Value) {
    let seen = buyer.see(request).await;
    let accepted = offers_with(app, request, "accepted").await;
    match seen["status"].as_str().expect("a status") {
        "payment" => {
            assert_eq!(accepted, 1);
            assert!(seen.get("selectedOfferId").is_some());
        }
        "cancelled" => {
            assert_eq!(accepted, 0);
            assert!(seen.get("selectedOfferId").is_none());
        }
        "active" => assert_eq!(accepted, 0),
        other => panic!("the request is {other}"),
    }
    assert_eq!(offers_with(app, request, "pending").await, 0);
}

app_test!(accepting_against_cancelling, async |app| {
    let (buyer, admin, seller) = (app.buyer().await, app.admin().await, app.seller().await);
    for _ in 0..15 {
        let request = buyer.publish(&json!({})).await;
        let offer = seller.make_offer(&request, &json!({})).await;
        let reason = json!({ "reason": "x" });
        let cancel = format!("{REQUESTS}/{}/cancel", id(&request));
        let answers = at_once([
            buyer.post(&format!("{OFFERS}/{}/accept", id(&offer))),
            buyer.post(&cancel).json(&reason),
            admin.post(&cancel).json(&reason),
        ])
        .await;
        for answer in &answers {
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{answer:#?}");
        }
        // An accepted offer can still be cancelled, a cancelled one not accepted: so of the two
        // cancellations one wins, always.
        check_consistent(app, &buyer, &request).await;
        assert_eq!(buyer.see(&request).await["status"], "cancelled");
    }
});

app_test!(accepting_against_withdrawing_and_rejecting, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    for _ in 0..15 {
        let request = buyer.publish(&json!({})).await;
        let offer = seller.make_offer(&request, &json!({})).await;
        let act = |action: &str| format!("{OFFERS}/{}/{action}", id(&offer));
        let answers = at_once([
            buyer.post(&act("accept")),
            seller.post(&act("withdraw")),
            buyer.post(&act("reject")),
        ])
        .await;
        assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 2), "{answers:#?}");
        check_consistent(app, &buyer, &request).await;
    }
});
