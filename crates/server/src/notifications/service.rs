//! What is done with notifications.

use std::time::Duration;

use db::DbError;
use events::documents::Notification;
use events::notification::{NewNotification, UnreadCountUpdate};
use events::{NotificationId, Owner, RequestId, Timestamp, UserId};

use super::mail;
use super::model::{AllRead, NotificationQuery, Preferences, UnreadCount};
use super::notice::{Deal, Notice};
use super::store::{self, Mail};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::journal::Tx;
use crate::requests;

/// How long notifications are kept (contract §3.6).
const KEPT: Duration = Duration::from_hours(90 * 24);
/// Most users whose old notifications one sweep removes; the next one goes on.
const SWEEP_USERS: i64 = 500;

/// Tells `user` of a step: stored and sent when `tx` commits, as the user's preferences say.
pub fn notify(tx: &mut Tx, user: &UserId, notice: Notice) {
    tx.remember(user.clone(), notice);
}

/// The deal of a request, for notices of those who have its id alone.
///
/// # Errors
/// 404; 503.
pub async fn deal(tx: &mut Tx, request: &RequestId) -> Result<Deal> {
    let title = requests::service::title(tx, request).await?;
    Ok(Deal { request: request.clone(), title })
}

/// Stores and sends what a transaction remembered. Called by its commit, last of all that locks
/// rows, so that users are locked in the order of their ids and only for the commit itself.
pub(crate) async fn deliver(
    tx: &mut Tx,
    mut notices: Vec<(UserId, Notice)>,
) -> Result<(), DbError> {
    // The sort is stable: a user's notices keep their order.
    notices.sort_by(|a, b| a.0.cmp(&b.0));
    for of_one in notices.chunk_by(|a, b| a.0 == b.0) {
        if let Some((user, _)) = of_one.first() {
            deliver_to(tx, user, of_one.iter().map(|(_, notice)| notice)).await?;
        }
    }
    Ok(())
}

async fn deliver_to<'a>(
    tx: &mut Tx,
    user: &UserId,
    notices: impl Iterator<Item = &'a Notice>,
) -> Result<(), DbError> {
    let account = store::lock(tx, user).await?;
    let mut last_number = account.last_number;
    for notice in notices {
        let read = notice.render();
        let channels = account.preferences.of(read.category);
        if channels.mail {
            let mail = Mail {
                id: tx.new_id(),
                user: user.clone(),
                category: read.category,
                title: read.title.to_owned(),
                body: read.body.clone(),
            };
            store::insert_mail(tx, &mail).await?;
            encoded(tx.schedule(mail::SEND, mail.id.as_str(), Duration::ZERO).await)?;
        }
        if channels.in_app {
            let notification = Notification {
                id: tx.new_id(),
                kind: read.kind.as_ref().to_owned(),
                title: read.title.to_owned(),
                body: read.body,
                data: read.data,
                created_at: tx.now(),
                read_at: None,
            };
            last_number += 1;
            store::insert(tx, user, last_number, &notification).await?;
            encoded(tx.emit(NewNotification { notification }, &Owner(user.clone())))?;
        }
    }
    let stored = last_number - account.last_number;
    if stored > 0 {
        store::set_last_number(tx, user, last_number).await?;
    }
    set_unread(tx, user, account.unread, account.unread + stored).await
}

/// Stores the number and tells it, where it is another one.
async fn set_unread(tx: &mut Tx, user: &UserId, from: i64, to: i64) -> Result<(), DbError> {
    if from == to {
        return Ok(());
    }
    store::set_unread(tx, user, to).await?;
    let unread_count = u32::try_from(to).unwrap_or_default();
    encoded(tx.emit(UnreadCountUpdate { unread_count }, &Owner(user.clone())))
}

/// A commit fails with errors of the database alone; these payloads can always be encoded.
fn encoded(result: Result<()>) -> Result<(), DbError> {
    result.map_err(|error| DbError::Encode(error.message.into_owned()))
}

/// One page of the caller's notifications.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn list(
    app: &App,
    caller: &Caller,
    query: &NotificationQuery,
) -> Result<Listing<Notification>> {
    let page = query.page()?;
    let (rows, total) = store::list(&app.db, &caller.user_id, query.unread_only, page).await?;
    Ok(page.listing(rows, total))
}

/// How many the caller has not read.
///
/// # Errors
/// 503.
pub async fn unread_count(app: &App, caller: &Caller) -> Result<UnreadCount> {
    Ok(UnreadCount { unread_count: store::unread(&app.db, &caller.user_id).await? })
}

/// Marks one as read; again is no change.
///
/// # Errors
/// 404.
pub async fn mark_read(tx: &mut Tx, caller: &Caller, id: &NotificationId) -> Result<Notification> {
    let user = &caller.user_id;
    let unread = store::lock(tx, user).await?.unread;
    if store::mark_read(tx, user, id).await? {
        set_unread(tx, user, unread, unread - 1).await?;
    }
    store::find(tx, user, id).await?.ok_or_else(ApiError::not_found)
}

/// Marks all as read.
///
/// # Errors
/// 503.
pub async fn mark_all_read(tx: &mut Tx, caller: &Caller) -> Result<AllRead> {
    let user = &caller.user_id;
    let unread = store::lock(tx, user).await?.unread;
    let modified_count = store::mark_all_read(tx, user).await?;
    set_unread(tx, user, unread, unread - modified_count).await?;
    Ok(AllRead { modified_count, unread_count: unread - modified_count })
}

/// Deletes one, read or not.
///
/// # Errors
/// 404.
pub async fn delete(tx: &mut Tx, caller: &Caller, id: &NotificationId) -> Result<()> {
    let user = &caller.user_id;
    let unread = store::lock(tx, user).await?.unread;
    let was_unread = store::delete(tx, user, id).await?.ok_or_else(ApiError::not_found)?;
    Ok(set_unread(tx, user, unread, unread - i64::from(was_unread)).await?)
}

/// What the caller wants to hear of.
///
/// # Errors
/// 503.
pub async fn preferences(app: &App, caller: &Caller) -> Result<Preferences> {
    Ok(store::preferences(&app.db, &caller.user_id).await?)
}

/// Replaces what the caller wants to hear of.
///
/// # Errors
/// 503.
pub async fn set_preferences(
    tx: &mut Tx,
    caller: &Caller,
    preferences: Preferences,
) -> Result<Preferences> {
    store::lock(tx, &caller.user_id).await?;
    store::set_preferences(tx, &caller.user_id, &preferences).await?;
    Ok(preferences)
}

/// Deletes what is older than it is kept.
///
/// # Errors
/// 503.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = Timestamp::from_millis(tx.now().as_millis() - KEPT.as_millis() as i64);
    for user in store::users_with_old(tx, before, SWEEP_USERS).await? {
        let unread = store::lock(tx, &user).await?.unread;
        let gone = store::delete_old(tx, &user, before).await?;
        set_unread(tx, &user, unread, unread - gone).await?;
    }
    Ok(store::delete_old_mails(tx, before).await?)
}
