//! What a chat refuses.

use http::StatusCode;

use crate::error::Coded;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// Only groups gain and lose participants.
    #[error("Who takes part in this chat does not change")]
    MembersFixed,
    /// A group has so many participants at most.
    #[error("A group has {0} participants at most")]
    Full(usize),
    /// The message is a tombstone.
    #[error("The message was deleted")]
    Deleted,
}

impl Coded for ChatError {
    fn status(&self) -> StatusCode {
        StatusCode::CONFLICT
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MembersFixed => "members_fixed",
            Self::Full(_) => "chat_full",
            Self::Deleted => "message_deleted",
        }
    }
}
