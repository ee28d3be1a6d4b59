//! What users were notified of.

use serde_json::Value;

use super::{Actor, Emitted, TestApp};

/// The events of notifications; they come with most steps and are looked at by their own tests.
pub const NOTIFICATION_EVENTS: [&str; 2] = ["new-notification", "unread-count-update"];

impl TestApp {
    /// The events of notifications behind a position.
    pub async fn notices_after(&self, position: i64) -> Vec<Emitted> {
        let entries = self.everything_after(position).await.into_iter();
        entries.filter(|e| NOTIFICATION_EVENTS.contains(&e.name.as_str())).collect()
    }
}

impl Actor {
    /// The actor's notifications, newest first.
    pub async fn notifications(&self) -> Vec<Value> {
        let all = self.get("/api/notifications?limit=100").send().await.data(200);
        all.as_array().expect("a list").clone()
    }

    /// The types of the actor's notifications, oldest first.
    pub async fn notified(&self) -> Vec<String> {
        let all = self.notifications().await;
        all.iter().rev().map(|n| n["type"].as_str().expect("a type").to_owned()).collect()
    }

    /// How many of them are unread.
    pub async fn unread_count(&self) -> i64 {
        let answer = self.get("/api/notifications/unread-count").send().await.data(200);
        answer["unreadCount"].as_i64().expect("a number")
    }
}
