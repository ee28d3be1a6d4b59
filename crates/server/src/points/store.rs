//! The rows of points.

use db::{Db, DbError, FromRow, Row, args, sql};
use events::{Currency, PointsTransactionId, RequestId, Timestamp, UserId};

use super::model::{PointsTransaction, Reason, Referral};
use crate::extract::Page;
use crate::journal::Tx;

/// What a user's points add up to; see the migration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub balance: i64,
    pub lifetime: i64,
    pub peak: i64,
    pub owed: i64,
    pub credit: i64,
    pub last_number: i64,
}

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            balance: row.get("balance")?,
            lifetime: row.get("lifetime")?,
            peak: row.get("peak")?,
            owed: row.get("owed")?,
            credit: row.get("credit")?,
            last_number: row.get("last_number")?,
        })
    }
}

/// Locks the user's account until the transaction ends, made where there was none.
pub async fn lock(tx: &mut Tx, user: &UserId) -> Result<Account, DbError> {
    tx.fetch_one_as(
        sql!(
            "INSERT INTO points_accounts
                 (user_id, balance, lifetime, peak, owed, credit, last_number)
             VALUES ($1, 0, 0, 0, 0, 0, 0)
             ON CONFLICT (user_id) DO UPDATE SET balance = points_accounts.balance
             RETURNING balance, lifetime, peak, owed, credit, last_number"
        ),
        args![user],
    )
    .await
}

pub async fn find(tx: &mut db::Tx, user: &UserId) -> Result<Account, DbError> {
    let account = tx
        .fetch_optional_as(
            sql!(
                "SELECT balance, lifetime, peak, owed, credit, last_number FROM points_accounts
                 WHERE user_id = $1"
            ),
            args![user],
        )
        .await?;
    Ok(account.unwrap_or_default())
}

pub async fn save(tx: &mut Tx, user: &UserId, account: &Account) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE points_accounts
             SET balance = $1, lifetime = $2, peak = $3, owed = $4, credit = $5, last_number = $6
             WHERE user_id = $7"
        ),
        args![
            account.balance,
            account.lifetime,
            account.peak,
            account.owed,
            account.credit,
            account.last_number,
            user,
        ],
    )
    .await?;
    Ok(())
}

/// A movement that is to be added.
pub struct Entry<'a> {
    pub id: PointsTransactionId,
    pub number: i64,
    pub reason: Reason,
    pub reference: &'a str,
    pub request: Option<&'a RequestId>,
    pub amount: i64,
    pub balance_after: i64,
}

pub async fn insert(tx: &mut Tx, user: &UserId, entry: &Entry<'_>) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO points_transactions (id, user_id, number, reason, reference, request_id,
                 amount, balance_after, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        args![
            &entry.id,
            user,
            entry.number,
            &entry.reason,
            entry.reference,
            entry.request,
            entry.amount,
            entry.balance_after,
            now,
        ],
    )
    .await?;
    Ok(())
}

/// Whether points moved for this already.
pub async fn exists(
    tx: &mut Tx,
    user: &UserId,
    reason: Reason,
    reference: &str,
) -> Result<bool, DbError> {
    let row = tx
        .fetch_optional(
            sql!(
                "SELECT id FROM points_transactions
                 WHERE user_id = $1 AND reason = $2 AND reference = $3"
            ),
            args![user, &reason, reference],
        )
        .await?;
    Ok(row.is_some())
}

/// What a deal earned, by user.
pub async fn earned_by(
    tx: &mut Tx,
    request: &RequestId,
) -> Result<Vec<(UserId, PointsTransactionId, i64)>, DbError> {
    let rows = tx
        .fetch_all(
            sql!(
                "SELECT user_id, id, amount FROM points_transactions
                 WHERE request_id = $1 AND amount > 0 ORDER BY user_id, number"
            ),
            args![request],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.parse("user_id")?, row.parse("id")?, row.get("amount")?)))
        .collect()
}

/// Whose movement it is, and its number.
pub async fn place(
    tx: &mut Tx,
    id: &PointsTransactionId,
) -> Result<Option<(UserId, i64)>, DbError> {
    let row = tx
        .fetch_optional(
            sql!("SELECT user_id, number FROM points_transactions WHERE id = $1"),
            args![id],
        )
        .await?;
    row.map(|row| Ok((row.parse("user_id")?, row.get("number")?))).transpose()
}

/// How many points the user earned up to that movement and has not used since: what is used are
/// the oldest ones.
pub async fn unused_until(tx: &mut Tx, user: &UserId, number: i64) -> Result<i64, DbError> {
    let row = tx
        .fetch_one(
            sql!(
                "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS unused
                 FROM points_transactions
                 WHERE user_id = $1 AND (amount < 0 OR number <= $2)"
            ),
            args![user, number],
        )
        .await?;
    row.get("unused")
}

/// A [`PointsTransaction`] as a row.
struct Stored(PointsTransaction);

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let reason: Reason = row.parse("reason")?;
        Ok(Self(PointsTransaction {
            id: row.parse("id")?,
            movement: reason.into(),
            reason,
            amount: row.get("amount")?,
            balance_after: row.get("balance_after")?,
            request_id: row.parse_optional("request_id")?,
            referred_user_id: match reason {
                Reason::Referral => Some(row.parse("reference")?),
                _ => None,
            },
            created_at: Timestamp::from_millis(row.get("created_at")?),
        }))
    }
}

/// One page of a user's movements, newest first, and how many there are.
pub async fn list(
    db: &Db,
    user: &UserId,
    page: Page,
) -> Result<(Vec<PointsTransaction>, i64), DbError> {
    // Both statements look at the same state.
    let mut tx = db.begin_read().await?;
    let count = sql!("SELECT COUNT(*) AS total FROM points_transactions WHERE user_id = $1");
    let total = tx.fetch_one(count, args![user]).await?.get("total")?;
    let rows: Vec<Stored> = tx
        .fetch_all_as(
            sql!(
                "SELECT id, reason, reference, request_id, amount, balance_after, created_at
                 FROM points_transactions WHERE user_id = $1
                 ORDER BY number DESC LIMIT $2 OFFSET $3"
            ),
            args![user, page.limit, page.offset()],
        )
        .await?;
    Ok((rows.into_iter().map(|Stored(row)| row).collect(), total))
}

pub async fn count_referrals(tx: &mut db::Tx, referrer: &UserId) -> Result<i64, DbError> {
    let count = sql!("SELECT COUNT(*) AS total FROM users WHERE referred_by = $1");
    tx.fetch_one(count, args![referrer]).await?.get("total")
}

/// One page of those whom a user invited, newest first, and what they brought.
pub async fn referrals(
    tx: &mut db::Tx,
    referrer: &UserId,
    page: Page,
) -> Result<Vec<Referral>, DbError> {
    let rows = tx
        .fetch_all(
            sql!(
                "SELECT u.id, u.name, u.created_at, t.amount
                 FROM users u LEFT JOIN points_transactions t
                     ON t.user_id = $1 AND t.reason = 'referral' AND t.reference = u.id
                 WHERE u.referred_by = $1
                 ORDER BY u.created_at DESC, u.id DESC LIMIT $2 OFFSET $3"
            ),
            args![referrer, page.limit, page.offset()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let points: Option<i64> = row.get("amount")?;
            Ok(Referral {
                user_id: row.parse("id")?,
                name: row.get("name")?,
                joined_at: Timestamp::from_millis(row.get("created_at")?),
                rewarded: points.is_some(),
                points: points.unwrap_or(0),
            })
        })
        .collect()
}

/// A row of the leaderboard.
pub struct Ranked {
    pub rank: i64,
    pub user: UserId,
    pub name: String,
    pub lifetime: i64,
}

/// One page of all users with points, most first, and how many these are.
pub async fn leaderboard(db: &Db, page: Page) -> Result<(Vec<Ranked>, i64), DbError> {
    // Both statements look at the same state.
    let mut tx = db.begin_read().await?;
    let count = sql!("SELECT COUNT(*) AS total FROM points_accounts WHERE lifetime > 0");
    let total = tx.fetch_one(count, args![]).await?.get("total")?;
    let rows = tx
        .fetch_all(
            sql!(
                "SELECT p.user_id, u.name, p.lifetime,
                        1 + (SELECT COUNT(*) FROM points_accounts above
                             WHERE above.lifetime > p.lifetime) AS place
                 FROM points_accounts p JOIN users u ON u.id = p.user_id
                 WHERE p.lifetime > 0
                 ORDER BY p.lifetime DESC, p.user_id LIMIT $1 OFFSET $2"
            ),
            args![page.limit, page.offset()],
        )
        .await?;
    let rows = rows.iter().map(|row| {
        Ok(Ranked {
            rank: row.get("place")?,
            user: row.parse("user_id")?,
            name: row.get("name")?,
            lifetime: row.get("lifetime")?,
        })
    });
    Ok((rows.collect::<Result<_, DbError>>()?, total))
}

/// The discount on a deal's fee: whose it is, its points, its minor units.
pub async fn discount_on(
    tx: &mut Tx,
    request: &RequestId,
) -> Result<Option<(UserId, i64, i64)>, DbError> {
    let row = tx
        .fetch_optional(
            sql!("SELECT user_id, points, discount FROM points_discounts WHERE request_id = $1"),
            args![request],
        )
        .await?;
    row.map(|row| Ok((row.parse("user_id")?, row.get("points")?, row.get("discount")?))).transpose()
}

pub async fn insert_discount(
    tx: &mut Tx,
    request: &RequestId,
    user: &UserId,
    discount: super::model::Discount,
    currency: Currency,
) -> Result<(), DbError> {
    let now = tx.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO points_discounts
                 (request_id, user_id, points, discount, currency, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        args![request, user, discount.points, discount.minor, &currency, now],
    )
    .await?;
    Ok(())
}

pub async fn delete_discount(tx: &mut Tx, request: &RequestId) -> Result<(), DbError> {
    tx.execute(sql!("DELETE FROM points_discounts WHERE request_id = $1"), args![request]).await?;
    Ok(())
}
