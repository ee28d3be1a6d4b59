//! The open database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::PgPool;

use crate::postgres::{Postgres, bounded};
use crate::sqlite::{Sqlite, Stats};
use crate::value::check_args;
use crate::{DbError, FromRow, Row, Sql, Tx, Value, postgres, sqlite};

/// Which database program is behind a [`Db`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// An embedded SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// How a database is opened. The defaults suit one server node.
#[derive(Debug, Clone)]
pub struct Options {
    /// SQLite: most read-only connections.
    pub max_read_connections: u32,
    /// PostgreSQL: most connections.
    pub max_connections: u32,
    /// Longest wait for a connection or for the turn to write, then [`DbError::Unavailable`].
    pub acquire_timeout: Duration,
    /// PostgreSQL: longest run of one statement.
    pub statement_timeout: Duration,
    /// SQLite: longest turn of a writing transaction. PostgreSQL: longest idle time within one.
    /// Then it is rolled back.
    pub transaction_timeout: Duration,
    /// Statements slower than this are logged as warnings.
    pub slow_statement: Duration,
    /// Prepared statements kept by each connection.
    pub statement_cache: usize,
    /// SQLite: most transactions that share one COMMIT.
    pub group_members: usize,
    /// SQLite: a group whose first member has waited this long is committed before the next turn.
    pub group_age: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_read_connections: 4,
            max_connections: 20,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            transaction_timeout: Duration::from_secs(10),
            slow_statement: Duration::from_secs(1),
            statement_cache: 512,
            group_members: 64,
            group_age: Duration::from_millis(5),
        }
    }
}

/// An open database. Cheap to clone; all clones share the connections.
#[derive(Debug, Clone)]
pub struct Db {
    inner: Inner,
    statements: Counter,
}

/// Counts statements.
pub(crate) type Counter = Arc<AtomicU64>;

#[derive(Debug, Clone)]
enum Inner {
    Sqlite(Arc<Sqlite>),
    Postgres(Postgres),
}

/// Runs a read on a connection of whichever engine's pool. A connection that turns out to be lost
/// is replaced, and the read tried once more.
macro_rules! read {
    ($db:expr, $function:ident, $sql:expr, $args:expr) => {{
        let (sql, args): (Sql, Vec<Value>) = ($sql, $args);
        check_args(&args)?;
        $db.statements.fetch_add(1, Ordering::Relaxed);
        match &$db.inner {
            Inner::Sqlite(sqlite) => match sqlite.reads.acquire().await {
                Ok(mut conn) => sqlite::$function(&mut conn, &sql, args).await,
                Err(error) => Err(error),
            },
            Inner::Postgres(db) => postgres::retry_lost!(match db.pool.acquire().await {
                Ok(mut conn) => {
                    bounded(db.limit, postgres::$function(&mut conn, &sql, args.clone())).await
                }
                Err(error) => Err(error),
            }),
        }
        .map_err(|error| DbError::new(error, || sql.place()))
    }};
}

impl Db {
    /// Opens `sqlite:<path>` (the file and its directory are made) or `postgres://…`.
    ///
    /// Refuses SQLite before 3.51.3 and PostgreSQL before 15 with [`DbError::Config`].
    pub async fn open(url: &str, options: &Options) -> Result<Self, DbError> {
        let inner = match url.split_once(':') {
            Some(("sqlite", _)) => Inner::Sqlite(Arc::new(Sqlite::open(url, options).await?)),
            Some(("postgres" | "postgresql", _)) => {
                Inner::Postgres(postgres::open(url, options).await?)
            }
            _ => {
                return Err(DbError::Config(
                    "a database URL starts with sqlite: or postgres:".into(),
                ));
            }
        };
        Ok(Self { inner, statements: Counter::default() })
    }

    /// The engine behind it.
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// All rows of a result, read outside of a transaction.
    pub fn fetch_all(
        &self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Row>, DbError>> + Send {
        Box::pin(async move { read!(self, fetch_all, sql, args) })
    }

    /// The first row, if there is one.
    pub fn fetch_optional(
        &self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Option<Row>, DbError>> + Send {
        Box::pin(async move { read!(self, fetch_optional, sql, args) })
    }

    /// The first row; without one, [`DbError::NotFound`].
    pub fn fetch_one(
        &self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Row, DbError>> + Send {
        async move { self.fetch_optional(sql, args).await?.ok_or(DbError::NotFound) }
    }

    /// Like [`fetch_all`](Self::fetch_all), each row read as a `T`.
    pub fn fetch_all_as<T: FromRow>(
        &self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<T>, DbError>> + Send {
        async move { self.fetch_all(sql, args).await?.iter().map(T::from_row).collect() }
    }

    /// Like [`fetch_optional`](Self::fetch_optional), the row read as a `T`.
    pub fn fetch_optional_as<T: FromRow>(
        &self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Option<T>, DbError>> + Send {
        async move { self.fetch_optional(sql, args).await?.as_ref().map(T::from_row).transpose() }
    }

    /// Like [`fetch_one`](Self::fetch_one), the row read as a `T`.
    pub fn fetch_one_as<T: FromRow>(
        &self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<T, DbError>> + Send {
        async move { T::from_row(&self.fetch_one(sql, args).await?) }
    }

    /// Opens a writing transaction. On SQLite writers take turns, first come first served;
    /// PostgreSQL isolates with `READ COMMITTED`.
    pub fn begin(&self) -> impl Future<Output = Result<Tx, DbError>> + Send {
        Box::pin(async move {
            match &self.inner {
                Inner::Sqlite(sqlite) => {
                    let lease = sqlite.writer.begin().await?;
                    Ok(Tx::sqlite_write(lease, self.statements.clone()))
                }
                Inner::Postgres(_) => self.begin_postgres("BEGIN").await,
            }
        })
    }

    /// Opens a transaction that only reads and sees one state of the database throughout. It waits
    /// for no writer and holds none up.
    pub fn begin_read(&self) -> impl Future<Output = Result<Tx, DbError>> + Send {
        Box::pin(async move {
            match &self.inner {
                Inner::Sqlite(sqlite) => {
                    let tx = sqlite.reads.begin().await;
                    let tx = tx.map_err(|error| DbError::new(error, || "BEGIN".into()))?;
                    Ok(Tx::sqlite_read(tx, self.statements.clone()))
                }
                Inner::Postgres(_) => {
                    self.begin_postgres("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await
                }
            }
        })
    }

    /// Opens a writing transaction that fails with [`DbError::Serialization`] rather than give a
    /// result that no serial order of transactions would give.
    pub fn begin_serializable(&self) -> impl Future<Output = Result<Tx, DbError>> + Send {
        Box::pin(async move {
            match &self.inner {
                Inner::Sqlite(_) => self.begin().await,
                Inner::Postgres(_) => {
                    self.begin_postgres("BEGIN ISOLATION LEVEL SERIALIZABLE").await
                }
            }
        })
    }

    async fn begin_postgres(&self, begin: &'static str) -> Result<Tx, DbError> {
        let Inner::Postgres(db) = &self.inner else {
            return Err(DbError::Config("not a PostgreSQL database".into()));
        };
        let tx = postgres::retry_lost!(postgres::Transaction::begin(db, begin).await);
        let tx = tx.map_err(|error| DbError::new(error, || begin.into()))?;
        Ok(Tx::postgres(tx, self.statements.clone()))
    }

    /// How many statements were run since it was opened, by all clones; without those that begin
    /// and end transactions.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Group commit figures; `None` on PostgreSQL.
    pub fn writer_stats(&self) -> Option<Stats> {
        match &self.inner {
            Inner::Sqlite(sqlite) => Some(sqlite.writer.stats()),
            Inner::Postgres(_) => None,
        }
    }

    /// The pool itself, for what only PostgreSQL has: `LISTEN`, advisory locks.
    pub fn postgres(&self) -> Option<&PgPool> {
        match &self.inner {
            Inner::Sqlite(_) => None,
            Inner::Postgres(db) => Some(&db.pool),
        }
    }

    /// Prepares a text without running it.
    pub(crate) async fn prepare(&self, text: &'static str) -> Result<(), sqlx::Error> {
        match &self.inner {
            Inner::Sqlite(sqlite) => {
                sqlite::prepare(&mut *sqlite.reads.acquire().await?, text).await
            }
            Inner::Postgres(db) => postgres::prepare(&mut *db.pool.acquire().await?, text).await,
        }
    }

    /// Closes the connections; transactions that are open are waited for.
    pub async fn close(&self) {
        match &self.inner {
            Inner::Sqlite(sqlite) => {
                sqlite.reads.close().await;
                sqlite.writer.close().await;
            }
            Inner::Postgres(db) => db.pool.close().await,
        }
    }
}
