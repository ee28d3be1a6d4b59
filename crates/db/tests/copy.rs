//! Copying a whole database into another one, from each engine to each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use db::copy::{self, Sums};
use db::testing::TestDb;
use db::{Db, DbError, Engine, Migration, Migrations, Options, args, sql};

/// Foreign keys to itself and in a circle, every type, a composite key, triggers in the way.
const MIGRATIONS: Migrations = Migrations(&[Migration {
    name: "0001_all",
    sqlite: "CREATE TABLE tree (
                 id TEXT NOT NULL PRIMARY KEY, parent TEXT REFERENCES tree (id)
             );
             CREATE TABLE requests (
                 id TEXT NOT NULL PRIMARY KEY, chosen BIGINT REFERENCES offers (id)
             );
             CREATE TABLE offers (
                 id BIGINT NOT NULL PRIMARY KEY, request TEXT NOT NULL REFERENCES requests (id)
             );
             CREATE TABLE kinds (
                 a TEXT NOT NULL, b BIGINT NOT NULL, yes BOOLEAN, data BYTEA,
                 share DOUBLE PRECISION, note TEXT, PRIMARY KEY (b, a)
             );
             CREATE TABLE seeded (id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
             INSERT INTO seeded (id, value) VALUES ('one', 'as made'), ('two', 'as made');
             CREATE TABLE skipped (id TEXT NOT NULL PRIMARY KEY);
             CREATE TRIGGER kinds_stay BEFORE DELETE ON kinds
             BEGIN SELECT RAISE(ABORT, 'kinds stay'); END;
             CREATE TRIGGER tree_grows AFTER INSERT ON tree
             BEGIN INSERT INTO kinds (a, b) VALUES (NEW.id, -1); END;",
    postgres: "CREATE TABLE tree (
                 id TEXT NOT NULL PRIMARY KEY, parent TEXT REFERENCES tree (id)
             );
             CREATE TABLE requests (id TEXT NOT NULL PRIMARY KEY, chosen BIGINT);
             CREATE TABLE offers (
                 id BIGINT NOT NULL PRIMARY KEY, request TEXT NOT NULL REFERENCES requests (id)
             );
             ALTER TABLE requests ADD FOREIGN KEY (chosen) REFERENCES offers (id);
             CREATE TABLE kinds (
                 a TEXT NOT NULL, b BIGINT NOT NULL, yes BOOLEAN, data BYTEA,
                 share DOUBLE PRECISION, note TEXT, PRIMARY KEY (b, a)
             );
             CREATE TABLE seeded (id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
             INSERT INTO seeded (id, value) VALUES ('one', 'as made'), ('two', 'as made');
             CREATE TABLE skipped (id TEXT NOT NULL PRIMARY KEY);
             CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'kinds stay'; END $$;
             CREATE TRIGGER kinds_stay BEFORE DELETE ON kinds FOR EACH ROW EXECUTE FUNCTION stay();
             CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO kinds (a, b) VALUES (NEW.id, -1); RETURN NEW; END $$;
             CREATE TRIGGER tree_grows AFTER INSERT ON tree FOR EACH ROW EXECUTE FUNCTION grow();",
}]);

/// More rows than one batch holds, so that keys of a batch's end are tried too.
const MANY: i64 = 1203;

async fn fill(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    // The child is before its parent in the order of ids.
    for (id, parent) in [("z", None), ("b", Some("z")), ("a", Some("b"))] {
        tx.execute(sql!("INSERT INTO tree (id, parent) VALUES ($1, $2)"), args![id, parent])
            .await
            .unwrap();
    }
    tx.execute(sql!("INSERT INTO requests (id) VALUES ('r')"), args![]).await.unwrap();
    tx.execute(sql!("INSERT INTO offers (id, request) VALUES (7, 'r')"), args![]).await.unwrap();
    tx.execute(sql!("UPDATE requests SET chosen = 7"), args![]).await.unwrap();
    for number in 0..MANY {
        let odd = number % 2 == 1;
        tx.execute(
            sql!(
                "INSERT INTO kinds (a, b, yes, data, share, note)
                 VALUES ($1, $2, $3, $4, $5, $6)"
            ),
            args![
                format!("ä{}", number % 7),
                number / 3 - 100,
                odd.then_some(number % 4 == 1),
                odd.then(|| number.to_le_bytes().to_vec()),
                odd.then_some(number as f64 / 3.0),
                (!odd).then(|| format!("quote ' and \" and € {number}")),
            ],
        )
        .await
        .unwrap();
    }
    tx.execute(sql!("UPDATE seeded SET value = 'changed' WHERE id = 'one'"), args![])
        .await
        .unwrap();
    tx.execute(sql!("DELETE FROM seeded WHERE id = 'two'"), args![]).await.unwrap();
    tx.execute(sql!("INSERT INTO skipped (id) VALUES ('x')"), args![]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn sums(db: &Db) -> Sums {
    copy::sums(&mut db.begin_read().await.unwrap(), &["skipped"]).await.unwrap()
}

async fn test(from: Engine, to: Engine) {
    let Some(source) = TestDb::new(from, &MIGRATIONS).await.unwrap() else { return };
    let Some(target) = TestDb::new(to, &MIGRATIONS).await.unwrap() else { return };
    fill(&source).await;
    let (mut read, mut write) = (source.begin_read().await.unwrap(), target.begin().await.unwrap());
    let copied = copy::copy(&mut read, &mut write, &["skipped"]).await.unwrap();
    write.commit().await.unwrap();

    let rows: Vec<_> = copied.iter().map(|(name, sum)| (name.as_str(), sum.rows)).collect();
    let kinds = MANY as u64 + 3;
    assert_eq!(
        rows,
        [("kinds", kinds), ("offers", 1), ("requests", 1), ("seeded", 1), ("tree", 3)]
    );
    assert_eq!(sums(&source).await, copied);
    assert_eq!(sums(&target).await, copied);
    let total = sql!("SELECT CAST(SUM(b) AS BIGINT) AS b, COUNT(yes) AS yes FROM kinds");
    let (one, other) = (
        source.fetch_one(total.clone(), args![]).await.unwrap(),
        target.fetch_one(total, args![]).await.unwrap(),
    );
    assert_eq!(one.get::<i64>("b").unwrap(), other.get::<i64>("b").unwrap());
    assert_eq!(one.get::<i64>("yes").unwrap(), other.get::<i64>("yes").unwrap());

    // What was lifted is back: a trigger, and the foreign keys at their statement.
    let mut tx = target.begin().await.unwrap();
    let refused = tx.execute(sql!("DELETE FROM kinds WHERE b = 0"), args![]).await;
    assert!(matches!(refused, Err(DbError::Refused(_))), "{refused:?}");
    drop(tx);
    let mut tx = target.begin().await.unwrap();
    let refused =
        tx.execute(sql!("INSERT INTO tree (id, parent) VALUES ('c', 'none')"), args![]).await;
    assert!(matches!(refused, Err(DbError::ForeignKey)), "{refused:?}");
    drop(tx);

    // A sum tells of one changed value.
    let mut tx = target.begin().await.unwrap();
    tx.execute(sql!("UPDATE kinds SET note = 'other' WHERE b = 0 AND a = 'ä6'"), args![])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let changed = sums(&target).await;
    assert_ne!(changed["kinds"], copied["kinds"]);
    assert_eq!(changed["kinds"].rows, copied["kinds"].rows);
}

#[tokio::test]
async fn sqlite_to_sqlite() {
    test(Engine::Sqlite, Engine::Sqlite).await;
}

#[tokio::test]
async fn sqlite_to_postgres() {
    test(Engine::Sqlite, Engine::Postgres).await;
}

#[tokio::test]
async fn postgres_to_sqlite() {
    test(Engine::Postgres, Engine::Sqlite).await;
}

#[tokio::test]
async fn postgres_to_postgres() {
    test(Engine::Postgres, Engine::Postgres).await;
}

/// The whole copy fails, and leaves the target as it was.
#[tokio::test]
async fn a_broken_reference_is_found() {
    let source = TestDb::new(Engine::Sqlite, &MIGRATIONS).await.unwrap().unwrap();
    let target = TestDb::new(Engine::Sqlite, &MIGRATIONS).await.unwrap().unwrap();
    fill(&source).await;
    let before = sums(&target).await;
    let mut write = target.begin().await.unwrap();
    // The table of the offers stays behind, to which a request refers.
    let mut read = source.begin_read().await.unwrap();
    let copied = copy::copy(&mut read, &mut write, &["skipped", "offers"]).await;
    assert!(matches!(copied, Err(DbError::ForeignKey)), "{copied:?}");
    drop(write);
    assert_eq!(sums(&target).await, before);
}

#[tokio::test]
async fn other_schemas_are_refused() {
    const OTHER: Migrations = Migrations(&[Migration {
        name: "0001_other",
        sqlite: "CREATE TABLE tree (id TEXT NOT NULL PRIMARY KEY, parent BIGINT)",
        postgres: "",
    }]);
    let source = TestDb::new(Engine::Sqlite, &MIGRATIONS).await.unwrap().unwrap();
    let options = Options::default();
    let target = TestDb::with_options(Engine::Sqlite, &OTHER, &options).await.unwrap().unwrap();
    let (mut read, mut write) = (source.begin_read().await.unwrap(), target.begin().await.unwrap());
    let copied = copy::copy(&mut read, &mut write, &[]).await;
    assert!(matches!(copied, Err(DbError::Config(_))), "{copied:?}");
}
