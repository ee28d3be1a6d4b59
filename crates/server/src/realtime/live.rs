//! The sockets of this node, for operators.

use std::time::Duration;

use events::{Role, UserId};
use socketio::Stats;

use super::Realtime;
use super::client::Client;

/// A connected socket.
#[derive(Debug)]
pub struct Live {
    /// Its public id.
    pub id: String,
    /// Who it is; `None` without a token (`open` access).
    pub user: Option<(UserId, Role)>,
    /// `websocket` or `polling`.
    pub transport: &'static str,
    /// Unsent bytes.
    pub queued: usize,
    /// Since it connected.
    pub age: Duration,
    /// The rooms that it is in.
    pub rooms: Vec<String>,
}

impl Realtime {
    /// The figures of the sockets; `None` where there are none, before the start and after the
    /// end.
    pub fn stats(&self) -> Option<Stats> {
        self.io().map(|io| io.stats())
    }

    /// All sockets.
    pub async fn live(&self) -> Vec<Live> {
        let Some(io) = self.io() else { return Vec::new() };
        let details = io.all().details().await;
        let live = details.into_iter().map(|details| {
            let client = details.socket.data::<Client>();
            let caller = client.and_then(Client::caller);
            Live {
                id: details.socket.id().to_owned(),
                user: caller.map(|caller| (caller.user_id.clone(), caller.role)),
                transport: if details.websocket { "websocket" } else { "polling" },
                queued: details.queued,
                age: client.map_or(Duration::ZERO, |client| client.since.elapsed()),
                rooms: details.rooms.iter().map(ToString::to_string).collect(),
            }
        });
        live.collect()
    }
}
