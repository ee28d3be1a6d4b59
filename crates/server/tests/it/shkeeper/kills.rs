//! The program ends between any two steps of a payout: never two are sent, none is forgotten.

use std::sync::Arc;
use std::time::Duration;

use events::PaymentProvider;
use fake_shkeeper::{Endpoint, FakeShkeeper, Mishap};
use futures_util::future::BoxFuture;
use serde_json::json;
use souk::payouts::rail::{PayoutOrder, PayoutRail, Sighting, Submission};

use super::payouts::{PAYOUTS, WALLET, look, paid, payout, release, status};
use super::{check_books, gateway_test};
use crate::support::TestApp;

/// Before what the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kill {
    /// It was written down that the payout is handed over, and nothing was done.
    Rail,
    /// The request is on its way, and was not acted upon.
    Gateway,
    /// The gateway has acted, and its answer is on its way.
    Answer,
    /// The answer is here, and not written down.
    Row,
}

/// A rail that stops at a point, as a program does that is killed there.
struct Stopping {
    inner: Arc<dyn PayoutRail>,
    kill: Kill,
    reached: Arc<tokio::sync::Notify>,
}

impl PayoutRail for Stopping {
    fn submit(&self, order: &PayoutOrder) -> BoxFuture<'_, Submission> {
        let order = order.clone();
        Box::pin(async move {
            if self.kill != Kill::Rail {
                self.inner.submit(&order).await;
            }
            self.reached.notify_one();
            std::future::pending().await
        })
    }

    fn look(&self, order: &PayoutOrder) -> BoxFuture<'_, Sighting> {
        self.inner.look(order)
    }
}

/// Kills the program while it hands a payout over, and starts it again.
async fn killed(app: &TestApp, gateway: &FakeShkeeper, kill: Kill) -> TestApp {
    let admin = app.admin().await;
    let (deal, invoice) = paid(app, gateway).await;
    let before = gateway.sent_to(WALLET).len();
    let calls = gateway.calls(Endpoint::Payout).len();
    match kill {
        Kill::Gateway => gateway.will(Endpoint::Payout, Mishap::Silence),
        Kill::Answer => gateway.will(Endpoint::Payout, Mishap::AnswerHeld),
        Kill::Rail | Kill::Row => {}
    }
    let rails = &app.app.payout_rails;
    let inner = rails.get(PaymentProvider::Shkeeper).expect("a rail");
    let reached = Arc::new(tokio::sync::Notify::new());
    let stopping = Stopping { inner: inner.clone(), kill, reached: reached.clone() };
    rails.set(PaymentProvider::Shkeeper, Arc::new(stopping));
    release(&admin, &invoice).await;
    // The payout is made by a timer, and handed over by another one, which hangs.
    let running = app.app.clone();
    let run = tokio::spawn(async move { souk::jobs::run_due(&running).await });
    match kill {
        Kill::Rail | Kill::Row => reached.notified().await,
        Kill::Gateway | Kill::Answer => {
            crate::support::nodes::eventually("the call", async || {
                (gateway.calls(Endpoint::Payout).len() > calls).then_some(())
            })
            .await;
        }
    }
    run.await.expect("the timers run").expect("the timers run");
    // From here on the first program does nothing any more: its errand hangs for longer than the
    // test lasts, or comes too late.
    assert_eq!(status(&admin, &deal).await, "submitting", "{kill:?}");
    let again = app.another_node().await;
    again.advance(Duration::from_mins(5));
    again.run_timers().await;
    rails.set(PaymentProvider::Shkeeper, inner);
    again.run_timers().await;
    for _ in 0..3 {
        gateway.tick().await;
        gateway.mine();
        look(&again).await;
    }
    gateway.tick().await;
    look(&again).await;
    let state = status(&admin, &deal).await;
    let sent = gateway.sent_to(WALLET).len() - before;
    match kill {
        // It never left, which is certain, for the try was not noted.
        Kill::Rail => {
            assert_eq!((state.as_str(), sent), ("failed", 0));
            retry(&again, &admin, &deal, false).await;
            assert_eq!(gateway.sent_to(WALLET).len() - before, 1);
        }
        // Nobody can tell, so it waits for a person.
        Kill::Gateway => {
            assert_eq!((state.as_str(), sent), ("unknown", 0));
            retry(&again, &admin, &deal, true).await;
            assert_eq!(gateway.sent_to(WALLET).len() - before, 1);
        }
        // The gateway knows of it.
        Kill::Answer | Kill::Row => {
            assert_eq!((state.as_str(), sent), ("completed", 1), "{kill:?}");
        }
    }
    again
}

async fn retry(app: &TestApp, admin: &crate::support::Actor, deal: &super::Deal, not_sent: bool) {
    let id = payout(admin, deal).await["_id"].as_str().expect("an id").to_owned();
    let path = format!("{PAYOUTS}/{id}/retry");
    admin.post(&path).json(&json!({ "notSent": not_sent })).send().await.data(200);
    app.run_timers().await;
    assert_eq!(status(admin, deal).await, "submitted");
}

gateway_test!(before_the_rail, async |app, gateway| {
    check_books(&killed(app, gateway, Kill::Rail).await).await;
});

gateway_test!(before_the_gateway, async |app, gateway| {
    check_books(&killed(app, gateway, Kill::Gateway).await).await;
});

gateway_test!(before_the_answer, async |app, gateway| {
    check_books(&killed(app, gateway, Kill::Answer).await).await;
});

gateway_test!(before_the_row, async |app, gateway| {
    check_books(&killed(app, gateway, Kill::Row).await).await;
});
