//! The rows of users.

use db::{DbError, FromRow, Row, args, sql};
use events::documents::{PublicUser, Rating};
use events::{Role, Timestamp, UserId};

use super::model::{SellerSort, User};
use crate::extract::Page;

macro_rules! user_columns {
    () => {
        "id, email, name, role, password_hash, avatar_id, payout_crypto, payout_address, \
         referral_code, referred_by, email_verified_at, created_at, updated_at"
    };
}

pub async fn insert(tx: &mut db::Tx, user: &User) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO users (id, email, name, role, password_hash, referral_code, referred_by,
                                email_verified_at, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
        ),
        args![
            &user.id,
            &user.email,
            &user.name,
            &user.role,
            &user.password_hash,
            &user.referral_code,
            user.referred_by.as_ref(),
            user.email_verified_at.map(Timestamp::as_millis),
            user.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn find(tx: &mut db::Tx, id: &UserId) -> Result<Option<User>, DbError> {
    let text = sql!(concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1"));
    tx.fetch_optional_as(text, args![id]).await
}

pub async fn lock(tx: &mut db::Tx, id: &UserId) -> Result<Option<User>, DbError> {
    let text = sql!(concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1"));
    tx.fetch_optional_as(text.for_update(), args![id]).await
}

pub async fn find_by_email(tx: &mut db::Tx, email: &str) -> Result<Option<User>, DbError> {
    let text = sql!(concat!("SELECT ", user_columns!(), " FROM users WHERE email = $1"));
    tx.fetch_optional_as(text, args![email]).await
}

pub async fn find_by_code(tx: &mut db::Tx, code: &str) -> Result<Option<UserId>, DbError> {
    let row = tx
        .fetch_optional(sql!("SELECT id FROM users WHERE referral_code = $1"), args![code])
        .await?;
    row.map(|row| row.parse("id")).transpose()
}

pub async fn referrer(tx: &mut db::Tx, id: &UserId) -> Result<Option<UserId>, DbError> {
    let row =
        tx.fetch_optional(sql!("SELECT referred_by FROM users WHERE id = $1"), args![id]).await?;
    row.map_or(Ok(None), |row| row.parse_optional("referred_by"))
}

/// Whether the user is `from`, or invited `from`, or invited who invited `from`, and so on.
pub async fn is_above(tx: &mut db::Tx, id: &UserId, from: &UserId) -> Result<bool, DbError> {
    // UNION leaves out what was seen: a ring ends.
    let text = sql!(
        "WITH RECURSIVE above AS (
             SELECT id, referred_by FROM users WHERE id = $1
             UNION SELECT u.id, u.referred_by FROM users u JOIN above a ON u.id = a.referred_by
         )
         SELECT id FROM above WHERE id = $2"
    );
    Ok(tx.fetch_optional(text, args![from, id]).await?.is_some())
}

/// Writes what owners can change.
pub async fn update_profile(tx: &mut db::Tx, user: &User) -> Result<(), DbError> {
    let wallet = user.payout_wallet.as_ref();
    tx.execute(
        sql!(
            "UPDATE users SET name = $1, avatar_id = $2, payout_crypto = $3, payout_address = $4,
                              updated_at = $5
             WHERE id = $6"
        ),
        args![
            &user.name,
            user.avatar_id.as_ref(),
            wallet.map(|wallet| &wallet.crypto),
            wallet.map(|wallet| &wallet.address),
            user.updated_at.as_millis(),
            &user.id,
        ],
    )
    .await?;
    Ok(())
}

/// Sets the password's hash where it is still the one that the decision rests on.
pub async fn replace_password(
    tx: &mut db::Tx,
    id: &UserId,
    old: &str,
    new: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE users SET password_hash = $1, updated_at = $2
                 WHERE id = $3 AND password_hash = $4"
            ),
            args![new, now.as_millis(), id, old],
        )
        .await?;
    Ok(changed == 1)
}

pub async fn verify_email(tx: &mut db::Tx, id: &UserId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE users SET email_verified_at = $1, updated_at = $1
             WHERE id = $2 AND email_verified_at IS NULL"
        ),
        args![now.as_millis(), id],
    )
    .await?;
    Ok(())
}

fn rating_of(row: &Row) -> Result<Option<Rating>, DbError> {
    let (reviews, stars): (Option<i64>, Option<i64>) = (row.get("reviews")?, row.get("stars")?);
    Ok(reviews.zip(stars).and_then(|(reviews, stars)| Rating::of(reviews, stars)))
}

/// What others say about a user, in sum.
pub async fn rating(tx: &mut db::Tx, id: &UserId) -> Result<Option<Rating>, DbError> {
    let text = sql!("SELECT reviews, stars FROM ratings WHERE user_id = $1");
    let row = tx.fetch_optional(text, args![id]).await?;
    row.as_ref().map_or(Ok(None), rating_of)
}

/// What everyone may know of a user.
struct Public(PublicUser);

impl FromRow for Public {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self(PublicUser {
            id: row.parse("id")?,
            name: row.get("name")?,
            role: row.parse("role")?,
            avatar_id: row.parse_optional("avatar_id")?,
            rating: rating_of(row)?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        }))
    }
}

/// One page of the sellers whose name matches the pattern, and how many there are of them.
pub async fn sellers(
    tx: &mut db::Tx,
    sort: SellerSort,
    pattern: Option<&str>,
    page: Page,
) -> Result<(Vec<PublicUser>, i64), DbError> {
    /// Ids grow with time and break ties.
    macro_rules! listing {
        ($order:literal) => {
            sql!(concat!(
                "SELECT id, name, role, avatar_id, created_at, reviews, stars
                 FROM users LEFT JOIN ratings ON user_id = id WHERE role = $1
                 AND (CAST($2 AS TEXT) IS NULL OR lower(name) LIKE lower($2) ESCAPE '\\')
                 ORDER BY ",
                $order,
                " LIMIT $3 OFFSET $4"
            ))
        };
    }
    let text = match sort {
        SellerSort::Name => listing!("lower(name), id"),
        SellerSort::NameDescending => listing!("lower(name) DESC, id DESC"),
        SellerSort::CreatedAt => listing!("created_at, id"),
        SellerSort::CreatedAtDescending => listing!("created_at DESC, id DESC"),
    };
    let role = Role::Seller;
    let rows: Vec<Public> =
        tx.fetch_all_as(text, args![&role, pattern, page.limit, page.offset()]).await?;
    let count = tx
        .fetch_one(
            sql!(
                "SELECT count(*) AS total FROM users WHERE role = $1
                 AND (CAST($2 AS TEXT) IS NULL OR lower(name) LIKE lower($2) ESCAPE '\\')"
            ),
            args![&role, pattern],
        )
        .await?;
    Ok((rows.into_iter().map(|Public(user)| user).collect(), count.get("total")?))
}
