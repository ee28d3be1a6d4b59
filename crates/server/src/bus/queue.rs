//! Messages that wait to be sent: bounded in bytes, the oldest go first when they are too many.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;

use super::Envelope;

/// Most bytes that wait.
const MAX_BYTES: usize = 1 << 20;
/// What an envelope has around its messages, at most: two names, the node's, a number.
const AROUND: usize = 128;

/// The queue of a node.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Box<RawValue>>,
    bytes: usize,
    /// Envelopes made so far.
    number: u64,
}

impl Queue {
    pub fn push(&self, message: Box<RawValue>) {
        let mut waiting = self.lock();
        waiting.bytes += message.get().len();
        waiting.messages.push_back(message);
        while waiting.bytes > MAX_BYTES {
            waiting.pop();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes everything and packs it, in order, into envelopes of at most `limit` bytes. A message
    /// that fits into none is dropped.
    pub fn pack(&self, node: &str, limit: usize) -> Vec<String> {
        let mut waiting = self.lock();
        let mut envelopes = Vec::new();
        let mut messages: Vec<Box<RawValue>> = Vec::new();
        let mut bytes = 0;
        let room = limit.saturating_sub(AROUND);
        while let Some(message) = waiting.pop() {
            let size = message.get().len() + 1;
            if size > room {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(size, limit, "a message is too large for the bus and is dropped");
                continue;
            }
            if bytes + size > room {
                envelopes.extend(waiting.envelope(node, &messages));
                messages.clear();
                bytes = 0;
            }
            bytes += size;
            messages.push(message);
        }
        if !messages.is_empty() {
            envelopes.extend(waiting.envelope(node, &messages));
        }
        envelopes
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Each change is whole before anything could panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<Box<RawValue>> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.get().len();
        Some(message)
    }

    fn envelope(&mut self, node: &str, messages: &[Box<RawValue>]) -> Option<String> {
        self.number += 1;
        let messages = messages.iter().map(AsRef::as_ref).collect();
        let envelope = Envelope { node: Cow::Borrowed(node), number: self.number, messages };
        // Strings and numbers can always be encoded.
        serde_json::to_string(&envelope).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Box<RawValue> {
        serde_json::value::to_raw_value(&"x".repeat(size - 2)).unwrap()
    }

    #[test]
    fn messages_travel_together_below_the_limit() {
        let queue = Queue::default();
        for _ in 0..100 {
            queue.push(message(300));
        }
        let node = "0199f3a0-0000-7000-8000-000000000000";
        let envelopes = queue.pack(node, 7900);
        assert!(envelopes.iter().all(|text| text.len() <= 7900), "{envelopes:?}");
        assert_eq!(envelopes.len(), 4);
        let parsed: Vec<Envelope<'_>> =
            envelopes.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(parsed.iter().map(|e| e.messages.len()).sum::<usize>(), 100);
        assert!(parsed.iter().all(|e| e.node == node));
        assert!(queue.pack(node, 7900).is_empty());
        assert_eq!(queue.dropped(), 0);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let queue = Queue::default();
        for _ in 0..3 * MAX_BYTES / 1000 {
            queue.push(message(1000));
        }
        let kept = queue.pack("n", usize::MAX);
        assert!(kept.iter().map(String::len).sum::<usize>() < MAX_BYTES + 10_000);
        assert!(queue.dropped() > MAX_BYTES as u64 / 1000);
    }

    #[test]
    fn too_large_a_message_is_dropped_alone() {
        let queue = Queue::default();
        queue.push(message(10));
        queue.push(message(9000));
        queue.push(message(10));
        let envelopes = queue.pack("n", 7900);
        assert_eq!(envelopes.len(), 1);
        assert_eq!(serde_json::from_str::<Envelope<'_>>(&envelopes[0]).unwrap().messages.len(), 2);
        assert_eq!(queue.dropped(), 1);
    }
}
