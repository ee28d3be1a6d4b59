//! Short cuts to chats and messages, for tests that need some.

use serde_json::{Value, json};

use super::market::id;
use super::{Actor, Emitted, Request, TestApp};

/// Where chats are.
pub const CHATS: &str = "/api/chat";

/// The path of a chat, or of something in it.
pub fn in_chat(chat: &Value, rest: &str) -> String {
    format!("{CHATS}/{}{rest}", id(chat))
}

impl Actor {
    /// The direct chat with somebody.
    pub async fn chat_with(&self, other: &Self) -> Value {
        let body = json!({ "type": "direct", "participantIds": [other.id] });
        let answer = self.post(CHATS).json(&body).send().await;
        answer.data(if answer.status == 200 { 200 } else { 201 })
    }

    /// A new group of the actor's.
    pub async fn group(&self, others: &[&Self]) -> Value {
        let others: Vec<_> = others.iter().map(|other| &other.id).collect();
        let body = json!({ "type": "group", "title": "Group buy", "participantIds": others });
        self.post(CHATS).json(&body).send().await.data(201)
    }

    /// A message in the making.
    pub fn saying(&self, chat: &Value, content: &str) -> Request {
        self.post(&in_chat(chat, "/messages")).json(&json!({ "content": content }))
    }

    /// Sends a message and returns it.
    pub async fn say(&self, chat: &Value, content: &str) -> Value {
        self.saying(chat, content).send().await.data(201)
    }

    /// Marks messages as read, in the making.
    pub fn reading(&self, chat: &Value, up_to: &Value) -> Request {
        self.post(&in_chat(chat, "/read")).json(&json!({ "upToMessageId": id(up_to) }))
    }

    /// The chat as this actor sees it.
    pub async fn see_chat(&self, chat: &Value) -> Value {
        self.get(&in_chat(chat, "")).send().await.data(200)
    }
}

impl TestApp {
    /// The events behind a position, but those of notifications.
    pub async fn chat_events_after(&self, position: i64) -> Vec<Emitted> {
        let notices = ["new-notification", "unread-count-update"];
        let events = self.events_after(position).await.into_iter();
        events.filter(|event| !notices.contains(&event.name.as_str())).collect()
    }

    /// Their names.
    pub async fn chat_event_names_after(&self, position: i64) -> Vec<String> {
        self.chat_events_after(position).await.into_iter().map(|event| event.name).collect()
    }
}
