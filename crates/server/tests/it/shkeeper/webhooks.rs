//! Callbacks about payments: what they do, whatever they say.

use std::time::Duration;

use db::{args, sql};
use fake_shkeeper::Callback;
use serde_json::{Value, json};

use super::{Deal, PAYOUT_WEBHOOK, WEBHOOK, check_books, count, deliver, gateway_test, request};
use crate::support::{TestApp, at_once};

/// The stored callbacks: endpoint, external id, proof and flag of each.
async fn stored(app: &TestApp) -> Vec<String> {
    let sql = sql!(
        "SELECT endpoint, external_id, proof, flag FROM shkeeper_callbacks ORDER BY received_at"
    );
    let rows = app.app.db.fetch_all(sql, args![]).await.expect("rows");
    rows.iter()
        .map(|row| {
            let text =
                |name| row.get::<Option<String>>(name).expect("text").unwrap_or_else(|| "-".into());
            format!(
                "{} {} {} {}",
                text("endpoint"),
                text("external_id"),
                text("proof"),
                text("flag")
            )
        })
        .collect()
}

gateway_test!(the_whole_amount_funds_the_escrow, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    let head = app.position().await;
    gateway.pay("ETH-USDT", &invoice.address, &invoice.amount, "0xa1", 1).await;
    let callback = gateway.take_callbacks().remove(0);
    let answer = request(app, &callback).send().await;
    assert_eq!(answer.data(202), json!({}));
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
    assert_eq!(deal.buyer.see(&deal.request).await["status"], "processing");
    let names = app.event_names_after(head).await;
    for name in ["payment-update", "payment-received", "seller-offer-update"] {
        assert!(names.iter().any(|n| n == name), "{name} of {names:?}");
    }
    let payment = deal.payment(&invoice).await;
    assert_eq!((&payment["received"], &payment["txHash"]), (&json!("180.00"), &json!("0xa1")));
    check_books(app).await;
    // The body is kept as it came.
    let sql = sql!("SELECT body FROM shkeeper_callbacks");
    let row = app.app.db.fetch_one(sql, args![]).await.expect("a row");
    assert_eq!(row.get::<String>("body").expect("text"), callback.body);
});

gateway_test!(a_thousand_duplicates_have_one_effect, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    let head = app.position().await;
    gateway.pay("ETH-USDT", &invoice.address, &invoice.amount, "0xa1", 1).await;
    let callback = gateway.take_callbacks().remove(0);
    let answers = at_once((0..1000).map(|_| request(app, &callback))).await;
    // The gateway repeats what is not answered 202; under such a crowd some may be asked to.
    let taken = answers.iter().filter(|answer| answer.status == 202).count();
    let later = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!(taken + later, 1000);
    assert!(taken > 0);
    request(app, &callback).send().await.expect(202);
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
    assert_eq!(count(app, "shkeeper_callbacks").await, 1);
    assert_eq!(count(app, "shkeeper_transfers").await, 1);
    assert_eq!(count(app, "payment_transfers").await, 1);
    let received = app.events_after(head).await.into_iter();
    assert_eq!(received.filter(|event| event.name == "payment-received").count(), 1);
    let payment = deal.payment(&invoice).await;
    assert_eq!(payment["received"], "180.00");
    check_books(app).await;
});

gateway_test!(who_is_answered_finds_the_effect, async |app, gateway| {
    for round in 0..20 {
        let deal = Deal::new(app).await;
        let invoice = deal.begin().await;
        let txid = format!("0xa{round}");
        gateway.pay("ETH-USDT", &invoice.address, &invoice.amount, &txid, 1).await;
        let callback = gateway.take_callbacks().remove(0);
        // Of the same callback at the same time: whichever is answered, what it told is there.
        let each = (0..8).map(async |_| {
            request(app, &callback).send().await.expect(202);
            assert_eq!(deal.state(&invoice).await, "confirmed funded -");
        });
        futures_util::future::join_all(each).await;
    }
});

/// All orders of some things.
fn orders(of: usize) -> Vec<Vec<usize>> {
    if of == 0 {
        return vec![vec![]];
    }
    let shorter = orders(of - 1).into_iter();
    shorter
        .flat_map(|order| {
            (0..of).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, of - 1);
                longer
            })
        })
        .collect()
}

gateway_test!(any_order_and_number_gives_the_same_end, async |app, gateway| {
    gateway.set(|options| options.notify_unconfirmed = true);
    for order in orders(4) {
        let deal = Deal::new(app).await;
        let invoice = deal.begin().await;
        let at = &invoice.address;
        let name = |n: usize| format!("0x{}{n}", &invoice.payment);
        gateway.pay("ETH-USDT", at, "61.2", &name(1), 0).await;
        for (n, amount) in [(1, "61.2"), (2, "61.2"), (3, "61.2")] {
            gateway.pay("ETH-USDT", at, amount, &name(n), 1).await;
        }
        let callbacks: Vec<Callback> = gateway.take_callbacks();
        assert_eq!(callbacks.len(), 4);
        for (nth, index) in order.iter().enumerate() {
            for _ in 0..=nth % 2 {
                request(app, &callbacks[*index]).send().await.expect(202);
            }
        }
        assert_eq!(deal.state(&invoice).await, "confirmed funded -", "{order:?}");
        assert_eq!(deal.payment(&invoice).await["received"], "180.00", "{order:?}");
    }
    check_books(app).await;
});

gateway_test!(one_of_an_unknown_invoice_is_taken_and_flagged, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    let known = gateway.take_callbacks().remove(0);
    let nobodys = "pay-01890a5d-ac96-774b-bcce-b302099a8057";
    for external_id in ["order-1", nobodys, "out-01890a5d-ac96-774b-bcce-b302099a8057-1", ""] {
        let mut body: Value = known.json();
        body["external_id"] = json!(external_id);
        let callback = gateway.signed(WEBHOOK, &body.to_string());
        request(app, &callback).send().await.expect(202);
    }
    assert_eq!(
        stored(app).await,
        [
            "payment order-1 signature unknown_id".to_owned(),
            format!("payment {nobodys} signature unknown_id"),
            "payment out-01890a5d-ac96-774b-bcce-b302099a8057-1 signature unknown_id".to_owned(),
            "payment  signature unknown_id".to_owned(),
        ]
    );
    assert_eq!(deal.state(&invoice).await, "pending none -");
    assert_eq!(count(app, "payment_transfers").await, 0);
});

gateway_test!(each_endpoint_takes_its_own_kind_alone, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    let payment = gateway.take_callbacks().remove(0);
    let elsewhere = gateway.signed(PAYOUT_WEBHOOK, &payment.body);
    request(app, &elsewhere).send().await.error(422, "callback_malformed");
    let payout = json!({
        "amount": "12.5", "amount_fiat": "12.5", "crypto": "ETH-USDT", "currency_fiat": "USD",
        "external_id": format!("pay-{}", invoice.payment), "payout_id": 1, "status": "SUCCESS",
        "timestamp": "2026-11-23T16:10:57", "tx_hash": "0xpp01",
    });
    let elsewhere = gateway.signed(WEBHOOK, &payout.to_string());
    request(app, &elsewhere).send().await.error(422, "callback_malformed");
    for body in ["", "{", "null", "[]", "{\"status\":\"PAID\",\"paid\":true}"] {
        let callback = gateway.signed(WEBHOOK, body);
        request(app, &callback).send().await.error(422, "callback_malformed");
    }
    let named_wrong = gateway.signed(PAYOUT_WEBHOOK, &payout.to_string());
    request(app, &named_wrong).send().await.expect(202);
    assert!(stored(app).await.iter().all(|line| !line.ends_with(" -")));
    assert_eq!(deal.state(&invoice).await, "pending none -");
});

gateway_test!(a_callback_has_five_minutes, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    let callback = gateway.take_callbacks().remove(0);
    app.advance(Duration::from_secs(302));
    request(app, &callback).send().await.error(401, "signature_invalid");
    // The gateway signs every try anew.
    gateway.tick().await;
    assert_eq!(deliver(app, gateway).await, 1);
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
});

gateway_test!(a_key_without_a_signature_is_not_enough, async |app, gateway| {
    gateway.set(|options| options.signs = false);
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
    let callback = gateway.take_callbacks().remove(0);
    request(app, &callback).send().await.error(401, "signature_invalid");
    assert_eq!(count(app, "shkeeper_callbacks").await, 0);
});

gateway_test!(
    a_key_without_a_signature_is_enough_by_setting,
    [("SHKEEPER_ALLOW_API_KEY_ONLY", "true")],
    async |app, gateway| {
        gateway.set(|options| options.signs = false);
        let deal = Deal::new(app).await;
        let invoice = deal.begin().await;
        gateway.pay("ETH-USDT", &invoice.address, "183.6", "0xa1", 1).await;
        let mut callback = gateway.take_callbacks().remove(0);
        request(app, &callback).send().await.expect(202);
        assert_eq!(deal.state(&invoice).await, "confirmed funded -");
        for (name, value) in &mut callback.headers {
            if name == "x-shkeeper-api-key" {
                "testkey124".clone_into(value);
            }
        }
        request(app, &callback).send().await.error(401, "signature_invalid");
    }
);

gateway_test!(large_ones_are_refused, async |app, gateway| {
    let callback = gateway.signed(WEBHOOK, &"x".repeat(300 * 1024));
    request(app, &callback).send().await.error(413, "payload_too_large");
});
