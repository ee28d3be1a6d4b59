//! A rail that does as it is told, and remembers what it was handed.

use std::sync::{Arc, Mutex};

use events::PaymentProvider;
use futures_util::future::BoxFuture;
use souk::payouts::rail::{PayoutOrder, PayoutRail, Sighting, Submission};

use crate::support::TestApp;

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Refused,
    Unknown,
    Pending,
    Broadcast,
    Completed,
    /// Completed where it was handed over, else absent: as an honest gateway.
    Honest,
    FailedForCertain,
    FailedPerhaps,
    Absent,
}

/// The rail.
pub struct TestRail {
    submitted: Mutex<Vec<String>>,
    submit: Mutex<Answer>,
    look: Mutex<Answer>,
}

impl TestRail {
    /// Takes the place of the sandbox's rail; accepts, and knows nothing more.
    pub fn install(app: &TestApp) -> Arc<Self> {
        let rail = Arc::new(Self {
            submitted: Mutex::default(),
            submit: Mutex::new(Answer::Accepted),
            look: Mutex::new(Answer::Pending),
        });
        app.app.payout_rails.set(PaymentProvider::Sandbox, rail.clone());
        rail
    }

    pub fn submit_answers(&self, answer: Answer) {
        *self.submit.lock().expect("a lock") = answer;
    }

    pub fn look_answers(&self, answer: Answer) {
        *self.look.lock().expect("a lock") = answer;
    }

    /// The names of everything that it was handed.
    pub fn submitted(&self) -> Vec<String> {
        self.submitted.lock().expect("a lock").clone()
    }
}

/// Several chances to be cut off, as a call over the network gives.
async fn take_time() {
    for _ in 0..6 {
        tokio::task::yield_now().await;
    }
}

impl PayoutRail for TestRail {
    fn submit(&self, order: &PayoutOrder) -> BoxFuture<'_, Submission> {
        let name = order.external_id.clone();
        Box::pin(async move {
            take_time().await;
            self.submitted.lock().expect("a lock").push(name.clone());
            take_time().await;
            let reason = "told so".to_owned();
            match *self.submit.lock().expect("a lock") {
                Answer::Accepted => Submission::Accepted { task_id: format!("task-{name}") },
                Answer::Refused => Submission::Refused { reason },
                _ => Submission::Unknown { reason },
            }
        })
    }

    fn look(&self, order: &PayoutOrder) -> BoxFuture<'_, Sighting> {
        let name = order.external_id.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            let (tx_hash, reason) = (format!("0x{name}"), "told so".to_owned());
            let answer = *self.look.lock().expect("a lock");
            match answer {
                Answer::Broadcast => Sighting::Broadcast { tx_hash },
                Answer::Completed => Sighting::Completed { tx_hash },
                Answer::Honest if self.submitted().contains(&name) => {
                    Sighting::Completed { tx_hash }
                }
                Answer::FailedForCertain => Sighting::Failed { reason, certain: true },
                Answer::FailedPerhaps => Sighting::Failed { reason, certain: false },
                Answer::Absent | Answer::Honest => Sighting::Absent,
                _ => Sighting::Pending,
            }
        })
    }
}
