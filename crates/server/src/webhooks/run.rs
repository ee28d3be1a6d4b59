//! Sends to one endpoint: an errand that sets itself anew, so that one node at a time runs it and
//! a crash is taken up by another.

use std::time::Duration;

use bytes::Bytes;
use events::{Timestamp, WebhookId};
use http::{Request, StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;

use super::model::{DeliveryStatus, after_failure, pause};
use super::store::{self, Endpoint, NewDelivery, Stored};
use super::{signature, target};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::journal::{EntryKind, Tx};
use crate::outbound::{Answer, CallError, Limits};

/// The errand that sends to an endpoint; its key is the endpoint.
pub const SEND: &str = "webhook";

/// Entries of the journal that are looked at in one transaction.
const BATCH: i64 = 200;
/// Wait where there is nothing to send.
const IDLE: Duration = Duration::from_secs(1);
/// No call begins later than this in a run, so that the last one ends within an errand's time.
const RUN_MAX: Duration = Duration::from_secs(8);
/// What one call may cost.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(10), body_max: 64 * 1024 };
/// Longest error that is kept, in characters.
const ERROR_MAX: usize = 300;

/// What is to be done next.
enum Step {
    /// There is nothing to send before then.
    Wait(Duration),
    /// This is to be sent.
    Send(Box<(Endpoint, Stored)>),
    /// The endpoint is gone, or wants no more.
    End,
}

/// Sends what is due to an endpoint, and sets the next run.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn send(app: &App, id: &WebhookId) -> Result<()> {
    let end = tokio::time::Instant::now() + RUN_MAX;
    loop {
        let mut tx = app.begin().await?;
        let step = prepare(&mut tx, app, id).await?;
        match step {
            Step::End => return Ok(tx.commit().await?),
            Step::Wait(pause) => {
                tx.schedule(SEND, id.as_str(), pause).await?;
                return Ok(tx.commit().await?);
            }
            Step::Send(due) if tokio::time::Instant::now() < end => {
                tx.commit().await?;
                let (endpoint, stored) = *due;
                let answer = call(app, &endpoint, &stored).await;
                record(app, &endpoint, stored, answer).await?;
            }
            Step::Send(_) => {
                tx.schedule(SEND, id.as_str(), Duration::ZERO).await?;
                return Ok(tx.commit().await?);
            }
        }
    }
}

/// Takes over what is new in the journal, and finds what is due.
async fn prepare(tx: &mut Tx, app: &App, id: &WebhookId) -> Result<Step> {
    let Some(endpoint) = store::lock(tx, id).await? else { return Ok(Step::End) };
    if !endpoint.webhook.active {
        return Ok(Step::End);
    }
    let more = take_over(tx, app, &endpoint).await?;
    let wait = endpoint.next_try_at.as_millis() - tx.now().as_millis();
    if wait > 0 {
        let idle = if more { 0 } else { wait };
        return Ok(Step::Wait(Duration::from_millis(idle as u64)));
    }
    match store::next(tx, id).await? {
        Some(stored) => Ok(Step::Send(Box::new((endpoint, stored)))),
        None => Ok(Step::Wait(if more { Duration::ZERO } else { IDLE })),
    }
}

/// Makes deliveries of the journal's next entries. True where there may be more of them.
async fn take_over(tx: &mut Tx, app: &App, endpoint: &Endpoint) -> Result<bool> {
    let read = app.journal.page(endpoint.position, BATCH).await?;
    let Some(last) = read.last().map(|read| read.position) else { return Ok(false) };
    let more = read.len() as i64 == BATCH;
    for entry in read.into_iter().filter_map(|read| read.entry) {
        let EntryKind::Event { name, audience, payload } = &entry.kind else { continue };
        let wanted = endpoint.webhook.events.as_ref().is_none_or(|names| names.contains(name));
        if !wanted || audience.only.is_some() {
            continue;
        }
        let body = Message { kind: name, timestamp: entry.created_at, data: payload };
        let new = NewDelivery {
            endpoint: &endpoint.webhook.id,
            position: entry.position,
            message_id: &entry.event_id,
            event: name,
            body: serde_json::to_string(&body)?,
        };
        store::insert_delivery(tx, new).await?;
    }
    store::set_position(tx, &endpoint.webhook.id, last).await?;
    Ok(more)
}

/// What is sent (Standard Webhooks, "Payload structure").
#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    data: &'a RawValue,
}

async fn call(app: &App, endpoint: &Endpoint, stored: &Stored) -> Result<Answer, String> {
    let config = &app.config.webhooks;
    let uri = target::check(&endpoint.webhook.url, config.allow_private);
    let uri = uri.map_err(|error| error.to_string())?;
    let (id, seconds) = (&stored.delivery.message_id, app.clock.now().as_millis() / 1000);
    let signed = signature::sign(&endpoint.secret, id, seconds, &stored.body);
    let request = Request::post(uri)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("souk/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signed.ok_or("the secret is damaged")?)
        .body(Bytes::from(stored.body.clone()))
        .map_err(|error| error.to_string())?;
    match app.webhook_client.send(request, LIMITS).await {
        Ok(answer) => Ok(answer),
        // A long answer is an answer: its status is all that counts, and it is not known.
        Err(CallError::TooLarge) => Err("the answer is too large".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Stores what a try came to.
async fn record(
    app: &App,
    endpoint: &Endpoint,
    stored: Stored,
    answer: Result<Answer, String>,
) -> Result<()> {
    let mut delivery = stored.delivery;
    let mut tx = app.begin().await?;
    let id = &endpoint.webhook.id;
    // Deleted meanwhile, perhaps.
    let Some(endpoint) = store::lock(&mut tx, id).await? else { return Ok(()) };
    delivery.attempts += 1;
    let status = answer.as_ref().ok().map(|answer| answer.status);
    delivery.response_status = status.map(|status| status.as_u16());
    delivery.error = answer.err().map(|error| error.chars().take(ERROR_MAX).collect());
    let now = tx.now();
    if status.is_some_and(|status| status.is_success()) {
        delivery.status = DeliveryStatus::Delivered;
        store::set_health(&mut tx, id, true, 0, Timestamp::from_millis(0)).await?;
    } else {
        let age = now.as_millis() - delivery.created_at.as_millis();
        let age = Duration::from_millis(u64::try_from(age).unwrap_or_default());
        delivery.status = after_failure(delivery.attempts, age);
        let failures = endpoint.webhook.failures + 1;
        let next_try = now.as_millis() + pause(failures).as_millis() as i64;
        // Who answers 410 wants no more (Standard Webhooks, "Delivery").
        let active = status != Some(StatusCode::GONE);
        if !active {
            delivery.status = DeliveryStatus::Dead;
            tracing::warn!(webhook = %id, "the endpoint is gone and was switched off");
        }
        store::set_health(&mut tx, id, active, failures, Timestamp::from_millis(next_try)).await?;
    }
    let finished = delivery.status != DeliveryStatus::Pending;
    delivery.finished_at = finished.then_some(now);
    if delivery.status == DeliveryStatus::Dead {
        tracing::warn!(webhook = %id, delivery = %delivery.id, "a delivery was given up");
    }
    store::set_delivery(&mut tx, &delivery, DeliveryStatus::Pending).await?;
    tx.commit().await.map_err(ApiError::from)
}
