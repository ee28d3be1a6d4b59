//! What waits for a worker to carry out.

use super::command::Command;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A list of commands that is longer than this gives memory back once it is empty.
const KEPT: usize = 1024;

/// Commands in the order sent. Two lists change places, so that nothing is allocated for a command
/// but what it holds.
pub(super) struct Mailbox(Mutex<State>);

struct State {
    waiting: VecDeque<Command>,
    /// Its worker has ended.
    closed: bool,
}

impl Mailbox {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { waiting: VecDeque::new(), closed: false }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a single step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a command. False when the worker has ended; the command is dropped then.
    pub(super) fn send(&self, command: Command) -> bool {
        let mut state = self.lock();
        if state.closed {
            // What it holds may send something itself when it is dropped.
            drop(state);
            return false;
        }
        state.waiting.push_back(command);
        true
    }

    /// The first command of `taken`, which gets all that wait when it is empty.
    pub(super) fn next(&self, taken: &mut VecDeque<Command>) -> Option<Command> {
        if taken.is_empty() {
            if taken.capacity() > KEPT {
                taken.shrink_to(KEPT);
            }
            std::mem::swap(&mut self.lock().waiting, taken);
        }
        taken.pop_front()
    }

    /// Drops what waits and takes nothing any more.
    pub(super) fn close(&self) {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Sid;
    use tokio::sync::oneshot;

    fn lookup() -> (Command, oneshot::Receiver<bool>) {
        let (reply, answer) = oneshot::channel();
        (Command::Lookup { sid: Sid::new().unwrap(), reply }, answer)
    }

    fn number(command: Option<Command>) -> Option<u64> {
        match command? {
            Command::CancelAck { id, .. } => Some(id),
            _ => None,
        }
    }

    #[test]
    fn commands_come_in_order_and_its_memory_does_not_grow_for_ever() {
        let (mailbox, mut taken) = (Mailbox::new(), VecDeque::new());
        let socket = crate::hub::command::Key { slot: 0, serial: 0 };
        let send = |id| assert!(mailbox.send(Command::CancelAck { socket, id }));
        (0..3).for_each(send);
        assert_eq!(number(mailbox.next(&mut taken)), Some(0));
        (3..10_000).for_each(send);
        for id in 1..10_000 {
            assert_eq!(number(mailbox.next(&mut taken)), Some(id));
        }
        assert!(mailbox.next(&mut taken).is_none() && mailbox.next(&mut taken).is_none());
        assert!(taken.capacity() + mailbox.lock().waiting.capacity() < 4 * KEPT);
    }

    #[test]
    fn who_waits_for_an_ended_worker_hears_of_it() {
        let mailbox = Mailbox::new();
        let ((before, mut waits), (after, mut late)) = (lookup(), lookup());
        assert!(mailbox.send(before));
        mailbox.close();
        assert!(!mailbox.send(after));
        let closed = Err(oneshot::error::TryRecvError::Closed);
        assert_eq!((waits.try_recv(), late.try_recv()), (closed.clone(), closed));
    }
}
