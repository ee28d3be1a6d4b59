//! Writes sessions down, many in one transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use db::DbError;
use smallvec::SmallVec;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::session::{Session, SessionId};
use super::store::{self, Change};
use crate::app::App;

/// Sessions of one transaction.
const BATCH: usize = 500;
/// Pause after a failed write.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The sessions that are to be written down.
#[derive(Default)]
pub struct Saver {
    dirty: Mutex<HashMap<SessionId, Dirty>>,
    wake: Notify,
}

struct Dirty {
    session: Arc<Session>,
    waiters: SmallVec<[oneshot::Sender<bool>; 1]>,
}

impl Saver {
    fn dirty(&self) -> MutexGuard<'_, HashMap<SessionId, Dirty>> {
        // Each change is a single step.
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, as it is, is to be written down.
    pub fn save(&self, session: &Arc<Session>) {
        self.add(session, None);
    }

    /// Whether the session is still to be written down.
    pub fn is_dirty(&self, id: SessionId) -> bool {
        self.dirty().contains_key(&id)
    }

    /// Writes the session down. False when that was not possible.
    pub async fn saved(&self, session: &Arc<Session>) -> bool {
        let (done, saved) = oneshot::channel();
        self.add(session, Some(done));
        saved.await.unwrap_or(false)
    }

    fn add(&self, session: &Arc<Session>, waiter: Option<oneshot::Sender<bool>>) {
        let mut dirty = self.dirty();
        let entry = dirty
            .entry(session.id)
            .or_insert_with(|| Dirty { session: session.clone(), waiters: SmallVec::new() });
        // Of two that stand for the same session the later one is it.
        entry.session = session.clone();
        entry.waiters.extend(waiter);
        drop(dirty);
        self.wake.notify_one();
    }

    fn take(&self) -> Vec<Dirty> {
        let mut dirty = self.dirty();
        let ids: Vec<_> = dirty.keys().take(BATCH).copied().collect();
        ids.iter().filter_map(|id| dirty.remove(id)).collect()
    }
}

/// Writes down what is to be, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let saver = &app.realtime.0.sessions.saver;
    loop {
        tokio::select! {
            () = saver.wake.notified() => {}
            () = stop.cancelled() => return,
        }
        while !stop.is_cancelled() && !save_batch(&app).await {}
    }
}

/// Writes down all that is to be, once.
pub async fn save_all(app: &App) {
    while !save_batch(app).await {}
}

/// Writes a batch down. Whether there was none.
async fn save_batch(app: &App) -> bool {
    let sessions = &app.realtime.0.sessions;
    let batch = sessions.saver.take();
    if batch.is_empty() {
        return true;
    }
    match write(app, &batch).await {
        Ok(kept) => {
            for (dirty, kept) in batch.into_iter().zip(kept) {
                let session = dirty.session;
                if kept {
                    sessions.let_go(&session);
                } else {
                    super::attach::lose(app, &session);
                }
                for waiter in dirty.waiters {
                    let _ = waiter.send(kept);
                }
            }
            false
        }
        Err(error) => {
            tracing::warn!(%error, "sessions cannot be written down");
            // Who waits is told, and what nobody waits for is tried again.
            for Dirty { session, waiters } in batch {
                drop(waiters);
                sessions
                    .saver
                    .dirty()
                    .entry(session.id)
                    .or_insert_with(|| Dirty { session, waiters: SmallVec::new() });
            }
            tokio::time::sleep(RETRY_AFTER).await;
            false
        }
    }
}

/// Of each, whether the row is this node's.
async fn write(app: &App, batch: &[Dirty]) -> Result<Vec<bool>, DbError> {
    let node: Arc<str> = app.bus.node().into();
    app.health.check()?;
    let mut tx = app.db.begin().await?;
    let changes: Vec<_> =
        batch.iter().map(|dirty| change(&dirty.session)).collect::<Result<_, _>>()?;
    let written = store::save(&mut tx, &node, &changes).await?;
    tx.commit().await?;
    let kept = |dirty: &Dirty| {
        let is_kept = written.contains(&dirty.session.id);
        if is_kept {
            dirty.session.state().owner = Some(node.clone());
        }
        is_kept
    };
    Ok(batch.iter().map(kept).collect())
}

fn change(session: &Session) -> Result<Change, DbError> {
    let state = session.state();
    let rooms = serde_json::to_string(&state.history)
        .map_err(|error| DbError::Config(format!("rooms of a session: {error}")))?;
    Ok(Change {
        id: session.id,
        sid: session.sid.to_string(),
        user: session.user.clone(),
        base: state.base,
        rooms,
        owner: state.owner.as_ref().map(ToString::to_string),
        left_at: state.left_at,
        is_over: state.is_over,
    })
}
