//! The form of an upload, read as it comes.

use std::time::Duration;

use axum::extract::Request;
use http::header;
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::error::FileError;
use super::name;
use super::storage::{Spool, StorageError};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::text::hex;

/// Longest wait for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a form has besides its file, in bytes at most.
const FORM_MAX: u64 = 64 * 1024;
/// The name of the form's only field.
const FIELD: &str = "file";

/// A file as it came, under the name that it came with.
pub(super) struct Upload {
    pub name: String,
    pub spool: Spool,
}

/// Reads a form with one file.
///
/// # Errors
/// 400, 413, 415, 422 for a form without exactly one file, and for its name; 503 when the disk does
/// not take it.
pub(super) async fn receive(app: &App, request: Request) -> Result<Upload> {
    let max = app.config.files.max;
    let (parts, body) = request.into_parts();
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let boundary = text(header::CONTENT_TYPE)
        .and_then(|value| multer::parse_boundary(value).ok())
        .ok_or(FileError::NotAForm)?;
    let length = text(header::CONTENT_LENGTH).and_then(|value| value.parse::<u64>().ok());
    let whole = max as u64 + FORM_MAX;
    if length.is_some_and(|length| length > whole) {
        return Err(FileError::TooLarge(max).into());
    }
    let limit = SizeLimit::new().whole_stream(whole).per_field(max as u64);
    let constraints = Constraints::new().size_limit(limit);
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let mut found = None;
    while let Some(field) = in_time(form.next_field()).await?.map_err(|e| broken(&e, max))? {
        if field.name() != Some(FIELD) {
            let other: String = field.name().unwrap_or("?").chars().take(100).collect();
            return Err(ApiError::invalid_field(&other, "is not a field of this form"));
        }
        if found.is_some() {
            return Err(ApiError::invalid_field(FIELD, "must be one file"));
        }
        found = Some(read(app, field).await?);
    }
    found.ok_or_else(|| ApiError::invalid_field(FIELD, "is missing"))
}

async fn read(app: &App, mut field: Field<'_>) -> Result<Upload> {
    let name = field
        .file_name()
        .ok_or_else(|| ApiError::invalid_field(FIELD, "must be a file with a name, not a text"))?;
    if let Some(problem) = name::problem(name) {
        return Err(ApiError::invalid_field(FIELD, format!("its name {problem}")));
    }
    let name = name.to_owned();
    let max = app.config.files.max;
    let disk = |error| FileError::from(StorageError::from(error));
    let aside = hex(&app.random.bytes::<16>());
    let mut spool = Spool::new(&app.config.files.folder, &aside).await.map_err(disk)?;
    while let Some(chunk) = in_time(field.chunk()).await?.map_err(|e| broken(&e, max))? {
        spool.write(&chunk).await.map_err(disk)?;
    }
    spool.finish().await.map_err(disk)?;
    Ok(Upload { name, spool })
}

async fn in_time<T>(step: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::time::timeout(PATIENCE, step).await.map_err(|_| FileError::TooSlow)?)
}

fn broken(error: &multer::Error, max: usize) -> FileError {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            FileError::TooLarge(max)
        }
        error => FileError::MalformedForm(error.to_string()),
    }
}
