//! Takes a session up again: what its client missed, and then live.
//!
//! First the journal is read from the offset to its end, and with it is decided whether the
//! session can be taken up; then what was found is sent, as the client takes it; last, in one step
//! with the feed, the rest is sent and the socket comes to be in its rooms.
//!
//! Stock clients keep the events that come before CONNECT, also when the connection is lost before
//! CONNECT comes, and do not throw them away when they connect the next time: they would get the
//! same events twice. So before a replay of which a part may arrive (what is more than one segment
//! of TCP), its offset is durable in the session; and a client that comes back with that offset, to
//! whichever node, gets a new session. One that got CONNECT has a later offset.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use db::Engine;
use events::{Room, Timestamp};
use socketio::{Accept, Frame, Pending, Reason};

use super::attach::{self, TAKEN_UP, tell_taken};
use super::feed::{Found, Item, What};
use super::history::{History, Owner};
use super::session::{Phase, Session, SessionId, State};
use super::store;
use crate::app::App;
use crate::extract::Caller;
use crate::realtime::client::Client;
use crate::realtime::joins::{self, Membership};

/// How often a session is tried that other nodes have meanwhile.
const TRIES: u32 = 3;
/// How long a node may be behind the one that a client comes from.
const BEHIND_MAX: Duration = Duration::from_secs(5);
/// Entries read from the database at once.
const PAGE: i64 = 500;
/// Entries looked at in one step with the feed.
const LAST_STEP: usize = 500;
/// What was read from the database is read again when it is sent, where it is more than this.
const KEPT_MAX: usize = 1024 * 1024;
/// What goes out in one segment of TCP with CONNECT, in bytes: a client gets all of it, or nothing.
const ONE_SEGMENT: usize = 1024;

/// How an attempt ended.
pub enum Outcome {
    /// The session goes on.
    Accepted(Accept),
    /// It cannot be taken up; the client gets a new one.
    New,
}

/// Why a session is not taken up.
enum Ended {
    /// For this reason it is over.
    Impossible(&'static str),
    /// Its client is not there any more.
    Gone,
    /// Another node has had it since it was read here.
    Lost,
}

/// How a step with the feed ended.
enum Step {
    /// The client is there.
    Done(Accept),
    /// The replay is to be noted before.
    NotNoted,
    /// Some of it is to be sent before.
    TooMuch,
}

/// The session as one connection sees it.
struct Attempt<'a> {
    app: &'a App,
    session: Arc<Session>,
    connection: u64,
    caller: Option<&'a Caller>,
    history: History,
    pending: &'a Pending,
    /// A part of the replay is on its way.
    has_sent: AtomicBool,
}

/// What the client missed.
#[derive(Default)]
struct Missed {
    /// Looked at up to here.
    cursor: i64,
    count: usize,
    bytes: usize,
    /// The events, unless they are too much to be kept.
    frames: Option<Vec<Frame>>,
}

/// Tries to take up the session of a private id from an offset; without one the client has seen
/// nothing of it yet.
pub async fn take_up(
    app: &App,
    caller: Option<&Caller>,
    pid: &str,
    offset: Option<&str>,
    pending: &Pending,
) -> Outcome {
    let id = SessionId::of(pid);
    for _ in 0..TRIES {
        let Some((session, connection)) = claim(app, id, caller).await else { break };
        let history = session.state().history.clone();
        let has_sent = AtomicBool::new(false);
        let attempt = Attempt { app, session, connection, caller, history, pending, has_sent };
        let ended = match attempt.run(pid, offset).await {
            Ok(accept) => return Outcome::Accepted(accept),
            Err(ended) => ended,
        };
        attempt.end(&ended);
        match ended {
            // Should the client be there after all, it must not be refused: it would not come back.
            Ended::Impossible(_) | Ended::Gone => break,
            Ended::Lost if attempt.has_sent.load(Ordering::Relaxed) => break,
            // Whoever tries again takes the session from others, so the client must be there.
            Ended::Lost if !pending.drained(usize::MAX).await => break,
            // What another node made of it is in the database.
            Ended::Lost => {}
        }
    }
    Outcome::New
}

/// Makes this connection the session's, and closes an earlier one. `None` where there is no such
/// session of this user.
async fn claim(app: &App, id: SessionId, caller: Option<&Caller>) -> Option<(Arc<Session>, u64)> {
    let sessions = &app.realtime.0.sessions;
    let user = caller.map(|caller| &caller.user_id);
    let known = sessions.table().get(&id).cloned();
    // Where there are other nodes, one may have had the session since.
    let known = match known {
        Some(session) if app.db.engine() == Engine::Sqlite => session,
        known => current(app, id, known).await?,
    };
    let (session, connection, earlier) = {
        let mut table = sessions.table();
        // Another connection may have read it too.
        let session = table.entry(id).or_insert(known).clone();
        let mut state = session.state();
        if state.is_over || session.user.as_ref() != user {
            drop(state);
            return None;
        }
        state.connection += 1;
        state.phase = Phase::Coming(Instant::now());
        state.live.clear();
        let (connection, earlier) = (state.connection, state.socket.take());
        drop(state);
        (session, connection, earlier)
    };
    if let Some(socket) = earlier {
        socket.disconnect(true, Reason::server(TAKEN_UP));
    }
    Some((session, connection))
}

/// The session as this node knows it, or as the database has it where another node has had it
/// since, or this one does not know it.
async fn current(app: &App, id: SessionId, known: Option<Arc<Session>>) -> Option<Arc<Session>> {
    let stored = app.realtime.0.sessions.stored.ask(app, id).await;
    let stored =
        stored.inspect_err(|error| tracing::warn!(%error, "a session cannot be read")).ok()?;
    let node = app.bus.node();
    if let Some(session) = known {
        let is_ours = session.state().owner.as_deref() == Some(node);
        match &stored {
            Some(stored) if is_ours && stored.owner != node => attach::lose(app, &session),
            _ => return Some(session),
        }
    }
    let stored = stored?;
    if stored.left_at.is_some_and(|left_at| is_old(app, left_at)) {
        return None;
    }
    if stored.owner != node && stored.left_at.is_none() {
        tell_taken(app, id);
    }
    let store::Stored { sid, user, base, history, rooms, owner, .. } = stored;
    let session = Session::stored(id, sid, user, history, base, Some(owner.into()));
    session.state().read = Some(rooms.into());
    Some(Arc::new(session))
}

fn is_old(app: &App, left_at: Timestamp) -> bool {
    let window = app.config.recovery.window.as_millis() as i64;
    app.clock.now().as_millis() - left_at.as_millis() > window
}

impl Attempt<'_> {
    /// The connection has no session.
    fn end(&self, ended: &Ended) {
        if let Ended::Impossible(reason) = ended {
            tracing::debug!(reason, sid = &*self.session.sid, "a session is not taken up");
        }
        {
            let mut state = self.session.state();
            if !state.is_of(self.connection) {
                return;
            }
            state.phase = Phase::Away;
            state.left_at = Some(self.app.clock.now());
            state.is_over = matches!(ended, Ended::Impossible(_));
        }
        self.app.realtime.0.sessions.saver.save(&self.session);
    }

    /// Why the session is not this connection's any more.
    fn why(&self, state: &State) -> Ended {
        // Where there is no newer one, the session ended under it.
        if state.connection == self.connection { Ended::Lost } else { Ended::Gone }
    }

    fn check(&self) -> Result<(), Ended> {
        let state = self.session.state();
        if state.is_of(self.connection) { Ok(()) } else { Err(self.why(&state)) }
    }

    async fn run(&self, pid: &str, offset: Option<&str>) -> Result<Accept, Ended> {
        let from = match offset {
            Some(offset) => self.app.journal.epoch().position(offset),
            None => Some(self.session.state().base),
        };
        let from = from.ok_or(Ended::Impossible("no offset of this journal"))?;
        if from < self.history.proven_from {
            return Err(Ended::Impossible("rooms of so long ago are not known"));
        }
        let feed = &self.app.realtime.0.feed;
        if from > feed.position() && !self.app.journal.reached(from, BEHIND_MAX).await {
            return Err(Ended::Impossible("an offset that does not exist"));
        }
        self.check_rooms().await?;
        let missed = self.look(from).await?;
        if missed.count > 0 && self.history.replay_from == Some(from) {
            return Err(Ended::Impossible("a part of the replay may have come before"));
        }
        let cursor = missed.cursor;
        let rest = if missed.bytes > self.portion() || missed.frames.is_none() {
            self.note_replay(from).await?;
            self.send(from, missed).await?;
            Vec::new()
        } else {
            self.take_over().await?;
            missed.frames.unwrap_or_default()
        };
        self.finish(pid, from, cursor, rest).await
    }

    /// Makes the session durably this node's, where its row names another one: until then the client
    /// may be there again and change it.
    async fn take_over(&self) -> Result<(), Ended> {
        let owner = self.session.state().owner.clone();
        let is_only_node = self.app.db.engine() == Engine::Sqlite;
        if is_only_node || owner.is_none_or(|owner| *owner == *self.app.bus.node()) {
            return Ok(());
        }
        let is_saved = self.app.realtime.0.sessions.saver.saved(&self.session).await;
        self.check()?;
        if is_saved { Ok(()) } else { Err(Ended::Impossible("it cannot be taken over")) }
    }

    /// Makes durable that a replay of which the client may get a part begins at `from`. It is not
    /// sent while that is not certain.
    async fn note_replay(&self, from: i64) -> Result<(), Ended> {
        if self.is_noted(from) {
            return Ok(());
        }
        {
            let mut state = self.session.state();
            if !state.is_of(self.connection) {
                return Err(self.why(&state));
            }
            state.history.replay_from = Some(from);
        }
        let is_noted = self.app.realtime.0.sessions.saver.saved(&self.session).await;
        self.check()?;
        if is_noted { Ok(()) } else { Err(Ended::Impossible("a replay cannot be noted")) }
    }

    fn is_noted(&self, from: i64) -> bool {
        self.session.state().history.replay_from == Some(from)
    }

    /// The user must still be allowed in every room.
    async fn check_rooms(&self) -> Result<(), Ended> {
        let ended = Ended::Impossible("a membership has ended");
        let access = self.app.config.realtime.access;
        for joined in &self.history.joined {
            let Ok(room) = joined.room.parse::<Room>() else { return Err(ended) };
            if room == Room::Admins && self.caller.is_some_and(Caller::is_admin) {
                continue;
            }
            match (joins::by_token(access, self.caller, &room), self.caller) {
                (Membership::Yes, _) => {}
                (Membership::Ask, Some(caller)) => {
                    let is_member = joins::is_member(self.app, caller, &room).await;
                    let known = is_member.map_err(|_| Ended::Impossible("not to be checked"))?;
                    if !known {
                        return Err(ended);
                    }
                }
                _ => return Err(ended),
            }
        }
        Ok(())
    }

    /// Reads the journal from the offset to its end: what is for the session, and whether it is
    /// all there.
    async fn look(&self, from: i64) -> Result<Missed, Ended> {
        let mut missed = Missed { cursor: from, frames: Some(Vec::new()), ..Missed::default() };
        let mut read_bytes = 0;
        loop {
            let (page, is_recent) = self.page(missed.cursor).await?;
            let Some(last) = page.last() else { return Ok(missed) };
            missed.cursor = last.position;
            for item in &page {
                let Some(frame) = self.judge(item)? else { continue };
                missed.count += 1;
                missed.bytes += frame.size();
                if missed.count > self.app.config.recovery.max_events {
                    return Err(Ended::Impossible("too many missed events"));
                }
                // Those in memory are there anyway.
                read_bytes += if is_recent { 0 } else { frame.size() };
                match &mut missed.frames {
                    Some(frames) if read_bytes <= KEPT_MAX => frames.push(frame.clone()),
                    frames => *frames = None,
                }
            }
        }
    }

    /// The entries behind a position, without a gap; none at the end. And whether they are in
    /// memory.
    async fn page(&self, after: i64) -> Result<(Vec<Arc<Item>>, bool), Ended> {
        if let Found::Items(items) = self.app.realtime.0.feed.after(after, PAGE as usize) {
            return Ok((items, true));
        }
        let page = self.app.journal.page(after, PAGE).await.map_err(|error| {
            tracing::warn!(%error, "the journal cannot be read");
            Ended::Impossible("the journal cannot be read")
        })?;
        let mut expected = after;
        for read in &page {
            expected += 1;
            if read.position != expected {
                return Err(Ended::Impossible("an offset that is too old"));
            }
        }
        if page.is_empty() {
            return Err(Ended::Impossible("an offset that is too old"));
        }
        let epoch = self.app.journal.epoch();
        Ok((page.into_iter().map(|read| Arc::new(Item::of(read, &epoch))).collect(), false))
    }

    /// The event, where it is for the session.
    fn judge<'i>(&self, item: &'i Item) -> Result<Option<&'i Frame>, Ended> {
        let user = self.session.user.as_ref();
        match &item.what {
            What::Event(address, frame) => {
                let user = user.map(events::UserId::as_str);
                Ok(self.history.is_for(user, address, item.position).then_some(frame))
            }
            What::Control(control) => {
                let owner = Owner { user, role: self.caller.map(|caller| caller.role) };
                let strict = self.app.config.realtime.access == events::Access::Strict;
                if strict && self.history.is_broken_by(owner, control, item.position) {
                    return Err(Ended::Impossible("a membership has ended"));
                }
                Ok(None)
            }
            What::Nothing => Ok(None),
        }
    }

    /// What may wait for a client at once.
    fn portion(&self) -> usize {
        self.app.config.realtime.queue_max / 4
    }

    /// Sends what was missed up to where was looked, as the client takes it.
    async fn send(&self, from: i64, missed: Missed) -> Result<(), Ended> {
        if let Some(frames) = missed.frames {
            return self.send_frames(frames).await;
        }
        let mut cursor = from;
        while cursor < missed.cursor {
            let (page, _) = self.page(cursor).await?;
            let Some(last) = page.last() else { break };
            let until = missed.cursor;
            cursor = last.position.min(until);
            let mut frames = Vec::new();
            for item in page.iter().filter(|item| item.position <= until) {
                frames.extend(self.judge(item)?.cloned());
            }
            self.send_frames(frames).await?;
        }
        Ok(())
    }

    async fn send_frames(&self, frames: Vec<Frame>) -> Result<(), Ended> {
        let (mut portion, mut bytes) = (Vec::new(), 0);
        for frame in frames {
            if bytes + frame.size() > self.portion() && !portion.is_empty() {
                self.send_portion(std::mem::take(&mut portion)).await?;
                bytes = 0;
            }
            bytes += frame.size();
            portion.push(frame);
        }
        self.send_portion(portion).await
    }

    async fn send_portion(&self, frames: Vec<Frame>) -> Result<(), Ended> {
        self.check()?;
        if !frames.is_empty() {
            self.has_sent.store(true, Ordering::Relaxed);
            self.pending.send(frames);
        }
        if self.pending.drained(self.portion()).await { Ok(()) } else { Err(Ended::Gone) }
    }

    /// In one step with the feed: the rest of what was missed, CONNECT, and from then on live.
    /// What is behind `from` up to `cursor` was sent, but for the `rest`.
    async fn finish(
        &self,
        pid: &str,
        from: i64,
        mut cursor: i64,
        mut rest: Vec<Frame>,
    ) -> Result<Accept, Ended> {
        let realtime = &self.app.realtime.0;
        loop {
            let step = realtime.feed.attach(cursor, LAST_STEP, |items| {
                let mut frames = rest.clone();
                for item in items {
                    frames.extend(self.judge(item)?.cloned());
                }
                let bytes: usize = frames.iter().map(Frame::size).sum();
                if bytes > self.portion() && frames.len() > 1 {
                    return Ok(Step::TooMuch);
                }
                if bytes > ONE_SEGMENT && !self.is_noted(from) {
                    return Ok(Step::NotNoted);
                }
                self.accept(pid, frames).map(Step::Done)
            });
            match step.transpose()? {
                Some(Step::Done(accept)) => return Ok(accept),
                Some(Step::NotNoted) => {
                    self.note_replay(from).await?;
                    continue;
                }
                Some(Step::TooMuch) | None => {}
            }
            self.note_replay(from).await?;
            let (page, _) = self.page(cursor).await?;
            let mut frames = std::mem::take(&mut rest);
            for item in &page {
                cursor = item.position;
                frames.extend(self.judge(item)?.cloned());
            }
            self.send_frames(frames).await?;
        }
    }

    fn accept(&self, pid: &str, replay: Vec<Frame>) -> Result<Accept, Ended> {
        let fence = &self.app.realtime.0.fence;
        let rooms: Vec<_> = self.history.joined.iter().map(|joined| joined.room.clone()).collect();
        let live = rooms.iter().map(|room| (room.clone(), fence.version(room))).collect();
        let mut state = self.session.state();
        if !state.is_of(self.connection) {
            return Err(self.why(&state));
        }
        state.live = live;
        drop(state);
        let client =
            Client::new(self.caller.cloned().map(Arc::new), self.session.clone(), self.connection);
        let mut accept = Accept::new(client).rooms(rooms);
        accept.sid = Some(self.session.sid.to_string());
        accept.pid = Some(pid.to_owned());
        accept.tag = self.session.user.clone().map(Into::into);
        accept.replay = replay;
        Ok(self.pending.accept(accept))
    }
}
