//! The newest part of the journal, in memory, as it is sent.
//!
//! What holds always here: an entry is sent to the sockets and becomes part of the feed in one
//! step, under one lock. So whoever holds the lock knows of each entry whether it has been sent;
//! a socket that is taken up under it gets what came before from here and what comes after live.
//!
//! The lock is taken before that of [`super::super::fence`] and before a session's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use db::DbError;
use events::Audience;
use serde_json::value::RawValue;
use socketio::{EncodeError, Frame};

use super::history::Address;
use crate::journal::{Control, Entry, EntryKind, Epoch, Journal, Read};
use crate::realtime::NAMESPACE;

/// What an entry takes beside its frame, in bytes; about.
const OVERHEAD: usize = 256;
/// Entries that a start reads from the database.
const PRELOAD: i64 = 20_000;
/// Entries read at once.
const PAGE: i64 = 500;

/// An entry of the journal as it is sent.
#[derive(Debug)]
pub struct Item {
    /// Its place in commit order.
    pub position: i64,
    /// What it is.
    pub what: What,
}

/// What an entry is.
#[derive(Debug)]
pub enum What {
    /// An event: for whom, and its packet with its offset.
    Event(Address, Frame),
    /// An instruction to every node.
    Control(Control),
    /// It cannot be read, and nobody gets it.
    Nothing,
}

impl Item {
    /// Makes the packet.
    pub fn of(read: Read, epoch: &Epoch) -> Self {
        let Read { position, entry } = read;
        let what = match entry.map(|entry: Entry| entry.kind) {
            None => What::Nothing,
            Some(EntryKind::Control(control)) => What::Control(control),
            Some(EntryKind::Event { name, audience, payload }) => {
                match encode(&name, &payload, &epoch.offset(position)) {
                    Ok(frame) => What::Event(address(&audience), frame),
                    Err(error) => {
                        tracing::error!(%error, name, "an event cannot be sent");
                        What::Nothing
                    }
                }
            }
        };
        Self { position, what }
    }

    fn size(&self) -> usize {
        OVERHEAD
            + match &self.what {
                What::Event(_, frame) => frame.size(),
                _ => 0,
            }
    }
}

fn encode(name: &str, payload: &RawValue, offset: &str) -> Result<Frame, EncodeError> {
    Frame::builder(NAMESPACE, name)?.arg(&payload)?.offset(offset)?.build()
}

/// An audience, ready to be compared.
pub fn address(audience: &Audience) -> Address {
    let everyone = audience.is_everyone();
    let rooms = audience.rooms.iter().map(|room| room.to_string().into());
    Address {
        rooms: if everyone { smallvec::SmallVec::new() } else { rooms.collect() },
        everyone,
        only: audience.only.clone().map(Into::into),
        except: audience.except.clone().map(Into::into),
    }
}

/// The newest entries.
pub struct Feed {
    bytes_max: usize,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    /// The last position that was sent.
    position: i64,
    /// Without a gap, up to `position`.
    items: VecDeque<Arc<Item>>,
    bytes: usize,
}

/// What the feed has behind a position.
pub enum Found {
    /// These, the first ones.
    Items(Vec<Arc<Item>>),
    /// The database has it.
    Older,
}

impl Recent {
    fn push(&mut self, item: Arc<Item>, bytes_max: usize) {
        if item.position != self.position + 1 {
            self.items.clear();
            self.bytes = 0;
        }
        self.position = item.position;
        self.bytes += item.size();
        self.items.push_back(item);
        while self.bytes > bytes_max
            && let Some(oldest) = self.items.pop_front()
        {
            self.bytes -= oldest.size();
        }
    }

    /// Where the entry behind `after` stands; `None` when it is older than all.
    fn index(&self, after: i64) -> Option<usize> {
        let first = self.position - self.items.len() as i64;
        usize::try_from(after - first).ok()
    }
}

impl Feed {
    /// An empty feed that keeps about so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, recent: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        // Each change is whole before anything could panic.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the newest entries that were there before the start.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn load(&self, journal: &Journal) -> Result<(), DbError> {
        let (head, epoch) = (journal.handed_on(), journal.epoch());
        let mut cursor = (head - PRELOAD).max(0);
        self.lock().position = cursor;
        while cursor < head {
            let page = journal.page(cursor, PAGE.min(head - cursor)).await?;
            let Some(last) = page.last() else { break };
            cursor = last.position;
            let mut recent = self.lock();
            for read in page {
                recent.push(Arc::new(Item::of(read, &epoch)), self.bytes_max);
            }
        }
        let mut recent = self.lock();
        if recent.position != head {
            *recent = Recent { position: head, ..Recent::default() };
        }
        Ok(())
    }

    /// Sends an entry, by `effect`, and keeps it.
    pub fn take(&self, item: Item, effect: impl FnOnce(&Item)) {
        let item = Arc::new(item);
        let mut recent = self.lock();
        effect(&item);
        recent.push(item, self.bytes_max);
    }

    /// The last position that was sent.
    pub fn position(&self) -> i64 {
        self.lock().position
    }

    /// Does something at this place in the order: what was sent before has a position up to the
    /// one given, what is sent after has a later one.
    pub fn now<R>(&self, act: impl FnOnce(i64) -> R) -> R {
        let recent = self.lock();
        act(recent.position)
    }

    /// The first `max` entries behind a position.
    pub fn after(&self, after: i64, max: usize) -> Found {
        let recent = self.lock();
        match recent.index(after) {
            None => Found::Older,
            Some(at) => {
                let end = recent.items.len().min(at.saturating_add(max));
                Found::Items(recent.items.range(at.min(end)..end).cloned().collect())
            }
        }
    }

    /// Like [`now`](Self::now), with all that was sent behind a position. `None` when that is
    /// more than `max` entries, or not in memory.
    pub fn attach<R>(
        &self,
        after: i64,
        max: usize,
        act: impl FnOnce(&[Arc<Item>]) -> R,
    ) -> Option<R> {
        let recent = self.lock();
        let end = recent.items.len();
        let at = recent.index(after)?.min(end);
        if end - at > max {
            return None;
        }
        let items: Vec<_> = recent.items.range(at..).cloned().collect();
        Some(act(&items))
    }
}
