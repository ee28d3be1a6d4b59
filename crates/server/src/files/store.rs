//! The rows of files and of what uses them.

use db::{Db, DbError, FromRow, Row, args, sql};
use events::{FileId, Timestamp};

use super::content::Size;
use super::model::{Readers, Stored, Use};

macro_rules! columns {
    () => {
        "id, owner_id, name, mime_type, size, width, height, storage_key, created_at"
    };
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let side = |column: &str| row.get::<Option<u32>>(column);
        let dimensions = side("width")?.zip(side("height")?);
        Ok(Self {
            id: row.parse("id")?,
            owner: row.parse("owner_id")?,
            name: row.get("name")?,
            mime_type: row.get("mime_type")?,
            size: row.get("size")?,
            dimensions: dimensions.map(|(width, height)| Size { width, height }),
            key: row.get("storage_key")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

/// Writes the row of a file whose bytes are not in the store yet.
pub async fn insert(tx: &mut db::Tx, file: &Stored) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO files (id, owner_id, name, mime_type, size, width, height, storage_key,
                                state, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'uploading', $9)"
        ),
        args![
            &file.id,
            &file.owner,
            &file.name,
            &file.mime_type,
            file.size,
            file.dimensions.map(|size| size.width),
            file.dimensions.map(|size| size.height),
            &file.key,
            file.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

/// The bytes are in the store. False where the upload was given up meanwhile.
pub async fn set_stored(tx: &mut db::Tx, id: &FileId) -> Result<bool, DbError> {
    let set = sql!("UPDATE files SET state = 'stored' WHERE id = $1 AND state = 'uploading'");
    Ok(tx.execute(set, args![id]).await? == 1)
}

/// A file whose bytes are in the store.
pub async fn find(tx: &mut db::Tx, id: &FileId) -> Result<Option<Stored>, DbError> {
    let find =
        sql!(concat!("SELECT ", columns!(), " FROM files WHERE id = $1 AND state = 'stored'"));
    tx.fetch_optional_as(find, args![id]).await
}

/// As [`find`], with the row locked until the transaction ends.
pub async fn lock(tx: &mut db::Tx, id: &FileId) -> Result<Option<Stored>, DbError> {
    let find =
        sql!(concat!("SELECT ", columns!(), " FROM files WHERE id = $1 AND state = 'stored'"));
    tx.fetch_optional_as(find.for_update(), args![id]).await
}

pub async fn insert_use(tx: &mut db::Tx, file: &FileId, used: &Use) -> Result<(), DbError> {
    let (kind, target, scope) = used.columns();
    tx.execute(
        sql!(
            "INSERT INTO file_uses (file_id, kind, target_id, scope_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (file_id, kind, target_id) DO NOTHING"
        ),
        args![file, kind, target, scope],
    )
    .await?;
    Ok(())
}

/// Ends the use of whatever files this uses.
pub async fn delete_uses(tx: &mut db::Tx, used: &Use) -> Result<(), DbError> {
    let (kind, target, _) = used.columns();
    let delete = sql!("DELETE FROM file_uses WHERE kind = $1 AND target_id = $2");
    tx.execute(delete, args![kind, target]).await?;
    Ok(())
}

/// Who may read the file, by its uses.
pub async fn readers(tx: &mut db::Tx, file: &FileId) -> Result<Vec<Readers>, DbError> {
    let select = sql!("SELECT kind, scope_id FROM file_uses WHERE file_id = $1");
    let rows = tx.fetch_all(select, args![file]).await?;
    rows.iter()
        .map(|row| {
            Ok(match row.get::<&str>("kind")? {
                "message" => Readers::Chat(row.parse("scope_id")?),
                "avatar" => Readers::Everyone,
                _ => Readers::Parties(row.parse("scope_id")?),
            })
        })
        .collect()
}

/// Files to be removed: in `state` since before a time, and used by nothing.
pub async fn unused(
    db: &Db,
    state: &str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(FileId, String)>, DbError> {
    let select = sql!(
        "SELECT f.id, f.storage_key FROM files f WHERE f.state = $1 AND f.created_at < $2
         AND NOT EXISTS (SELECT 1 FROM file_uses u WHERE u.file_id = f.id)
         ORDER BY f.created_at LIMIT $3"
    );
    let rows = db.fetch_all(select, args![state, before.as_millis(), limit]).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.get("storage_key")?))).collect()
}

/// From now on the file is being removed, unless something uses it by now. The lock comes first, in
/// a statement of its own, so that a use that was committed before it is seen.
pub async fn set_removing(tx: &mut db::Tx, id: &FileId) -> Result<bool, DbError> {
    let lock = sql!("SELECT id FROM files WHERE id = $1").for_update();
    tx.fetch_optional(lock, args![id]).await?;
    let set = sql!(
        "UPDATE files SET state = 'removing' WHERE id = $1
         AND NOT EXISTS (SELECT 1 FROM file_uses u WHERE u.file_id = $1)"
    );
    Ok(tx.execute(set, args![id]).await? == 1)
}

pub async fn delete(tx: &mut db::Tx, id: &FileId) -> Result<(), DbError> {
    let delete = sql!("DELETE FROM files WHERE id = $1 AND state = 'removing'");
    tx.execute(delete, args![id]).await?;
    Ok(())
}
