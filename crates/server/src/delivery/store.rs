//! The rows of deliveries and their codes.

use db::{Db, DbError, FromRow, Row, args, sql};
use events::{DeliveryStatus, RequestId, Timestamp};

use super::model::{Code, WRONG_TRIES_MAX};
use crate::journal::Tx;

/// What the seller said last.
#[derive(Debug, Clone)]
pub struct Stored {
    pub status: DeliveryStatus,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub delivered_at: Option<Timestamp>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            status: row.parse("status")?,
            carrier: row.get("carrier")?,
            tracking_number: row.get("tracking_number")?,
            delivered_at: row.get::<Option<i64>>("delivered_at")?.map(Timestamp::from_millis),
        })
    }
}

impl FromRow for Code {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            hash: row.get("hash")?,
            wrong_tries: row.get("wrong_tries")?,
            expires_at: Timestamp::from_millis(row.get("expires_at")?),
            used_at: row.get::<Option<i64>>("used_at")?.map(Timestamp::from_millis),
        })
    }
}

/// Stores the seller's word; absent parts stay as they were.
pub async fn tell(
    tx: &mut Tx,
    request: &RequestId,
    status: DeliveryStatus,
    carrier: Option<&str>,
    tracking_number: Option<&str>,
) -> Result<Stored, DbError> {
    let now = tx.now().as_millis();
    let row = tx
        .fetch_one(
            sql!(
                "INSERT INTO deliveries (request_id, status, carrier, tracking_number, created_at,
                     updated_at) VALUES ($1, $2, $3, $4, $5, $5)
                 ON CONFLICT (request_id) DO UPDATE
                 SET status = excluded.status,
                     carrier = COALESCE(excluded.carrier, deliveries.carrier),
                     tracking_number =
                         COALESCE(excluded.tracking_number, deliveries.tracking_number),
                     updated_at = excluded.updated_at
                 RETURNING status, carrier, tracking_number, delivered_at"
            ),
            args![request, &status, carrier, tracking_number, now],
        )
        .await?;
    Stored::from_row(&row)
}

pub async fn set_delivered(tx: &mut Tx, request: &RequestId) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!("UPDATE deliveries SET delivered_at = $1, updated_at = $1 WHERE request_id = $2"),
        args![now, request],
    )
    .await?;
    Ok(())
}

pub async fn find(db: &Db, request: &RequestId) -> Result<(Option<Stored>, Option<Code>), DbError> {
    let delivery = sql!(
        "SELECT status, carrier, tracking_number, delivered_at FROM deliveries
         WHERE request_id = $1"
    );
    let code = sql!(
        "SELECT hash, wrong_tries, expires_at, used_at FROM delivery_codes
         WHERE request_id = $1"
    );
    let mut tx = db.begin_read().await?;
    let delivery = tx.fetch_optional_as(delivery, args![request]).await?;
    Ok((delivery, tx.fetch_optional_as(code, args![request]).await?))
}

pub async fn code(tx: &mut Tx, request: &RequestId) -> Result<Option<Code>, DbError> {
    let sql = sql!(
        "SELECT hash, wrong_tries, expires_at, used_at FROM delivery_codes
         WHERE request_id = $1"
    );
    tx.fetch_optional_as(sql, args![request]).await
}

/// Replaces the code of a request.
pub async fn set_code(tx: &mut Tx, request: &RequestId, code: &Code) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO delivery_codes (request_id, hash, wrong_tries, expires_at, created_at)
             VALUES ($1, $2, 0, $3, $4)
             ON CONFLICT (request_id) DO UPDATE
             SET hash = excluded.hash, wrong_tries = 0, expires_at = excluded.expires_at,
                 used_at = NULL, created_at = excluded.created_at"
        ),
        args![request, &code.hash, code.expires_at.as_millis(), now],
    )
    .await?;
    Ok(())
}

/// Counts a wrong try. False when no more may be looked at.
pub async fn count_wrong(tx: &mut Tx, request: &RequestId) -> Result<bool, DbError> {
    let counted = tx
        .execute(
            sql!(
                "UPDATE delivery_codes SET wrong_tries = wrong_tries + 1
                 WHERE request_id = $1 AND used_at IS NULL AND wrong_tries < $2"
            ),
            args![request, WRONG_TRIES_MAX],
        )
        .await?;
    Ok(counted == 1)
}

/// Uses the code up. False when somebody else was faster.
pub async fn use_code(tx: &mut Tx, request: &RequestId, hash: &str) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let used = tx
        .execute(
            sql!(
                "UPDATE delivery_codes SET used_at = $1
                 WHERE request_id = $2 AND hash = $3 AND used_at IS NULL AND wrong_tries < $4"
            ),
            args![now, request, hash, WRONG_TRIES_MAX],
        )
        .await?;
    Ok(used == 1)
}
