//! Where the bytes of files are: a folder, or a bucket of an S3-compatible store.
//!
//! What holds always here: what was kept is whole and on disk when that was answered, and what is
//! kept under a name never changes. Removing what is not there succeeds.

mod folder;
mod s3;
pub(super) mod spool;

use axum::body::Body;

pub use folder::Folder;
pub use s3::S3;
pub use spool::Spool;

use crate::config::FilesConfig;
use crate::outbound;

/// Why the store did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no such file.
    #[error("the file is not there")]
    NotFound,
    /// The disk.
    #[error("{0}")]
    Disk(#[from] std::io::Error),
    /// The bucket.
    #[error("{0}")]
    Bucket(String),
}

/// Where files are.
pub enum Storage {
    /// A folder of this machine, or one that nodes share.
    Folder(Folder),
    /// A bucket.
    S3(Box<S3>),
}

impl Storage {
    /// The store that the settings name.
    ///
    /// # Errors
    /// One line that says what cannot be used.
    pub fn open(config: &FilesConfig, client: &outbound::Client) -> Result<Self, String> {
        Ok(match &config.s3 {
            Some(s3) => Self::S3(Box::new(S3::new(s3, client.clone(), config.max)?)),
            None => Self::Folder(Folder::new(&config.folder)),
        })
    }

    /// Keeps an upload under a name.
    ///
    /// # Errors
    /// [`StorageError`]; then it is not there, or not for certain.
    pub async fn keep(&self, key: &str, spool: Spool) -> Result<(), StorageError> {
        match self {
            Self::Folder(folder) => folder.keep(key, spool).await,
            Self::S3(s3) => s3.keep(key, spool).await,
        }
    }

    /// The bytes under a name, as the body of an answer.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn read(&self, key: &str) -> Result<Body, StorageError> {
        match self {
            Self::Folder(folder) => folder.read(key).await,
            Self::S3(s3) => s3.read(key).await,
        }
    }

    /// Removes what is under a name.
    ///
    /// # Errors
    /// [`StorageError`]; then it may be there still.
    pub async fn remove(&self, key: &str) -> Result<(), StorageError> {
        match self {
            Self::Folder(folder) => folder.remove(key).await,
            Self::S3(s3) => s3.remove(key).await,
        }
    }
}
