//! One SQL text for SQLite and PostgreSQL.
//!
//! A thin facade over native sqlx pools: [`Db`] reads and opens transactions, [`Tx`] reads and
//! writes, [`Row`] checks every column it hands out, [`DbError`] names a violated constraint
//! alike on both engines. There is no query builder and no model layer.
//!
//! ```no_run
//! use db::{Db, DbError, Options, ResultExt, args, sql};
//!
//! # #[derive(Debug)] enum UserError { EmailTaken, Database(DbError) }
//! # impl From<DbError> for UserError { fn from(e: DbError) -> Self { Self::Database(e) } }
//! async fn add_user(db: &Db, id: &str, email: &str) -> Result<(), UserError> {
//!     let mut tx = db.begin().await?;
//!     tx.execute(sql!("INSERT INTO users (id, email) VALUES ($1, $2)"), args![id, email])
//!         .await
//!         .on_constraint("users_email", || UserError::EmailTaken)?;
//!     tx.commit().await?;
//!     Ok(())
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let db = Db::open("sqlite:data/souk.db", &Options::default()).await?;
//! let row = db.fetch_one(sql!("SELECT email FROM users WHERE id = $1"), args!["u1"]).await?;
//! let email: String = row.get("email")?;
//! # Ok(()) }
//! ```
//!
//! # Writing SQL for both engines
//!
//! Every text is prepared on both engines by a test, and the whole test suite runs on both; these
//! conventions keep it from failing.
//!
//! **Types.** Both schemas use the same names: `TEXT` (ids, enums, JSON), `BIGINT` (counts,
//! milliseconds, minor units), `BOOLEAN`, `BYTEA`, `DOUBLE PRECISION`. No `INTEGER`, no `SERIAL`
//! but for an identity column (`INTEGER PRIMARY KEY` on SQLite, `BIGINT GENERATED ALWAYS AS
//! IDENTITY PRIMARY KEY` on PostgreSQL).
//!
//! **Parameters** are `$1`, `$2`, … and typed by their [`Value`]: an integer is always a `BIGINT`.
//! - Where PostgreSQL has an `INTEGER` parameter, cast: `substr(name, CAST($1 AS INTEGER))`.
//! - `$1 IS NULL` alone has no type: write `CAST($1 AS TEXT) IS NULL`. That is also how an
//!   optional filter is written, in one constant text:
//!   `WHERE (CAST($1 AS TEXT) IS NULL OR status = $1) AND position > $2 ORDER BY position LIMIT $3`.
//! - A list is passed as JSON text and opened per engine, or as one statement per element in a
//!   transaction. [`Sql::concat`] is for the rest.
//! - Parameters in a `SELECT` list, `COALESCE` or `CASE` need a cast as well.
//!
//! **Results.** `sum()` over `BIGINT` is `NUMERIC` on PostgreSQL: `CAST(sum(x) AS BIGINT)`; it is
//! NULL over no rows: `CAST(COALESCE(sum(x), 0) AS BIGINT)`. Integer literals are `INTEGER` there;
//! [`Row::get`] reads them all the same. A comparison is a BOOLEAN on one engine, 0 or 1 on the
//! other; `get::<bool>` reads both. Name every computed column with `AS`.
//!
//! **Statements.** `RETURNING`, `ON CONFLICT (…) DO UPDATE SET x = excluded.x`, window functions,
//! `WITH`, `IS NOT DISTINCT FROM` work on both. `true` and `false` are literals on both. Not
//! portable: `ILIKE` (use `lower(a) LIKE lower($1)`; SQLite's `lower` and `LIKE` fold ASCII only),
//! `now()` (time comes from outside as a parameter), `INSERT OR …`, JSON operators, `RETURNING` in
//! a CTE, `ORDER BY` on NULLs (write `NULLS LAST`), text order (`ORDER BY` ids and numbers, not
//! names, where the order matters: collations differ), `CONFLICT` targets without a unique index
//! of exactly these columns, `SELECT … FOR UPDATE` in the text (use [`Sql::for_update`]).
//!
//! **Constraints** are immediate: a deferred foreign key would fail at the `COMMIT` that several
//! transactions share, and [`Db::migrate`] refuses it. How they are named: see [`error`].
//! Triggers refuse with `RAISE(ABORT, …)` and `RAISE EXCEPTION`.
//!
//! **Isolation.** On SQLite writing transactions run one at a time. On PostgreSQL they are `READ
//! COMMITTED`: read with [`Sql::for_update`] what the decision rests on, in a fixed order, or let
//! one conditional `UPDATE … WHERE status = 'open'` decide by its number of affected rows.

pub mod copy;
#[expect(clippy::manual_async_fn, reason = "callers in generic code see `Send` only if declared")]
mod database;
pub mod error;
mod migrate;
mod postgres;
mod row;
pub mod sql;
mod sqlite;
pub mod testing;
#[expect(clippy::manual_async_fn, reason = "as in `database`")]
mod tx;
mod value;

#[doc(hidden)]
pub use linkme;

pub use database::{Db, Engine, Options};
pub use error::{DbError, ResultExt};
pub use migrate::{Migration, Migrations};
pub use row::{FromColumn, FromRow, Row};
pub use sql::{RegisteredSql, Sql, all_sql};
pub use sqlite::Stats as WriterStats;
pub use tx::{Tx, retry_conflicts};
pub use value::{HasKind, Kind, Value};
