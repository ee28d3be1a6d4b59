//! What administrators ask the ledger, and what it answers.

use events::{Amount, Currency, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::model::{AccountKind, Kind};
use crate::error::Result;
use crate::extract::Page;

/// Which accounts to list; by id.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AccountQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only accounts of this kind.
    pub kind: Option<AccountKind>,
    /// Only those of this payment, request, seller, payout or rail.
    pub owner: Option<String>,
    /// Only those in this currency.
    pub currency: Option<Currency>,
}

impl AccountQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}

/// Which entries to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct EntryQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only those of this account.
    #[param(example = "platform_fee::USD")]
    pub account: Option<String>,
    /// Only those of transfers of this kind.
    pub kind: Option<Kind>,
    /// Only those of transfers with this reference.
    pub reference: Option<String>,
}

impl EntryQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }
}

/// An account and what it holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerAccount {
    /// The account: kind, owner and currency.
    #[serde(rename = "_id")]
    #[schema(example = "platform_fee::USD")]
    pub id: String,
    /// What it is.
    pub kind: AccountKind,
    /// Whose it is: a payment, request, seller, payout or rail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub owner: Option<String>,
    /// Its currency.
    pub currency: Currency,
    /// What was put in less what was taken out; below zero for clearing accounts.
    #[schema(example = "12.50")]
    pub balance: String,
    /// When it was first used.
    pub created_at: Timestamp,
}

/// An amount that went from one account to another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// The transfer that it is a part of.
    pub transfer_id: String,
    /// Its place there, from 0.
    pub line: i64,
    /// What the transfer is.
    pub kind: Kind,
    /// What the transfer is of; with the kind it is unique.
    pub reference: String,
    /// The account that lost the amount.
    pub from_account: String,
    /// The account that got it.
    pub to_account: String,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// When it was booked.
    pub created_at: Timestamp,
}
