//! Chats and messages.

use serde_json::{Value, json};

use super::market::Market;
use super::{Body, NOBODY, NOBODYS, Object, Row, World};
use crate::support::chat::CHATS;
use crate::support::market::id;

/// A chat with a message of `buyer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chat {
    /// Of `buyer` and `seller`.
    Direct,
    /// Of `buyer`, who owns it, and `seller`.
    Group,
    /// Of `buyer`.
    Support,
}

/// Makes the chat; `{messageId}` is the message in it, and `{userId}` `seller`.
pub async fn make(world: &mut World, object: Chat) -> String {
    let (buyer, seller) = (world.buyer().clone(), world.seller().clone());
    let chat = match object {
        Chat::Direct => buyer.chat_with(&seller).await,
        Chat::Group => buyer.group(&[&seller]).await,
        Chat::Support => {
            let answer = buyer.post(&format!("{CHATS}/support")).send().await;
            answer.data(if answer.status == 200 { 200 } else { 201 })
        }
    };
    let message = buyer.say(&chat, "Hello").await;
    world.params.insert("messageId", id(&message).to_owned());
    world.params.insert("userId", seller.id.to_string());
    id(&chat).to_owned()
}

fn direct(world: &World) -> Value {
    json!({ "type": "direct", "participantIds": [world.seller().id] })
}

fn for_request(world: &World) -> Value {
    let request = world.made.as_ref().map(|(_, id)| id);
    json!({ "purchaseRequestId": request, "sellerId": world.seller().id })
}

fn read(world: &World) -> Value {
    json!({ "upToMessageId": world.params.get("messageId").map_or(NOBODY, String::as_str) })
}

fn rival(world: &World) -> Value {
    json!({ "userIds": [world.caller(4).id] })
}

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    let on = |route, body, chat, allowed| row(route, body, Object::Chat(chat), allowed, NOBODYS);
    let content = Body::Text(r#"{"content": "Hello"}"#);
    let other = Body::Text(r#"{"content": "Good bye"}"#);
    let patch = "PATCH /api/chat/{id}/messages/{messageId}";
    let delete = "DELETE /api/chat/{id}/messages/{messageId}";
    vec![
        row(
            "POST /api/chat",
            Body::Of(direct),
            Object::Nothing,
            // Nobody chats with themselves.
            [401, 201, 201, 422, 201, 201],
            None,
        ),
        row(
            "POST /api/chat/purchase-request",
            Body::Of(for_request),
            Object::Market(Market::Request),
            [401, 201, 404, 201, 403, 403],
            None,
        ),
        row(
            "POST /api/chat/support",
            Body::None,
            Object::Nothing,
            [401, 201, 201, 201, 201, 403],
            None,
        ),
        row("GET /api/chat", Body::None, Object::Nothing, [401, 200, 200, 200, 200, 200], None),
        on("GET /api/chat/{id}", Body::None, Chat::Direct, [401, 200, 404, 200, 404, 200]),
        on("GET /api/chat/{id}", Body::None, Chat::Support, [401, 200, 404, 404, 404, 200]),
        on("GET /api/chat/{id}/messages", Body::None, Chat::Direct, [401, 200, 404, 200, 404, 200]),
        on(
            "GET /api/chat/{id}/messages",
            Body::None,
            Chat::Support,
            [401, 200, 404, 404, 404, 200],
        ),
        on("POST /api/chat/{id}/messages", content, Chat::Direct, [401, 201, 404, 201, 404, 403]),
        on("POST /api/chat/{id}/messages", content, Chat::Support, [401, 201, 404, 404, 404, 201]),
        on(patch, other, Chat::Direct, [401, 200, 404, 403, 404, 403]),
        on(patch, other, Chat::Support, [401, 200, 404, 404, 404, 403]),
        on(delete, Body::None, Chat::Direct, [401, 200, 404, 403, 404, 403]),
        on(delete, Body::None, Chat::Support, [401, 200, 404, 404, 404, 403]),
        on(
            "POST /api/chat/{id}/read",
            Body::Of(read),
            Chat::Direct,
            [401, 200, 404, 200, 404, 403],
        ),
        on(
            "POST /api/chat/{id}/read",
            Body::Of(read),
            Chat::Support,
            [401, 200, 404, 404, 404, 200],
        ),
        on(
            "POST /api/chat/{id}/participants",
            Body::Of(rival),
            Chat::Group,
            [401, 200, 404, 403, 404, 200],
        ),
        on(
            "POST /api/chat/{id}/participants",
            Body::Of(rival),
            Chat::Direct,
            [401, 409, 404, 409, 404, 409],
        ),
        on(
            "DELETE /api/chat/{id}/participants/{userId}",
            Body::None,
            Chat::Group,
            [401, 200, 404, 200, 404, 200],
        ),
        on(
            "DELETE /api/chat/{id}/participants/{userId}",
            Body::None,
            Chat::Direct,
            [401, 409, 404, 409, 404, 409],
        ),
    ]
}
