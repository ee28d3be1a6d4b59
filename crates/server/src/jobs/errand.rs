//! Timers whose work is outside of the database, such as a mail. A transaction must not be held
//! meanwhile, so such a timer is first moved to the time of its next try, then tried, and deleted
//! when it is done: a crash in between repeats it, and never loses it.
//!
//! How to add an errand: an arm in [`is_errand`] and in [`run_one`]; its work must bear being
//! repeated.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::store::{self, Timer};
use crate::app::App;
use crate::auth::mails;
use crate::error::{ApiError, Result};
use crate::{evm, files, notifications, payouts, shkeeper, webhooks};

/// Errands of this node that run at once.
const AT_ONCE: usize = 16;
/// An errand that fails so often is given up, after some six hours.
const TRIES_MAX: i64 = 14;

/// The errands under way.
pub(super) struct Errands {
    turns: Arc<Semaphore>,
    running: TaskTracker,
}

impl Default for Errands {
    fn default() -> Self {
        let running = TaskTracker::new();
        // Only a closed tracker can be waited for; it takes new tasks nevertheless.
        running.close();
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), running }
    }
}

impl Errands {
    /// Waits until none is under way.
    pub(super) async fn finished(&self) {
        self.running.wait().await;
    }
}

/// Whether timers of this kind are errands.
pub(super) fn is_errand(kind: &str) -> bool {
    matches!(
        kind,
        mails::VERIFY_EMAIL
            | mails::RESET_PASSWORD
            | evm::service::LOOK
            | notifications::mail::SEND
            | webhooks::run::SEND
            | payouts::service::SUBMIT
            | payouts::service::POLL
            | files::service::SWEEP
            | shkeeper::poll::POLL
    )
}

async fn run_one(app: &App, kind: &str, key: &str) -> Result<()> {
    match kind {
        files::service::SWEEP => files::service::sweep(app).await,
        notifications::mail::SEND => notifications::mail::send(app, key).await,
        webhooks::run::SEND => webhooks::run::send(app, &super::id(key)?).await,
        payouts::service::SUBMIT => payouts::service::submit(app, &super::id(key)?).await,
        payouts::service::POLL => payouts::service::poll(app, &super::id(key)?).await,
        shkeeper::poll::POLL => shkeeper::poll::run(app, &super::id(key)?).await,
        evm::service::LOOK => evm::service::look(app, key).await,
        _ => mails::send(app, kind, key).await,
    }
}

/// Longest run of one.
fn time_limit(kind: &str) -> Duration {
    match kind {
        // The gateway waits for its rates and for the chain's own program.
        payouts::service::SUBMIT | payouts::service::POLL => Duration::from_mins(1),
        _ => Duration::from_secs(20),
    }
}

/// Takes the errand, unless another node has it, and runs it in the background.
pub(super) async fn start(app: &App, timer: &Timer) -> Result<()> {
    let turn = app.jobs.errands.turns.clone().acquire_owned().await;
    let turn = turn.map_err(|error| ApiError::internal(&error))?;
    let mut tx = app.begin().await?;
    // Not before this try has ended for certain.
    let next_try = 2 * time_limit(&timer.kind) + super::retry_pause(timer);
    let taken = store::postpone(&mut tx, timer, next_try).await?;
    tx.commit().await?;
    if let Some(taken) = taken {
        let background = app.clone();
        app.jobs.errands.running.spawn(async move {
            let _turn = turn;
            if let Err(error) = run(&background, &taken).await {
                tracing::warn!(kind = taken.kind, key = taken.key, ?error, "errand not finished");
            }
        });
    }
    Ok(())
}

async fn run(app: &App, timer: &Timer) -> Result<()> {
    let (kind, key) = (&timer.kind, &timer.key);
    let failed = match tokio::time::timeout(time_limit(kind), run_one(app, kind, key)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.message),
        Err(_) => Some("timed out".into()),
    };
    if let Some(error) = failed {
        if timer.attempts < TRIES_MAX {
            tracing::warn!(kind, key, %error, tries = timer.attempts, "errand failed");
            return Ok(());
        }
        tracing::error!(kind, key, %error, "errand given up");
    }
    let mut tx = app.begin().await?;
    store::take(&mut tx, timer).await?;
    Ok(tx.commit().await?)
}
