//! Files in a folder: `<folder>/<first two letters of the name>/<name>`.

use std::io;
use std::path::{Path, PathBuf};

use axum::body::Body;
use tokio::fs;
use tokio_util::io::ReaderStream;

use super::{Spool, StorageError};

/// A folder.
pub struct Folder(PathBuf);

impl Folder {
    /// This folder, which is made when the first file comes.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Names are made by this program: letters and digits.
    fn path(&self, key: &str) -> PathBuf {
        self.0.join(key.get(..2).unwrap_or("__")).join(key)
    }

    pub(super) async fn keep(&self, key: &str, spool: Spool) -> Result<(), StorageError> {
        let path = self.path(key);
        let parent = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(parent).await?;
        spool.move_to(&path).await?;
        // The file's name is on disk when its folder is, and that when its own is.
        for folder in [parent, &self.0] {
            fs::File::open(folder).await?.sync_all().await?;
        }
        Ok(())
    }

    pub(super) async fn read(&self, key: &str) -> Result<Body, StorageError> {
        match fs::File::open(self.path(key)).await {
            Ok(file) => Ok(Body::from_stream(ReaderStream::with_capacity(file, 64 * 1024))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StorageError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), StorageError> {
        match fs::remove_file(self.path(key)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
