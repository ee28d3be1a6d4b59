//! Orders joins against the ends of memberships.
//!
//! A join is checked in the database and takes effect later; in between, the membership may end
//! and the tail may already have handed that on, so that nothing would take the socket out again,
//! and the room's next events would reach it. So each end advances its room's version *while* it
//! takes effect, and a join takes effect only while the version is still the one from before its
//! check; otherwise it is checked again. Then either the check came after the end and refuses, or
//! the join takes effect before the end, which undoes it.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Rooms share versions; two rooms of one version cost a needless second check at worst.
const VERSIONS: usize = 64;

/// The versions of rooms.
pub struct Fence {
    hasher: RandomState,
    rooms: [Rooms; VERSIONS],
}

/// The rooms of one version.
#[derive(Default)]
struct Rooms {
    /// Held while a join or the end of a membership takes effect.
    effect: Mutex<()>,
    /// Changed under the lock, before the effect, and read without it.
    version: AtomicU64,
}

impl Default for Fence {
    fn default() -> Self {
        Self { hasher: RandomState::new(), rooms: std::array::from_fn(|_| Rooms::default()) }
    }
}

impl Fence {
    fn rooms(&self, room: &str) -> &Rooms {
        &self.rooms[self.hasher.hash_one(room) as usize % VERSIONS]
    }

    /// The room's version, to be read before a membership is checked.
    pub fn version(&self, room: &str) -> u64 {
        self.rooms(room).version.load(Ordering::SeqCst)
    }

    /// Carries out the end of a membership in `room`.
    pub fn end(&self, room: &str, effect: impl FnOnce()) {
        let rooms = self.rooms(room);
        // There is nothing in it that its last holder could have broken.
        let _held = rooms.effect.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.version.fetch_add(1, Ordering::SeqCst);
        effect();
    }

    /// Carries out a join that was checked under `version`, or returns false: check again.
    pub fn join(&self, room: &str, version: u64, effect: impl FnOnce()) -> bool {
        let rooms = self.rooms(room);
        let _held = rooms.effect.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = rooms.version.load(Ordering::SeqCst) == version;
        if unchanged {
            effect();
        }
        unchanged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_checked_before_an_end_takes_no_effect() {
        let (fence, mut joined) = (Fence::default(), false);
        let version = fence.version("request-1");
        fence.end("request-1", || {});
        assert!(!fence.join("request-1", version, || joined = true));
        assert!(!joined);
        let version = fence.version("request-1");
        assert!(fence.join("request-1", version, || joined = true));
        assert!(joined);
    }

    #[test]
    fn no_interleaving_leaves_a_stranger_inside() {
        use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
        for _ in 0..2_000 {
            let fence = Fence::default();
            let (is_member, inside) = (AtomicBool::new(true), AtomicBool::new(false));
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    loop {
                        let version = fence.version("r");
                        if !is_member.load(SeqCst) {
                            return;
                        }
                        if fence.join("r", version, || inside.store(true, SeqCst)) {
                            return;
                        }
                    }
                });
                threads.spawn(|| {
                    is_member.store(false, SeqCst);
                    fence.end("r", || inside.store(false, SeqCst));
                });
            });
            assert!(!inside.load(SeqCst));
        }
    }
}
