//! The bus: what follows from no change of data (typing, presence) reaches the sockets of the
//! other nodes.
//!
//! What holds always here:
//! - nothing that must arrive travels here: a message may be lost, and [`Bus::publish`] neither
//!   waits nor takes memory without a bound. When the queue is full, its oldest message goes;
//! - a message reaches every other node at most once, and never the node that published it;
//! - it is never sent within a business transaction: a `NOTIFY` there would hold up the commits
//!   of all others.
//!
//! Messages that wait together travel together. With `REDIS_URL` they go through Redis or Valkey,
//! else through PostgreSQL; on SQLite there is no other node.

mod postgres;
mod queue;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use events::Audience;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Secret;
use crate::text::hex;
use queue::Queue;

/// Longest wait before a lost connection is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// A connection that was silent for this long is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(5);
/// An answer that takes longer means a lost connection.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages wait this long for others, so that a burst is one transmission.
const GATHER_FOR: Duration = Duration::from_millis(2);

/// An event for sockets, wherever they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// The event's name.
    pub event: String,
    /// Who gets it.
    pub audience: Audience,
    /// Its one argument.
    pub payload: Box<RawValue>,
}

/// Takes what other nodes publish; in Souk this is the realtime side.
pub trait Receiver: Send + Sync + 'static {
    /// Acts on one message. Must not block.
    fn receive(&self, message: Message);
}

/// This node's end of the bus.
#[derive(Debug)]
pub struct Bus {
    /// Names this node, so that it does not hear itself.
    node: String,
    transport: Transport,
    queue: Queue,
    wake: Notify,
}

#[derive(Debug, Clone)]
enum Transport {
    /// There is no other node.
    None,
    Postgres,
    Redis {
        url: Secret,
        /// Redis may serve several installations.
        channel: String,
    },
}

/// Messages of one node that travel together.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    node: std::borrow::Cow<'a, str>,
    /// Makes every envelope different: PostgreSQL delivers equal notifications of a transaction
    /// once.
    number: u64,
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

impl Bus {
    /// The bus of a node on this database. `node` is unique among the nodes; `installation` is a
    /// secret that all nodes of an installation share, and no other one.
    pub fn new(
        db: &db::Db,
        redis_url: Option<&Secret>,
        installation: &Secret,
        node: String,
    ) -> Self {
        let transport = match (db.engine(), redis_url) {
            (db::Engine::Sqlite, _) => Transport::None,
            (db::Engine::Postgres, None) => Transport::Postgres,
            (db::Engine::Postgres, Some(url)) => {
                let name = Sha256::digest(format!("souk bus {}", installation.expose()));
                let channel = format!("souk:{}", hex(&name[..8]));
                Transport::Redis { url: url.clone(), channel }
            }
        };
        Self { node, transport, queue: Queue::default(), wake: Notify::new() }
    }

    /// This node's name, new at each start.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Whether there may be other nodes.
    pub fn has_others(&self) -> bool {
        !matches!(self.transport, Transport::None)
    }

    /// Sends an event to the sockets of the other nodes, soon or never.
    pub fn publish(&self, event: &str, audience: &Audience, payload: &impl Serialize) {
        if !self.has_others() {
            return;
        }
        let encoded = to_raw_value(payload).and_then(|payload| {
            let (event, audience) = (event.to_owned(), audience.clone());
            to_raw_value(&Message { event, audience, payload })
        });
        match encoded {
            Ok(message) => {
                self.queue.push(message);
                self.wake.notify_one();
            }
            Err(error) => tracing::error!(%error, event, "a message cannot be encoded"),
        }
    }

    /// How many messages were dropped because the bus did not keep up, or were too large for it.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Sends and receives until `stop`; a lost connection is tried again.
    pub async fn run(app: App, receiver: Arc<dyn Receiver>, stop: CancellationToken) {
        let bus = &app.bus;
        let talk = async {
            match (&bus.transport, app.db.postgres()) {
                (Transport::Postgres, Some(pool)) => {
                    postgres::run(pool, bus, receiver.as_ref()).await;
                }
                (Transport::Redis { url, channel }, _) => {
                    redis::run(url, channel, bus, receiver.as_ref()).await;
                }
                _ => {}
            }
        };
        tokio::select! {
            () = talk => {}
            () = stop.cancelled() => {}
        }
    }

    /// Waits for messages and packs them into envelopes of at most `limit` bytes.
    async fn next(&self, limit: usize) -> Vec<String> {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(GATHER_FOR).await;
            let envelopes = self.queue.pack(&self.node, limit);
            if !envelopes.is_empty() {
                return envelopes;
            }
        }
    }

    /// Unpacks an envelope, unless it is this node's own.
    fn unpack(&self, text: &str, receiver: &dyn Receiver) {
        let envelope: Envelope<'_> = match serde_json::from_str(text) {
            Ok(envelope) => envelope,
            Err(error) => {
                // A node of another version, during an update.
                tracing::warn!(%error, "an envelope on the bus cannot be read");
                return;
            }
        };
        if envelope.node == self.node {
            return;
        }
        for message in envelope.messages {
            match serde_json::from_str(message.get()) {
                Ok(message) => receiver.receive(message),
                Err(error) => tracing::warn!(%error, "a message on the bus cannot be read"),
            }
        }
    }
}
