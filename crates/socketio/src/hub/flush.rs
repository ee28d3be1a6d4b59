//! Writing what waits: to single connections as their events come, to large rooms in slices.

use super::command::HttpReply;
use super::count;
use super::engine::MAX_PACKETS;
use super::ring::{RING_FROM, Waiting};
use super::session::{Session, Transport};
use super::worker::{End, SLICE, Worker};
use crate::frame::Frame;
use crate::reason::Reason;
use smallvec::SmallVec;
use std::os::fd::AsRawFd;

impl Worker {
    /// Queues a frame for a session and sees to it that it is flushed. A session that has too
    /// much queued is doomed; a volatile frame is dropped where it would have to wait.
    pub(super) fn push(&mut self, slot: u32, frame: &Frame, volatile: bool, bulk: bool) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        if session.closing.is_some() {
            return;
        }
        if volatile {
            let waits = match &session.transport {
                Transport::WebSocket(_) => session.blocked_since.is_some(),
                Transport::Polling(polling) => polling.parked.is_none() && !session.out.is_empty(),
            };
            if waits {
                return;
            }
        }
        let max = self.hub.config.queue_max;
        let fits = |s: &Session| s.out.is_empty() || s.out.bytes() + frame.size() <= max;
        if !fits(session) {
            // What came in this turn may not have been offered to the kernel yet.
            if session.blocked_since.is_none() {
                self.flush(slot);
            }
            let Some(session) = self.sessions.get(slot as usize) else { return };
            if !fits(session) {
                self.doom(slot, Reason::QueueFull, End::Cut);
                return;
            }
        }
        let session = &mut self.sessions[slot as usize];
        session.out.push(frame.clone());
        if session.blocked_since.is_some() {
            // The kernel says when it takes more.
            return;
        }
        if bulk && !session.urgent && !session.bulk {
            session.bulk = true;
            self.bulk.push_back(slot);
        } else if !bulk && !session.urgent {
            session.urgent = true;
            self.urgent.push(slot);
        }
    }

    pub(super) fn flush_dirty(&mut self) {
        let mut urgent = std::mem::take(&mut self.urgent);
        urgent.retain(|slot| {
            let session = self.sessions.get_mut(*slot as usize);
            session.is_some_and(|session| std::mem::take(&mut session.urgent))
        });
        for slice in urgent.chunks(SLICE) {
            self.flush_each(slice);
        }
        urgent.clear();
        urgent.append(&mut self.urgent);
        self.urgent = urgent;
        self.flush_slice();
    }

    /// Flushes the next slice of what large broadcasts made dirty.
    fn flush_slice(&mut self) {
        let mut slice: SmallVec<[u32; SLICE]> = SmallVec::new();
        while slice.len() < SLICE
            && let Some(slot) = self.bulk.pop_front()
        {
            if let Some(session) = self.sessions.get_mut(slot as usize)
                && std::mem::take(&mut session.bulk)
            {
                slice.push(slot);
            }
        }
        self.flush_each(&slice);
    }

    /// Flushes at most [`SLICE`] sessions, by one call where that is cheaper.
    fn flush_each(&mut self, slots: &[u32]) {
        if slots.len() >= RING_FROM && self.ring.is_some() {
            self.flush_by_ring(slots);
        } else {
            for slot in slots {
                self.flush(*slot);
            }
        }
    }

    /// Offers the kernel by one call what is queued for several WebSockets; others are flushed as
    /// always.
    fn flush_by_ring(&mut self, slots: &[u32]) {
        let (mut sockets, mut waiting): (SmallVec<[u32; SLICE]>, SmallVec<[_; SLICE]>) =
            (SmallVec::new(), SmallVec::new());
        for slot in slots {
            let Some(session) = self.sessions.get(*slot as usize) else { continue };
            let (Transport::WebSocket(websocket), None) = (&session.transport, session.closing)
            else {
                continue;
            };
            let (frames, sent) = session.out.waiting();
            if frames.is_empty() {
                continue;
            }
            sockets.push(*slot);
            waiting.push(Waiting { fd: websocket.stream.as_raw_fd(), frames, sent });
        }
        let Some(ring) = &mut self.ring else { return };
        let results: SmallVec<[i32; SLICE]> = ring.write(waiting.into_iter()).into();
        if ring.broken {
            self.ring = None;
        }
        for (slot, result) in sockets.iter().zip(results) {
            let Some(session) = self.sessions.get_mut(*slot as usize) else { continue };
            if result < 0 && result != -libc::EAGAIN && result != -libc::EINTR {
                self.doom(*slot, Reason::TransportError, End::Gone);
                continue;
            }
            let bytes = result.max(0) as usize;
            let packets = session.out.advance(bytes);
            if session.out.is_empty() {
                session.blocked_since = None;
            }
            self.sent(*slot, packets, bytes);
        }
        for slot in slots {
            let left =
                |session: &Session| !session.out.is_empty() && session.blocked_since.is_none();
            if self.sessions.get(*slot as usize).is_some_and(left) {
                self.flush(*slot);
            }
        }
    }

    /// Offers what is queued to the kernel or to the waiting GET request.
    pub(super) fn flush(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let (mut packets, mut bytes) = (0, 0);
        match &mut session.transport {
            Transport::WebSocket(websocket) => {
                let Ok(sent) = session.out.write_to(&mut websocket.stream) else {
                    self.doom(slot, Reason::TransportError, End::Gone);
                    return;
                };
                (packets, bytes) = sent;
                if session.out.is_empty() && session.closing.is_some() {
                    // The client answers with its own close frame and the end of its stream.
                    let _ = websocket.stream.shutdown(std::net::Shutdown::Write);
                }
                if session.out.is_empty() {
                    session.blocked_since = None;
                } else if bytes > 0 || session.blocked_since.is_none() {
                    session.blocked_since = Some(self.now);
                }
            }
            Transport::Polling(polling) => {
                if (!session.out.is_empty() || session.probed)
                    && let Some(reply) = polling.parked.take()
                {
                    let (count, mut body) = session.out.take_payload(MAX_PACKETS);
                    if body.is_empty() {
                        body.push(b'6');
                    }
                    (packets, bytes) = (count, body.len());
                    // When the request was just aborted, that closes the session as well.
                    let _ = reply.send(HttpReply::Packets(body));
                }
            }
        }
        self.sent(slot, packets, bytes);
    }

    fn sent(&mut self, slot: u32, packets: usize, bytes: usize) {
        if let Some(session) = self.sessions.get_mut(slot as usize) {
            session.tell_drained();
        }
        count(&self.stats().packets_sent, packets as u64);
        count(&self.stats().bytes_sent, bytes as u64);
        self.set_timer(slot);
    }
}
