//! What is no file to be kept.

use std::borrow::Cow;

use http::StatusCode;

use super::content::Refused;
use super::storage::StorageError;
use crate::error::Coded;

/// A refusal, or a store that does not answer.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is larger than `FILES_MAX`, in bytes.
    #[error("A file may have {0} bytes at most")]
    TooLarge(usize),
    /// The body is no form.
    #[error("The body must be multipart/form-data with a boundary")]
    NotAForm,
    /// The form is broken.
    #[error("The form cannot be read: {0}")]
    MalformedForm(String),
    /// Nothing came for a while.
    #[error("The body did not arrive in time")]
    TooSlow,
    /// By its bytes.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The name has the extension of another type.
    #[error("The name does not fit what the file is: {0}")]
    NameMismatch(&'static str),
    /// The store.
    #[error("The file store: {0}")]
    Storage(#[from] StorageError),
}

impl Coded for FileError {
    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotAForm | Self::Refused(Refused::NotAllowed) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::MalformedForm(_) | Self::TooSlow => StatusCode::BAD_REQUEST,
            Self::Refused(_) | Self::NameMismatch(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "payload_too_large",
            Self::NotAForm => "unsupported_media_type",
            Self::MalformedForm(_) => "malformed_form",
            Self::TooSlow => "upload_timed_out",
            Self::Refused(Refused::NotAllowed) => "file_type_not_allowed",
            Self::Refused(Refused::Malformed) => "file_malformed",
            Self::Refused(Refused::TooManyPixels) => "image_too_large",
            Self::NameMismatch(_) => "file_name_mismatch",
            Self::Storage(_) => "unavailable",
        }
    }

    fn retry_after(&self) -> Option<u64> {
        matches!(self, Self::Storage(_)).then_some(5)
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Storage(error) => {
                tracing::warn!(%error, "the file store failed");
                Cow::Borrowed("The file store cannot be reached, try again")
            }
            error => Cow::Owned(error.to_string()),
        }
    }
}
