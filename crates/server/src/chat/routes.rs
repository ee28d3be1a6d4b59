//! `/api/chat`.

use axum::extract::State;
use axum::response::Response;
use events::documents::ChatMessage;
use events::{ChatId, MessageId, UserId};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{
    AddParticipants, ChatQuery, CreateChat, CreateRequestChat, EditMessage, MarkRead, MessageQuery,
    SendMessage,
};
use super::model::{Chat, MessagePage, ReadReceipt};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Empty, Id, Ids, Listing, Query, done};
use crate::idempotency::{Begun, Idempotency};

/// What an idempotency key stands for where there is no body.
const NO_BODY: [u8; 32] = [0; 32];

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(create_for_request))
        .routes(routes!(create_for_support))
        .routes(routes!(get))
        .routes(routes!(send, messages))
        .routes(routes!(edit, delete))
        .routes(routes!(read))
        .routes(routes!(add_participants))
        .routes(routes!(remove_participant))
}

fn status(fresh: bool) -> StatusCode {
    if fresh { StatusCode::CREATED } else { StatusCode::OK }
}

/// Begins a direct chat or a group.
///
/// There is one direct chat for each pair of users: where it is there, it is the answer.
#[utoipa::path(post, path = "/api/chat", tag = "chat", request_body = CreateChat,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 200, description = "The chat that the pair has.", body = Data<Chat>),
              (status = 201, description = "Begun.", body = Data<Chat>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 409, description = "`idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateChat>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let begun = service::create(&mut tx, &caller, body.value).await?;
    tx.answer(status(begun.fresh), &begun.chat).await
}

/// Begins the chat of a purchase request's buyer with a seller.
///
/// For the buyer, with a seller who may know of the request, and for that seller. There is one for
/// each request and seller: where it is there, it is the answer.
#[utoipa::path(post, path = "/api/chat/purchase-request", tag = "chat",
    request_body = CreateRequestChat,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 200, description = "The chat that there is.", body = Data<Chat>),
              (status = 201, description = "Begun.", body = Data<Chat>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the buyer and the seller; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`: no such request", body = ErrorBody),
              (status = 409, description = "`idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn create_for_request(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateRequestChat>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let begun = service::create_for_request(&mut tx, &caller, body.value).await?;
    tx.answer(status(begun.fresh), &begun.chat).await
}

/// Begins the caller's chat with the support.
///
/// For buyers and sellers. There is one for each of them: where it is there, it is the answer.
#[utoipa::path(post, path = "/api/chat/support", tag = "chat",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 200, description = "The chat that there is.", body = Data<Chat>),
              (status = 201, description = "Begun.", body = Data<Chat>),
              (status = 400, description = "`bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: not for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 409, description = "`idempotency_in_progress`", body = ErrorBody),
              (status = 422, description = "`idempotency_key_reused`", body = ErrorBody)))]
async fn create_for_support(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, NO_BODY).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let begun = service::create_for_support(&mut tx, &caller).await?;
    tx.answer(status(begun.fresh), &begun.chat).await
}

/// Lists the chats that the caller takes part in, those with the newest messages first.
///
/// Administrators have every chat with the support among theirs.
#[utoipa::path(get, path = "/api/chat", tag = "chat", params(ChatQuery),
    responses((status = 200, description = "A page.", body = Listing<Chat>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ChatQuery>,
) -> Result<Listing<Chat>> {
    service::list(&app, &caller, &query).await
}

/// One chat. For those who take part in it, and administrators.
#[utoipa::path(get, path = "/api/chat/{id}", tag = "chat",
    params(("id" = ChatId, Path, description = "The chat.")),
    responses((status = 200, description = "The chat.", body = Data<Chat>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn get(State(app): State<App>, caller: Caller, Id(id): Id<ChatId>) -> Result<Data<Chat>> {
    let mut tx = app.db.begin_read().await?;
    Ok(Data::new(service::find(&mut tx, &caller, &id).await?))
}

/// Sends a message (`new-message`).
///
/// A message that is sent again under the same `clientMessageId` is not sent twice: the answer is
/// the one that there is.
#[utoipa::path(post, path = "/api/chat/{id}/messages", tag = "chat", request_body = SendMessage,
    params(("id" = ChatId, Path, description = "The chat."),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    responses((status = 200, description = "It was sent before.", body = Data<ChatMessage>),
              (status = 201, description = "Sent.", body = Data<ChatMessage>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for those who take part; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn send(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChatId>,
    idempotency: Idempotency,
    body: Body<SendMessage>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let sent = service::send(&mut tx, &caller, &id, body.value).await?;
    tx.answer(status(sent.fresh), &sent.message).await
}

/// Messages of a chat, in the order in which they were sent.
///
/// Without parameters the newest page. With `before` the page before that message or time, with
/// `after` the page after it; with both, what is between, from its end. With `q` the messages that
/// hold the text.
#[utoipa::path(get, path = "/api/chat/{id}/messages", tag = "chat",
    params(("id" = ChatId, Path, description = "The chat."), MessageQuery),
    responses((status = 200, description = "A page.", body = MessagePage),
              (status = 400, description = "`bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn messages(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChatId>,
    Query(query): Query<MessageQuery>,
) -> Result<MessagePage> {
    service::page(&app, &caller, &id, &query).await
}

/// Gives a message another text (`message-edited`). For its sender.
#[utoipa::path(patch, path = "/api/chat/{id}/messages/{messageId}", tag = "chat",
    request_body = EditMessage,
    params(("id" = ChatId, Path, description = "The chat."),
           ("messageId" = MessageId, Path, description = "The message.")),
    responses((status = 200, description = "The message as it is now.", body = Data<ChatMessage>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its sender; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`message_deleted`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn edit(
    State(app): State<App>,
    caller: Caller,
    Ids(id, message): Ids<ChatId, MessageId>,
    body: Body<EditMessage>,
) -> Result<Data<ChatMessage>> {
    let mut tx = app.begin().await?;
    let message = service::edit(&mut tx, &caller, &id, &message, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(message))
}

/// Deletes a message (`message-deleted`); a tombstone remains. For its sender.
#[utoipa::path(delete, path = "/api/chat/{id}/messages/{messageId}", tag = "chat",
    params(("id" = ChatId, Path, description = "The chat."),
           ("messageId" = MessageId, Path, description = "The message.")),
    responses((status = 200, description = "The tombstone.", body = Data<ChatMessage>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its sender; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Ids(id, message): Ids<ChatId, MessageId>,
) -> Result<Data<ChatMessage>> {
    let mut tx = app.begin().await?;
    let message = service::delete(&mut tx, &caller, &id, &message).await?;
    tx.commit().await?;
    Ok(Data::new(message))
}

/// Marks the messages up to one as read (`messages-read`).
///
/// Only messages of others count. What was read stays read: an older message changes nothing.
#[utoipa::path(post, path = "/api/chat/{id}/read", tag = "chat", request_body = MarkRead,
    params(("id" = ChatId, Path, description = "The chat.")),
    responses((status = 200, description = "What became read.", body = Data<ReadReceipt>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for those who take part; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn read(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChatId>,
    body: Body<MarkRead>,
) -> Result<Data<ReadReceipt>> {
    let mut tx = app.begin().await?;
    let receipt = service::mark_read(&mut tx, &caller, &id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(receipt))
}

/// Adds users to a group (`participants-added`). For its owner and administrators.
#[utoipa::path(post, path = "/api/chat/{id}/participants", tag = "chat",
    request_body = AddParticipants,
    params(("id" = ChatId, Path, description = "The chat.")),
    responses((status = 200, description = "The chat as it is now.", body = Data<Chat>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its owner and administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`members_fixed`, `chat_full`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn add_participants(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChatId>,
    body: Body<AddParticipants>,
) -> Result<Data<Chat>> {
    let mut tx = app.begin().await?;
    let chat = service::add_participants(&mut tx, &caller, &id, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(chat))
}

/// Takes a participant out of a group (`participant-removed`).
///
/// For the participant, who leaves, the group's owner, and administrators. Whoever is out may no
/// longer read the chat; an owner who leaves is followed by who has taken part for longest.
#[utoipa::path(delete, path = "/api/chat/{id}/participants/{userId}", tag = "chat",
    params(("id" = ChatId, Path, description = "The chat."),
           ("userId" = UserId, Path, description = "The participant.")),
    responses((status = 200, description = "Out.", body = Data<Empty>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the participant, the owner and administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`members_fixed`", body = ErrorBody)))]
async fn remove_participant(
    State(app): State<App>,
    caller: Caller,
    Ids(id, user): Ids<ChatId, UserId>,
) -> Result<Data<Empty>> {
    let mut tx = app.begin().await?;
    service::remove_participant(&mut tx, &caller, &id, &user).await?;
    tx.commit().await?;
    Ok(done())
}
