//! What is done with the ledger.

use events::Currency;

use super::body::{AccountQuery, EntryQuery, LedgerAccount, LedgerEntry};
use super::model::{Account, Transfer};
use super::store;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Listing;
use crate::journal::Tx;

/// Books a transfer. Who calls has decided by a conditional update that it is due, so one that
/// was booked before, or takes what is not there, is a bug: nothing of the transaction may stay.
///
/// # Errors
/// 500 for a transfer that cannot be booked.
pub async fn post(tx: &mut Tx, transfer: Transfer) -> Result<()> {
    let Transfer { kind, reference, currency, moves } = &transfer;
    let refuse = |why: &dyn std::fmt::Display| {
        ApiError::internal(&format!("ledger: {kind} {reference}: {why}"))
    };
    transfer.check().map_err(|error| refuse(&error))?;
    let id = tx.new_id::<uuid::Uuid>().to_string();
    if !store::insert_transfer(tx, &id, &transfer).await? {
        return Err(refuse(&"was booked before"));
    }
    for (line, part) in moves.iter().enumerate() {
        let from = store::ensure_account(tx, &part.from, *currency).await?;
        let to = store::ensure_account(tx, &part.to, *currency).await?;
        store::insert_entry(tx, &id, line as i64, &from, &to, part).await?;
        if part.from.is_of_one_deal() && store::balance(tx, &from).await? < 0 {
            return Err(refuse(&format!("{from} would be below zero")));
        }
    }
    Ok(())
}

/// What an account holds, in minor units.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn balance(tx: &mut Tx, account: &Account, currency: Currency) -> Result<i64> {
    Ok(store::balance(tx, &account.id(currency)).await?)
}

/// One page of accounts.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn accounts(app: &App, query: &AccountQuery) -> Result<Listing<LedgerAccount>> {
    let page = query.page()?;
    let (rows, total) = store::accounts(&app.db, query, page).await?;
    Ok(page.listing(rows, total))
}

/// One page of entries, newest first.
///
/// # Errors
/// 422 for parameters that cannot be used.
pub async fn entries(app: &App, query: &EntryQuery) -> Result<Listing<LedgerEntry>> {
    let page = query.page()?;
    let (rows, total) = store::entries(&app.db, query, page).await?;
    Ok(page.listing(rows, total))
}
