//! The journal: every event that follows from a change of data, in commit order.
//!
//! What holds always here:
//! - an entry is written in the transaction that makes the change ([`Tx::commit`]), so it is
//!   there if and only if the change is;
//! - positions grow in commit order and entries are read only by `position > cursor`;
//! - one task a node, the [`tail`], hands them on, in that order, each once;
//! - besides events the journal carries *controls* ([`Control`]): a sign-in that ended, a room
//!   that a user may no longer be in. They take effect at their place in the order, so a client
//!   sees all that it was entitled to and nothing after.

mod entry;
mod offset;
pub(crate) mod sequencer;
mod tail;
mod tx;

pub use entry::{Control, Entry, EntryKind};
pub use offset::Epoch;
pub use tail::{Journal, Read, Sink};
pub use tx::Tx;
