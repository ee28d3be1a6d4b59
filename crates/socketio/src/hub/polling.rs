//! HTTP long-polling (Engine.IO protocol, "HTTP long-polling"): a GET request waits for packets,
//! a POST request brings some.

use super::command::{EngineError, HttpReply};
use super::engine::Flow;
use super::session::{Post, Session, Transport};
use super::worker::{End, Worker};
use crate::id::Sid;
use crate::protocol::payload::{self, Packet};
use crate::reason::Reason;
use tokio::sync::oneshot;

impl Worker {
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
    pub(super) fn continue_post(&mut self, slot: u32, mut post: Post) {
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
    pub(super) fn handle_body(
        &mut self,
        slot: u32,
        body: &str,
        at: &mut usize,
        even_paused: bool,
    ) -> bool {
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
}
