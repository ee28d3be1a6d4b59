//! Engine.IO v4 on a worker: transports, upgrade, heartbeat, the end of a session.

use super::command::{EngineError, HttpReply, Key, NewWebSocket};
use super::queue::OutQueue;
use super::session::{NEVER, Post, Probe, Session, Transport, WebSocket};
use super::worker::{End, Worker};
use super::{App, count};
use crate::frame::Frame;
use crate::handler::{EngineMessage, Handshake};
use crate::id::Sid;
use crate::protocol::frame::{self, Decoder, FrameError, Message, Opcode};
use crate::protocol::payload::{self, Packet};
use crate::reason::Reason;
use crate::socket::EngineSession;
use mio::{Interest, Token};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// How many buffers one connection may fill before others have their turn.
const READS: usize = 4;

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
    let open = serde_json::json!({
        "sid": sid.as_str(),
        "upgrades": upgrades,
        "pingInterval": config.ping_interval.as_millis() as u64,
        "pingTimeout": config.ping_timeout.as_millis() as u64,
        "maxPayload": config.max_payload,
    });
    format!("0{open}")
}

fn interest() -> Interest {
    Interest::READABLE | Interest::WRITABLE
}

impl Worker {
    fn open(&mut self, sid: Sid, transport: Transport, handshake: Arc<Handshake>) -> u32 {
        let now = self.now;
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

    pub(super) fn open_polling(&mut self, sid: Sid, handshake: Arc<Handshake>) {
        if self.hub.closing.load(Ordering::SeqCst) {
            return;
        }
        self.open(sid, Transport::Polling(Box::default()), handshake);
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
        let slot = self.open(new.sid, Transport::WebSocket(websocket), handshake);
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
        let open = open_packet(&new.sid, &self.hub.config, &[]);
        self.push(slot, &Frame::engine_text(open.as_bytes()), false, false);
        self.consume(slot, &mut read);
    }

    // Upgrade ------------------------------------------------------------------------------

    /// Tries a WebSocket for the upgrade of a polling session. A second one, and one for a
    /// session that is upgraded already, is closed by being dropped.
    fn begin_probe(&mut self, sid: Sid, mut websocket: WebSocket, read: &mut [u8]) {
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

    fn drop_probe(&mut self, probe: u32) {
        let Some(state) = self.probes.try_remove(probe as usize) else { return };
        if let Some(session) = self.sessions.get_mut(state.session.slot as usize) {
            session.probe = None;
            session.probed = false;
        }
    }

    // Long-polling --------------------------------------------------------------------------

    pub(super) fn poll_request(&mut self, sid: Sid, reply: oneshot::Sender<HttpReply>) {
        let Some(&slot) = self.by_sid.get(&sid) else {
            let _ = reply.send(HttpReply::Refused(EngineError::UnknownSession));
            return;
        };
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let Transport::Polling(polling) = &mut session.transport else {
            let _ = reply.send(HttpReply::Refused(EngineError::BadRequest));
            return;
        };
        if polling.parked.is_some() {
            let _ = reply.send(HttpReply::Refused(EngineError::BadRequest));
            self.close(slot, Reason::Malformed("two GET requests at once"), End::Graceful);
            return;
        }
        polling.parked = Some(reply);
        self.flush(slot);
    }

    /// The client gave up its GET request, and what was sent with it may be lost.
    pub(super) fn poll_aborted(&mut self, sid: Sid) {
        if let Some(&slot) = self.by_sid.get(&sid)
            && let Some(session) = self.sessions.get_mut(slot as usize)
            && let Transport::Polling(polling) = &mut session.transport
        {
            polling.parked = None;
            self.close(slot, Reason::TransportClose, End::Gone);
        }
    }

    pub(super) fn post_request(
        &mut self,
        sid: Sid,
        body: String,
        reply: oneshot::Sender<HttpReply>,
    ) {
        let Some(&slot) = self.by_sid.get(&sid) else {
            let _ = reply.send(HttpReply::Refused(EngineError::UnknownSession));
            return;
        };
        let Some(session) = self.sessions.get_mut(slot as usize) else { return };
        let Transport::Polling(polling) = &mut session.transport else {
            let _ = reply.send(HttpReply::Refused(EngineError::BadRequest));
            return;
        };
        if polling.post.is_some() {
            let _ = reply.send(HttpReply::Refused(EngineError::BadRequest));
            self.close(slot, Reason::Malformed("two POST requests at once"), End::Graceful);
            return;
        }
        self.continue_post(slot, Post { body, at: 0, reply });
    }

    /// Handles a POST request's packets until they are used up or the session is paused. The
    /// request is answered when all of them are handled: that holds a fast client back.
    fn continue_post(&mut self, slot: u32, mut post: Post) {
        let good = self.handle_body(slot, &post.body, &mut post.at, false);
        if let Some(Session { paused: true, transport: Transport::Polling(polling), .. }) =
            self.sessions.get_mut(slot as usize)
        {
            polling.post = Some(post);
            return;
        }
        let answer =
            if good { HttpReply::Accepted } else { HttpReply::Refused(EngineError::BadRequest) };
        let _ = post.reply.send(answer);
    }

    /// Handles a body's packets from byte `at` on. False when one is malformed.
    fn handle_body(&mut self, slot: u32, body: &str, at: &mut usize, even_paused: bool) -> bool {
        while let Some(session) = self.sessions.get(slot as usize)
            && session.closing.is_none()
            && (even_paused || !session.paused)
        {
            match payload::next(body, at) {
                None => break,
                Some(Ok(packet)) => {
                    let leaves = packet == Packet::Close;
                    if self.on_packet(slot, packet) == Flow::Stop {
                        return leaves;
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "malformed packet");
                    self.close(slot, Reason::Malformed("not an Engine.IO packet"), End::Graceful);
                    return false;
                }
            }
        }
        true
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
            Transport::WebSocket(websocket) => {
                let mut backlog = std::mem::take(&mut websocket.backlog);
                if !backlog.is_empty() {
                    self.consume(slot, &mut backlog);
                }
                self.readable(slot);
            }
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

    fn on_packet(&mut self, slot: u32, packet: Packet<'_>) -> Flow {
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
                session.ping_at = session.ping_at.max(now.saturating_sub(20)) + timeout;
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
