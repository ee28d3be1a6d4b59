//! What REST answers about the realtime side.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use events::{Catalog, OnlineStatus, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store;
use crate::app::App;
use crate::error::{ApiError, ErrorBody, Result, json_response};
use crate::extract::{Caller, Data, Query};

/// Most users of one question.
const IDS_MAX: usize = 100;

/// The routes of this folder.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(presence)).routes(routes!(catalog))
}

/// Whom the question is about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PresenceQuery {
    /// Ids of users, separated by commas, 100 at most.
    ids: String,
}

/// Whether a user is online.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPresence {
    /// The user.
    pub user_id: UserId,
    /// Online or offline; offline also for who was never there.
    pub status: OnlineStatus,
    /// When the user was last there: now, for who is. Absent for who never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_seen: Option<Timestamp>,
}

/// Who is online.
#[utoipa::path(get, path = "/api/users/presence", tag = "users", params(PresenceQuery),
    responses(
        (status = 200, description = "One entry for each id, in their order.",
            body = Data<Vec<UserPresence>>),
        (status = 401, description = "`unauthorized`, `token_…`: no valid token.", body = ErrorBody),
        (status = 422, description = "`validation_failed`: no list of ids.", body = ErrorBody)))]
pub async fn presence(
    State(app): State<App>,
    _: Caller,
    Query(query): Query<PresenceQuery>,
) -> Result<Data<Vec<UserPresence>>> {
    let users = ids(&query.ids)?;
    let (people, now) = (&app.realtime.0.people, app.clock.now());
    let mut tx = app.db.begin_read().await?;
    let mut answer = Vec::with_capacity(users.len());
    for user_id in users {
        let (online, last_seen) = match people.seen(&user_id, now) {
            Some(last_seen) => (true, Some(last_seen)),
            None => match store::find(&mut tx, &user_id).await? {
                Some(seen) => (seen.online, Some(if seen.online { now } else { seen.last_seen })),
                None => (false, None),
            },
        };
        let status = if online { OnlineStatus::Online } else { OnlineStatus::Offline };
        answer.push(UserPresence { user_id, status, last_seen });
    }
    Ok(Data::new(answer))
}

fn ids(text: &str) -> Result<Vec<UserId>> {
    let invalid = |message: String| ApiError::invalid_field("ids", message);
    let ids: Vec<&str> = text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > IDS_MAX {
        return Err(invalid(format!("takes 1 to {IDS_MAX} ids")));
    }
    ids.into_iter().map(|id| id.parse().map_err(|error| invalid(format!("{error}")))).collect()
}

/// All events, in both directions: names, payloads, rooms.
#[utoipa::path(get, path = "/api/events/catalog", tag = "events",
    responses((status = 200, description = "The catalogue.", body = Data<Catalog>)))]
pub async fn catalog() -> Result<Response> {
    /// It never changes, and it is large.
    static CATALOG: LazyLock<serde_json::Result<Box<RawValue>>> =
        LazyLock::new(|| serde_json::value::to_raw_value(&Data::new(events::catalog())));
    match &*CATALOG {
        Ok(json) => Ok(json_response(StatusCode::OK, json.clone())),
        Err(error) => Err(ApiError::internal(error)),
    }
}
