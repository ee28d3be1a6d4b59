//! Random histories of deals against a serial model of a page, which knows the contract (§3.1,
//! §4.2 to §4.4) and nothing of the code: money that comes in any order and more than once, is
//! taken back, comes late or in another coin; time-outs, cancellations, disputes, releases and
//! refunds; payouts that are cut off at any step by a rail that answers as it likes. What people do
//! goes through the routes, and so do the callbacks of a gateway: late, in any order, repeated,
//! forged. The program ends in the midst of them, and what got no answer is sent again.
//!
//! After each step the answer and the payment must be what the model says; after a batch the
//! ledger has to agree with everything, and the events with the changes of state. A failing
//! history names its seed; `SOUK_TEST_SEED` repeats it.

mod ending;
mod faults;
mod journal;
mod model;
mod paying;
mod paying_out;
mod rail;
mod run;

use std::sync::Arc;

use db::Engine;
use db::testing::{TestDb, run_test};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::TestApp;
pub use faults::Fault;

/// Histories that share a database.
const BATCH: u64 = 100;
/// Histories that run at the same time.
const AT_ONCE: u64 = 4;

const SETTINGS: [(&str, &str); 5] = [
    ("SHKEEPER_API_KEY", "testkey123"),
    ("PAYMENT_SANDBOX", "true"),
    ("PLATFORM_FEE_PERCENT", "2.5"),
    ("ACCESS_TOKEN_TTL", "30d"),
    ("PAYMENT_TIMEOUT", "30d"),
];

/// Runs `count` histories from `seed` on one engine.
///
/// # Errors
/// What went wrong, with the seed of the history.
pub async fn histories(engine: Engine, seed: u64, count: u64, fault: Fault) -> Result<(), String> {
    let mut first = 0;
    while first < count {
        let size = BATCH.min(count - first);
        let mut result = Ok(());
        run_test(engine, &souk::migrations::ALL, async |db: &TestDb| {
            let gateway = run::gateway().await;
            let url = gateway.url();
            let mut settings = SETTINGS.to_vec();
            settings.push(("SHKEEPER_URL", &url));
            if fault == Fault::KeyIsEnough {
                settings.push(("SHKEEPER_ALLOW_API_KEY_ONLY", "true"));
            }
            let app = TestApp::on(db, &settings).await;
            let world = run::World::new(&app, gateway, fault).await;
            result = batch(&app, Arc::new(world), seed, first, size).await;
        })
        .await
        .map_err(|error| error.to_string())?;
        result?;
        first += size;
        if first.is_multiple_of(10 * BATCH) {
            println!("{first} histories");
        }
    }
    Ok(())
}

async fn batch(
    app: &TestApp,
    world: Arc<run::World>,
    seed: u64,
    first: u64,
    size: u64,
) -> Result<(), String> {
    let mut told = Vec::new();
    for start in (first..first + size).step_by(AT_ONCE as usize) {
        let together = (start..(start + AT_ONCE).min(first + size)).map(|number| {
            let world = world.clone();
            async move {
                // One seed a history, so that each can be repeated alone.
                let seed = seed.wrapping_add(number);
                let rng = StdRng::seed_from_u64(seed);
                run::history(app, &world, rng)
                    .await
                    .map_err(|(error, log)| format!("SOUK_TEST_SEED={seed}: {error}\n{log}"))
            }
        });
        for result in futures_util::future::join_all(together).await {
            told.push(result?);
        }
    }
    let found = souk::ledger::reconcile::run(&app.app.db).await;
    let found = found.map_err(|error| error.message.into_owned())?;
    if !found.balanced {
        return Err(format!("the ledger differs: {:#?}", found.differences));
    }
    journal::check(app, &told).await
}

/// A seed from the environment, or a new one.
pub fn seed() -> u64 {
    let given = std::env::var("SOUK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| StdRng::from_rng(&mut rand::rng()).random());
    println!("SOUK_TEST_SEED={seed}");
    seed
}
