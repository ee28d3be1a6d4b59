//! What administrators do with endpoints.

use std::time::Duration;

use events::{Timestamp, WebhookDeliveryId, WebhookId};

use super::model::{
    CreateWebhook, CreatedWebhook, DeliveryQuery, DeliveryStatus, Webhook, WebhookDelivery,
    not_finished,
};
use super::store::{self, Endpoint};
use super::{run, signature, target};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing, Page};
use crate::journal::Tx;

/// How long finished deliveries are kept.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// Makes an endpoint: it gets what happens from now on.
///
/// # Errors
/// 422 for a URL that is no target.
pub async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    body: CreateWebhook,
) -> Result<CreatedWebhook> {
    let url = body.url.trim().to_owned();
    target::check(&url, app.config.webhooks.allow_private)
        .map_err(|error| ApiError::invalid_field("url", error.to_string()))?;
    let secret = signature::secret(&app.random.bytes::<32>());
    let webhook = Webhook {
        id: tx.new_id(),
        url,
        events: body.events,
        description: body.description.trim().to_owned(),
        active: true,
        failures: 0,
        created_at: tx.now(),
    };
    let endpoint = Endpoint {
        webhook: webhook.clone(),
        secret: secret.clone(),
        position: app.journal.head().await?,
        next_try_at: Timestamp::from_millis(0),
    };
    store::insert(tx, &endpoint, &caller.user_id).await?;
    tx.schedule(run::SEND, webhook.id.as_str(), Duration::ZERO).await?;
    Ok(CreatedWebhook { webhook, secret })
}

/// One page of all endpoints.
///
/// # Errors
/// 503.
pub async fn list(app: &App, page: Page) -> Result<Listing<Webhook>> {
    let (rows, total) = store::list(&app.db, page).await?;
    Ok(page.listing(rows, total))
}

/// Deletes an endpoint and its deliveries.
///
/// # Errors
/// 404.
pub async fn delete(tx: &mut Tx, id: &WebhookId) -> Result<()> {
    store::lock(tx, id).await?;
    if !store::delete(tx, id).await? {
        return Err(ApiError::not_found());
    }
    tx.unschedule(run::SEND, id.as_str()).await
}

/// One page of an endpoint's deliveries.
///
/// # Errors
/// 404; 422 for parameters that cannot be used.
pub async fn deliveries(
    app: &App,
    id: &WebhookId,
    query: &DeliveryQuery,
) -> Result<Listing<WebhookDelivery>> {
    let page = query.page()?;
    let mut tx = app.db.begin_read().await?;
    store::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    drop(tx);
    let (rows, total) = store::deliveries(&app.db, id, query.status, page).await?;
    Ok(page.listing(rows, total))
}

/// Has a finished delivery tried again, before all that wait; also an endpoint that was switched
/// off is tried again.
///
/// # Errors
/// 404, 409 `delivery_pending`.
pub async fn retry(tx: &mut Tx, id: &WebhookDeliveryId) -> Result<WebhookDelivery> {
    let before = store::find_delivery(tx, id).await?.ok_or_else(ApiError::not_found)?;
    let endpoint = store::lock(tx, &before.webhook_id).await?.ok_or_else(ApiError::not_found)?;
    if before.status == DeliveryStatus::Pending {
        return Err(not_finished());
    }
    let mut delivery = before.clone();
    delivery.status = DeliveryStatus::Pending;
    delivery.attempts = 0;
    delivery.finished_at = None;
    if !store::set_delivery(tx, &delivery, before.status).await? {
        return Err(not_finished());
    }
    let endpoint = &endpoint.webhook.id;
    store::set_health(tx, endpoint, true, 0, Timestamp::from_millis(0)).await?;
    tx.schedule(run::SEND, endpoint.as_str(), Duration::ZERO).await?;
    Ok(delivery)
}

/// Deletes what was finished long ago, and takes up endpoints whose errand was given up.
///
/// # Errors
/// 503.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = Timestamp::from_millis(tx.now().as_millis() - KEPT.as_millis() as i64);
    store::delete_finished(tx, before).await?;
    for id in store::active(tx).await? {
        tx.schedule_if_unset(run::SEND, id.as_str(), Duration::ZERO).await?;
    }
    Ok(())
}
