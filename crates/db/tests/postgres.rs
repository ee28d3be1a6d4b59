//! What only PostgreSQL does: conflicts, time-outs, lost connections.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use db::testing::TestDb;
use db::{
    Db, DbError, Engine, Migration, Migrations, Options, Sql, args, db_test, retry_conflicts, sql,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const MIGRATIONS: Migrations = Migrations(&[Migration {
    name: "0001_counters",
    sqlite: "CREATE TABLE counters (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
             INSERT INTO counters (id, n) VALUES ('a', 0), ('b', 0)",
    postgres: "CREATE TABLE counters (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
               INSERT INTO counters (id, n) VALUES ('a', 0), ('b', 0)",
}]);

/// `None`, and the test is skipped, without a server.
async fn open(options: &Options) -> Option<TestDb> {
    let db = TestDb::with_options(Engine::Postgres, &MIGRATIONS, options).await.unwrap();
    if db.is_none() {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED: {} is not set", db::testing::POSTGRES_URL);
    }
    db
}

fn select() -> Sql {
    sql!("SELECT n FROM counters WHERE id = $1")
}

fn increment() -> Sql {
    sql!("UPDATE counters SET n = n + 1 WHERE id = $1")
}

async fn value(db: &Db, id: &str) -> i64 {
    db.fetch_one(select(), args![id]).await.unwrap().get("n").unwrap()
}

// Read, then write: 8 tasks at once lose no increment, by a row lock.
db_test!(row_locks_keep_concurrent_changes, MIGRATIONS, async |db| {
    let tasks = (0..8).map(|_| async {
        for _ in 0..10 {
            let mut tx = db.begin().await.unwrap();
            let row = tx.fetch_one(select().for_update(), args!["a"]).await.unwrap();
            let n: i64 = row.get("n").unwrap();
            let set = sql!("UPDATE counters SET n = $1 WHERE id = $2");
            assert_eq!(tx.execute(set, args![n + 1, "a"]).await.unwrap(), 1);
            tx.commit().await.unwrap();
        }
    });
    futures_util::future::join_all(tasks).await;
    assert_eq!(value(db, "a").await, 80);
});

/// Handlers are `Send` futures; so must be what they call.
fn assert_send<T: Send>(value: T) -> T {
    value
}

/// Two transactions lock two rows in opposite order: one is refused, tried again, and succeeds.
#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let Some(db) = open(&Options::default()).await else { return };
    let meet = tokio::sync::Barrier::new(2);
    let runs = AtomicU32::new(0);
    let swap = async |first: &str, second: &str| {
        assert_send(retry_conflicts(DbError::is_conflict, || async {
            let mut tx = db.begin().await?;
            tx.execute(increment(), args![first]).await?;
            if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                meet.wait().await;
            }
            tx.execute(increment(), args![second]).await?;
            tx.commit().await
        }))
        .await
    };
    let (one, two) = tokio::join!(swap("a", "b"), swap("b", "a"));
    one.unwrap();
    two.unwrap();
    assert_eq!((value(&db, "a").await, value(&db, "b").await), (2, 2));
    assert!(runs.into_inner() > 2, "one of them ran more than once");
}

#[tokio::test]
async fn conflicts_are_retried_three_times_and_others_never() {
    let runs = AtomicU32::new(0);
    let fail = async |error: DbError| {
        runs.store(0, Ordering::Relaxed);
        let result = retry_conflicts(DbError::is_conflict, || async {
            runs.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(error.clone())
        });
        assert!(result.await.is_err());
        runs.load(Ordering::Relaxed)
    };
    assert_eq!(fail(DbError::Serialization(String::new())).await, 3);
    assert_eq!(fail(DbError::Unavailable(String::new())).await, 1);
}

#[tokio::test]
async fn a_serializable_conflict_is_told() {
    let Some(db) = open(&Options::default()).await else { return };
    let mut one = db.begin_serializable().await.unwrap();
    let mut two = db.begin_serializable().await.unwrap();
    for tx in [&mut one, &mut two] {
        tx.fetch_all(sql!("SELECT id, n FROM counters"), args![]).await.unwrap();
    }
    one.execute(increment(), args!["a"]).await.unwrap();
    two.execute(increment(), args!["b"]).await.unwrap();
    one.commit().await.unwrap();
    let refused = two.commit().await;
    assert!(matches!(refused, Err(DbError::Serialization(_))), "{refused:?}");
    assert!(refused.unwrap_err().is_temporary());
}

#[tokio::test]
async fn limits_make_it_unavailable_and_do_not_break_it() {
    let options = Options {
        max_connections: 1,
        acquire_timeout: Duration::from_millis(300),
        statement_timeout: Duration::from_millis(50),
        transaction_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let Some(db) = open(&options).await else { return };
    let held = db.begin().await.unwrap();
    let refused = db.fetch_one(select(), args!["a"]).await;
    assert!(matches!(refused, Err(DbError::Unavailable(_))), "the pool is bounded: {refused:?}");
    held.rollback().await.unwrap_err();
    let slow = Sql::concat(&["SELECT 1 AS one FROM pg_sleep(10)"]);
    let refused = db.fetch_one(slow, args![]).await;
    assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
    assert_eq!(value(&db, "a").await, 0);
}

async fn kill_all_connections(db: &TestDb) {
    let other = Db::open(db.url(), &Options::default()).await.unwrap();
    let kill = "SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(!other.fetch_all(Sql::concat(&[kill]), args![]).await.unwrap().is_empty());
    other.close().await;
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let Some(db) = open(&Options { max_connections: 2, ..Options::default() }).await else {
        return;
    };
    assert_eq!(value(&db, "a").await, 0);
    let mut tx = db.begin().await.unwrap();
    tx.execute(increment(), args!["a"]).await.unwrap();
    kill_all_connections(&db).await;
    let lost = tx.commit().await;
    assert!(matches!(lost, Err(DbError::Unavailable(_))), "{lost:?}");
    // Neither a read nor a begin sees anything of it.
    assert_eq!(value(&db, "a").await, 0);
    kill_all_connections(&db).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(increment(), args!["a"]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(value(&db, "a").await, 1);
}

/// Forwards connections to `server`; those that were open when the value sent to `generation`
/// grew stay open and silent, as behind a dead network.
async fn proxy(server: String, generation: watch::Receiver<u32>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (server, mut generation) = (server.clone(), generation.clone());
            let born = *generation.borrow();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                let frozen = async {
                    let _ = generation.wait_for(|now| *now > born).await;
                };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
                    () = frozen => {}
                }
                std::future::pending::<()>().await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_dead_network_is_unavailable_and_does_not_eat_the_pool() {
    let Some(direct) = open(&Options::default()).await else { return };
    let options = Options {
        max_connections: 2,
        acquire_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(1),
        ..Options::default()
    };
    let (freeze, generation) = watch::channel(0);
    let (login, rest) = direct.url().split_once('@').unwrap();
    let (server, database) = rest.split_once('/').unwrap();
    let port = proxy(server.into(), generation).await;
    let db = Db::open(&format!("{login}@127.0.0.1:{port}/{database}"), &options).await.unwrap();
    let mut written = db.begin().await.unwrap();
    written.execute(increment(), args!["a"]).await.unwrap();
    let mut read = db.begin().await.unwrap();
    freeze.send(1).unwrap();
    let (commit, select) = tokio::join!(written.commit(), read.fetch_one(select(), args!["a"]));
    assert!(matches!(commit, Err(DbError::Unavailable(_))), "{commit:?}");
    assert!(matches!(select, Err(DbError::Unavailable(_))), "{select:?}");
    drop(read);
    // Both places in the pool come back, though nobody ever closes the silent connections.
    let both = async {
        loop {
            let held = (db.begin().await, db.begin().await);
            if let (Ok(_), Ok(_)) = held {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
}

#[tokio::test]
async fn the_session_is_set_up() {
    let Some(db) = open(&Options::default()).await else { return };
    let settings = "SELECT current_setting('timezone') AS zone,
                           current_setting('statement_timeout') AS statement,
                           current_setting('idle_in_transaction_session_timeout') AS idle,
                           current_setting('transaction_isolation') AS isolation";
    let row = db.fetch_one(Sql::concat(&[settings]), args![]).await.unwrap();
    let get = |column| row.get::<String>(column).unwrap();
    assert_eq!(
        [get("zone"), get("statement"), get("idle"), get("isolation")],
        ["UTC", "15s", "10s", "read committed"]
    );
}
