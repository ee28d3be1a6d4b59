//! SQLite: one writing connection with group commit, and a pool of read-only connections.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqliteConnection};

use crate::row::EngineRow;
use crate::{DbError, Engine, Options, Row, Sql, Value};

mod group;

pub use group::Stats;
pub(crate) use group::{Lease, Writer};

/// Older versions can lose committed transactions when the WAL is reset (fixed in 3.51.3).
const MIN_VERSION: (u32, u32, u32) = (3, 51, 3);

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(crate) reads: SqlitePool,
    pub(crate) writer: Writer,
}

impl Sqlite {
    pub(crate) async fn open(url: &str, options: &Options) -> Result<Self, DbError> {
        let file = SqliteConnectOptions::from_str(url)
            .map_err(|error| DbError::Config(format!("bad SQLite URL: {error}")))?;
        if file.get_filename().as_os_str().is_empty() || url.contains(":memory:") {
            return Err(DbError::Config("a SQLite URL names a file: sqlite:data/souk.db".into()));
        }
        create_parent(file.get_filename())?;
        let file = file
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .pragma("trusted_schema", "OFF")
            .statement_cache_capacity(options.statement_cache)
            .log_statements(log::LevelFilter::Off)
            .log_slow_statements(log::LevelFilter::Warn, options.slow_statement);
        let write = file
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged commit survives a power cut. NORMAL loses some.
            .synchronous(SqliteSynchronous::Full)
            // What undoes a statement of many rows is no file, which would be made each time.
            .pragma("temp_store", "MEMORY")
            // The WAL file shrinks to 64 MiB after a burst.
            .pragma("journal_size_limit", "67108864")
            .thread_name(|_| "sqlite-writer".into());
        let mut conn = connect(&write).await?;
        check_version(&mut conn).await?;
        let reads = SqlitePoolOptions::new()
            .max_connections(options.max_read_connections)
            .acquire_timeout(options.acquire_timeout)
            // A file needs no check whether it still answers.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(file.read_only(true).thread_name(|n| format!("sqlite-read-{n}")));
        Ok(Self { reads, writer: Writer::start(conn, write, options) })
    }
}

fn create_parent(file: &Path) -> Result<(), DbError> {
    let Some(parent) = file.parent() else { return Ok(()) };
    std::fs::create_dir_all(parent).map_err(|error| {
        DbError::Config(format!("cannot create the directory {}: {error}", parent.display()))
    })
}

async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, DbError> {
    options.connect().await.map_err(|error| {
        DbError::Unavailable(format!("cannot open {}: {error}", options.get_filename().display()))
    })
}

async fn check_version(conn: &mut SqliteConnection) -> Result<(), DbError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(conn)
        .await
        .map_err(|error| DbError::new(error, || "sqlite_version()".into()))?;
    require_version(&version)
}

fn require_version(version: &str) -> Result<(), DbError> {
    if parse_version(version).is_some_and(|version| version >= MIN_VERSION) {
        return Ok(());
    }
    let (major, minor, patch) = MIN_VERSION;
    Err(DbError::Config(format!("SQLite {version} is too old: {major}.{minor}.{patch} is needed")))
}

fn parse_version(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?))
}

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn query(sql: &Sql, args: Vec<Value>) -> Query {
    args.into_iter().fold(sqlx::query(sql.for_engine(Engine::Sqlite)), |query, value| match value {
        Value::Null(_) => query.bind(None::<i64>),
        Value::Text(value) => query.bind(value),
        Value::Int(value) => query.bind(value),
        Value::Bool(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Float(value) => query.bind(value),
    })
}

fn row(row: sqlx::sqlite::SqliteRow) -> Row {
    Row(EngineRow::Sqlite(row))
}

pub(crate) async fn fetch_all(
    conn: &mut SqliteConnection,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<Vec<Row>, sqlx::Error> {
    Ok(query(sql, args).fetch_all(conn).await?.into_iter().map(row).collect())
}

pub(crate) async fn fetch_optional(
    conn: &mut SqliteConnection,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<Option<Row>, sqlx::Error> {
    Ok(query(sql, args).fetch_optional(conn).await?.map(row))
}

pub(crate) async fn execute(
    conn: &mut SqliteConnection,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<u64, sqlx::Error> {
    Ok(query(sql, args).execute(conn).await?.rows_affected())
}

pub(crate) async fn prepare(
    conn: &mut SqliteConnection,
    text: &'static str,
) -> Result<(), sqlx::Error> {
    use sqlx::{Executor as _, SqlSafeStr as _};
    conn.prepare(text.into_sql_str()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_refused() {
        for version in ["3.51.3", "3.51.10", "3.52", "4.0.0"] {
            require_version(version).unwrap();
        }
        for version in ["3.51.2", "3.50.9", "3.9.30", "2.99.99", "", "x.y.z"] {
            let refused = require_version(version);
            assert!(matches!(refused, Err(DbError::Config(_))), "{version}");
        }
    }
}
