//! Files as clients see them, what they are used for, and who may read them.

use events::documents::Attachment;
use events::{ChatId, DisputeId, FileId, MessageId, RequestId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::content::Size;

/// The path under which a file is fetched.
pub fn url(id: &FileId) -> String {
    format!("/api/files/{id}")
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// The file.
    #[serde(rename = "_id")]
    pub id: FileId,
    /// Its name.
    #[schema(examples("layout.png"))]
    pub name: String,
    /// Its media type, found by its bytes.
    #[schema(examples("image/png"))]
    pub mime_type: String,
    /// Its size in bytes.
    pub size: i64,
    /// The width of an image, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub width: Option<u32>,
    /// The height of an image, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub height: Option<u32>,
    /// Where it is fetched, relative to the server.
    #[schema(examples("/api/files/01934e5a-6f00-7000-8000-00000000002a"))]
    pub url: String,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// The form of an upload.
#[derive(ToSchema)]
pub struct FileForm {
    /// The file, with its name.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

/// A file as it was uploaded.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "for the document: files are streams of bytes")]
pub struct FileBytes(Vec<u8>);

/// A file's row.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The file.
    pub id: FileId,
    /// Who uploaded it.
    pub owner: UserId,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// Its size in bytes.
    pub size: i64,
    /// Of images.
    pub dimensions: Option<Size>,
    /// Its name in the store.
    pub key: String,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

impl Stored {
    /// As its uploader sees it.
    pub fn document(&self) -> File {
        File {
            id: self.id.clone(),
            name: self.name.clone(),
            mime_type: self.mime_type.clone(),
            size: self.size,
            width: self.dimensions.map(|size| size.width),
            height: self.dimensions.map(|size| size.height),
            url: url(&self.id),
            created_at: self.created_at,
        }
    }

    /// As it hangs on a message.
    pub fn attachment(&self) -> Attachment {
        Attachment {
            id: self.id.clone(),
            name: self.name.clone(),
            mime_type: self.mime_type.clone(),
            size: u64::try_from(self.size).unwrap_or_default(),
            url: url(&self.id),
        }
    }
}

/// What a file is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// It hangs on a message: for the participants of the chat.
    Message {
        /// The chat.
        chat: ChatId,
        /// The message.
        message: MessageId,
    },
    /// It is a user's picture: for everyone.
    Avatar(UserId),
    /// It is evidence in a dispute: for the parties of the deal and administrators.
    Evidence {
        /// The dispute.
        dispute: DisputeId,
        /// The deal's request.
        request: RequestId,
    },
}

impl Use {
    /// Its kind, what it is used by, and who may see it by that, as rows hold them.
    pub(super) fn columns(&self) -> (&'static str, &str, &str) {
        match self {
            Self::Message { chat, message } => ("message", message.as_str(), chat.as_str()),
            Self::Avatar(user) => ("avatar", user.as_str(), user.as_str()),
            Self::Evidence { dispute, request } => ("evidence", dispute.as_str(), request.as_str()),
        }
    }
}

/// Who may read a file by one of its uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Who may read the chat.
    Chat(ChatId),
    /// Everyone, also without a token.
    Everyone,
    /// The buyer and the chosen seller of the request, and administrators.
    Parties(RequestId),
}
