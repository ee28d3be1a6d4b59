//! The comparison of twin schemas, and migrations.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::collections::BTreeSet;
use std::time::Duration;

use db::testing::{Schema, TestDb, schema};
use db::{Db, DbError, Engine, Migration, Migrations, Options, args, db_test, sql};

const TABLES: Migration = Migration {
    name: "0001_tables",
    sqlite: "CREATE TABLE users (
                 id TEXT NOT NULL PRIMARY KEY,
                 email TEXT NOT NULL UNIQUE,
                 role TEXT NOT NULL DEFAULT 'buyer',
                 age BIGINT DEFAULT 0,
                 active BOOLEAN NOT NULL DEFAULT true,
                 photo BYTEA,
                 score DOUBLE PRECISION,
                 CONSTRAINT users_age CHECK (age >= 0)
             );
             CREATE TABLE entries (
                 position INTEGER PRIMARY KEY,
                 user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE
             );
             CREATE TABLE pairs (
                 a TEXT NOT NULL, b BIGINT NOT NULL, c TEXT,
                 PRIMARY KEY (b, a)
             );
             CREATE UNIQUE INDEX pairs_a_c ON pairs (a, c) WHERE c IS NOT NULL;
             CREATE INDEX pairs_by_lower_c ON pairs (lower(c), a);
             CREATE TRIGGER entries_stay BEFORE DELETE ON entries
             BEGIN SELECT RAISE(ABORT, 'entries stay'); END;",
    postgres: "CREATE TABLE users (
                 id TEXT NOT NULL PRIMARY KEY,
                 email TEXT NOT NULL,
                 role TEXT NOT NULL DEFAULT 'buyer',
                 age BIGINT DEFAULT 0,
                 active BOOLEAN NOT NULL DEFAULT true,
                 photo BYTEA,
                 score DOUBLE PRECISION,
                 CONSTRAINT users_age CHECK (age >= 0)
             );
             CREATE UNIQUE INDEX users_email ON users (email);
             CREATE TABLE entries (
                 position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE
             );
             CREATE TABLE pairs (
                 a TEXT NOT NULL, b BIGINT NOT NULL, c TEXT,
                 PRIMARY KEY (b, a)
             );
             CREATE UNIQUE INDEX pairs_a_c ON pairs (a, c) WHERE c IS NOT NULL;
             CREATE INDEX pairs_by_lower_c ON pairs (lower(c), a);
             CREATE FUNCTION entries_stay() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'entries stay'; END $$;
             CREATE TRIGGER entries_stay BEFORE DELETE ON entries
                 FOR EACH ROW EXECUTE FUNCTION entries_stay();",
};

const LINES: [&str; 22] = [
    "check users_age on users",
    "column entries.position bigint not null",
    "column entries.user_id text not null",
    "column pairs.a text not null",
    "column pairs.b bigint not null",
    "column pairs.c text null",
    "column users.active boolean not null default true",
    "column users.age bigint null default 0",
    "column users.email text not null",
    "column users.id text not null",
    "column users.photo bytea null",
    "column users.role text not null default 'buyer'",
    "column users.score double precision null",
    "foreign key entries (user_id) to users (id) on delete cascade",
    "index pairs_by_lower_c on pairs (<expression>, a)",
    "primary key entries (position)",
    "primary key pairs (b, a)",
    "primary key users (id)",
    "table entries",
    "table pairs",
    "table users",
    "trigger before delete on entries",
];

db_test!(schemas_are_described_alike, Migrations(&[TABLES]), async |db| {
    let mut expected: BTreeSet<String> = LINES.map(String::from).into();
    expected.insert("unique index users_email on users (email)".into());
    expected.insert("unique index pairs_a_c on pairs (a, c) where <predicate>".into());
    let Schema { lines, problems } = schema(db).await.unwrap();
    assert_eq!(lines, expected);
    assert_eq!(problems, BTreeSet::new());
});

const MISNAMED: Migrations = Migrations(&[Migration {
    name: "0001_misnamed",
    sqlite: "CREATE TABLE t (a BIGINT NOT NULL CHECK (a > 0), b BIGINT);
             CREATE UNIQUE INDEX t_by_a ON t (a)",
    postgres: "CREATE TABLE t (a BIGINT NOT NULL, b BIGINT UNIQUE);
               CREATE UNIQUE INDEX t_by_a ON t (a)",
}]);

db_test!(bad_names_are_found, MISNAMED, async |db| {
    let problems: Vec<_> = schema(db).await.unwrap().problems.into_iter().collect();
    let other = match db.engine() {
        Engine::Sqlite => "table t has a CHECK without a name",
        Engine::Postgres => "unique index t_b_key has to be named t_b",
    };
    let mut expected = [other, "unique index t_by_a has to be named t_a"];
    expected.sort_unstable();
    assert_eq!(problems, expected);
});

const SECOND: Migration = Migration {
    name: "0002_more",
    sqlite: "ALTER TABLE users ADD COLUMN nick TEXT",
    postgres: "ALTER TABLE users ADD COLUMN nick TEXT",
};

fn reason(result: Result<usize, DbError>) -> String {
    match result {
        Err(DbError::Migration { name, reason }) => format!("{name} {reason}"),
        other => panic!("{other:?}"),
    }
}

db_test!(migrations_are_applied_once_and_never_changed, Migrations(&[]), async |db| {
    const CHANGED: Migration = Migration { sqlite: "SELECT 1", postgres: "SELECT 1", ..SECOND };
    const BROKEN: Migration = Migration {
        name: "0003_broken",
        sqlite: "CREATE TABLE half (a TEXT); SELECT * FROM absent",
        postgres: "CREATE TABLE half (a TEXT); SELECT * FROM absent",
    };
    assert_eq!(db.migrate(&Migrations(&[TABLES])).await.unwrap(), 1);
    assert_eq!(db.migrate(&Migrations(&[TABLES, SECOND])).await.unwrap(), 1);
    assert_eq!(db.migrate(&Migrations(&[TABLES, SECOND])).await.unwrap(), 0);
    let changed = reason(db.migrate(&Migrations(&[TABLES, CHANGED])).await);
    assert_eq!(changed, "0002_more was changed after it had been applied");
    let older = reason(db.migrate(&Migrations(&[TABLES])).await);
    assert!(older.starts_with("0002_more is applied, but unknown"), "{older}");
    let gap = reason(db.migrate(&Migrations(&[TABLES, BROKEN, SECOND])).await);
    assert!(gap.starts_with("0002_more is applied, but one before it is not"), "{gap}");
    let broken = reason(db.migrate(&Migrations(&[TABLES, SECOND, BROKEN])).await);
    assert!(broken.starts_with("0003_broken ") && broken.contains("absent"), "{broken}");
    let lines = schema(db).await.unwrap().lines;
    assert!(lines.contains("column users.nick text null"));
    assert!(!lines.contains("table half"), "a failed migration left something behind");
});

db_test!(nodes_that_start_together_migrate_once, Migrations(&[]), async |db| {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(Db::open(db.url(), &Options::default()).await.unwrap());
    }
    let migrate = nodes.iter().map(|node| node.migrate(&Migrations(&[TABLES, SECOND])));
    let applied = futures_util::future::join_all(migrate).await;
    assert_eq!(applied.into_iter().map(Result::unwrap).sum::<usize>(), 2);
    for node in nodes {
        node.close().await;
    }
});

#[tokio::test]
async fn deferred_constraints_are_refused() {
    const DEFERRED: Migration = Migration {
        name: "0001_deferred",
        sqlite: "CREATE TABLE t (a TEXT REFERENCES t (a) DEFERRABLE INITIALLY\n deferred)",
        postgres: "",
    };
    let db = TestDb::new(Engine::Sqlite, &Migrations(&[])).await.unwrap().unwrap();
    let refused = reason(db.migrate(&Migrations(&[DEFERRED])).await);
    assert_eq!(refused, "0001_deferred deferred constraints are not allowed");
}

/// The file is whole after `close`: nothing is left in the write-ahead log.
#[tokio::test]
async fn a_closed_database_can_be_copied_and_opened_again() {
    let db = TestDb::new(Engine::Sqlite, &Migrations(&[TABLES])).await.unwrap().unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute(sql!("INSERT INTO users (id, email) VALUES ('u', 'e')"), args![]).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    assert!(matches!(db.begin().await, Err(DbError::Unavailable(_))));
    let file = db.url().strip_prefix("sqlite:").unwrap();
    assert!(!std::path::Path::new(&format!("{file}-wal")).exists());
    let again = Db::open(db.url(), &Options::default()).await.unwrap();
    assert_eq!(again.fetch_all(sql!("SELECT id FROM users"), args![]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn bad_urls_are_refused() {
    for url in ["", "mysql://x", "sqlite:", "sqlite::memory:", "postgres://x:y:z", "souk.db"] {
        let refused = Db::open(url, &Options::default()).await;
        assert!(matches!(refused, Err(DbError::Config(_))), "{url}: {refused:?}");
    }
    let impatient = Options { acquire_timeout: Duration::from_millis(200), ..Options::default() };
    let down = Db::open("postgres://127.0.0.1:1/x", &impatient).await;
    assert!(matches!(down, Err(DbError::Unavailable(_))), "{down:?}");
}
