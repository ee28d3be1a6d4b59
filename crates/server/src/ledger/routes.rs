//! `/api/ledger`, for administrators.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{AccountQuery, EntryQuery, LedgerAccount, LedgerEntry};
use super::reconcile::{self, Reconciliation};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Data, Listing, Query};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(accounts))
        .routes(routes!(entries))
        .routes(routes!(reconciliation))
}

/// Lists the accounts of the ledger and what they hold. For administrators.
#[utoipa::path(get, path = "/api/ledger/accounts", tag = "ledger", params(AccountQuery),
    responses((status = 200, description = "A page.", body = Listing<LedgerAccount>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn accounts(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<AccountQuery>,
) -> Result<Listing<LedgerAccount>> {
    service::accounts(&app, &query).await
}

/// Lists the entries of the ledger, newest first. For administrators.
#[utoipa::path(get, path = "/api/ledger/entries", tag = "ledger", params(EntryQuery),
    responses((status = 200, description = "A page.", body = Listing<LedgerEntry>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn entries(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<EntryQuery>,
) -> Result<Listing<LedgerEntry>> {
    service::entries(&app, &query).await
}

/// Compares the ledger with payments and payouts and names what differs. For administrators.
#[utoipa::path(get, path = "/api/ledger/reconciliation", tag = "ledger",
    responses((status = 200, description = "The comparison.", body = Data<Reconciliation>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody)))]
async fn reconciliation(State(app): State<App>, _: Admin) -> Result<Data<Reconciliation>> {
    Ok(Data::new(reconcile::run(&app.db).await?))
}
