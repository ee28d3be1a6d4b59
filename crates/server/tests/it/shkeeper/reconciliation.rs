//! `souk reconcile` with a gateway: what one side alone knows is named.

use std::time::Duration;

use db::{Sql, args, sql};
use fake_shkeeper::{Endpoint, FakeShkeeper, Mishap};
use serde_json::json;

use super::payouts::{PAYOUTS, WALLET, look, paid, payout, release, status};
use super::{Deal, Invoice, deliver, gateway_test};
use crate::support::market::LONG_SIGN_IN;
use crate::support::{Actor, TestApp};

/// Everything that differs, a line each.
async fn differences(app: &TestApp) -> Vec<String> {
    let found = souk::ledger::reconcile::with_gateways(&app.app).await.expect("a comparison");
    assert_eq!(found.balanced, found.differences.is_empty());
    found.differences.iter().map(ToString::to_string).collect()
}

/// Changes rows behind the program's back.
async fn meddle(app: &TestApp, change: Sql) {
    let mut tx = app.app.db.begin().await.expect("a transaction");
    tx.execute(change, args![]).await.expect("a change");
    tx.commit().await.expect("a commit");
}

/// The scheduler of the gateway runs until what was sent is deep enough, and is looked at here.
async fn go_on(app: &TestApp, gateway: &FakeShkeeper) {
    for _ in 0..3 {
        gateway.mine();
        gateway.tick().await;
        look(app).await;
    }
}

/// A deal whose seller has the money, and the payout's name at the gateway.
async fn completed(app: &TestApp, gateway: &FakeShkeeper, admin: &Actor) -> (Deal, String) {
    let (deal, invoice) = paid(app, gateway).await;
    release(admin, &invoice).await;
    app.run_timers().await;
    go_on(app, gateway).await;
    let payout = payout(admin, &deal).await;
    assert_eq!(payout["status"], "completed");
    (deal, format!("out-{}-1", payout["_id"].as_str().expect("an id")))
}

fn of(name: &str, what: &str) -> String {
    format!("gateway of payout {name}: {what}")
}

gateway_test!(what_is_in_order_differs_in_nothing, [LONG_SIGN_IN], async |app, gateway| {
    let admin = app.admin().await;
    completed(app, gateway, &admin).await;
    // One that was refused, and is sent under another name; one that is under way; one that
    // nobody can tell of.
    let (refused, invoice) = paid(app, gateway).await;
    gateway.will(Endpoint::Payout, Mishap::Refused("Have not enough tokens".into()));
    release(&admin, &invoice).await;
    app.run_timers().await;
    assert_eq!(differences(app).await, [""; 0]);
    let id = payout(&admin, &refused).await["_id"].as_str().expect("an id").to_owned();
    admin.post(&format!("{PAYOUTS}/{id}/retry")).json(&json!({})).send().await.data(200);
    let (_, invoice) = paid(app, gateway).await;
    gateway.will(Endpoint::Payout, Mishap::Broken);
    release(&admin, &invoice).await;
    app.run_timers().await;
    assert_eq!(differences(app).await, [""; 0]);
    go_on(app, gateway).await;
    assert_eq!(differences(app).await, [""; 0]);
});

gateway_test!(another_transaction_amount_or_address, async |app, gateway| {
    let admin = app.admin().await;
    let (_, name) = completed(app, gateway, &admin).await;
    let sent = gateway.sent_to(WALLET)[0].txid.clone();
    meddle(app, sql!("UPDATE payouts SET tx_hash = '0xlie'")).await;
    assert_eq!(
        differences(app).await,
        [of(&name, &format!("sent by 0xlie instead of sent by {sent}"))]
    );
    meddle(app, sql!("UPDATE shkeeper_payouts SET amount = '181'")).await;
    let told = format!("181 ETH-USDT to {WALLET} instead of 180 ETH-USDT to {WALLET}");
    assert_eq!(differences(app).await, [of(&name, &told)]);
    meddle(app, sql!("UPDATE shkeeper_payouts SET amount = '180', address = '0xab'")).await;
    let told = format!("180 ETH-USDT to 0xab instead of 180 ETH-USDT to {WALLET}");
    assert_eq!(differences(app).await, [of(&name, &told)]);
});

gateway_test!(what_only_one_side_has_paid, async |app, gateway| {
    let admin = app.admin().await;
    let (_, name) = completed(app, gateway, &admin).await;
    gateway.forget_payouts();
    assert_eq!(differences(app).await, [of(&name, "sent instead of unknown to the gateway")]);
    meddle(app, sql!("DELETE FROM shkeeper_payouts")).await;
    assert_eq!(differences(app).await, [of(&name, "none instead of a note of it")]);
});

gateway_test!(what_a_person_was_wrong_about, async |app, gateway| {
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    gateway.will(Endpoint::Payout, Mishap::AnswerLost);
    release(&admin, &invoice).await;
    app.run_timers().await;
    assert_eq!(status(&admin, &deal).await, "unknown");
    // It was sent, and somebody says that it was not.
    let id = payout(&admin, &deal).await["_id"].as_str().expect("an id").to_owned();
    let body = json!({ "notSent": true });
    admin.post(&format!("{PAYOUTS}/{id}/retry")).json(&body).send().await.data(200);
    app.run_timers().await;
    go_on(app, gateway).await;
    let sent = gateway.sent_to(WALLET);
    assert_eq!(sent.len(), 2);
    let told = format!("not sent instead of sent by {}", sent[0].txid);
    assert_eq!(differences(app).await, [of(&format!("out-{id}-1"), &told)]);
});

gateway_test!(what_is_not_learned_in_time, [LONG_SIGN_IN], async |app, gateway| {
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    release(&admin, &invoice).await;
    app.run_timers().await;
    for _ in 0..2 {
        gateway.mine();
        gateway.tick().await;
    }
    assert_eq!(differences(app).await, [""; 0]);
    app.advance(Duration::from_hours(4));
    let id = payout(&admin, &deal).await["_id"].as_str().expect("an id").to_owned();
    let sent = gateway.sent_to(WALLET)[0].txid.clone();
    let told = format!("still under way instead of sent by {sent}");
    assert_eq!(differences(app).await, [of(&format!("out-{id}-1"), &told)]);
    go_on(app, gateway).await;
    assert_eq!(differences(app).await, [""; 0]);
});

gateway_test!(money_that_only_one_side_knows, [LONG_SIGN_IN], async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice: Invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    let transfer = |told: &str| format!("gateway of 0xa1 of payment {}: {told}", invoice.payment);
    assert_eq!(differences(app).await, [transfer("none instead of 183.6 ETH-USDT")]);
    gateway.take_callbacks();
    gateway.tick().await;
    deliver(app, gateway).await;
    assert_eq!(differences(app).await, [""; 0]);
    meddle(app, sql!("UPDATE shkeeper_transfers SET amount = '1'")).await;
    assert_eq!(differences(app).await, [transfer("1 ETH-USDT instead of 183.6 ETH-USDT")]);
    meddle(app, sql!("UPDATE shkeeper_transfers SET amount = '183.6', txid = '0xa2'")).await;
    let other = transfer("183.6 ETH-USDT instead of none").replace("0xa1", "0xa2");
    assert_eq!(differences(app).await, [transfer("none instead of 183.6 ETH-USDT"), other]);
});

gateway_test!(a_gateway_that_does_not_answer_is_a_difference, async |app, gateway| {
    let admin = app.admin().await;
    let (_, name) = completed(app, gateway, &admin).await;
    for mishap in [Mishap::Broken, Mishap::AnswerLost, Mishap::Nonsense] {
        for endpoint in [Endpoint::Invoices, Endpoint::PayoutStatus] {
            gateway.will(endpoint, mishap.clone());
            let found = differences(app).await;
            assert_eq!(found.len(), 1, "{mishap:?} of {endpoint:?}: {found:?}");
            let about = if endpoint == Endpoint::Invoices { "shkeeper" } else { name.as_str() };
            assert!(found[0].contains(about), "{found:?}");
        }
    }
    assert_eq!(differences(app).await, [""; 0]);
});
