//! Which workers have members of which room, so that a broadcast wakes no other.

use crate::io::Room;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many that rooms of one thread seldom lie beside those of another.
const SHARDS: usize = 1024;

/// Members and joins on their way, by worker.
type Counts = SmallVec<[(u16, u32); 2]>;

/// Some of the rooms, on a cache line of its own: each emit looks at one.
#[derive(Default)]
#[repr(align(64))]
struct Shard(Mutex<HashMap<Room, Counts>>);

/// Counts, for each room, the members that each worker has, and the joins on their way to it.
///
/// A join is counted when it is sent, not when it takes effect: so an emit that follows it on the
/// same thread finds the room.
pub(crate) struct Registry {
    hasher: RandomState,
    /// By namespace and hash of the room.
    shards: Vec<Box<[Shard]>>,
}

impl Registry {
    pub(crate) fn new(namespaces: usize) -> Self {
        let shards = || (0..SHARDS).map(|_| Shard::default()).collect();
        Self { hasher: RandomState::new(), shards: (0..namespaces).map(|_| shards()).collect() }
    }

    fn shard(&self, namespace: u16, room: &str) -> MutexGuard<'_, HashMap<Room, Counts>> {
        let index = self.hasher.hash_one(room) as usize % SHARDS;
        // The maps are whole after each call, so a poisoned lock guards nothing broken.
        self.shards[namespace as usize][index].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more for `worker`. Returns the name as it is kept, so that all share it.
    pub(crate) fn hold(&self, namespace: u16, room: &Room, worker: u16) -> Room {
        let mut shard = self.shard(namespace, room);
        if let Some((name, _)) = shard.get_key_value(room) {
            let name = name.clone();
            if let Some(counts) = shard.get_mut(room) {
                match counts.iter_mut().find(|(w, _)| *w == worker) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((worker, 1)),
                }
            }
            return name;
        }
        shard.insert(room.clone(), SmallVec::from_iter([(worker, 1)]));
        room.clone()
    }

    /// Counts one less for `worker`.
    pub(crate) fn release(&self, namespace: u16, room: &str, worker: u16) {
        let mut shard = self.shard(namespace, room);
        let Some(counts) = shard.get_mut(room) else { return };
        if let Some(at) = counts.iter().position(|(w, _)| *w == worker) {
            counts[at].1 -= 1;
            if counts[at].1 == 0 {
                counts.swap_remove(at);
            }
        }
        if counts.is_empty() {
            shard.remove(room);
        }
    }

    /// The workers with members, as bits.
    pub(crate) fn workers(&self, namespace: u16, room: &str) -> u64 {
        let shard = self.shard(namespace, room);
        shard.get(room).map_or(0, |counts| counts.iter().fold(0, |mask, (w, _)| mask | 1 << w))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_lives_as_long_as_it_is_held() {
        let registry = Registry::new(2);
        let room = Room::from("a");
        let first = registry.hold(0, &room, 3);
        let second = registry.hold(0, &Room::from("a"), 5);
        registry.hold(0, &room, 3);
        assert!(Room::ptr_eq(&first, &second), "one name for all");
        assert_eq!(registry.workers(0, "a"), 1 << 3 | 1 << 5);
        assert_eq!(registry.workers(1, "a"), 0, "namespaces are apart");
        registry.release(0, "a", 3);
        registry.release(0, "a", 5);
        assert_eq!(registry.workers(0, "a"), 1 << 3);
        registry.release(0, "a", 3);
        registry.release(0, "a", 3);
        assert_eq!(registry.workers(0, "a"), 0);
    }
}
