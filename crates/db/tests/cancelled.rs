//! A future that is dropped at any of its await points leaves nothing behind for those who get its
//! connection next: no open transaction, no lock, no answer that belongs to another statement.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use db::testing::TestDb;
use db::{Db, DbError, Engine, Migration, Migrations, Options, Sql, args, sql};

const TABLE: &str = "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL)";

const MIGRATIONS: Migrations =
    Migrations(&[Migration { name: "0001_notes", sqlite: TABLE, postgres: TABLE }]);

/// How often each is cut at each of its await points.
const ROUNDS: usize = 5;

/// When a future is dropped.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// While it waits.
    Waiting,
    /// When what it waits for has come.
    Woken,
}

/// Polls `future` up to `polls` times and then drops it; `None` when it was not done by then.
async fn cut<F: Future>(cut: Cut, polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if polled == polls && matches!(cut, Cut::Waiting) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// What a handler may do; each is cut at each of its await points.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// A statement outside of a transaction.
    Read,
    /// A transaction that writes.
    Write,
    /// One that sees a single state of the database.
    Snapshot,
    /// A transaction whose statement is refused.
    Refused,
    /// One that is given up.
    GivenUp,
}

const WORKS: [Work; 5] = [Work::Read, Work::Write, Work::Snapshot, Work::Refused, Work::GivenUp];

fn insert() -> Sql {
    sql!("INSERT INTO notes (id, body) VALUES ($1, $2)")
}

fn bodies() -> Sql {
    sql!("SELECT body FROM notes WHERE id = $1")
}

async fn run(db: &Db, work: Work, id: &str) -> Result<(), DbError> {
    match work {
        Work::Read => db.fetch_all(bodies(), args![id]).await.map(drop),
        Work::Write => {
            let mut tx = db.begin().await?;
            tx.execute(insert(), args![id, "one"]).await?;
            let change = sql!("UPDATE notes SET body = $1 WHERE id = $2");
            tx.execute(change, args!["two", id]).await?;
            tx.commit().await
        }
        Work::Snapshot => {
            let mut tx = db.begin_read().await?;
            tx.fetch_all(bodies(), args![id]).await?;
            tx.commit().await
        }
        Work::Refused => {
            let mut tx = db.begin().await?;
            tx.execute(insert(), args![id, "one"]).await?;
            let refused = tx.execute(insert(), args![id, "again"]).await;
            assert!(refused.is_err_and(|error| error.is_unique("notes_id")));
            tx.rollback().await
        }
        Work::GivenUp => {
            let mut tx = db.begin_serializable().await?;
            tx.execute(insert(), args![id, "one"]).await?;
            tx.rollback().await
        }
    }
}

/// Everything that an unrelated request may do has to succeed.
async fn unrelated(db: &Db, id: &str) -> Result<(), DbError> {
    db.fetch_all(bodies(), args![id]).await?;
    for work in [Work::Snapshot, Work::Write, Work::GivenUp] {
        // Of an id of its own: what was written before is there.
        let id = format!("{id}-{work:?}");
        run(db, work, &id).await?;
    }
    let written = db.fetch_one(bodies(), args![format!("{id}-Write")]).await?;
    assert_eq!(written.get::<String>("body")?, "two");
    Ok(())
}

/// One connection, so that the next request certainly gets the one whose user was cut off.
fn options() -> Options {
    Options {
        max_connections: 1,
        max_read_connections: 1,
        acquire_timeout: Duration::from_secs(5),
        ..Options::default()
    }
}

async fn open(engine: Engine, options: &Options) -> Option<TestDb> {
    let db = TestDb::with_options(engine, &MIGRATIONS, options).await.unwrap();
    if db.is_none() {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED: {} is not set", db::testing::POSTGRES_URL);
    }
    db
}

async fn each_await_point(engine: Engine) {
    let Some(db) = open(engine, &options()).await else { return };
    let witness = Db::open(db.url(), &Options::default()).await.unwrap();
    for work in WORKS {
        let mut cuts = 0;
        for how in [Cut::Waiting, Cut::Woken] {
            // New statements have await points of their own: the first round prepares them. How
            // often a future waits differs from one to the next.
            for round in 0..ROUNDS {
                let mut polls = 0;
                loop {
                    let id = format!("{work:?}-{how:?}-{round}-{polls}");
                    let done = cut(how, polls, run(&db, work, &id)).await;
                    if let Err(error) = unrelated(&db, &id).await {
                        panic!("{work:?} dropped {how:?} after {polls} polls: {error}");
                    }
                    let row = witness.fetch_optional(bodies(), args![&id]).await.unwrap();
                    let body = row.map(|row| row.get::<String>("body").unwrap());
                    assert!(body.is_none() || body.as_deref() == Some("two"), "{id}: {body:?}");
                    if let Some(done) = done {
                        done.unwrap();
                        assert_eq!(body.is_some(), matches!(work, Work::Write), "{id}");
                        break;
                    }
                    polls += 1;
                }
                cuts += polls;
            }
        }
        // Each has one wait for the database at least.
        assert!(cuts >= 2 * ROUNDS, "{work:?}: {cuts} cuts");
    }
}

#[tokio::test]
async fn each_await_point_sqlite() {
    each_await_point(Engine::Sqlite).await;
}

#[tokio::test]
async fn each_await_point_postgres() {
    each_await_point(Engine::Postgres).await;
}

/// Many at the same time on a small pool, most of them cut: those that are not all succeed.
async fn crowd(engine: Engine) {
    let options = Options { max_connections: 3, max_read_connections: 3, ..options() };
    let Some(db) = open(engine, &options).await else { return };
    let one = |number: usize| {
        let db: &Db = &db;
        async move {
            let work = WORKS[number % WORKS.len()];
            let how = if number.is_multiple_of(2) { Cut::Waiting } else { Cut::Woken };
            let id = format!("crowd-{number}");
            if number % 4 == 3 {
                return unrelated(db, &id).await.unwrap();
            }
            if let Some(done) = cut(how, number % 13, run(db, work, &id)).await {
                done.unwrap();
            }
        }
    };
    futures_util::future::join_all((0..600).map(one)).await;
}

#[tokio::test]
async fn a_crowd_sqlite() {
    crowd(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_crowd_postgres() {
    crowd(Engine::Postgres).await;
}
