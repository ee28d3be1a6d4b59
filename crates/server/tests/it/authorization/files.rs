//! Files.

use serde_json::json;

use super::{Body, NOBODYS, Object, Row, World, all};
use crate::support::chat::in_chat;
use crate::support::files::samples::png;
use crate::support::market::id;

/// A file of `buyer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// Nothing uses it.
    Unused,
    /// It hangs on a message to `seller`.
    Sent,
    /// It is the picture of `buyer`.
    Picture,
}

pub async fn make(world: &World, object: File) -> String {
    let buyer = world.buyer();
    let file = buyer.upload("a.png", &png(3, 2)).await;
    match object {
        File::Unused => {}
        File::Sent => {
            let chat = buyer.chat_with(world.seller()).await;
            let body = json!({ "content": "", "attachmentIds": [id(&file)] });
            buyer.post(&in_chat(&chat, "/messages")).json(&body).send().await.data(201);
        }
        File::Picture => {
            let body = json!({ "avatarId": id(&file) });
            buyer.patch("/api/auth/me").json(&body).send().await.data(200);
        }
    }
    id(&file).to_owned()
}

pub fn rows() -> Vec<Row> {
    let get = |file, allowed| {
        Row::new("GET /api/files/{id}", Body::None, Object::File(file), allowed, NOBODYS)
    };
    vec![
        // No form: who may upload is told what is missing.
        Row::new(
            "POST /api/files",
            Body::Text("{}"),
            Object::Nothing,
            [401, 415, 415, 415, 415, 415],
            None,
        ),
        get(File::Unused, [401, 200, 404, 404, 404, 404]),
        get(File::Sent, [401, 200, 404, 200, 404, 200]),
        get(File::Picture, all(200)),
    ]
}
