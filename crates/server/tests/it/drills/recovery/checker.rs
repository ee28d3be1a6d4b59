//! Knows what one client must have seen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The events of each room: how many were begun to be sent, numbered from 1.
pub type Begun = Arc<Vec<AtomicU64>>;

/// What a client may and must see of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    /// It asked to come in, and has no answer.
    Coming,
    /// It is in; its first event must not be a later one.
    In { first_by: u64 },
    /// It is in, and this event is the next one.
    At { next: u64 },
    /// It asked to leave, and has no answer.
    Going { next: Option<u64> },
}

/// One client's view of all rooms.
pub struct Checker {
    begun: Begun,
    stays: BTreeMap<usize, Stay>,
    /// Events that were seen and right.
    pub seen: u64,
}

impl Checker {
    pub fn new(begun: Begun) -> Self {
        Self { begun, stays: BTreeMap::new(), seen: 0 }
    }

    /// The rooms that it is in, or may be in.
    pub fn rooms(&self) -> Vec<usize> {
        self.stays.keys().copied().collect()
    }

    /// Rooms of which the answer is missing: to come in, and to leave.
    pub fn unanswered(&self) -> (Vec<usize>, Vec<usize>) {
        let coming = |stay: &Stay| *stay == Stay::Coming;
        let going = |stay: &Stay| matches!(stay, Stay::Going { .. });
        let rooms = |is: &dyn Fn(&Stay) -> bool| {
            self.stays.iter().filter(|(_, stay)| is(stay)).map(|(room, _)| *room).collect()
        };
        (rooms(&coming), rooms(&going))
    }

    /// The client asks to come into a room.
    pub fn asks_in(&mut self, room: usize) {
        self.stays.entry(room).or_insert(Stay::Coming);
    }

    /// It is in.
    pub fn is_in(&mut self, room: usize) {
        if self.stays.get(&room) == Some(&Stay::Coming) {
            let first_by = self.begun[room].load(Ordering::SeqCst) + 1;
            self.stays.insert(room, Stay::In { first_by });
        }
    }

    /// The client asks to leave a room.
    pub fn asks_out(&mut self, room: usize) {
        let next = match self.stays.get(&room) {
            Some(Stay::At { next }) => Some(*next),
            _ => None,
        };
        self.stays.insert(room, Stay::Going { next });
    }

    /// It has left.
    pub fn is_out(&mut self, room: usize) {
        self.stays.remove(&room);
    }

    /// The server says that the session is new: nothing is owed any more.
    pub fn begins_anew(&mut self) {
        self.stays.clear();
    }

    /// An event came.
    pub fn sees(&mut self, room: usize, n: u64) -> Result<(), String> {
        let Some(stay) = self.stays.get_mut(&room) else {
            return Err(format!("room {room}: {n} although the client is not in it"));
        };
        let wrong = |next: u64| {
            let what = if n < next { "doubled" } else { "skipped" };
            Err(format!("room {room}: {what}: {n} where {next} was next"))
        };
        *stay = match *stay {
            Stay::In { first_by } if n > first_by => return wrong(first_by),
            Stay::At { next } | Stay::Going { next: Some(next) } if n != next => {
                return wrong(next);
            }
            Stay::Going { .. } => Stay::Going { next: Some(n + 1) },
            Stay::Coming | Stay::In { .. } | Stay::At { .. } => Stay::At { next: n + 1 },
        };
        self.seen += 1;
        Ok(())
    }

    /// Whether all that was sent has come, once nothing more is sent.
    pub fn missing(&self) -> Option<String> {
        self.stays.iter().find_map(|(room, stay)| {
            let last = self.begun[*room].load(Ordering::SeqCst);
            let next = match stay {
                Stay::At { next } => *next,
                Stay::In { first_by } => *first_by,
                Stay::Coming | Stay::Going { .. } => return None,
            };
            (next <= last).then(|| format!("room {room}: {next} to {last} never came"))
        })
    }
}
