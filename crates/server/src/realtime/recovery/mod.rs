//! Connection state recovery (contract §1.6): a client that was away gets what it missed and goes
//! on as if it had never left.
//!
//! What holds always here:
//! - A session is what its client has seen of it, or less: a room is durable in the session before
//!   its socket is in it, and its end is durable before the socket leaves it. So what a killed
//!   program knew and its database does not is nothing that a client was told. A session that is
//!   not written down yet does not outlive its program at all ([`saver`]).
//! - All or nothing. Where it cannot be proved that every missed event is there and that the rooms
//!   are what they were, the client gets a new session; that is decided before anything of the
//!   replay is sent. A replay of which a client may get a part is noted durably before.
//! - A replay is what the socket would have got: the events behind the offset, in their order, by
//!   the rooms that the session was in at each ([`history`]). It ends, and the live events begin,
//!   in one step ([`feed`]).
//! - A session has one connection. One that comes takes it over, closes the earlier one, and what
//!   the earlier one still does has no effect on it. Of two nodes the one that its row names has
//!   it ([`store`]).
//! - The offset of a client that is there never grows old: now and then it is told a new one.

mod attach;
pub mod feed;
pub mod history;
mod replay;
pub mod routes;
mod saver;
pub mod session;
pub mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::Result;
use crate::gather::Gather;
use crate::journal::Tx;
use session::{Phase, Session, SessionId};
use store::Stored;

pub use attach::{TAKEN, arrived, begin, close_elsewhere, depart};
pub use replay::{Outcome, take_up};
pub use saver::{Saver, run as save, save_all};

/// The timer that deletes what is too old.
pub const RETENTION: &str = "retention";
/// Between two looks for what is too old.
const RETENTION_EVERY: Duration = Duration::from_mins(10);
/// Between two batches of a look.
const RETENTION_PAUSE: Duration = Duration::from_millis(200);
/// A client that is there is told a new offset this often.
const TELL_EVERY: Duration = Duration::from_mins(5);
/// Between two looks for clients to be told one.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The journal is kept longer than clients may be away, since their offsets may be so old.
const SLACK: Duration = Duration::from_hours(1);
/// Who has not come by then will not.
const COMING_MAX: Duration = Duration::from_mins(10);

/// The sessions of this node's clients.
pub struct Sessions {
    table: Mutex<HashMap<SessionId, Arc<Session>>>,
    /// Reads those that are not in the table.
    stored: Gather<SessionId, Stored>,
    /// Writes them down.
    pub saver: Saver,
}

impl Default for Sessions {
    fn default() -> Self {
        let stored =
            Gather::new(|app, ids| Box::pin(async move { store::find(&app.db, &ids).await }));
        Self { table: Mutex::default(), stored, saver: Saver::default() }
    }
}

impl Sessions {
    /// A session is locked after the table.
    fn table(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Session>>> {
        // Each change is a single step.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets this session; a later one of the same name stays.
    fn remove(&self, session: &Arc<Session>) {
        let mut table = self.table();
        if table.get(&session.id).is_some_and(|known| Arc::ptr_eq(known, session)) {
            table.remove(&session.id);
        }
    }

    /// The session has no connection and is written down: the database has it from now on.
    fn let_go(&self, session: &Arc<Session>) {
        let mut table = self.table();
        let state = session.state();
        let gone = state.phase == Phase::Away || state.is_over;
        let is_saved = !self.saver.is_dirty(session.id);
        if gone
            && is_saved
            && table.get(&session.id).is_some_and(|known| Arc::ptr_eq(known, session))
        {
            drop(state);
            table.remove(&session.id);
        }
    }
}

/// Tells clients new offsets, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return,
        }
        refresh(&app, TELL_EVERY);
    }
}

/// Tells every client a new offset that was not told one for so long.
pub fn refresh(app: &App, every: Duration) {
    let sessions: Vec<_> = app.realtime.0.sessions.table().values().cloned().collect();
    for session in sessions {
        let (phase, told_at) = {
            let state = session.state();
            (state.phase, state.told_at)
        };
        match phase {
            Phase::Here if told_at.elapsed() >= every => attach::tell_offset(app, &session),
            // Its client went away in the middle.
            Phase::Coming(since) if since.elapsed() >= COMING_MAX => {
                let mut state = session.state();
                if state.phase == phase {
                    state.phase = Phase::Away;
                    state.left_at = Some(app.clock.now());
                    drop(state);
                    app.realtime.0.sessions.saver.save(&session);
                }
            }
            _ => {}
        }
    }
}

/// The work of [`RETENTION`]: deletes one batch of what is too old, and comes back soon where
/// there may be more.
///
/// # Errors
/// 503.
pub async fn sweep(tx: &mut Tx, app: &App) -> Result<()> {
    let window = app.config.recovery.window;
    let sessions = store::sweep(tx, window).await?;
    let journal = store::sweep_journal(tx, window + SLACK).await?;
    let pause = if sessions || journal { RETENTION_PAUSE } else { RETENTION_EVERY };
    tx.schedule(RETENTION, "", pause).await
}
