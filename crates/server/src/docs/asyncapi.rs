//! The AsyncAPI 3 document: the events' catalogue as machines read it.
//!
//! One channel stands for the one Socket.IO connection; an operation is one event, `send` from the
//! server's side, `receive` for what clients send, with the ack as its reply. Who gets an event is
//! `x-audience`, in both kinds of access; whether a client that was away gets it later is
//! `x-durability`.

use std::collections::BTreeMap;

use events::{Catalog, ClientEventSpec, EventSpec, RoomPatterns};
use serde_json::{Value, json};

const DESCRIPTION: &str = "\
The Socket.IO v5 events of Souk (Engine.IO v4, at `/socket.io/`, namespace `/`). A message's payload \
is the event's one argument. `x-audience` lists the rooms that an event goes to, with \
`REALTIME_ACCESS=strict` and with `open`; `*` is every socket, and an empty list the one socket that \
it is about.";

/// The document of a catalogue.
///
/// # Errors
/// When a schema cannot be encoded.
pub fn document(catalog: &Catalog) -> serde_json::Result<Value> {
    let mut messages = BTreeMap::new();
    let mut operations = BTreeMap::new();
    for event in &catalog.events {
        messages.insert(event.name, message(event)?);
        operations.insert(format!("send-{}", event.name), send(event));
    }
    for event in &catalog.client_events {
        messages.insert(event.name, client_message(event)?);
        operations.insert(format!("receive-{}", event.name), receive(event));
    }
    messages.insert(
        "ack",
        json!({
            "name": "ack",
            "title": "Ack",
            "summary": "The answer to a client's event, where it asked for one.",
            "payload": { "$ref": "#/components/schemas/Ack" },
        }),
    );
    let in_channel: BTreeMap<&str, Value> = messages
        .keys()
        .map(|name| (*name, json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Souk",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "servers": { "souk": {
            "host": "{host}",
            "protocol": "ws",
            "pathname": "/socket.io/",
            "description": "Socket.IO over WebSocket or long-polling, on the port of the REST API.",
            "variables": { "host": { "default": "localhost:5000" } },
            "security": [{ "$ref": "#/components/securitySchemes/token" }],
        } },
        "channels": { "socket": {
            "address": "/",
            "title": "The namespace `/`",
            "description": "One Socket.IO connection.",
            "messages": in_channel,
        } },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": catalog.components.schemas,
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An access token: `auth.token` in CONNECT, the `Authorization` header \
                                or the `accessToken` cookie.",
            } },
        },
    }))
}

fn message(event: &EventSpec) -> serde_json::Result<Value> {
    let examples: Vec<Value> =
        event.examples.iter().map(|example| json!({ "payload": example })).collect();
    Ok(json!({
        "name": event.name,
        "title": event.name,
        "summary": event.description,
        "payload": serde_json::to_value(&event.payload)?,
        "examples": examples,
    }))
}

fn client_message(event: &ClientEventSpec) -> serde_json::Result<Value> {
    let argument = event.arguments.first();
    Ok(json!({
        "name": event.name,
        "title": event.name,
        "summary": event.description,
        "payload": argument.map(|argument| serde_json::to_value(&argument.schema)).transpose()?,
    }))
}

fn send(event: &EventSpec) -> Value {
    json!({
        "action": "send",
        "channel": { "$ref": "#/channels/socket" },
        "title": event.name,
        "summary": event.description,
        "description": format!("{} Goes to {}.", event.emitted_when, audience(&event.rooms)),
        "tags": [{ "name": event.domain }],
        "messages": [{ "$ref": format!("#/channels/socket/messages/{}", event.name) }],
        "x-audience": event.rooms,
        "x-durability": event.durability,
        "x-beyond-reference": event.beyond_reference,
    })
}

fn receive(event: &ClientEventSpec) -> Value {
    json!({
        "action": "receive",
        "channel": { "$ref": "#/channels/socket" },
        "title": event.name,
        "summary": event.description,
        "tags": [{ "name": "client" }],
        "messages": [{ "$ref": format!("#/channels/socket/messages/{}", event.name) }],
        "reply": {
            "channel": { "$ref": "#/channels/socket" },
            "messages": [{ "$ref": "#/channels/socket/messages/ack" }],
        },
        "x-joins": event.joins,
        "x-leaves": event.leaves,
        "x-emits": event.emits,
        "x-beyond-reference": event.beyond_reference,
    })
}

/// The rooms in a sentence.
fn audience(rooms: &RoomPatterns) -> String {
    let list = |rooms: &[String]| match rooms {
        [] => "this socket".to_owned(),
        rooms => rooms.iter().map(|room| format!("`{room}`")).collect::<Vec<_>>().join(", "),
    };
    if rooms.strict == rooms.open {
        list(&rooms.strict)
    } else {
        format!("{} (strict) or {} (open)", list(&rooms.strict), list(&rooms.open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_an_operation_with_its_audience() {
        let catalog = events::catalog();
        let document = document(&catalog).unwrap();
        for event in &catalog.events {
            let operation = &document["operations"][format!("send-{}", event.name)];
            assert_eq!(operation["x-audience"]["strict"], json!(event.rooms.strict));
            assert_eq!(operation["x-audience"]["open"], json!(event.rooms.open));
            let message = &document["components"]["messages"][event.name];
            assert!(message["payload"].is_object(), "{}", event.name);
            assert!(!message["examples"].as_array().unwrap().is_empty(), "{}", event.name);
        }
        for event in &catalog.client_events {
            let operation = &document["operations"][format!("receive-{}", event.name)];
            assert!(operation["reply"].is_object(), "{}", event.name);
        }
        let operations = document["operations"].as_object().unwrap();
        assert_eq!(operations.len(), catalog.events.len() + catalog.client_events.len());
    }

    #[test]
    fn an_audience_reads_as_a_sentence() {
        let rooms = |strict: &[&str], open: &[&str]| RoomPatterns {
            strict: strict.iter().map(ToString::to_string).collect(),
            open: open.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(audience(&rooms(&[], &[])), "this socket");
        assert_eq!(audience(&rooms(&["admins"], &["*"])), "`admins` (strict) or `*` (open)");
    }
}
