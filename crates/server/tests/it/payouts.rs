//! Paying sellers: never twice, never forgotten.

mod kills;
mod rail;

pub use kills::cut;

use std::time::Duration;

use serde_json::{Value, json};

use crate::payments::{brief, states};
use crate::support::market::{LONG_SIGN_IN, id};
use crate::support::money::SANDBOX;
use crate::support::{Actor, TestApp, app_test, at_once, one_of_a_crowd};
use rail::{Answer, TestRail};

const PAYOUTS: &str = "/api/payment/payouts";

/// A released deal whose seller has a wallet, with its payout `queued` and a rail that answers as
/// it is told.
async fn queued(app: &TestApp) -> (Actor, Value, Value) {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    seller.set_wallet().await;
    let (_, payment) = buyer.paid_deal(&seller, "100.00").await;
    admin.release(&payment).await;
    let payout = seller.get(PAYOUTS).send().await.data(200)[0].clone();
    assert_eq!(payout["status"], "queued");
    (admin, payment, payout)
}

async fn status(admin: &Actor, payout: &Value) -> String {
    let payout = admin.get(&format!("{PAYOUTS}/{}", id(payout))).send().await.data(200);
    payout["status"].as_str().expect("a status").to_owned()
}

fn retry(admin: &Actor, payout: &Value) -> crate::support::Request {
    admin.post(&format!("{PAYOUTS}/{}/retry", id(payout)))
}

/// Lets a poll's time pass and runs what is due.
async fn poll(app: &TestApp) {
    app.advance(Duration::from_secs(61));
    app.settle_timers().await;
}

app_test!(step_by_step, [SANDBOX], async |app| {
    let rail = TestRail::install(app);
    let (admin, payment, payout) = queued(app).await;
    let head = app.position().await;
    app.settle_timers().await;
    assert_eq!(status(&admin, &payout).await, "submitted");
    rail.look_answers(Answer::Broadcast);
    poll(app).await;
    assert_eq!(status(&admin, &payout).await, "broadcast");
    poll(app).await;
    rail.look_answers(Answer::Completed);
    poll(app).await;
    assert_eq!(status(&admin, &payout).await, "completed");
    assert_eq!(
        brief(&app.events_after(head).await),
        [
            "payout submitting",
            "confirmed releasing",
            "payout-created",
            "payout submitted",
            "payout broadcast",
            "payout completed",
            "payout-completed",
            "completed released"
        ]
    );
    assert_eq!(states(&admin.payment(&payment).await), "completed released -");
    assert_eq!(rail.submitted(), [format!("{}-1", id(&payout))]);
    app.check_ledger().await;
    retry(&admin, &payout).send().await.error(409, "payout_wrong_state");
});

app_test!(a_refused_one_may_be_tried_again, [SANDBOX], async |app| {
    let rail = TestRail::install(app);
    rail.submit_answers(Answer::Refused);
    let (admin, payment, payout) = queued(app).await;
    app.settle_timers().await;
    assert_eq!(status(&admin, &payout).await, "failed");
    assert_eq!(states(&admin.payment(&payment).await), "confirmed failed -");
    let seller: events::UserId = payout["sellerId"].as_str().expect("an id").parse().expect("one");
    assert_eq!(app.owed_to(&seller).await, 10_000);
    app.check_ledger().await;
    // It is not tried again by itself.
    for _ in 0..3 {
        poll(app).await;
    }
    assert_eq!(rail.submitted().len(), 1);
    rail.submit_answers(Answer::Accepted);
    rail.look_answers(Answer::Completed);
    let again = at_once((0..1000).map(|_| retry(&admin, &payout))).await;
    one_of_a_crowd(&again, 200, "payout_wrong_state");
    app.settle_timers().await;
    poll(app).await;
    assert_eq!(status(&admin, &payout).await, "completed");
    let names: Vec<String> = (1..=2).map(|attempt| format!("{}-{attempt}", id(&payout))).collect();
    assert_eq!(rail.submitted(), names, "each attempt has a name of its own");
    app.check_ledger().await;
});

app_test!(an_unknown_one_is_never_sent_again_by_itself, [SANDBOX, LONG_SIGN_IN], async |app| {
    let rail = TestRail::install(app);
    rail.submit_answers(Answer::Unknown);
    for look in [Answer::Pending, Answer::Absent, Answer::FailedPerhaps] {
        rail.look_answers(look);
        let (admin, payment, payout) = queued(app).await;
        let before = rail.submitted().len();
        app.settle_timers().await;
        for _ in 0..5 {
            poll(app).await;
            assert_eq!(status(&admin, &payout).await, "unknown");
        }
        // A word of an administrator alone asks again, and does not send.
        retry(&admin, &payout).json(&json!({})).send().await.data(200);
        app.settle_timers().await;
        assert_eq!(status(&admin, &payout).await, "unknown");
        assert_eq!(rail.submitted().len(), before + 1);
        assert_eq!(states(&admin.payment(&payment).await), "confirmed releasing -");
        app.check_ledger().await;
        rail.look_answers(Answer::Completed);
        poll(app).await;
        assert_eq!(status(&admin, &payout).await, "completed");
        assert_eq!(rail.submitted().len(), before + 1);
    }
    app.check_ledger().await;
});

app_test!(who_vouches_may_send_it_again, [SANDBOX], async |app| {
    let rail = TestRail::install(app);
    rail.submit_answers(Answer::Unknown);
    rail.look_answers(Answer::Absent);
    let (admin, payment, payout) = queued(app).await;
    app.settle_timers().await;
    rail.submit_answers(Answer::Accepted);
    rail.look_answers(Answer::Completed);
    retry(&admin, &payout).json(&json!({ "notSent": true })).send().await.data(200);
    app.settle_timers().await;
    poll(app).await;
    assert_eq!(states(&admin.payment(&payment).await), "completed released -");
    assert_eq!(rail.submitted().len(), 2);
    app.check_ledger().await;
});

app_test!(what_was_accepted_and_fails_perhaps_is_unknown, [SANDBOX], async |app| {
    let rail = TestRail::install(app);
    let (admin, _, payout) = queued(app).await;
    app.settle_timers().await;
    rail.look_answers(Answer::FailedPerhaps);
    poll(app).await;
    assert_eq!(status(&admin, &payout).await, "unknown");
    rail.look_answers(Answer::FailedForCertain);
    poll(app).await;
    assert_eq!(status(&admin, &payout).await, "failed");
    assert_eq!(rail.submitted().len(), 1);
    app.check_ledger().await;
});

app_test!(a_wallet_that_comes_later, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let (_, one) = buyer.paid_deal(&seller, "100.00").await;
    let (_, two) = buyer.paid_deal(&seller, "50.00").await;
    for payment in [&one, &two] {
        admin.release(payment).await;
        let release = format!("{}/release", crate::payments::path(payment));
        admin.post(&release).send().await.error(409, "payout_wallet_missing");
    }
    app.settle_timers().await;
    assert_eq!(seller.get(PAYOUTS).send().await.expect(200)["pagination"]["total"], 0);
    seller.set_wallet().await;
    app.settle_timers().await;
    for payment in [&one, &two] {
        assert_eq!(states(&buyer.payment(payment).await), "completed released -");
    }
    assert_eq!(app.owed_to(&seller.id).await, 0);
    app.check_ledger().await;
});

app_test!(by_hand, [SANDBOX, ("PAYOUT_MODE", "manual")], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    seller.set_wallet().await;
    let (deal, payment) = buyer.paid_deal(&seller, "100.00").await;
    let mut tx = app.app.begin().await.expect("a transaction");
    let mut request = souk::requests::service::lock_for_system(&mut tx, &deal.request_id())
        .await
        .expect("a lock")
        .expect("a request");
    souk::requests::service::complete(&mut tx, &mut request).await.expect("completed");
    souk::payments::service::make_releasable_and_release(&mut tx, &app.app, &request)
        .await
        .expect("released");
    tx.commit().await.expect("a commit");
    app.settle_timers().await;
    seller.set_wallet().await;
    app.settle_timers().await;
    assert_eq!(states(&buyer.payment(&payment).await), "confirmed releasable -");
    admin.release(&payment).await;
    app.settle_timers().await;
    assert_eq!(states(&buyer.payment(&payment).await), "completed released -");
    app.check_ledger().await;
});

app_test!(a_thousand_hands_hand_it_over_once, [SANDBOX], async |app| {
    let rail = TestRail::install(app);
    rail.look_answers(Answer::Completed);
    let (admin, _, payout) = queued(app).await;
    let head = app.position().await;
    let payout_id: events::PayoutId = id(&payout).parse().expect("an id");
    let hands = (0..1000).map(|_| souk::payouts::service::submit(&app.app, &payout_id));
    futures_util::future::join_all(hands).await;
    assert_eq!(rail.submitted().len(), 1);
    let looks = (0..1000).map(|_| souk::payouts::service::poll(&app.app, &payout_id));
    futures_util::future::join_all(looks).await;
    assert_eq!(status(&admin, &payout).await, "completed");
    let names = app.event_names_after(head).await;
    assert_eq!(names.iter().filter(|name| *name == "payout-completed").count(), 1);
    assert_eq!(names.iter().filter(|name| *name == "payout-created").count(), 1);
    app.check_ledger().await;
});

app_test!(a_lost_timer_is_set_again, [SANDBOX], async |app| {
    TestRail::install(app).look_answers(Answer::Completed);
    let (admin, _, payout) = queued(app).await;
    let forget = db::sql!("DELETE FROM timers WHERE key = $1");
    let mut tx = app.app.db.begin().await.expect("a transaction");
    tx.execute(forget, db::args![id(&payout)]).await.expect("forgotten");
    tx.commit().await.expect("a commit");
    app.settle_timers().await;
    assert_eq!(status(&admin, &payout).await, "queued");
    let mut tx = app.app.begin().await.expect("a transaction");
    souk::payouts::service::sweep(&mut tx).await.expect("swept");
    tx.commit().await.expect("a commit");
    app.settle_timers().await;
    poll(app).await;
    assert_eq!(status(&admin, &payout).await, "completed");
});
