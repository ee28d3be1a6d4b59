//! What sockets may do: connect, and the client events of contract §1.3.

use std::borrow::Cow;
use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use events::session::RoomErrorEvent;
use events::{Access, Ack, ClientEvent, Command, Event as _, Refusal, Room};
use futures_util::future::BoxFuture;
use socketio::{
    Accept, AckSender, Config, ConnectRequest, Event, Handler, Reason, Refusal as ConnectError,
    Server, Socket,
};

use super::client::{Client, Inside};
use super::limits::{Rate, Verdict};
use super::recovery;
use super::recovery::session::FIRST;
use super::{Realtime, handshake, quota};
use crate::app::App;
use crate::config::RealtimeConfig;

/// Why a socket that does not keep to its rate is closed.
const FLOOD: &str = "too many events";
/// Users whom a session keeps online: one, but in `open` access.
const ONLINE_MAX: usize = 8;
/// The part of an unknown event's name that is sent back, in characters.
const NAME_MAX: usize = 64;

/// Why a client's event is refused.
#[derive(Debug)]
pub struct Refused {
    /// The room that it was about.
    pub room: Option<Room>,
    /// For programs.
    pub code: Refusal,
    /// For people.
    pub message: Cow<'static, str>,
}

impl Refused {
    /// A refusal that is about no room.
    pub fn new(code: Refusal, message: impl Into<Cow<'static, str>>) -> Self {
        Self { room: None, code, message: message.into() }
    }

    /// The user may not.
    pub fn forbidden(message: &'static str) -> Self {
        Self::new(Refusal::Forbidden, message)
    }

    /// Not the client's fault.
    pub fn internal() -> Self {
        Self::new(Refusal::Internal, "This did not work, try again")
    }

    /// Names the room.
    pub fn about(mut self, room: Room) -> Self {
        self.room = Some(room);
        self
    }
}

/// The end of a client's event: the room that it was about.
pub type Outcome = Result<Option<Room>, Refused>;

/// How a client's event goes on.
pub enum Step {
    /// It is done.
    Done(Option<Room>),
    /// It waits for something.
    Later(BoxFuture<'static, Outcome>),
}

/// The handler of all sockets.
#[derive(Clone)]
pub struct Gateway {
    pub(super) app: App,
    rate: Option<Rate>,
    started: Instant,
}

/// Starts the Socket.IO server.
pub fn server(app: &App) -> std::io::Result<Server> {
    let config = &app.config.realtime;
    let gateway = Gateway {
        app: app.clone(),
        rate: Rate::new(config.events_per_second, config.events_burst),
        started: Instant::now(),
    };
    Server::builder(limits(config), gateway)
        .gate(handshake::gate(app.config.http.clone()))
        .start(tokio::runtime::Handle::current())
}

/// The limits that the Socket.IO server itself keeps (contract §1.8).
fn limits(config: &RealtimeConfig) -> Config {
    Config {
        max_payload: config.message_max,
        connect_timeout: config.connect_timeout,
        ping_interval: config.ping_every,
        ping_timeout: config.ping_timeout,
        queue_max: config.queue_max,
        stall_max: config.stall_max,
        ..Config::default()
    }
}

impl Handler for Gateway {
    fn connect(&self, request: ConnectRequest) -> BoxFuture<'static, Result<Accept, ConnectError>> {
        let caller = match handshake::authenticate(&self.app, &request) {
            Ok(caller) => caller,
            Err(refusal) => return Box::pin(ready(Err(refusal))),
        };
        let Some(claimed) = handshake::claimed(request.auth.as_deref()) else {
            return Box::pin(ready(Ok(self.accept(caller))));
        };
        let (gateway, pending) = (self.clone(), request.pending);
        Box::pin(async move {
            let (pid, offset) = (&claimed.pid, claimed.offset.as_deref());
            match recovery::take_up(&gateway.app, caller.as_ref(), pid, offset, &pending).await {
                recovery::Outcome::Accepted(accept) => Ok(accept),
                recovery::Outcome::New => Ok(gateway.accept(caller)),
            }
        })
    }

    fn connected(&self, socket: &Socket) {
        let Some(client) = socket.data::<Client>() else { return };
        let caller = client.caller();
        let user = caller.as_ref().map(|caller| tracing::field::display(&caller.user_id));
        tracing::info!(user, "🔌 User connected: {}", socket.id());
        let realtime = &self.app.realtime.0;
        let count = caller
            .as_ref()
            .map_or(0, |caller| realtime.sockets.add(caller, socket, self.app.clock.now()));
        if recovery::arrived(&self.app, socket, client) && client.connection > FIRST {
            let online = client.session.state().history.online.clone();
            for user in online {
                self.came(client, user);
            }
        }
        if let Some(caller) = caller {
            quota::came(&self.app, &caller.user_id, count);
            self.keep_until_expiry(socket, &caller);
        }
    }

    fn event(&self, socket: &Socket, event: Event) -> Option<BoxFuture<'static, ()>> {
        let client = socket.data::<Client>()?;
        let Event { name, args, ack } = event;
        let step = match self.count(client) {
            Verdict::Cut => {
                socket.disconnect(true, Reason::server(FLOOD));
                return None;
            }
            Verdict::Refused => {
                Err(Refused::new(Refusal::RateLimited, "Too many events, slow down"))
            }
            Verdict::Allowed => {
                command(&name, &args).and_then(|command| self.act(socket, client, command))
            }
        };
        match step {
            Ok(Step::Done(room)) => answer(socket, &name, ack, Ok(room)),
            Err(refused) => answer(socket, &name, ack, Err(refused)),
            Ok(Step::Later(outcome)) => {
                let socket = socket.clone();
                return Some(Box::pin(async move {
                    answer(&socket, &name, ack, outcome.await);
                }));
            }
        }
        None
    }

    fn disconnected(&self, socket: &Socket, reason: Reason) {
        let Some(client) = socket.data::<Client>() else { return };
        let (caller, online) = {
            let mut state = client.state();
            (state.caller.take(), std::mem::take(&mut state.online))
        };
        let user = caller.as_ref().map(|caller| tracing::field::display(&caller.user_id));
        let duration = client.since.elapsed();
        tracing::info!(%reason, user, ?duration, "🔌 User disconnected: {}", socket.id());
        let realtime = &self.app.realtime.0;
        if let Some(caller) = caller {
            realtime.sockets.remove(&caller, socket);
        }
        // Who leaves by itself, or is told to, does not come back to this session.
        let told = Reason::server(quota::TOO_MANY_SOCKETS);
        let for_good = reason == Reason::ClientDisconnect || reason == told;
        recovery::depart(&self.app, client, for_good);
        for user in &online {
            realtime.people.went(user, self.app.clock.now());
        }
    }
}

/// Reads a client's event.
fn command(name: &str, args: &socketio::Args) -> Result<Command, Refused> {
    let event: ClientEvent =
        name.parse().map_err(|_| Refused::new(Refusal::UnknownEvent, "There is no such event"))?;
    if !args.attachments().is_empty() {
        return Err(Refused::new(Refusal::BadRequest, "No event takes binary arguments"));
    }
    event.command(args.raw(0)).map_err(|error| Refused::new(Refusal::BadRequest, error.to_string()))
}

/// Tells the client how its event ended.
fn answer(socket: &Socket, event: &str, ack: Option<AckSender>, outcome: Outcome) {
    let sent = match (ack, outcome) {
        (Some(ack), Ok(room)) => ack.send(&(Ack::done(room),)),
        (Some(ack), Err(refused)) => ack.send(&(Ack::refused(refused.code, refused.message),)),
        (None, Ok(_)) => Ok(()),
        (None, Err(Refused { room, code, message })) => {
            let event = event.chars().take(NAME_MAX).collect();
            let error = RoomErrorEvent { event, room, code, message: message.into_owned() };
            socket.emit(RoomErrorEvent::NAME, &(error,))
        }
    };
    if let Err(error) = sent {
        tracing::error!(%error, "an answer cannot be sent");
    }
}

impl Gateway {
    pub(super) fn realtime(&self) -> &Realtime {
        &self.app.realtime
    }

    pub(super) fn is_strict(&self) -> bool {
        self.app.config.realtime.access == Access::Strict
    }

    /// Lets a client in whose session is new.
    fn accept(&self, caller: Option<crate::extract::Caller>) -> Accept {
        let is_admin = caller.as_ref().is_some_and(crate::extract::Caller::is_admin);
        let rooms: Vec<socketio::Room> =
            if is_admin { vec![Room::Admins.to_string().into()] } else { Vec::new() };
        let user = caller.as_ref().map(|caller| caller.user_id.clone());
        let tag = user.clone().map(Into::into);
        let (session, pid) = recovery::begin(&self.app, user, &rooms);
        let sid = session.sid.to_string();
        let client = Client::new(caller.map(Arc::new), session, FIRST);
        let mut accept = Accept::new(client).rooms(rooms);
        (accept.sid, accept.pid, accept.tag) = (Some(sid), Some(pid), tag);
        accept
    }

    fn count(&self, client: &Client) -> Verdict {
        self.rate.map_or(Verdict::Allowed, |rate| {
            rate.count(&mut client.state().meter, self.started.elapsed())
        })
    }

    fn act(&self, socket: &Socket, client: &Client, command: Command) -> Result<Step, Refused> {
        match command {
            Command::Join(rooms) => self.join(socket, client, rooms),
            Command::Leave(rooms) => self.leave(socket, client, rooms),
            Command::Online(user) => self.online(socket, client, user),
            Command::Typing(typing) => self.typing(socket, client, typing),
            Command::Authenticate(token) => self.authenticate(socket, client, &token),
        }
    }

    /// Closes the socket when its token ends, or now, if its sign-in has ended meanwhile.
    fn keep_until_expiry(&self, socket: &Socket, caller: &crate::extract::Caller) {
        let at = handshake::moment(&self.app, caller.expires_at);
        socket.set_deadline(Some(at), Reason::server(handshake::TOKEN_EXPIRED));
        if self.app.tokens.is_ended(&caller.session) {
            socket.disconnect(true, Reason::server(handshake::SIGNED_OUT));
        }
    }

    /// `user-online`: joins the user's room and makes the user online.
    fn online(
        &self,
        socket: &Socket,
        client: &Client,
        user: events::UserId,
    ) -> Result<Step, Refused> {
        let room = Room::User(user.clone());
        if self.is_strict() && client.caller().is_none_or(|caller| caller.user_id != user) {
            return Err(Refused::forbidden("This is another user").about(room));
        }
        // Noted along with the room: who comes back to the session is online by that.
        let (is_new, is_stored) = {
            let mut state = client.session.state();
            let is_stored = state.is_stored;
            let online = &mut state.history.online;
            let is_new = !online.contains(&user) && online.len() < ONLINE_MAX;
            if is_new {
                online.push(user.clone());
            }
            (is_new, is_stored)
        };
        let step = self.join(socket, client, vec![room]);
        if let Ok(Step::Done(_)) = &step
            && !(is_new && is_stored)
        {
            self.came(client, user);
            return step;
        }
        let (gateway, socket) = (self.clone(), socket.clone());
        Ok(Step::Later(Box::pin(async move {
            let Some(client) = socket.data::<Client>() else { return Ok(None) };
            let session = &client.session;
            let outcome = match step {
                Ok(Step::Later(joined)) => joined.await,
                Ok(Step::Done(room)) => {
                    let is_saved = gateway.realtime().0.sessions.saver.saved(session).await;
                    if is_saved { Ok(room) } else { Err(Refused::internal()) }
                }
                Err(refused) => Err(refused),
            };
            match &outcome {
                Ok(_) => gateway.came(client, user),
                Err(_) if is_new => session.state().history.online.retain(|known| *known != user),
                Err(_) => {}
            }
            outcome
        })))
    }

    /// Counts the socket among those that keep the user online, once.
    fn came(&self, client: &Client, user: events::UserId) {
        let mut state = client.state();
        if !state.online.contains(&user) {
            state.online.push(user.clone());
            drop(state);
            super::presence::came(&self.app, &user);
        }
    }

    /// `authenticate`: goes on with another token of the same user.
    fn authenticate(&self, socket: &Socket, client: &Client, token: &str) -> Result<Step, Refused> {
        let caller = self
            .app
            .tokens
            .verify(token, self.app.clock.now())
            .map_err(|error| Refused::new(Refusal::Unauthorized, error.to_string()))?;
        let Some(before) = client.caller() else {
            return Err(Refused::forbidden("This socket has no user; connect with the token"));
        };
        if before.user_id != caller.user_id || before.role != caller.role {
            return Err(Refused::forbidden("This is the token of another user"));
        }
        let caller = Arc::new(caller);
        client.state().caller = Some(caller.clone());
        if before.session != caller.session {
            let sockets = &self.realtime().0.sockets;
            sockets.change_session(&before.session, &caller.session, socket);
        }
        self.keep_until_expiry(socket, &caller);
        Ok(Step::Done(None))
    }

    /// Whether the socket is in a room, without asking the hub where that is certain.
    pub(super) fn inside(&self, client: &Client, room: &str) -> Inside {
        let version = self.realtime().0.fence.version(room);
        client.session.state().inside(room, version)
    }

    /// Whether the socket is in a room, as the hub says.
    pub(super) async fn is_inside(&self, socket: &Socket, client: &Client, room: &str) -> bool {
        let version = self.realtime().0.fence.version(room);
        let position = self.realtime().0.feed.position();
        let rooms = socket.rooms().await;
        let mut state = client.session.state();
        let found = rooms.iter().find(|name| &***name == room);
        if state.is_of(client.connection) {
            if state.keep_only(&rooms, position) {
                self.realtime().0.sessions.saver.save(&client.session);
            }
            if let Some(name) = found {
                state.enter(name, version);
            }
        }
        found.is_some()
    }
}
