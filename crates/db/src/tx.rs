//! Transactions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::{Sqlite, Transaction};

use crate::database::Counter;
use crate::postgres::bounded;
use crate::sqlite::Lease;
use crate::value::check_args;
use crate::{DbError, Engine, FromRow, Row, Sql, Value, postgres, sqlite};

/// A transaction: all of it is stored, or nothing.
///
/// Dropped without [`commit`](Self::commit) it is rolled back, also when the future that holds it
/// is cancelled. After a failed or cancelled statement it is [`DbError::Failed`] on both engines
/// and can only be rolled back: to try an insert that may exist, write `ON CONFLICT DO NOTHING`
/// and look at the number of affected rows.
///
/// Keep it short and await nothing but the database in it: on SQLite all others wait for it.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    failed: bool,
    statements: Counter,
}

#[derive(Debug)]
enum Inner {
    SqliteWrite(Lease),
    SqliteRead(Transaction<'static, Sqlite>),
    Postgres(postgres::Transaction),
}

/// Runs one function on the connection of whichever engine, and leaves the transaction failed
/// unless the statement ran to its end without an error.
macro_rules! run {
    ($tx:expr, $function:ident, $sql:expr, $args:expr) => {{
        let (sql, args): (Sql, Vec<Value>) = ($sql, $args);
        check_args(&args)?;
        if std::mem::replace(&mut $tx.failed, true) {
            return Err(DbError::Failed);
        }
        $tx.statements.fetch_add(1, Ordering::Relaxed);
        let result = match &mut $tx.inner {
            Inner::SqliteWrite(lease) => {
                sqlite::$function(lease.conn().await?.get()?, &sql, args).await
            }
            Inner::SqliteRead(tx) => sqlite::$function(tx, &sql, args).await,
            Inner::Postgres(tx) => {
                bounded(tx.limit(), postgres::$function(tx.conn()?, &sql, args)).await
            }
        };
        let result = result.map_err(|error| DbError::new(error, || sql.place()));
        $tx.failed = result.is_err();
        result
    }};
}

// Statements are boxed: inlined, both drivers would make every future that holds one 8 KiB larger.
impl Tx {
    pub(crate) fn sqlite_write(lease: Lease, statements: Counter) -> Self {
        Self { inner: Inner::SqliteWrite(lease), failed: false, statements }
    }

    pub(crate) fn sqlite_read(tx: Transaction<'static, Sqlite>, statements: Counter) -> Self {
        Self { inner: Inner::SqliteRead(tx), failed: false, statements }
    }

    pub(crate) fn postgres(tx: postgres::Transaction, statements: Counter) -> Self {
        Self { inner: Inner::Postgres(tx), failed: false, statements }
    }

    /// The engine behind it.
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::SqliteWrite(_) | Inner::SqliteRead(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// All rows of a result.
    pub fn fetch_all(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Row>, DbError>> + Send {
        Box::pin(async move { run!(self, fetch_all, sql, args) })
    }

    /// The first row, if there is one.
    pub fn fetch_optional(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Option<Row>, DbError>> + Send {
        Box::pin(async move { run!(self, fetch_optional, sql, args) })
    }

    /// The first row; without one, [`DbError::NotFound`].
    pub fn fetch_one(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Row, DbError>> + Send {
        async move { self.fetch_optional(sql, args).await?.ok_or(DbError::NotFound) }
    }

    /// Like [`fetch_all`](Self::fetch_all), each row read as a `T`.
    pub fn fetch_all_as<T: FromRow>(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<T>, DbError>> + Send {
        async move { self.fetch_all(sql, args).await?.iter().map(T::from_row).collect() }
    }

    /// Like [`fetch_optional`](Self::fetch_optional), the row read as a `T`.
    pub fn fetch_optional_as<T: FromRow>(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<Option<T>, DbError>> + Send {
        async move { self.fetch_optional(sql, args).await?.as_ref().map(T::from_row).transpose() }
    }

    /// Like [`fetch_one`](Self::fetch_one), the row read as a `T`.
    pub fn fetch_one_as<T: FromRow>(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<T, DbError>> + Send {
        async move { T::from_row(&self.fetch_one(sql, args).await?) }
    }

    /// Runs a statement; returns the number of rows it inserted, updated or deleted.
    pub fn execute(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> impl Future<Output = Result<u64, DbError>> + Send {
        Box::pin(async move { run!(self, execute, sql, args) })
    }

    /// Runs a script of several statements without arguments: a migration.
    pub(crate) async fn execute_script(&mut self, script: &'static str) -> Result<(), DbError> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(DbError::Failed);
        }
        let script = sqlx::raw_sql(script);
        match &mut self.inner {
            Inner::SqliteWrite(lease) => script.execute(lease.conn().await?.get()?).await.map(drop),
            Inner::SqliteRead(tx) => script.execute(&mut **tx).await.map(drop),
            Inner::Postgres(tx) => script.execute(tx.conn()?).await.map(drop),
        }
        .map_err(|error| DbError::new(error, || "script".into()))?;
        self.failed = false;
        Ok(())
    }

    /// Makes the changes durable and visible; returns when they are.
    ///
    /// When the future is cancelled, the transaction as a whole may or may not be stored.
    pub fn commit(self) -> impl Future<Output = Result<(), DbError>> + Send {
        Box::pin(async move {
            if self.failed {
                // PostgreSQL would answer COMMIT with a silent ROLLBACK.
                return Err(DbError::Failed);
            }
            let place = || "COMMIT".to_owned();
            match self.inner {
                Inner::SqliteWrite(lease) => lease.commit().await,
                Inner::SqliteRead(tx) => {
                    tx.commit().await.map_err(|error| DbError::new(error, place))
                }
                Inner::Postgres(tx) => {
                    tx.commit().await.map_err(|error| DbError::new(error, place))
                }
            }
        })
    }

    /// Undoes the changes. Dropping the transaction does the same without waiting for it.
    pub fn rollback(self) -> impl Future<Output = Result<(), DbError>> + Send {
        Box::pin(async move {
            let place = || "ROLLBACK".to_owned();
            match self.inner {
                // The writer undoes it before anyone else has a turn.
                Inner::SqliteWrite(lease) => {
                    drop(lease);
                    Ok(())
                }
                Inner::SqliteRead(tx) => {
                    tx.rollback().await.map_err(|error| DbError::new(error, place))
                }
                Inner::Postgres(tx) => {
                    tx.rollback().await.map_err(|error| DbError::new(error, place))
                }
            }
        })
    }
}

/// How often [`retry_conflicts`] tries.
const ATTEMPTS: u32 = 3;

/// Wait before the second attempt, twice as long before the third: time for the other transaction
/// to end, which would otherwise be met again.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs `operation`, which opens, fills and commits one transaction, again when it conflicts with
/// another one: a deadlock, or a serializable transaction. At most three times altogether.
///
/// `operation` does nothing that must not be done twice outside of its transaction. `is_conflict`
/// looks for [`DbError::is_conflict`] in the caller's own error.
pub async fn retry_conflicts<T, E, Fut>(
    is_conflict: impl Fn(&E) -> bool,
    mut operation: impl FnMut() -> Fut,
) -> Result<T, E>
where
    Fut: Future<Output = Result<T, E>>,
{
    for attempt in 1..ATTEMPTS {
        match operation().await {
            Err(error) if is_conflict(&error) => tokio::time::sleep(PAUSE * attempt).await,
            result => return result,
        }
    }
    operation().await
}
