//! Too little, too much, too late, in the wrong coin, or taken back.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use souk::payments::service::{Transfer, retract};

use super::{brief, path, states};
use crate::support::money::{SANDBOX, confirmed, payment_id};
use crate::support::{Actor, TestApp, app_test};

app_test!(a_part_is_kept_until_the_rest_comes, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let head = app.position().await;
    let part = buyer.pay(&payment, &json!({ "outcome": "partial" })).await;
    assert_eq!(states(&part), "processing partial partial");
    assert_eq!((&part["received"], &part["excess"]), (&json!("50.00"), &json!("50.00")));
    let more = json!({ "outcome": "partial", "amount": "10.00" });
    assert_eq!(buyer.pay(&payment, &more).await["received"], "60.00");
    let whole = buyer.pay(&payment, &json!({})).await;
    assert_eq!(states(&whole), "confirmed funded -");
    assert_eq!(whole["received"], "100.00");
    let told = brief(&app.events_after(head).await);
    assert_eq!(told[..2], ["processing partial", "confirmed funded"]);
    app.check_ledger().await;
});

app_test!(what_is_too_much_is_the_buyers, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let over = buyer.pay(&payment, &json!({ "outcome": "over" })).await;
    assert_eq!(states(&over), "confirmed funded over");
    assert_eq!((&over["received"], &over["excess"]), (&json!("110.00"), &json!("10.00")));
    let more = buyer.pay(&payment, &json!({ "outcome": "over", "amount": "5.00" })).await;
    assert_eq!(more["excess"], "15.00");
    assert_eq!(app.balance(&format!("escrow:{}:USD", deal.request_id())).await, 10_000);
    app.check_ledger().await;
    let refund = format!("{}/refund", path(&payment));
    let back = admin.post(&refund).json(&json!({ "excess": true })).send().await.data(200);
    assert_eq!(states(&back), "confirmed funded over");
    assert!(back.get("excess").is_none(), "{back}");
    let again = admin.post(&refund).json(&json!({ "excess": true })).send().await;
    again.error(409, "nothing_to_refund");
    assert_eq!(app.balance("provider_clearing:sandbox:USD").await, -10_000);
    admin.release(&payment).await;
    app.check_ledger().await;
});

app_test!(what_is_too_late_is_the_buyers, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let head = app.position().await;
    let late = buyer.pay(&payment, &json!({ "outcome": "late" })).await;
    assert_eq!(states(&late), "expired none late");
    assert_eq!((&late["received"], &late["excess"]), (&json!("100.00"), &json!("100.00")));
    assert_eq!(brief(&app.events_after(head).await), ["expired none"]);
    assert_eq!(buyer.see(&deal.request).await["status"], "payment");
    // The deal is paid by another one.
    let second = buyer.begin_payment(&deal).await;
    assert_eq!(states(&buyer.pay(&second, &json!({})).await), "confirmed funded -");
    app.check_ledger().await;
    let refund = format!("{}/refund", path(&payment));
    let back = admin.post(&refund).json(&json!({ "excess": true })).send().await.data(200);
    assert_eq!(states(&back), "expired none late");
    app.check_ledger().await;
    let paid = json!({ "outcome": "paid" });
    let pay = format!("/api/payment/sandbox/{}/pay", crate::support::market::id(&payment));
    buyer.post(&pay).json(&paid).send().await.error(409, "payment_not_live");
    let nothing = json!({ "amount": "0" });
    buyer.post(&pay).json(&nothing).send().await.invalid(&["amount"]);
});

app_test!(another_coin_funds_nothing, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let head = app.position().await;
    let wrong = Transfer { asset_matches: false, ..confirmed(app, "w", 10_000) };
    app.observe(&payment, &[wrong]).await;
    assert_eq!(states(&buyer.payment(&payment).await), "pending none wrong_asset");
    assert_eq!(app.events_after(head).await.len(), 0);
    app.observe(&payment, &[confirmed(app, "right", 10_000)]).await;
    assert_eq!(states(&buyer.payment(&payment).await), "confirmed funded wrong_asset");
    assert_eq!(buyer.payment(&payment).await["received"], "100.00");
    app.check_ledger().await;
});

app_test!(only_what_is_final_funds, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    let unconfirmed = Transfer { confirmed: false, ..confirmed(app, "a", 10_000) };
    for _ in 0..3 {
        app.observe(&payment, std::slice::from_ref(&unconfirmed)).await;
        assert_eq!(states(&buyer.payment(&payment).await), "processing none -");
    }
    take_back(app, &payment, "a").await;
    assert_eq!(states(&buyer.payment(&payment).await), "pending none -");
    let head = app.position().await;
    app.observe(&payment, &[confirmed(app, "a", 10_000)]).await;
    assert_eq!(states(&buyer.payment(&payment).await), "confirmed funded -");
    // What is final stays so.
    app.observe(&payment, &[unconfirmed]).await;
    assert_eq!(states(&buyer.payment(&payment).await), "confirmed funded -");
    assert_eq!(app.events_after(head).await.len(), 5);
    app.check_ledger().await;
});

async fn take_back(app: &TestApp, payment: &Value, reference: &str) {
    let mut tx = app.app.begin().await.expect("a transaction");
    retract(&mut tx, &app.app, &payment_id(payment), reference).await.expect("taken back");
    tx.commit().await.expect("a commit");
}

app_test!(what_its_chain_takes_back_calls_the_deal_off, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let deal = buyer.deal(&seller, "100.00").await;
    let payment = buyer.begin_payment(&deal).await;
    app.observe(&payment, &[confirmed(app, "a", 10_000), confirmed(app, "b", 2_000)]).await;
    // Enough is left.
    take_back(app, &payment, "b").await;
    assert_eq!(states(&buyer.payment(&payment).await), "confirmed funded -");
    let head = app.position().await;
    take_back(app, &payment, "a").await;
    take_back(app, &payment, "a").await;
    assert_eq!(states(&buyer.payment(&payment).await), "failed failed -");
    assert_eq!(
        brief(&app.events_after(head).await),
        [
            "failed failed",
            "request-cancelled",
            "status_changed cancelled",
            "payment_failed cancelled"
        ]
    );
    app.check_ledger().await;
    // It comes back, too late.
    app.observe(&payment, &[confirmed(app, "a", 10_000)]).await;
    assert_eq!(states(&buyer.payment(&payment).await), "failed failed late");
    app.check_ledger().await;
    // After the release it is refused: that money is gone.
    let (_, released) = buyer.paid_deal(&seller, "100.00").await;
    let transfers = db::sql!("SELECT reference FROM payment_transfers WHERE payment_id = $1");
    let row = app
        .app
        .db
        .fetch_one(transfers, db::args![crate::support::market::id(&released)])
        .await
        .expect("a transfer");
    let reference: String = row.get("reference").expect("a reference");
    admin.release(&released).await;
    let mut tx = app.app.begin().await.expect("a transaction");
    let refused = retract(&mut tx, &app.app, &payment_id(&released), &reference).await;
    assert_eq!(refused.expect_err("refused").code, "escrow_wrong_state");
    drop(tx);
    app.check_ledger().await;
});

app_test!(a_transfer_pays_one_payment, [SANDBOX], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let (one, two) = (buyer.deal(&seller, "100.00").await, buyer.deal(&seller, "100.00").await);
    let (one, two) = (buyer.begin_payment(&one).await, buyer.begin_payment(&two).await);
    app.observe(&one, &[confirmed(app, "same", 10_000)]).await;
    let mut tx = app.app.begin().await.expect("a transaction");
    let transfers = [confirmed(app, "same", 10_000)];
    let refused =
        souk::payments::service::observe(&mut tx, &app.app, &payment_id(&two), &transfers).await;
    assert_eq!(refused.expect_err("refused").code, "transfer_already_used");
    drop(tx);
    assert_eq!(states(&buyer.payment(&two).await), "pending none -");
    app.check_ledger().await;
});

/// A payment's transfers, each reported as seen and perhaps as final, in an order of its own.
fn reports(app: &TestApp, rng: &mut StdRng) -> Vec<Transfer> {
    let mut all = Vec::new();
    for number in 0..rng.random_range(1..5) {
        let amount = [1_000, 4_000, 5_000, 10_000, 12_000][rng.random_range(0..5)];
        let asset_matches = rng.random_range(0..6) > 0;
        let seen = Transfer {
            asset_matches,
            confirmed: false,
            ..confirmed(app, &format!("t{number}"), amount)
        };
        if rng.random_bool(0.8) {
            all.push(Transfer { confirmed: true, ..seen.clone() });
        }
        all.push(seen);
    }
    all
}

/// Reports of each payment carry its name: a reference is of one payment.
async fn report(app: &TestApp, payment: &Value, transfers: &[Transfer], rng: &mut StdRng) {
    let name = crate::support::market::id(payment);
    let mut sequence: Vec<Transfer> = transfers.to_vec();
    for transfer in transfers {
        for _ in 0..rng.random_range(0..3) {
            sequence.push(transfer.clone());
        }
    }
    sequence.shuffle(rng);
    while !sequence.is_empty() {
        let count = rng.random_range(1..=sequence.len());
        let batch: Vec<Transfer> = sequence
            .drain(..count)
            .map(|transfer| Transfer {
                reference: format!("{name}-{}", transfer.reference),
                ..transfer
            })
            .collect();
        app.observe(payment, &batch).await;
    }
}

fn outcome(payment: &Value) -> String {
    let text = |field: &str| payment[field].as_str().unwrap_or("-").to_owned();
    let (received, excess, hash) = (text("received"), text("excess"), text("txHash"));
    format!("{} {received} {excess} {hash}", states(payment))
}

app_test!(the_order_of_reports_does_not_matter, [SANDBOX], async |app| {
    let seed = std::env::var("SOUK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from_be_bytes(app.app.random.bytes()));
    println!("SOUK_TEST_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let (buyer, seller): (Actor, Actor) = (app.buyer().await, app.seller().await);
    for _ in 0..12 {
        let transfers = reports(app, &mut rng);
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            let deal = buyer.deal(&seller, "100.00").await;
            let payment = buyer.begin_payment(&deal).await;
            report(app, &payment, &transfers, &mut rng).await;
            outcomes.push(outcome(&buyer.payment(&payment).await));
        }
        outcomes.dedup();
        assert_eq!(outcomes.len(), 1, "seed {seed}: {outcomes:?} of {transfers:#?}");
    }
    app.check_ledger().await;
});
