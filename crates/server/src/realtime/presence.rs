//! Who is online (contract §1.5).
//!
//! On a node, a user is there from the first socket that says so until none has been there for the
//! grace: that is counted in memory. Who is on which node stands in the database ([`store`]), and
//! the transaction that writes it finds out whether the user is online or offline by it, so that
//! of several nodes one tells it, to the sockets of all.
//!
//! Who is online stands in the database before it is told, and who is offline after: so a restart
//! within the grace is not told to anyone, and whoever was told to be online and does not come
//! back is told to be offline, also when the program was killed: another node goes on with the
//! users of one that ended ([`super::nodes`]).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use db::DbError;
use events::presence::UserStatusChange;
use events::{OnlineStatus, Timestamp, UserId};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::store;
use crate::app::App;

/// Users that are written in one transaction.
const BATCH: usize = 500;
/// Pause after a failed write.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The users who are online, and what the database does not know of them yet.
pub struct People {
    grace: Duration,
    state: Mutex<State>,
    /// Those whose last socket is gone, in the order of the ends of their graces.
    leaving: mpsc::UnboundedSender<Leaving>,
    /// Taken by [`run`].
    left: Mutex<Option<mpsc::UnboundedReceiver<Leaving>>>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    online: HashMap<UserId, Online>,
    /// Counts the graces that began, so that the end of an earlier one is not taken for the end
    /// of a later one.
    graces: u64,
    unsaved: HashMap<UserId, Seen>,
}

/// A user who is online.
struct Online {
    sockets: u32,
    /// The grace that runs, and since when no socket is there.
    gone: Option<(u64, Timestamp)>,
}

/// What the database keeps of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether the user is online.
    pub online: bool,
    /// When the user was there for certain.
    pub last_seen: Timestamp,
}

struct Leaving {
    user: UserId,
    grace: u64,
    until: Instant,
}

impl State {
    /// A socket came. Whether the user was offline.
    fn came(&mut self, user: &UserId, now: Timestamp) -> bool {
        if let Some(online) = self.online.get_mut(user) {
            online.sockets += 1;
            online.gone = None;
            return false;
        }
        self.online.insert(user.clone(), Online { sockets: 1, gone: None });
        self.unsaved.insert(user.clone(), Seen { online: true, last_seen: now });
        true
    }

    /// A socket went. The grace that begins, if it was the last one.
    fn went(&mut self, user: &UserId, now: Timestamp) -> Option<u64> {
        let online = self.online.get_mut(user)?;
        online.sockets = online.sockets.saturating_sub(1);
        if online.sockets > 0 {
            return None;
        }
        self.graces += 1;
        online.gone = Some((self.graces, now));
        Some(self.graces)
    }

    /// The user was on a node that ended. The grace that begins, unless the user is here.
    fn restore(&mut self, user: &UserId, last_seen: Timestamp) -> Option<u64> {
        if self.online.contains_key(user) {
            return None;
        }
        self.graces += 1;
        let gone = Some((self.graces, last_seen));
        self.online.insert(user.clone(), Online { sockets: 0, gone });
        // Where the user had just left this node too, that is not the end any more.
        self.unsaved.insert(user.clone(), Seen { online: true, last_seen });
        Some(self.graces)
    }

    /// A grace is over. Whether the user is offline, since nobody came back in it.
    fn over(&mut self, user: &UserId, grace: u64) -> bool {
        match self.online.get(user).and_then(|online| online.gone) {
            Some((current, last_seen)) if current == grace => {
                self.online.remove(user);
                self.unsaved.insert(user.clone(), Seen { online: false, last_seen });
                true
            }
            _ => false,
        }
    }
}

impl People {
    /// Nobody is online. `grace` is `PRESENCE_GRACE`.
    pub fn new(grace: Duration) -> Self {
        let (leaving, left) = mpsc::unbounded_channel();
        Self {
            grace,
            state: Mutex::default(),
            leaving,
            left: Mutex::new(Some(left)),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket of the user went.
    pub fn went(&self, user: &UserId, now: Timestamp) {
        let mut state = self.state();
        if let Some(grace) = state.went(user, now) {
            self.begin_grace(user.clone(), grace);
        }
    }

    /// Called under the lock, so that the queue is in order.
    fn begin_grace(&self, user: UserId, grace: u64) {
        // Once the node stops, nobody waits for the end of a grace.
        let _ = self.leaving.send(Leaving { user, grace, until: Instant::now() + self.grace });
    }

    /// When a user who is on this node was last seen.
    pub fn seen(&self, user: &UserId, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        state.online.get(user).map(|online| online.gone.map_or(now, |(_, since)| since))
    }
}

/// A socket of the user came.
pub fn came(app: &App, user: &UserId) {
    let people = &app.realtime.0.people;
    if people.state().came(user, app.clock.now()) {
        people.changed.notify_one();
    }
}

/// Gives a user who was on a node that ended the grace to come back.
pub fn restore(app: &App, user: UserId, last_seen: Timestamp) {
    let people = &app.realtime.0.people;
    let mut state = people.state();
    if let Some(grace) = state.restore(&user, last_seen) {
        people.begin_grace(user, grace);
        people.changed.notify_one();
    }
}

/// Writes down once more who is on this node.
pub fn save_anew(app: &App) {
    let (people, now) = (&app.realtime.0.people, app.clock.now());
    let mut state = people.state();
    let State { online, unsaved, .. } = &mut *state;
    let here = Seen { online: true, last_seen: now };
    unsaved.extend(online.keys().map(|user| (user.clone(), here)));
    people.changed.notify_one();
}

/// Tells who has left and writes down who is online, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let people = &app.realtime.0.people;
    let left = people.left.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut left) = left else { return };
    let leaving = async {
        while let Some(Leaving { user, grace, until }) = left.recv().await {
            tokio::time::sleep_until(until.into()).await;
            if people.state().over(&user, grace) {
                people.changed.notify_one();
            }
        }
    };
    let telling = async {
        loop {
            people.changed.notified().await;
            while let Err(error) = tell_changes(&app).await {
                tracing::warn!(%error, "who is online cannot be written down");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    };
    tokio::select! {
        () = leaving => {}
        () = telling => {}
        () = stop.cancelled() => {}
    }
}

/// Tells and writes down what has changed; what changes meanwhile is for the next time.
///
/// # Errors
/// [`DbError`]; then what is left stays for the next time.
pub async fn tell_changes(app: &App) -> Result<(), DbError> {
    let people = &app.realtime.0.people;
    let unsaved = people.state().unsaved.clone();
    let mut unsaved: Vec<_> = unsaved.into_iter().collect();
    // All nodes lock users in the same order.
    unsaved.sort_by(|(one, _), (other, _)| one.cmp(other));
    for some in unsaved.chunks(BATCH) {
        let mut tx = app.db.begin().await?;
        let changed = store::save(&mut tx, app.bus.node(), some).await?;
        tell(app, changed.iter().filter(|(_, seen)| !seen.online));
        tx.commit().await?;
        tell(app, changed.iter().filter(|(_, seen)| seen.online));
        let mut state = people.state();
        for (user, seen) in some {
            if state.unsaved.get(user) == Some(seen) {
                state.unsaved.remove(user);
            }
        }
    }
    Ok(())
}

/// To the sockets of all nodes.
fn tell<'a>(app: &App, changes: impl Iterator<Item = &'a (UserId, Seen)>) {
    for (user, Seen { online, last_seen }) in changes {
        let status = if *online { OnlineStatus::Online } else { OnlineStatus::Offline };
        let event = UserStatusChange { user_id: user.clone(), status, last_seen: *last_seen };
        if let Err(error) = app.realtime.emit(&event, &()) {
            tracing::error!(%error, "a status cannot be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> UserId {
        "u1".parse().unwrap()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn online_with_the_first_socket_and_offline_after_the_last() {
        let mut state = State::default();
        assert!(state.came(&user(), at(1)));
        assert!(!state.came(&user(), at(2)), "a second tab");
        assert_eq!(state.went(&user(), at(3)), None, "one tab is left");
        let grace = state.went(&user(), at(4)).unwrap();
        assert!(state.over(&user(), grace));
        assert_eq!(state.unsaved[&user()], Seen { online: false, last_seen: at(4) });
        assert!(!state.over(&user(), grace), "once");
        assert!(state.came(&user(), at(5)), "online again");
    }

    #[test]
    fn who_comes_back_within_the_grace_never_left() {
        let mut state = State::default();
        state.came(&user(), at(1));
        let first = state.went(&user(), at(2)).unwrap();
        assert!(!state.came(&user(), at(3)));
        assert!(!state.over(&user(), first));
        let second = state.went(&user(), at(4)).unwrap();
        assert!(!state.over(&user(), first), "the end of the earlier grace");
        assert!(state.over(&user(), second));
    }

    #[test]
    fn a_restart_gives_the_grace() {
        let mut state = State::default();
        let grace = state.restore(&user(), at(1)).unwrap();
        assert!(!state.came(&user(), at(2)), "back within the grace: no event");
        assert!(!state.over(&user(), grace));
        assert_eq!(state.restore(&user(), at(3)), None, "the user is here");
        let grace = state.restore(&"u2".parse().unwrap(), at(1)).unwrap();
        assert!(state.over(&"u2".parse().unwrap(), grace));
        assert_eq!(state.unsaved[&"u2".parse().unwrap()].last_seen, at(1));
    }

    #[test]
    fn who_never_came_does_not_go() {
        let mut state = State::default();
        assert_eq!(state.went(&user(), at(1)), None);
        assert!(!state.over(&user(), 0));
    }
}
