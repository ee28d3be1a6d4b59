//! The upgrade of a polling session to WebSocket (Engine.IO protocol, "Upgrade"): the new
//! transport is probed while the old one goes on, and takes over at the upgrade packet.

use super::command::{HttpReply, Key};
use super::count;
use super::engine::interest;
use super::queue::OutQueue;
use super::session::{Probe, Transport, WebSocket};
use super::worker::{READS, Worker};
use crate::frame::Frame;
use crate::id::Sid;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::payload::{self, Packet};
use mio::Token;
use std::io::{self, Read, Write};
use std::sync::atomic::Ordering;

impl Worker {
    /// Tries a WebSocket for the upgrade of a polling session. A second one, and one for a
    /// session that is upgraded already, is closed by being dropped.
    pub(super) fn begin_probe(&mut self, sid: Sid, mut websocket: WebSocket, read: &mut [u8]) {
        let Some(&slot) = self.by_sid.get(&sid) else { return };
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        if session.probe.is_some() || !matches!(session.transport, Transport::Polling(_)) {
            return;
        }
        let entry = self.probes.vacant_entry();
        let probe = entry.key() as u32;
        let token = Token(probe as usize * 2 + 1);
        if self.poll.registry().register(&mut websocket.stream, token, interest()).is_err() {
            return;
        }
        let key = Key { slot, serial: session.serial };
        entry.insert(Probe { websocket, session: key });
        let until = self.now + self.hub.config.upgrade_timeout.as_millis() as u64;
        session.probe = Some((probe, until));
        session.probed = false;
        self.set_timer(slot);
        self.consume_probe(probe, read);
    }

    pub(super) fn probe_readable(&mut self, probe: u32) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..READS {
            let Some(state) = self.probes.get_mut(probe as usize) else { break };
            match state.websocket.stream.read(&mut buffer) {
                Ok(n) if n > 0 => {
                    self.consume_probe(probe, &mut buffer[..n]);
                    if n < buffer.len() {
                        break;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.drop_probe(probe);
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    fn consume_probe(&mut self, probe: u32, mut input: &mut [u8]) {
        let max = self.hub.config.max_payload;
        loop {
            let Some(state) = self.probes.get_mut(probe as usize) else { return };
            let message = match state.websocket.decoder.next(&mut input, max) {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(_) => return self.drop_probe(probe),
            };
            let packet = message.text().map(payload::parse);
            match packet {
                Some(Ok(Packet::Ping("probe"))) => {
                    let answer = frame::encode(Opcode::Text, b"3probe");
                    if state.websocket.stream.write(&answer).ok() != Some(answer.len()) {
                        return self.drop_probe(probe);
                    }
                    let slot = state.session.slot;
                    if let Some(session) = self.sessions.get_mut(slot as usize) {
                        // A waiting GET request ends, so that the client can stop polling.
                        session.probed = true;
                        self.flush(slot);
                    }
                }
                Some(Ok(Packet::Upgrade)) => return self.complete_upgrade(probe, input),
                Some(Ok(Packet::Noop)) => {}
                _ => return self.drop_probe(probe),
            }
        }
    }

    /// The WebSocket takes over; `rest` are bytes behind the upgrade packet.
    fn complete_upgrade(&mut self, probe: u32, rest: &mut [u8]) {
        let Some(Probe { mut websocket, session: Key { slot, .. } }) =
            self.probes.try_remove(probe as usize)
        else {
            return;
        };
        let token = Token(slot as usize * 2);
        let watched =
            self.poll.registry().reregister(&mut websocket.stream, token, interest()).is_ok();
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        session.probe = None;
        let was_probed = std::mem::take(&mut session.probed);
        if !was_probed || !watched {
            return;
        }
        if session.closing.is_some() {
            session.transport = Transport::WebSocket(websocket);
            session.out = OutQueue::default();
            session.out.push(Frame::control(frame::encode_close(1000, "session closed")));
            return self.flush(slot);
        }
        let old = std::mem::replace(&mut session.transport, Transport::WebSocket(websocket));
        if let Transport::Polling(polling) = old {
            if let Some(reply) = polling.parked {
                let _ = reply.send(HttpReply::Packets(b"6".to_vec()));
            }
            // Packets of a POST request that is not finished come before those on the WebSocket.
            if let Some(mut post) = polling.post {
                self.handle_body(slot, &post.body, &mut post.at, true);
                let _ = post.reply.send(HttpReply::Accepted);
            }
        }
        let polling = &self.stats().polling;
        polling.store(polling.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        count(&self.stats().websocket, 1);
        self.flush(slot);
        self.consume(slot, rest);
    }

    pub(super) fn drop_probe(&mut self, probe: u32) {
        let Some(state) = self.probes.try_remove(probe as usize) else { return };
        if let Some(session) = self.sessions.get_mut(state.session.slot as usize) {
            session.probe = None;
            session.probed = false;
        }
    }
}
