//! What tests need: a fresh database for each, on both engines.
//!
//! SQLite databases are files in a temporary directory, copied from a template that is migrated
//! once in a process. PostgreSQL databases are cloned from a template database on the server that
//! `SOUK_TEST_POSTGRES_URL` names; a user that may create databases is needed. Without that
//! variable the PostgreSQL variant of a test says that it is skipped, and fails where `CI` is set.

use std::collections::HashMap;
use std::io::Write as _;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tokio::sync::Mutex;

use crate::{Db, DbError, Engine, Migrations, Options, all_sql};

mod schema;

pub use schema::{Schema, schema};

/// Names the PostgreSQL server for tests.
pub const POSTGRES_URL: &str = "SOUK_TEST_POSTGRES_URL";

/// A migrated database of its own, removed when dropped.
#[derive(Debug)]
pub struct TestDb {
    db: Db,
    url: String,
    cleanup: Cleanup,
}

#[derive(Debug)]
enum Cleanup {
    Directory(PathBuf),
    Database { server: Box<PgConnectOptions>, name: String },
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl TestDb {
    /// A fresh database with `migrations` applied. `None`: PostgreSQL is asked for, but there is
    /// no server, which is an error where `CI` is set.
    pub async fn new(engine: Engine, migrations: &Migrations) -> Result<Option<Self>, DbError> {
        Self::with_options(engine, migrations, &Options::default()).await
    }

    /// [`new`](Self::new) with other options than the defaults.
    pub async fn with_options(
        engine: Engine,
        migrations: &Migrations,
        options: &Options,
    ) -> Result<Option<Self>, DbError> {
        let (url, cleanup) = match engine {
            Engine::Sqlite => sqlite_copy(migrations).await?,
            Engine::Postgres => match std::env::var(POSTGRES_URL) {
                Ok(url) => postgres_clone(&url, migrations).await?,
                Err(_) if std::env::var_os("CI").is_some() => {
                    return Err(DbError::Config(format!("{POSTGRES_URL} is not set")));
                }
                Err(_) => return Ok(None),
            },
        };
        let db = Db::open(&url, options).await?;
        Ok(Some(Self { db, url, cleanup }))
    }

    /// The URL, to open the same database once more.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        match &self.cleanup {
            Cleanup::Directory(directory) => {
                let _ = std::fs::remove_dir_all(directory);
            }
            Cleanup::Database { server, name } => {
                let (server, name) = (server.clone(), name.clone());
                // A runtime of its own: this one cannot be waited for in a destructor.
                let dropping = std::thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(async {
                        let mut server = server.connect().await?;
                        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut server).await.map(drop_it)
                    })
                });
                if !matches!(dropping.join(), Ok(Ok(()))) {
                    let _ = writeln!(std::io::stderr(), "test database left behind");
                }
            }
        }
    }
}

fn drop_it<T>(_: T) {}

fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("souk_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn io(error: std::io::Error) -> DbError {
    DbError::Unavailable(error.to_string())
}

async fn sqlite_copy(migrations: &Migrations) -> Result<(String, Cleanup), DbError> {
    /// The bytes of the migrated file, by the migrations' checksum.
    static TEMPLATES: Mutex<Option<HashMap<String, Vec<u8>>>> = Mutex::const_new(None);
    let directory = std::env::temp_dir().join(unique_name());
    // A killed test of an earlier process of this number may have left one.
    drop_it(std::fs::remove_dir_all(&directory));
    std::fs::create_dir_all(&directory).map_err(io)?;
    let file = directory.join("souk.db");
    let url = format!("sqlite:{}", file.display());
    let mut templates = TEMPLATES.lock().await;
    let templates = templates.get_or_insert_default();
    let key = migrations.checksum(Engine::Sqlite);
    if let Some(template) = templates.get(&key) {
        std::fs::write(&file, template).map_err(io)?;
    } else {
        let db = Db::open(&url, &Options::default()).await?;
        db.migrate(migrations).await?;
        // The last connection to close moves the write-ahead log into the file.
        db.close().await;
        templates.insert(key, std::fs::read(&file).map_err(io)?);
    }
    Ok((url, Cleanup::Directory(directory)))
}

async fn postgres_clone(url: &str, migrations: &Migrations) -> Result<(String, Cleanup), DbError> {
    let server: PgConnectOptions =
        url.parse().map_err(|error| DbError::Config(format!("{POSTGRES_URL}: {error}")))?;
    let failed = |error| DbError::new(error, || "test database".into());
    let mut conn = server.connect().await.map_err(failed)?;
    let checksum = migrations.checksum(Engine::Postgres);
    let template = format!("souk_template_{}", &checksum[..16]);
    make_template(&mut conn, &server, &template, migrations).await?;
    let name = unique_name();
    run(&mut conn, format!("CREATE DATABASE {name} TEMPLATE {template}")).await.map_err(failed)?;
    let url = server.clone().database(&name).to_url_lossy().to_string();
    Ok((url, Cleanup::Database { server: Box::new(server), name }))
}

/// Makes the template unless some process has made it already.
async fn make_template(
    conn: &mut PgConnection,
    server: &PgConnectOptions,
    template: &str,
    migrations: &Migrations,
) -> Result<(), DbError> {
    let failed = |error| DbError::new(error, || "template database".into());
    // Held until this connection closes: a template must not be cloned by one process while
    // another one still makes it.
    run(conn, "SELECT pg_advisory_lock(8317707106520868966)".into()).await.map_err(failed)?;
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(template)
            .fetch_one(&mut *conn)
            .await
            .map_err(failed)?;
    if !exists {
        let building = format!("{template}_building");
        run(conn, format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)"))
            .await
            .map_err(failed)?;
        run(conn, format!("CREATE DATABASE {building}")).await.map_err(failed)?;
        let url = server.clone().database(&building).to_url_lossy().to_string();
        let db = Db::open(&url, &Options::default()).await?;
        db.migrate(migrations).await?;
        db.close().await;
        run(conn, format!("ALTER DATABASE {building} RENAME TO {template}"))
            .await
            .map_err(failed)?;
    }
    run(conn, "SELECT pg_advisory_unlock(8317707106520868966)".into()).await.map_err(failed)
}

async fn run(conn: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.map(drop)
}

/// Runs one test on one engine; used by [`db_test!`](crate::db_test).
pub async fn run_test<F, R>(engine: Engine, migrations: &Migrations, test: F) -> Result<(), DbError>
where
    F: AsyncFnOnce(&TestDb) -> R,
{
    if let Some(db) = TestDb::new(engine, migrations).await? {
        test(&db).await;
    } else {
        // Past the capture of the test harness, which shows output only for a failed test.
        let name = std::thread::current().name().unwrap_or("test").to_owned();
        let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {POSTGRES_URL} is not set");
    }
    Ok(())
}

/// One test for each engine: `db_test!(name, MIGRATIONS, async |db| { … })` makes `name::sqlite`
/// and `name::postgres`. The body gets a `&TestDb`.
#[macro_export]
macro_rules! db_test {
    ($name:ident, $migrations:expr, $body:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[::tokio::test]
            async fn sqlite() -> ::core::result::Result<(), $crate::DbError> {
                $crate::testing::run_test($crate::Engine::Sqlite, &$migrations, $body).await
            }

            #[::tokio::test]
            async fn postgres() -> ::core::result::Result<(), $crate::DbError> {
                $crate::testing::run_test($crate::Engine::Postgres, &$migrations, $body).await
            }
        }
    };
}

/// Prepares every SQL text of the program; the list holds what failed, as `file:line: reason`.
pub async fn prepare_all(db: &Db) -> Vec<String> {
    let mut failed = Vec::new();
    for sql in all_sql() {
        let reason = match forbidden(sql.text) {
            Some(word) => Some(format!("{word} is the business of Db and Tx")),
            None => db.prepare(sql.text).await.err().map(|error| error.to_string()),
        };
        if let Some(reason) = reason {
            failed.push(format!("{}:{}: {reason}", sql.file, sql.line));
        }
    }
    failed
}

/// Statements that would end the transaction behind the back of its owner.
fn forbidden(text: &str) -> Option<&'static str> {
    let first = text.split_whitespace().next()?.trim_end_matches(';');
    ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"]
        .into_iter()
        .find(|word| first.eq_ignore_ascii_case(word))
}
