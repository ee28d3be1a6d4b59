//! The lives of nodes: each counts on in the database, and the others take over the users of one
//! whose count stands still (contract §1.5: also after a node died).
//!
//! No clock of one machine is compared with that of another: who looks measures by its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use db::{DbError, Engine};
use tokio_util::sync::CancellationToken;

use super::presence;
use super::store::{self, Beats};
use crate::app::App;

/// Between two signs of life.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A node without a sign for this long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(5);

/// When the counts of the other nodes were last seen to change.
#[derive(Debug, Default)]
struct Watch(HashMap<String, (i64, Instant)>);

impl Watch {
    /// Those that have stopped or stand still.
    fn dead(&mut self, nodes: Vec<Beats>, now: Instant) -> Vec<Beats> {
        self.0.retain(|node, _| nodes.iter().any(|beats| beats.node == *node));
        let is_dead = |beats: &Beats| {
            let (count, since) = self.0.entry(beats.node.clone()).or_insert((beats.count, now));
            if *count != beats.count {
                (*count, *since) = (beats.count, now);
            }
            beats.count < 0 || now.duration_since(*since) >= DEAD_AFTER
        };
        nodes.into_iter().filter(is_dead).collect()
    }
}

/// The names of the other nodes that live, as the database had them last.
#[derive(Debug, Default)]
pub struct Others(Mutex<Vec<String>>);

impl Others {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        // It is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Who they are.
    pub fn names(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn know(&self, nodes: &[Beats], dead: &[Beats]) {
        let lives = |node: &&Beats| !dead.iter().any(|dead| dead.node == node.node);
        *self.lock() = nodes.iter().filter(lives).map(|node| node.node.clone()).collect();
    }
}

/// This node begins, and takes over from those that have ended.
///
/// # Errors
/// [`DbError`].
pub async fn enter(app: &App) -> Result<(), DbError> {
    store::enter(&app.db, app.bus.node(), app.clock.now()).await?;
    for other in store::others(&app.db, app.bus.node()).await? {
        // An embedded database has one program at a time.
        if other.count < 0 || app.db.engine() == Engine::Sqlite {
            take_over(app, &other).await?;
        }
    }
    Ok(())
}

/// This node stops; another one, or itself when it is back, goes on with its users.
pub async fn leave(app: &App) {
    let left = async {
        presence::tell_changes(app).await?;
        store::leave(&app.db, app.bus.node(), app.clock.now()).await
    };
    if let Err(error) = left.await {
        // The others will see that it is dead.
        tracing::warn!(%error, "other nodes cannot be told of the stop");
    }
}

/// Gives signs of life and looks for dead nodes, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    if app.db.engine() == Engine::Sqlite {
        return;
    }
    let mut watch = Watch::default();
    while !stop.is_cancelled() {
        if let Err(error) = beat(&app, &mut watch).await {
            tracing::warn!(%error, "no sign of life can be given");
        }
        tokio::select! {
            () = tokio::time::sleep(BEAT_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn beat(app: &App, watch: &mut Watch) -> Result<(), DbError> {
    let node = app.bus.node();
    if !store::beat(&app.db, node, app.clock.now()).await? {
        tracing::warn!("other nodes have taken this one for dead");
        store::enter(&app.db, node, app.clock.now()).await?;
        presence::save_anew(app);
    }
    let others = store::others(&app.db, node).await?;
    let dead = watch.dead(others.clone(), Instant::now());
    app.realtime.0.others.know(&others, &dead);
    for dead in dead {
        take_over(app, &dead).await?;
    }
    Ok(())
}

async fn take_over(app: &App, dead: &Beats) -> Result<(), DbError> {
    let users = store::take_over(&app.db, app.bus.node(), dead).await?;
    if dead.count >= 0 {
        tracing::warn!(node = dead.node, users = users.len(), "took over from a dead node");
    }
    for (user, last_seen) in users {
        presence::restore(app, user, last_seen);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_stands_still_is_a_death() {
        let beats = |count| vec![Beats { node: "n".into(), count }];
        let (mut watch, start) = (Watch::default(), Instant::now());
        let mut dead = |count, after: u64| {
            !watch.dead(beats(count), start + Duration::from_secs(after)).is_empty()
        };
        assert!(!dead(7, 0), "seen for the first time");
        assert!(!dead(7, 4));
        assert!(!dead(8, 6), "it lives");
        assert!(!dead(8, 10));
        assert!(dead(8, 11));
        assert!(dead(-1, 12), "it has stopped");
    }
}
