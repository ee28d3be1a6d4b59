//! Reviews by both parties of a completed deal, and what they come to.

use db::{args, sql};
use serde_json::{Value, json};

use crate::support::market::{REQUESTS, id};
use crate::support::{Actor, Answer, TestApp, app_test};

/// A deal that is completed, as far as reviews look at it.
async fn completed(app: &TestApp, buyer: &Actor, seller: &Actor) -> Value {
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;
    buyer.accept(&offer).await;
    let mut tx = app.app.db.begin().await.expect("a transaction");
    let update = sql!("UPDATE purchase_requests SET status = 'completed' WHERE id = $1");
    tx.execute(update, args![id(&request)]).await.expect("a request");
    tx.commit().await.expect("a commit");
    request
}

async fn review(actor: &Actor, request: &Value, body: Value) -> Answer {
    let path = format!("{REQUESTS}/{}/review", id(request));
    actor.post(&path).json(&body).send().await
}

async fn profile(app: &TestApp, seller: &Actor) -> Value {
    app.get(&format!("/api/marketplace/sellers/{}", seller.id)).send().await.data(200)
}

app_test!(both_parties_review_a_completed_deal_once, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = completed(app, &buyer, &seller).await;
    assert_eq!(profile(app, &seller).await.get("rating"), None);
    let body = json!({ "rating": 4, "comment": " Fast and careful. " });
    let written = review(&buyer, &request, body.clone()).await.data(201);
    let expected = json!({
        "_id": written["_id"], "requestId": request["_id"], "authorId": buyer.id,
        "authorName": buyer.name, "subjectId": seller.id, "rating": 4,
        "comment": "Fast and careful.", "createdAt": written["createdAt"],
    });
    assert_eq!(written, expected);
    review(&buyer, &request, body).await.error(409, "review_exists");
    let back = review(&seller, &request, json!({ "rating": 5 })).await.data(201);
    assert_eq!((&back["subjectId"], &back["comment"]), (&json!(buyer.id), &json!("")));

    let reviews = format!("/api/marketplace/sellers/{}/reviews", seller.id);
    let listed = app.get(&reviews).send().await.expect(200);
    assert_eq!(listed["data"], json!([written]));
    assert_eq!(listed["pagination"]["total"], 1);
    assert_eq!(seller.notified().await.last().map(String::as_str), Some("review_received"));
    let told = &seller.notifications().await[0];
    assert_eq!(told["data"], json!({ "requestId": request["_id"], "reviewId": written["_id"] }));
    // Buyers have a rating as well, and no list.
    let shown = app.get(&format!("/api/users/{}", buyer.id)).send().await.data(200);
    assert_eq!(shown["rating"], json!({ "average": 5.0, "count": 1 }));
    let of_buyer = format!("/api/marketplace/sellers/{}/reviews", buyer.id);
    app.get(&of_buyer).send().await.error(404, "not_found");
});

app_test!(a_rating_is_the_average_of_all_reviews, async |app| {
    let seller = app.seller().await;
    for rating in [5, 4, 4] {
        let buyer = app.buyer().await;
        let request = completed(app, &buyer, &seller).await;
        review(&buyer, &request, json!({ "rating": rating })).await.expect(201);
    }
    let expected = json!({ "average": 4.33, "count": 3 });
    assert_eq!(profile(app, &seller).await["rating"], expected);
    let listed = app.get("/api/marketplace/sellers").send().await.data(200);
    assert_eq!(listed[0]["rating"], expected);
    let path = format!("/api/marketplace/sellers/{}/reviews?limit=2&page=2", seller.id);
    let page = app.get(&path).send().await.expect(200);
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
});

app_test!(only_parties_of_a_completed_deal_review, async |app| {
    let (buyer, seller, rival) = (app.buyer().await, app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;
    let lost = rival.make_offer(&request, &json!({})).await;
    buyer.accept(&offer).await;
    let body = || json!({ "rating": 5 });
    review(&buyer, &request, body()).await.error(409, "wrong_state");
    review(&seller, &request, body()).await.error(409, "wrong_state");
    assert_eq!(lost["status"], "pending");
    review(&rival, &request, body()).await.error(403, "forbidden");
    review(&app.buyer().await, &request, body()).await.error(404, "not_found");
    let request = completed(app, &buyer, &seller).await;
    review(&app.admin().await, &request, body()).await.error(403, "forbidden");
    for (body, field) in [
        (json!({ "rating": 0 }), "rating"),
        (json!({ "rating": 6 }), "rating"),
        (json!({ "rating": 4.5 }), "rating"),
        (json!({ "comment": "Good" }), "rating"),
        (json!({ "rating": 5, "comment": "x".repeat(2001) }), "comment"),
        (json!({ "rating": 5, "subjectId": "me" }), "subjectId"),
    ] {
        review(&buyer, &request, body).await.invalid(&[field]);
    }
    assert_eq!(profile(app, &seller).await.get("rating"), None);
});
