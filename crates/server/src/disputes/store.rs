//! The rows of disputes.

use db::{Db, DbError, FromRow, Row, Value, args, sql};
use events::{Currency, DisputeId, Money, RequestId, Timestamp, UserId};

use super::body::{Dispute, Evidence};
use super::model::{DisputeStatus, Outcome};
use crate::extract::Page;
use crate::journal::Tx;

/// A dispute with the parties of its deal, whose accepted offer stays as it is.
macro_rules! select {
    ($what:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM disputes d
             JOIN purchase_requests r ON r.id = d.request_id
             JOIN offers o ON o.id = r.selected_offer_id ",
            $rest
        )
    };
}

/// What is read of each dispute.
macro_rules! columns {
    ($rest:literal) => {
        select!(
            "d.id, d.request_id, r.buyer_id, o.seller_id, o.currency, d.opened_by, d.category,
             d.description, d.status, d.outcome, d.to_seller, d.note, d.resolved_at, d.created_at,
             d.updated_at",
            $rest
        )
    };
}

impl FromRow for Dispute {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let time = |column| Ok::<_, DbError>(Timestamp::from_millis(row.get(column)?));
        let currency: Currency = row.parse("currency")?;
        let to_seller: Option<i64> = row.get("to_seller")?;
        Ok(Self {
            id: row.parse("id")?,
            purchase_request_id: row.parse("request_id")?,
            buyer_id: row.parse("buyer_id")?,
            seller_id: row.parse("seller_id")?,
            opened_by: row.parse("opened_by")?,
            category: row.get("category")?,
            description: row.get("description")?,
            status: row.parse("status")?,
            outcome: row.parse_optional("outcome")?,
            to_seller: to_seller.map(|minor| Money::from_minor(minor, currency)),
            note: row.get("note")?,
            resolved_at: row.get::<Option<i64>>("resolved_at")?.map(Timestamp::from_millis),
            evidence: None,
            created_at: time("created_at")?,
            updated_at: time("updated_at")?,
        })
    }
}

impl FromRow for Evidence {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            author_id: row.parse("author_id")?,
            text: row.get("text")?,
            attachment_ids: row.json("attachment_ids")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

/// # Errors
/// `disputes_request_id` where there is an open one.
pub async fn insert(
    tx: &mut Tx,
    id: &DisputeId,
    request: &RequestId,
    opened_by: &UserId,
    category: &str,
    description: &str,
) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO disputes (id, request_id, opened_by, category, description, status,
                 created_at, updated_at) VALUES ($1, $2, $3, $4, $5, 'open', $6, $6)"
        ),
        args![id, request, opened_by, category, description, now],
    )
    .await?;
    Ok(())
}

pub async fn find(tx: &mut db::Tx, id: &DisputeId) -> Result<Option<Dispute>, DbError> {
    tx.fetch_optional_as(sql!(columns!("WHERE d.id = $1")), args![id]).await
}

pub async fn evidence(tx: &mut db::Tx, id: &DisputeId) -> Result<Vec<Evidence>, DbError> {
    let sql = sql!(
        "SELECT id, author_id, text, attachment_ids, created_at FROM dispute_evidence
         WHERE dispute_id = $1 ORDER BY created_at, id"
    );
    tx.fetch_all_as(sql, args![id]).await
}

/// Whether a locked request has an open dispute.
pub async fn is_open(tx: &mut Tx, request: &RequestId) -> Result<bool, DbError> {
    let sql = sql!("SELECT id FROM disputes WHERE request_id = $1 AND status = 'open'");
    Ok(tx.fetch_optional(sql, args![request]).await?.is_some())
}

pub async fn insert_evidence(
    tx: &mut Tx,
    id: &DisputeId,
    evidence: &Evidence,
) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO dispute_evidence (id, dispute_id, author_id, text, attachment_ids,
                 created_at) VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        args![
            &evidence.id,
            id,
            &evidence.author_id,
            &evidence.text,
            Value::json(&evidence.attachment_ids)?,
            now
        ],
    )
    .await?;
    tx.execute(sql!("UPDATE disputes SET updated_at = $1 WHERE id = $2"), args![now, id]).await?;
    Ok(())
}

/// Resolves an open dispute. False where it is resolved already.
pub async fn resolve(
    tx: &mut Tx,
    id: &DisputeId,
    outcome: Outcome,
    to_seller: i64,
    note: Option<&str>,
    by: &UserId,
) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let changed = tx
        .execute(
            sql!(
                "UPDATE disputes
                 SET status = 'resolved', outcome = $1, to_seller = $2, note = $3,
                     resolved_by = $4, resolved_at = $5, updated_at = $5
                 WHERE id = $6 AND status = 'open'"
            ),
            args![&outcome, to_seller, note, by, now, id],
        )
        .await?;
    Ok(changed == 1)
}

/// One page of the disputes of a user's deals, or of all, newest first, and the number of rows on
/// all pages.
pub async fn list(
    db: &Db,
    user: Option<&UserId>,
    request: Option<&RequestId>,
    statuses: &[DisputeStatus],
    page: Page,
) -> Result<(Vec<Dispute>, i64), DbError> {
    let mut values = args![user, request];
    // There are two statuses, so `$3` and `$4` hold any set of them.
    values.extend(statuses.iter().cycle().take(2).map(Value::from));
    let mut tx = db.begin_read().await?;
    let count = sql!(select!(
        "COUNT(*) AS total",
        "WHERE (CAST($1 AS TEXT) IS NULL OR r.buyer_id = $1 OR o.seller_id = $1)
           AND (CAST($2 AS TEXT) IS NULL OR d.request_id = $2) AND d.status IN ($3, $4)"
    ));
    let total = tx.fetch_one(count, values.clone()).await?.get("total")?;
    values.extend(args![page.limit, page.offset()]);
    let rows = sql!(columns!(
        "WHERE (CAST($1 AS TEXT) IS NULL OR r.buyer_id = $1 OR o.seller_id = $1)
           AND (CAST($2 AS TEXT) IS NULL OR d.request_id = $2) AND d.status IN ($3, $4)
         ORDER BY d.created_at DESC, d.id DESC LIMIT $5 OFFSET $6"
    ));
    Ok((tx.fetch_all_as(rows, values).await?, total))
}
