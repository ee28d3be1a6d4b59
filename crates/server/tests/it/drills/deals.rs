//! Random histories of deals, by the hundred thousand.

use db::Engine;

use super::rounds;
use crate::deal_history::{Fault, histories, seed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    if let Err(error) = histories(Engine::Sqlite, seed(), rounds(60), Fault::None).await {
        panic!("{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    // A history costs several times as much there.
    if let Err(error) = histories(Engine::Postgres, seed(), rounds(160) / 8, Fault::None).await {
        panic!("{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_faults_are_found() {
    let faults: [(Fault, &[&str]); 4] = [
        (Fault::NoUniqueIndex, &["2 payouts of one share", r#"instead of Err("payout_exists")"#]),
        (Fault::TrustedWebhook, &["what was received is", "the payment is", "the request is"]),
        (Fault::KeyIsEnough, &[r#"webhook is Ok(202) instead of Err("signature_invalid")"#]),
        (Fault::UnconditionalUpdate, &["the payment is \""]),
    ];
    for (fault, what) in faults {
        let found = histories(Engine::Sqlite, seed(), 400, fault).await;
        let error = found.expect_err("the fault is found");
        let error = error.lines().next().unwrap_or_default();
        println!("{fault:?}: {error}");
        assert!(what.iter().any(|what| error.contains(what)), "{fault:?}: {error}");
    }
}
