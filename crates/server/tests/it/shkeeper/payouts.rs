//! Sellers are paid by the gateway, once, whatever it does.

use std::time::Duration;

use fake_shkeeper::{Decimal, Endpoint, FakeShkeeper, Mishap, TaskEnd};
use serde_json::{Value, json};

use super::{Deal, Invoice, PAYOUT_WEBHOOK, check_books, deliver, gateway_test, request};
use crate::support::{Actor, TestApp};

pub const PAYOUTS: &str = "/api/payment/payouts";
/// Where the seller's money goes.
pub const WALLET: &str = "0x5e11e40000000000000000000000000000000001";
const BTC_WALLET: &str = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq";
/// How often a payout under way is looked after.
pub const LOOK: Duration = Duration::from_mins(1);

/// A deal that is paid, whose seller has a wallet.
pub async fn paid(app: &TestApp, gateway: &FakeShkeeper) -> (Deal, Invoice) {
    let deal = Deal::new(app).await;
    let wallet = json!({ "payoutWallet": { "crypto": "ETH-USDT", "address": WALLET } });
    deal.seller.patch("/api/auth/me").json(&wallet).send().await.data(200);
    let invoice = deal.begin().await;
    let txid = format!("0x{}", invoice.payment);
    gateway.pay("ETH-USDT", &invoice.address, &invoice.amount, &txid, 1).await;
    deliver(app, gateway).await;
    (deal, invoice)
}

/// Releases the escrow, so that the payout begins.
pub async fn release(admin: &Actor, invoice: &Invoice) {
    let path = format!("/api/payment/{}/release", invoice.payment);
    admin.post(&path).send().await.data(200);
}

/// The payout of a seller, as an administrator sees it.
pub async fn payout(admin: &Actor, deal: &Deal) -> Value {
    let all = admin.get(&format!("{PAYOUTS}?limit=100")).send().await.data(200);
    let rows = all.as_array().expect("rows").iter();
    let mut own = rows.filter(|row| row["sellerId"] == deal.seller.id.as_str());
    let one = own.next().expect("a payout").clone();
    assert!(own.next().is_none(), "one payout at most");
    one
}

pub async fn status(admin: &Actor, deal: &Deal) -> String {
    payout(admin, deal).await["status"].as_str().expect("a status").to_owned()
}

/// Lets time pass and the payout be looked after.
pub async fn look(app: &TestApp) {
    app.advance(LOOK);
    app.run_timers().await;
}

async fn retry(admin: &Actor, deal: &Deal, body: Value) -> crate::support::Answer {
    let id = payout(admin, deal).await["_id"].as_str().expect("an id").to_owned();
    admin.post(&format!("{PAYOUTS}/{id}/retry")).json(&body).send().await
}

gateway_test!(a_seller_is_paid, async |app, gateway| {
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    let head = app.position().await;
    release(&admin, &invoice).await;
    app.run_timers().await;
    assert_eq!(status(&admin, &deal).await, "submitted");
    let calls = gateway.calls(Endpoint::Payout);
    let id = payout(&admin, &deal).await["_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        calls[0].body,
        json!({
            "amount": "180", "destination": WALLET, "external_id": format!("out-{id}-1"),
            "fee": "10", "callback_url":
                "https://api.shop.example/api/payment/shkeeper/payout-webhook",
        })
    );
    look(app).await;
    assert_eq!(status(&admin, &deal).await, "broadcast");
    gateway.mine();
    gateway.mine();
    gateway.tick().await;
    look(app).await;
    let done = payout(&admin, &deal).await;
    let sent = gateway.sent_to(WALLET);
    assert_eq!((&done["status"], &done["txHash"]), (&json!("completed"), &json!(sent[0].txid)));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].amount, Decimal::whole(180));
    assert_eq!(deal.state(&invoice).await, "completed released -");
    let names = app.event_names_after(head).await;
    for name in ["payout-created", "payout-updated", "payout-completed", "transaction-completed"] {
        assert!(names.iter().any(|n| n == name), "{name} of {names:?}");
    }
    check_books(app).await;
});

gateway_test!(the_callback_of_a_payout_is_a_hint, async |app, gateway| {
    gateway.set(|options| options.payout_callbacks = true);
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    release(&admin, &invoice).await;
    app.run_timers().await;
    gateway.tick().await;
    gateway.mine();
    gateway.mine();
    gateway.tick().await;
    let callback = gateway.take_callbacks().remove(0);
    assert!(callback.headers.iter().all(|(name, _)| name != "x-shkeeper-api-key"));
    // Signed, and wrong: the gateway is asked, and not believed.
    let mut lie = callback.json();
    lie["tx_hash"] = json!("0xlie");
    let lie = gateway.signed(PAYOUT_WEBHOOK, &lie.to_string());
    request(app, &lie).send().await.expect(202);
    request(app, &callback).send().await.expect(202);
    request(app, &callback).send().await.expect(202);
    // Without waiting for the next look.
    app.run_timers().await;
    let done = payout(&admin, &deal).await;
    assert_eq!(done["status"], "completed");
    assert_eq!(done["txHash"], gateway.sent_to(WALLET)[0].txid);
});

gateway_test!(what_is_refused_failed_and_its_name_is_burnt, async |app, gateway| {
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    gateway.will(Endpoint::Payout, Mishap::Refused("Have not enough tokens".into()));
    release(&admin, &invoice).await;
    app.run_timers().await;
    let failed = payout(&admin, &deal).await;
    assert_eq!(
        (&failed["status"], &failed["reason"]),
        (&json!("failed"), &json!("Have not enough tokens"))
    );
    let own = deal.seller.get(PAYOUTS).send().await.data(200);
    assert!(own[0]["reason"].is_null(), "the gateway's words are not for sellers");
    retry(&admin, &deal, json!({})).await.data(200);
    app.run_timers().await;
    assert_eq!(status(&admin, &deal).await, "submitted");
    let names: Vec<_> =
        gateway.calls(Endpoint::Payout).iter().map(|c| c.body["external_id"].clone()).collect();
    assert_eq!(names.len(), 2);
    assert_ne!(names[0], names[1]);
    assert_eq!(gateway.sent_to(WALLET).len(), 1);
    check_books(app).await;
});

gateway_test!(a_login_that_is_refused_sends_nothing, async |app, gateway| {
    let admin = app.admin().await;
    gateway.set(|options| options.password = "another".into());
    let (deal, invoice) = paid(app, gateway).await;
    release(&admin, &invoice).await;
    app.run_timers().await;
    assert_eq!(status(&admin, &deal).await, "failed");
    assert_eq!(gateway.sent_to(WALLET).len(), 0);
});

gateway_test!(a_login_page_is_no_answer, async |app, gateway| {
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    // Where the order should be taken, it says that it was not.
    gateway.will(Endpoint::Payout, Mishap::LoginPage);
    release(&admin, &invoice).await;
    app.run_timers().await;
    assert_eq!(status(&admin, &deal).await, "failed");
    assert_eq!((gateway.calls(Endpoint::Payout).len(), gateway.sent_to(WALLET).len()), (1, 0));
    retry(&admin, &deal, json!({})).await.data(200);
    app.run_timers().await;
    assert_eq!(status(&admin, &deal).await, "submitted");
    // Where it is asked what became of one, it says nothing.
    for endpoint in [Endpoint::PayoutStatus, Endpoint::Task] {
        gateway.will(endpoint, Mishap::LoginPage);
    }
    look(app).await;
    assert_eq!(status(&admin, &deal).await, "submitted");
    look(app).await;
    assert_eq!(status(&admin, &deal).await, "broadcast");
    // And no invoice is made of it.
    let other = Deal::new(app).await;
    gateway.will(Endpoint::PaymentRequest, Mishap::LoginPage);
    other.intent("ETH-USDT").send().await.error(503, "gateway_unreachable");
    check_books(app).await;
});

gateway_test!(what_cannot_be_told_is_never_sent_again, async |app, gateway| {
    let admin = app.admin().await;
    let mishaps = [
        (Mishap::WalletTimeout { sends: true }, 1),
        (Mishap::WalletTimeout { sends: false }, 0),
        (Mishap::Broken, 0),
        (Mishap::Silence, 0),
    ];
    let mut sent_before = 0;
    for (mishap, sends) in mishaps {
        let (deal, invoice) = paid(app, gateway).await;
        gateway.will(Endpoint::Payout, mishap.clone());
        release(&admin, &invoice).await;
        app.run_timers().await;
        for _ in 0..5 {
            assert_eq!(status(&admin, &deal).await, "unknown", "{mishap:?}");
            app.advance(Duration::from_hours(2));
            look(app).await;
            gateway.tick().await;
        }
        retry(&admin, &deal, json!({})).await.data(200);
        app.run_timers().await;
        assert_eq!(status(&admin, &deal).await, "unknown", "{mishap:?}");
        let sent = gateway.sent_to(WALLET).len() - sent_before;
        assert_eq!(sent, sends, "{mishap:?}");
        sent_before += sends;
        // A person has looked into the wallet.
        if sends == 0 {
            retry(&admin, &deal, json!({ "notSent": true })).await.data(200);
            app.run_timers().await;
            assert_eq!(status(&admin, &deal).await, "submitted");
            assert_eq!(gateway.sent_to(WALLET).len() - sent_before, 1);
            sent_before += 1;
        }
    }
    check_books(app).await;
});

gateway_test!(an_answer_that_was_lost_is_found_again, async |app, gateway| {
    let admin = app.admin().await;
    for mishap in [Mishap::AnswerLost, Mishap::Nonsense, Mishap::AnswerHeld] {
        let before = gateway.sent_to(WALLET).len();
        let (deal, invoice) = paid(app, gateway).await;
        gateway.will(Endpoint::Payout, mishap.clone());
        release(&admin, &invoice).await;
        app.run_timers().await;
        assert_eq!(status(&admin, &deal).await, "unknown", "{mishap:?}");
        gateway.tick().await;
        look(app).await;
        assert_eq!(status(&admin, &deal).await, "broadcast", "{mishap:?}");
        gateway.mine();
        gateway.mine();
        gateway.tick().await;
        look(app).await;
        assert_eq!(status(&admin, &deal).await, "completed", "{mishap:?}");
        assert_eq!(gateway.sent_to(WALLET).len(), before + 1, "{mishap:?}");
    }
    check_books(app).await;
});

gateway_test!(a_task_that_failed_proves_nothing, async |app, gateway| {
    gateway.set(|options| options.holds_tasks = true);
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    release(&admin, &invoice).await;
    app.run_timers().await;
    let name = gateway.calls(Endpoint::Payout)[0].body["external_id"].clone();
    let name = name.as_str().expect("a name");
    gateway.end_task(name, TaskEnd::Failure { text: "nonce too low".into(), sent: true });
    gateway.tick().await;
    for _ in 0..3 {
        look(app).await;
        let payout = payout(&admin, &deal).await;
        assert_eq!(
            (&payout["status"], &payout["reason"]),
            (&json!("unknown"), &json!("nonce too low"))
        );
    }
    assert_eq!(gateway.sent(name), 1);
    assert_eq!(deal.state(&invoice).await, "confirmed releasing -");
});

gateway_test!(a_lost_task_is_not_sent_again, async |app, gateway| {
    gateway.set(|options| options.holds_tasks = true);
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    release(&admin, &invoice).await;
    app.run_timers().await;
    gateway.forget_tasks();
    look(app).await;
    assert_eq!(status(&admin, &deal).await, "submitted", "it looks as one that waits");
    app.advance(Duration::from_hours(25));
    look(app).await;
    assert_eq!(status(&admin, &deal).await, "unknown", "the gateway itself looks for a day");
    assert_eq!(gateway.calls(Endpoint::Payout).len(), 1);
});

gateway_test!(a_wallet_in_another_coin_is_paid_at_the_rate, async |app, gateway| {
    let admin = app.admin().await;
    let deal = Deal::new(app).await;
    let wallet = json!({ "payoutWallet": { "crypto": "BTC", "address": BTC_WALLET } });
    deal.seller.patch("/api/auth/me").json(&wallet).send().await.data(200);
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, &invoice.amount, "0xa1", 1).await;
    deliver(app, gateway).await;
    release(&admin, &invoice).await;
    app.run_timers().await;
    assert_eq!(status(&admin, &deal).await, "submitted");
    let sent = gateway.sent_to(BTC_WALLET);
    assert_eq!(sent[0].amount.to_string(), "0.0036", "180 USD at 50,000, without the fee");
});

gateway_test!(
    an_administrator_begins_a_payout,
    [("PAYOUT_MODE", "manual")],
    async |app, gateway| {
        const PATH: &str = "/api/payment/shkeeper/payout";
        let admin = app.admin().await;
        let (deal, invoice) = paid(app, gateway).await;
        let body = json!({ "paymentId": invoice.payment });
        admin.post(PATH).json(&body).send().await.error(409, "escrow_wrong_state");
        // The deal's own end leaves the escrow releasable.
        let mut tx = app.app.begin().await.expect("a transaction");
        let id = deal.request["_id"].as_str().expect("an id").parse().expect("an id");
        let request = souk::requests::service::lock_for_system(&mut tx, &id).await;
        let request = request.expect("the database").expect("the request");
        souk::payments::service::make_releasable_and_release(&mut tx, &app.app, &request)
            .await
            .expect("a release");
        tx.commit().await.expect("a commit");
        app.run_timers().await;
        assert_eq!(gateway.calls(Endpoint::Payout).len(), 0);
        deal.seller.post(PATH).json(&body).send().await.error(403, "forbidden");
        let begun = crate::support::at_once((0..1000).map(|_| admin.post(PATH).json(&body))).await;
        crate::support::one_of_a_crowd(&begun, 201, "payout_exists");
        app.run_timers().await;
        assert_eq!(status(&admin, &deal).await, "submitted");
        assert_eq!(gateway.sent_to(WALLET).len(), 1);
        admin.post(PATH).json(&body).send().await.expect(409);
        let nobodys = json!({ "paymentId": "01890a5d-ac96-774b-bcce-b302099a8057" });
        admin.post(PATH).json(&nobodys).send().await.error(404, "not_found");
    }
);
