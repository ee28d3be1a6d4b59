//! Demo data: what there is afterwards, and where it does not go.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use db::testing::TestDb;
use db::{Engine, args, sql};
use serde_json::json;
use souk::seed;
use tokio::process::Command;

use crate::support::{TestApp, app_test};

const SANDBOX: (&str, &str) = ("PAYMENT_SANDBOX", "true");

/// Everything that the story is about, in words: what is the same for the same seed.
async fn content(app: &TestApp) -> Vec<String> {
    let texts = [
        sql!(
            "SELECT r.title || '|' || r.status || '|' || u.name || '|' || o.status || '|'
                    || CAST(o.price AS TEXT) AS line
             FROM purchase_requests r JOIN users b ON b.id = r.buyer_id
             JOIN offers o ON o.request_id = r.id JOIN users u ON u.id = o.seller_id"
        ),
        sql!("SELECT name || '|' || email || '|' || role AS line FROM users"),
        sql!(
            "SELECT u.name || '|' || m.content AS line
             FROM chat_messages m JOIN users u ON u.id = m.sender_id"
        ),
        sql!(
            "SELECT u.name || '|' || n.kind AS line
             FROM notifications n JOIN users u ON u.id = n.user_id"
        ),
        sql!(
            "SELECT u.name || '|' || p.status || '|' || p.escrow_state || '|'
                    || CAST(p.amount AS TEXT) AS line
             FROM payments p JOIN users u ON u.id = p.buyer_id"
        ),
        sql!(
            "SELECT r.title || '|' || d.status || '|' || COALESCE(d.outcome, '-') AS line
             FROM disputes d JOIN purchase_requests r ON r.id = d.request_id"
        ),
        sql!(
            "SELECT title || '|' || CAST(price AS TEXT) || '|' || CAST(used AS TEXT) AS line
             FROM request_templates"
        ),
        sql!(
            "SELECT u.name || '|' || c.status || '|' || CAST(c.total AS TEXT) AS line
             FROM template_checkouts c JOIN users u ON u.id = c.buyer_id"
        ),
        sql!(
            "SELECT u.name || '|' || CAST(r.rating AS TEXT) || '|' || r.comment AS line
             FROM reviews r JOIN users u ON u.id = r.author_id"
        ),
        sql!(
            "SELECT CAST(balance AS TEXT) || '|' || CAST(lifetime AS TEXT) AS line
             FROM points_accounts"
        ),
    ];
    let mut lines = Vec::new();
    for (number, text) in texts.into_iter().enumerate() {
        let rows = app.app.db.fetch_all(text, args![]).await.expect("rows");
        assert!(!rows.is_empty(), "part {number} of the story is not told");
        lines.extend(rows.iter().map(|row| {
            let line: String = row.get("line").expect("a line");
            format!("{number} {line}")
        }));
    }
    lines.sort();
    lines
}

/// How many rows there are of each status.
async fn by_status(app: &TestApp, text: db::Sql) -> BTreeMap<String, i64> {
    let rows = app.app.db.fetch_all(text, args![]).await.expect("rows");
    rows.iter()
        .map(|row| (row.get("status").expect("a status"), row.get("total").expect("a number")))
        .collect()
}

fn counted<const N: usize>(expected: [(&str, i64); N]) -> BTreeMap<String, i64> {
    expected.map(|(status, total)| (status.to_owned(), total)).into()
}

/// The ledger's sums, and what it and the payments say of each other.
async fn books(app: &TestApp) -> (Vec<i64>, usize) {
    let found = souk::ledger::reconcile::with_gateways(&app.app).await;
    let found = found.unwrap_or_else(|error| panic!("{}", error.message));
    let row = app.app.db.fetch_one(sql!("SELECT COUNT(*) AS total FROM ledger_entries"), args![]);
    assert!(row.await.expect("a row").get::<i64>("total").expect("a number") > 20);
    let sums = sql!(
        "SELECT a.currency, CAST(COALESCE(SUM(
             (SELECT COALESCE(SUM(amount), 0) FROM ledger_entries WHERE to_account = a.id)
             - (SELECT COALESCE(SUM(amount), 0) FROM ledger_entries WHERE from_account = a.id)
         ), 0) AS BIGINT) AS total FROM ledger_accounts a GROUP BY a.currency"
    );
    let rows = app.app.db.fetch_all(sums, args![]).await.expect("sums");
    let sums = rows.iter().map(|row| row.get("total").expect("a number")).collect();
    (sums, found.differences.len())
}

app_test!(a_marketplace_is_made_once, [SANDBOX], async |app| {
    let made = seed::fill(&app.app, 7).await.expect("demo data");
    assert_eq!((made.accounts.len(), made.requests), (12, 16));
    assert_eq!((made.disputes, made.templates, made.checkouts), (4, 5, 4));
    let requests = sql!("SELECT status, COUNT(*) AS total FROM purchase_requests GROUP BY status");
    let expected = counted([
        ("active", 1),
        ("cancelled", 4),
        ("completed", 6),
        ("delivered", 1),
        ("delivery", 3),
        ("payment", 1),
        ("pending_payment", 2),
        ("processing", 4),
        ("received_offers", 1),
    ]);
    assert_eq!(by_status(app, requests).await, expected);
    let disputes = sql!(
        "SELECT COALESCE(outcome, status) AS status, COUNT(*) AS total FROM disputes
         GROUP BY COALESCE(outcome, status)"
    );
    let expected = counted([("open", 1), ("refund", 1), ("release", 1), ("split", 1)]);
    assert_eq!(by_status(app, disputes).await, expected);
    let checkouts =
        sql!("SELECT status, COUNT(*) AS total FROM template_checkouts GROUP BY status");
    let expected = counted([("failed", 1), ("paid", 2), ("pending", 1)]);
    assert_eq!(by_status(app, checkouts).await, expected);
    let full =
        sql!("SELECT title AS status, used AS total FROM request_templates WHERE used = max_usage");
    assert_eq!(by_status(app, full).await, counted([("Tea bowl", 2)]));
    assert_eq!(books(app).await, (vec![0], 0));

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

/// `souk` on a database, run to its end; what it wrote.
async fn souk(database: &str, folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_souk"))
        .args(words)
        .current_dir(folder)
        .env("DATABASE_URL", database)
        .env("JWT_SECRET", "a secret of the tests, 32 bytes long")
        .kill_on_drop(true)
        .output()
        .await
        .expect("souk runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `souk seed` on a new database; its content afterwards.
async fn seeded(engine: Engine, number: &str) -> Option<Vec<String>> {
    let db = TestDb::new(engine, &souk::migrations::ALL).await.expect("a database")?;
    let folder = tempfile::tempdir().expect("a folder");
    let made = souk(db.url(), folder.path(), &["seed", "--seed", number]).await;
    let (said, errors) = (text(&made.stdout), text(&made.stderr));
    assert!(made.status.success(), "{errors}");
    let seconds = said.strip_prefix("Made in ").and_then(|rest| rest.split(' ').next());
    let seconds: f64 = seconds.and_then(|number| number.parse().ok()).expect("the time it took");
    // A bound, not a figure: it hashes a dozen passwords, here without optimisation.
    assert!(seconds < 60.0, "{said}");
    println!("{engine:?}: {}", said.lines().next().unwrap_or_default());
    for account in ["admin@demo.souk.example", "amina.haddad@demo.souk.example"] {
        assert!(said.contains(account), "{said}");
    }
    let books = souk(db.url(), folder.path(), &["reconcile"]).await;
    let (sums, errors) = (text(&books.stdout), text(&books.stderr));
    assert!(books.status.success(), "{sums}{errors}");
    assert!(sums.contains("The ledger agrees"), "{sums}");
    let app = TestApp::on(&db, &[SANDBOX]).await;
    let content = content(&app).await;
    // What is there is left alone.
    let again = souk(db.url(), folder.path(), &["seed", "--seed", number]).await;
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("holds users already"), "{}", text(&again.stderr));
    assert_eq!(self::content(&app).await, content);
    Some(content)
}

async fn the_same_seed_makes_the_same(engine: Engine) {
    let Some(one) = seeded(engine, "1").await else { return };
    assert_eq!(Some(&one), seeded(engine, "1").await.as_ref());
    assert_ne!(Some(&one), seeded(engine, "2").await.as_ref());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_makes_the_same_of_the_same_seed_on_sqlite() {
    the_same_seed_makes_the_same(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_makes_the_same_of_the_same_seed_on_postgres() {
    the_same_seed_makes_the_same(Engine::Postgres).await;
}

app_test!(the_program_fills_no_database_that_is_in_use, async |app| {
    let folder = tempfile::tempdir().expect("a folder");
    let buyer = app.buyer().await;
    let (head, published) = (app.position().await, buyer.publish(&json!({})).await);
    assert!(app.position().await > head);
    let head = app.position().await;
    let refused = souk(app.database_url(), folder.path(), &["seed"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("holds users already"), "{}", text(&refused.stderr));
    assert_eq!(app.position().await, head);
    assert_eq!(buyer.see(&published).await, published);
});
