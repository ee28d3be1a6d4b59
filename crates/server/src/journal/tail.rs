//! Follows the journal and hands each entry on, once and in order.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use db::{Db, DbError, Engine, args, sql};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::entry::{Entry, select_after};
use super::offset::{self, Epoch};
use super::sequencer;
use crate::clock::Randomness;

/// Entries read at once: large enough for bursts, small enough to stay a few hundred KiB.
const BATCH: i64 = 500;
/// A lost wake-up costs at most this.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// Pause after a failed read.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Takes the journal's entries, in order; in Souk this is the realtime side.
pub trait Sink: Send + Sync + 'static {
    /// Acts on one entry. Must not block.
    fn take(&self, entry: Entry);

    /// The entry at this position cannot be read.
    fn pass(&self, position: i64);
}

/// An entry that was read, or the place of one that cannot be.
pub struct Read {
    /// Its place in commit order.
    pub position: i64,
    /// `None` when it cannot be read.
    pub entry: Option<Entry>,
}

/// The handle on the tail: wakes it, and knows how far it is.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    db: Db,
    epoch: OnceLock<Epoch>,
    wake: Notify,
    committed: Notify,
    handed_on: AtomicI64,
    progress: watch::Sender<i64>,
}

impl Journal {
    /// A handle on the journal of `db`; [`run`](Self::run) makes it move.
    pub fn new(db: Db) -> Self {
        Self(Arc::new(Inner {
            db,
            epoch: OnceLock::new(),
            wake: Notify::new(),
            committed: Notify::new(),
            handed_on: AtomicI64::new(0),
            progress: watch::Sender::new(0),
        }))
    }

    /// This node committed something.
    pub fn wake(&self) {
        match self.0.db.engine() {
            // The entries have their positions already.
            Engine::Sqlite => self.wake_tail(),
            Engine::Postgres => self.0.committed.notify_one(),
        }
    }

    /// There are new positions.
    pub(super) fn wake_tail(&self) {
        self.0.wake.notify_one();
    }

    /// Waits until this node has committed something.
    pub(super) async fn committed(&self) {
        self.0.committed.notified().await;
    }

    /// The position up to which entries were handed on.
    pub fn handed_on(&self) -> i64 {
        self.0.handed_on.load(Ordering::Acquire)
    }

    /// The newest committed position.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn head(&self) -> Result<i64, DbError> {
        let row = self
            .0
            .db
            .fetch_one(sql!("SELECT COALESCE(MAX(position), 0) AS head FROM journal"), args![])
            .await?;
        row.get("head")
    }

    /// Sees to it that everything committed before this call has its position.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn settle(&self) -> Result<(), DbError> {
        match self.0.db.postgres() {
            None => Ok(()),
            Some(pool) => sequencer::move_all(pool)
                .await
                .map_err(|error| DbError::Unavailable(error.to_string())),
        }
    }

    /// Waits until everything committed before this call was handed on.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn flushed(&self) -> Result<(), DbError> {
        self.settle().await?;
        let head = self.head().await?;
        let mut progress = self.0.progress.subscribe();
        self.wake();
        // The sender lives as long as `self`.
        let _ = progress.wait_for(|position| *position >= head).await;
        Ok(())
    }

    /// Names this journal in offsets; nothing before [`start`](Self::start).
    pub fn epoch(&self) -> Epoch {
        self.0.epoch.get().cloned().unwrap_or_default()
    }

    /// Waits until this node has handed on a position that a client has seen on another node.
    /// False when it does not come in time, or at all.
    pub async fn reached(&self, position: i64, within: Duration) -> bool {
        let mut progress = self.0.progress.subscribe();
        self.wake_tail();
        let reached = progress.wait_for(|handed_on| *handed_on >= position);
        matches!(tokio::time::timeout(within, reached).await, Ok(Ok(_)))
    }

    /// Up to `limit` entries behind a position.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn page(&self, after: i64, limit: i64) -> Result<Vec<Read>, DbError> {
        let rows = self.0.db.fetch_all(select_after(), args![after, limit]).await?;
        let read = |row: &db::Row| {
            let position = row.get("position")?;
            let entry = <Entry as db::FromRow>::from_row(row)
                .inspect_err(|error| tracing::error!(%error, position, "unreadable journal entry"));
            Ok(Read { position, entry: entry.ok() })
        };
        rows.iter().map(read).collect()
    }

    /// Starts at the newest entry: who connects later asks for what it missed by offset.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn start(&self, random: &Randomness) -> Result<(), DbError> {
        let epoch = offset::load(&self.0.db, random.bytes()).await?;
        let _ = self.0.epoch.set(epoch);
        let head = self.head().await?;
        self.advance(head);
        Ok(())
    }

    /// Hands on entries until `stop`; an unreachable database is waited for.
    pub async fn run(self, sink: Arc<dyn Sink>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.hand_on_batch(sink.as_ref()).await {
                Ok(count) if count == BATCH as usize => {}
                Ok(_) => {
                    tokio::select! {
                        () = self.0.wake.notified() => {}
                        () = tokio::time::sleep(POLL_EVERY) => {}
                        () = stop.cancelled() => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the journal cannot be read");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    async fn hand_on_batch(&self, sink: &dyn Sink) -> Result<usize, DbError> {
        let page = self.page(self.handed_on(), BATCH).await?;
        let count = page.len();
        for Read { position, entry } in page {
            match entry {
                Some(entry) => sink.take(entry),
                // A row that cannot be read would stop everything behind it for ever.
                None => sink.pass(position),
            }
            self.advance(position);
        }
        Ok(count)
    }

    fn advance(&self, position: i64) {
        self.0.handed_on.store(position, Ordering::Release);
        self.0.progress.send_replace(position);
    }
}
