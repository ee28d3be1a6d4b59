//! `/api/notifications`: the caller's own.

use axum::extract::State;
use events::NotificationId;
use events::documents::Notification;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{AllRead, NotificationQuery, Preferences, UnreadCount};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Empty, Id, Listing, Query, done};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(unread_count))
        .routes(routes!(mark_read))
        .routes(routes!(mark_all_read))
        .routes(routes!(delete))
        .routes(routes!(preferences, set_preferences))
}

/// Lists the caller's notifications, newest first.
#[utoipa::path(get, path = "/api/notifications", tag = "notifications",
    params(NotificationQuery),
    responses((status = 200, description = "A page.", body = Listing<Notification>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<NotificationQuery>,
) -> Result<Listing<Notification>> {
    service::list(&app, &caller, &query).await
}

/// Says how many notifications the caller has not read.
#[utoipa::path(get, path = "/api/notifications/unread-count", tag = "notifications",
    responses((status = 200, description = "The number.", body = Data<UnreadCount>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody)))]
async fn unread_count(State(app): State<App>, caller: Caller) -> Result<Data<UnreadCount>> {
    service::unread_count(&app, &caller).await.map(Data::new)
}

/// Marks a notification as read. Again is no change.
#[utoipa::path(patch, path = "/api/notifications/{id}/read", tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification.")),
    responses((status = 200, description = "The notification.", body = Data<Notification>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn mark_read(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<NotificationId>,
) -> Result<Data<Notification>> {
    let mut tx = app.begin().await?;
    let notification = service::mark_read(&mut tx, &caller, &id).await?;
    tx.commit().await?;
    Ok(Data::new(notification))
}

/// Marks all of the caller's notifications as read.
#[utoipa::path(patch, path = "/api/notifications/mark-all-read", tag = "notifications",
    responses((status = 200, description = "How many became read.", body = Data<AllRead>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody)))]
async fn mark_all_read(State(app): State<App>, caller: Caller) -> Result<Data<AllRead>> {
    let mut tx = app.begin().await?;
    let read = service::mark_all_read(&mut tx, &caller).await?;
    tx.commit().await?;
    Ok(Data::new(read))
}

/// Deletes a notification.
#[utoipa::path(delete, path = "/api/notifications/{id}", tag = "notifications",
    params(("id" = NotificationId, Path, description = "The notification.")),
    responses((status = 200, description = "It is gone.", body = Data<Empty>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<NotificationId>,
) -> Result<Data<Empty>> {
    let mut tx = app.begin().await?;
    service::delete(&mut tx, &caller, &id).await?;
    tx.commit().await?;
    Ok(done())
}

/// Says what the caller wants to hear of, and how.
#[utoipa::path(get, path = "/api/notifications/preferences", tag = "notifications",
    responses((status = 200, description = "Every category.", body = Data<Preferences>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody)))]
async fn preferences(State(app): State<App>, caller: Caller) -> Result<Data<Preferences>> {
    service::preferences(&app, &caller).await.map(Data::new)
}

/// Replaces what the caller wants to hear of. What is left out takes its default.
#[utoipa::path(put, path = "/api/notifications/preferences", tag = "notifications",
    request_body = Preferences,
    responses((status = 200, description = "As they are now.", body = Data<Preferences>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn set_preferences(
    State(app): State<App>,
    caller: Caller,
    body: Body<Preferences>,
) -> Result<Data<Preferences>> {
    let mut tx = app.begin().await?;
    let preferences = service::set_preferences(&mut tx, &caller, body.value).await?;
    tx.commit().await?;
    Ok(Data::new(preferences))
}
