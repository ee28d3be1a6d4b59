//! Compares the ledger with what payments and payouts say (contract §4.1): `souk reconcile`, and
//! `GET /api/ledger/reconciliation`.
//!
//! Each slice that moves money tells what the accounts have to hold by its own rows
//! ([`Expected::add`]) and what is wrong in these rows themselves ([`Expected::report`]). To add
//! one, such as what a gateway says of itself, add its line in [`run`].

use std::collections::BTreeMap;

use db::Db;
use events::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{Account, signed};
use super::store;
use crate::app::App;
use crate::error::Result;
use crate::{payments, payouts, shkeeper};

/// What the ledger was compared with, and how it differs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// Whether there is no difference.
    pub balanced: bool,
    /// The sum over all accounts, which is zero.
    pub sums: Vec<CurrencySum>,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// The sum over all accounts of a currency.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrencySum {
    /// The currency.
    pub currency: Currency,
    /// Always zero.
    #[schema(example = "0.00")]
    pub sum: String,
}

/// Two things that have to be the same and are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What was compared.
    #[schema(example = "balance")]
    pub check: &'static str,
    /// Of what: an account, a payment, a payout.
    pub subject: String,
    /// What follows from the rows of payments and payouts.
    pub expected: String,
    /// What there is.
    pub found: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { check, subject, expected, found } = self;
        write!(f, "{check} of {subject}: {found} instead of {expected}")
    }
}

/// What the accounts have to hold.
#[derive(Debug, Default)]
pub struct Expected {
    balances: BTreeMap<String, (Currency, i64)>,
    differences: Vec<Difference>,
}

impl Expected {
    /// An account has to hold `amount` minor units more.
    pub fn add(&mut self, account: &Account, currency: Currency, amount: i64) {
        let entry = self.balances.entry(account.id(currency)).or_insert((currency, 0));
        entry.1 += amount;
    }

    /// The rows of a slice contradict each other.
    pub fn report(&mut self, difference: Difference) {
        self.differences.push(difference);
    }

    fn compare(mut self, found: Vec<(String, Currency, i64)>) -> Vec<Difference> {
        let mut differences = std::mem::take(&mut self.differences);
        let mut differ = |subject: String, currency, expected, found| {
            let (expected, found) = (signed(expected, currency), signed(found, currency));
            differences.push(Difference { check: "balance", subject, expected, found });
        };
        for (account, currency, balance) in found {
            let (_, expected) = self.balances.remove(&account).unwrap_or((currency, 0));
            if expected != balance {
                differ(account, currency, expected, balance);
            }
        }
        for (account, (currency, expected)) in self.balances {
            if expected != 0 {
                differ(account, currency, expected, 0);
            }
        }
        differences
    }
}

/// Compares everything, in one snapshot.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn run(db: &Db) -> Result<Reconciliation> {
    let mut tx = db.begin_read().await?;
    let mut expected = Expected::default();
    payments::reconcile::expect(&mut tx, &mut expected).await?;
    payouts::reconcile::expect(&mut tx, &mut expected).await?;
    for subject in store::malformed(&mut tx).await? {
        let (expected_text, found) = ("entries in its currency".into(), "none, or others".into());
        let check = "transfer";
        expected.report(Difference { check, subject, expected: expected_text, found });
    }
    let sums = store::sums(&mut tx).await?;
    for (currency, sum) in sums.iter().filter(|(_, sum)| *sum != 0) {
        expected.report(Difference {
            check: "sum",
            subject: currency.to_string(),
            expected: signed(0, *currency),
            found: signed(*sum, *currency),
        });
    }
    let differences = expected.compare(store::not_empty(&mut tx).await?);
    let sums = sums
        .into_iter()
        .map(|(currency, sum)| CurrencySum { currency, sum: signed(sum, currency) })
        .collect();
    Ok(Reconciliation { balanced: differences.is_empty(), sums, differences })
}

/// As [`run`], and compares with what gateways say of themselves as well.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn with_gateways(app: &App) -> Result<Reconciliation> {
    let mut found = run(&app.db).await?;
    found.differences.extend(shkeeper::reconcile::differences(app).await?);
    found.balanced = found.differences.is_empty();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::example;

    #[test]
    fn accounts_that_differ_are_named() {
        let usd = Currency::Usd;
        let escrow = Account::Escrow(example::request());
        let buyer = Account::Buyer(example::payment());
        let mut expected = Expected::default();
        expected.add(&escrow, usd, 100);
        expected.add(&escrow, usd, 50);
        expected.add(&buyer, usd, 7);
        expected.add(&Account::Refunds(example::payment()), usd, 0);
        let found = vec![(escrow.id(usd), usd, 150), (Account::PlatformFee.id(usd), usd, 1)];
        let differences = expected.compare(found);
        let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "balance of platform_fee::USD: 0.01 instead of 0.00".to_owned(),
                format!("balance of {}: 0.00 instead of 0.07", buyer.id(usd)),
            ]
        );
    }
}
