//! Engine.IO v4 on a worker: transports, upgrade, heartbeat, the end of a session.

use super::command::{EngineError, HttpReply, Key, NewWebSocket};
use super::queue::OutQueue;
use super::ring::{CALLS, READ, RING_FROM};
use super::session::{Millis, NEVER, Session, Transport, WebSocket};
use super::worker::{End, READS, Worker};
use super::{App, count};
use crate::frame::Frame;
use crate::handler::{EngineMessage, Handshake};
use crate::id::Sid;
use crate::protocol::frame::{self, Decoder, FrameError, Message, Opcode};
use crate::protocol::payload::{self, Packet};
use crate::reason::Reason;
use crate::socket::EngineSession;
use mio::{Interest, Token};
use smallvec::SmallVec;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// How long the client may take to answer a close frame, in milliseconds.
const CLOSE_WAIT: u64 = 1_000;

/// The most packets in the answer to one GET request: stock Python clients refuse more.
pub(super) const MAX_PACKETS: usize = 16;

static PING: LazyLock<Frame> = LazyLock::new(|| Frame::engine_text(b"2"));

/// Whether the session is still there after a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Stop,
}

/// The open packet (Engine.IO protocol, "Handshake").
pub(crate) fn open_packet(sid: &Sid, config: &crate::Config, upgrades: &[&str]) -> String {
    let (interval, timeout) = (config.ping_interval.as_millis(), config.ping_timeout.as_millis());
    let (sid, max) = (sid.as_str(), config.max_payload);
    // Ids and names of transports have nothing that JSON escapes.
    format!(
        "0{{\"sid\":\"{sid}\",\"upgrades\":{upgrades:?},\"pingInterval\":{interval},\
         \"pingTimeout\":{timeout},\"maxPayload\":{max}}}"
    )
}

pub(super) fn interest() -> Interest {
    Interest::READABLE | Interest::WRITABLE
}

impl Worker {
    fn open(
        &mut self,
        sid: Sid,
        now: Millis,
        transport: Transport,
        handshake: Arc<Handshake>,
    ) -> u32 {
        let connect_by = match self.hub.app {
            App::SocketIo(_) => now + self.hub.config.connect_timeout.as_millis() as u64,
            App::Engine(_) => NEVER,
        };
        let serial = self.serial();
        let slot = self.sessions.insert(Session {
            serial,
            sid,
            transport,
            out: OutQueue::default(),
            drain: None,
            blocked_since: None,
            sockets: smallvec::SmallVec::new(),
            connecting: smallvec::SmallVec::new(),
            was_connected: false,
            partial: None,
            handshake: Some(handshake),
            ping_at: now + self.hub.config.ping_interval.as_millis() as u64,
            awaits_pong: false,
            connect_by,
            deadline: NEVER,
            timer_at: NEVER,
            probe: None,
            probed: false,
            paused: false,
            urgent: false,
            bulk: false,
            closing: None,
        }) as u32;
        self.by_sid.insert(sid, slot);
        count(&self.stats().opened, 1);
        self.set_timer(slot);
        slot
    }

    pub(super) fn open_polling(&mut self, sid: Sid, at: Instant, handshake: Arc<Handshake>) {
        if self.hub.closing.load(Ordering::SeqCst) {
            return;
        }
        let at = self.millis(at);
        self.open(sid, at, Transport::Polling(Box::default()), handshake);
        count(&self.stats().polling, 1);
    }

    pub(super) fn open_websocket(&mut self, new: NewWebSocket) {
        if self.hub.closing.load(Ordering::SeqCst) {
            return;
        }
        let stream = mio::net::TcpStream::from_std(new.stream);
        let websocket = WebSocket { stream, decoder: Decoder::default(), backlog: Vec::new() };
        let mut read = new.read.to_vec();
        let Some(handshake) = new.handshake else {
            self.begin_probe(new.sid, websocket, &mut read);
            return;
        };
        let slot = self.open(new.sid, self.now, Transport::WebSocket(websocket), handshake);
        count(&self.stats().websocket, 1);
        if let Some(Session { transport: Transport::WebSocket(websocket), .. }) =
            self.sessions.get_mut(slot as usize)
            && let Err(error) = self.poll.registry().register(
                &mut websocket.stream,
                Token(slot as usize * 2),
                interest(),
            )
        {
            tracing::error!(%error, "a connection could not be watched");
            self.close(slot, Reason::TransportError, End::Gone);
            return;
        }
        if !new.answer.is_empty() {
            self.push(slot, &Frame::control(new.answer), false, false);
        }
        let open = open_packet(&new.sid, &self.hub.config, &[]);
        self.push(slot, &Frame::engine_text(open.as_bytes()), false, false);
        self.consume(slot, &mut read);
    }

    // WebSocket -----------------------------------------------------------------------------

    pub(super) fn writable(&mut self, slot: u32) {
        if let Some(session) = self.sessions.get(slot as usize)
            && !session.out.is_empty()
        {
            self.flush(slot);
            self.close_doomed();
        }
    }

    /// Reads at most [`super::worker::SLICE`] sessions, by one call where that is cheaper.
    pub(super) fn read_each(&mut self, slots: &[u32]) {
        if slots.len() < RING_FROM || self.ring.is_none() {
            return slots.iter().for_each(|slot| self.readable(*slot));
        }
        let (mut plain, mut others): (SmallVec<[_; CALLS]>, SmallVec<[u32; 8]>) =
            (SmallVec::new(), SmallVec::new());
        for slot in slots {
            match self.sessions.get(*slot as usize) {
                Some(Session {
                    transport: Transport::WebSocket(websocket),
                    paused: false,
                    closing: None,
                    serial,
                    ..
                }) if websocket.backlog.is_empty() => {
                    plain.push((*slot, *serial, websocket.stream.as_raw_fd()));
                }
                _ => others.push(*slot),
            }
        }
        let Some(ring) = &mut self.ring else { return };
        let results: SmallVec<[i32; CALLS]> = ring.read(plain.iter().map(|(.., fd)| *fd)).into();
        let mut inbox = std::mem::take(&mut ring.inbox);
        if ring.broken {
            self.ring = None;
        }
        for (((slot, serial, _), result), part) in
            plain.iter().zip(results).zip(inbox.chunks_exact_mut(READ))
        {
            let count = result.max(0) as usize;
            let session = self.sessions.get(*slot as usize);
            if session.is_none_or(|session| session.serial != *serial) {
                continue;
            }
            match result {
                1.. => self.consume(*slot, &mut part[..count]),
                // Nothing came, or the kernel was not asked.
                _ if [-libc::EAGAIN, -libc::EINTR].contains(&result) => others.push(*slot),
                0 => self.close(*slot, Reason::TransportClose, End::Gone),
                _ => self.close(*slot, Reason::TransportError, End::Gone),
            }
            if count == READ {
                others.push(*slot);
            }
        }
        if let Some(ring) = &mut self.ring {
            ring.inbox = inbox;
        }
        for slot in others {
            self.readable(slot);
        }
    }

    pub(super) fn readable(&mut self, slot: u32) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut more = true;
        for _ in 0..READS {
            let Some(session) = self.sessions.get_mut(slot as usize) else { break };
            let Transport::WebSocket(websocket) = &mut session.transport else { break };
            if session.paused && session.closing.is_none() {
                more = false;
                break;
            }
            if !websocket.backlog.is_empty() {
                // What was read before the session was paused comes before all else.
                let mut backlog = std::mem::take(&mut websocket.backlog);
                self.consume(slot, &mut backlog);
                continue;
            }
            match websocket.stream.read(&mut buffer) {
                Ok(n) if n > 0 => {
                    if session.closing.is_none() {
                        self.consume(slot, &mut buffer[..n]);
                    }
                    if n < buffer.len() {
                        // The kernel tells when there is more.
                        more = false;
                        break;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    more = false;
                    break;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                end => {
                    let reason =
                        if end.is_ok() { Reason::TransportClose } else { Reason::TransportError };
                    self.close(slot, reason, End::Gone);
                    more = false;
                    break;
                }
            }
        }
        self.buffer = buffer;
        if more && self.sessions.contains(slot as usize) {
            self.unread.push(slot);
        }
    }

    /// Goes on with a session that was paused, or that had more to read.
    pub(super) fn resume(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        if session.paused {
            return;
        }
        match &mut session.transport {
            Transport::Polling(polling) => {
                if let Some(post) = polling.post.take() {
                    self.continue_post(slot, post);
                }
            }
            Transport::WebSocket(_) => self.readable(slot),
        }
    }

    /// Handles bytes of a WebSocket until they are used up or the session is paused.
    pub(super) fn consume(&mut self, slot: u32, mut input: &mut [u8]) {
        let max = self.hub.config.max_payload;
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let Transport::WebSocket(websocket) = &mut session.transport else { return };
        let mut decoder = std::mem::take(&mut websocket.decoder);
        loop {
            let Some(session) = self.sessions.get_mut(slot as usize) else { return };
            let Transport::WebSocket(websocket) = &mut session.transport else { return };
            if session.closing.is_some() {
                return;
            }
            if session.paused {
                websocket.backlog.extend_from_slice(input);
                websocket.decoder = decoder;
                return;
            }
            match decoder.next(&mut input, max) {
                Ok(Some(message)) => {
                    if self.on_message(slot, message) == Flow::Stop {
                        return;
                    }
                }
                Ok(None) => {
                    websocket.decoder = decoder;
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, "malformed WebSocket frame");
                    let reason = match error {
                        FrameError::TooLarge => Reason::PayloadTooLarge,
                        _ => Reason::Malformed("bad WebSocket frame"),
                    };
                    self.close_with(slot, reason, End::Graceful, Some(error.close_code()));
                    return;
                }
            }
        }
    }

    fn on_message(&mut self, slot: u32, message: Message<'_>) -> Flow {
        match &message {
            Message::Text(_) => match message.text().map(payload::parse) {
                Some(Ok(packet)) => self.on_packet(slot, packet),
                _ => self.fail(slot, Reason::Malformed("not an Engine.IO packet")),
            },
            Message::Binary(bytes) => self.on_binary_message(slot, bytes.to_vec()),
            Message::Ping(bytes) => {
                let pong = Frame::control(frame::encode(Opcode::Pong, bytes));
                self.push(slot, &pong, false, false);
                Flow::Go
            }
            Message::Pong => Flow::Go,
            Message::Close(code) => {
                let code = Some(code.unwrap_or(1000));
                self.close_with(slot, Reason::TransportClose, End::Graceful, code);
                Flow::Stop
            }
        }
    }

    // Packets -------------------------------------------------------------------------------

    pub(super) fn on_packet(&mut self, slot: u32, packet: Packet<'_>) -> Flow {
        count(&self.stats().packets_received, 1);
        match packet {
            Packet::Text(text) => match &self.hub.app {
                App::SocketIo(_) => self.on_text(slot, text),
                App::Engine(_) => self.hand_on(slot, EngineMessage::Text(text.to_owned())),
            },
            Packet::Binary(bytes) => self.on_binary_message(slot, bytes),
            Packet::Pong(_) => {
                let interval = self.hub.config.ping_interval.as_millis() as u64;
                let now = self.now;
                if let Some(session) = self.sessions.get_mut(slot as usize)
                    && std::mem::take(&mut session.awaits_pong)
                {
                    session.ping_at = now + interval;
                }
                Flow::Go
            }
            Packet::Close => {
                self.close(slot, Reason::TransportClose, End::Graceful);
                Flow::Stop
            }
            Packet::Noop | Packet::Upgrade => Flow::Go,
            Packet::Ping(_) => self.fail(slot, Reason::Malformed("ping from a client")),
        }
    }

    fn on_binary_message(&mut self, slot: u32, bytes: Vec<u8>) -> Flow {
        match &self.hub.app {
            App::SocketIo(_) => self.on_attachment(slot, bytes),
            App::Engine(_) => self.hand_on(slot, EngineMessage::Binary(bytes)),
        }
    }

    fn hand_on(&mut self, slot: u32, message: EngineMessage) -> Flow {
        if let App::Engine(handler) = &self.hub.app
            && let Some(session) = self.sessions.get(slot as usize)
        {
            let key = Key { slot, serial: session.serial };
            let session = EngineSession { hub: self.hub.clone(), key, worker: self.index };
            super::sockets::guarded("message", || handler.message(&session, message));
        }
        Flow::Go
    }

    // Times and ends ------------------------------------------------------------------------

    pub(super) fn timer(&mut self, slot: u32) {
        let now = self.now;
        let config = &self.hub.config;
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        if let Some(until) = session.closing {
            if until <= now {
                self.discard(slot, true);
            }
            return;
        }
        let stall_max = config.stall_max.as_millis() as u64;
        if session.blocked_since.is_some_and(|since| since + stall_max <= now) {
            return self.close(slot, Reason::Stalled, End::Cut);
        }
        if session.connect_by <= now {
            return self.close(slot, Reason::ConnectTimeout, End::Graceful);
        }
        if session.deadline <= now {
            let due = session.sockets.iter().find_map(|socket| {
                let deadline = self.sockets.get(*socket as usize)?.deadline.as_ref()?;
                (deadline.0 <= now).then(|| deadline.1.clone())
            });
            let reason = due.unwrap_or(Reason::server("deadline"));
            return self.close(slot, reason, End::Graceful);
        }
        if session.ping_at <= now {
            let timeout = config.ping_timeout.as_millis() as u64;
            if session.awaits_pong && session.paused {
                // The pong may lie behind what the server does not read.
                session.ping_at = now + timeout;
            } else if session.awaits_pong {
                return self.close(slot, Reason::PingTimeout, End::Graceful);
            } else {
                session.awaits_pong = true;
                // Counted from when the ping was due, unless this worker was much too late.
                session.ping_at = session.ping_at.max(now.saturating_sub(timeout / 4)) + timeout;
                self.push(slot, &PING, false, false);
            }
        }
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        if let Some((probe, until)) = session.probe
            && until <= now
        {
            self.drop_probe(probe);
        }
    }

    pub(super) fn fail(&mut self, slot: u32, reason: Reason) -> Flow {
        self.close(slot, reason, End::Graceful);
        Flow::Stop
    }

    pub(super) fn close(&mut self, slot: u32, reason: Reason, end: End) {
        self.close_with(slot, reason, end, None);
    }

    /// Ends a session: its sockets leave their rooms and the handler is told at once, whatever
    /// becomes of the connection.
    fn close_with(&mut self, slot: u32, reason: Reason, end: End, code: Option<u16>) {
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        if session.closing.is_some() {
            if end != End::Graceful {
                self.discard(slot, end == End::Cut);
            }
            return;
        }
        session.closing = Some(self.now + CLOSE_WAIT);
        session.handshake = None;
        session.drain = None;
        let sid = session.sid;
        let sockets = std::mem::take(&mut session.sockets);
        // A stock client that is told to upgrade, but finds its WebSocket closed before it has
        // changed over, waits for its ping timeout. So such a WebSocket stays until it did.
        let changing_over = end == End::Graceful && session.probed;
        let probe = if changing_over { None } else { session.probe.take() };
        let websocket = matches!(session.transport, Transport::WebSocket(_));
        if let Transport::Polling(polling) = &mut session.transport {
            if let Some(reply) = polling.parked.take() {
                let (_, mut body) = session.out.take_payload(MAX_PACKETS - 1);
                if reason == Reason::TransportClose {
                    // The client knows already.
                    body = b"6".to_vec();
                } else {
                    if !body.is_empty() {
                        body.push(payload::SEPARATOR);
                    }
                    body.push(b'1');
                }
                let _ = reply.send(HttpReply::Packets(body));
            }
            if let Some(post) = polling.post.take() {
                let _ = post.reply.send(HttpReply::Refused(EngineError::BadRequest));
            }
        }
        self.by_sid.remove(&sid);
        if let Some((probe, _)) = probe {
            self.probes.try_remove(probe as usize);
        }
        let stats = self.stats();
        count(&stats.closed[reason.index()], 1);
        let open = if websocket { &stats.websocket } else { &stats.polling };
        open.store(open.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        tracing::debug!(%reason, "session closed");
        for socket in sockets {
            self.end_socket(socket, reason.clone());
        }
        if changing_over {
            return self.set_timer(slot);
        }
        if !websocket || end != End::Graceful {
            return self.discard(slot, end == End::Cut);
        }
        let close = frame::encode_close(code.unwrap_or(reason.close_code()), &reason.to_string());
        if let Some(session) = self.sessions.get_mut(slot as usize) {
            session.out.push(Frame::control(close));
        }
        self.flush(slot);
        self.set_timer(slot);
    }

    /// Drops a connection; with `reset` it is reset, so that its client does not take it for
    /// open while its window is closed.
    fn discard(&mut self, slot: u32, reset: bool) {
        let Some(session) = self.sessions.try_remove(slot as usize) else { return };
        if let Some((probe, _)) = session.probe {
            self.probes.try_remove(probe as usize);
        }
        if let Transport::WebSocket(websocket) = session.transport
            && reset
            && let Err(error) = socket2::SockRef::from(&websocket.stream)
                .set_linger(Some(std::time::Duration::ZERO))
        {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }
}
