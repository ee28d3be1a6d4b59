//! The rows of payments, their shares and their transfers.

use db::{Db, DbError, FromRow, Row, Value, args, sql};
use events::{
    CheckoutId, Currency, EscrowState, OfferId, PaymentException, PaymentId, PaymentProvider,
    PaymentStatus, RequestId, Timestamp, UserId,
};

use super::model::Seen;
use crate::extract::{Caller, Page};
use crate::journal::Tx;

/// A payment as stored. Amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    /// The payment.
    pub id: PaymentId,
    /// Who pays.
    pub buyer_id: UserId,
    /// Its rail.
    pub provider: PaymentProvider,
    /// The checkout that it pays.
    pub checkout_id: Option<CheckoutId>,
    /// The currency of every amount.
    pub currency: Currency,
    /// How much is to be paid.
    pub amount: i64,
    /// Where it stands.
    pub status: PaymentStatus,
    /// Where its money is.
    pub escrow_state: EscrowState,
    /// What is odd about its money.
    pub exception: Option<PaymentException>,
    /// Confirmed, in the right asset.
    pub received: i64,
    /// Confirmed or not, in the right asset.
    pub seen: i64,
    /// Given back of what came beside the price.
    pub excess_refunded: i64,
    /// Whether the buyer was told how to pay.
    pub announced: bool,
    /// The transaction that brought the money.
    pub tx_hash: Option<String>,
    /// Why it failed or ended.
    pub failure_reason: Option<String>,
    /// It is to be paid until then.
    pub expires_at: Option<Timestamp>,
    /// When the money was in escrow.
    pub confirmed_at: Option<Timestamp>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl PaymentRow {
    /// What went into escrow.
    pub fn held(&self) -> i64 {
        let holds = self.confirmed_at.is_some() && self.status != PaymentStatus::Failed;
        if holds { self.amount } else { 0 }
    }

    /// What came beside the price and was not given back.
    pub fn excess(&self) -> i64 {
        self.received - self.excess_refunded - self.held()
    }
}

/// What of a payment is for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The payment.
    pub payment_id: PaymentId,
    /// The request.
    pub request_id: RequestId,
    /// Who will get it.
    pub seller_id: UserId,
    /// The accepted offer; none where the request came from a template.
    pub offer_id: Option<OfferId>,
    /// The price.
    pub amount: i64,
    /// What of it the platform keeps when it is released.
    pub fee: i64,
    /// Where its money is.
    pub escrow_state: EscrowState,
    /// Until the payment is dead.
    pub standing: bool,
    /// What of the price goes to the seller, the fee in it.
    pub to_seller: i64,
    /// What of it goes back to the buyer.
    pub to_buyer: i64,
    /// What of that is back.
    pub returned: i64,
    /// The transaction that brought it back.
    pub refund_tx_hash: Option<String>,
}

fn time(row: &Row, column: &str) -> Result<Option<Timestamp>, DbError> {
    Ok(row.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
}

impl FromRow for PaymentRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.parse("id")?,
            buyer_id: row.parse("buyer_id")?,
            provider: row.parse("provider")?,
            checkout_id: row.parse_optional("checkout_id")?,
            currency: row.parse("currency")?,
            amount: row.get("amount")?,
            status: row.parse("status")?,
            escrow_state: row.parse("escrow_state")?,
            exception: row.parse_optional("exception")?,
            received: row.get("received")?,
            seen: row.get("seen")?,
            excess_refunded: row.get("excess_refunded")?,
            announced: row.get("announced")?,
            tx_hash: row.get("tx_hash")?,
            failure_reason: row.get("failure_reason")?,
            expires_at: time(row, "expires_at")?,
            confirmed_at: time(row, "confirmed_at")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
            updated_at: Timestamp::from_millis(row.get("updated_at")?),
        })
    }
}

impl FromRow for Share {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            payment_id: row.parse("payment_id")?,
            request_id: row.parse("request_id")?,
            seller_id: row.parse("seller_id")?,
            offer_id: row.parse_optional("offer_id")?,
            amount: row.get("amount")?,
            fee: row.get("fee")?,
            escrow_state: row.parse("escrow_state")?,
            standing: row.get("standing")?,
            to_seller: row.get("to_seller")?,
            to_buyer: row.get("to_buyer")?,
            returned: row.get("returned")?,
            refund_tx_hash: row.get("refund_tx_hash")?,
        })
    }
}

impl FromRow for Seen {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            reference: row.get("reference")?,
            amount: row.get("amount")?,
            asset_matches: row.get("asset_matches")?,
            confirmed: row.get("confirmed")?,
            late: row.get("late")?,
            retracted: row.get("retracted")?,
            tx_hash: row.get("tx_hash")?,
            at: Timestamp::from_millis(row.get("seen_at")?),
        })
    }
}

macro_rules! payment_columns {
    () => {
        "p.id, p.buyer_id, p.provider, p.checkout_id, p.currency, p.amount, p.status,
         p.escrow_state, p.exception, p.received, p.seen, p.excess_refunded, p.announced,
         p.tx_hash, p.failure_reason, p.expires_at, p.confirmed_at, p.created_at, p.updated_at"
    };
}

macro_rules! share_columns {
    () => {
        "s.payment_id, s.request_id, s.seller_id, s.offer_id, s.amount, s.fee, s.escrow_state,
         s.standing, s.to_seller, s.to_buyer, s.returned, s.refund_tx_hash"
    };
}

pub async fn insert(tx: &mut Tx, payment: &PaymentRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO payments (id, buyer_id, provider, checkout_id, currency, amount, status,
                 escrow_state, received, seen, excess_refunded, announced, expires_at, created_at,
                 updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, FALSE, $9, $10, $10)"
        ),
        args![
            &payment.id,
            &payment.buyer_id,
            &payment.provider,
            payment.checkout_id.as_ref(),
            &payment.currency,
            payment.amount,
            &payment.status,
            &payment.escrow_state,
            payment.expires_at.map(Timestamp::as_millis),
            payment.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

/// # Errors
/// `payment_shares_request_id` where the request has a payment that is not dead.
pub async fn insert_share(tx: &mut Tx, share: &Share) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO payment_shares (payment_id, request_id, seller_id, offer_id, amount, fee,
                 escrow_state, standing, to_seller, to_buyer, returned)
             VALUES ($1, $2, $3, $4, $5, $6, $7, TRUE, 0, 0, 0)"
        ),
        args![
            &share.payment_id,
            &share.request_id,
            &share.seller_id,
            share.offer_id.as_ref(),
            share.amount,
            share.fee,
            &share.escrow_state,
        ],
    )
    .await?;
    Ok(())
}

pub async fn find(tx: &mut db::Tx, id: &PaymentId) -> Result<Option<PaymentRow>, DbError> {
    let sql = sql!(concat!("SELECT ", payment_columns!(), " FROM payments p WHERE p.id = $1"));
    tx.fetch_optional_as(sql, args![id]).await
}

/// Locks the payment's row until the transaction ends. Its requests are locked before.
pub async fn lock(tx: &mut Tx, id: &PaymentId) -> Result<Option<PaymentRow>, DbError> {
    let sql = sql!(concat!("SELECT ", payment_columns!(), " FROM payments p WHERE p.id = $1"));
    tx.fetch_optional_as(sql.for_update(), args![id]).await
}

/// The shares of a payment, by request.
pub async fn shares(tx: &mut db::Tx, id: &PaymentId) -> Result<Vec<Share>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        share_columns!(),
        " FROM payment_shares s WHERE s.payment_id = $1 ORDER BY s.request_id"
    ));
    tx.fetch_all_as(sql, args![id]).await
}

/// The payment of a request that is not dead.
pub async fn standing(tx: &mut Tx, request: &RequestId) -> Result<Option<PaymentId>, DbError> {
    let sql = sql!("SELECT payment_id FROM payment_shares WHERE request_id = $1 AND standing");
    let row = tx.fetch_optional(sql, args![request]).await?;
    row.map(|row| row.parse("payment_id")).transpose()
}

/// Stores what may change of a payment. False when it is no longer in the states it was read in.
pub async fn update(
    tx: &mut Tx,
    before: &PaymentRow,
    payment: &PaymentRow,
) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE payments
                 SET status = $1, escrow_state = $2, exception = $3, received = $4, seen = $5,
                     excess_refunded = $6, tx_hash = $7, failure_reason = $8, confirmed_at = $9,
                     updated_at = $10
                 WHERE id = $11 AND status = $12 AND escrow_state = $13 AND excess_refunded = $14"
            ),
            args![
                &payment.status,
                &payment.escrow_state,
                payment.exception.as_ref(),
                payment.received,
                payment.seen,
                payment.excess_refunded,
                payment.tx_hash.as_deref(),
                payment.failure_reason.as_deref(),
                payment.confirmed_at.map(Timestamp::as_millis),
                payment.updated_at.as_millis(),
                &payment.id,
                &before.status,
                &before.escrow_state,
                before.excess_refunded,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Stores what may change of a share. False when its escrow is no longer in the state `from`.
pub async fn update_share(tx: &mut Tx, from: EscrowState, share: &Share) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE payment_shares
                 SET escrow_state = $1, standing = $2, to_seller = $3, to_buyer = $4,
                     returned = $5, fee = $6, refund_tx_hash = $7
                 WHERE payment_id = $8 AND request_id = $9 AND escrow_state = $10"
            ),
            args![
                &share.escrow_state,
                share.standing,
                share.to_seller,
                share.to_buyer,
                share.returned,
                share.fee,
                share.refund_tx_hash.as_deref(),
                &share.payment_id,
                &share.request_id,
                &from,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Notes that the buyer was told how to pay. False where that was before.
pub async fn set_announced(tx: &mut Tx, id: &PaymentId) -> Result<bool, DbError> {
    let sql = sql!("UPDATE payments SET announced = TRUE WHERE id = $1 AND NOT announced");
    Ok(tx.execute(sql, args![id]).await? == 1)
}

/// A transfer, whose payment it is, and how often it was booked.
pub async fn transfer(
    tx: &mut Tx,
    provider: PaymentProvider,
    reference: &str,
) -> Result<Option<(Seen, PaymentId, i64)>, DbError> {
    let row = tx
        .fetch_optional(
            sql!(
                "SELECT reference, payment_id, amount, asset_matches, confirmed, late, retracted,
                        bookings, tx_hash, seen_at
                 FROM payment_transfers WHERE provider = $1 AND reference = $2"
            ),
            args![&provider, reference],
        )
        .await?;
    row.map(|row| Ok((Seen::from_row(&row)?, row.parse("payment_id")?, row.get("bookings")?)))
        .transpose()
}

/// The transfers of a payment.
pub async fn transfers(tx: &mut db::Tx, id: &PaymentId) -> Result<Vec<Seen>, DbError> {
    let sql = sql!(
        "SELECT reference, amount, asset_matches, confirmed, late, retracted, tx_hash, seen_at
         FROM payment_transfers WHERE payment_id = $1 ORDER BY reference"
    );
    tx.fetch_all_as(sql, args![id]).await
}

/// # Errors
/// `payment_transfers_provider_reference` where the reference was used before.
pub async fn insert_transfer(
    tx: &mut Tx,
    payment: &PaymentRow,
    seen: &Seen,
    bookings: i64,
) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO payment_transfers (provider, reference, payment_id, amount, asset_matches,
                 confirmed, late, retracted, bookings, tx_hash, seen_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ),
        args![
            &payment.provider,
            &seen.reference,
            &payment.id,
            seen.amount,
            seen.asset_matches,
            seen.confirmed,
            seen.late,
            seen.retracted,
            bookings,
            seen.tx_hash.as_deref(),
            seen.at.as_millis(),
            now,
        ],
    )
    .await?;
    Ok(())
}

pub async fn update_transfer(
    tx: &mut Tx,
    provider: PaymentProvider,
    seen: &Seen,
    bookings: i64,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE payment_transfers
             SET amount = $1, confirmed = $2, late = $3, retracted = $4, bookings = $5,
                 tx_hash = $6, seen_at = $7
             WHERE provider = $8 AND reference = $9"
        ),
        args![
            seen.amount,
            seen.confirmed,
            seen.late,
            seen.retracted,
            bookings,
            seen.tx_hash.as_deref(),
            seen.at.as_millis(),
            &provider,
            &seen.reference,
        ],
    )
    .await?;
    Ok(())
}

/// One page of the payments that the caller may see, newest first, and the number of rows on all
/// pages.
pub async fn list(
    db: &Db,
    caller: &Caller,
    statuses: &[PaymentStatus],
    page: Page,
) -> Result<(Vec<(PaymentRow, Vec<Share>)>, i64), DbError> {
    /// There are eight statuses, so `$3` to `$10` hold any set of them.
    macro_rules! filter {
        () => {
            " FROM payments p WHERE ($2 OR p.buyer_id = $1
                  OR EXISTS (SELECT 1 FROM payment_shares s
                             WHERE s.payment_id = p.id AND s.seller_id = $1))
              AND p.status IN ($3, $4, $5, $6, $7, $8, $9, $10)"
        };
    }
    let mut values = args![&caller.user_id, caller.is_admin()];
    values.extend(statuses.iter().cycle().take(PaymentStatus::ALL.len()).map(Value::from));
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total", filter!()));
    let total = tx.fetch_one(count, values.clone()).await?.get("total")?;
    values.extend(args![page.limit, page.offset()]);
    let select = sql!(concat!(
        "SELECT ",
        payment_columns!(),
        filter!(),
        " ORDER BY p.created_at DESC, p.id DESC LIMIT $11 OFFSET $12"
    ));
    let payments: Vec<PaymentRow> = tx.fetch_all_as(select, values).await?;
    let mut rows = Vec::with_capacity(payments.len());
    for payment in payments {
        let shares = shares(&mut tx, &payment.id).await?;
        rows.push((payment, shares));
    }
    Ok((rows, total))
}

/// The requests of a seller whose escrow may be paid out.
pub async fn releasable_of(tx: &mut Tx, seller: &UserId) -> Result<Vec<RequestId>, DbError> {
    let sql = sql!(
        "SELECT request_id FROM payment_shares
         WHERE seller_id = $1 AND escrow_state = 'releasable' ORDER BY request_id"
    );
    let rows = tx.fetch_all(sql, args![seller]).await?;
    rows.iter().map(|row| row.parse("request_id")).collect()
}

/// Every payment, for the comparison with the ledger.
pub async fn all(tx: &mut db::Tx) -> Result<Vec<PaymentRow>, DbError> {
    let sql = sql!(concat!("SELECT ", payment_columns!(), " FROM payments p ORDER BY p.id"));
    tx.fetch_all_as(sql, args![]).await
}

/// Every share, with the currency and the rail of its payment.
pub async fn all_shares(
    tx: &mut db::Tx,
) -> Result<Vec<(Share, Currency, PaymentProvider)>, DbError> {
    let sql = sql!(concat!(
        "SELECT p.currency, p.provider, ",
        share_columns!(),
        " FROM payment_shares s JOIN payments p ON p.id = s.payment_id
          ORDER BY s.payment_id, s.request_id"
    ));
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter()
        .map(|row| Ok((Share::from_row(row)?, row.parse("currency")?, row.parse("provider")?)))
        .collect()
}

/// Payments whose confirmed transfers do not sum up to what they say was received.
pub async fn wrong_sums(tx: &mut db::Tx) -> Result<Vec<(PaymentRow, i64)>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        payment_columns!(),
        ", t.total FROM payments p JOIN (
             SELECT q.id, CAST(COALESCE(SUM(m.amount), 0) AS BIGINT) AS total FROM payments q
             LEFT JOIN payment_transfers m ON m.payment_id = q.id AND m.confirmed
                  AND m.asset_matches AND NOT m.retracted
             GROUP BY q.id) t ON t.id = p.id
          WHERE t.total <> p.received ORDER BY p.id"
    ));
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter().map(|row| Ok((PaymentRow::from_row(row)?, row.get("total")?))).collect()
}
