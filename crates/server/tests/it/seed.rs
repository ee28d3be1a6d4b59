//! Demo data: what there is afterwards, and where it does not go.

use std::collections::BTreeMap;

use db::{Engine, args, sql};
use serde_json::json;
use souk::seed;

use crate::support::{TestApp, app_test};

const SANDBOX: (&str, &str) = ("PAYMENT_SANDBOX", "true");

/// What people decided: titles, statuses, prices.
async fn decisions(app: &TestApp) -> Vec<String> {
    let rows = app
        .app
        .db
        .fetch_all(
            sql!(
                "SELECT r.title, r.status, u.name, o.price, o.status AS offer
                 FROM purchase_requests r LEFT JOIN offers o ON o.request_id = r.id
                 LEFT JOIN users u ON u.id = o.seller_id"
            ),
            args![],
        )
        .await
        .expect("rows");
    let text = |row: &db::Row, name: &str| row.get::<Option<String>>(name).expect("text");
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let price: Option<i64> = row.get("price").expect("a price");
            let words = ["title", "status", "name", "offer"].map(|name| text(row, name));
            format!("{words:?} {price:?}")
        })
        .collect();
    lines.sort();
    lines
}

app_test!(a_marketplace_is_made_once, [SANDBOX], async |app| {
    let made = seed::fill(&app.app, 7).await.expect("demo data");
    assert_eq!((made.accounts.len(), made.requests), (12, 12));
    let rows = app
        .app
        .db
        .fetch_all(
            sql!("SELECT status, COUNT(*) AS total FROM purchase_requests GROUP BY status"),
            args![],
        )
        .await
        .expect("rows");
    let by_status: BTreeMap<String, i64> = rows
        .iter()
        .map(|row| (row.get("status").expect("a status"), row.get("total").expect("a number")))
        .collect();
    let expected = [
        ("active", 1),
        ("cancelled", 1),
        ("completed", 4),
        ("delivered", 1),
        ("delivery", 2),
        ("payment", 1),
        ("processing", 1),
        ("received_offers", 1),
    ];
    assert_eq!(by_status, expected.map(|(status, total)| (status.to_owned(), total)).into());

    // Everybody can sign in, and was told of what happened.
    for account in &made.accounts {
        let body = json!({ "email": account.email, "password": seed::PASSWORD });
        let answer = app.post("/api/auth/login").json(&body).send().await.data(200);
        let token = answer["accessToken"].as_str().expect("a token").to_owned();
        if account.role != "admin" {
            let told = app.get("/api/notifications").bearer(&token).send().await.expect(200);
            assert!(told["pagination"]["total"].as_i64() > Some(0), "{account:?}");
        }
    }
    let names = app.event_names_after(0).await;
    for name in [
        "new-offer",
        "payment-received",
        "transaction-completed",
        "new-message",
        "level-up",
        "referral-signup",
        "referral-reward",
    ] {
        assert!(names.iter().any(|event| event == name), "{name}");
    }
    let again = seed::fill(&app.app, 7).await.expect_err("not twice");
    assert!(again.contains("holds users already"), "{again}");
    assert_eq!(app.event_names_after(0).await.len(), names.len(), "nothing was touched");
});

app_test!(a_database_with_a_user_is_left_alone, [SANDBOX], async |app| {
    app.buyer().await;
    let head = app.position().await;
    seed::fill(&app.app, 1).await.expect_err("refused");
    assert_eq!(app.position().await, head);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_makes_the_same_deals() {
    let make = async |number: u64| {
        let db = db::testing::TestDb::new(Engine::Sqlite, &souk::migrations::ALL).await;
        let db = db.expect("a database").expect("SQLite is always there");
        let app = TestApp::on(&db, &[SANDBOX]).await;
        seed::fill(&app.app, number).await.expect("demo data");
        decisions(&app).await
    };
    let (one, same, other) = (make(1).await, make(1).await, make(2).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
}
