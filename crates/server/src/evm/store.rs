//! The rows of intents, submitted transactions and claims.

use db::{Db, DbError, FromRow, Row, args, sql};
use events::{Currency, PaymentId, Timestamp};

use super::model::Standing;
use super::types::{Address, Hash};
use crate::config::{EvmConfig, Token};
use crate::journal::Tx;

/// How a payment is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The payment.
    pub payment_id: PaymentId,
    /// The chain.
    pub chain_id: u64,
    /// The token, as it was configured then.
    pub token: Token,
    /// How much, in the token's smallest units.
    pub amount: u128,
    /// Who is paid.
    pub payee: Address,
    /// Who pays.
    pub payer: Address,
    /// When the wallet's owner has shown to be the buyer.
    pub proven_at: Option<Timestamp>,
    /// The chain's height when this was told.
    pub block_number: u64,
    /// When this was told.
    pub created_at: Timestamp,
}

/// What a transaction was submitted for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::AsRefStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// The buyer pays.
    Payment,
    /// The seller is paid.
    Payout,
}

/// A submitted transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id.
    pub id: String,
    /// What for.
    pub kind: Kind,
    /// The payment or the payout.
    pub subject_id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// The transaction.
    pub tx_hash: Hash,
    /// Where it stands.
    pub standing: Standing,
    /// Why it is rejected or dropped.
    pub reason: Option<String>,
    /// Its block, where it was seen in one.
    pub block: Option<(u64, Hash)>,
    /// How deep its block was at the last look.
    pub depth: u64,
    /// Since when it is in no block as it should be.
    pub gone_since: Option<Timestamp>,
    /// Counts the changes.
    pub version: i64,
    /// When it was submitted.
    pub submitted_at: Timestamp,
}

fn number(row: &Row, column: &str) -> Result<u64, DbError> {
    Ok(row.get::<i64>(column)?.unsigned_abs())
}

fn time(row: &Row, column: &str) -> Result<Option<Timestamp>, DbError> {
    Ok(row.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
}

impl FromRow for Intent {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            payment_id: row.parse("payment_id")?,
            chain_id: number(row, "chain_id")?,
            token: Token {
                symbol: row.get("symbol")?,
                contract: row.parse_optional("contract")?,
                decimals: number(row, "decimals")? as u32,
                currency: row.parse::<Currency>("currency")?,
            },
            amount: row.parse("amount")?,
            payee: row.parse("payee")?,
            payer: row.parse("payer")?,
            proven_at: time(row, "proven_at")?,
            block_number: number(row, "block_number")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

impl FromRow for Submission {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let number_of_block = row.get::<Option<i64>>("block_number")?.map(i64::unsigned_abs);
        Ok(Self {
            id: row.get("id")?,
            kind: row.parse("kind")?,
            subject_id: row.get("subject_id")?,
            payment_id: row.parse("payment_id")?,
            tx_hash: row.parse("tx_hash")?,
            standing: row.parse("standing")?,
            reason: row.get("reason")?,
            block: number_of_block.zip(row.parse_optional("block_hash")?),
            depth: number(row, "depth")?,
            gone_since: time(row, "gone_since")?,
            version: row.get("version")?,
            submitted_at: Timestamp::from_millis(row.get("submitted_at")?),
        })
    }
}

macro_rules! intent_columns {
    () => {
        "payment_id, chain_id, symbol, contract, decimals, currency, amount, payee, payer,
         proven_at, block_number, created_at"
    };
}

macro_rules! submission_columns {
    () => {
        "id, kind, subject_id, payment_id, tx_hash, standing, reason, block_number, block_hash,
         depth, gone_since, version, submitted_at"
    };
}

pub async fn intent(tx: &mut Tx, payment: &PaymentId) -> Result<Option<Intent>, DbError> {
    let select =
        sql!(concat!("SELECT ", intent_columns!(), " FROM evm_intents WHERE payment_id = $1"));
    tx.fetch_optional_as(select, args![payment]).await
}

/// Stores an intent, in the place of an earlier one of the payment.
pub async fn put_intent(tx: &mut Tx, intent: &Intent) -> Result<(), DbError> {
    let token = &intent.token;
    tx.execute(
        sql!(
            "INSERT INTO evm_intents (payment_id, chain_id, symbol, contract, decimals, currency,
                 amount, payee, payer, block_number, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (payment_id) DO UPDATE
             SET chain_id = excluded.chain_id, symbol = excluded.symbol,
                 contract = excluded.contract, decimals = excluded.decimals,
                 currency = excluded.currency, amount = excluded.amount, payee = excluded.payee,
                 payer = excluded.payer, proven_at = NULL, block_number = excluded.block_number,
                 created_at = excluded.created_at"
        ),
        args![
            &intent.payment_id,
            intent.chain_id as i64,
            &token.symbol,
            token.contract.map(|contract| contract.to_string()),
            i64::from(token.decimals),
            &token.currency,
            intent.amount.to_string(),
            intent.payee.to_string(),
            intent.payer.to_string(),
            intent.block_number as i64,
            intent.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn set_proven(tx: &mut Tx, payment: &PaymentId) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    let update =
        sql!("UPDATE evm_intents SET proven_at = $1 WHERE payment_id = $2 AND proven_at IS NULL");
    tx.execute(update, args![now, payment]).await?;
    Ok(())
}

/// The submitted transactions of a payment, oldest first.
pub async fn submissions(
    tx: &mut Tx,
    kind: Kind,
    payment: &PaymentId,
) -> Result<Vec<Submission>, DbError> {
    let select = sql!(concat!(
        "SELECT ",
        submission_columns!(),
        " FROM evm_submissions WHERE payment_id = $1 AND kind = $2 ORDER BY submitted_at, id"
    ));
    tx.fetch_all_as(select, args![payment, kind.as_ref()]).await
}

pub async fn submission(db: &Db, id: &str) -> Result<Option<Submission>, DbError> {
    let select =
        sql!(concat!("SELECT ", submission_columns!(), " FROM evm_submissions WHERE id = $1"));
    db.fetch_optional(select, args![id]).await?.as_ref().map(Submission::from_row).transpose()
}

pub async fn insert_submission(tx: &mut Tx, new: &Submission) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO evm_submissions (id, kind, subject_id, payment_id, tx_hash, standing,
                 depth, gone_since, version, submitted_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $9)"
        ),
        args![
            &new.id,
            new.kind.as_ref(),
            &new.subject_id,
            &new.payment_id,
            new.tx_hash.to_string(),
            new.standing.as_str(),
            new.gone_since.map(Timestamp::as_millis),
            new.version,
            new.submitted_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

/// Stores where a submission stands now. False where somebody else changed it meanwhile.
pub async fn update_submission(tx: &mut Tx, new: &Submission) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let changed = tx
        .execute(
            sql!(
                "UPDATE evm_submissions
                 SET standing = $1, reason = $2, block_number = $3, block_hash = $4, depth = $5,
                     gone_since = $6, submitted_at = $7, updated_at = $8, version = version + 1
                 WHERE id = $9 AND version = $10"
            ),
            args![
                new.standing.as_str(),
                new.reason.clone(),
                new.block.map(|(number, _)| number as i64),
                new.block.map(|(_, hash)| hash.to_string()),
                new.depth as i64,
                new.gone_since.map(Timestamp::as_millis),
                new.submitted_at.as_millis(),
                now,
                &new.id,
                new.version,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Claims one transfer of a transaction for a submission, for ever; says whether it is the
/// submission's, now or before.
pub async fn claim(
    tx: &mut Tx,
    chain_id: u64,
    submission: &Submission,
    log_index: i64,
    amount: u128,
) -> Result<bool, DbError> {
    let (chain_id, hash) = (chain_id as i64, submission.tx_hash.to_string());
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO evm_claims (chain_id, tx_hash, log_index, submission_id, amount,
                 created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain_id, tx_hash, log_index) DO NOTHING"
        ),
        args![chain_id, &hash, log_index, &submission.id, amount.to_string(), now],
    )
    .await?;
    let select = sql!(
        "SELECT submission_id FROM evm_claims
         WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3"
    );
    let row = tx.fetch_one(select, args![chain_id, &hash, log_index]).await?;
    Ok(row.get::<String>("submission_id")? == submission.id)
}

/// The places of the transfers that a submission has claimed.
pub async fn claims(tx: &mut Tx, submission: &Submission) -> Result<Vec<i64>, DbError> {
    let select =
        sql!("SELECT log_index FROM evm_claims WHERE submission_id = $1 ORDER BY log_index");
    let rows = tx.fetch_all(select, args![&submission.id]).await?;
    rows.iter().map(|row| row.get("log_index")).collect()
}

impl Intent {
    /// Whether it asks for the same as this.
    pub fn is_like(&self, config: &EvmConfig, token: &Token, payer: Address) -> bool {
        self.chain_id == config.chain_id
            && self.payee == config.payee
            && self.token == *token
            && self.payer == payer
    }
}
