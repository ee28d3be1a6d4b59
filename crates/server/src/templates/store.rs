//! The rows of templates and checkouts.

use std::collections::HashSet;

use db::{Db, DbError, FromRow, Row, Sql, Value, args, sql};
use events::documents::DeliveryTime;
use events::{
    CheckoutId, Currency, Money, OfferId, PaymentId, RequestId, TemplateId, Timestamp, UserId,
};

use super::body::{CheckoutItem, CheckoutStatus};
use super::model::Template;
use crate::extract::Page;
use crate::journal::Tx;

macro_rules! columns {
    () => {
        "id, seller_id, title, description, category_id, product_type, price, currency,
         delivery_amount, delivery_unit, max_usage, used, expires_at, share_link, created_at,
         updated_at"
    };
}

fn time(row: &Row, column: &str) -> Result<Timestamp, DbError> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

impl FromRow for Template {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.parse("id")?,
            seller_id: row.parse("seller_id")?,
            title: row.get("title")?,
            description: row.get("description")?,
            category_id: row.parse_optional("category_id")?,
            product_type: row.parse("product_type")?,
            price: row.get("price")?,
            currency: row.parse("currency")?,
            delivery_time: DeliveryTime {
                amount: row.get("delivery_amount")?,
                unit: row.parse("delivery_unit")?,
            },
            max_usage: row.get("max_usage")?,
            used: row.get("used")?,
            expires_at: row.get::<Option<i64>>("expires_at")?.map(Timestamp::from_millis),
            share_link: row.get("share_link")?,
            created_at: time(row, "created_at")?,
            updated_at: time(row, "updated_at")?,
        })
    }
}

pub async fn insert(tx: &mut Tx, template: &Template) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO request_templates (id, seller_id, title, description, category_id,
                 product_type, price, currency, delivery_amount, delivery_unit, max_usage, used,
                 expires_at, share_link, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14, $14)"
        ),
        args![
            &template.id,
            &template.seller_id,
            &template.title,
            &template.description,
            template.category_id.as_ref(),
            &template.product_type,
            template.price,
            &template.currency,
            template.delivery_time.amount,
            &template.delivery_time.unit,
            template.max_usage,
            template.expires_at.map(Timestamp::as_millis),
            &template.share_link,
            template.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

/// A template that was not deleted.
pub async fn find(db: &Db, id: &TemplateId) -> Result<Option<Template>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM request_templates WHERE id = $1 AND deleted_at IS NULL"
    ));
    db.fetch_optional_as(sql, args![id]).await
}

/// What [`find`] reads, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &TemplateId) -> Result<Option<Template>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM request_templates WHERE id = $1 AND deleted_at IS NULL"
    ))
    .for_update();
    tx.fetch_optional_as(sql, args![id]).await
}

pub async fn find_by_link(db: &Db, link: &str) -> Result<Option<Template>, DbError> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM request_templates WHERE share_link = $1 AND deleted_at IS NULL"
    ));
    db.fetch_optional_as(sql, args![link]).await
}

/// Stores what the seller may change. False where more is taken than the new stock holds.
pub async fn set_details(tx: &mut Tx, template: &Template) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE request_templates
                 SET title = $1, description = $2, category_id = $3, product_type = $4,
                     price = $5, currency = $6, delivery_amount = $7, delivery_unit = $8,
                     max_usage = $9, expires_at = $10, updated_at = $11
                 WHERE id = $12 AND deleted_at IS NULL
                   AND (CAST($9 AS BIGINT) IS NULL OR used <= $9)"
            ),
            args![
                &template.title,
                &template.description,
                template.category_id.as_ref(),
                &template.product_type,
                template.price,
                &template.currency,
                template.delivery_time.amount,
                &template.delivery_time.unit,
                template.max_usage,
                template.expires_at.map(Timestamp::as_millis),
                template.updated_at.as_millis(),
                &template.id,
            ],
        )
        .await?;
    Ok(changed == 1)
}

pub async fn delete(tx: &mut Tx, id: &TemplateId) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let deleted = tx
        .execute(
            sql!(
                "UPDATE request_templates SET deleted_at = $1, updated_at = $1
                 WHERE id = $2 AND deleted_at IS NULL"
            ),
            args![now, id],
        )
        .await?;
    Ok(deleted == 1)
}

/// One page of a seller's templates, or of all, newest first, and the number of all rows.
pub async fn list(
    db: &Db,
    seller: Option<&UserId>,
    page: Page,
) -> Result<(Vec<Template>, i64), DbError> {
    macro_rules! filter {
        () => {
            " FROM request_templates
              WHERE deleted_at IS NULL AND (CAST($1 AS TEXT) IS NULL OR seller_id = $1)"
        };
    }
    let mut tx = db.begin_read().await?;
    let count = sql!(concat!("SELECT COUNT(*) AS total", filter!()));
    let total = tx.fetch_one(count, args![seller]).await?.get("total")?;
    let select = sql!(concat!(
        "SELECT ",
        columns!(),
        filter!(),
        " ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
    ));
    let rows = tx.fetch_all_as(select, args![seller, page.limit, page.offset()]).await?;
    Ok((rows, total))
}

/// Takes uses of a template that can be bought now; `None` where it cannot.
pub async fn take(
    tx: &mut Tx,
    id: &TemplateId,
    quantity: u32,
) -> Result<Option<Template>, DbError> {
    let now = tx.now().as_millis();
    let sql = sql!(concat!(
        "UPDATE request_templates SET used = used + $1
         WHERE id = $2 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
           AND (max_usage IS NULL OR used + $1 <= max_usage)
         RETURNING ",
        columns!()
    ));
    tx.fetch_optional_as(sql, args![i64::from(quantity), id, now]).await
}

/// Gives the uses of a failed checkout back.
pub async fn give_back(tx: &mut Tx, id: &CheckoutId) -> Result<(), DbError> {
    let sql = sql!(
        "SELECT template_id, quantity FROM template_checkout_items
         WHERE checkout_id = $1 ORDER BY template_id"
    );
    for row in tx.fetch_all(sql, args![id]).await? {
        let template: TemplateId = row.parse("template_id")?;
        let quantity: i64 = row.get("quantity")?;
        tx.execute(
            sql!("UPDATE request_templates SET used = used - $1 WHERE id = $2"),
            args![quantity, &template],
        )
        .await?;
    }
    Ok(())
}

/// A stored checkout.
#[derive(Debug, Clone)]
pub struct StoredCheckout {
    pub id: CheckoutId,
    pub buyer_id: UserId,
    pub status: CheckoutStatus,
    pub total: i64,
    pub currency: Currency,
    pub payment_id: Option<PaymentId>,
    pub reason: Option<String>,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
}

impl FromRow for StoredCheckout {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.parse("id")?,
            buyer_id: row.parse("buyer_id")?,
            status: row.parse("status")?,
            total: row.get("total")?,
            currency: row.parse("currency")?,
            payment_id: row.parse_optional("payment_id")?,
            reason: row.get("reason")?,
            expires_at: time(row, "expires_at")?,
            created_at: time(row, "created_at")?,
        })
    }
}

/// One request of a checkout.
#[derive(Debug, Clone)]
pub struct Share {
    pub request_id: RequestId,
    pub seller_id: UserId,
    pub offer_id: OfferId,
    pub amount: i64,
}

impl FromRow for Share {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            request_id: row.parse("request_id")?,
            seller_id: row.parse("seller_id")?,
            offer_id: row.parse("offer_id")?,
            amount: row.get("amount")?,
        })
    }
}

pub async fn insert_checkout(tx: &mut Tx, checkout: &StoredCheckout) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO template_checkouts (id, buyer_id, status, total, currency, expires_at,
                 created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
        ),
        args![
            &checkout.id,
            &checkout.buyer_id,
            &checkout.status,
            checkout.total,
            &checkout.currency,
            checkout.expires_at.as_millis(),
            checkout.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn insert_share(
    tx: &mut Tx,
    checkout: &CheckoutId,
    share: &Share,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO template_checkout_requests (request_id, checkout_id, seller_id, offer_id,
                 amount) VALUES ($1, $2, $3, $4, $5)"
        ),
        args![&share.request_id, checkout, &share.seller_id, &share.offer_id, share.amount],
    )
    .await?;
    Ok(())
}

pub async fn insert_item(
    tx: &mut Tx,
    checkout: &CheckoutId,
    request: &RequestId,
    template: &Template,
    quantity: u32,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO template_checkout_items (checkout_id, template_id, request_id, title,
                 quantity, price) VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        args![
            checkout,
            &template.id,
            request,
            &template.title,
            i64::from(quantity),
            template.price
        ],
    )
    .await?;
    Ok(())
}

pub async fn find_checkout(
    tx: &mut db::Tx,
    id: &CheckoutId,
) -> Result<Option<StoredCheckout>, DbError> {
    let sql = sql!(
        "SELECT id, buyer_id, status, total, currency, payment_id, reason, expires_at, created_at
         FROM template_checkouts WHERE id = $1"
    );
    tx.fetch_optional_as(sql, args![id]).await
}

/// Those of these users who are the buyer or a seller of the checkout beside each.
pub async fn partners(
    db: &db::Db,
    asked: &[(UserId, CheckoutId)],
) -> Result<HashSet<(UserId, CheckoutId)>, DbError> {
    let sql = Sql::for_rows(
        db.engine(),
        "SELECT asked.value->>0 AS user_id, c.id
         FROM asked JOIN template_checkouts c ON c.id = asked.value->>1
         WHERE c.buyer_id = asked.value->>0
            OR EXISTS (SELECT 1 FROM template_checkout_requests r
                       WHERE r.checkout_id = c.id AND r.seller_id = asked.value->>0)",
    );
    let rows = db.fetch_all(sql, args![Value::json(asked)?]).await?;
    rows.iter().map(|row| Ok((row.parse("user_id")?, row.parse("id")?))).collect()
}

/// The requests of a checkout, by id. They never change.
pub async fn shares(tx: &mut db::Tx, id: &CheckoutId) -> Result<Vec<Share>, DbError> {
    let sql = sql!(
        "SELECT request_id, seller_id, offer_id, amount FROM template_checkout_requests
         WHERE checkout_id = $1 ORDER BY request_id"
    );
    tx.fetch_all_as(sql, args![id]).await
}

/// What a checkout took.
pub async fn items(
    tx: &mut db::Tx,
    checkout: &StoredCheckout,
) -> Result<Vec<CheckoutItem>, DbError> {
    let sql = sql!(
        "SELECT i.template_id, r.seller_id, i.request_id, i.title, i.quantity, i.price
         FROM template_checkout_items i
         JOIN template_checkout_requests r ON r.request_id = i.request_id
         WHERE i.checkout_id = $1 ORDER BY i.template_id"
    );
    let read = |row: &Row| {
        Ok(CheckoutItem {
            template_id: row.parse("template_id")?,
            seller_id: row.parse("seller_id")?,
            request_id: row.parse("request_id")?,
            title: row.get("title")?,
            quantity: row.get("quantity")?,
            price: Money::from_minor(row.get("price")?, checkout.currency),
        })
    };
    tx.fetch_all(sql, args![&checkout.id]).await?.iter().map(read).collect()
}

/// The checkout that made a request. It never changes.
pub async fn checkout_of(tx: &mut Tx, request: &RequestId) -> Result<Option<CheckoutId>, DbError> {
    let sql = sql!("SELECT checkout_id FROM template_checkout_requests WHERE request_id = $1");
    let row = tx.fetch_optional(sql, args![request]).await?;
    row.map(|row| row.parse("checkout_id")).transpose()
}

/// Moves a checkout from one status to another. False where it is not in the first.
pub async fn finish(
    tx: &mut Tx,
    id: &CheckoutId,
    from: CheckoutStatus,
    status: CheckoutStatus,
    payment: Option<&PaymentId>,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    let now = tx.now().as_millis();
    let changed = tx
        .execute(
            sql!(
                "UPDATE template_checkouts
                 SET status = $1, payment_id = $2, reason = $3, updated_at = $4
                 WHERE id = $5 AND status = $6"
            ),
            args![&status, payment, reason, now, id, &from],
        )
        .await?;
    Ok(changed == 1)
}
