//! `souk migrate --from … --to …`.

use db::copy::{self, Sums};
use db::testing::TestDb;
use db::{Db, Engine, Sql, args};
use events::Room;
use serde_json::json;
use souk::transfer::{self, POSTGRES_ONLY};

use crate::support::TestApp;

async fn databases(from: Engine, to: Engine) -> Option<(TestDb, TestDb)> {
    let migrations = &souk::migrations::ALL;
    let from = TestDb::new(from, migrations).await.unwrap()?;
    Some((from, TestDb::new(to, migrations).await.unwrap()?))
}

async fn emit(app: &TestApp, number: i64) {
    let mut tx = app.app.begin().await.unwrap();
    tx.emit_to_room(Room::Sellers, "counted", &json!({ "number": number })).unwrap();
    tx.commit().await.unwrap();
}

/// People, sign-ins, timers, a journal of which the newest entries were swept.
async fn fill(db: &TestDb) {
    let app = TestApp::on(db, &[]).await;
    for _ in 0..3 {
        app.buyer().await;
        app.seller().await;
    }
    for number in 1..=1100 {
        emit(&app, number).await;
    }
    app.app.journal.settle().await.unwrap();
    let mut tx = app.app.begin().await.unwrap();
    tx.schedule("test", "key", std::time::Duration::from_secs(5)).await.unwrap();
    let swept = Sql::concat(&["DELETE FROM journal WHERE position > 1090 OR position < 10"]);
    tx.execute(swept, args![]).await.unwrap();
    tx.commit().await.unwrap();
    // Not moved to the journal yet, on PostgreSQL.
    emit(&app, 1101).await;
    app.app.db.close().await;
}

async fn sums(db: &Db) -> Sums {
    copy::sums(&mut db.begin_read().await.unwrap(), POSTGRES_ONLY).await.unwrap()
}

/// Positions and numbers of the journal, in order.
async fn counted(db: &Db) -> Vec<(i64, i64)> {
    let rows = Sql::concat(&["SELECT position, payload FROM journal ORDER BY position"]);
    let rows = db.fetch_all(rows, args![]).await.unwrap();
    let read = |row: &db::Row| {
        let payload: serde_json::Value = row.json("payload").unwrap();
        (row.get("position").unwrap(), payload["number"].as_i64().unwrap())
    };
    rows.iter().map(read).collect()
}

async fn test(from: Engine, to: Engine) {
    let Some((from, to)) = databases(from, to).await else { return };
    fill(&from).await;
    let moved = transfer::run(from.url(), to.url()).await.unwrap();

    assert_eq!(sums(&from).await, moved);
    assert_eq!(sums(&to).await, moved);
    assert_eq!((moved["users"].rows, moved["sessions"].rows, moved["timers"].rows), (6, 6, 1));
    let mut expected: Vec<_> = (10..=1090).map(|number| (number, number)).collect();
    expected.push((1101, 1101));
    assert_eq!(counted(&to).await, expected);

    // The program goes on where it was, with the people and behind the last position.
    let app = TestApp::on(&to, &[]).await;
    emit(&app, 1102).await;
    app.app.journal.settle().await.unwrap();
    expected.push((1102, 1102));
    assert_eq!(counted(&to).await, expected);

    // Now it is in use.
    let again = transfer::run(from.url(), to.url()).await.unwrap_err();
    assert!(again.starts_with("--to: this database is in use: "), "{again}");
    assert_eq!(counted(&to).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_to_postgres() {
    test(Engine::Sqlite, Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_to_sqlite() {
    test(Engine::Postgres, Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_node_is_noticed() {
    let Some((from, to)) = databases(Engine::Postgres, Engine::Sqlite).await else { return };
    let app = TestApp::on(&from, &[]).await;
    let node = app.serve().await;
    crate::support::nodes::eventually("the node's sequencer", async || {
        let refused = transfer::run(from.url(), to.url()).await.err();
        refused.filter(|refused| refused.contains("nodes are running"))
    })
    .await;
    node.stop().await;
}

#[tokio::test]
async fn what_is_no_source_is_refused() {
    let (from, to) = databases(Engine::Sqlite, Engine::Sqlite).await.unwrap();
    let missing = transfer::run("sqlite:/no/such/souk.db", to.url()).await.unwrap_err();
    assert!(missing.contains("there is no file /no/such/souk.db"), "{missing}");

    let mut tx = from.begin().await.unwrap();
    tx.execute(Sql::concat(&["DELETE FROM schema_migrations"]), args![]).await.unwrap();
    tx.commit().await.unwrap();
    let old = transfer::run(from.url(), to.url()).await.unwrap_err();
    assert!(old.contains("run `souk migrate` on it first"), "{old}");

    let mut tx = from.begin().await.unwrap();
    tx.execute(Sql::concat(&["DROP TABLE schema_migrations"]), args![]).await.unwrap();
    tx.commit().await.unwrap();
    let foreign = transfer::run(from.url(), to.url()).await.unwrap_err();
    assert!(foreign.contains("no database of Souk"), "{foreign}");
}
