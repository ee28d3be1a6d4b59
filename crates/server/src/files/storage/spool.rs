//! Uploads under way: a file aside, which is removed with the upload.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use events::Timestamp;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

/// The folder of uploads, in that of files, so that a move between both is a rename.
const FOLDER: &str = "incoming";

/// An upload on disk.
pub struct Spool {
    path: PathBuf,
    file: Option<fs::File>,
    size: usize,
}

impl Spool {
    /// A new, empty file with this name.
    ///
    /// # Errors
    /// Of the disk.
    pub async fn new(folder: &Path, name: &str) -> io::Result<Self> {
        let folder = folder.join(FOLDER);
        fs::create_dir_all(&folder).await?;
        let path = folder.join(name);
        let file = fs::OpenOptions::new().write(true).create_new(true).open(&path).await?;
        Ok(Self { path, file: Some(file), size: 0 })
    }

    /// Appends.
    ///
    /// # Errors
    /// Of the disk.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        file.write_all(bytes).await?;
        self.size += bytes.len();
        Ok(())
    }

    /// Everything is written: puts it on disk.
    ///
    /// # Errors
    /// Of the disk.
    pub async fn finish(&mut self) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.flush().await?;
            file.sync_all().await?;
        }
        Ok(())
    }

    /// How much was written, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// All of it.
    ///
    /// # Errors
    /// Of the disk.
    pub async fn bytes(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.path).await
    }

    /// Gives it another name, on the same file system.
    ///
    /// # Errors
    /// Of the disk.
    pub(super) async fn move_to(self, path: &Path) -> io::Result<()> {
        // There is nothing left then that the drop could remove.
        fs::rename(&self.path, path).await
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Of a killed program it stays, until it is swept.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes what a killed program left: uploads that nobody has written to for `unchanged`.
///
/// # Errors
/// Of the disk.
pub async fn sweep(folder: &Path, now: Timestamp, unchanged: Duration) -> io::Result<()> {
    let mut files = match fs::read_dir(folder.join(FOLDER)).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        files => files?,
    };
    let before = now.as_millis() - unchanged.as_millis() as i64;
    while let Some(file) = files.next_entry().await? {
        let written = file.metadata().await?.modified()?;
        let written = written.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        if (written.as_millis() as i64) < before {
            fs::remove_file(file.path()).await?;
        }
    }
    Ok(())
}
