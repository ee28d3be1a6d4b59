//! The rows of reviews.

use db::{DbError, FromRow, Row, args, sql};
use events::{Timestamp, UserId};

use super::model::Review;
use crate::extract::Page;
use crate::journal::Tx;

impl FromRow for Review {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.parse("id")?,
            request_id: row.parse("request_id")?,
            author_id: row.parse("author_id")?,
            author_name: row.get("author_name")?,
            subject_id: row.parse("subject_id")?,
            // The table holds 1 to 5.
            rating: row.get::<i64>("rating")? as u8,
            comment: row.get("comment")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
        })
    }
}

/// # Errors
/// `reviews_request_id_author_id` where the author wrote one about this deal.
pub async fn insert(tx: &mut Tx, review: &Review) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO reviews (id, request_id, author_id, subject_id, rating, comment,
                 created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        args![
            &review.id,
            &review.request_id,
            &review.author_id,
            &review.subject_id,
            i64::from(review.rating),
            &review.comment,
            review.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

/// Adds a review's stars to its subject's rating.
pub async fn count(tx: &mut Tx, subject: &UserId, rating: u8) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO ratings (user_id, reviews, stars) VALUES ($1, 1, $2)
             ON CONFLICT (user_id) DO UPDATE
             SET reviews = ratings.reviews + 1, stars = ratings.stars + excluded.stars"
        ),
        args![subject, i64::from(rating)],
    )
    .await?;
    Ok(())
}

/// One page of the reviews about a user, newest first, and how many there are.
pub async fn list(
    tx: &mut db::Tx,
    subject: &UserId,
    page: Page,
) -> Result<(Vec<Review>, i64), DbError> {
    let count = sql!("SELECT COUNT(*) AS total FROM reviews WHERE subject_id = $1");
    let total = tx.fetch_one(count, args![subject]).await?.get("total")?;
    let rows = tx
        .fetch_all_as(
            sql!(
                "SELECT r.id, r.request_id, r.author_id, u.name AS author_name, r.subject_id,
                        r.rating, r.comment, r.created_at
                 FROM reviews r JOIN users u ON u.id = r.author_id
                 WHERE r.subject_id = $1
                 ORDER BY r.created_at DESC, r.id DESC LIMIT $2 OFFSET $3"
            ),
            args![subject, page.limit, page.offset()],
        )
        .await?;
    Ok((rows, total))
}
