//! Rows of a result.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgRow, PgValueRef};
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Postgres, Row as _, Sqlite, TypeInfo, ValueRef};

use crate::DbError;

/// One row of a result. Columns are read by name and checked: a NULL, a missing column or a
/// wrong type is an error that names the column.
#[derive(Debug)]
pub struct Row(pub(crate) EngineRow);

#[derive(Debug)]
pub(crate) enum EngineRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type that is read from a whole row.
pub trait FromRow: Sized {
    /// Reads the columns of `row`.
    fn from_row(row: &Row) -> Result<Self, DbError>;
}

impl Row {
    /// The value of `column`: `i64`, `i32`, `u32`, `u16`, `bool`, `f64`, `String`, `Vec<u8>`, or
    /// an `Option` of those for a column that can be NULL.
    pub fn get<'r, T: FromColumn<'r>>(&'r self, column: &str) -> Result<T, DbError> {
        self.cell(column).and_then(T::from_cell).map_err(|reason| decode(column, reason))
    }

    /// The TEXT of `column` parsed, for ids and enums.
    pub fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, DbError> {
        let text = self.get::<&str>(column)?;
        text.parse().map_err(|error| decode(column, format!("{error}")))
    }

    /// [`parse`](Self::parse) for a column that can be NULL.
    pub fn parse_optional<T: FromStr<Err: Display>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, DbError> {
        let text = self.get::<Option<&str>>(column)?;
        text.map(|text| text.parse().map_err(|error| decode(column, format!("{error}"))))
            .transpose()
    }

    /// The JSON in the TEXT of `column`.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, DbError> {
        let text = self.get::<&str>(column)?;
        serde_json::from_str(text).map_err(|error| decode(column, error.to_string()))
    }

    /// [`json`](Self::json) for a column that can be NULL.
    pub fn json_optional<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, DbError> {
        let text = self.get::<Option<&str>>(column)?;
        text.map(|text| {
            serde_json::from_str(text).map_err(|error| decode(column, error.to_string()))
        })
        .transpose()
    }

    fn cell(&self, column: &str) -> Result<Cell<'_>, String> {
        match &self.0 {
            EngineRow::Sqlite(row) => {
                sqlite_cell(row.try_get_raw(column).map_err(|error| error.to_string())?)
            }
            EngineRow::Postgres(row) => {
                postgres_cell(row.try_get_raw(column).map_err(|error| error.to_string())?)
            }
        }
    }
}

fn decode(column: &str, reason: String) -> DbError {
    DbError::Decode { column: column.to_owned(), reason }
}

/// A value as it came from the database.
#[derive(Debug)]
#[doc(hidden)]
pub enum Cell<'r> {
    Null,
    Int(i64),
    Bool(bool),
    Float(f64),
    Text(&'r str),
    Bytes(&'r [u8]),
}

/// The value's own type decides, not the column's: SQLite columns hold any type.
fn sqlite_cell(value: SqliteValueRef<'_>) -> Result<Cell<'_>, String> {
    let name = value.type_info().name().to_owned();
    Ok(match name.as_str() {
        _ if value.is_null() => Cell::Null,
        "INTEGER" => Cell::Int(read::<Sqlite, _>(value)?),
        "REAL" => Cell::Float(read::<Sqlite, _>(value)?),
        "TEXT" => Cell::Text(read::<Sqlite, _>(value)?),
        "BLOB" => Cell::Bytes(read::<Sqlite, _>(value)?),
        other => return Err(format!("unsupported type {other}")),
    })
}

fn postgres_cell(value: PgValueRef<'_>) -> Result<Cell<'_>, String> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let name = value.type_info().name().to_owned();
    Ok(match name.as_str() {
        "INT8" => Cell::Int(read::<Postgres, _>(value)?),
        "INT4" => Cell::Int(read::<Postgres, i32>(value)?.into()),
        "INT2" => Cell::Int(read::<Postgres, i16>(value)?.into()),
        "BOOL" => Cell::Bool(read::<Postgres, _>(value)?),
        "FLOAT8" => Cell::Float(read::<Postgres, _>(value)?),
        "FLOAT4" => Cell::Float(read::<Postgres, f32>(value)?.into()),
        "TEXT" | "VARCHAR" | "NAME" | "UNKNOWN" => Cell::Text(read::<Postgres, _>(value)?),
        "BYTEA" => Cell::Bytes(read::<Postgres, _>(value)?),
        // What functions like pg_notify return.
        "VOID" => Cell::Null,
        other => return Err(format!("unsupported type {other}, CAST it in the statement")),
    })
}

fn read<'r, D: sqlx::Database, T: Decode<'r, D>>(
    value: <D as sqlx::Database>::ValueRef<'r>,
) -> Result<T, String> {
    T::decode(value).map_err(|error| error.to_string())
}

/// A type that is read from one column. Not for implementing elsewhere: ids and enums are read
/// with [`Row::parse`].
pub trait FromColumn<'r>: Sized {
    #[doc(hidden)]
    fn from_cell(cell: Cell<'r>) -> Result<Self, String>;
}

fn mismatch<T>(wanted: &str, cell: &Cell<'_>) -> Result<T, String> {
    let found = match cell {
        Cell::Null => "NULL",
        Cell::Int(_) => "an integer",
        Cell::Bool(_) => "a boolean",
        Cell::Float(_) => "a floating-point number",
        Cell::Text(_) => "text",
        Cell::Bytes(_) => "bytes",
    };
    Err(format!("is {found}, not {wanted}"))
}

macro_rules! from_column {
    ($($type:ty, $wanted:literal, $($pattern:pat => $value:expr),+;)*) => {$(
        impl<'r> FromColumn<'r> for $type {
            fn from_cell(cell: Cell<'r>) -> Result<Self, String> {
                match cell {
                    $($pattern => Ok($value),)+
                    other => mismatch($wanted, &other),
                }
            }
        }
    )*};
}

from_column! {
    i64, "an integer", Cell::Int(value) => value;
    f64, "a floating-point number", Cell::Float(value) => value;
    &'r str, "text", Cell::Text(value) => value;
    String, "text", Cell::Text(value) => value.to_owned();
    Vec<u8>, "bytes", Cell::Bytes(value) => value.to_vec();
    // SQLite has no booleans of its own.
    bool, "a boolean", Cell::Bool(value) => value, Cell::Int(0) => false, Cell::Int(1) => true;
}

macro_rules! from_small_int {
    ($($type:ty),*) => {$(
        impl<'r> FromColumn<'r> for $type {
            fn from_cell(cell: Cell<'r>) -> Result<Self, String> {
                let value = i64::from_cell(cell)?;
                value.try_into().map_err(|_| format!("{value} is out of range"))
            }
        }
    )*};
}

from_small_int!(i32, u32, u16);

impl<'r, T: FromColumn<'r>> FromColumn<'r> for Option<T> {
    fn from_cell(cell: Cell<'r>) -> Result<Self, String> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}
