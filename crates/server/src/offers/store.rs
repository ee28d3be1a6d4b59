//! The rows of offers.

use db::{Db, DbError, FromRow, Row, Value, args, sql};
use events::documents::{DeliveryTime, Offer};
use events::{Money, OfferId, OfferStatus, RequestId, Timestamp, UserId};

use crate::extract::Page;
use crate::journal::Tx;

/// An [`Offer`] as a row. The document's type is another crate's.
struct Stored(Offer);

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self(Offer {
            id: row.parse("id")?,
            request_id: row.parse("request_id")?,
            seller_id: row.parse("seller_id")?,
            price: Money::from_minor(row.get("price")?, row.parse("currency")?),
            delivery_time: DeliveryTime {
                amount: row.get("delivery_amount")?,
                unit: row.parse("delivery_unit")?,
            },
            message: row.get("message")?,
            status: row.parse("status")?,
            valid_until: row.get::<Option<i64>>("valid_until")?.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(row.get("created_at")?),
            updated_at: Timestamp::from_millis(row.get("updated_at")?),
        }))
    }
}

macro_rules! columns {
    () => {
        "id, request_id, seller_id, price, currency, delivery_amount, delivery_unit, message,
         status, valid_until, created_at, updated_at"
    };
}

/// Prices are checked when they are read from outside; here they are whole minor units.
fn minor(price: &Money) -> Result<i64, DbError> {
    price.minor().map_err(|error| DbError::Encode(error.to_string()))
}

pub async fn find(tx: &mut Tx, id: &OfferId) -> Result<Option<Offer>, DbError> {
    let sql = sql!(concat!("SELECT ", columns!(), " FROM offers WHERE id = $1"));
    Ok(tx.fetch_optional_as::<Stored>(sql, args![id]).await?.map(|stored| stored.0))
}

/// The accepted offer of a request.
pub async fn accepted(db: &Db, request: &RequestId) -> Result<Option<Offer>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM offers WHERE request_id = $1 AND status = 'accepted'"
    ));
    Ok(db.fetch_optional_as::<Stored>(sql, args![request]).await?.map(|stored| stored.0))
}

/// # Errors
/// `offers_request_id_seller_id` where the seller has a live offer on the request.
pub async fn insert(tx: &mut Tx, offer: &Offer) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO offers (id, request_id, seller_id, price, currency, delivery_amount,
                 delivery_unit, message, status, valid_until, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)"
        ),
        args![
            &offer.id,
            &offer.request_id,
            &offer.seller_id,
            minor(&offer.price)?,
            &offer.price.currency,
            offer.delivery_time.amount,
            &offer.delivery_time.unit,
            &offer.message,
            &offer.status,
            offer.valid_until.map(Timestamp::as_millis),
            offer.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

/// Stores what the seller may change. False when the offer is no longer pending.
pub async fn set_details(tx: &mut Tx, offer: &Offer) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE offers
                 SET price = $1, delivery_amount = $2, delivery_unit = $3, message = $4,
                     valid_until = $5, updated_at = $6
                 WHERE id = $7 AND status = 'pending'"
            ),
            args![
                minor(&offer.price)?,
                offer.delivery_time.amount,
                &offer.delivery_time.unit,
                &offer.message,
                offer.valid_until.map(Timestamp::as_millis),
                offer.updated_at.as_millis(),
                &offer.id,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Moves the offer from the status `from` to its own. False when it was not in `from`.
pub async fn set_status(
    tx: &mut Tx,
    offer: &Offer,
    from: OfferStatus,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE offers SET status = $1, reason = $2, updated_at = $3
                 WHERE id = $4 AND status = $5"
            ),
            args![&offer.status, reason, offer.updated_at.as_millis(), &offer.id, &from],
        )
        .await?;
    Ok(changed == 1)
}

/// The live offers of a request, oldest first.
pub async fn live(tx: &mut Tx, request: &RequestId) -> Result<Vec<Offer>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM offers WHERE request_id = $1 AND status IN ('pending', 'accepted')
          ORDER BY created_at, id"
    ));
    let rows = tx.fetch_all_as::<Stored>(sql, args![request]).await?;
    Ok(rows.into_iter().map(|stored| stored.0).collect())
}

/// Rejects all live offers of a request but `winner`.
pub async fn reject_live(
    tx: &mut Tx,
    request: &RequestId,
    winner: Option<&OfferId>,
    reason: &str,
) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "UPDATE offers SET status = 'rejected', reason = $1, updated_at = $2
             WHERE request_id = $3 AND status IN ('pending', 'accepted')
               AND (CAST($4 AS TEXT) IS NULL OR id <> $4)"
        ),
        args![reason, now, request, winner],
    )
    .await?;
    Ok(())
}

pub async fn any_pending(tx: &mut Tx, request: &RequestId) -> Result<bool, DbError> {
    let sql = sql!("SELECT id FROM offers WHERE request_id = $1 AND status = 'pending' LIMIT 1");
    Ok(tx.fetch_optional(sql, args![request]).await?.is_some())
}

/// One page of the offers on a request, of a seller, or of a seller on a request, newest first,
/// and the number of rows on all pages.
pub async fn list(
    db: &Db,
    request: Option<&RequestId>,
    seller: Option<&UserId>,
    statuses: &[OfferStatus],
    page: Page,
) -> Result<(Vec<Offer>, i64), DbError> {
    /// There are five statuses, so `$3` to `$7` hold any set of them.
    macro_rules! filter {
        () => {
            " FROM offers WHERE (CAST($1 AS TEXT) IS NULL OR request_id = $1)
              AND (CAST($2 AS TEXT) IS NULL OR seller_id = $2)
              AND status IN ($3, $4, $5, $6, $7)"
        };
    }
    let mut values = args![request, seller];
    values.extend(statuses.iter().cycle().take(OfferStatus::ALL.len()).map(Value::from));
    // Both statements look at the same state.
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total", filter!()));
    let total = tx.fetch_one(count, values.clone()).await?.get("total")?;
    values.extend(args![page.limit, page.offset()]);
    let select = sql!(concat!(
        "SELECT ",
        columns!(),
        filter!(),
        " ORDER BY created_at DESC, id DESC LIMIT $8 OFFSET $9"
    ));
    let rows = tx.fetch_all_as::<Stored>(select, values).await?;
    Ok((rows.into_iter().map(|stored| stored.0).collect(), total))
}
