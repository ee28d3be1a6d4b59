//! The program ends between any two steps of a payout.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use db::Engine;
use events::PaymentProvider;
use serde_json::json;
use souk::app::App;

use super::rail::{Answer, TestRail};
use super::{poll, queued, retry, status};
use crate::support::market::{LONG_SIGN_IN, id};
use crate::support::money::SANDBOX;
use crate::support::{TestApp, app_test};

/// A future that is dropped when it has been polled so often.
struct Cut<F> {
    inner: F,
    left: usize,
}

impl<F: Future + Unpin> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Pin::new(&mut self.inner).poll(cx).map(Some)
    }
}

/// Runs `work` until it has been polled `polls` times. True where it was done by then.
pub async fn cut<F: Future>(work: F, polls: usize) -> bool {
    Cut { inner: pin!(work), left: polls }.await.is_some()
}

/// The program that is to be killed. On PostgreSQL it has connections of its own, which end with
/// it; on SQLite a second writer would be no other program.
async fn doomed(app: &TestApp, rail: &Arc<TestRail>) -> App {
    if app.app.db.engine() == Engine::Sqlite {
        return app.app.clone();
    }
    let node = app.another_node().await;
    node.app.payout_rails.set(PaymentProvider::Sandbox, rail.clone());
    node.app.clone()
}

/// What the program does after a start: everything that is due, and later what was left half-way.
async fn restart(app: &TestApp) {
    for _ in 0..4 {
        app.advance(Duration::from_mins(5));
        app.settle_timers().await;
    }
}

app_test!(between_any_two_steps_it_is_handed_over_once, [SANDBOX, LONG_SIGN_IN], async |app| {
    let rail = TestRail::install(app);
    let (mut done, mut unsent, mut sent) = (0, 0, 0);
    for polls in 0..200 {
        rail.look_answers(Answer::Honest);
        let (admin, _, payout) = queued(app).await;
        let payout_id: events::PayoutId = id(&payout).parse().expect("an id");
        let handed = |rail: &TestRail| {
            rail.submitted().iter().filter(|name| name.starts_with(id(&payout))).count()
        };
        let finished = {
            let doomed = doomed(app, &rail).await;
            cut(souk::payouts::service::submit(&doomed, &payout_id), polls).await
        };
        let before = handed(&rail);
        restart(app).await;
        let after = status(&admin, &payout).await;
        match (before, after.as_str()) {
            // Either it had not begun, and began after the restart; or it went through.
            (0 | 1, "completed") => sent += 1,
            // It is not known whether it was sent: a person has to say.
            (0, "unknown") => {
                unsent += 1;
                assert_eq!(handed(&rail), 0, "after {polls} polls");
                retry(&admin, &payout).json(&json!({ "notSent": true })).send().await.data(200);
                app.settle_timers().await;
                poll(app).await;
                assert_eq!(status(&admin, &payout).await, "completed");
            }
            (before, after) => panic!("{before} handed over, and {after}, after {polls} polls"),
        }
        assert_eq!(handed(&rail), 1, "after {polls} polls");
        if finished {
            done += 1;
            if done == 3 {
                break;
            }
        }
    }
    assert_eq!(done, 3, "the whole was cut");
    assert!(sent > 0 && unsent > 0, "{sent} were sent, {unsent} not");
    app.check_ledger().await;
});

app_test!(a_look_may_be_cut_at_any_step, [SANDBOX, LONG_SIGN_IN], async |app| {
    let rail = TestRail::install(app);
    for polls in 0..200 {
        rail.look_answers(Answer::Pending);
        let (admin, _, payout) = queued(app).await;
        let payout_id: events::PayoutId = id(&payout).parse().expect("an id");
        app.settle_timers().await;
        assert_eq!(status(&admin, &payout).await, "submitted");
        rail.look_answers(Answer::Honest);
        let head = app.position().await;
        let finished = {
            let doomed = doomed(app, &rail).await;
            cut(souk::payouts::service::poll(&doomed, &payout_id), polls).await
        };
        restart(app).await;
        assert_eq!(status(&admin, &payout).await, "completed");
        let names = app.event_names_after(head).await;
        assert_eq!(names.iter().filter(|name| *name == "payout-completed").count(), 1);
        if finished {
            app.check_ledger().await;
            return;
        }
    }
    panic!("it never ends");
});
