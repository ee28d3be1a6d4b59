//! The journal over REST: for clients without recovery, and for services that emit.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use events::session::{RoomErrorEvent, Session as SessionEvent};
use events::{Access, Audience, Event as _, Room, Timestamp};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{ApiError, ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Query};
use crate::idempotency;
use crate::journal::EntryKind;
use crate::realtime::joins::{self, Membership};

/// Most events of one answer.
const LIMIT_MAX: usize = 1000;
/// Events of an answer where nothing else is asked for.
const LIMIT: usize = 100;
/// Entries that one request looks at; where none is for the caller, the next offset goes on.
const SCAN_MAX: usize = 5_000;
/// Entries read at once.
const PAGE: i64 = 500;
/// The longest name of an event, in bytes.
const NAME_MAX: usize = 100;
/// The longest id of an emission, in bytes.
const ID_MAX: usize = 200;
/// Names that the Socket.IO protocol keeps for itself.
const PROTOCOL: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
/// Events that speak of the socket itself: the server alone knows.
const OWN: [&str; 2] = [SessionEvent::NAME, RoomErrorEvent::NAME];

/// The routes of this folder.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(emit))
}

/// From where on, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// An offset: of an event, of `session`, or `next` of an answer. Without one the answer holds
    /// no events and the offset of now.
    after: Option<String>,
    /// How many events at most, 1 to 1000; 100 without it.
    limit: Option<usize>,
}

/// Events, and where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// The events behind the offset, in order.
    pub events: Vec<PastEvent>,
    /// The offset to go on from.
    pub next: String,
    /// Whether there may be more.
    pub has_more: bool,
    /// The offset was too old, or of no use here: fetch anew what you show, then go on from
    /// `next`.
    pub reset: bool,
}

/// An event that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PastEvent {
    /// Its name.
    pub event: String,
    /// Its argument.
    #[schema(value_type = serde_json::Value)]
    pub data: Box<RawValue>,
    /// Its offset.
    pub offset: String,
    /// When it happened.
    pub created_at: Timestamp,
}

/// The caller's own events: those of the rooms that the caller may be in.
#[utoipa::path(get, path = "/api/events", tag = "events", params(EventsQuery),
    responses(
        (status = 200, description = "Events in order.", body = Data<EventPage>),
        (status = 401, description = "`unauthorized`, `token_…`: no valid token.", body = ErrorBody),
        (status = 422, description = "`validation_failed`: a wrong limit.", body = ErrorBody)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventsQuery>,
) -> Result<Data<EventPage>> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let message = format!("must be between 1 and {LIMIT_MAX}");
        return Err(ApiError::invalid_field("limit", message));
    }
    let epoch = app.journal.epoch();
    let head = app.journal.head().await?;
    let after = match &query.after {
        None => Some(head),
        Some(offset) => epoch.position(offset).filter(|position| *position <= head),
    };
    let reset =
        || EventPage { events: Vec::new(), next: epoch.offset(head), has_more: false, reset: true };
    let Some(after) = after else { return Ok(Data::new(reset())) };
    let mut reader = Reader { app: &app, caller: &caller, members: HashMap::new() };
    let (mut events, mut cursor, mut looked_at) = (Vec::new(), after, 0);
    let has_more = loop {
        let page = app.journal.page(cursor, PAGE).await?;
        if page.first().is_some_and(|first| first.position != cursor + 1) {
            return Ok(Data::new(reset()));
        }
        let is_last = (page.len() as i64) < PAGE;
        looked_at += page.len();
        let mut is_full = false;
        for read in page {
            if events.len() == limit {
                is_full = true;
                break;
            }
            cursor = read.position;
            let Some(entry) = read.entry else { continue };
            let EntryKind::Event { name, audience, payload } = entry.kind else { continue };
            if reader.may_see(&audience).await? {
                let offset = epoch.offset(cursor);
                let created_at = entry.created_at;
                events.push(PastEvent { event: name, data: payload, offset, created_at });
            }
        }
        if is_full || (looked_at >= SCAN_MAX && !is_last) {
            break true;
        }
        if is_last {
            break false;
        }
    };
    Ok(Data::new(EventPage { events, next: epoch.offset(cursor), has_more, reset: false }))
}

/// Whose events are read, and of which rooms it is known whether the caller may be in them.
struct Reader<'a> {
    app: &'a App,
    caller: &'a Caller,
    members: HashMap<Room, bool>,
}

impl Reader<'_> {
    async fn may_see(&mut self, audience: &Audience) -> Result<bool> {
        let me = &self.caller.user_id;
        if audience.only.as_ref().is_some_and(|only| only != me)
            || audience.except.as_ref() == Some(me)
        {
            return Ok(false);
        }
        for room in &audience.rooms {
            if self.is_mine(room).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// By the rules of `strict` access: in `open` one may be in any room, but these are not the
    /// own ones.
    async fn is_mine(&mut self, room: &Room) -> Result<bool> {
        if *room == Room::Everyone {
            return Ok(true);
        }
        if self.caller.is_admin() {
            // Administrators may be anywhere; theirs are the admins' and their own.
            return Ok(match room {
                Room::Admins => true,
                Room::User(id) => *id == self.caller.user_id,
                _ => false,
            });
        }
        match joins::by_token(Access::Strict, Some(self.caller), room) {
            Membership::Yes => Ok(true),
            Membership::No => Ok(false),
            Membership::Ask => {
                if let Some(known) = self.members.get(room) {
                    return Ok(*known);
                }
                let is_member = joins::is_member(self.app, self.caller, room).await?;
                self.members.insert(room.clone(), is_member);
                Ok(is_member)
            }
        }
    }
}

/// An event of another process.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct EmitBody {
    /// Its name; any but those of the Socket.IO protocol, `session`, `room-error`, and names that
    /// begin with `$`.
    #[schema(min_length = 1, max_length = 100)]
    pub event: String,
    /// Its room; without one, or with `*`, every socket gets it.
    #[schema(value_type = Option<String>)]
    pub room: Option<Room>,
    /// Its argument, any JSON; null without it.
    #[schema(value_type = Option<serde_json::Value>)]
    pub data: Option<Box<RawValue>>,
    /// Makes it happen once, however often it is sent within 24 hours.
    #[schema(max_length = 200)]
    pub id: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Emitted {
    /// Whether it was emitted before, under the same `id`.
    pub repeated: bool,
}

/// Emits an event from another process, journaled like any other (contract §1.7).
#[utoipa::path(post, path = "/api/realtime/emit", tag = "events", request_body = EmitBody,
    params(("X-Service-Key" = String, Header, description = "`SERVICE_KEY`.")),
    responses(
        (status = 202, description = "It is in the journal.", body = Data<Emitted>),
        (status = 400, description = "`bad_request`: no JSON.", body = ErrorBody),
        (status = 401, description = "`invalid_service_key`: a wrong one, or none.",
            body = ErrorBody),
        (status = 404, description = "`not_found`: `SERVICE_KEY` is not set.", body = ErrorBody),
        (status = 422, description = "`validation_failed`; `idempotency_key_reused`: this `id` was \
            another event's.", body = ErrorBody)))]
pub async fn emit(
    State(app): State<App>,
    headers: HeaderMap,
    body: std::result::Result<Body<EmitBody>, ApiError>,
) -> Result<Response> {
    check_key(&app, &headers)?;
    let body = body?;
    let EmitBody { event, room, data, id } = body.value;
    check_name(&event)?;
    if id.as_ref().is_some_and(|id| id.is_empty() || id.len() > ID_MAX) {
        let message = format!("must have 1 to {ID_MAX} bytes");
        return Err(ApiError::invalid_field("id", message));
    }
    let mut tx = app.begin().await?;
    let is_new = match &id {
        Some(id) => {
            idempotency::first_of(&mut tx, "POST /api/realtime/emit", id, body.digest).await?
        }
        None => true,
    };
    if is_new {
        let data = data.unwrap_or_else(|| RawValue::NULL.to_owned());
        tx.emit_to_room(room.unwrap_or(Room::Everyone), &event, &data)?;
    }
    tx.answer(StatusCode::ACCEPTED, &Emitted { repeated: !is_new }).await
}

/// Compares hashes: their comparison tells nothing of the key by the time that it takes.
fn check_key(app: &App, headers: &HeaderMap) -> Result<()> {
    let Some(key) = &app.config.auth.service_key else { return Err(ApiError::not_found()) };
    let given = headers.get("x-service-key").map(http::HeaderValue::as_bytes).unwrap_or_default();
    if Sha256::digest(given) == Sha256::digest(key.expose()) {
        return Ok(());
    }
    let message = "X-Service-Key is missing or wrong";
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_service_key", message))
}

fn check_name(event: &str) -> Result<()> {
    let invalid = |message: &'static str| Err(ApiError::invalid_field("event", message));
    if event.is_empty() || event.len() > NAME_MAX || event.chars().any(char::is_control) {
        return invalid("must have 1 to 100 bytes and no control characters");
    }
    if event.starts_with('$') || PROTOCOL.contains(&event) || OWN.contains(&event) {
        return invalid("is a reserved name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_refused() {
        for name in ["", "$control", "$", "connect", "disconnect", "session", "room-error", "a\nb"]
        {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["price-drop", "new-notification", "مرحبا", "a b"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }
}
