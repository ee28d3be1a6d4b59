//! PostgreSQL 15 and later: a bounded pool.

use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::row::EngineRow;
use crate::{DbError, Engine, Options, Row, Sql, Value};

/// Oldest supported server, as `server_version_num`.
const MIN_VERSION: i32 = 150_000;

/// A connection that was idle for longer is asked whether it still answers.
const TRUST_IDLE: Duration = Duration::from_secs(1);

/// A pool whose every operation is bounded in time, also when the network swallows it.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pub(crate) pool: PgPool,
    /// Longest wait for the answer to one statement: somewhat more than the server's own limit,
    /// after which the network is taken for dead.
    pub(crate) limit: Duration,
    /// Longest wait for a connection whose user has gone, after which it is closed.
    release_limit: Duration,
}

/// Fails with [`sqlx::Error::Io`] after `limit`.
pub(crate) async fn bounded<T>(
    limit: Duration,
    operation: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::Error::new(ErrorKind::TimedOut, "no answer in time"));
    tokio::time::timeout(limit, operation).await.map_err(late)?
}

pub(crate) async fn open(url: &str, options: &Options) -> Result<Postgres, DbError> {
    let ms = |duration: Duration| format!("{}ms", duration.as_millis());
    let server = PgConnectOptions::from_str(url)
        .map_err(|error| DbError::Config(format!("bad PostgreSQL URL: {error}")))?
        .application_name("souk")
        .options([
            ("statement_timeout", ms(options.statement_timeout)),
            ("idle_in_transaction_session_timeout", ms(options.transaction_timeout)),
            ("default_transaction_isolation", "read committed".into()),
            ("timezone", "UTC".into()),
        ])
        .statement_cache_capacity(options.statement_cache)
        .log_statements(log::LevelFilter::Off)
        .log_slow_statements(log::LevelFilter::Warn, options.slow_statement);
    let release_limit = options.acquire_timeout;
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        // Asking every time would double the round trips of a short read.
        .test_before_acquire(false)
        .before_acquire(|conn, state| {
            Box::pin(async move { Ok(state.idle_for < TRUST_IDLE || conn.ping().await.is_ok()) })
        })
        // The pool itself tests a returned connection without a limit: behind a dead network
        // each would keep its place in the pool until TCP gives up.
        .after_release(move |conn, _| {
            Box::pin(bounded(release_limit, async { conn.ping().await.map(|()| true) }))
        })
        .connect_with(server)
        .await
        .map_err(|error| match error {
            sqlx::Error::Database(reason) => {
                DbError::Config(format!("PostgreSQL refuses the connection: {reason}"))
            }
            error => DbError::Unavailable(format!("cannot connect to PostgreSQL: {error}")),
        })?;
    check_version(&pool).await?;
    Ok(Postgres { pool, limit: options.statement_timeout * 5 / 4, release_limit })
}

/// A transaction on a connection of the pool. Dropped before its end, it is rolled back, and the
/// connection goes back into the pool after that, or is closed.
///
/// The driver's own transaction does not know of a `BEGIN` whose answer nobody waited for: its
/// connection would go back with the transaction open, and the next request fail in it.
#[derive(Debug)]
pub(crate) struct Transaction {
    /// Empty once the transaction has ended.
    conn: Option<PoolConnection<sqlx::Postgres>>,
    limit: Duration,
    release_limit: Duration,
}

impl Transaction {
    pub(crate) async fn begin(db: &Postgres, begin: &'static str) -> Result<Self, sqlx::Error> {
        let conn = Some(db.pool.acquire().await?);
        let mut tx = Self { conn, limit: db.limit, release_limit: db.release_limit };
        tx.simple(begin).await?;
        Ok(tx)
    }

    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.simple("COMMIT").await?;
        self.conn = None;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.simple("ROLLBACK").await?;
        self.conn = None;
        Ok(())
    }

    /// The connection, for a statement that takes no longer than [`limit`](Self::limit).
    pub(crate) fn conn(&mut self) -> Result<&mut PgConnection, DbError> {
        self.conn.as_deref_mut().ok_or(DbError::Failed)
    }

    /// Longest wait for the answer to one statement.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    async fn simple(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        let conn = self.conn.as_deref_mut().ok_or(sqlx::Error::PoolClosed)?;
        bounded(self.limit, sqlx::raw_sql(text).execute(conn)).await.map(drop)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        // Without a runtime the program ends, and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(undo(conn, self.release_limit));
        }
    }
}

/// Waits for what is under way on `conn`, rolls back, and gives `conn` back to its pool.
async fn undo(mut conn: PoolConnection<sqlx::Postgres>, limit: Duration) {
    // The first error may be that of a statement which was under way.
    for _ in 0..2 {
        match bounded(limit, sqlx::raw_sql("ROLLBACK").execute(&mut *conn)).await {
            Ok(_) => return,
            Err(sqlx::Error::Database(_)) => {}
            Err(_) => break,
        }
    }
    conn.close_on_drop();
}

async fn check_version(pool: &PgPool) -> Result<(), DbError> {
    let version: i32 =
        sqlx::query_scalar("SELECT CAST(current_setting('server_version_num') AS INTEGER)")
            .fetch_one(pool)
            .await
            .map_err(|error| DbError::new(error, || "server_version_num".into()))?;
    if version >= MIN_VERSION {
        return Ok(());
    }
    let (found, needed) = (version / 10_000, MIN_VERSION / 10_000);
    Err(DbError::Config(format!("PostgreSQL {found} is too old: {needed} is needed")))
}

/// Evaluates `$operation`, which changes nothing, again when its connection turns out to be lost:
/// after a restart of the server every connection in the pool is.
///
/// A macro, since a future that calls an async closure is not known to be `Send`.
macro_rules! retry_lost {
    ($operation:expr) => {{
        let mut retries = 2;
        loop {
            match $operation {
                Err(error) if retries > 0 && $crate::postgres::is_lost(&error) => {
                    tracing::debug!(%error, "lost connection");
                    retries -= 1;
                }
                result => break result,
            }
        }
    }};
}

pub(crate) use retry_lost;

pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        // A read that has waited in vain once is not made to wait again.
        sqlx::Error::Io(error) => error.kind() != ErrorKind::TimedOut,
        // admin_shutdown, crash_shutdown, and the class "connection exception"
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code == "57P01" || code == "57P02" || code.starts_with("08")),
        _ => false,
    }
}

type Query = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn query(sql: &Sql, args: Vec<Value>) -> Query {
    use crate::Kind;
    let query = sqlx::query(sql.for_engine(Engine::Postgres));
    args.into_iter().fold(query, |query, value| match value {
        Value::Null(Kind::Text) => query.bind(None::<String>),
        Value::Null(Kind::Int) => query.bind(None::<i64>),
        Value::Null(Kind::Bool) => query.bind(None::<bool>),
        Value::Null(Kind::Bytes) => query.bind(None::<Vec<u8>>),
        Value::Null(Kind::Float) => query.bind(None::<f64>),
        Value::Text(value) => query.bind(value),
        Value::Int(value) => query.bind(value),
        Value::Bool(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Float(value) => query.bind(value),
    })
}

fn row(row: sqlx::postgres::PgRow) -> Row {
    Row(EngineRow::Postgres(row))
}

pub(crate) async fn fetch_all(
    conn: &mut PgConnection,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<Vec<Row>, sqlx::Error> {
    Ok(query(sql, args).fetch_all(conn).await?.into_iter().map(row).collect())
}

pub(crate) async fn fetch_optional(
    conn: &mut PgConnection,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<Option<Row>, sqlx::Error> {
    Ok(query(sql, args).fetch_optional(conn).await?.map(row))
}

pub(crate) async fn execute(
    conn: &mut PgConnection,
    sql: &Sql,
    args: Vec<Value>,
) -> Result<u64, sqlx::Error> {
    Ok(query(sql, args).execute(conn).await?.rows_affected())
}

pub(crate) async fn prepare(
    conn: &mut PgConnection,
    text: &'static str,
) -> Result<(), sqlx::Error> {
    use sqlx::{Executor as _, SqlSafeStr as _};
    conn.prepare(text.into_sql_str()).await.map(drop)
}
