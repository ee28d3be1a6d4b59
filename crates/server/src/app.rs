//! What every part of the program shares.

use std::ops::Deref;
use std::sync::Arc;

use db::Db;
use events::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::auth::attempts::Attempts;
use crate::auth::password::Passwords;
use crate::auth::tokens::Tokens;
use crate::bus::Bus;
use crate::clock::{Clock, Randomness};
use crate::config::Config;
use crate::console::Gauges;
use crate::delivery::codes::Codes;
use crate::evm::Evm;
use crate::files::Storage;
use crate::health::Health;
use crate::idempotency::InFlight;
use crate::jobs::Jobs;
use crate::journal::Journal;
use crate::mailer::Mailer;
use crate::payouts::rail::PayoutRails;
use crate::realtime::Realtime;
use crate::{outbound, shkeeper};

/// The application's state: a cheap handle, given to every handler and service.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The parts of [`App`].
pub struct Inner {
    /// The configuration as it was checked at start.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Whether the database answers.
    pub health: Health,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids, tokens and codes.
    pub random: Randomness,
    /// Outgoing mail.
    pub mailer: Arc<dyn Mailer>,
    /// Asks other servers.
    pub outbound: outbound::Client,
    /// The chain that wallets pay on, where there is one.
    pub evm: Option<Evm>,
    /// Sends webhooks; reaches no private network unless a setting says so.
    pub webhook_client: outbound::Client,
    /// Access tokens.
    pub tokens: Tokens,
    /// Password hashing.
    pub passwords: Passwords,
    /// Delivery codes.
    pub delivery_codes: Codes,
    /// The bytes of uploaded files.
    pub files: Storage,
    /// Uploads that are looked at at once.
    pub inspections: Semaphore,
    /// The limit of tries at passwords.
    pub attempts: Attempts,
    /// The tail of the journal.
    pub journal: Journal,
    /// Ephemeral events to and from other nodes.
    pub bus: Arc<Bus>,
    /// The sockets of this node.
    pub realtime: Realtime,
    /// The REST requests under way, for which a stop waits.
    pub requests: TaskTracker,
    /// The SHKeeper gateway, where there is one.
    pub shkeeper: Option<shkeeper::Gateway>,
    /// The ways to pay sellers.
    pub payout_rails: PayoutRails,
    /// Figures over time.
    pub gauges: Gauges,
    /// The runner of timers.
    pub jobs: Jobs,
    /// Set when the node begins to stop.
    pub stopping: CancellationToken,
    /// Requests under an idempotency key that run now.
    pub in_flight: InFlight,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Shares the parts.
    pub fn new(parts: Inner) -> Self {
        Self(Arc::new(parts))
    }

    /// A UUIDv7 (RFC 9562 §5.7) of this time.
    pub fn new_uuid(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.as_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random.bytes()).into_uuid()
    }
}
