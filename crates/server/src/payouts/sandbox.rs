//! The rail of play money: everything succeeds at once.

use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::rail::{PayoutOrder, PayoutRail, Sighting, Submission};
use crate::text::hex;

/// Pays play money.
pub struct SandboxRail;

impl PayoutRail for SandboxRail {
    fn submit(&self, order: &PayoutOrder) -> BoxFuture<'_, Submission> {
        let task_id = format!("sandbox-{}", order.external_id);
        Box::pin(async move { Submission::Accepted { task_id } })
    }

    fn look(&self, order: &PayoutOrder) -> BoxFuture<'_, Sighting> {
        let tx_hash = tx_hash(&order.external_id);
        Box::pin(async move { Sighting::Completed { tx_hash } })
    }

    fn settles_at_once(&self) -> bool {
        true
    }
}

/// Something that looks like a transaction's hash.
pub fn tx_hash(of: &str) -> String {
    format!("0x{}", hex(&Sha256::digest(of)))
}
