//! What is done with files.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use events::documents::Attachment;
use events::{FileId, Timestamp, UserId};

use super::content::{self, Found, Kind};
use super::error::FileError;
use super::model::{File, Readers, Stored, Use};
use super::storage::spool;
use super::storage::{Spool, StorageError};
use super::upload::{self, Upload};
use super::{name, store};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::requests::model::{OfferStanding, Party};
use crate::text::hex;
use crate::{chat, requests};

/// The errand that removes what nothing uses.
pub const SWEEP: &str = "files_sweep";
/// Uploads that are in memory at once, as a whole, to be looked at.
pub const INSPECTIONS: usize = 4;
/// Longer than any upload takes.
const INTERRUPTED: Duration = Duration::from_hours(1);
/// Files that one sweep removes at most; the next one goes on.
const SWEPT: i64 = 200;

/// Takes a file that the caller uploads.
///
/// # Errors
/// 400, 413, 415, 422 for what is no file to be kept, 503.
pub async fn upload(app: &App, caller: &Caller, request: Request) -> Result<File> {
    let Upload { name, spool } = upload::receive(app, request).await?;
    let size = spool.size() as i64;
    let Found { kind, size: dimensions } = inspect(app, &spool).await?;
    let mut tx = app.begin().await?;
    let file = Stored {
        id: tx.new_id(),
        owner: caller.user_id.clone(),
        name: name::fitting(&name, kind)?,
        mime_type: kind.mime_type().to_owned(),
        size,
        dimensions,
        key: hex(&app.random.bytes::<16>()),
        created_at: tx.now(),
    };
    store::insert(&mut tx, &file).await?;
    tx.commit().await?;
    app.files.keep(&file.key, spool).await.map_err(FileError::from)?;
    let mut tx = app.begin().await?;
    if !store::set_stored(&mut tx, &file.id).await? {
        return Err(FileError::TooSlow.into());
    }
    tx.commit().await?;
    Ok(file.document())
}

/// Finds out what an upload is, a few at a time: each is in memory as a whole.
async fn inspect(app: &App, spool: &Spool) -> Result<Found> {
    let turn = app.inspections.acquire().await.map_err(|error| ApiError::internal(&error))?;
    let bytes = spool.bytes().await.map_err(|error| FileError::from(StorageError::from(error)))?;
    let found = tokio::task::spawn_blocking(move || content::inspect(&bytes)).await;
    drop(turn);
    Ok(found.map_err(|error| ApiError::internal(&error))?.map_err(FileError::from)?)
}

/// A file to be answered with.
pub struct Download {
    /// Its row.
    pub file: Stored,
    /// Its type.
    pub kind: Kind,
    /// Whether everyone may have it.
    pub public: bool,
}

/// A file that the caller may read.
///
/// # Errors
/// 401 for a caller without a token, unless everyone may; 404.
pub async fn find(app: &App, caller: Option<&Caller>, id: &FileId) -> Result<Download> {
    let refused =
        || if caller.is_some() { ApiError::not_found() } else { ApiError::unauthorized() };
    let mut tx = app.db.begin_read().await?;
    let file = store::find(&mut tx, id).await?.ok_or_else(refused)?;
    let readers = store::readers(&mut tx, id).await?;
    let public = readers.contains(&Readers::Everyone);
    let allowed = public
        || match caller {
            Some(caller) => {
                file.owner == caller.user_id || may_read(&mut tx, caller, &readers).await?
            }
            None => false,
        };
    let kind = Kind::of_mime_type(&file.mime_type);
    let kind = kind.ok_or_else(|| ApiError::internal(&"a file of an unknown type"))?;
    if allowed { Ok(Download { file, kind, public }) } else { Err(refused()) }
}

async fn may_read(tx: &mut db::Tx, caller: &Caller, readers: &[Readers]) -> Result<bool> {
    for reader in readers {
        let allowed = match reader {
            Readers::Everyone => true,
            Readers::Chat(chat) => chat::service::may_read(tx, caller, chat).await?,
            Readers::Parties(request) => {
                let party = requests::service::party_of(tx, caller, request).await?;
                matches!(
                    party,
                    Some(
                        Party::Admin
                            | Party::Buyer
                            | Party::Seller { offer: Some(OfferStanding::Accepted), .. }
                    )
                )
            }
        };
        if allowed {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of a file.
///
/// # Errors
/// 404 when they are gone, 503.
pub async fn bytes(app: &App, file: &Stored) -> Result<Body> {
    match app.files.read(&file.key).await {
        Ok(body) => Ok(body),
        Err(StorageError::NotFound) => {
            tracing::error!(file = %file.id, "the file's bytes are not in the store");
            Err(ApiError::not_found())
        }
        Err(error) => Err(FileError::from(error).into()),
    }
}

/// Uses the owner's files; in the transaction that makes what uses them.
///
/// # Errors
/// 422 at `field` for a file that is not there or is another user's.
pub async fn attach(
    tx: &mut Tx,
    owner: &UserId,
    files: &[FileId],
    used: &Use,
    field: &str,
) -> Result<Vec<Attachment>> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    // Rows are locked in the order of their ids.
    order.sort_by_key(|index| &files[*index]);
    let mut attached = Vec::with_capacity(files.len());
    for index in order {
        let file = store::lock(tx, &files[index]).await?.filter(|file| file.owner == *owner);
        let file = file.ok_or_else(|| {
            ApiError::invalid_field(&format!("{field}[{index}]"), "is not a file of yours")
        })?;
        store::insert_use(tx, &file.id, used).await?;
        attached.push((index, file.attachment()));
    }
    attached.sort_by_key(|(index, _)| *index);
    Ok(attached.into_iter().map(|(_, attachment)| attachment).collect())
}

/// What used files is gone.
///
/// # Errors
/// 503.
pub async fn detach(tx: &mut Tx, used: &Use) -> Result<()> {
    Ok(store::delete_uses(tx, used).await?)
}

/// Makes an image of the user's own their picture, in place of the one before, or none. False where
/// the file is not there, is another user's, or is no image.
///
/// # Errors
/// 503.
pub async fn set_avatar(tx: &mut Tx, user: &UserId, file: Option<&FileId>) -> Result<bool> {
    let used = Use::Avatar(user.clone());
    store::delete_uses(tx, &used).await?;
    let Some(file) = file else { return Ok(true) };
    let found = store::lock(tx, file).await?.filter(|file| {
        file.owner == *user && Kind::of_mime_type(&file.mime_type).is_some_and(Kind::is_image)
    });
    if found.is_none() {
        return Ok(false);
    }
    store::insert_use(tx, file, &used).await?;
    Ok(true)
}

/// Removes uploads that were interrupted, and files that nothing has used for long.
///
/// # Errors
/// 503; what is left is for the next sweep.
pub async fn sweep(app: &App) -> Result<()> {
    let now = app.clock.now();
    let before = |age: Duration| Timestamp::from_millis(now.as_millis() - age.as_millis() as i64);
    for (state, age) in [
        ("removing", Duration::ZERO),
        ("uploading", INTERRUPTED),
        ("stored", app.config.files.unused_kept),
    ] {
        for (id, key) in store::unused(&app.db, state, before(age), SWEPT).await? {
            let mut tx = app.begin().await?;
            let removing = store::set_removing(&mut tx, &id).await?;
            tx.commit().await?;
            if removing {
                app.files.remove(&key).await.map_err(FileError::from)?;
                let mut tx = app.begin().await?;
                store::delete(&mut tx, &id).await?;
                tx.commit().await?;
            }
        }
    }
    let swept = spool::sweep(&app.config.files.folder, now, INTERRUPTED).await;
    swept.map_err(|error| FileError::from(StorageError::from(error)).into())
}
