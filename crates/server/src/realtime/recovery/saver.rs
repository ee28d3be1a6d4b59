//! Writes sessions down, many in one transaction.
//!
//! A new session is written down once its client had time to join its rooms: until then there is
//! nothing that a killed program could have wrong about it, so no join waits for the database.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use db::DbError;
use serde_json::value::to_raw_value;
use smallvec::SmallVec;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::session::{Session, SessionId};
use super::store::{self, Change};
use crate::app::App;

/// Sessions of one transaction.
const BATCH: usize = 500;
/// How long a new session is not written down.
const FIRST_AFTER: Duration = Duration::from_millis(25);
/// Pause after a failed write.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The sessions that are to be written down.
#[derive(Default)]
pub struct Saver {
    queue: Mutex<Queue>,
    wake: Notify,
}

/// A session is in `now` or in `later`, never in both; while it is written it may be in `now` again.
#[derive(Default)]
struct Queue {
    now: HashMap<SessionId, Dirty>,
    /// The new ones.
    later: HashMap<SessionId, Arc<Session>>,
    /// When the first of those was added.
    since: Option<Instant>,
    /// Those of the batches under way.
    writing: HashSet<SessionId>,
}

impl Queue {
    fn add(&mut self, session: Arc<Session>, waiters: SmallVec<[oneshot::Sender<bool>; 1]>) {
        self.later.remove(&session.id);
        match self.now.entry(session.id) {
            Entry::Occupied(mut known) => {
                // Of two that stand for the same session the later one is it.
                known.get_mut().session = session;
                known.get_mut().waiters.extend(waiters);
            }
            Entry::Vacant(free) => drop(free.insert(Dirty { session, waiters })),
        }
    }

    fn ripen(&mut self) {
        self.since = None;
        for (_, session) in std::mem::take(&mut self.later) {
            self.add(session, SmallVec::new());
        }
    }
}

struct Dirty {
    session: Arc<Session>,
    waiters: SmallVec<[oneshot::Sender<bool>; 1]>,
}

impl Saver {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each change is a single step.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session is new, and to be written down soon.
    pub fn save_new(&self, session: &Arc<Session>) {
        let mut queue = self.queue();
        if queue.now.contains_key(&session.id) {
            return;
        }
        queue.later.insert(session.id, session.clone());
        if queue.since.is_none() {
            queue.since = Some(Instant::now());
            self.wake.notify_one();
        }
    }

    /// The session, as it is, is to be written down.
    pub fn save(&self, session: &Arc<Session>) {
        self.add(session, None);
    }

    /// Whether the session is still to be written down.
    pub fn is_dirty(&self, id: SessionId) -> bool {
        let queue = self.queue();
        queue.now.contains_key(&id) || queue.later.contains_key(&id)
    }

    /// Whether something of the session that is no longer new is not durable yet.
    pub fn is_pending(&self, id: SessionId) -> bool {
        let queue = self.queue();
        queue.now.contains_key(&id) || queue.writing.contains(&id)
    }

    /// Writes the session down. False when that was not possible.
    pub async fn saved(&self, session: &Arc<Session>) -> bool {
        let (done, saved) = oneshot::channel();
        self.add(session, Some(done));
        saved.await.unwrap_or(false)
    }

    fn add(&self, session: &Arc<Session>, waiter: Option<oneshot::Sender<bool>>) {
        self.queue().add(session.clone(), waiter.into_iter().collect());
        self.wake.notify_one();
    }

    /// When the new ones are due, if there are any.
    fn due(&self) -> Option<Instant> {
        self.queue().since.map(|since| since + FIRST_AFTER)
    }

    /// Who waits is told, and what nobody waits for is tried again.
    fn put_back(&self, batch: Vec<Dirty>) {
        let mut queue = self.queue();
        for Dirty { session, .. } in batch {
            queue.writing.remove(&session.id);
            if !queue.now.contains_key(&session.id) {
                queue.add(session, SmallVec::new());
            }
        }
    }

    fn take(&self) -> Vec<Dirty> {
        let mut queue = self.queue();
        if queue.since.is_some_and(|since| since.elapsed() >= FIRST_AFTER) {
            queue.ripen();
        }
        let ids: Vec<_> = queue.now.keys().take(BATCH).copied().collect();
        queue.writing.extend(&ids);
        ids.iter().filter_map(|id| queue.now.remove(id)).collect()
    }

    fn written(&self, batch: &[Dirty]) {
        let mut queue = self.queue();
        for dirty in batch {
            queue.writing.remove(&dirty.session.id);
        }
    }
}

/// Writes down what is to be, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let saver = &app.realtime.0.sessions.saver;
    loop {
        let due = saver.due();
        let later = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into());
        tokio::select! {
            () = saver.wake.notified() => {}
            () = later, if due.is_some() => {}
            () = stop.cancelled() => return,
        }
        while !stop.is_cancelled() && !save_batch(&app).await {}
    }
}

/// Writes down all that is to be, once.
pub async fn save_all(app: &App) {
    app.realtime.0.sessions.saver.queue().ripen();
    while !save_batch(app).await {}
}

/// Writes a batch down. Whether there was none.
async fn save_batch(app: &App) -> bool {
    let sessions = &app.realtime.0.sessions;
    let batch = sessions.saver.take();
    if batch.is_empty() {
        return true;
    }
    let result = write(app, &batch).await;
    if result.is_ok() {
        sessions.saver.written(&batch);
    }
    match result {
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
            sessions.saver.put_back(batch);
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
            let mut state = dirty.session.state();
            state.owner = Some(node.clone());
            state.read = None;
        }
        is_kept
    };
    Ok(batch.iter().map(kept).collect())
}

fn change(session: &Session) -> Result<Change, DbError> {
    let mut state = session.state();
    state.is_stored = true;
    let rooms = to_raw_value(&state.history)
        .map_err(|error| DbError::Config(format!("rooms of a session: {error}")))?;
    Ok(Change {
        id: session.id,
        sid: session.sid.to_string(),
        user: session.user.clone(),
        base: state.base,
        rooms,
        owner: state.owner.as_ref().map(ToString::to_string),
        read: state.read.clone(),
        left_at: state.left_at,
        is_over: state.is_over,
    })
}
