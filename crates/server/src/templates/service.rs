//! What is done with templates.

use events::{Money, ProductType, Role, TemplateId, Timestamp};

use super::body::{CreateTemplate, RequestTemplate, TemplateQuery, UpdateTemplate};
use super::error::TemplateError;
use super::model::{DELIVERY_TIME, Template};
use super::store;
use crate::app::App;
use crate::auth::secrets::new_secret;
use crate::catalogue;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Listing};
use crate::journal::Tx;

/// Longest text that is looked up as a link.
const LINK_MAX: usize = 100;

/// Publishes a template.
///
/// # Errors
/// 403 for anybody but a seller, 422.
pub async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    body: CreateTemplate,
) -> Result<RequestTemplate> {
    caller.require(Role::Seller)?;
    check_expiry(body.expires_at, tx.now())?;
    check_category(tx, body.category_id.as_ref()).await?;
    let template = Template {
        id: tx.new_id(),
        seller_id: caller.user_id.clone(),
        title: body.title.trim().to_owned(),
        description: body.description.trim().to_owned(),
        category_id: body.category_id,
        product_type: body.product_type.unwrap_or(ProductType::Physical),
        price: minor(&body.price)?,
        currency: body.price.currency,
        delivery_time: body.delivery_time.unwrap_or(DELIVERY_TIME),
        max_usage: body.max_usage.map(i64::from),
        used: 0,
        expires_at: body.expires_at,
        share_link: new_secret(&app.random),
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    store::insert(tx, &template).await?;
    Ok(document(template, tx.now(), true))
}

fn minor(price: &Money) -> Result<i64> {
    price.minor().map_err(|error| ApiError::invalid_field("price", error.to_string()))
}

fn check_expiry(time: Option<Timestamp>, now: Timestamp) -> Result<()> {
    if time.is_some_and(|time| time <= now) {
        return Err(ApiError::invalid_field("expiresAt", "must be in the future"));
    }
    Ok(())
}

async fn check_category(tx: &mut Tx, id: Option<&events::CategoryId>) -> Result<()> {
    if let Some(id) = id
        && !catalogue::service::exists(tx, id).await?
    {
        return Err(ApiError::invalid_field("categoryId", "is not a category"));
    }
    Ok(())
}

/// The document of a template. `whole`: with what is its seller's alone.
fn document(template: Template, now: Timestamp, whole: bool) -> RequestTemplate {
    RequestTemplate {
        available: template.is_available(now),
        remaining: template.remaining(),
        id: template.id,
        seller_id: template.seller_id,
        title: template.title,
        description: template.description,
        category_id: template.category_id,
        product_type: template.product_type,
        price: Money::from_minor(template.price, template.currency),
        delivery_time: template.delivery_time,
        max_usage: template.max_usage,
        usage_count: whole.then_some(template.used),
        expires_at: template.expires_at,
        share_link: whole.then_some(template.share_link),
        created_at: template.created_at,
        updated_at: template.updated_at,
    }
}

/// One page of the caller's own templates; all for administrators.
///
/// # Errors
/// 403 for buyers, 422 for parameters that cannot be used.
pub async fn list(
    app: &App,
    caller: &Caller,
    query: &TemplateQuery,
) -> Result<Listing<RequestTemplate>> {
    let page = query.page()?;
    let seller = match caller.role {
        Role::Admin => None,
        Role::Seller => Some(&caller.user_id),
        Role::Buyer => return Err(ApiError::forbidden()),
    };
    let (rows, total) = store::list(&app.db, seller, page).await?;
    let now = app.clock.now();
    let documents = rows.into_iter().map(|template| document(template, now, true)).collect();
    Ok(page.listing(documents, total))
}

/// One template: whole for its seller and administrators; to buyers what its link shows. Other
/// sellers have no business with it.
///
/// # Errors
/// 404.
pub async fn get(app: &App, caller: &Caller, id: &TemplateId) -> Result<RequestTemplate> {
    let template = store::find(&app.db, id).await?.ok_or_else(ApiError::not_found)?;
    let own = caller.is_admin() || template.seller_id == caller.user_id;
    if !own && caller.role != Role::Buyer {
        return Err(ApiError::not_found());
    }
    Ok(document(template, app.clock.now(), own))
}

/// The template of a share link, for whoever has it.
///
/// # Errors
/// 404.
pub async fn by_link(app: &App, link: &str) -> Result<RequestTemplate> {
    if link.len() > LINK_MAX || link.contains('\0') {
        return Err(ApiError::not_found());
    }
    let template = store::find_by_link(&app.db, link).await?.ok_or_else(ApiError::not_found)?;
    Ok(document(template, app.clock.now(), false))
}

/// Locks a template of the caller's.
async fn lock_own(tx: &mut Tx, caller: &Caller, id: &TemplateId) -> Result<Template> {
    let template = store::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    if template.seller_id == caller.user_id {
        return Ok(template);
    }
    match caller.role {
        Role::Seller => Err(ApiError::not_found()),
        Role::Buyer | Role::Admin => Err(ApiError::forbidden()),
    }
}

/// Changes a template. Deals that were made of it stay as they are.
///
/// # Errors
/// 404, 403 for buyers and administrators, 409 `stock_too_small`, 422.
pub async fn update(
    tx: &mut Tx,
    caller: &Caller,
    id: &TemplateId,
    body: UpdateTemplate,
) -> Result<RequestTemplate> {
    let mut template = lock_own(tx, caller, id).await?;
    check_expiry(body.expires_at.flatten(), tx.now())?;
    check_category(tx, body.category_id.as_ref().and_then(Option::as_ref)).await?;
    let before = template.clone();
    let trimmed = |text: String| text.trim().to_owned();
    template.title = body.title.map_or(template.title, trimmed);
    template.description = body.description.map_or(template.description, trimmed);
    template.category_id = body.category_id.unwrap_or(template.category_id);
    template.product_type = body.product_type.unwrap_or(template.product_type);
    if let Some(price) = &body.price {
        template.price = minor(price)?;
        template.currency = price.currency;
    }
    template.delivery_time = body.delivery_time.unwrap_or(template.delivery_time);
    template.max_usage = body.max_usage.map_or(template.max_usage, |max| max.map(i64::from));
    template.expires_at = body.expires_at.unwrap_or(template.expires_at);
    if template != before {
        template.updated_at = tx.now();
        if !store::set_details(tx, &template).await? {
            return Err(TemplateError::StockTooSmall(template.used).into());
        }
    }
    Ok(document(template, tx.now(), true))
}

/// Takes a template off sale, for ever. Deals that were made of it go on.
///
/// # Errors
/// 404, 403 for buyers; administrators may delete any.
pub async fn delete(tx: &mut Tx, caller: &Caller, id: &TemplateId) -> Result<()> {
    match lock_own(tx, caller, id).await {
        Ok(_) => {}
        Err(error) if error.status == http::StatusCode::FORBIDDEN && caller.is_admin() => {}
        Err(error) => return Err(error),
    }
    if store::delete(tx, id).await? { Ok(()) } else { Err(ApiError::not_found()) }
}
