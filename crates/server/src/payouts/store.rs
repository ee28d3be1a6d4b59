//! The rows of payouts.

use db::{Db, DbError, FromRow, Row, Value, args, sql};
use events::documents::Payout;
use events::{
    Amount, Currency, EscrowState, PaymentId, PaymentProvider, PayoutId, PayoutStatus, RequestId,
    Timestamp, UserId,
};

use super::rail::PayoutOrder;
use crate::extract::{Caller, Page};
use crate::journal::Tx;

/// A payout as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRow {
    /// The payout.
    pub id: PayoutId,
    /// The payment whose escrow it pays out.
    pub payment_id: PaymentId,
    /// The request that was paid.
    pub request_id: RequestId,
    /// Who gets it.
    pub seller_id: UserId,
    /// Its rail.
    pub provider: PaymentProvider,
    /// The currency of the amount.
    pub currency: Currency,
    /// Minor units.
    pub amount: i64,
    /// The coin that it is paid in.
    pub crypto: String,
    /// Where it goes.
    pub address: String,
    /// Where it stands.
    pub status: PayoutStatus,
    /// How often it was handed to the rail.
    pub attempt: i64,
    /// The rail's task of this attempt.
    pub task_id: Option<String>,
    /// The transaction.
    pub tx_hash: Option<String>,
    /// Why it failed, or is not known.
    pub reason: Option<String>,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When the seller had it.
    pub completed_at: Option<Timestamp>,
}

impl PayoutRow {
    /// What its rail has to know.
    pub fn order(&self) -> PayoutOrder {
        PayoutOrder {
            payout_id: self.id.clone(),
            external_id: format!("{}-{}", self.id, self.attempt),
            payment_id: self.payment_id.clone(),
            request_id: self.request_id.clone(),
            seller_id: self.seller_id.clone(),
            amount: self.amount,
            currency: self.currency,
            crypto: self.crypto.clone(),
            address: self.address.clone(),
            task_id: self.task_id.clone(),
            tx_hash: self.tx_hash.clone(),
        }
    }

    /// The document as the caller may see it.
    pub fn into_document(self, caller: &Caller) -> Payout {
        Payout {
            amount: Amount::from_minor(self.amount, self.currency),
            attempt: u32::try_from(self.attempt).unwrap_or(u32::MAX),
            reason: self.reason.filter(|_| caller.is_admin()),
            id: self.id,
            payment_id: self.payment_id,
            request_id: self.request_id,
            seller_id: self.seller_id,
            provider: self.provider,
            currency: self.currency,
            crypto: self.crypto,
            address: self.address,
            status: self.status,
            task_id: self.task_id,
            tx_hash: self.tx_hash,
            created_at: self.created_at,
            updated_at: self.updated_at,
            completed_at: self.completed_at,
        }
    }
}

impl FromRow for PayoutRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.parse("id")?,
            payment_id: row.parse("payment_id")?,
            request_id: row.parse("request_id")?,
            seller_id: row.parse("seller_id")?,
            provider: row.parse("provider")?,
            currency: row.parse("currency")?,
            amount: row.get("amount")?,
            crypto: row.get("crypto")?,
            address: row.get("address")?,
            status: row.parse("status")?,
            attempt: row.get("attempt")?,
            task_id: row.get("task_id")?,
            tx_hash: row.get("tx_hash")?,
            reason: row.get("reason")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
            updated_at: Timestamp::from_millis(row.get("updated_at")?),
            completed_at: row.get::<Option<i64>>("completed_at")?.map(Timestamp::from_millis),
        })
    }
}

macro_rules! columns {
    () => {
        "id, payment_id, request_id, seller_id, provider, currency, amount, crypto, address,
         status, attempt, task_id, tx_hash, reason, created_at, updated_at, completed_at"
    };
}

/// # Errors
/// `payouts_payment_id_request_id` where the share has one.
pub async fn insert(tx: &mut Tx, payout: &PayoutRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO payouts (id, payment_id, request_id, seller_id, provider, currency, amount,
                 crypto, address, status, attempt, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)"
        ),
        args![
            &payout.id,
            &payout.payment_id,
            &payout.request_id,
            &payout.seller_id,
            &payout.provider,
            &payout.currency,
            payout.amount,
            &payout.crypto,
            &payout.address,
            &payout.status,
            payout.attempt,
            payout.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn find(tx: &mut db::Tx, id: &PayoutId) -> Result<Option<PayoutRow>, DbError> {
    let sql = sql!(concat!("SELECT ", columns!(), " FROM payouts WHERE id = $1"));
    tx.fetch_optional_as(sql, args![id]).await
}

pub async fn find_by_share(
    tx: &mut Tx,
    payment: &PaymentId,
    request: &RequestId,
) -> Result<Option<PayoutRow>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM payouts WHERE payment_id = $1 AND request_id = $2"
    ));
    tx.fetch_optional_as(sql, args![payment, request]).await
}

/// Stores what may change. False when it is no longer in the status and attempt of `before`.
pub async fn update(tx: &mut Tx, before: &PayoutRow, payout: &PayoutRow) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE payouts
                 SET status = $1, attempt = $2, task_id = $3, tx_hash = $4, reason = $5,
                     crypto = $6, address = $7, updated_at = $8, completed_at = $9
                 WHERE id = $10 AND status = $11 AND attempt = $12"
            ),
            args![
                &payout.status,
                payout.attempt,
                payout.task_id.as_deref(),
                payout.tx_hash.as_deref(),
                payout.reason.as_deref(),
                &payout.crypto,
                &payout.address,
                payout.updated_at.as_millis(),
                payout.completed_at.map(Timestamp::as_millis),
                &payout.id,
                &before.status,
                before.attempt,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// One page of the payouts that the caller may see, newest first, and the number of rows on all
/// pages.
pub async fn list(
    db: &Db,
    caller: &Caller,
    statuses: &[PayoutStatus],
    page: Page,
) -> Result<(Vec<PayoutRow>, i64), DbError> {
    /// There are seven statuses, so `$3` to `$9` hold any set of them.
    macro_rules! filter {
        () => {
            " FROM payouts WHERE ($2 OR seller_id = $1)
              AND status IN ($3, $4, $5, $6, $7, $8, $9)"
        };
    }
    let mut values = args![&caller.user_id, caller.is_admin()];
    values.extend(statuses.iter().cycle().take(PayoutStatus::ALL.len()).map(Value::from));
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total", filter!()));
    let total = tx.fetch_one(count, values.clone()).await?.get("total")?;
    values.extend(args![page.limit, page.offset()]);
    let select = sql!(concat!(
        "SELECT ",
        columns!(),
        filter!(),
        " ORDER BY created_at DESC, id DESC LIMIT $10 OFFSET $11"
    ));
    Ok((tx.fetch_all_as(select, values).await?, total))
}

/// The payouts that are neither completed nor failed.
pub async fn under_way(tx: &mut Tx) -> Result<Vec<(PayoutId, PayoutStatus)>, DbError> {
    let sql = sql!(
        "SELECT id, status FROM payouts
         WHERE status IN ('queued', 'submitting', 'submitted', 'broadcast', 'unknown')"
    );
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.parse("status")?))).collect()
}

/// Every payout of a rail.
pub async fn of_provider(db: &Db, provider: PaymentProvider) -> Result<Vec<PayoutRow>, DbError> {
    let sql = sql!(concat!("SELECT ", columns!(), " FROM payouts WHERE provider = $1 ORDER BY id"));
    db.fetch_all_as(sql, args![&provider]).await
}

/// Every payout, with the state of its share's escrow, for the comparison with the ledger.
pub async fn all(tx: &mut db::Tx) -> Result<Vec<(PayoutRow, Option<EscrowState>)>, DbError> {
    let sql = sql!(
        "SELECT p.id, p.payment_id, p.request_id, p.seller_id, p.provider, p.currency, p.amount,
                p.crypto, p.address, p.status, p.attempt, p.task_id, p.tx_hash, p.reason,
                p.created_at, p.updated_at, p.completed_at, s.escrow_state
         FROM payouts p LEFT JOIN payment_shares s
              ON s.payment_id = p.payment_id AND s.request_id = p.request_id
         ORDER BY p.id"
    );
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter()
        .map(|row| Ok((PayoutRow::from_row(row)?, row.parse_optional("escrow_state")?)))
        .collect()
}
