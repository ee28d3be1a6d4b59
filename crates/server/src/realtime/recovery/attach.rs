//! The beginning and the end of a session's connection.

use std::sync::Arc;
use std::time::Instant;

use events::session::Session as SessionEvent;
use events::{Audience, Event as _, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socketio::{Frame, Reason, Room, Socket};

use super::session::{FIRST, Phase, Session, SessionId, new_pid};
use crate::app::App;
use crate::realtime::NAMESPACE;
use crate::realtime::client::Client;
use crate::text::hex;

/// Why a socket is closed whose session goes on with another one.
pub const TAKEN_UP: &str = "session taken up by another connection";
/// Why a socket is closed of whose rooms it is not certain whether it may be in them.
const UNCERTAIN: &str = "memberships changed";
/// The name under which nodes tell each other that a session was taken up; no event is called so.
pub const TAKEN: &str = "$taken";

/// A new session of a user in these rooms, and the private id that its client gets.
pub fn begin(app: &App, user: Option<UserId>, rooms: &[Room]) -> (Arc<Session>, String) {
    let pid = new_pid(app.clock.now(), app.random.bytes());
    let sid = hex(&app.random.bytes::<10>());
    (Arc::new(Session::new(SessionId::of(&pid), sid, user, rooms)), pid)
}

/// The socket is connected: its client is told the first offset. False when the session has a
/// newer connection, or it is not certain that the socket may be in all of its rooms.
pub fn arrived(app: &App, socket: &Socket, client: &Client) -> bool {
    let realtime = &app.realtime.0;
    let session = &client.session;
    // In the table first: whoever looks for the session from now on finds this connection.
    if client.connection == FIRST {
        realtime.sessions.table().entry(session.id).or_insert_with(|| session.clone());
    }
    let is_current = realtime.feed.now(|position| {
        let mut state = session.state();
        if !state.is_of(client.connection) {
            return false;
        }
        if state.owner.is_none() {
            state.base = position;
        }
        state.phase = Phase::Here;
        state.socket = Some(socket.clone());
        state.left_at = None;
        state.told_at = Instant::now();
        drop(state);
        socket_is_told(app, socket, session, position);
        true
    });
    if !is_current {
        socket.disconnect(true, Reason::server(TAKEN_UP));
        return false;
    }
    if client.connection == FIRST {
        realtime.sessions.saver.save_new(session);
    } else {
        realtime.sessions.saver.save(session);
    }
    // A membership that ended since the rooms were checked was looked for among the sockets,
    // where this one was not yet.
    let live = session.state().live.clone();
    let strict = realtime.access == events::Access::Strict;
    let is_old = |(room, version): &(Room, u64)| realtime.fence.version(room) != *version;
    if strict && client.connection > FIRST && live.iter().any(is_old) {
        socket.disconnect(true, Reason::server(UNCERTAIN));
        return false;
    }
    true
}

/// Tells a client that is there a new offset.
pub fn tell_offset(app: &App, session: &Arc<Session>) {
    app.realtime.0.feed.now(|position| {
        let socket = {
            let mut state = session.state();
            state.told_at = Instant::now();
            state.socket.clone()
        };
        if let Some(socket) = socket {
            socket_is_told(app, &socket, session, position);
        }
    });
}

/// To be called with the feed locked, so that it stands in its place.
fn socket_is_told(app: &App, socket: &Socket, session: &Session, position: i64) {
    let event = SessionEvent { user_id: session.user.clone(), server_time: app.clock.now() };
    let offset = app.journal.epoch().offset(position);
    let frame = Frame::builder(NAMESPACE, SessionEvent::NAME)
        .and_then(|builder| builder.arg(&event)?.offset(&offset)?.build());
    match frame {
        Ok(frame) => socket.emit_frame(&frame),
        Err(error) => tracing::error!(%error, "an offset cannot be sent"),
    }
}

/// The socket is gone; with `for_good` its session is over.
pub fn depart(app: &App, client: &Client, for_good: bool) {
    let session = &client.session;
    {
        let mut state = session.state();
        if !state.is_of(client.connection) {
            return;
        }
        state.phase = Phase::Away;
        state.socket = None;
        state.left_at = Some(app.clock.now());
        state.is_over = for_good;
    }
    app.realtime.0.sessions.saver.save(session);
}

#[derive(Serialize, Deserialize)]
struct Taken {
    id: String,
}

/// Tells the other nodes that this one has the session now. Where that gets lost, the other one
/// finds out when it next writes.
pub fn tell_taken(app: &App, id: SessionId) {
    if let Ok(payload) = serde_json::value::to_raw_value(&Taken { id: id.text() }) {
        app.bus.publish(TAKEN, &Audience::socket(), &payload);
    }
}

/// Another node has taken a session up: its socket here, on which nobody is any more, is closed.
pub fn close_elsewhere(app: &App, payload: &RawValue) {
    let Ok(taken) = serde_json::from_str::<Taken>(payload.get()) else { return };
    let sessions = &app.realtime.0.sessions;
    let Some(id) = SessionId::parse(&taken.id) else { return };
    let Some(session) = sessions.table().get(&id).cloned() else { return };
    lose(app, &session);
}

/// Another node has the session by now.
pub fn lose(app: &App, session: &Arc<Session>) {
    let socket = {
        let mut state = session.state();
        state.is_over = true;
        // What is written of it from now on must not touch the row, which may be ours again.
        state.owner = None;
        state.socket.take()
    };
    app.realtime.0.sessions.remove(session);
    if let Some(socket) = socket {
        socket.disconnect(true, Reason::server(TAKEN_UP));
    }
}
