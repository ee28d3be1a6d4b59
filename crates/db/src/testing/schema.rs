//! A schema in words that are the same for both engines.

use crate::{Db, DbError};

/// What a schema holds, one line each, sorted.
pub type Schema = Vec<String>;

/// Describes the schema of `db`.
pub async fn schema(_db: &Db) -> Result<Schema, DbError> {
    todo!()
}
