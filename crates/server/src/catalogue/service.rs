//! What the catalogue answers.

use events::CategoryId;

use super::model::{Category, tree};
use super::store;
use crate::app::App;
use crate::error::Result;
use crate::journal::Tx;

/// The whole tree.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn categories(app: &App) -> Result<Vec<Category>> {
    Ok(tree(store::all(&app.db).await?))
}

/// Whether there is such a category.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn exists(tx: &mut Tx, id: &CategoryId) -> Result<bool> {
    Ok(store::exists(tx, id).await?)
}
