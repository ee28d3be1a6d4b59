//! The ways to pay sellers.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use events::{Currency, PaymentId, PaymentProvider, PayoutId, RequestId, UserId};
use futures_util::future::BoxFuture;

use super::sandbox::SandboxRail;
use crate::config::Config;

/// What a rail has to pay, and what it said of it before.
#[derive(Debug, Clone)]
pub struct PayoutOrder {
    /// The payout.
    pub payout_id: PayoutId,
    /// The name of this attempt, never used before: `<payout>-<attempt>`.
    pub external_id: String,
    /// The payment whose escrow it pays out.
    pub payment_id: PaymentId,
    /// The request that was paid.
    pub request_id: RequestId,
    /// Who gets it.
    pub seller_id: UserId,
    /// Minor units of `currency`.
    pub amount: i64,
    /// The currency of the price.
    pub currency: Currency,
    /// The coin to pay in, as the gateway names it.
    pub crypto: String,
    /// Where it goes.
    pub address: String,
    /// The rail's task, once it has told it.
    pub task_id: Option<String>,
    /// The transaction, once it is known.
    pub tx_hash: Option<String>,
}

/// What became of handing a payout over.
#[derive(Debug, Clone)]
pub enum Submission {
    /// The rail has it.
    Accepted {
        /// Its task.
        task_id: String,
    },
    /// The rail certainly does not do it.
    Refused {
        /// Why, for administrators.
        reason: String,
    },
    /// It cannot be told whether the rail has it.
    Unknown {
        /// Why, for administrators.
        reason: String,
    },
}

/// What a rail knows of a payout.
#[derive(Debug, Clone)]
pub enum Sighting {
    /// Nothing new.
    Pending,
    /// Its transaction is on the chain.
    Broadcast {
        /// The transaction.
        tx_hash: String,
    },
    /// Its transaction is final.
    Completed {
        /// The transaction.
        tx_hash: String,
    },
    /// It failed.
    Failed {
        /// Why, for administrators.
        reason: String,
        /// Whether it is certain that nothing was sent.
        certain: bool,
    },
    /// The rail does not know of it.
    Absent,
}

/// A way to pay sellers. Neither method has a transaction open; both may be cut off by a time-out.
pub trait PayoutRail: Send + Sync {
    /// Hands a payout over. Called once for an `external_id`.
    fn submit(&self, order: &PayoutOrder) -> BoxFuture<'_, Submission>;

    /// Looks what became of it. Called any number of times; must not send anything.
    fn look(&self, order: &PayoutOrder) -> BoxFuture<'_, Sighting>;

    /// Whether a payout that was just handed over can be looked at at once.
    fn settles_at_once(&self) -> bool {
        false
    }
}

/// The rails that pay out by themselves, by the provider of the payment.
pub struct PayoutRails(RwLock<HashMap<PaymentProvider, Arc<dyn PayoutRail>>>);

impl PayoutRails {
    /// Those that the settings allow.
    pub fn new(_: &Config) -> Self {
        let rails = Self(RwLock::default());
        // Also with the sandbox off: what was paid in it before is paid out in it.
        rails.set(PaymentProvider::Sandbox, Arc::new(SandboxRail));
        rails
    }

    /// Replaces the rail of a provider.
    pub fn set(&self, provider: PaymentProvider, rail: Arc<dyn PayoutRail>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(provider, rail);
    }

    /// The rail of a provider, where it pays out by itself.
    pub fn get(&self, provider: PaymentProvider) -> Option<Arc<dyn PayoutRail>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&provider).cloned()
    }
}
