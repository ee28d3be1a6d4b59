//! The rows of endpoints and deliveries.

use db::{Db, DbError, FromRow, Row, Value, args, sql};
use events::{Timestamp, UserId, WebhookDeliveryId, WebhookId};

use super::model::{DeliveryStatus, Webhook, WebhookDelivery};
use crate::extract::Page;
use crate::journal::Tx;

/// An endpoint as stored.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub webhook: Webhook,
    pub secret: String,
    pub position: i64,
    pub next_try_at: Timestamp,
}

impl FromRow for Endpoint {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            webhook: Webhook {
                id: row.parse("id")?,
                url: row.get("url")?,
                events: row.json_optional("events")?,
                description: row.get("description")?,
                active: row.get("active")?,
                failures: row.get("failures")?,
                created_at: Timestamp::from_millis(row.get("created_at")?),
            },
            secret: row.get("secret")?,
            position: row.get("position")?,
            next_try_at: Timestamp::from_millis(row.get("next_try_at")?),
        })
    }
}

macro_rules! endpoint_columns {
    () => {
        "id, url, secret, events, description, active, position, failures, next_try_at, created_at"
    };
}

pub async fn insert(tx: &mut Tx, endpoint: &Endpoint, by: &UserId) -> Result<(), DbError> {
    let webhook = &endpoint.webhook;
    let events = webhook.events.as_ref();
    tx.execute(
        sql!(
            "INSERT INTO webhook_endpoints (id, url, secret, events, description, active, position,
                 failures, next_try_at, created_by, created_at)
             VALUES ($1, $2, $3, $4, $5, TRUE, $6, 0, 0, $7, $8)"
        ),
        args![
            &webhook.id,
            &webhook.url,
            &endpoint.secret,
            events.map_or(Ok(Value::Null(db::Kind::Text)), Value::json)?,
            &webhook.description,
            endpoint.position,
            by,
            webhook.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

/// One page of all endpoints, newest first, and how many there are.
pub async fn list(db: &Db, page: Page) -> Result<(Vec<Webhook>, i64), DbError> {
    // Both statements look at the same state.
    let mut tx = db.begin_read().await?;
    let count = sql!("SELECT COUNT(*) AS total FROM webhook_endpoints");
    let total = tx.fetch_one(count, args![]).await?.get("total")?;
    let select = sql!(concat!(
        "SELECT ",
        endpoint_columns!(),
        " FROM webhook_endpoints ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2"
    ));
    let rows: Vec<Endpoint> = tx.fetch_all_as(select, args![page.limit, page.offset()]).await?;
    Ok((rows.into_iter().map(|endpoint| endpoint.webhook).collect(), total))
}

pub async fn find(tx: &mut db::Tx, id: &WebhookId) -> Result<Option<Endpoint>, DbError> {
    let select =
        sql!(concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE id = $1"));
    tx.fetch_optional_as(select, args![id]).await
}

/// Locks the endpoint until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &WebhookId) -> Result<Option<Endpoint>, DbError> {
    let select =
        sql!(concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE id = $1"));
    tx.fetch_optional_as(select.for_update(), args![id]).await
}

/// False where it is not there.
pub async fn delete(tx: &mut Tx, id: &WebhookId) -> Result<bool, DbError> {
    tx.execute(sql!("DELETE FROM webhook_deliveries WHERE endpoint_id = $1"), args![id]).await?;
    let deleted =
        tx.execute(sql!("DELETE FROM webhook_endpoints WHERE id = $1"), args![id]).await?;
    Ok(deleted == 1)
}

/// The endpoints that events are sent to.
pub async fn active(tx: &mut Tx) -> Result<Vec<WebhookId>, DbError> {
    let rows = tx.fetch_all(sql!("SELECT id FROM webhook_endpoints WHERE active"), args![]).await?;
    rows.iter().map(|row| row.parse("id")).collect()
}

pub async fn set_position(tx: &mut Tx, id: &WebhookId, position: i64) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE webhook_endpoints SET position = $1 WHERE id = $2"),
        args![position, id],
    )
    .await?;
    Ok(())
}

/// What a try came to, for the endpoint.
pub async fn set_health(
    tx: &mut Tx,
    id: &WebhookId,
    active: bool,
    failures: i64,
    next_try_at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE webhook_endpoints SET active = $1, failures = $2, next_try_at = $3
             WHERE id = $4"
        ),
        args![active, failures, next_try_at.as_millis(), id],
    )
    .await?;
    Ok(())
}

/// A delivery that is to be made.
pub struct NewDelivery<'a> {
    pub endpoint: &'a WebhookId,
    pub position: i64,
    pub message_id: &'a str,
    pub event: &'a str,
    pub body: String,
}

pub async fn insert_delivery(tx: &mut Tx, new: NewDelivery<'_>) -> Result<(), DbError> {
    let (id, now): (WebhookDeliveryId, _) = (tx.new_id(), tx.now().as_millis());
    tx.execute(
        sql!(
            "INSERT INTO webhook_deliveries (id, endpoint_id, position, message_id, event, body,
                 status, attempts, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'pending', 0, $7)"
        ),
        args![&id, new.endpoint, new.position, new.message_id, new.event, new.body, now],
    )
    .await?;
    Ok(())
}

/// A delivery as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    pub delivery: WebhookDelivery,
    pub body: String,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            delivery: WebhookDelivery {
                id: row.parse("id")?,
                webhook_id: row.parse("endpoint_id")?,
                message_id: row.get("message_id")?,
                event: row.get("event")?,
                status: row.parse("status")?,
                attempts: row.get("attempts")?,
                response_status: row.get("response_status")?,
                error: row.get("error")?,
                created_at: Timestamp::from_millis(row.get("created_at")?),
                finished_at: row.get::<Option<i64>>("finished_at")?.map(Timestamp::from_millis),
            },
            body: row.get("body")?,
        })
    }
}

macro_rules! delivery_columns {
    () => {
        "id, endpoint_id, message_id, event, body, status, attempts, response_status, error,
         created_at, finished_at"
    };
}

/// The oldest delivery that is not finished.
pub async fn next(tx: &mut Tx, endpoint: &WebhookId) -> Result<Option<Stored>, DbError> {
    let select = sql!(concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM webhook_deliveries WHERE endpoint_id = $1 AND status = 'pending'
          ORDER BY position LIMIT 1"
    ));
    tx.fetch_optional_as(select, args![endpoint]).await
}

pub async fn find_delivery(
    tx: &mut db::Tx,
    id: &WebhookDeliveryId,
) -> Result<Option<WebhookDelivery>, DbError> {
    let select =
        sql!(concat!("SELECT ", delivery_columns!(), " FROM webhook_deliveries WHERE id = $1"));
    let stored: Option<Stored> = tx.fetch_optional_as(select, args![id]).await?;
    Ok(stored.map(|stored| stored.delivery))
}

/// One page of an endpoint's deliveries, newest first, and how many there are.
pub async fn deliveries(
    db: &Db,
    endpoint: &WebhookId,
    status: Option<DeliveryStatus>,
    page: Page,
) -> Result<(Vec<WebhookDelivery>, i64), DbError> {
    macro_rules! filter {
        () => {
            " FROM webhook_deliveries WHERE endpoint_id = $1
              AND (CAST($2 AS TEXT) IS NULL OR status = $2)"
        };
    }
    let status = status.as_ref();
    // Both statements look at the same state.
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total", filter!()));
    let total = tx.fetch_one(count, args![endpoint, status]).await?.get("total")?;
    let select = sql!(concat!(
        "SELECT ",
        delivery_columns!(),
        filter!(),
        " ORDER BY position DESC LIMIT $3 OFFSET $4"
    ));
    let values = args![endpoint, status, page.limit, page.offset()];
    let rows: Vec<Stored> = tx.fetch_all_as(select, values).await?;
    Ok((rows.into_iter().map(|stored| stored.delivery).collect(), total))
}

/// What a try came to, for the delivery, where it is still as it was read.
pub async fn set_delivery(
    tx: &mut Tx,
    delivery: &WebhookDelivery,
    from: DeliveryStatus,
) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE webhook_deliveries
                 SET status = $1, attempts = $2, response_status = $3, error = $4,
                     finished_at = $5
                 WHERE id = $6 AND status = $7"
            ),
            args![
                &delivery.status,
                delivery.attempts,
                delivery.response_status,
                delivery.error.as_deref(),
                delivery.finished_at.map(Timestamp::as_millis),
                &delivery.id,
                &from,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Deletes what was finished before that time.
pub async fn delete_finished(tx: &mut Tx, before: Timestamp) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM webhook_deliveries WHERE finished_at < $1"),
        args![before.as_millis()],
    )
    .await?;
    Ok(())
}
