//! What the catalogue says about the events that clients send.

use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{ArgumentSpec, ClientEventSpec, Schemas, expect_encoded, reference};
use crate::audience::Event;
use crate::chat::UserTyping;
use crate::client::{Ack, ClientEvent, Command, Typing};
use crate::example;
use crate::presence::UserStatusChange;

pub(super) fn spec(event: ClientEvent, schemas: &mut Schemas) -> ClientEventSpec {
    let argument = argument(event, schemas);
    let example = argument.example.to_string();
    // The rooms are taken from reading the example as a client's argument would be.
    let (joins, leaves, emits) = match event.command(Some(&example)) {
        Ok(Command::Join(rooms)) => (rooms, vec![], vec![]),
        Ok(Command::Leave(rooms)) => (vec![], rooms, vec![]),
        Ok(Command::Online(user)) => {
            (vec![crate::Room::User(user)], vec![], vec![UserStatusChange::NAME])
        }
        Ok(Command::Typing(_)) => (vec![], vec![], vec![UserTyping::NAME]),
        Ok(Command::Authenticate(_)) | Err(_) => (vec![], vec![], vec![]),
    };
    ClientEventSpec {
        name: event.as_str(),
        description: description(event),
        arguments: vec![ArgumentSpec { name: argument.name, schema: argument.schema }],
        joins: joins.iter().map(example::pattern).collect(),
        leaves: leaves.iter().map(example::pattern).collect(),
        emits,
        ack: reference::<Ack>(schemas),
        beyond_reference: matches!(
            event,
            ClientEvent::LeaveUserRoom
                | ClientEvent::JoinTemplateCheckoutRoom
                | ClientEvent::LeaveTemplateCheckoutRoom
                | ClientEvent::Authenticate
        ),
    }
}

struct Argument {
    name: &'static str,
    schema: RefOr<Schema>,
    example: serde_json::Value,
}

fn argument(event: ClientEvent, schemas: &mut Schemas) -> Argument {
    fn of<T: ToSchema + Serialize>(
        name: &'static str,
        value: T,
        schemas: &mut Schemas,
    ) -> Argument {
        let example = expect_encoded(serde_json::to_value(value));
        Argument { name, schema: reference::<T>(schemas), example }
    }
    match event {
        ClientEvent::JoinUserRoom | ClientEvent::LeaveUserRoom | ClientEvent::UserOnline => {
            of("userId", example::user(), schemas)
        }
        ClientEvent::JoinRequestRoom | ClientEvent::LeaveRequestRoom => {
            of("requestId", example::request(), schemas)
        }
        ClientEvent::JoinSellerRoom | ClientEvent::LeaveSellerRoom => {
            of("sellerId", example::seller(), schemas)
        }
        ClientEvent::JoinBuyerRoom | ClientEvent::LeaveBuyerRoom => {
            of("buyerId", example::buyer(), schemas)
        }
        ClientEvent::JoinChatRoom | ClientEvent::LeaveChatRoom => {
            of("chatId", example::chat(), schemas)
        }
        ClientEvent::JoinTemplateCheckoutRoom | ClientEvent::LeaveTemplateCheckoutRoom => {
            of("checkoutId", example::checkout(), schemas)
        }
        ClientEvent::TypingStart | ClientEvent::TypingStop => {
            let is_typing = event == ClientEvent::TypingStart;
            let typing = Typing {
                chat_id: example::chat(),
                user_id: Some(example::user()),
                user_name: is_typing.then(|| "Ada".to_owned()),
                is_typing,
            };
            of("typing", typing, schemas)
        }
        ClientEvent::Authenticate => Argument {
            name: "token",
            schema: String::schema(),
            example: "header.claims.mac".into(),
        },
    }
}

fn description(event: ClientEvent) -> &'static str {
    match event {
        ClientEvent::JoinUserRoom => "Joins the user's own room.",
        ClientEvent::LeaveUserRoom => "Leaves the user's own room.",
        ClientEvent::JoinRequestRoom => "Joins the room of a purchase request.",
        ClientEvent::LeaveRequestRoom => "Leaves the room of a purchase request.",
        ClientEvent::JoinSellerRoom => "Joins the seller's own room and that of all sellers.",
        ClientEvent::LeaveSellerRoom => "Leaves the seller's own room and that of all sellers.",
        ClientEvent::JoinBuyerRoom => "Joins the buyer's own room and that of all buyers.",
        ClientEvent::LeaveBuyerRoom => "Leaves the buyer's own room and that of all buyers.",
        ClientEvent::JoinChatRoom => "Joins a chat.",
        ClientEvent::LeaveChatRoom => "Leaves a chat.",
        ClientEvent::JoinTemplateCheckoutRoom => "Joins the room of a template checkout.",
        ClientEvent::LeaveTemplateCheckoutRoom => "Leaves the room of a template checkout.",
        ClientEvent::UserOnline => "Joins the user's own room and makes the user online.",
        ClientEvent::TypingStart => "Tells the chat that the user is writing.",
        ClientEvent::TypingStop => "Tells the chat that the user stopped writing.",
        ClientEvent::Authenticate => {
            "Presents a fresh access token, so that the socket outlives the old one."
        }
    }
}
