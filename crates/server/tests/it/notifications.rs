//! What is told to whom, the number of unread ones, preferences, mail, and the end of all that.

use std::collections::BTreeSet;
use std::time::Duration;

use db::{args, sql};
use events::{NotificationId, UserId};
use serde_json::{Value, json};
use souk::notifications::service::notify;
use souk::notifications::{Deal, Notice};

use crate::support::market::{LONG_SIGN_IN, OFFERS, REQUESTS, id};
use crate::support::{Actor, Emitted, Request, TestApp, app_test, at_once};

const ALL: &str = "/api/notifications";

/// Notifies of something, as a slice does.
async fn tell(app: &TestApp, user: &UserId) -> NotificationId {
    let mut tx = app.app.begin().await.expect("a transaction");
    let notice = Notice::ReferralSignup { user: user.clone(), name: "Ada".to_owned() };
    notify(&mut tx, user, notice);
    tx.commit().await.expect("a commit");
    let row = app
        .app
        .db
        .fetch_one(
            sql!(
                "SELECT id FROM notifications WHERE user_id = $1
                 ORDER BY number DESC LIMIT 1"
            ),
            args![user],
        )
        .await;
    row.expect("a notification").parse("id").expect("an id")
}

async fn preferences(actor: &Actor, body: Value) -> Value {
    actor.put("/api/notifications/preferences").json(&body).send().await.data(200)
}

/// The numbers that the events told, in order.
fn counts(events: &[Emitted], user: &UserId) -> Vec<i64> {
    let room = format!("user-{user}");
    let of = events.iter().filter(|e| e.name == "unread-count-update" && e.rooms() == [&*room]);
    of.map(|e| e.payload["unreadCount"].as_i64().expect("a number")).collect()
}

app_test!(an_offer_notifies_the_buyer, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let node = app.serve().await;
    let mut socket = buyer.connect(&node).await;
    socket.done("join-user-room", buyer.id.as_str()).await;
    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;

    let told = socket.event("new-notification").await;
    let all = buyer.notifications().await;
    assert_eq!(all.len(), 1);
    assert_eq!(told["notification"], all[0]);
    assert_eq!(all[0]["type"], "offer_received");
    assert_eq!(all[0]["title"], "A new offer");
    assert_eq!(all[0]["body"], "180.00 USD for “Two mechanical keyboards”.");
    assert_eq!(all[0]["data"], json!({ "requestId": request["_id"], "offerId": offer["_id"] }));
    assert_eq!(all[0].get("readAt"), None);
    assert_eq!(socket.event("unread-count-update").await, json!({ "unreadCount": 1 }));
    assert_eq!(buyer.unread_count().await, 1);
    assert_eq!(seller.unread_count().await, 0);
    node.stop().await;
});

app_test!(each_step_of_offers_notifies_its_parties, [LONG_SIGN_IN], async |app| {
    let (buyer, winner, loser) = (app.buyer().await, app.seller().await, app.seller().await);
    let invitation = json!({ "preferredSellerIds": [winner.id, loser.id] });
    let request = buyer.publish(&invitation).await;
    let offer = winner.make_offer(&request, &json!({})).await;
    let withdrawn = loser.make_offer(&request, &json!({})).await;
    loser.post(&format!("{OFFERS}/{}/withdraw", id(&withdrawn))).send().await.expect(200);
    let turned_down = loser.make_offer(&request, &json!({})).await;
    let reason = json!({ "reason": "Too late for us" });
    let path = format!("{OFFERS}/{}/reject", id(&turned_down));
    buyer.post(&path).json(&reason).send().await.expect(200);
    loser.make_offer(&request, &json!({})).await;
    buyer.accept(&offer).await;
    app.advance(Duration::from_hours(25));
    app.run_timers().await;
    let until =
        events::Timestamp::from_millis(souk::clock::Clock::now(&*app.clock).as_millis() + 1000);
    winner.make_offer(&request, &json!({ "validUntil": until })).await;
    app.advance(Duration::from_secs(2));
    app.run_timers().await;
    loser.make_offer(&request, &json!({})).await;
    let path = format!("{REQUESTS}/{}/cancel", id(&request));
    buyer.post(&path).json(&json!({ "reason": "Bought elsewhere" })).send().await.expect(200);

    let of_buyer = [
        "offer_received",
        "offer_received",
        "offer_withdrawn",
        "offer_received",
        "offer_received",
        "offer_payment_timed_out",
        "offer_received",
        "offer_expired",
        "offer_received",
    ];
    assert_eq!(buyer.notified().await, of_buyer);
    let of_winner =
        ["request_invitation", "offer_accepted", "offer_payment_timed_out", "offer_expired"];
    assert_eq!(winner.notified().await, of_winner);
    let of_loser = ["request_invitation", "offer_rejected", "offer_rejected", "request_cancelled"];
    assert_eq!(loser.notified().await, of_loser);
    let of_loser = loser.notifications().await;
    let bodies: Vec<&str> = of_loser.iter().map(|n| n["body"].as_str().expect("text")).collect();
    let expected = [
        "“Two mechanical keyboards” was cancelled: “Bought elsewhere”",
        "“Two mechanical keyboards”: the buyer chose another offer.",
        "“Two mechanical keyboards”: Too late for us.",
        "A buyer invites you to answer “Two mechanical keyboards”.",
    ];
    assert_eq!(bodies, expected);
    // An administrator's cancellation is told to the buyer as well.
    let request = buyer.publish(&json!({})).await;
    let path = format!("{REQUESTS}/{}/cancel", id(&request));
    let admin = app.admin().await;
    admin.post(&path).json(&json!({ "reason": "Against the rules" })).send().await.expect(200);
    assert_eq!(buyer.notified().await.last().map(String::as_str), Some("request_cancelled"));
});

app_test!(a_referral_is_told_to_the_referrer, async |app| {
    let seller = app.seller().await;
    let body = json!({ "email": "ada@people.example", "password": "correct horse battery",
                       "name": "Ada", "role": "buyer", "referralCode": seller.referral_code });
    let ada = app.post("/api/auth/register").json(&body).send().await.data(201);
    let all = seller.notifications().await;
    assert_eq!(all[0]["type"], "referral_signup");
    assert_eq!(all[0]["body"], "Ada has registered.");
    assert_eq!(all[0]["data"], json!({ "referredUserId": ada["user"]["_id"] }));
});

app_test!(reading_and_deleting_count_once, async |app| {
    let (ada, bob) = (app.buyer().await, app.buyer().await);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(tell(app, &ada.id).await);
    }
    let head = app.position().await;
    let read = |id: &NotificationId| ada.patch(&format!("{ALL}/{id}/read"));
    let delete = |id: &NotificationId| ada.delete(&format!("{ALL}/{id}"));
    let first = read(&ids[0]).send().await.data(200);
    assert!(first["readAt"].is_string(), "{first}");
    assert_eq!(read(&ids[0]).send().await.data(200), first);
    delete(&ids[0]).send().await.expect(200);
    assert_eq!(ada.unread_count().await, 3);
    delete(&ids[1]).send().await.expect(200);
    delete(&ids[1]).send().await.error(404, "not_found");
    read(&ids[1]).send().await.error(404, "not_found");
    assert_eq!(ada.unread_count().await, 2);

    let unread = ada.get(&format!("{ALL}?unreadOnly=true&limit=1")).send().await.expect(200);
    assert_eq!(unread["data"][0]["_id"], ids[3].as_str());
    let pagination = json!({ "page": 1, "limit": 1, "total": 2, "hasMore": true });
    assert_eq!(unread["pagination"], pagination);

    let all_read = ada.patch(&format!("{ALL}/mark-all-read"));
    assert_eq!(all_read.send().await.data(200), json!({ "modifiedCount": 2, "unreadCount": 0 }));
    let all_read = ada.patch(&format!("{ALL}/mark-all-read"));
    assert_eq!(all_read.send().await.data(200), json!({ "modifiedCount": 0, "unreadCount": 0 }));
    assert_eq!(counts(&app.notices_after(head).await, &ada.id), [3, 2, 0]);
    let none = ada.get(&format!("{ALL}?unreadOnly=true")).send().await.data(200);
    assert_eq!(none, json!([]));

    // Nobody touches what is another one's.
    let id = tell(app, &ada.id).await;
    bob.patch(&format!("{ALL}/{id}/read")).send().await.error(404, "not_found");
    bob.delete(&format!("{ALL}/{id}")).send().await.error(404, "not_found");
    bob.patch(&format!("{ALL}/mark-all-read")).send().await.expect(200);
    assert_eq!(ada.unread_count().await, 1);
    assert_eq!(bob.notifications().await, Vec::<Value>::new());
    ada.get(&format!("{ALL}?unread=true")).send().await.invalid(&["unread"]);
});

app_test!(the_number_is_exact_under_parallel_reads_and_writes, async |app| {
    let (buyer, rival) = (app.buyer().await, app.buyer().await);
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(tell(app, &buyer.id).await);
    }
    let head = app.position().await;
    let request = buyer.publish(&json!({})).await;
    let mut sellers = Vec::new();
    for _ in 0..20 {
        sellers.push(app.seller().await);
    }
    let offers = format!("{REQUESTS}/{}/offers", id(&request));
    let body = crate::support::market::offer_body(&json!({}));
    // Each notification is read and deleted by two at once, while others come in, and all are
    // marked as read in between.
    let mut calls: Vec<Request> = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        calls.push(buyer.patch(&format!("{ALL}/{id}/read")));
        match index % 4 {
            0 => calls.push(buyer.patch(&format!("{ALL}/{id}/read"))),
            1 => calls.push(buyer.delete(&format!("{ALL}/{id}"))),
            2 => calls.push(buyer.get(&format!("{ALL}/unread-count"))),
            _ if index % 8 == 3 => calls.push(buyer.patch(&format!("{ALL}/mark-all-read"))),
            _ => calls.push(rival.patch(&format!("{ALL}/mark-all-read"))),
        }
        if let Some(seller) = sellers.get(index / 2).filter(|_| index % 2 == 0) {
            calls.push(seller.post(&offers).json(&body));
        }
    }
    assert_eq!(calls.len(), 100);
    for answer in at_once(calls).await {
        let status = answer.status.as_u16();
        assert!(matches!(status, 200 | 201 | 404), "{answer:#?}");
    }
    let unread = buyer.get(&format!("{ALL}?unreadOnly=true")).send().await.expect(200);
    let expected = unread["pagination"]["total"].as_i64().expect("a number");
    assert_eq!(buyer.unread_count().await, expected);
    let events = app.notices_after(head).await;
    let told = counts(&events, &buyer.id);
    assert_eq!(told.last(), Some(&expected), "{told:?}");
    // What was told follows from what happened, step by step: nothing is skipped or negative.
    let new = events.iter().filter(|e| e.name == "new-notification").count();
    assert_eq!(new, 20);
    let mut before = 40;
    let mut came = 0;
    for count in told {
        assert!(count >= 0 && count != before);
        came += i64::from(count == before + 1);
        assert!(count <= before + 1, "one at a time");
        before = count;
    }
    assert_eq!(came, 20, "each new one was counted");
});

app_test!(two_steps_that_notify_the_same_people_never_wait_for_each_other, async |app| {
    let (ada, bob) = (app.buyer().await, app.seller().await);
    let turn = async |first: &UserId, second: &UserId| {
        let mut tx = app.app.begin().await.expect("a transaction");
        for user in [first, second] {
            notify(&mut tx, user, Notice::PointsExpired { points: 1 });
        }
        tx.commit().await
    };
    for _ in 0..20 {
        let (one, two) = tokio::join!(turn(&ada.id, &bob.id), turn(&bob.id, &ada.id));
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    }
    assert_eq!((ada.unread_count().await, bob.unread_count().await), (40, 40));
});

app_test!(what_is_rolled_back_was_never_told, async |app| {
    let buyer = app.buyer().await;
    let head = app.position().await;
    let mut tx = app.app.begin().await.expect("a transaction");
    notify(&mut tx, &buyer.id, Notice::PointsExpired { points: 1 });
    drop(tx);
    assert_eq!(buyer.unread_count().await, 0);
    assert_eq!(app.position().await, head);
});

app_test!(preferences_are_kept_and_honoured, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let path = "/api/notifications/preferences";
    let before = buyer.get(path).send().await.data(200);
    let names: BTreeSet<&str> =
        before.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = BTreeSet::from([
        "offers", "requests", "payments", "payouts", "delivery", "disputes", "chat", "points",
        "reviews",
    ]);
    assert_eq!(names, expected);
    assert!(
        before
            .as_object()
            .expect("an object")
            .values()
            .all(|channels| { *channels == json!({ "inApp": true, "mail": false }) })
    );
    let after = preferences(&buyer, json!({ "offers": { "inApp": false } })).await;
    assert_eq!(after["offers"], json!({ "inApp": false, "mail": false }));
    assert_eq!(after["chat"], before["chat"]);
    assert_eq!(buyer.get(path).send().await.data(200), after);

    let head = app.position().await;
    let request = buyer.publish(&json!({})).await;
    seller.make_offer(&request, &json!({})).await;
    assert_eq!(buyer.notified().await, Vec::<String>::new());
    assert_eq!(buyer.unread_count().await, 0);
    assert!(app.notices_after(head).await.is_empty());
    // Leaving all out takes everything back to the defaults.
    assert_eq!(preferences(&buyer, json!({})).await, before);
    app.seller().await.make_offer(&request, &json!({})).await;
    assert_eq!(buyer.notified().await, ["offer_received"]);

    for (body, field) in [
        (json!({ "offer": {} }), "offer"),
        (json!({ "offers": true }), "offers"),
        (json!({ "offers": { "inApp": "yes" } }), "offers.inApp"),
        (json!({ "offers": { "push": true } }), "offers.push"),
    ] {
        buyer.put(path).json(&body).send().await.invalid(&[field]);
    }
});

app_test!(mail_goes_to_those_who_asked_for_it, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let request = buyer.publish(&json!({})).await;
    preferences(&buyer, json!({ "offers": { "inApp": false, "mail": true } })).await;
    // An address that nobody has confirmed may be anybody's.
    seller.make_offer(&request, &json!({})).await;
    app.run_timers().await;
    assert_eq!(app.mails().len(), 0);

    let verify = sql!("UPDATE users SET email_verified_at = 1 WHERE id = $1");
    let mut tx = app.app.db.begin().await.expect("a transaction");
    tx.execute(verify, args![&buyer.id]).await.expect("a user");
    tx.commit().await.expect("a commit");
    // The server is down for a while.
    app.mailer.refuse(true);
    app.seller().await.make_offer(&request, &json!({})).await;
    app.run_timers().await;
    app.mailer.refuse(false);
    assert_eq!(app.mails().len(), 0);
    app.advance(Duration::from_mins(2));
    app.run_timers().await;
    let mails = app.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!((&mails[0].to, &*mails[0].subject), (&buyer.email, "A new offer"));
    assert!(mails[0].text.contains("180.00 USD for “Two mechanical keyboards”."), "{mails:?}");
    assert_eq!(buyer.unread_count().await, 0);

    // Whoever changes their mind before it was sent gets none.
    app.seller().await.make_offer(&request, &json!({})).await;
    preferences(&buyer, json!({})).await;
    app.run_timers().await;
    app.advance(Duration::from_hours(6));
    app.run_timers().await;
    assert_eq!(app.mails().len(), 1);
    let left = sql!("SELECT COUNT(*) AS total FROM notification_mails");
    let left: i64 = app.app.db.fetch_one(left, args![]).await.expect("a row").get("total").unwrap();
    assert_eq!(left, 0);
});

app_test!(notifications_are_kept_for_90_days, [("ACCESS_TOKEN_TTL", "200d")], async |app| {
    let buyer = app.buyer().await;
    let old = tell(app, &buyer.id).await;
    buyer.patch(&format!("{ALL}/{old}/read")).send().await.expect(200);
    tell(app, &buyer.id).await;
    app.advance(Duration::from_hours(24 * 89));
    let kept = tell(app, &buyer.id).await;
    let sweep = async || {
        let mut tx = app.app.begin().await.expect("a transaction");
        souk::notifications::service::sweep(&mut tx).await.expect("a sweep");
        tx.commit().await.expect("a commit");
    };
    sweep().await;
    assert_eq!(buyer.notifications().await.len(), 3);
    app.advance(Duration::from_hours(24 * 2));
    let head = app.position().await;
    sweep().await;
    let left = buyer.notifications().await;
    assert_eq!(left.iter().map(id).collect::<Vec<_>>(), [kept.as_str()]);
    assert_eq!(buyer.unread_count().await, 1);
    assert_eq!(counts(&app.notices_after(head).await, &buyer.id), [1]);
});

app_test!(notices_of_one_commit_are_counted_together, async |app| {
    let buyer = app.buyer().await;
    let head = app.position().await;
    let mut tx = app.app.begin().await.expect("a transaction");
    let deal = Deal { request: tx.new_id(), title: "A".to_owned() };
    notify(&mut tx, &buyer.id, Notice::DealCompleted { deal });
    notify(&mut tx, &buyer.id, Notice::PointsExpired { points: 7 });
    tx.commit().await.expect("a commit");
    let events = app.notices_after(head).await;
    let names: Vec<&str> = events.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["new-notification", "new-notification", "unread-count-update"]);
    assert_eq!(counts(&events, &buyer.id), [2]);
    assert_eq!(buyer.notified().await, ["deal_completed", "points_expired"]);
});
