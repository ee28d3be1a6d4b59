//! Demo data: a small marketplace in which deals stand in every state.
//!
//! What holds always here:
//! - everything is done through the API, as its people would do it: events, notifications, the
//!   ledger and points are real, and what the rules forbid does not come about;
//! - only an empty database is filled: where one user is, nothing is touched;
//! - the same seed makes the same people, texts, prices and deals.

mod api;
mod disputes;
mod people;
mod shop;
mod story;

use std::sync::Arc;

use db::{args, sql};

use crate::app::App;
use crate::clock::Randomness;
use crate::config::Config;
use crate::mailer::LogMailer;
use crate::node::{self, Outside};

/// The password of every demo account.
pub const PASSWORD: &str = "souk demo password";

/// An account that was made.
#[derive(Debug, Clone)]
pub struct Account {
    /// What it is.
    pub role: &'static str,
    /// The display name.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
}

/// What there is now.
#[derive(Debug, Default)]
pub struct Summary {
    /// The accounts, administrators first.
    pub accounts: Vec<Account>,
    /// How many requests were published.
    pub requests: usize,
    /// How many messages were written.
    pub messages: usize,
    /// How many disputes were opened.
    pub disputes: usize,
    /// How many templates the shops have.
    pub templates: usize,
    /// How many checkouts were made of them.
    pub checkouts: usize,
}

/// Opens the database of `config` for filling: with play money, and mails that go nowhere but to
/// the log.
///
/// # Errors
/// One line that says what cannot be used.
pub async fn open(mut config: Config) -> Result<App, String> {
    config.payments.sandbox = true;
    config.auth.attempts_per_minute = 0;
    let outside = Outside { mailer: Arc::new(LogMailer), ..Outside::system(&config)? };
    node::open(config, outside).await
}

/// Fills the database. The seed decides what people choose; ids and secrets are not from it, so
/// that nobody can work them out.
///
/// # Errors
/// One line: the database is not empty, or something was refused.
pub async fn fill(app: &App, seed: u64) -> Result<Summary, String> {
    let row = app
        .db
        .fetch_one(sql!("SELECT COUNT(*) AS total FROM users"), args![])
        .await
        .map_err(|error| error.to_string())?;
    if row.get::<i64>("total").map_err(|error| error.to_string())? > 0 {
        return Err("the database holds users already: demo data goes into an empty one".into());
    }
    story::tell(app, &Randomness::from_seed(seed)).await
}
