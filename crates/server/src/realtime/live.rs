//! The sockets of this node, for operators.

use events::{Role, UserId};
use serde::{Deserialize, Serialize};
use socketio::Stats;

use super::Realtime;
use super::client::Client;

/// A connected socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct Live {
    /// Its public id.
    pub id: String,
    /// Who it is; `None` without a token (`open` access).
    pub user: Option<(UserId, Role)>,
    /// On WebSocket, and not on HTTP long-polling.
    pub websocket: bool,
    /// Unsent bytes.
    pub queued: usize,
    /// Since it connected.
    pub age_seconds: u64,
    /// The rooms that it is in.
    pub rooms: Vec<String>,
}

impl Realtime {
    /// The figures of the sockets; `None` where there are none, before the start and after the
    /// end.
    pub fn stats(&self) -> Option<Stats> {
        self.io().map(|io| io.stats())
    }

    /// All sockets of this node.
    pub async fn live(&self) -> Vec<Live> {
        let Some(io) = self.io() else { return Vec::new() };
        let details = io.all().details().await;
        let live = details.into_iter().map(|details| {
            let client = details.socket.data::<Client>();
            let caller = client.and_then(Client::caller);
            Live {
                id: details.socket.id().to_owned(),
                user: caller.map(|caller| (caller.user_id.clone(), caller.role)),
                websocket: details.websocket,
                queued: details.queued,
                age_seconds: client.map_or(0, |client| client.since.elapsed().as_secs()),
                rooms: details.rooms.iter().map(ToString::to_string).collect(),
            }
        });
        live.collect()
    }
}
