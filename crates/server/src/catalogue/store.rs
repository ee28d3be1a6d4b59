//! The rows of categories.

use db::{Db, DbError, FromRow, Row, args, sql};
use events::CategoryId;

use super::model::CategoryRow;
use crate::journal::Tx;

impl FromRow for CategoryRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.parse("id")?,
            parent_id: row.parse_optional("parent_id")?,
            name: row.get("name")?,
            slug: row.get("slug")?,
        })
    }
}

/// All of them, siblings in order.
pub async fn all(db: &Db) -> Result<Vec<CategoryRow>, DbError> {
    db.fetch_all_as(
        sql!("SELECT id, parent_id, name, slug FROM categories ORDER BY position, id"),
        args![],
    )
    .await
}

pub async fn exists(tx: &mut Tx, id: &CategoryId) -> Result<bool, DbError> {
    let row = tx.fetch_optional(sql!("SELECT id FROM categories WHERE id = $1"), args![id]).await?;
    Ok(row.is_some())
}
