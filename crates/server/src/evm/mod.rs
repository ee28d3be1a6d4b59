//! Payments from the buyer's own wallet on an EVM chain (contract §4), and payouts to the seller's.
//!
//! ```text
//! intent ─► wallet proven ─► transaction submitted
//!
//! pending ⇄ seen ─► confirmed ─► final        rejected: it breaks a rule
//!    └─ dropped: in no block for too long     (both may be submitted again)
//! ```
//! What holds always here:
//! - what is to be paid (chain, token, payee, amount, payer) is fixed before it is paid, from the
//!   configuration and the deal, never from what a client says;
//! - the payer's wallet has signed a text with the payment's id, so nobody can pass somebody
//!   else's transaction off as theirs;
//! - money counts by what [`verify`] finds in the receipt, and by nothing else;
//! - a transfer counts for one submission only, for ever: the claim of (chain, transaction, log) is
//!   made in the transaction that first credits it;
//! - the chain is asked outside of transactions; what it said takes effect only on the state that
//!   it was asked about (`version`). No answer changes nothing: it is asked again;
//! - a transaction is looked at until it is so deep that no reorganisation reaches it. One that
//!   falls out of its block is taken back; if the money let the deal go on, after an hour only.

mod body;
pub mod error;
pub mod model;
mod payout;
pub mod routes;
pub mod rpc;
pub mod service;
mod store;
pub mod types;
pub mod verify;
pub mod wallet;
mod watch;

use std::num::NonZeroU32;
use std::sync::Arc;

use events::UserId;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::auth::attempts::LimiterClock;
use crate::clock::Clock;
use crate::config::EvmConfig;
use crate::error::{ApiError, Result};
use crate::outbound::Client;

use rpc::{Rpc, RpcError};

/// What a user may ask the chain in a minute.
const LOOKS_PER_MINUTE: u32 = 30;
/// Users that are counted before those are forgotten who have their whole quota again.
const COUNTED_MAX: usize = 4096;

type Limiter = RateLimiter<UserId, DashMapStateStore<UserId>, LimiterClock, NoOpMiddleware<Nanos>>;

/// The chain, as it is configured.
pub struct Evm {
    /// The settings.
    pub config: EvmConfig,
    /// Its nodes.
    pub rpc: Rpc,
    looks: Limiter,
    clock: LimiterClock,
}

impl Evm {
    /// The chain that `config` names.
    pub fn new(config: &EvmConfig, client: &Client, clock: &Arc<dyn Clock>) -> Self {
        let clock = LimiterClock(clock.clone());
        let per_minute = NonZeroU32::new(LOOKS_PER_MINUTE).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(per_minute);
        Self {
            config: config.clone(),
            rpc: Rpc::new(client.clone(), &config.rpc_urls, config.chain_id),
            looks: RateLimiter::dashmap_with_clock(quota, clock.clone()),
            clock,
        }
    }

    /// Counts a question that a user asks the chain.
    ///
    /// # Errors
    /// 429 with the time after which the next one is allowed.
    fn count(&self, user: &UserId) -> Result<()> {
        if self.looks.len() > COUNTED_MAX {
            self.looks.retain_recent();
        }
        self.looks.check_key(user).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            ApiError::rate_limited(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
        })
    }

    /// Whether the nodes follow the configured chain, as far as they answer.
    ///
    /// # Errors
    /// One line, where they follow another one.
    pub async fn check(&self) -> Result<(), String> {
        match self.rpc.check_chain().await {
            Ok(()) => Ok(()),
            Err(error @ RpcError::WrongChain { .. }) => Err(error.to_string()),
            Err(error) => {
                tracing::warn!(%error, "EVM_RPC_URL does not answer");
                Ok(())
            }
        }
    }
}
