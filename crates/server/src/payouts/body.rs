//! What clients send about payouts.

use events::PayoutStatus;
use garde::Validate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::error::Result;
use crate::extract::Page;
use crate::requests::words;

/// Which payouts to list; newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PayoutQuery {
    /// Counted from 1.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<i64>,
    /// Rows a page, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// One status, or several separated by commas.
    #[param(example = "failed,unknown")]
    pub status: Option<String>,
}

impl PayoutQuery {
    /// The page asked for.
    ///
    /// # Errors
    /// 422 for parameters that are out of range.
    pub fn page(&self) -> Result<Page> {
        Page::of(self.page, self.limit)
    }

    /// The statuses asked for; all of them where none is named.
    ///
    /// # Errors
    /// 422 for a word that is no status.
    pub fn statuses(&self) -> Result<Vec<PayoutStatus>> {
        words(self.status.as_deref(), PayoutStatus::ALL)
    }
}

/// How a payout is tried again.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetryPayout {
    /// The caller has made sure that nothing was sent. Only with it is a payout that is `unknown`
    /// handed over again; without it, the rail is asked again.
    #[garde(skip)]
    pub not_sent: bool,
}
