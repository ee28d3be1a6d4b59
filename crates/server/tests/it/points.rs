//! What deals, referrals, refunds and time do to points.

use std::time::Duration;

use db::{DbError, args, sql};
use events::documents::PurchaseRequest;
use events::{Currency, Money, RequestId, UserId};
use serde_json::{Value, json};
use souk::journal::Tx;
use souk::points::service;

use crate::support::{Actor, TestApp, app_test, at_once};

const POINTS: &str = "/api/points";

/// A request of this buyer, as far as points look at it.
fn request_of(tx: &Tx, buyer: &UserId) -> PurchaseRequest {
    PurchaseRequest { id: tx.new_id(), buyer_id: buyer.clone(), ..PurchaseRequest::example() }
}

async fn begin(app: &TestApp) -> Tx {
    app.app.begin().await.expect("a transaction")
}

/// Completes a deal for so many cents.
async fn complete(app: &TestApp, buyer: &UserId, seller: &UserId, cents: i64) -> PurchaseRequest {
    let mut tx = begin(app).await;
    let request = request_of(&tx, buyer);
    complete_in(&mut tx, app, &request, seller, cents).await;
    tx.commit().await.expect("a commit");
    request
}

async fn complete_in(
    tx: &mut Tx,
    app: &TestApp,
    request: &PurchaseRequest,
    seller: &UserId,
    cents: i64,
) {
    let price = Money::from_minor(cents, Currency::Usd);
    service::deal_completed(tx, &app.app, request, seller, &price).await.expect("points");
}

async fn refund(app: &TestApp, request: &PurchaseRequest) {
    let mut tx = begin(app).await;
    service::deal_refunded(&mut tx, request).await.expect("a refund");
    tx.commit().await.expect("a commit");
}

async fn fee(app: &TestApp, user: &UserId, request: &RequestId, fee: i64) -> i64 {
    let mut tx = begin(app).await;
    let left = service::fee_after_discount(&mut tx, user, request, fee, Currency::Usd).await;
    tx.commit().await.expect("a commit");
    left.expect("a fee")
}

async fn get(actor: &Actor, path: &str) -> Value {
    actor.get(&format!("{POINTS}/{path}")).send().await.data(200)
}

async fn balance(actor: &Actor) -> i64 {
    get(actor, "my-points").await["balance"].as_i64().expect("a number")
}

/// `reason amount balanceAfter` of each movement, oldest first.
async fn movements(actor: &Actor) -> Vec<String> {
    let all = get(actor, "transactions?limit=100").await;
    let brief = |m: &Value| {
        let word = m["reason"].as_str().expect("a reason");
        format!("{word} {} {}", m["amount"], m["balanceAfter"])
    };
    all.as_array().expect("movements").iter().rev().map(brief).collect()
}

/// A user who was invited by another.
async fn invited(app: &TestApp, by: &Actor) -> Actor {
    let actor = app.buyer().await;
    set_referrer(app, &actor.id, &by.id).await;
    actor
}

async fn set_referrer(app: &TestApp, user: &UserId, referrer: &UserId) {
    let mut tx = app.app.db.begin().await.expect("a transaction");
    let update = sql!("UPDATE users SET referred_by = $1 WHERE id = $2");
    tx.execute(update, args![referrer, user]).await.expect("a user");
    tx.commit().await.expect("a commit");
}

app_test!(a_completed_deal_earns_both_sides, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let head = app.position().await;
    let request = complete(app, &buyer.id, &seller.id, 18_099).await;
    let mine = get(&buyer, "my-points").await;
    assert_eq!(
        mine,
        json!({
            "balance": 180, "lifetimePoints": 180,
            "level": mine["level"], "nextLevel": mine["nextLevel"], "pointsToNextLevel": 320,
            "feeCredit": 0, "owed": 0, "referralCode": buyer.referral_code,
            "referralLink": format!("https://api.shop.example/r/{}", buyer.referral_code),
            "referrals": 0,
        })
    );
    assert_eq!(
        (&mine["level"]["name"], &mine["nextLevel"]["name"]),
        (&json!("Silver"), &json!("Gold"))
    );
    let all = get(&seller, "transactions").await;
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let expected = json!({ "_id": all[0]["_id"], "type": "earn", "reason": "deal", "amount": 180,
        "balanceAfter": 180, "requestId": request.id, "createdAt": all[0]["createdAt"] });
    assert_eq!(all[0], expected);

    // Told again it is the same deal.
    let mut tx = begin(app).await;
    complete_in(&mut tx, app, &request, &seller.id, 18_099).await;
    tx.commit().await.expect("a commit");
    assert_eq!((balance(&buyer).await, balance(&seller).await), (180, 180));

    let events = app.events_after(head).await;
    assert_eq!(events.len(), 2, "{events:?}");
    let perks = get(&buyer, "levels").await[1]["perks"].take();
    assert!(!perks.as_array().expect("perks").is_empty());
    for event in &events {
        assert_eq!(event.name, "level-up");
        let expected = json!({ "oldLevel": "Bronze", "newLevel": "Silver",
                               "lifetimePoints": 180, "perks": perks });
        assert_eq!(event.payload, expected);
    }
    let rooms: Vec<_> = events.iter().flat_map(crate::support::Emitted::rooms).collect();
    assert!(rooms.contains(&format!("user-{}", buyer.id)), "{rooms:?}");
    assert_eq!(buyer.notified().await, ["level_up"]);
});

app_test!(each_level_is_reached_once, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let levels = async |head| {
        let events = app.events_after(head).await.into_iter();
        let mine = events.filter(|e| e.rooms() == [format!("user-{}", buyer.id)]);
        mine.map(|e| e.payload["newLevel"].as_str().expect("a level").to_owned())
            .collect::<Vec<_>>()
    };
    let head = app.position().await;
    for cents in [9_900, 99] {
        complete(app, &buyer.id, &seller.id, cents).await;
    }
    assert_eq!(levels(head).await, Vec::<String>::new());
    let last = complete(app, &buyer.id, &seller.id, 100).await;
    assert_eq!(levels(head).await, ["Silver"]);
    refund(app, &last).await;
    assert_eq!(get(&buyer, "my-points").await["level"]["name"], "Bronze");
    complete(app, &buyer.id, &seller.id, 10_000).await;
    assert_eq!(get(&buyer, "my-points").await["level"]["name"], "Silver");
    assert_eq!(levels(head).await, ["Silver"], "once");
    // One deal may pass several.
    complete(app, &buyer.id, &seller.id, 500_000).await;
    assert_eq!(levels(head).await, ["Silver", "Platinum"]);
    let mine = get(&buyer, "my-points").await;
    assert_eq!((mine.get("nextLevel"), &mine["pointsToNextLevel"]), (None, &json!(0)));
});

app_test!(
    levels_are_a_setting,
    [("POINTS_LEVELS", "Newcomer:0, Regular:3:Tea|Cake"), ("REFERRAL_REWARD_POINTS", "7")],
    async |app| {
        let referrer = app.seller().await;
        let (buyer, seller) = (invited(app, &referrer).await, app.seller().await);
        let levels = get(&buyer, "levels").await;
        let expected = json!([{ "name": "Newcomer", "threshold": 0, "perks": [] },
                              { "name": "Regular", "threshold": 3, "perks": ["Tea", "Cake"] }]);
        assert_eq!(levels, expected);
        complete(app, &buyer.id, &seller.id, 300).await;
        assert_eq!(get(&buyer, "my-points").await["level"], expected[1]);
        assert_eq!(balance(&referrer).await, 7);
    }
);

app_test!(a_referral_is_rewarded_once, async |app| {
    let referrer = app.seller().await;
    let (ada, seller) = (invited(app, &referrer).await, app.seller().await);
    let head = app.position().await;
    complete(app, &ada.id, &seller.id, 50).await;
    complete(app, &ada.id, &seller.id, 50).await;
    assert_eq!(movements(&referrer).await, ["referral 50 50"]);
    let events = app.events_after(head).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let transaction = get(&referrer, "transactions").await[0].take();
    assert_eq!(transaction["referredUserId"], ada.id.as_str());
    assert_eq!(events[0].name, "referral-reward");
    assert_eq!(events[0].rooms(), [format!("user-{}", referrer.id)]);
    let expected = json!({ "referredUserId": ada.id, "points": 50,
                           "transactionId": transaction["_id"] });
    assert_eq!(events[0].payload, expected);

    // The referrer may be the other side of the deal, and sellers are invited as well.
    let bob = app.seller().await;
    set_referrer(app, &bob.id, &referrer.id).await;
    complete(app, &referrer.id, &bob.id, 50).await;
    assert_eq!(movements(&referrer).await, ["referral 50 50", "referral 50 100"]);
    let list = referrer.get("/api/points/referrals?limit=1").send().await.expect(200);
    assert_eq!(list["pagination"]["total"], 2);
    let all = get(&referrer, "referrals").await;
    let of_ada = all.as_array().expect("a list").iter().find(|r| r["userId"] == ada.id.as_str());
    let of_ada = of_ada.expect("Ada");
    assert_eq!((&of_ada["rewarded"], &of_ada["points"]), (&json!(true), &json!(50)));
    assert_eq!(get(&referrer, "my-points").await["referrals"], 2);
});

app_test!(a_first_deal_that_is_completed_twice_at_once_pays_once, async |app| {
    let referrer = app.seller().await;
    let (ada, seller) = (invited(app, &referrer).await, app.seller().await);
    let deals: Vec<_> = (0..10)
        .map(|_| {
            let (app, ada, seller) = (app.app.clone(), ada.id.clone(), seller.id.clone());
            tokio::spawn(async move {
                let mut tx = app.begin().await.expect("a transaction");
                let request = request_of(&tx, &ada);
                let price = Money::from_minor(100, Currency::Usd);
                service::deal_completed(&mut tx, &app, &request, &seller, &price)
                    .await
                    .expect("points");
                tx.commit().await.expect("a commit");
            })
        })
        .collect();
    for deal in deals {
        deal.await.expect("a deal");
    }
    assert_eq!(movements(&referrer).await, ["referral 50 50"]);
    assert_eq!((balance(&ada).await, balance(&seller).await), (10, 10));
});

app_test!(a_refund_takes_back_what_the_deal_earned, async |app| {
    let referrer = app.buyer().await;
    let (ada, seller) = (invited(app, &referrer).await, app.seller().await);
    let request = complete(app, &ada.id, &seller.id, 3_000).await;
    assert_eq!(balance(&referrer).await, 50);
    refund(app, &request).await;
    refund(app, &request).await;
    assert_eq!(movements(&ada).await, ["deal 30 30", "refund -30 0"]);
    assert_eq!(movements(&seller).await, ["deal 30 30", "refund -30 0"]);
    assert_eq!(movements(&referrer).await, ["referral 50 50", "refund -50 0"]);
    assert_eq!(get(&referrer, "my-points").await["lifetimePoints"], 0);
    assert_eq!(ada.notified().await, ["points_reversed"]);
    // Rewarded once, whatever becomes of it.
    complete(app, &ada.id, &seller.id, 100).await;
    assert_eq!(balance(&referrer).await, 0);
});

app_test!(what_was_spent_before_the_refund_is_owed, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = complete(app, &buyer.id, &seller.id, 3_000).await;
    let redeem = |points: i64| buyer.post("/api/points/redeem").json(&json!({ "points": points }));
    redeem(20).send().await.expect(200);
    refund(app, &request).await;
    let mine = get(&buyer, "my-points").await;
    assert_eq!((&mine["balance"], &mine["owed"]), (&json!(0), &json!(20)));
    complete(app, &buyer.id, &seller.id, 1_500).await;
    complete(app, &buyer.id, &seller.id, 1_500).await;
    let expected = [
        "deal 30 30",
        "redeem -20 10",
        "refund -10 0",
        "deal 15 15",
        "debt -15 0",
        "deal 15 15",
        "debt -5 10",
    ];
    assert_eq!(movements(&buyer).await, expected);
    let mine = get(&buyer, "my-points").await;
    assert_eq!((&mine["owed"], &mine["lifetimePoints"]), (&json!(0), &json!(30)));
});

app_test!(a_thousand_rings_get_nothing, async |app| {
    // Users who invite themselves, each other in pairs, in threes; and those who let the invited
    // complete a deal that is then refunded.
    let seller = app.seller().await;
    let shapes: [&[usize]; 4] = [&[0], &[1, 0], &[1, 2, 0], &[1]];
    for batch in 0..10 {
        let mut tx = begin(app).await;
        for ring in 0..100 {
            let invited_by = shapes[ring % shapes.len()];
            let size = if ring % 4 == 3 { 2 } else { invited_by.len() };
            let members: Vec<UserId> = (0..size).map(|_| tx.new_id()).collect();
            for (index, id) in members.iter().enumerate() {
                let name = format!("ring{batch}x{ring}x{index}");
                tx.execute(
                    sql!(
                        "INSERT INTO users (id, email, name, role, password_hash, referral_code,
                                            created_at, updated_at)
                         VALUES ($1, $2, $2, 'buyer', 'none', $2, 0, 0)"
                    ),
                    args![id, &name],
                )
                .await
                .expect("a user");
            }
            for (member, by) in invited_by.iter().enumerate() {
                let update = sql!("UPDATE users SET referred_by = $1 WHERE id = $2");
                let pair = args![&members[*by], &members[member]];
                tx.execute(update, pair).await.expect("a user");
            }
            for (index, _) in invited_by.iter().enumerate() {
                let request = request_of(&tx, &members[index]);
                complete_in(&mut tx, app, &request, &seller.id, 99).await;
                if ring % 4 == 3 {
                    service::deal_refunded(&mut tx, &request).await.expect("a refund");
                }
            }
        }
        tx.commit().await.expect("a commit");
    }
    let sum = sql!(
        "SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) AS balance,
                CAST(COALESCE(SUM(lifetime + credit + owed), 0) AS BIGINT) AS more,
                (SELECT COUNT(*) FROM users WHERE email LIKE 'ring%') AS users,
                (SELECT COUNT(*) FROM points_transactions WHERE reason = 'refund') AS refunds
         FROM points_accounts"
    );
    let row = app.app.db.fetch_one(sum, args![]).await.expect("a sum");
    let number = |name: &str| row.get::<i64>(name).expect("a number");
    assert_eq!((number("users"), number("refunds")), (2_000, 250));
    assert_eq!((number("balance"), number("more")), (0, 0));
});

app_test!(redeemed_points_lower_later_fees, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    complete(app, &buyer.id, &seller.id, 30_000).await;
    let body = json!({ "points": 250 });
    let redeem = || seller.post("/api/points/redeem").json(&body).key("once");
    let redeemed = redeem().send().await.data(200);
    assert_eq!(redeem().send().await.data(200), redeemed, "under one key it happens once");
    assert_eq!((&redeemed["balance"], &redeemed["feeCredit"]), (&json!(50), &json!(250)));
    assert_eq!(redeemed["transaction"], get(&seller, "transactions").await[0]);
    assert_eq!(redeemed["transaction"]["type"], "spend");

    let ids: [RequestId; 3] = std::array::from_fn(|_| app.app.new_uuid(app.app.clock.now()).into());
    assert_eq!(fee(app, &seller.id, &ids[0], 100).await, 0);
    assert_eq!(fee(app, &seller.id, &ids[0], 100).await, 0, "asked again");
    assert_eq!(fee(app, &seller.id, &ids[1], 400).await, 250);
    assert_eq!(fee(app, &seller.id, &ids[2], 400).await, 400, "used up");
    assert_eq!(fee(app, &buyer.id, &ids[2], 400).await, 400, "another one's");
    // A deal that comes to nothing gives it back.
    let mut tx = begin(app).await;
    service::return_discount(&mut tx, &ids[1]).await.expect("a return");
    service::return_discount(&mut tx, &ids[1]).await.expect("no second one");
    tx.commit().await.expect("a commit");
    assert_eq!(get(&seller, "my-points").await["feeCredit"], 150);

    for (body, field) in [
        (json!({ "points": 0 }), "points"),
        (json!({ "points": -5 }), "points"),
        (json!({ "points": 1.5 }), "points"),
        (json!({}), "points"),
        (json!({ "points": 1, "currency": "USD" }), "currency"),
    ] {
        seller.post("/api/points/redeem").json(&body).send().await.invalid(&[field]);
    }
    let too_many = seller.post("/api/points/redeem").json(&json!({ "points": 51 })).send().await;
    too_many.error(409, "not_enough_points");
});

app_test!(points_are_spent_once_at_the_same_time, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let first = complete(app, &buyer.id, &seller.id, 10_000).await;
    let redeem = || buyer.post("/api/points/redeem").json(&json!({ "points": 30 }));
    let answers = at_once((0..20).map(|_| redeem())).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 3, "{answers:#?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.error(409, "not_enough_points");
    }
    assert_eq!(balance(&buyer).await, 10);
    // A refund and those who redeem at the same time: never below zero, and nothing is made.
    let (mut tx, redeems) = (
        begin(app).await,
        at_once((0..5).map(|_| buyer.post("/api/points/redeem").json(&json!({ "points": 7 })))),
    );
    let refund = async {
        service::deal_refunded(&mut tx, &first).await.expect("a refund");
        tx.commit().await.expect("a commit");
    };
    let ((), answers) = tokio::join!(refund, redeems);
    let spent = 90 + 7 * answers.iter().filter(|answer| answer.status == 200).count() as i64;
    let mine = get(&buyer, "my-points").await;
    let (balance, owed) = (mine["balance"].as_i64().unwrap(), mine["owed"].as_i64().unwrap());
    assert_eq!(balance - owed, -spent, "{mine}");
    assert!(balance >= 0);
});

app_test!(
    unused_points_expire,
    [("POINTS_EXPIRE_AFTER", "30d"), ("ACCESS_TOKEN_TTL", "200d")],
    async |app| {
        let (buyer, seller) = (app.buyer().await, app.seller().await);
        complete(app, &buyer.id, &seller.id, 4_000).await;
        app.advance(Duration::from_hours(24 * 20));
        complete(app, &buyer.id, &seller.id, 1_000).await;
        buyer.post("/api/points/redeem").json(&json!({ "points": 15 })).send().await.expect(200);
        app.advance(Duration::from_hours(24 * 9));
        app.run_timers().await;
        assert_eq!(balance(&buyer).await, 35);
        app.advance(Duration::from_hours(24 * 2));
        app.run_timers().await;
        app.run_timers().await;
        // The oldest are the first to be spent: 25 of 40 were left.
        let expected = ["deal 40 40", "deal 10 50", "redeem -15 35", "expiry -25 10"];
        assert_eq!(movements(&buyer).await, expected);
        app.advance(Duration::from_hours(24 * 20));
        app.run_timers().await;
        assert_eq!(balance(&buyer).await, 0);
        assert_eq!(get(&buyer, "my-points").await["lifetimePoints"], 50, "levels stay");
        assert_eq!(buyer.notified().await, ["points_expired", "points_expired"]);
    }
);

app_test!(the_leaderboard_shows_the_most_first, async |app| {
    let seller = app.seller().await;
    let mut buyers = Vec::new();
    for cents in [5_000, 12_000, 5_000] {
        let buyer = app.buyer().await;
        complete(app, &buyer.id, &seller.id, cents).await;
        buyers.push(buyer);
    }
    let board = get(&buyers[0], "leaderboard").await;
    let rows: Vec<_> = board.as_array().expect("rows").iter().collect();
    let ranks: Vec<_> = rows.iter().map(|row| row["rank"].as_i64().expect("a rank")).collect();
    assert_eq!(ranks, [1, 2, 3, 3]);
    let expected = json!({ "rank": 2, "userId": buyers[1].id, "name": buyers[1].name,
                           "level": "Silver", "lifetimePoints": 120 });
    assert_eq!(*rows[1], expected);
    assert_eq!(rows[0]["userId"], seller.id.as_str());
    buyers[0].get("/api/points/leaderboard?limit=101").send().await.invalid(&["limit"]);
});

app_test!(movements_are_final, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    complete(app, &buyer.id, &seller.id, 1_000).await;
    for text in [
        sql!("UPDATE points_transactions SET amount = amount + 1"),
        sql!("DELETE FROM points_transactions"),
    ] {
        let mut tx = app.app.db.begin().await.expect("a transaction");
        let refused = tx.execute(text, args![]).await;
        let Err(DbError::Refused(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("movements of points are never"), "{why}");
    }
    assert_eq!(movements(&buyer).await, ["deal 10 10"]);
});

app_test!(everybody_keeps_a_code, async |app| {
    let buyer = app.buyer().await;
    let expected = json!({
        "referralCode": buyer.referral_code,
        "referralLink": format!("https://api.shop.example/r/{}", buyer.referral_code),
    });
    for _ in 0..2 {
        let code = buyer.post("/api/points/generate-referral-code").send().await.data(200);
        assert_eq!(code, expected);
    }
});
