//! How sockets come into rooms and leave them: first durably in the session, then in fact, so that
//! nothing that a client was told can be undone by a kill.

use events::{Refusal, Room};
use socketio::Socket;

use super::client::Client;
use super::gateway::{Gateway, Refused, Step};
use super::joins::{self, Membership};

/// How often a join is checked again because memberships of its room ended meanwhile.
const CHECKS_MAX: u32 = 16;

impl Gateway {
    /// Puts the socket into rooms, the first of which is named in the ack. Only a room that
    /// stands alone is one whose members the database knows.
    pub(super) fn join(
        &self,
        socket: &Socket,
        client: &Client,
        rooms: Vec<Room>,
    ) -> Result<Step, Refused> {
        let Some(first) = rooms.first().cloned() else { return Ok(Step::Done(None)) };
        let names: Vec<socketio::Room> = rooms.iter().map(|r| r.to_string().into()).collect();
        let caller = client.caller();
        let access = self.app.config.realtime.access;
        let mut ask = false;
        for room in &rooms {
            match joins::by_token(access, caller.as_deref(), room) {
                Membership::Yes => {}
                Membership::Ask => ask = true,
                Membership::No => return Err(not_a_member(first)),
            }
        }
        let saver = &self.realtime().0.sessions.saver;
        if client.session.state().is_in_all(&names) && !ask && !saver.is_pending(client.session.id)
        {
            return Ok(Step::Done(Some(first)));
        }
        if !ask && self.enter_at_once(socket, client, &names) {
            return Ok(Step::Done(Some(first)));
        }
        let (gateway, socket) = (self.clone(), socket.clone());
        Ok(Step::Later(Box::pin(async move {
            let Some(client) = socket.data::<Client>() else { return Ok(None) };
            gateway.check_count(&socket, client, &names, &first).await?;
            gateway.enter(&socket, client, &first, &names, ask).await?;
            Ok(Some(first))
        })))
    }

    async fn check_count(
        &self,
        socket: &Socket,
        client: &Client,
        names: &[socketio::Room],
        room: &Room,
    ) -> Result<(), Refused> {
        let max = self.app.config.realtime.rooms_max;
        if client.session.state().count_with(names) <= max {
            return Ok(());
        }
        // Some of the rooms may have been taken from the socket since it joined them.
        let position = self.realtime().0.feed.position();
        let rooms = socket.rooms().await;
        let mut state = client.session.state();
        if state.is_of(client.connection) {
            state.keep_only(&rooms, position);
        }
        if state.count_with(names) > max {
            let message = format!("A socket may be in {max} rooms at most");
            return Err(Refused::new(Refusal::TooManyRooms, message).about(room.clone()));
        }
        Ok(())
    }

    /// Joins if there is nothing to wait for: the memberships are certain, and the session is not
    /// written down yet.
    fn enter_at_once(&self, socket: &Socket, client: &Client, names: &[socketio::Room]) -> bool {
        let realtime = &self.realtime().0;
        let version = realtime.fence.version(&names[0]);
        let position = realtime.feed.position();
        {
            let mut state = client.session.state();
            let is_full = state.count_with(names) > self.app.config.realtime.rooms_max;
            if state.is_stored || is_full || !state.is_of(client.connection) {
                return false;
            }
            for name in names {
                state.history.join(name, position);
            }
        }
        let joined = self.take_effect(socket, client, names, version);
        if !joined {
            self.forget(client, names);
        }
        joined
    }

    /// Puts the socket into rooms, unless memberships have ended since `version`. They are its own
    /// from this place in the order on: of what was sent while the join was on its way, the client
    /// must not hear once it has left again.
    fn take_effect(
        &self,
        socket: &Socket,
        client: &Client,
        names: &[socketio::Room],
        version: u64,
    ) -> bool {
        let realtime = &self.realtime().0;
        let enter = |position| {
            let mut state = client.session.state();
            if state.is_of(client.connection) {
                for name in names {
                    state.enter_at(name, version, position);
                }
                drop(state);
                socket.join(names.to_vec());
            }
        };
        realtime.feed.now(|position| realtime.fence.join(&names[0], version, || enter(position)))
    }

    /// Joins once the membership is certain (see [`super::fence`]) and the rooms are durable in
    /// the session (see [`super::recovery`]).
    async fn enter(
        &self,
        socket: &Socket,
        client: &Client,
        room: &Room,
        names: &[socketio::Room],
        ask: bool,
    ) -> Result<(), Refused> {
        let realtime = &self.realtime().0;
        let mut refused = Refused::internal().about(room.clone());
        for _ in 0..CHECKS_MAX {
            let version = realtime.fence.version(&names[0]);
            if ask {
                let caller = client.caller().ok_or_else(|| not_a_member(room.clone()))?;
                match joins::is_member(&self.app, &caller, room).await {
                    Ok(true) => {}
                    Ok(false) => {
                        refused = not_a_member(room.clone());
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(code = error.code, %room, "a membership cannot be checked");
                        break;
                    }
                }
            }
            // What has ended meanwhile may have taken the rooms out of the session again.
            let position = realtime.feed.position();
            {
                let mut state = client.session.state();
                if !state.is_of(client.connection) {
                    return Err(refused);
                }
                for name in names {
                    state.history.join(name, position);
                }
            }
            if !realtime.sessions.saver.saved(&client.session).await {
                break;
            }
            if self.take_effect(socket, client, names, version) {
                return Ok(());
            }
        }
        self.forget(client, names);
        Err(refused)
    }

    /// Takes rooms out of the session that its socket did not come to be in.
    fn forget(&self, client: &Client, names: &[socketio::Room]) {
        let mut state = client.session.state();
        if !state.is_of(client.connection) {
            return;
        }
        let live: Vec<_> = state.live.iter().map(|(room, _)| room.clone()).collect();
        let before = state.history.joined.len();
        state.history.joined.retain(|j| live.contains(&j.room) || !names.contains(&j.room));
        if state.history.joined.len() != before {
            drop(state);
            self.realtime().0.sessions.saver.save(&client.session);
        }
    }

    /// Takes the socket out of rooms: first durably, then in fact, so that a session that is taken
    /// up after a kill is in no room of which its client has not seen everything.
    pub(super) fn leave(
        &self,
        socket: &Socket,
        client: &Client,
        rooms: Vec<Room>,
    ) -> Result<Step, Refused> {
        let names: Vec<socketio::Room> = rooms.iter().map(|r| r.to_string().into()).collect();
        let first = rooms.into_iter().next();
        let refused = Refused { room: first.clone(), ..Refused::internal() };
        let left: Option<Vec<_>> = self.realtime().0.feed.now(|position| {
            let mut state = client.session.state();
            // Where another connection has the session, the client must not take it for done.
            let is_current = state.is_of(client.connection);
            let left = |name: &socketio::Room| state.history.leave(name, position);
            is_current.then(|| names.iter().filter_map(left).collect())
        });
        let Some(left) = left else { return Err(refused) };
        if left.is_empty() && !self.realtime().0.sessions.saver.is_pending(client.session.id) {
            return Ok(Step::Done(first));
        }
        let (gateway, socket) = (self.clone(), socket.clone());
        let (session, connection) = (client.session.clone(), client.connection);
        Ok(Step::Later(Box::pin(async move {
            let is_saved = gateway.realtime().0.sessions.saver.saved(&session).await;
            let mut state = session.state();
            let is_current = state.is_of(connection);
            if !is_saved {
                if is_current {
                    state.history.rejoin(left);
                }
                return Err(refused);
            }
            if !is_current {
                return Ok(first);
            }
            for name in &names {
                state.live.retain(|(live, _)| live != name);
            }
            drop(state);
            socket.leave(names);
            Ok(first)
        })))
    }
}

fn not_a_member(room: Room) -> Refused {
    Refused::forbidden("You are not a member of this room").about(room)
}
