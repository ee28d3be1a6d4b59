//! Clients that were away get what they missed (contract §1.6), and services that emit (§1.7).

mod emit;
mod refusals;
mod replays;
mod retention;
mod rows;
mod storms;

use serde_json::{Value, json};

use crate::support::{Actor, Memory, Socket, TestApp};

/// Emits one event to a room, as a service of the program would.
async fn tell(app: &TestApp, room: &str, n: i64) {
    let mut tx = app.app.begin().await.expect("a transaction");
    tx.emit_to_room(room.parse().expect("a room"), "told", &json!({ "n": n })).expect("an event");
    tx.commit().await.expect("a commit");
}

/// Emits events to a room, numbered, in one transaction each hundred.
async fn tell_many(app: &TestApp, room: &str, numbers: std::ops::Range<i64>, filler: &str) {
    let numbers: Vec<i64> = numbers.collect();
    for some in numbers.chunks(100) {
        let mut tx = app.app.begin().await.expect("a transaction");
        for n in some {
            let data = json!({ "n": n, "filler": filler });
            tx.emit_to_room(room.parse().expect("a room"), "told", &data).expect("an event");
        }
        tx.commit().await.expect("a commit");
    }
}

/// The numbers of the events of a socket up to now.
async fn numbers(app: &TestApp, socket: &mut Socket) -> Vec<i64> {
    app.app.journal.flushed().await.expect("the journal is handed on");
    let events = socket.unread_events().await.into_iter();
    events.filter(|(name, _)| name == "told").map(|(_, data)| number(&data)).collect()
}

fn number(data: &Value) -> i64 {
    data["n"].as_i64().expect("a number")
}

/// Comes back to a node.
async fn back(node: &souk::node::Node, who: &Actor, memory: &Memory) -> Socket {
    Socket::back(&node.addr().to_string(), &who.token, memory).await
}
