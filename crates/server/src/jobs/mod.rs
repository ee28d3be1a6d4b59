//! Timers: rows with a due time, written in the transaction that makes them necessary, and run
//! once by whichever node takes them first (contract §4.5).
//!
//! What holds always here: a timer's row is deleted in the transaction that does its work, so a
//! crash in between leaves the timer, and two nodes that take the same one have one winner. A
//! timer's work checks the state again: it may come late, or after what it waits for.
//!
//! How to add a timer: a constant for its kind beside the service that sets it with
//! `tx.schedule(KIND, key, after)`, and an arm in [`run_one`] that calls that service. Work outside
//! of the database is an [`errand`].

mod errand;
pub(crate) mod store;

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::Result;
use crate::journal::Tx;
use crate::realtime::recovery;
use crate::{delivery, offers, payments, payouts, points, templates};

/// Timers that fall due together are read in batches of this size.
const BATCH: i64 = 100;
/// Timers that are run at once, begun in the order in which they fell due: their commits share a
/// write to the disk, and requests find connections of the pool all the same.
const AT_ONCE: usize = 4;
/// Longest wait between looks: another node may have set a timer.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// First pause before a failed timer is tried again; doubled each time.
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// Longest such pause.
const RETRY_MAX: Duration = Duration::from_hours(1);
/// How often what is kept for a time only is swept.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// The timer of the sweep.
const SWEEP: &str = "sweep";

/// The handle that wakes the runner.
#[derive(Default)]
pub struct Jobs {
    wake: Notify,
    errands: errand::Errands,
}

impl Jobs {
    /// A timer was set.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until no errand of this node is under way.
    pub async fn errands_finished(&self) {
        self.errands.finished().await;
    }
}

/// Runs timers as they fall due, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    if let Err(error) = ensure_sweep(&app).await {
        tracing::warn!(?error, "the sweep could not be scheduled");
    }
    while !stop.is_cancelled() {
        if let Err(error) = run_due(&app).await {
            tracing::warn!(?error, "timers cannot be read");
        }
        tokio::select! {
            () = app.jobs.wake.notified() => {}
            () = tokio::time::sleep(POLL_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn ensure_sweep(app: &App) -> Result<()> {
    let mut tx = app.begin().await?;
    tx.schedule(SWEEP, "", Duration::ZERO).await?;
    Ok(tx.commit().await?)
}

/// Runs every timer that is due by now, starts every errand, and returns how many these were.
///
/// # Errors
/// 503 when the database cannot be reached; a timer's own failure postpones it alone.
pub async fn run_due(app: &App) -> Result<usize> {
    let mut count = 0;
    loop {
        let due = store::due(&app.db, app.clock.now(), BATCH).await?;
        if due.is_empty() {
            return Ok(count);
        }
        let runs: Vec<_> = due.iter().map(|timer| settle(app, timer)).collect();
        let mut ends = stream::iter(runs).buffer_unordered(AT_ONCE);
        while let Some(end) = ends.next().await {
            count += usize::from(end?);
        }
    }
}

/// Runs a timer, or postpones it where it fails. Whether it was run.
async fn settle(app: &App, timer: &store::Timer) -> Result<bool> {
    let Err(error) = run_timer(app, timer).await else { return Ok(true) };
    tracing::warn!(kind = timer.kind, key = timer.key, ?error, "timer failed");
    postpone(app, timer).await?;
    Ok(false)
}

async fn run_timer(app: &App, timer: &store::Timer) -> Result<()> {
    if errand::is_errand(&timer.kind) {
        return errand::start(app, timer).await;
    }
    let mut tx = app.begin().await?;
    if store::take(&mut tx, timer).await? {
        run_one(&mut tx, app, &timer.kind, &timer.key).await?;
    }
    Ok(tx.commit().await?)
}

/// The pause before a timer that fails now is tried again.
fn retry_pause(timer: &store::Timer) -> Duration {
    RETRY_FIRST.saturating_mul(1 << timer.attempts.clamp(0, 16)).min(RETRY_MAX)
}

async fn postpone(app: &App, timer: &store::Timer) -> Result<()> {
    let mut tx = app.begin().await?;
    store::postpone(&mut tx, timer, retry_pause(timer)).await?;
    Ok(tx.commit().await?)
}

/// What each kind of timer does.
async fn run_one(tx: &mut Tx, app: &App, kind: &str, key: &str) -> Result<()> {
    match kind {
        recovery::RETENTION => recovery::sweep(tx, app).await,
        SWEEP => {
            crate::idempotency::sweep(tx).await?;
            crate::auth::service::sweep(tx).await?;
            crate::notifications::service::sweep(tx).await?;
            crate::webhooks::service::sweep(tx).await?;
            payouts::service::sweep(tx).await?;
            tx.schedule(crate::files::service::SWEEP, "", Duration::ZERO).await?;
            crate::shkeeper::sweep(tx).await?;
            tx.schedule(recovery::RETENTION, "", Duration::ZERO).await?;
            tx.schedule(SWEEP, key, SWEEP_EVERY).await
        }
        offers::service::EXPIRY => offers::service::expire(tx, &id(key)?).await,
        points::service::EXPIRY => points::service::expire(tx, &id(key)?).await,
        offers::service::PAYMENT_TIMEOUT => offers::service::payment_timed_out(tx, &id(key)?).await,
        payments::service::EXPIRY => payments::service::expire(tx, app, &id(key)?).await,
        payouts::service::START => payouts::service::start(tx, app, &id(key)?).await,
        delivery::completion::AUTO_RELEASE => {
            delivery::completion::release_by_time(tx, app, &id(key)?).await
        }
        templates::checkout::EXPIRY => templates::checkout::expire(tx, &id(key)?).await,
        unknown => {
            // Left by a newer version; running it is not ours, and dropping it would lose it.
            Err(crate::error::ApiError::internal(&format!("unknown timer {unknown}")))
        }
    }
}

/// The id that a timer's key holds.
fn id<T: std::str::FromStr<Err: std::fmt::Display>>(key: &str) -> Result<T> {
    key.parse().map_err(|error| crate::error::ApiError::internal(&format!("timer key: {error}")))
}
