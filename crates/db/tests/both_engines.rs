//! The facade behaves alike on SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use db::testing::{TestDb, prepare_all};
use db::{
    DbError, FromRow, Kind, Migration, Migrations, ResultExt, Row, Value, args, db_test, sql,
};

const MIGRATIONS: Migrations = Migrations(&[
    Migration {
        name: "0001_users",
        sqlite: "CREATE TABLE users (
                     id TEXT NOT NULL PRIMARY KEY,
                     email TEXT NOT NULL,
                     age BIGINT,
                     active BOOLEAN NOT NULL DEFAULT true,
                     score DOUBLE PRECISION,
                     photo BYTEA,
                     settings TEXT,
                     CONSTRAINT users_age_positive CHECK (age > 0)
                 );
                 CREATE UNIQUE INDEX users_email ON users (email);
                 CREATE UNIQUE INDEX users_lower_settings ON users (lower(settings));",
        postgres: "CREATE TABLE users (
                     id TEXT NOT NULL PRIMARY KEY,
                     email TEXT NOT NULL,
                     age BIGINT,
                     active BOOLEAN NOT NULL DEFAULT true,
                     score DOUBLE PRECISION,
                     photo BYTEA,
                     settings TEXT,
                     CONSTRAINT users_age_positive CHECK (age > 0)
                 );
                 CREATE UNIQUE INDEX users_email ON users (email);
                 CREATE UNIQUE INDEX users_lower_settings ON users (lower(settings));",
    },
    Migration {
        name: "0002_entries",
        sqlite: "CREATE TABLE entries (
                     position INTEGER PRIMARY KEY,
                     user_id TEXT NOT NULL REFERENCES users (id),
                     amount BIGINT NOT NULL
                 );
                 CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries
                 BEGIN SELECT RAISE(ABORT, 'entries are final'); END;",
        postgres: "CREATE TABLE entries (
                     position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                     user_id TEXT NOT NULL REFERENCES users (id),
                     amount BIGINT NOT NULL
                 );
                 CREATE FUNCTION entries_are_final() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RAISE EXCEPTION 'entries are final'; END $$;
                 CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries
                     FOR EACH ROW EXECUTE FUNCTION entries_are_final();",
    },
]);

#[derive(Debug, PartialEq)]
struct User {
    id: String,
    age: Option<u32>,
    active: bool,
    score: Option<f64>,
    photo: Option<Vec<u8>>,
    settings: serde_json::Value,
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            age: row.get("age")?,
            active: row.get("active")?,
            score: row.get("score")?,
            photo: row.get("photo")?,
            settings: row.json("settings")?,
        })
    }
}

async fn add_user(db: &TestDb, id: &str, email: &str) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    tx.execute(sql!("INSERT INTO users (id, email) VALUES ($1, $2)"), args![id, email]).await?;
    tx.commit().await
}

/// Runs one statement in a transaction of its own.
async fn run(db: &TestDb, sql: db::Sql, args: Vec<Value>) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let affected = tx.execute(sql, args).await?;
    tx.commit().await?;
    Ok(affected)
}

db_test!(values_come_back_as_they_were, MIGRATIONS, async |db| {
    let settings = serde_json::json!({"theme": "dark"});
    let mut tx = db.begin().await.unwrap();
    let insert = || {
        sql!(
            "INSERT INTO users (id, email, age, active, score, photo, settings)
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id"
        )
    };
    let full = args![
        "u1",
        "a@x",
        Some(41),
        false,
        Some(0.5),
        Some(vec![0_u8, 255]),
        Value::json(&settings).unwrap()
    ];
    let row = tx.fetch_one(insert(), full).await.unwrap();
    assert_eq!(row.get::<String>("id").unwrap(), "u1");
    let empty = args!["u2", "", None::<i64>, true, None::<f64>, None::<Vec<u8>>, Some("null")];
    tx.execute(insert(), empty).await.unwrap();
    let select = || sql!("SELECT id, age, active, score, photo, settings FROM users WHERE id = $1");
    let inside: User = tx.fetch_one_as(select(), args!["u1"]).await.unwrap();
    tx.commit().await.unwrap();
    let outside: User = db.fetch_one_as(select(), args!["u1"]).await.unwrap();
    assert_eq!(inside, outside);
    assert_eq!(
        outside,
        User {
            id: "u1".into(),
            age: Some(41),
            active: false,
            score: Some(0.5),
            photo: Some(vec![0, 255]),
            settings
        }
    );
    let empty: User = db.fetch_optional_as(select(), args!["u2"]).await.unwrap().unwrap();
    assert_eq!((empty.age, empty.active, empty.photo), (None, true, None));
    assert!(db.fetch_optional(select(), args!["nobody"]).await.unwrap().is_none());
    assert!(matches!(db.fetch_one(select(), args!["nobody"]).await, Err(DbError::NotFound)));
});

db_test!(columns_are_checked, MIGRATIONS, async |db| {
    add_user(db, "u1", "a@x").await.unwrap();
    let row = db
        .fetch_one(
            sql!("SELECT email, age, active, CAST(70000 AS BIGINT) AS big FROM users"),
            args![],
        )
        .await
        .unwrap();
    let column = |result: Result<(), DbError>| match result {
        Err(DbError::Decode { column, .. }) => column,
        other => panic!("{other:?}"),
    };
    assert_eq!(column(row.get::<i64>("age").map(drop)), "age", "NULL is not a number");
    assert_eq!(column(row.get::<i64>("email").map(drop)), "email");
    assert_eq!(column(row.get::<String>("big").map(drop)), "big");
    assert_eq!(column(row.get::<u16>("big").map(drop)), "big", "out of range");
    assert_eq!(column(row.get::<String>("absent").map(drop)), "absent");
    assert_eq!(column(row.parse::<std::net::IpAddr>("email").map(drop)), "email");
    assert_eq!(column(row.json::<bool>("email").map(drop)), "email");
    assert!(row.parse_optional::<i64>("age").unwrap().is_none());
    assert!(row.get::<bool>("active").unwrap());
});

db_test!(constraints_have_the_same_names, MIGRATIONS, async |db| {
    add_user(db, "u1", "a@x").await.unwrap();
    let refused = add_user(db, "u1", "b@x").await.unwrap_err();
    assert!(refused.is_unique("users_id"), "{refused:?}");
    let refused = add_user(db, "u3", "a@x").await.unwrap_err();
    assert!(refused.is_unique("users_email"), "{refused:?}");
    add_user(db, "u2", "b@x").await.unwrap();
    run(db, sql!("UPDATE users SET settings = id"), args![]).await.unwrap();
    let refused = run(db, sql!("UPDATE users SET settings = 'U2' WHERE id = 'u1'"), args![]).await;
    assert!(refused.is_err_and(|error| error.is_unique("users_lower_settings")));
    let update = || sql!("UPDATE users SET age = $1");
    let refused = run(db, update(), args![-1]).await.unwrap_err();
    assert!(
        matches!(&refused, DbError::Check(name) if name == "users_age_positive"),
        "{refused:?}"
    );
    let refused = run(db, sql!("UPDATE users SET email = $1"), args![None::<&str>]).await;
    assert!(
        matches!(&refused, Err(DbError::NotNull(name)) if name == "users_email"),
        "{refused:?}"
    );
    let entry = || sql!("INSERT INTO entries (user_id, amount) VALUES ($1, $2)");
    let refused = run(db, entry(), args!["nobody", 1]).await;
    assert!(matches!(refused, Err(DbError::ForeignKey)), "{refused:?}");
    run(db, entry(), args!["u1", 1]).await.unwrap();
    let refused = run(db, sql!("UPDATE entries SET amount = 2"), args![]).await;
    assert!(
        matches!(&refused, Err(DbError::Refused(reason)) if reason == "entries are final"),
        "{refused:?}"
    );
    let mapped = add_user(db, "u3", "a@x")
        .await
        .on_constraint("users_email", || DbError::Config("taken".into()));
    assert!(matches!(mapped, Err(DbError::Config(_))));
});

db_test!(a_failed_transaction_stays_failed, MIGRATIONS, async |db| {
    add_user(db, "u1", "a@x").await.unwrap();
    let insert = || sql!("INSERT INTO users (id, email) VALUES ($1, $2)");
    let mut tx = db.begin().await.unwrap();
    tx.execute(insert(), args!["u2", "b@x"]).await.unwrap();
    assert!(tx.execute(insert(), args!["u3", "a@x"]).await.is_err());
    let after = tx.execute(insert(), args!["u4", "d@x"]).await;
    assert!(matches!(after, Err(DbError::Failed)));
    assert!(matches!(tx.commit().await, Err(DbError::Failed)), "a silent rollback");
    // ON CONFLICT is how one tries.
    let attempt =
        sql!("INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING");
    assert_eq!(run(db, attempt, args!["u5", "a@x"]).await.unwrap(), 0);
    // What is wrong with an argument does not reach the database.
    let mut tx = db.begin().await.unwrap();
    let refused = tx.execute(insert(), args!["u6", "nul\0"]).await;
    assert!(matches!(refused, Err(DbError::Encode(_))));
    tx.execute(insert(), args!["u6", "f@x"]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(db).await, 2);
});

async fn count(db: &TestDb) -> i64 {
    let row = db.fetch_one(sql!("SELECT count(*) AS n FROM users"), args![]).await.unwrap();
    row.get("n").unwrap()
}

db_test!(rolled_back_or_dropped_is_not_stored, MIGRATIONS, async |db| {
    let insert = || sql!("INSERT INTO users (id, email) VALUES ($1, $2)");
    let mut tx = db.begin().await.unwrap();
    tx.execute(insert(), args!["u1", "a@x"]).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute(insert(), args!["u1", "a@x"]).await.unwrap();
    drop(tx);
    add_user(db, "u1", "a@x").await.unwrap();
    assert_eq!(count(db).await, 1);
});

db_test!(a_read_transaction_sees_one_state, MIGRATIONS, async |db| {
    let users = || sql!("SELECT id FROM users");
    let mut read = db.begin_read().await.unwrap();
    assert!(read.fetch_all(users(), args![]).await.unwrap().is_empty());
    add_user(db, "u1", "a@x").await.unwrap();
    assert!(read.fetch_all(users(), args![]).await.unwrap().is_empty());
    read.commit().await.unwrap();
    assert_eq!(count(db).await, 1);
    let mut read = db.begin_read().await.unwrap();
    let written = read.execute(sql!("DELETE FROM users"), args![]).await;
    assert!(written.is_err(), "a read transaction writes");
    drop(read);
    assert_eq!(count(db).await, 1);
});

db_test!(optional_filters_locks_and_casts, MIGRATIONS, async |db| {
    add_user(db, "u1", "a@x").await.unwrap();
    add_user(db, "u2", "b@x").await.unwrap();
    let filter = || {
        sql!(
            "SELECT id FROM users WHERE (CAST($1 AS TEXT) IS NULL OR email = $1)
             ORDER BY id LIMIT $2"
        )
    };
    let all = db.fetch_all(filter(), args![None::<&str>, 10]).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(db.fetch_all(filter(), args![Some("b@x"), 10]).await.unwrap().len(), 1);
    assert_eq!(db.fetch_all(filter(), args![None::<&str>, 1]).await.unwrap().len(), 1);
    let mut tx = db.begin().await.unwrap();
    let locked = sql!("SELECT id FROM users WHERE id = $1").for_update();
    assert!(tx.fetch_optional(locked, args!["u1"]).await.unwrap().is_some());
    let sum = sql!("SELECT CAST(COALESCE(sum(age), 0) AS BIGINT) AS total FROM users");
    assert_eq!(tx.fetch_one(sum, args![]).await.unwrap().get::<i64>("total").unwrap(), 0);
    let value = sql!("SELECT CAST($1 AS BIGINT) AS n, CAST($2 AS TEXT) AS t");
    let row = tx.fetch_one(value, vec![Value::Null(Kind::Int), Value::Null(Kind::Text)]).await;
    assert_eq!(row.unwrap().get::<Option<i64>>("n").unwrap(), None);
});

db_test!(every_text_prepares, MIGRATIONS, async |db| {
    let failed = prepare_all(db).await;
    // One text of this file stands for the mistakes that are to be found.
    let (wrong, rest): (Vec<_>, Vec<_>) =
        failed.into_iter().partition(|line| line.contains("no_such_column"));
    assert_eq!(rest, Vec::<String>::new());
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("both_engines.rs:"), "{wrong:?}");
});

#[expect(dead_code, reason = "registered without being called")]
fn wrong() -> db::Sql {
    sql!("SELECT no_such_column FROM users")
}
