//! The rows of the ledger.

use db::{Db, DbError, FromRow, Row, args, sql};
use events::{Currency, Timestamp};

use super::body::{AccountQuery, EntryQuery, LedgerAccount, LedgerEntry};
use super::model::{Account, Move, Transfer, signed};
use crate::extract::Page;
use crate::journal::Tx;

/// Writes the head of a transfer. False where one of this name was booked before.
pub async fn insert_transfer(tx: &mut Tx, id: &str, transfer: &Transfer) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let inserted = tx
        .execute(
            sql!(
                "INSERT INTO ledger_transfers (id, kind, reference, currency, created_at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, reference) DO NOTHING"
            ),
            args![id, &transfer.kind, &transfer.reference, &transfer.currency, now],
        )
        .await?;
    Ok(inserted == 1)
}

pub async fn ensure_account(
    tx: &mut Tx,
    account: &Account,
    currency: Currency,
) -> Result<String, DbError> {
    let (id, now) = (account.id(currency), tx.now().as_millis());
    tx.execute(
        sql!(
            "INSERT INTO ledger_accounts (id, kind, owner, currency, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING"
        ),
        args![&id, &account.kind(), account.owner(), &currency, now],
    )
    .await?;
    Ok(id)
}

pub async fn insert_entry(
    tx: &mut Tx,
    transfer: &str,
    line: i64,
    from: &str,
    to: &str,
    part: &Move,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO ledger_entries (transfer_id, line, from_account, to_account, amount)
             VALUES ($1, $2, $3, $4, $5)"
        ),
        args![transfer, line, from, to, part.amount],
    )
    .await?;
    Ok(())
}

/// What an account holds.
pub async fn balance(tx: &mut db::Tx, account: &str) -> Result<i64, DbError> {
    let row = tx
        .fetch_one(
            sql!(
                "SELECT CAST(COALESCE(SUM(CASE WHEN to_account = $1 THEN amount ELSE -amount END),
                             0) AS BIGINT) AS balance
                 FROM ledger_entries WHERE to_account = $1 OR from_account = $1"
            ),
            args![account],
        )
        .await?;
    row.get("balance")
}

/// Every account's own sum, over both columns of the entries.
macro_rules! balances {
    () => {
        "(SELECT account, CAST(SUM(amount) AS BIGINT) AS balance FROM (
              SELECT to_account AS account, amount FROM ledger_entries
              UNION ALL SELECT from_account, -amount FROM ledger_entries
          ) movements GROUP BY account)"
    };
}

/// The accounts that hold something, more or less than nothing.
pub async fn not_empty(tx: &mut db::Tx) -> Result<Vec<(String, Currency, i64)>, DbError> {
    let sql = sql!(concat!(
        "SELECT a.id, a.currency, b.balance FROM ledger_accounts a
         JOIN ",
        balances!(),
        " b ON b.account = a.id WHERE b.balance <> 0 ORDER BY a.id"
    ));
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter()
        .map(|row| Ok((row.get("id")?, row.parse("currency")?, row.get("balance")?)))
        .collect()
}

/// The sum over all accounts of each currency that has any.
pub async fn sums(tx: &mut db::Tx) -> Result<Vec<(Currency, i64)>, DbError> {
    let sql = sql!(concat!(
        "SELECT a.currency, CAST(SUM(b.balance) AS BIGINT) AS total FROM ledger_accounts a
         JOIN ",
        balances!(),
        " b ON b.account = a.id GROUP BY a.currency ORDER BY a.currency"
    ));
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter().map(|row| Ok((row.parse("currency")?, row.get("total")?))).collect()
}

/// Transfers without an entry, or with one in an account of another currency.
pub async fn malformed(tx: &mut db::Tx) -> Result<Vec<String>, DbError> {
    let sql = sql!(
        "SELECT t.kind, t.reference FROM ledger_transfers t
         WHERE NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.transfer_id = t.id)
            OR EXISTS (SELECT 1 FROM ledger_entries e
                       JOIN ledger_accounts a ON a.id IN (e.from_account, e.to_account)
                       WHERE e.transfer_id = t.id AND a.currency <> t.currency)
         ORDER BY t.id"
    );
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter()
        .map(|row| Ok(format!("{}:{}", row.get::<&str>("kind")?, row.get::<&str>("reference")?)))
        .collect()
}

impl FromRow for LedgerAccount {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let currency = row.parse("currency")?;
        let owner: String = row.get("owner")?;
        Ok(Self {
            id: row.get("id")?,
            kind: row.parse("kind")?,
            owner: (!owner.is_empty()).then_some(owner),
            currency,
            balance: signed(row.get("balance")?, currency),
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

impl FromRow for LedgerEntry {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let currency = row.parse("currency")?;
        Ok(Self {
            transfer_id: row.get("transfer_id")?,
            line: row.get("line")?,
            kind: row.parse("kind")?,
            reference: row.get("reference")?,
            from_account: row.get("from_account")?,
            to_account: row.get("to_account")?,
            amount: events::Amount::from_minor(row.get("amount")?, currency),
            currency,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

/// One page of accounts by id, and the number of rows on all pages.
pub async fn accounts(
    db: &Db,
    query: &AccountQuery,
    page: Page,
) -> Result<(Vec<LedgerAccount>, i64), DbError> {
    macro_rules! filter {
        () => {
            " WHERE (CAST($1 AS TEXT) IS NULL OR a.kind = $1)
              AND (CAST($2 AS TEXT) IS NULL OR a.owner = $2)
              AND (CAST($3 AS TEXT) IS NULL OR a.currency = $3)"
        };
    }
    let mut values = args![query.kind.as_ref(), query.owner.as_deref(), query.currency.as_ref()];
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total FROM ledger_accounts a", filter!()));
    let total = tx.fetch_one(count, values.clone()).await?.get("total")?;
    values.extend(args![page.limit, page.offset()]);
    let select = sql!(concat!(
        "SELECT a.id, a.kind, a.owner, a.currency, a.created_at,
                COALESCE(b.balance, 0) AS balance
         FROM ledger_accounts a LEFT JOIN ",
        balances!(),
        " b ON b.account = a.id",
        filter!(),
        " ORDER BY a.id LIMIT $4 OFFSET $5"
    ));
    Ok((tx.fetch_all_as(select, values).await?, total))
}

/// One page of entries, newest first, and the number of rows on all pages.
pub async fn entries(
    db: &Db,
    query: &EntryQuery,
    page: Page,
) -> Result<(Vec<LedgerEntry>, i64), DbError> {
    macro_rules! filter {
        () => {
            " FROM ledger_entries e JOIN ledger_transfers t ON t.id = e.transfer_id
              WHERE (CAST($1 AS TEXT) IS NULL OR e.from_account = $1 OR e.to_account = $1)
              AND (CAST($2 AS TEXT) IS NULL OR t.kind = $2)
              AND (CAST($3 AS TEXT) IS NULL OR t.reference = $3)"
        };
    }
    let mut values =
        args![query.account.as_deref(), query.kind.as_ref(), query.reference.as_deref()];
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total", filter!()));
    let total = tx.fetch_one(count, values.clone()).await?.get("total")?;
    values.extend(args![page.limit, page.offset()]);
    let select = sql!(concat!(
        "SELECT e.transfer_id, e.line, t.kind, t.reference, e.from_account, e.to_account, e.amount,
                t.currency, t.created_at",
        filter!(),
        " ORDER BY t.created_at DESC, t.id DESC, e.line LIMIT $4 OFFSET $5"
    ));
    Ok((tx.fetch_all_as(select, values).await?, total))
}
