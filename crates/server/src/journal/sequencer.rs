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
//! move locks the row of `journal_head`, so even two at once would give no position twice.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener};
use sqlx::{ConnectOptions as _, PgPool};
use tokio_util::sync::CancellationToken;

use super::Journal;

/// The advisory lock of the sequencer ("souk" and a number of ours).
const LOCK: i64 = 0x736f_756b_0001;
/// The channel on which nodes hear that positions were given.
const CHANNEL: &str = "souk_journal";
/// Most entries in one move.
const BATCH: i64 = 1000;
/// How often the lock is tried; with it, fail-over takes well under 2 s.
const ELECTION_EVERY: Duration = Duration::from_millis(500);
/// Between looks into the outbox while other nodes commit: a look is one indexed read.
const POLL_BUSY: Duration = Duration::from_millis(3);
/// Between looks when nothing came for [`BUSY_FOR`].
const POLL_IDLE: Duration = Duration::from_millis(20);
/// How long the fast polling goes on after the last entry.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// A move that takes longer means a lost connection, and with it the lock.
const MOVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Moves `$1` committed entries at most, tells the nodes, and returns how many it moved.
const MOVE: &str = "
WITH head AS (SELECT position FROM journal_head FOR UPDATE),
taken AS (
    DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT $1)
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
        tokio::time::sleep(ELECTION_EVERY).await;
    }
}

/// On one connection: waits for the lock, then moves entries until the connection fails.
async fn serve_terms(pool: &PgPool, journal: &Journal) -> Result<(), sqlx::Error> {
    let mut conn = connect(pool.connect_options().as_ref()).await?;
    loop {
        let elected: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut conn)
            .await?;
        if elected {
            break;
        }
        tokio::time::sleep(ELECTION_EVERY).await;
    }
    tracing::info!("this node is the sequencer");
    let mut last_moved = Instant::now();
    loop {
        let moved = tokio::time::timeout(MOVE_TIMEOUT, move_batch(&mut conn))
            .await
            .map_err(|_| sqlx::Error::WorkerCrashed)??;
        if moved > 0 {
            last_moved = Instant::now();
            journal.wake_tail();
        }
        if moved == BATCH {
            continue;
        }
        let pause = if last_moved.elapsed() < BUSY_FOR { POLL_BUSY } else { POLL_IDLE };
        tokio::select! {
            () = journal.committed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Moves all that is committed now. Any node may do this at any time: see the module's invariants.
pub(super) async fn move_all(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut conn = pool.acquire().await?;
    while move_batch(&mut conn).await? > 0 {}
    Ok(())
}

async fn move_batch(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let (moved, _told): (i64, i64) = sqlx::query_as(MOVE).bind(BATCH).fetch_one(conn).await?;
    Ok(moved)
}

/// A connection of its own, whose end the server notices soon when this machine is cut off.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    options
        .clone()
        .application_name("souk-sequencer")
        .options([
            ("tcp_keepalives_idle", "1"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "1"),
        ])
        .connect()
        .await
}

/// Wakes the tail when positions were given by another node, until `stop`. A lost notification
/// costs the tail's own poll and nothing else.
pub(crate) async fn listen(pool: PgPool, journal: Journal, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let heard = tokio::select! {
            heard = hear(&pool, &journal) => heard,
            () = stop.cancelled() => return,
        };
        if let Err(error) = heard {
            tracing::warn!(%error, "notifications are cut off");
        }
        tokio::time::sleep(ELECTION_EVERY).await;
    }
}

async fn hear(pool: &PgPool, journal: &Journal) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        journal.wake_tail();
    }
}
