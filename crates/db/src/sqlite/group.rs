//! Group commit: waiting transactions share one `COMMIT`, and so one `fsync`.
//!
//! One task owns the writing connection and lends it to one transaction at a time, in the order
//! in which they asked. All transactions of a group run inside one `BEGIN IMMEDIATE … COMMIT`,
//! each in a savepoint. What always holds:
//! - A transaction hears `Ok` only after the `COMMIT` that holds it has succeeded; if that
//!   `COMMIT` fails, every member of the group hears the error and none of them is stored.
//! - A transaction that is rolled back, fails or is dropped at any await goes back to its
//!   savepoint alone.
//! - The group is committed when nobody waits, when it has [`Limits::members`], or before the next
//!   turn once its first member has waited [`Limits::age`]. When no turn is lent, no group is open.
//! - All statements that begin, end and hand over are run by the task, so that a request that is
//!   cancelled cannot stop half-way through them.
//!
//! The owner of a turn delays the whole group while it awaits something else. A turn that lasts
//! longer than [`Limits::turn`] is taken back and rolled back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::{DbError, Options};

/// More waiting transactions than this block before they are even queued; their time-out runs.
const QUEUE: usize = 4096;

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Transactions in one group.
    members: usize,
    /// How long the first member of a group waits before the group takes no further turn.
    age: Duration,
    /// How long one transaction may hold the connection.
    turn: Duration,
}

/// The way to the writing connection.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Request>,
    wait: Duration,
    counters: Arc<Counters>,
}

type Grant = oneshot::Sender<Result<Lease, DbError>>;
type Done = oneshot::Sender<Result<(), DbError>>;

#[derive(Debug)]
enum Request {
    Begin(Grant),
    Close(oneshot::Sender<()>),
}

#[derive(Debug, Default)]
struct Counters {
    commits: AtomicU64,
    groups: AtomicU64,
    rollbacks: AtomicU64,
}

/// How often the writing connection of SQLite has committed, since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Transactions that were committed.
    pub commits: u64,
    /// `COMMIT` statements that they took.
    pub groups: u64,
    /// Transactions that were rolled back or dropped.
    pub rollbacks: u64,
}

impl Writer {
    pub(crate) fn start(
        conn: SqliteConnection,
        reopen: SqliteConnectOptions,
        options: &Options,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let counters = Arc::new(Counters::default());
        let task = Task {
            waiting,
            closing: None,
            slot: Arc::new(Mutex::new(Slot { conn: Some(conn), turn: 0 })),
            reopen,
            limits: Limits {
                members: options.group_members.max(1),
                age: options.group_age,
                turn: options.transaction_timeout,
            },
            counters: counters.clone(),
        };
        tokio::spawn(task.run());
        Self { queue, wait: options.acquire_timeout, counters }
    }

    /// Waits for a turn.
    pub(crate) async fn begin(&self) -> Result<Lease, DbError> {
        let turn = async {
            let (grant, granted) = oneshot::channel();
            self.queue.send(Request::Begin(grant)).await.map_err(|_| stopped())?;
            granted.await.map_err(|_| stopped())?
        };
        timeout(self.wait, turn)
            .await
            .map_err(|_| DbError::Unavailable("no turn to write in time".into()))?
    }

    /// Serves whoever waits already, then closes the connection.
    pub(crate) async fn close(&self) {
        let (ack, closed) = oneshot::channel();
        if self.queue.send(Request::Close(ack)).await.is_ok() {
            let _ = closed.await;
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            commits: self.counters.commits.load(Ordering::Relaxed),
            groups: self.counters.groups.load(Ordering::Relaxed),
            rollbacks: self.counters.rollbacks.load(Ordering::Relaxed),
        }
    }
}

fn stopped() -> DbError {
    DbError::Unavailable("the writing connection is closed".into())
}

fn revoked() -> DbError {
    DbError::Unavailable("the transaction took too long and was rolled back".into())
}

#[derive(Debug)]
struct Slot {
    /// `None` after a failure, until the next group opens the file again.
    conn: Option<SqliteConnection>,
    /// The number of the turn that may use the connection.
    turn: u64,
}

/// A turn on the writing connection, inside a fresh savepoint. Dropped without
/// [`commit`](Self::commit), everything done in it is rolled back.
#[derive(Debug)]
pub(crate) struct Lease {
    slot: Arc<Mutex<Slot>>,
    turn: u64,
    /// Carries where to report the outcome of the group. Dropped: roll back.
    commit: oneshot::Sender<Done>,
}

impl Lease {
    /// The connection, for one statement.
    pub(crate) async fn conn(&self) -> Result<LeasedConn<'_>, DbError> {
        let slot = self.slot.lock().await;
        if slot.turn == self.turn && slot.conn.is_some() {
            Ok(LeasedConn(slot))
        } else {
            Err(revoked())
        }
    }

    /// Ends the turn and waits until the group is durable.
    pub(crate) async fn commit(self) -> Result<(), DbError> {
        let (done, outcome) = oneshot::channel();
        self.commit.send(done).map_err(|_| revoked())?;
        // Dropped unanswered: the turn was taken back at this moment, or the program ends.
        outcome.await.map_err(|_| DbError::Unavailable("the commit was not confirmed".into()))?
    }
}

pub(crate) struct LeasedConn<'a>(MutexGuard<'a, Slot>);

impl LeasedConn<'_> {
    pub(crate) fn get(&mut self) -> Result<&mut SqliteConnection, DbError> {
        self.0.conn.as_mut().ok_or_else(revoked)
    }
}

struct Task {
    waiting: mpsc::Receiver<Request>,
    closing: Option<oneshot::Sender<()>>,
    slot: Arc<Mutex<Slot>>,
    reopen: SqliteConnectOptions,
    limits: Limits,
    counters: Arc<Counters>,
}

impl Task {
    async fn run(mut self) {
        while self.closing.is_none() {
            match self.waiting.recv().await {
                Some(Request::Begin(first)) if !first.is_closed() => self.group(first).await,
                Some(Request::Begin(_)) => {}
                Some(Request::Close(ack)) => self.closing = Some(ack),
                None => break,
            }
        }
        self.discard().await;
        if let Some(ack) = self.closing {
            let _ = ack.send(());
        }
    }

    /// Runs one group, from `BEGIN` to `COMMIT`.
    async fn group(&mut self, first: Grant) {
        if let Err(error) = self.control("BEGIN IMMEDIATE; SAVEPOINT member").await {
            // Whoever waits would meet the same: the next one tries anew.
            let _ = first.send(Err(error));
            return;
        }
        let mut members = Vec::new();
        let mut full_at = None;
        let mut grant = first;
        let outcome = loop {
            let member = self.lend(grant).await;
            let committed = member.is_some();
            if let Some(done) = member {
                members.push(done);
                full_at.get_or_insert_with(|| Instant::now() + self.limits.age);
            } else {
                self.counters.rollbacks.fetch_add(1, Ordering::Relaxed);
            }
            let full = members.len() >= self.limits.members
                || full_at.is_some_and(|at| Instant::now() >= at);
            let Some(next) = (if full { None } else { self.next_waiting() }) else {
                break self.finish(committed, members.is_empty()).await;
            };
            let hand_over =
                if committed { "RELEASE member; SAVEPOINT member" } else { "ROLLBACK TO member" };
            if let Err(error) = self.control(hand_over).await {
                let _ = next.send(Err(error.clone()));
                break Err(error);
            }
            grant = next;
        };
        if outcome.is_ok() && !members.is_empty() {
            self.counters.groups.fetch_add(1, Ordering::Relaxed);
            self.counters.commits.fetch_add(members.len() as u64, Ordering::Relaxed);
        }
        for done in members {
            let _ = done.send(outcome.clone());
        }
    }

    /// Lends the connection for one turn: `Some` if the turn ended with a commit.
    async fn lend(&self, grant: Grant) -> Option<Done> {
        let (commit, end) = oneshot::channel();
        let turn = self.next_turn().await;
        let lease = Lease { slot: self.slot.clone(), turn, commit };
        // If nobody takes it, the lease is dropped here or in the channel and `end` says so.
        let _ = grant.send(Ok(lease));
        let end = timeout(self.limits.turn, end).await;
        // From here on the old lease reaches the connection no more; a statement of it that was
        // cancelled has been sent to the connection before what follows.
        self.next_turn().await;
        if end.is_err() {
            tracing::warn!(limit = ?self.limits.turn, "a transaction took too long");
        }
        end.ok()?.ok()
    }

    /// Makes every lease given so far useless.
    async fn next_turn(&self) -> u64 {
        let mut slot = self.slot.lock().await;
        slot.turn += 1;
        slot.turn
    }

    async fn finish(&mut self, last_committed: bool, empty: bool) -> Result<(), DbError> {
        // COMMIT and ROLLBACK end the open savepoint too.
        self.control(match (empty, last_committed) {
            (true, _) => "ROLLBACK",
            (false, true) => "COMMIT",
            (false, false) => "ROLLBACK TO member; COMMIT",
        })
        .await
    }

    fn next_waiting(&mut self) -> Option<Grant> {
        while self.closing.is_none() {
            match self.waiting.try_recv().ok()? {
                Request::Begin(grant) if !grant.is_closed() => return Some(grant),
                Request::Begin(_) => {}
                Request::Close(ack) => self.closing = Some(ack),
            }
        }
        None
    }

    /// Runs statements of the group itself, in one round trip. After a failure the connection is
    /// closed, which rolls back whatever was open.
    async fn control(&mut self, statements: &'static str) -> Result<(), DbError> {
        let result = self.try_control(statements).await;
        if result.is_err() {
            self.discard().await;
        }
        // Whatever it is in detail, it is not the members' fault.
        result.map_err(|error| match error {
            DbError::Unavailable(_) => error,
            other => DbError::Unavailable(format!("{statements}: {other}")),
        })
    }

    async fn try_control(&mut self, statements: &'static str) -> Result<(), DbError> {
        let mut slot = self.slot.lock().await;
        if slot.conn.is_none() {
            slot.conn = Some(super::connect(&self.reopen).await?);
        }
        let conn = slot.conn.as_mut().ok_or_else(stopped)?;
        sqlx::query(statements)
            .execute(conn)
            .await
            .map(drop)
            .map_err(|error| DbError::new(error, || statements.into()))
    }

    async fn discard(&mut self) {
        let conn = self.slot.lock().await.conn.take();
        if let Some(conn) = conn
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "closing the writing connection");
        }
    }
}
