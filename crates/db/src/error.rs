//! What can go wrong, in the same words for both engines.
//!
//! **Constraint names.** SQLite names the columns of a violated unique index
//! (`users.email`), PostgreSQL the index. Both come out as the table and its columns joined by
//! `_`: `users_email`. So a unique index is created under exactly that name, and an index on an
//! expression, which SQLite reports by name, under any name. A primary key violation is
//! `<table>_<columns>` as well (`users_id`), whatever PostgreSQL calls it. CHECK constraints are
//! always named, alike on both engines. [`testing::schema`](crate::testing::schema) finds names
//! that break this rule.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// A failed database operation.
///
/// In a transaction every error but [`Decode`](DbError::Decode), [`Encode`](DbError::Encode) and
/// [`NotFound`](DbError::NotFound) makes the transaction [`Failed`](DbError::Failed).
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// A unique index or primary key refused the row; the name is `<table>_<columns>`.
    #[error("unique constraint {0} is violated")]
    Unique(String),
    /// A foreign key refused the change. SQLite does not say which.
    #[error("a foreign key is violated")]
    ForeignKey,
    /// A named CHECK constraint refused the row.
    #[error("check constraint {0} is violated")]
    Check(String),
    /// A column that may not be NULL; the name is `<table>_<column>`.
    #[error("{0} must not be null")]
    NotNull(String),
    /// A trigger refused the change (`RAISE(ABORT, …)`, `RAISE EXCEPTION`).
    #[error("refused by the database: {0}")]
    Refused(String),
    /// Two transactions were in each other's way; the whole transaction can be tried again.
    #[error("the transaction conflicts with another one: {0}")]
    Serialization(String),
    /// The database cannot serve now: no free connection, lost connection, time-out, disk full.
    /// After a failed `commit` the outcome is unknown only where the connection was lost.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// An earlier statement of this transaction failed or was cancelled; it can only be rolled
    /// back.
    #[error("the transaction has failed before and is rolled back")]
    Failed,
    /// `fetch_one` found no row.
    #[error("no row")]
    NotFound,
    /// A column that is missing, NULL, or of another type than asked for.
    #[error("column {column}: {reason}")]
    Decode {
        /// The column's name in the result.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that cannot be stored.
    #[error("cannot store value: {0}")]
    Encode(String),
    /// A bad database URL, or a database program that is too old.
    #[error("{0}")]
    Config(String),
    /// A migration that failed, was changed after it was applied, or is unknown.
    #[error("migration {name}: {reason}")]
    Migration {
        /// The migration's file name without extension.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Anything else: a bug in a SQL text or in this program.
    #[error("database error at {place}: {source}")]
    Other {
        /// Where the statement stands.
        place: String,
        /// The driver's error.
        source: Arc<sqlx::Error>,
    },
}

impl DbError {
    /// True if exactly this unique constraint was violated.
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, Self::Unique(violated) if violated == name)
    }

    /// The name of the violated constraint: unique, check or not-null.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Unique(name) | Self::Check(name) | Self::NotNull(name) => Some(name),
            _ => None,
        }
    }

    /// True if the same request can succeed later without a change: answered with 503.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Serialization(_))
    }

    /// True if the whole transaction can be tried again at once: see
    /// [`retry_conflicts`](crate::retry_conflicts).
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Serialization(_))
    }

    pub(crate) fn new(error: sqlx::Error, place: impl FnOnce() -> String) -> Self {
        let known = match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_) => Some(Self::Unavailable(error.to_string())),
            sqlx::Error::Configuration(reason) => Some(Self::Config(reason.to_string())),
            sqlx::Error::Encode(reason) => Some(Self::Encode(reason.to_string())),
            sqlx::Error::Database(reason) => known_error(reason.as_ref()),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other { place: place(), source: Arc::new(error) })
    }
}

/// Turns the violation of one constraint into an error of the caller's own.
pub trait ResultExt<T> {
    /// Replaces the violation of the constraint `name` with `error()`; other errors are converted.
    fn on_constraint<E: From<DbError>>(self, name: &str, error: impl FnOnce() -> E)
    -> Result<T, E>;
}

impl<T> ResultExt<T> for Result<T, DbError> {
    fn on_constraint<E: From<DbError>>(
        self,
        name: &str,
        error: impl FnOnce() -> E,
    ) -> Result<T, E> {
        self.map_err(
            |failed| {
                if failed.constraint() == Some(name) { error() } else { failed.into() }
            },
        )
    }
}

fn known_error(error: &(dyn DatabaseError + 'static)) -> Option<DbError> {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return postgres_error(error);
    }
    let error = error.try_downcast_ref::<SqliteError>()?;
    sqlite_error(error.code()?.parse().ok()?, error.message())
}

/// SQLite's extended result codes: <https://www.sqlite.org/rescode.html>.
fn sqlite_error(code: i32, message: &str) -> Option<DbError> {
    const BUSY_SNAPSHOT: i32 = 517;
    const CHECK: i32 = 275;
    const FOREIGN_KEY: i32 = 787;
    const NOT_NULL: i32 = 1299;
    const PRIMARY_KEY: i32 = 1555;
    const TRIGGER: i32 = 1811;
    const UNIQUE: i32 = 2067;
    const ROW_ID: i32 = 2579;
    let after_colon = || message.split_once(": ").map_or(message, |(_, name)| name);
    Some(match code {
        UNIQUE | PRIMARY_KEY | ROW_ID => DbError::Unique(sqlite_columns(after_colon())),
        FOREIGN_KEY => DbError::ForeignKey,
        CHECK => DbError::Check(after_colon().to_owned()),
        NOT_NULL => DbError::NotNull(sqlite_columns(after_colon())),
        TRIGGER => DbError::Refused(message.to_owned()),
        BUSY_SNAPSHOT => DbError::Serialization(message.to_owned()),
        _ => match code & 0xff {
            // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN
            5 | 6 | 7 | 8 | 9 | 10 | 13 | 14 => DbError::Unavailable(message.to_owned()),
            _ => return None,
        },
    })
}

/// `users.email, users.realm` → `users_email_realm`; `index 'users_lower_email'` → that name.
fn sqlite_columns(columns: &str) -> String {
    if let Some(index) = columns.strip_prefix("index '") {
        return index.trim_end_matches('\'').to_owned();
    }
    let mut name = String::new();
    for column in columns.split(", ") {
        let (table, column) = column.split_once('.').unwrap_or(("", column));
        if name.is_empty() {
            name.push_str(table);
        }
        name.push('_');
        name.push_str(column);
    }
    name
}

/// SQLSTATE codes: PostgreSQL documentation, appendix A.
fn postgres_error(error: &PgDatabaseError) -> Option<DbError> {
    let message = || error.message().to_owned();
    let table = error.table().unwrap_or_default();
    let constraint = || error.constraint().unwrap_or_default().to_owned();
    Some(match error.code() {
        "23505" => DbError::Unique(match error.constraint() {
            Some(name) if !name.ends_with("_pkey") => name.to_owned(),
            _ => postgres_key(table, error.detail().unwrap_or_default()),
        }),
        "23503" => DbError::ForeignKey,
        "23514" => DbError::Check(constraint()),
        "23502" => DbError::NotNull(format!("{table}_{}", error.column().unwrap_or_default())),
        "P0001" => DbError::Refused(message()),
        "40001" | "40P01" => DbError::Serialization(message()),
        "25P02" => DbError::Failed,
        // idle-in-transaction time-out, read-only standby, lock time-out, statement time-out,
        // and the classes "connection exception", "insufficient resources", "operator
        // intervention", "system error".
        "25P03" | "25006" | "55P03" => DbError::Unavailable(message()),
        code if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            DbError::Unavailable(message())
        }
        _ => return None,
    })
}

/// `Key (id, realm)=(1, 2) already exists.` → `users_id_realm`.
fn postgres_key(table: &str, detail: &str) -> String {
    let columns = detail.strip_prefix("Key (").and_then(|rest| rest.split_once(")="));
    let columns = columns.map_or("pkey", |(columns, _)| columns);
    format!("{table}_{}", columns.replace(", ", "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_table_and_columns() {
        assert_eq!(sqlite_columns("users.email"), "users_email");
        assert_eq!(
            sqlite_columns("offers.request_id, offers.seller_id"),
            "offers_request_id_seller_id"
        );
        assert_eq!(sqlite_columns("index 'users_lower_email'"), "users_lower_email");
        assert_eq!(
            postgres_key("users", "Key (id, realm)=(1, 2) already exists."),
            "users_id_realm"
        );
    }

    #[test]
    fn sqlite_codes() {
        let unique = sqlite_error(2067, "UNIQUE constraint failed: users.email");
        assert!(unique.is_some_and(|error| error.is_unique("users_email")));
        assert!(matches!(
            sqlite_error(13, "database or disk is full"),
            Some(DbError::Unavailable(_))
        ));
        assert!(matches!(sqlite_error(517, "database is locked"), Some(DbError::Serialization(_))));
        assert!(sqlite_error(1, "no such table: x").is_none());
    }

    #[test]
    fn a_constraint_becomes_the_callers_error() {
        #[derive(Debug, PartialEq)]
        enum Mine {
            Taken,
            Database,
        }
        impl From<DbError> for Mine {
            fn from(_: DbError) -> Self {
                Mine::Database
            }
        }
        let failed = || Err::<(), _>(DbError::Unique("users_email".into()));
        assert_eq!(failed().on_constraint("users_email", || Mine::Taken), Err(Mine::Taken));
        assert_eq!(failed().on_constraint("users_name", || Mine::Taken), Err(Mine::Database));
    }
}
