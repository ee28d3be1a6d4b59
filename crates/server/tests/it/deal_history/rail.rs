//! A rail that answers as the name of the payout has it, and never forgets what it was handed.

use std::collections::HashMap;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use souk::payouts::rail::{PayoutOrder, PayoutRail, Sighting, Submission};

/// The rail.
#[derive(Default)]
pub struct RandomRail {
    /// How often each name was handed over, and each look at it.
    pub submitted: Mutex<HashMap<String, u32>>,
    looks: Mutex<HashMap<String, u8>>,
}

fn dice(name: &str, throw: u8) -> u8 {
    Sha256::digest(format!("{name}/{throw}"))[0]
}

impl PayoutRail for RandomRail {
    fn submit(&self, order: &PayoutOrder) -> BoxFuture<'_, Submission> {
        let name = order.external_id.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            *self.submitted.lock().expect("a lock").entry(name.clone()).or_default() += 1;
            tokio::task::yield_now().await;
            let reason = "as the dice fell".to_owned();
            match dice(&name, 0) % 4 {
                0 => Submission::Refused { reason },
                1 => Submission::Unknown { reason },
                _ => Submission::Accepted { task_id: format!("task-{name}") },
            }
        })
    }

    fn look(&self, order: &PayoutOrder) -> BoxFuture<'_, Sighting> {
        let name = order.external_id.clone();
        let throw = {
            let mut looks = self.looks.lock().expect("a lock");
            let throw = looks.entry(name.clone()).or_default();
            *throw = throw.saturating_add(1);
            *throw
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            if !self.submitted.lock().expect("a lock").contains_key(&name) {
                return Sighting::Absent;
            }
            let (tx_hash, reason) = (format!("0x{name}"), "as the dice fell".to_owned());
            match dice(&name, throw) % 8 {
                0 => Sighting::Pending,
                1 => Sighting::Absent,
                2 => Sighting::Failed { reason, certain: false },
                3 => Sighting::Failed { reason, certain: true },
                4 | 5 => Sighting::Broadcast { tx_hash },
                _ => Sighting::Completed { tx_hash },
            }
        })
    }
}
