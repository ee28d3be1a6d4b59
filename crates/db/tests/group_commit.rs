//! Group commit on SQLite: what was acknowledged is there, what was not is not, nobody is stuck.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use db::testing::TestDb;
use db::{Db, DbError, Engine, Migration, Migrations, Options, Sql, args, sql};
use tokio::task::JoinSet;

const MIGRATIONS: Migrations = Migrations(&[Migration {
    name: "0001_items",
    sqlite: "CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, part TEXT NOT NULL,
                                 filler BYTEA)",
    postgres: "",
}]);

async fn open(options: &Options) -> TestDb {
    TestDb::with_options(Engine::Sqlite, &MIGRATIONS, options).await.unwrap().unwrap()
}

fn insert() -> Sql {
    sql!("INSERT INTO items (id, part) VALUES ($1, $2)")
}

async fn add(db: &Db, id: i64) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    tx.execute(insert(), args![id, "a"]).await?;
    tx.execute(sql!("UPDATE items SET part = 'b' WHERE id = $1"), args![id]).await?;
    tx.commit().await
}

/// The ids stored, all of them complete.
async fn stored(db: &Db) -> BTreeSet<i64> {
    let rows = db.fetch_all(sql!("SELECT id, part FROM items"), args![]).await.unwrap();
    rows.iter()
        .map(|row| {
            assert_eq!(row.get::<&str>("part").unwrap(), "b", "half a transaction is stored");
            row.get("id").unwrap()
        })
        .collect()
}

/// Polls the future at most `times` times, then drops it: a request cancelled at some await.
async fn cancel_after<F: Future>(times: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(move |cx| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_transactions_are_all_stored() {
    let db = open(&Options::default()).await;
    let before = db.writer_stats().unwrap();
    let mut tasks = JoinSet::new();
    for id in 0..40 {
        let db = Db::clone(&db);
        tasks.spawn(async move { add(&db, id).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(stored(&db).await, (0..40).collect());
    let stats = db.writer_stats().unwrap();
    assert_eq!(stats.commits - before.commits, 40);
}

/// Three transactions that are queued behind a fourth make exactly one group.
#[tokio::test]
async fn a_failed_member_rolls_back_alone() {
    let db = open(&Options { group_age: Duration::from_mins(1), ..Options::default() }).await;
    let before = db.writer_stats().unwrap();
    let gate = db.begin().await.unwrap();
    let failing = async {
        let mut tx = db.begin().await?;
        tx.execute(insert(), args![2, "b"]).await?;
        let refused = tx.execute(insert(), args![1, "b"]).await;
        assert!(refused.is_err_and(|error| error.is_unique("items_id")));
        let refused = tx.execute(insert(), args![3, "b"]).await;
        assert!(matches!(refused, Err(DbError::Failed)));
        tx.commit().await
    };
    let dropped = async {
        let mut tx = db.begin().await?;
        tx.execute(insert(), args![4, "b"]).await
    };
    let open_gate = async { gate.rollback().await };
    let (one, failed, _, five, _) =
        tokio::join!(add(&db, 1), failing, dropped, add(&db, 5), open_gate);
    one.unwrap();
    assert!(matches!(failed, Err(DbError::Failed)));
    five.unwrap();
    assert_eq!(stored(&db).await, BTreeSet::from([1, 5]));
    let after = db.writer_stats().unwrap();
    assert_eq!((after.commits - before.commits, after.groups - before.groups), (2, 1));
}

#[tokio::test]
async fn a_group_whose_last_member_is_dropped_is_stored_without_it() {
    let db = open(&Options { group_age: Duration::from_mins(1), ..Options::default() }).await;
    let before = db.writer_stats().unwrap();
    let gate = db.begin().await.unwrap();
    let dropped = async {
        let mut tx = db.begin().await?;
        tx.execute(insert(), args![2, "b"]).await
    };
    let open_gate = async { gate.rollback().await };
    let (one, _, _) = tokio::join!(add(&db, 1), dropped, open_gate);
    one.unwrap();
    assert_eq!(stored(&db).await, BTreeSet::from([1]));
    let after = db.writer_stats().unwrap();
    assert_eq!((after.groups - before.groups, after.rollbacks - before.rollbacks), (1, 2));
}

#[tokio::test]
async fn a_group_is_bounded_by_members_and_age() {
    for (options, groups) in [
        (Options { group_members: 2, group_age: Duration::from_mins(1), ..Options::default() }, 3),
        (Options { group_age: Duration::ZERO, ..Options::default() }, 6),
        (Options { group_age: Duration::from_mins(1), ..Options::default() }, 1),
    ] {
        let db = open(&options).await;
        let before = db.writer_stats().unwrap();
        let gate = db.begin().await.unwrap();
        let writers = async {
            tokio::join!(
                add(&db, 1),
                add(&db, 2),
                add(&db, 3),
                add(&db, 4),
                add(&db, 5),
                add(&db, 6)
            )
        };
        let open_gate = async { gate.rollback().await };
        let _ = tokio::join!(writers, open_gate);
        assert_eq!(stored(&db).await.len(), 6);
        let after = db.writer_stats().unwrap();
        assert_eq!(after.groups - before.groups, groups, "{options:?}");
    }
}

#[tokio::test]
async fn turns_are_given_in_order() {
    let db = open(&Options::default()).await;
    let gate = db.begin().await.unwrap();
    let order = std::sync::Mutex::new(Vec::new());
    let member = |id: i64| {
        let (db, order) = (&db, &order);
        async move {
            let tx = db.begin().await.unwrap();
            order.lock().unwrap().push(id);
            tx.commit().await.unwrap();
        }
    };
    let open_gate = async { gate.commit().await.unwrap() };
    tokio::join!(member(1), member(2), member(3), member(4), open_gate);
    assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4]);
}

/// Every transaction is cancelled after a different number of polls, at any await it has, among
/// others that are not. What was acknowledged is stored, what never got to its commit is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancellation_anywhere_loses_nothing_and_leaks_nothing() {
    let db = open(&Options::default()).await;
    for round in 0..60_i64 {
        let mut tasks = JoinSet::new();
        for n in 0..12_i64 {
            let (db, id) = (Db::clone(&db), round * 100 + n);
            let polls =
                if n % 3 == 0 { u32::MAX } else { u32::try_from((round + n) % 14).unwrap() };
            tasks.spawn(async move {
                let reached_commit = AtomicBool::new(false);
                let done = cancel_after(polls, async {
                    let mut tx = db.begin().await?;
                    tx.execute(insert(), args![id, "a"]).await?;
                    tx.execute(sql!("UPDATE items SET part = 'b' WHERE id = $1"), args![id])
                        .await?;
                    reached_commit.store(true, Ordering::Relaxed);
                    tx.commit().await
                })
                .await;
                (id, reached_commit.into_inner(), done)
            });
        }
        let mut must = BTreeSet::new();
        let mut may = BTreeSet::new();
        while let Some(done) = tasks.join_next().await {
            let (id, reached_commit, done) = done.unwrap();
            match done {
                Some(outcome) => {
                    outcome.unwrap();
                    must.insert(id);
                }
                None if reached_commit => {
                    may.insert(id);
                }
                None => {}
            }
        }
        // The writer is not stuck, and has undone what was dropped before this turn.
        db.begin().await.unwrap().commit().await.unwrap();
        let stored: BTreeSet<_> =
            stored(&db).await.into_iter().filter(|id| id / 100 == round).collect();
        assert!(stored.is_superset(&must), "acknowledged but not stored: {must:?} {stored:?}");
        assert!(
            stored.iter().all(|id| must.contains(id) || may.contains(id)),
            "stored without a commit: {stored:?}"
        );
    }
    assert!(db.writer_stats().unwrap().rollbacks > 0);
}

#[tokio::test]
async fn waiting_too_long_is_unavailable() {
    let db =
        open(&Options { acquire_timeout: Duration::from_millis(20), ..Options::default() }).await;
    let held = db.begin().await.unwrap();
    assert!(matches!(db.begin().await, Err(DbError::Unavailable(_))));
    held.rollback().await.unwrap();
    add(&db, 1).await.unwrap();
}

#[tokio::test]
async fn a_turn_that_lasts_too_long_is_taken_back() {
    let limit = Duration::from_millis(50);
    let db = open(&Options { transaction_timeout: limit, ..Options::default() }).await;
    let mut slow = db.begin().await.unwrap();
    slow.execute(insert(), args![1, "b"]).await.unwrap();
    // Gets its turn when that of `slow` is over.
    add(&db, 2).await.unwrap();
    let late = slow.execute(insert(), args![3, "b"]).await;
    assert!(matches!(late, Err(DbError::Unavailable(_))), "{late:?}");
    assert!(slow.commit().await.is_err());

    // Also when nobody else is waiting for it.
    let rollbacks = || db.writer_stats().unwrap().rollbacks;
    let before = rollbacks();
    let mut lonely = db.begin().await.unwrap();
    while rollbacks() == before {
        tokio::task::yield_now().await;
    }
    let late = lonely.execute(insert(), args![3, "b"]).await;
    assert!(matches!(late, Err(DbError::Unavailable(_))), "{late:?}");

    let idle = db.begin().await.unwrap();
    add(&db, 4).await.unwrap();
    assert!(matches!(idle.commit().await, Err(DbError::Unavailable(_))));
    assert_eq!(stored(&db).await, BTreeSet::from([2, 4]));
}

/// A statement whose future is dropped leaves its transaction failed, not half done.
#[tokio::test]
async fn a_cancelled_statement_fails_its_transaction() {
    let db = open(&Options::default()).await;
    let mut tx = db.begin().await.unwrap();
    {
        // Long enough not to be done within one poll.
        let slow = sql!(
            "INSERT INTO items (id, part)
             WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000)
             SELECT max(x), 'b' FROM n"
        );
        let statement = pin!(tx.execute(slow, args![]));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(statement.poll(&mut cx).is_pending());
    }
    assert!(matches!(tx.execute(insert(), args![2, "b"]).await, Err(DbError::Failed)));
    assert!(matches!(tx.commit().await, Err(DbError::Failed)));
    db.begin().await.unwrap().commit().await.unwrap();
    assert_eq!(stored(&db).await, BTreeSet::new());
}

/// SQLite may roll the whole group back when the disk is full: then no member may hear `Ok`.
#[tokio::test]
async fn a_full_disk_is_told_to_everyone_it_hits() {
    let db = open(&Options { group_age: Duration::from_mins(1), ..Options::default() }).await;
    let mut tx = db.begin().await.unwrap();
    tx.fetch_all(Sql::concat(&["PRAGMA max_page_count = 40"]), args![]).await.unwrap();
    tx.commit().await.unwrap();
    let big = |id: i64| {
        let db = Db::clone(&db);
        async move {
            let mut tx = db.begin().await?;
            tx.execute(
                sql!("INSERT INTO items (id, part, filler) VALUES ($1, 'b', $2)"),
                args![id, vec![1_u8; 20_000]],
            )
            .await?;
            tx.commit().await
        }
    };
    let gate = db.begin().await.unwrap();
    let mut waiting: Vec<_> = (0..12).map(|id| Box::pin(big(id))).collect();
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    gate.rollback().await.unwrap();
    let mut acknowledged = BTreeSet::new();
    for (id, outcome) in (0_i64..).zip(futures_util::future::join_all(waiting).await) {
        match outcome {
            Ok(()) => {
                acknowledged.insert(id);
            }
            Err(error) => assert!(matches!(error, DbError::Unavailable(_)), "{error:?}"),
        }
    }
    assert!(acknowledged.len() < 12, "the disk was not full");
    assert_eq!(stored(&db).await, acknowledged);
    // Small ones still fit.
    add(&db, 100).await.unwrap();
}

/// When the shared COMMIT itself fails, every member hears it.
#[tokio::test]
async fn a_failed_commit_fails_every_member() {
    let db = open(&Options { group_age: Duration::from_mins(1), ..Options::default() }).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(Sql::concat(&["CREATE TABLE child (item BIGINT REFERENCES items (id))"]), args![])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let saboteur = async {
        let mut tx = db.begin().await?;
        tx.execute(Sql::concat(&["PRAGMA defer_foreign_keys = ON"]), args![]).await?;
        tx.execute(Sql::concat(&["INSERT INTO child VALUES (77)"]), args![]).await?;
        tx.commit().await
    };
    let gate = db.begin().await.unwrap();
    let open_gate = async { gate.rollback().await };
    let (one, bad, two, _) = tokio::join!(add(&db, 1), saboteur, add(&db, 2), open_gate);
    for outcome in [one, bad, two] {
        assert!(matches!(outcome, Err(DbError::Unavailable(_))), "{outcome:?}");
    }
    assert_eq!(stored(&db).await, BTreeSet::new());
    add(&db, 3).await.unwrap();
    assert_eq!(stored(&db).await, BTreeSet::from([3]));
}

#[tokio::test]
async fn the_connections_are_set_up_for_durability() {
    let db = open(&Options::default()).await;
    let pragma = |name: &'static str| Sql::concat(&["SELECT * FROM pragma_", name]);
    let mut tx = db.begin().await.unwrap();
    for (name, value) in [("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0)] {
        let row = tx.fetch_one(pragma(name), args![]).await.unwrap();
        assert_eq!(row.get::<i64>(name).unwrap(), value, "{name}");
    }
    let row = tx.fetch_one(pragma("journal_mode"), args![]).await.unwrap();
    assert_eq!(row.get::<String>("journal_mode").unwrap(), "wal");
}
