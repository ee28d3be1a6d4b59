//! The ledger: append-only, balanced, and compared with the rest.

use db::{DbError, Sql, args};
use events::{Currency, PaymentProvider, example};
use serde_json::json;
use souk::ledger::{Account, Kind, Transfer, reconcile, service};

use crate::support::money::SANDBOX;
use crate::support::{TestApp, app_test};

async fn book(app: &TestApp, transfer: Transfer) -> Result<(), String> {
    let mut tx = app.app.begin().await.expect("a transaction");
    service::post(&mut tx, transfer).await.map_err(|error| error.code.to_owned())?;
    tx.commit().await.map_err(|error| error.to_string())
}

fn received(reference: &str, amount: i64) -> Transfer {
    Transfer::new(Kind::Received, reference, Currency::Usd).move_to(
        Account::ProviderClearing(PaymentProvider::Sandbox),
        Account::Buyer(example::payment()),
        amount,
    )
}

app_test!(nothing_is_booked_twice, async |app| {
    assert_eq!(book(app, received("a", 100)).await, Ok(()));
    assert_eq!(book(app, received("a", 100)).await, Err("internal".into()));
    assert_eq!(book(app, received("b", 1)).await, Ok(()));
    let buyer = Account::Buyer(example::payment()).id(Currency::Usd);
    assert_eq!(app.balance(&buyer).await, 101);
    assert_eq!(app.balance("provider_clearing:sandbox:USD").await, -101);
    let both = futures_util::future::join_all((0..20).map(|_| book(app, received("c", 5)))).await;
    assert_eq!(both.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(app.balance(&buyer).await, 106);
});

app_test!(nothing_is_taken_that_is_not_there, async |app| {
    let held = |amount| {
        Transfer::new(Kind::Held, "x", Currency::Usd).move_to(
            Account::Buyer(example::payment()),
            Account::Escrow(example::request()),
            amount,
        )
    };
    book(app, received("a", 100)).await.expect("booked");
    assert_eq!(book(app, held(101)).await, Err("internal".into()));
    assert_eq!(app.balance(&Account::Escrow(example::request()).id(Currency::Usd)).await, 0);
    // What was refused left nothing, so its name is free.
    assert_eq!(book(app, held(100)).await, Ok(()));
    let nothing = Transfer::new(Kind::Received, "empty", Currency::Usd);
    assert_eq!(book(app, nothing).await, Err("internal".into()));
});

app_test!(rows_are_never_changed_or_deleted, async |app| {
    book(app, received("a", 100)).await.expect("booked");
    for statement in [
        "UPDATE ledger_entries SET amount = 1",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_transfers SET reference = 'z'",
        "DELETE FROM ledger_transfers",
        "UPDATE ledger_accounts SET owner = 'z'",
        "DELETE FROM ledger_accounts",
    ] {
        let mut tx = app.app.db.begin().await.expect("a transaction");
        let refused = tx.execute(Sql::concat(&[statement]), args![]).await;
        assert!(matches!(refused, Err(DbError::Refused(_))), "{statement}: {refused:?}");
    }
    if app.app.db.engine() == db::Engine::Postgres {
        let mut tx = app.app.db.begin().await.expect("a transaction");
        let truncate = Sql::concat(&["TRUNCATE ledger_entries"]);
        assert!(matches!(tx.execute(truncate, args![]).await, Err(DbError::Refused(_))));
    }
});

app_test!(differences_are_named, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let (deal, payment) = buyer.paid_deal(&seller, "100.00").await;
    app.check_ledger().await;
    let path = "/api/ledger/reconciliation";
    let found = admin.get(path).send().await.data(200);
    let sums = json!([{ "currency": "USD", "sum": "0.00" }]);
    assert_eq!((&found["balanced"], &found["sums"]), (&json!(true), &sums));

    // Somebody takes a payment's word for it.
    let mut tx = app.app.db.begin().await.expect("a transaction");
    let forged = db::sql!("UPDATE payments SET received = received + 1 WHERE id = $1");
    tx.execute(forged, args![crate::support::market::id(&payment)]).await.expect("an update");
    let lost =
        db::sql!("UPDATE payment_shares SET escrow_state = 'refunded' WHERE request_id = $1");
    tx.execute(lost, args![&deal.request_id()]).await.expect("an update");
    tx.commit().await.expect("a commit");
    let found = reconcile::run(&app.app.db).await.expect("a comparison");
    assert!(!found.balanced);
    let told: Vec<_> = found.differences.iter().map(ToString::to_string).collect();
    let payment = crate::support::market::id(&payment);
    assert_eq!(
        told,
        [
            format!("received of {payment}: 100.01 instead of 100.00"),
            format!("balance of escrow:{}:USD: 100.00 instead of 0.00", deal.request_id()),
            "balance of provider_clearing:sandbox:USD: -100.00 instead of -100.01".to_owned(),
            format!("balance of buyer:{payment}:USD: 0.00 instead of 0.01"),
        ]
    );
    let found = admin.get(path).send().await.data(200);
    assert_eq!(found["differences"].as_array().map(Vec::len), Some(4));
});

app_test!(administrators_read_it, [SANDBOX], async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let (deal, payment) = buyer.paid_deal(&seller, "100.00").await;
    let escrow = format!("escrow:{}:USD", deal.request_id());
    let accounts =
        admin.get("/api/ledger/accounts?kind=escrow&currency=USD").send().await.expect(200);
    assert_eq!(accounts["pagination"]["total"], 1);
    let account = &accounts["data"][0];
    assert_eq!((&account["_id"], &account["balance"]), (&json!(escrow), &json!("100.00")));
    assert_eq!(account["owner"], deal.request["_id"]);
    let path = format!("/api/ledger/entries?account={escrow}");
    let entries = admin.get(&path).send().await.expect(200);
    assert_eq!(entries["pagination"]["total"], 1);
    let entry = &entries["data"][0];
    assert_eq!((&entry["kind"], &entry["amount"]), (&json!("held"), &json!("100.00")));
    assert_eq!((&entry["reference"], &entry["toAccount"]), (&payment["_id"], &json!(escrow)));
    let all = admin.get("/api/ledger/entries").send().await.expect(200);
    assert_eq!(all["pagination"]["total"], 2);
    admin.get("/api/ledger/accounts?kind=nothing").send().await.invalid(&["kind"]);
    admin.get("/api/ledger/entries?limit=0").send().await.invalid(&["limit"]);
});
