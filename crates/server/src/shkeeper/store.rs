//! The rows of invoices, their transfers, callbacks, and tries to pay out.

use db::{Db, DbError, FromRow, Row, args, sql};
use events::{PaymentId, PayoutId, Timestamp};

use super::coin::Coins;
use super::model::Known;
use super::wire::MadeInvoice;
use crate::journal::Tx;

/// An invoice at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRow {
    /// What it is for.
    pub payment_id: PaymentId,
    /// Its name at the gateway.
    pub external_id: String,
    /// The coin.
    pub coin: String,
    /// What was answered; nothing as long as nothing was.
    pub open: Option<OpenInvoice>,
    /// Whether it is being asked for.
    pub asking: bool,
    /// When it was last asked for.
    pub asked_at: Timestamp,
}

/// What the gateway answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvoice {
    /// Where the money goes.
    pub address: String,
    /// How many coins are the price.
    pub expected: Coins,
}

impl FromRow for InvoiceRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let state: String = row.get("state")?;
        let address: Option<String> = row.get("address")?;
        let expected = row.parse_optional("expected")?;
        let open = address.zip(expected).filter(|_| state == "open");
        Ok(Self {
            payment_id: row.parse("payment_id")?,
            external_id: row.get("external_id")?,
            coin: row.get("coin")?,
            open: open.map(|(address, expected)| OpenInvoice { address, expected }),
            asking: state == "asking",
            asked_at: Timestamp::from_millis(row.get("asked_at")?),
        })
    }
}

macro_rules! columns {
    () => {
        "payment_id, external_id, coin, state, asked_at, address, expected"
    };
}

/// The invoice of a payment, in a transaction that has locked the payment.
pub async fn invoice(tx: &mut Tx, payment: &PaymentId) -> Result<Option<InvoiceRow>, DbError> {
    let sql = sql!(concat!("SELECT ", columns!(), " FROM shkeeper_invoices WHERE payment_id = $1"));
    tx.fetch_optional_as(sql, args![payment]).await
}

/// The same, as it is committed.
pub async fn look(db: &Db, payment: &PaymentId) -> Result<Option<InvoiceRow>, DbError> {
    let sql = sql!(concat!("SELECT ", columns!(), " FROM shkeeper_invoices WHERE payment_id = $1"));
    db.fetch_optional_as(sql, args![payment]).await
}

/// All invoices that were answered.
pub async fn all_open(db: &Db) -> Result<Vec<InvoiceRow>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM shkeeper_invoices WHERE state = 'open' ORDER BY payment_id"
    ));
    db.fetch_all_as(sql, args![]).await
}

/// Notes that the invoice is being asked for in this coin, where it was not asked for yet, was
/// refused, or was asked for before `stale` and never answered. False otherwise.
pub async fn claim(
    tx: &mut Tx,
    payment: &PaymentId,
    external_id: &str,
    coin: &str,
    stale: Timestamp,
) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let claimed = tx
        .execute(
            sql!(
                "INSERT INTO shkeeper_invoices (payment_id, external_id, coin, state, asked_at)
                 VALUES ($1, $2, $3, 'asking', $4)
                 ON CONFLICT (payment_id) DO UPDATE
                 SET coin = excluded.coin, state = 'asking', asked_at = excluded.asked_at
                 WHERE shkeeper_invoices.state = 'none'
                    OR (shkeeper_invoices.state = 'asking' AND shkeeper_invoices.asked_at < $5)"
            ),
            args![payment, external_id, coin, now, stale.as_millis()],
        )
        .await?;
    Ok(claimed == 1)
}

/// Stores the answer to the question of `asked_at`. False where it was asked again since.
pub async fn set_open(
    tx: &mut Tx,
    payment: &PaymentId,
    asked_at: Timestamp,
    made: &MadeInvoice,
    expected: Coins,
) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let stored = tx
        .execute(
            sql!(
                "UPDATE shkeeper_invoices
                 SET state = 'open', address = $1, expected = $2, rate = $3, opened_at = $4
                 WHERE payment_id = $5 AND state = 'asking' AND asked_at = $6"
            ),
            args![
                &made.address,
                expected.to_string(),
                made.rate.to_string(),
                now,
                payment,
                asked_at.as_millis(),
            ],
        )
        .await?;
    Ok(stored == 1)
}

/// The gateway has certainly not made what was asked for at `asked_at`.
pub async fn set_none(
    tx: &mut Tx,
    payment: &PaymentId,
    asked_at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE shkeeper_invoices SET state = 'none'
             WHERE payment_id = $1 AND state = 'asking' AND asked_at = $2"
        ),
        args![payment, asked_at.as_millis()],
    )
    .await?;
    Ok(())
}

impl FromRow for Known {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            coin: row.get("coin")?,
            txid: row.get("txid")?,
            amount: row.parse("amount")?,
            credited: row.get("credited")?,
            confirmed: row.get("confirmed")?,
        })
    }
}

/// What is known of transfers to an invoice.
pub async fn transfers(tx: &mut Tx, payment: &PaymentId) -> Result<Vec<Known>, DbError> {
    let sql = sql!(
        "SELECT coin, txid, amount, credited, confirmed FROM shkeeper_transfers
         WHERE payment_id = $1 ORDER BY coin, txid"
    );
    tx.fetch_all_as(sql, args![payment]).await
}

/// A transfer and the payment that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTransfer {
    /// The payment.
    pub payment_id: PaymentId,
    /// The transfer.
    pub known: Known,
    /// When it was seen first.
    pub seen_at: Timestamp,
}

impl FromRow for PaymentTransfer {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let seen_at = Timestamp::from_millis(row.get("seen_at")?);
        Ok(Self { payment_id: row.parse("payment_id")?, known: Known::from_row(row)?, seen_at })
    }
}

/// All transfers that are known.
pub async fn all_transfers(db: &Db) -> Result<Vec<PaymentTransfer>, DbError> {
    let sql = sql!(
        "SELECT payment_id, coin, txid, amount, credited, confirmed, seen_at
         FROM shkeeper_transfers
         ORDER BY payment_id, coin, txid"
    );
    db.fetch_all_as(sql, args![]).await
}

/// Stores a transfer as it is known now.
pub async fn upsert_transfer(
    tx: &mut Tx,
    payment: &PaymentId,
    known: &Known,
) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO shkeeper_transfers
                 (payment_id, coin, txid, amount, credited, confirmed, seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (payment_id, coin, txid) DO UPDATE
             SET amount = excluded.amount, credited = excluded.credited,
                 confirmed = excluded.confirmed"
        ),
        args![
            payment,
            &known.coin,
            &known.txid,
            known.amount.to_string(),
            known.credited,
            known.confirmed,
            now,
        ],
    )
    .await?;
    Ok(())
}

/// A callback as it came.
#[derive(Debug)]
pub struct CallbackRow<'r> {
    /// `payment` or `payout`.
    pub endpoint: &'static str,
    /// SHA-256 of the body, in hexadecimal.
    pub digest: &'r str,
    /// Of what it tells, where it can be read.
    pub external_id: Option<&'r str>,
    /// The body.
    pub body: &'r str,
    /// By what it was believed.
    pub proof: &'static str,
    /// What is odd about it.
    pub flag: Option<&'static str>,
}

/// Stores a callback. False where the same text was there already.
pub async fn insert_callback(tx: &mut Tx, row: &CallbackRow<'_>) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let inserted = tx
        .execute(
            sql!(
                "INSERT INTO shkeeper_callbacks
                     (endpoint, digest, external_id, body, proof, flag, received_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (endpoint, digest) DO NOTHING"
            ),
            args![row.endpoint, row.digest, row.external_id, row.body, row.proof, row.flag, now],
        )
        .await?;
    Ok(inserted == 1)
}

/// Whether a callback of this text was stored.
pub async fn has_callback(db: &Db, endpoint: &str, digest: &str) -> Result<bool, DbError> {
    let sql = sql!("SELECT endpoint FROM shkeeper_callbacks WHERE endpoint = $1 AND digest = $2");
    Ok(db.fetch_optional(sql, args![endpoint, digest]).await?.is_some())
}

/// Forgets callbacks of before a time.
pub async fn sweep_callbacks(tx: &mut Tx, before: Timestamp) -> Result<(), DbError> {
    let sql = sql!("DELETE FROM shkeeper_callbacks WHERE received_at < $1");
    tx.execute(sql, args![before.as_millis()]).await?;
    Ok(())
}

/// What the gateway was told to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryRow {
    /// The try's name at the gateway.
    pub external_id: String,
    /// What it pays.
    pub payout_id: PayoutId,
    /// The coin.
    pub coin: String,
    /// How many coins.
    pub amount: Coins,
    /// Where they go.
    pub address: String,
    /// When it was noted.
    pub created_at: Timestamp,
}

impl FromRow for TryRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            external_id: row.get("external_id")?,
            payout_id: row.parse("payout_id")?,
            coin: row.get("coin")?,
            amount: row.parse("amount")?,
            address: row.get("address")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

/// Notes a try before it is made. False where it was noted before: then it may have been made.
pub async fn insert_try(tx: &mut db::Tx, row: &TryRow) -> Result<bool, DbError> {
    let inserted = tx
        .execute(
            sql!(
                "INSERT INTO shkeeper_payouts
                     (external_id, payout_id, coin, amount, address, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (external_id) DO NOTHING"
            ),
            args![
                &row.external_id,
                &row.payout_id,
                &row.coin,
                row.amount.to_string(),
                &row.address,
                row.created_at.as_millis(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// The try of this name.
pub async fn find_try(db: &Db, external_id: &str) -> Result<Option<TryRow>, DbError> {
    let sql = sql!(
        "SELECT external_id, payout_id, coin, amount, address, created_at FROM shkeeper_payouts
         WHERE external_id = $1"
    );
    db.fetch_optional_as(sql, args![external_id]).await
}

/// All tries that were noted.
pub async fn all_tries(db: &Db) -> Result<Vec<TryRow>, DbError> {
    let sql = sql!(
        "SELECT external_id, payout_id, coin, amount, address, created_at FROM shkeeper_payouts
         ORDER BY external_id"
    );
    db.fetch_all_as(sql, args![]).await
}
