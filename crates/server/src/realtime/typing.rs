//! `typing-start` and `typing-stop`: told to the others in the chat (contract §1.4).

use std::sync::Arc;

use events::chat::UserTyping;
use events::{Access, Event as _, Refusal, Room, Typing, UserId};
use socketio::{EncodeError, Frame, Socket};

use super::client::{Client, Inside};
use super::gateway::{Gateway, Outcome, Refused, Step};
use super::recovery::feed::address;
use super::recovery::history::Address;
use crate::error::ApiError;
use crate::extract::Caller;
use crate::users;

/// The longest name that is handed on in `open` access, in characters.
const NAME_MAX: usize = 80;

/// What a socket last said of its user's writing. Who writes says so again and again, and nothing but
/// whether it is so changes.
pub struct Said {
    event: UserTyping,
    address: Address,
    /// Of having stopped, and of writing.
    frames: [Frame; 2],
}

impl Said {
    fn new(event: UserTyping, client: &Client, access: Access) -> Result<Self, EncodeError> {
        let frame = |is_typing| {
            super::ephemeral(UserTyping::NAME, &UserTyping { is_typing, ..event.clone() })
        };
        let frames = [frame(false)?, frame(true)?];
        let mut address = address(&event.audience(access, &()));
        // The name that the session has of the room, so that the two are seen to be one.
        let session = client.session.state();
        for name in &mut address.rooms {
            if let Some((known, _)) = session.live.iter().find(|(live, _)| live == name) {
                name.clone_from(known);
            }
        }
        drop(session);
        Ok(Self { event, address, frames })
    }
}

impl Gateway {
    /// In `strict` access the socket must be in the chat, and who is typing is its user. Once the
    /// user's name is known, an event needs nothing but memory.
    pub(super) fn typing(
        &self,
        socket: &Socket,
        client: &Client,
        typing: Typing,
    ) -> Result<Step, Refused> {
        if !self.is_strict() {
            return self.typing_as_said(socket, typing);
        }
        let room = |typing: Typing| Room::Chat(typing.chat_id);
        let state = client.state();
        let Some(caller) = &state.caller else { return Err(outside(room(typing))) };
        if typing.user_id.as_ref().is_some_and(|user| *user != caller.user_id) {
            return Err(Refused::forbidden("This is another user").about(room(typing)));
        }
        if let Some(said) =
            state.said.as_deref().filter(|said| said.event.chat_id == typing.chat_id)
            && let [name] = said.address.rooms.as_slice()
            && self.inside(client, name) == Inside::Yes
        {
            self.say(socket, said, typing.is_typing);
            return Ok(Step::Done(Some(room(typing))));
        }
        let (caller, name) = (caller.clone(), state.name.clone());
        drop(state);
        match (self.inside(client, &Room::Chat(typing.chat_id.clone()).to_string()), name) {
            (Inside::No, _) => Err(outside(room(typing))),
            (Inside::Yes, Some(name)) => {
                self.tell(socket, client, &caller, &typing, &name)?;
                Ok(Step::Done(Some(room(typing))))
            }
            (inside, name) => {
                let (gateway, socket) = (self.clone(), socket.clone());
                Ok(Step::Later(Box::pin(async move {
                    gateway.typing_checked(&socket, &caller, &typing, inside, name).await
                })))
            }
        }
    }

    async fn typing_checked(
        &self,
        socket: &Socket,
        caller: &Caller,
        typing: &Typing,
        inside: Inside,
        name: Option<Arc<str>>,
    ) -> Outcome {
        let room = Room::Chat(typing.chat_id.clone());
        let Some(client) = socket.data::<Client>() else { return Ok(None) };
        if inside != Inside::Yes && !self.is_inside(socket, client, &room.to_string()).await {
            return Err(outside(room));
        }
        let name = if let Some(name) = name {
            name
        } else {
            let name = self.name_of(&caller.user_id).await.map_err(|_| Refused::internal())?;
            let name: Arc<str> = name.into();
            client.state().name = Some(name.clone());
            name
        };
        self.tell(socket, client, caller, typing, &name)?;
        Ok(Some(room))
    }

    async fn name_of(&self, user: &UserId) -> Result<String, ApiError> {
        let mut tx = self.app.db.begin_read().await?;
        Ok(users::service::find(&mut tx, user).await?.name)
    }

    fn tell(
        &self,
        socket: &Socket,
        client: &Client,
        caller: &Caller,
        typing: &Typing,
        name: &str,
    ) -> Result<(), Refused> {
        let event = UserTyping {
            chat_id: typing.chat_id.clone(),
            user_id: caller.user_id.clone(),
            user_name: Some(name.to_owned()),
            is_typing: typing.is_typing,
        };
        let access = self.app.config.realtime.access;
        let said = Said::new(event, client, access).map_err(|_| Refused::internal())?;
        self.say(socket, &said, typing.is_typing);
        client.state().said = Some(Box::new(said));
        Ok(())
    }

    fn say(&self, socket: &Socket, said: &Said, is_typing: bool) {
        let frame = &said.frames[usize::from(is_typing)];
        self.realtime().emit_frame(&said.address, frame, Some(socket));
        if self.app.bus.has_others() {
            let event = UserTyping { is_typing, ..said.event.clone() };
            let audience = event.audience(self.app.config.realtime.access, &());
            self.app.bus.publish(UserTyping::NAME, &audience, &event);
        }
    }

    /// `open` access: whoever says so is typing.
    fn typing_as_said(&self, socket: &Socket, typing: Typing) -> Result<Step, Refused> {
        let Some(user_id) = typing.user_id else {
            let (message, room) = ("`userId` is missing", Room::Chat(typing.chat_id));
            return Err(Refused::new(Refusal::BadRequest, message).about(room));
        };
        let name = typing.user_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let event = UserTyping {
            chat_id: typing.chat_id,
            user_id,
            user_name: name.map(|name| start_of(name).to_owned()),
            is_typing: typing.is_typing,
        };
        let audience = event.audience(self.app.config.realtime.access, &());
        self.realtime()
            .deliver_everywhere(UserTyping::NAME, &audience, &event, Some(socket))
            .map_err(|_| Refused::internal())?;
        Ok(Step::Done(Some(Room::Chat(event.chat_id))))
    }
}

/// At most [`NAME_MAX`] characters of a name.
fn start_of(name: &str) -> &str {
    if name.len() <= NAME_MAX {
        return name;
    }
    name.char_indices().nth(NAME_MAX).map_or(name, |(end, _)| &name[..end])
}

fn outside(room: Room) -> Refused {
    Refused::forbidden("Join the chat first").about(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(start_of("Ann"), "Ann");
        let long = "é".repeat(NAME_MAX);
        assert_eq!(start_of(&long), long);
        assert_eq!(start_of(&format!("{long}x")), long);
        assert_eq!(start_of(&"x".repeat(NAME_MAX + 1)), "x".repeat(NAME_MAX));
    }
}
