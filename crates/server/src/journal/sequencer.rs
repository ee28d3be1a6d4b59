//! PostgreSQL: gives committed entries their positions.
//!
//! Ids of rows are given before their transactions commit, so `id > cursor` would pass over a row
//! whose transaction commits late. Instead, business transactions insert into `outbox` without any
//! common lock, and one sequencer moves what is committed into `journal`, in id order, with dense
//! positions. A transaction inserts its entries last, after it holds the locks of the rows that
//! they tell of: so of two changes of one thing, the later one has the greater ids *and* becomes
//! visible later, and the order of positions is the order of commits for each of them.
//!
//! What holds always here: there is one sequencer, the node whose connection holds the advisory
//! lock. It moves entries on that same connection, so who lost the lock cannot move any; and each
//! move first locks the row of `journal_head`, so even two at once give no position twice and
//! none out of order: what the later one sees of the outbox is what the earlier one left.
//!
//! Why the order is right although `READ COMMITTED` shows each move its own snapshot: a snapshot
//! that shows a change shows every change that committed before it, and of two changes of one
//! thing the earlier has the smaller ids. A move takes the smallest ids of its snapshot, so it
//! never takes the later change and leaves the earlier one.
//!
//! Fail-over: the lock ends with the connection. The server sees at once that a process has died;
//! a machine that is cut off or a process that hangs is deposed by the nodes that wait, once its
//! connection, on which something runs every [`POLL_IDLE`] at least, has been idle for
//! [`SILENT_FOR`]. The deposed one loses its connection and can move nothing more.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Journal;
use crate::notify;

/// The advisory lock of the sequencer ("souk" and a number of ours).
const LOCK: i64 = 0x736f_756b_0001;
/// The channel on which nodes hear that positions were given.
const CHANNEL: &str = "souk_journal";
/// Most entries in one move.
const BATCH: i64 = 1000;
/// How often the lock is tried. With [`SILENT_FOR`], fail-over stays below 2 s.
const ELECTION_EVERY: Duration = Duration::from_millis(250);
/// A sequencer whose connection did nothing for this long is deposed.
const SILENT_FOR: Duration = Duration::from_secs(1);
/// Between looks into the outbox while other nodes commit: a look is one indexed read.
const POLL_BUSY: Duration = Duration::from_millis(3);
/// A move of this many entries or more tells of heavy load.
const MANY: i64 = 8;
/// Between moves under heavy load: fewer and larger ones leave the database more time for commits.
const GATHER_MANY: Duration = Duration::from_millis(8);
/// Between looks when nothing came for [`BUSY_FOR`].
const POLL_IDLE: Duration = Duration::from_millis(20);
/// How long the fast polling goes on after the last entry.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// A statement that takes longer means a lost connection, and with it the lock.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Moves `$1` committed entries at most, tells the nodes, and returns how many it moved.
///
/// The rows to take are chosen in a join with `head`, so that its lock comes before any other.
const MOVE: &str = "
WITH head AS MATERIALIZED (SELECT position FROM journal_head FOR UPDATE),
taken AS (
    DELETE FROM outbox
    WHERE id IN (SELECT outbox.id FROM head, outbox ORDER BY outbox.id LIMIT $1)
    RETURNING id, event_id, name, audience, payload, created_at
),
moved AS (
    INSERT INTO journal (position, event_id, name, audience, payload, created_at)
    SELECT head.position + row_number() OVER (ORDER BY taken.id), taken.event_id, taken.name,
           taken.audience, taken.payload, taken.created_at
    FROM taken, head
    RETURNING position
),
counted AS (
    UPDATE journal_head SET position = position + (SELECT count(*) FROM moved)
    WHERE EXISTS (SELECT 1 FROM moved)
    RETURNING pg_notify('souk_journal', '')
)
SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM counted) AS told";

/// Ends the connection that holds the lock `$1`, where it was idle for `$2` milliseconds.
const DEPOSE: &str = "
SELECT count(pg_terminate_backend(activity.pid))
FROM pg_locks held JOIN pg_stat_activity activity ON activity.pid = held.pid
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND CAST(held.classid AS BIGINT) = $1 >> 32
  AND CAST(held.objid AS BIGINT) = $1 & 4294967295
  AND activity.state = 'idle'
  AND activity.state_change < clock_timestamp() - $2 * INTERVAL '1 millisecond'";

/// Stands for the sequencer's place, and fills it while this node holds it, until `stop`.
pub(crate) async fn run(pool: PgPool, journal: Journal, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let term = tokio::select! {
            term = serve_terms(&pool, &journal) => term,
            () = stop.cancelled() => return,
        };
        if let Err(error) = term {
            tracing::warn!(%error, "the sequencer lost its connection");
        }
        sleep(ELECTION_EVERY).await;
    }
}

/// On one connection: waits for the lock, then moves entries until the connection fails.
async fn serve_terms(pool: &PgPool, journal: &Journal) -> Result<(), sqlx::Error> {
    let options = pool.connect_options().as_ref().clone().application_name("souk-sequencer");
    let mut conn = bounded(options.connect()).await?;
    while !bounded(elect(&mut conn)).await? {
        sleep(ELECTION_EVERY).await;
    }
    tracing::info!("this node is the sequencer");
    let mut last_moved = Instant::now();
    loop {
        let moved = bounded(move_batch(&mut conn)).await?;
        if moved > 0 {
            last_moved = Instant::now();
            journal.wake_tail();
            // Under load each commit would otherwise be a move of its own.
            match moved {
                BATCH.. => {}
                MANY.. => sleep(GATHER_MANY).await,
                _ => sleep(POLL_BUSY).await,
            }
            continue;
        }
        let pause = if last_moved.elapsed() < BUSY_FOR { POLL_BUSY } else { POLL_IDLE };
        tokio::select! {
            () = journal.committed() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Tries to get the lock. Where another one holds it and is silent, that one is deposed.
async fn elect(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let elected: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut *conn)
        .await?;
    if !elected {
        let deposed: i64 = sqlx::query_scalar(DEPOSE)
            .bind(LOCK)
            .bind(SILENT_FOR.as_millis() as i64)
            .fetch_one(conn)
            .await?;
        if deposed > 0 {
            tracing::warn!("the sequencer was silent and is deposed");
        }
    }
    Ok(elected)
}

/// Whether a node is running on this database.
pub(crate) async fn is_at_work(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let mut conn = bounded(pool.connect_options().as_ref().connect()).await?;
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut conn)
        .await?;
    // The lock goes with the connection.
    conn.close().await?;
    Ok(!free)
}

/// Without a bound, a connection whose other end is gone would be waited for a quarter of an hour.
async fn bounded<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(STATEMENT_TIMEOUT, statement)
        .await
        .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?
}

/// Moves all that is committed now. Any node may do this at any time: see the module's invariants.
pub(super) async fn move_all(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut conn = pool.acquire().await?;
    let newest = sqlx::query_scalar("SELECT max(id) FROM outbox").fetch_one(&mut *conn);
    let Some(newest): Option<i64> = bounded(newest).await? else { return Ok(()) };
    loop {
        // None moved does not mean that none is left: where the sequencer was faster, the ones
        // that were chosen are gone, and there may be others behind them.
        if bounded(move_batch(&mut conn)).await? == 0 {
            let left = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM outbox WHERE id <= $1)")
                .bind(newest)
                .fetch_one(&mut *conn);
            let is_left: bool = bounded(left).await?;
            if !is_left {
                return Ok(());
            }
        }
    }
}

async fn move_batch(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let (moved, _told): (i64, i64) = sqlx::query_as(MOVE).bind(BATCH).fetch_one(conn).await?;
    Ok(moved)
}

/// Wakes the tail when positions were given by another node, until `stop`. A lost notification
/// costs the tail's own poll and nothing else.
pub(crate) async fn listen(pool: PgPool, journal: Journal, stop: CancellationToken) {
    tokio::select! {
        () = notify::listen(&pool, CHANNEL, |_| journal.wake_tail()) => {}
        () = stop.cancelled() => {}
    }
}
