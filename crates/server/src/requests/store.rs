//! The rows of requests.

use std::collections::HashMap;

use db::{Db, DbError, Row, Sql, Value, args, sql};
use events::documents::{Budget, PurchaseRequest};
use events::{CategoryId, RequestId, RequestStatus, Role, Timestamp, UserId};

use super::body::RequestSort;
use super::model::{OfferStanding, Party, Seen};
use crate::extract::{Caller, Page};
use crate::journal::Tx;
use crate::text::{fold, like_pattern};

/// Every column, how many live offers there are, and what the user `$1` is to the request.
macro_rules! seen {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.buyer_id, r.title, r.description, r.category_id, r.product_type,
                    r.quantity, r.budget_min, r.budget_max, r.currency, r.urgency, r.status,
                    r.preferred_seller_ids, r.delivery_info, r.offers_until, r.selected_offer_id,
                    r.created_at, r.updated_at,
                    (SELECT COUNT(*) FROM offers o WHERE o.request_id = r.id
                     AND o.status IN ('pending', 'accepted')) AS offers_count,
                    EXISTS (SELECT 1 FROM request_invitations i
                            WHERE i.request_id = r.id AND i.seller_id = $1) AS invited,
                    (SELECT MAX(CASE o.status WHEN 'accepted' THEN 3 WHEN 'pending' THEN 2
                                ELSE 1 END)
                     FROM offers o WHERE o.request_id = r.id AND o.seller_id = $1) AS offer
             FROM purchase_requests r ",
            $rest
        )
    };
}

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    id: &'a str,
    role: Role,
}

impl Viewer<'_> {
    /// The program itself, which sees what an administrator sees.
    pub const SYSTEM: Viewer<'static> = Viewer { id: "", role: Role::Admin };
}

impl<'a> Viewer<'a> {
    /// A user who is a seller.
    pub fn seller(id: &'a UserId) -> Self {
        Self { id: id.as_str(), role: Role::Seller }
    }
}

impl<'a> From<&'a Caller> for Viewer<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self { id: caller.user_id.as_str(), role: caller.role }
    }
}

fn read(row: &Row, viewer: Viewer<'_>) -> Result<Seen, DbError> {
    let request = PurchaseRequest {
        id: row.parse("id")?,
        title: row.get("title")?,
        description: row.get("description")?,
        category_id: row.parse_optional("category_id")?,
        product_type: row.parse("product_type")?,
        quantity: row.get("quantity")?,
        budget: Budget::from_minor(
            row.get("budget_min")?,
            row.get("budget_max")?,
            row.parse("currency")?,
        ),
        urgency: row.parse("urgency")?,
        status: row.parse("status")?,
        buyer_id: row.parse("buyer_id")?,
        preferred_seller_ids: row.json_optional("preferred_seller_ids")?,
        delivery_info: row.json_optional("delivery_info")?,
        offers_until: row.get::<Option<i64>>("offers_until")?.map(Timestamp::from_millis),
        selected_offer_id: row.parse_optional("selected_offer_id")?,
        offers_count: Some(row.get("offers_count")?),
        created_at: Timestamp::from_millis(row.get("created_at")?),
        updated_at: Timestamp::from_millis(row.get("updated_at")?),
    };
    let is_buyer = viewer.id == request.buyer_id.as_str();
    let party = party(row, viewer.role, is_buyer)?;
    Ok(Seen { request, party })
}

/// What a user of this role is to a request, by the columns `invited` and `offer`.
fn party(row: &Row, role: Role, is_buyer: bool) -> Result<Party, DbError> {
    Ok(match role {
        Role::Admin => Party::Admin,
        Role::Seller => Party::Seller {
            invited: row.get("invited")?,
            offer: match row.get::<Option<i64>>("offer")? {
                None => None,
                Some(3) => Some(OfferStanding::Accepted),
                Some(2) => Some(OfferStanding::Pending),
                Some(_) => Some(OfferStanding::Ended),
            },
        },
        Role::Buyer if is_buyer => Party::Buyer,
        Role::Buyer => Party::Stranger,
    })
}

/// What users are to requests, and the requests' states; nothing of requests that are not there.
pub async fn parties(
    db: &Db,
    looking: &[(UserId, Role, RequestId)],
) -> Result<Vec<Option<(Party, RequestStatus)>>, DbError> {
    let sql = Sql::for_rows(
        db.engine(),
        "SELECT asked.value->>0 AS user_id, r.id, r.buyer_id, r.status,
                EXISTS (SELECT 1 FROM request_invitations i
                        WHERE i.request_id = r.id AND i.seller_id = asked.value->>0) AS invited,
                (SELECT MAX(CASE o.status WHEN 'accepted' THEN 3 WHEN 'pending' THEN 2 ELSE 1 END)
                 FROM offers o WHERE o.request_id = r.id AND o.seller_id = asked.value->>0) AS offer
         FROM asked JOIN purchase_requests r ON r.id = asked.value->>1",
    );
    let pairs: Vec<_> = looking.iter().map(|(user, _, request)| (user, request)).collect();
    let mut rows: HashMap<(String, String), Row> = HashMap::new();
    for row in db.fetch_all(sql, args![Value::json(&pairs)?]).await? {
        rows.insert((row.get("user_id")?, row.get("id")?), row);
    }
    let find = |(user, role, request): &(UserId, Role, RequestId)| {
        let Some(row) = rows.get(&(user.to_string(), request.to_string())) else { return Ok(None) };
        let is_buyer = row.get::<String>("buyer_id")? == user.as_str();
        Ok(Some((party(row, *role, is_buyer)?, row.parse("status")?)))
    };
    looking.iter().map(find).collect()
}

fn select_one() -> Sql {
    sql!(seen!("WHERE r.id = $2"))
}

pub async fn find(db: &Db, viewer: Viewer<'_>, id: &RequestId) -> Result<Option<Seen>, DbError> {
    let row = db.fetch_optional(select_one(), args![viewer.id, id]).await?;
    row.map(|row| read(&row, viewer)).transpose()
}

/// Locks the request until the transaction ends, then reads it. The lock comes first, in a
/// statement of its own: what is read besides the locked row is as old as its statement.
pub async fn lock(tx: &mut Tx, id: &RequestId) -> Result<bool, DbError> {
    let lock = sql!("SELECT id FROM purchase_requests WHERE id = $1").for_update();
    Ok(tx.fetch_optional(lock, args![id]).await?.is_some())
}

/// What [`find`] reads, in a transaction.
pub async fn find_in(
    tx: &mut db::Tx,
    viewer: Viewer<'_>,
    id: &RequestId,
) -> Result<Option<Seen>, DbError> {
    let row = tx.fetch_optional(select_one(), args![viewer.id, id]).await?;
    row.map(|row| read(&row, viewer)).transpose()
}

pub async fn title(tx: &mut Tx, id: &RequestId) -> Result<Option<String>, DbError> {
    let sql = sql!("SELECT title FROM purchase_requests WHERE id = $1");
    tx.fetch_optional(sql, args![id]).await?.map(|row| row.get("title")).transpose()
}

/// Budgets are checked when they are read from outside; here both ends are whole minor units.
fn budget_values(request: &PurchaseRequest) -> Result<(i64, i64), DbError> {
    request.budget.minor().map_err(|error| DbError::Encode(error.to_string()))
}

fn search_text(request: &PurchaseRequest) -> String {
    fold(&format!("{}\n{}", request.title, request.description))
}

fn json<T: serde::Serialize>(value: Option<&T>) -> Result<Value, DbError> {
    value.map_or(Ok(Value::Null(db::Kind::Text)), Value::json)
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

pub async fn insert(tx: &mut Tx, request: &PurchaseRequest) -> Result<(), DbError> {
    let (budget_min, budget_max) = budget_values(request)?;
    tx.execute(
        sql!(
            "INSERT INTO purchase_requests (id, buyer_id, title, description, search_text,
                 category_id, product_type, quantity, budget_min, budget_max, currency, urgency,
                 status, preferred_seller_ids, delivery_info, offers_until, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $17)"
        ),
        args![
            &request.id,
            &request.buyer_id,
            &request.title,
            &request.description,
            search_text(request),
            request.category_id.as_ref(),
            &request.product_type,
            request.quantity,
            budget_min,
            budget_max,
            &request.budget.currency,
            &request.urgency,
            &request.status,
            json(request.preferred_seller_ids.as_ref())?,
            json(request.delivery_info.as_ref())?,
            millis(request.offers_until),
            request.created_at.as_millis(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn insert_invitation(
    tx: &mut Tx,
    request: &RequestId,
    seller: &UserId,
) -> Result<(), DbError> {
    tx.execute(
        sql!("INSERT INTO request_invitations (request_id, seller_id) VALUES ($1, $2)"),
        args![request, seller],
    )
    .await?;
    Ok(())
}

/// Moves the request from the status `from` to its own. False when it was not in `from`.
pub async fn set_status(
    tx: &mut Tx,
    request: &PurchaseRequest,
    from: RequestStatus,
) -> Result<bool, DbError> {
    let changed = tx
        .execute(
            sql!(
                "UPDATE purchase_requests
                 SET status = $1, selected_offer_id = $2, updated_at = $3
                 WHERE id = $4 AND status = $5"
            ),
            args![
                &request.status,
                request.selected_offer_id.as_ref(),
                request.updated_at.as_millis(),
                &request.id,
                &from,
            ],
        )
        .await?;
    Ok(changed == 1)
}

pub async fn set_cancel_reason(tx: &mut Tx, id: &RequestId, reason: &str) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE purchase_requests SET cancel_reason = $1 WHERE id = $2"),
        args![reason, id],
    )
    .await?;
    Ok(())
}

/// Stores what the buyer may change. False when the request is no longer in the status it was
/// read in.
pub async fn set_details(tx: &mut Tx, request: &PurchaseRequest) -> Result<bool, DbError> {
    let (budget_min, budget_max) = budget_values(request)?;
    let changed = tx
        .execute(
            sql!(
                "UPDATE purchase_requests
                 SET title = $1, description = $2, search_text = $3, category_id = $4,
                     quantity = $5, urgency = $6, budget_min = $7, budget_max = $8, currency = $9,
                     offers_until = $10, delivery_info = $11, updated_at = $12
                 WHERE id = $13 AND status = $14"
            ),
            args![
                &request.title,
                &request.description,
                search_text(request),
                request.category_id.as_ref(),
                request.quantity,
                &request.urgency,
                budget_min,
                budget_max,
                &request.budget.currency,
                millis(request.offers_until),
                json(request.delivery_info.as_ref())?,
                request.updated_at.as_millis(),
                &request.id,
                &request.status,
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Whose requests a list is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub enum Scope {
    /// All.
    All,
    /// Those of the buyer who asks.
    Own,
    /// Those that the seller who asks may see.
    Visible,
    /// Those that the seller who asks has an offer on.
    Offered,
}

impl Scope {
    fn condition(self) -> &'static str {
        match self {
            Self::All => "CAST($1 AS TEXT) IS NOT NULL",
            Self::Own => "r.buyer_id = $1",
            Self::Offered => {
                "EXISTS (SELECT 1 FROM offers o WHERE o.request_id = r.id AND o.seller_id = $1)"
            }
            Self::Visible => {
                "(EXISTS (SELECT 1 FROM offers o WHERE o.request_id = r.id AND o.seller_id = $1)
                  OR (r.status IN ('active', 'received_offers')
                      AND (r.preferred_seller_ids IS NULL
                           OR EXISTS (SELECT 1 FROM request_invitations i
                                      WHERE i.request_id = r.id AND i.seller_id = $1))))"
            }
        }
    }
}

impl RequestSort {
    fn order(self) -> &'static str {
        match self {
            Self::CreatedAt => "r.created_at, r.id",
            Self::CreatedAtDesc => "r.created_at DESC, r.id DESC",
            Self::OffersUntil => "r.offers_until NULLS LAST, r.id",
            Self::OffersUntilDesc => "r.offers_until DESC NULLS LAST, r.id DESC",
            Self::Budget => "r.currency, r.budget_max, r.id",
            Self::BudgetDesc => "r.currency, r.budget_max DESC, r.id DESC",
        }
    }
}

/// What a list is narrowed to. There are nine statuses, so `$2` to `$10` hold any set of them.
const FILTER: &str = " AND r.status IN ($2, $3, $4, $5, $6, $7, $8, $9, $10)
    AND (CAST($11 AS TEXT) IS NULL OR r.category_id IN (
        WITH RECURSIVE below AS (
            SELECT id FROM categories WHERE id = $11
            UNION SELECT c.id FROM categories c JOIN below ON c.parent_id = below.id
        ) SELECT id FROM below))
    AND (CAST($12 AS TEXT) IS NULL OR r.search_text LIKE $12 ESCAPE '\\')";

/// A list's filters and order.
pub struct Filter<'a> {
    pub scope: Scope,
    pub statuses: &'a [RequestStatus],
    pub category: Option<&'a CategoryId>,
    pub search: Option<&'a str>,
    pub sort: RequestSort,
    pub page: Page,
}

/// One page, and the number of rows on all pages.
pub async fn list(
    db: &Db,
    viewer: Viewer<'_>,
    filter: &Filter<'_>,
) -> Result<(Vec<Seen>, i64), DbError> {
    let mut values = args![viewer.id];
    let statuses = filter.statuses.iter().cycle().take(RequestStatus::ALL.len());
    values.extend(statuses.map(Value::from));
    values.extend(args![filter.category, filter.search.map(|words| like_pattern(&fold(words)))]);
    // Both statements look at the same state.
    let mut tx = db.begin_read().await?;
    let count = Sql::concat(&[
        "SELECT COUNT(*) AS total FROM purchase_requests r WHERE ",
        filter.scope.condition(),
        FILTER,
    ]);
    let total = tx.fetch_one(count, values.clone()).await?.get("total")?;
    values.extend(args![filter.page.limit, filter.page.offset()]);
    let select = Sql::concat(&[
        seen!("WHERE "),
        filter.scope.condition(),
        FILTER,
        " ORDER BY ",
        filter.sort.order(),
        " LIMIT $13 OFFSET $14",
    ]);
    let rows = tx.fetch_all(select, values).await?;
    let seen = rows.iter().map(|row| read(row, viewer)).collect::<Result<_, _>>()?;
    Ok((seen, total))
}
