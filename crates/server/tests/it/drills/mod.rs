//! Drills: the real program under load and ill-treatment. Each has a short version here and a
//! long one as `cargo xtask drill …`, which sets its size by environment variables.

mod balancer;
mod deals;
mod http;
mod kill;
mod kill_postgres;
mod ordering;
mod partition;
mod payouts;
mod process;
mod recovery;
mod rolling;

/// The length that `cargo xtask drill` asks for; `short` among the tests.
fn rounds(short: u64) -> u64 {
    std::env::var("SOUK_DRILL_ROUNDS").ok().and_then(|number| number.parse().ok()).unwrap_or(short)
}
