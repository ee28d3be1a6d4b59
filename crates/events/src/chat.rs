//! Messages and participants (reference, "Chat"). Everything goes to `chat-<chatId>`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audience::{Access, Audience, Domain, Event, EventInfo};
use crate::catalog::EventList;
use crate::documents::{Attachment, ChatMessage};
use crate::example;
use crate::ids::{ChatId, MessageId, UserId};
use crate::rooms::Room;
use crate::time::Timestamp;

pub(crate) fn list(events: &mut EventList) {
    events.add::<NewMessage>();
    events.add::<MessagesRead>();
    events.add::<MessageEdited>();
    events.add::<MessageDeleted>();
    events.add::<ParticipantsAdded>();
    events.add::<ParticipantRemoved>();
    events.add::<UserTyping>();
}

fn chat_room(chat: &ChatId) -> Audience {
    Audience::room(Room::Chat(chat.clone()))
}

/// Somebody wrote.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    /// The chat.
    pub chat_id: ChatId,
    /// The message.
    pub message: ChatMessage,
    /// Who wrote it.
    pub sender_id: UserId,
}

impl Event for NewMessage {
    const NAME: &'static str = "new-message";
    const INFO: EventInfo =
        EventInfo::new(Domain::Chat, "A new message in the chat.", "A message is sent.");
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        chat_room(&self.chat_id)
    }

    fn examples() -> Vec<(Self, ())> {
        let attachment = Attachment {
            id: example::file(),
            name: "layout.png".to_owned(),
            mime_type: "image/png".to_owned(),
            size: 48_213,
            url: format!("/api/files/{}", example::file()),
        };
        let message = ChatMessage {
            id: example::message(),
            chat_id: example::chat(),
            content: "Is this the layout?".to_owned(),
            sender_id: example::seller(),
            created_at: example::time(),
            attachments: Some(vec![attachment]),
            client_message_id: Some("m-17".to_owned()),
            edited_at: None,
            deleted_at: None,
        };
        let event = Self { chat_id: example::chat(), message, sender_id: example::seller() };
        vec![(event, ())]
    }
}

/// Somebody read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagesRead {
    /// The chat.
    pub chat_id: ChatId,
    /// Who read.
    pub user_id: UserId,
    /// The newest message that was read.
    pub up_to_message_id: MessageId,
    /// How many messages became read.
    pub modified_count: u32,
}

impl Event for MessagesRead {
    const NAME: &'static str = "messages-read";
    const INFO: EventInfo = EventInfo::new(
        Domain::Chat,
        "A participant has read up to a message.",
        "Messages become read.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        chat_room(&self.chat_id)
    }

    fn examples() -> Vec<(Self, ())> {
        let event = Self {
            chat_id: example::chat(),
            user_id: example::user(),
            up_to_message_id: example::message(),
            modified_count: 3,
        };
        vec![(event, ())]
    }
}

/// A message has another text.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageEdited {
    /// The chat.
    pub chat_id: ChatId,
    /// The message.
    pub message_id: MessageId,
    /// Its new text.
    pub content: String,
    /// When it was edited.
    pub edited_at: Timestamp,
}

impl Event for MessageEdited {
    const NAME: &'static str = "message-edited";
    const INFO: EventInfo =
        EventInfo::new(Domain::Chat, "A message has another text.", "Its author edits a message.");
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        chat_room(&self.chat_id)
    }

    fn examples() -> Vec<(Self, ())> {
        let event = Self {
            chat_id: example::chat(),
            message_id: example::message(),
            content: "Is this the right layout?".to_owned(),
            edited_at: example::time(),
        };
        vec![(event, ())]
    }
}

/// A message is gone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageDeleted {
    /// The chat.
    pub chat_id: ChatId,
    /// The message.
    pub message_id: MessageId,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

impl Event for MessageDeleted {
    const NAME: &'static str = "message-deleted";
    const INFO: EventInfo = EventInfo::new(
        Domain::Chat,
        "A message is gone; a tombstone remains.",
        "Its author deletes a message.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        chat_room(&self.chat_id)
    }

    fn examples() -> Vec<(Self, ())> {
        let event = Self {
            chat_id: example::chat(),
            message_id: example::message(),
            deleted_at: example::time(),
        };
        vec![(event, ())]
    }
}

/// The chat has more participants.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantsAdded {
    /// The chat.
    pub chat_id: ChatId,
    /// Who is new in it.
    pub added_user_ids: Vec<UserId>,
}

impl Event for ParticipantsAdded {
    const NAME: &'static str = "participants-added";
    const INFO: EventInfo = EventInfo::new(
        Domain::Chat,
        "The chat has more participants.",
        "Users are added to a chat.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        chat_room(&self.chat_id)
    }

    fn examples() -> Vec<(Self, ())> {
        let added_user_ids = vec![example::user()];
        vec![(Self { chat_id: example::chat(), added_user_ids }, ())]
    }
}

/// The chat has one participant less.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantRemoved {
    /// The chat.
    pub chat_id: ChatId,
    /// Who is no longer in it.
    pub removed_user_id: UserId,
}

impl Event for ParticipantRemoved {
    const NAME: &'static str = "participant-removed";
    const INFO: EventInfo = EventInfo::new(
        Domain::Chat,
        "The chat has one participant less.",
        "A user leaves a chat or is removed from it.",
    );
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        chat_room(&self.chat_id)
    }

    fn examples() -> Vec<(Self, ())> {
        vec![(Self { chat_id: example::chat(), removed_user_id: example::user() }, ())]
    }
}

/// Somebody is writing, or stopped. The sender's own socket is left out by whoever sends it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserTyping {
    /// The chat.
    pub chat_id: ChatId,
    /// Who is writing.
    pub user_id: UserId,
    /// Their display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_name: Option<String>,
    /// Whether they are writing.
    pub is_typing: bool,
}

impl Event for UserTyping {
    const NAME: &'static str = "user-typing";
    const INFO: EventInfo = EventInfo::new(
        Domain::Chat,
        "Somebody in the chat is writing, or stopped. It does not go back to the sender.",
        "A client sends `typing-start` or `typing-stop`.",
    )
    .ephemeral();
    type Address = ();

    fn audience(&self, _: Access, (): &()) -> Audience {
        chat_room(&self.chat_id)
    }

    fn examples() -> Vec<(Self, ())> {
        let event = |user_name, is_typing| Self {
            chat_id: example::chat(),
            user_id: example::user(),
            user_name,
            is_typing,
        };
        vec![(event(Some("Ada".to_owned()), true), ()), (event(None, false), ())]
    }
}
