//! Places where a drill ends the program, to see that what comes after a restart is right.
//!
//! Only builds with debug assertions have them. `SOUK_STOP_AT` names one: the work that reaches it
//! says so on standard output and goes no further, in whatever transaction it is, while the rest of
//! the program runs on until it is killed.

/// This place. Returns at once unless it is the one where to stop.
#[cfg(debug_assertions)]
pub async fn reach(name: &str) {
    if std::env::var("SOUK_STOP_AT").is_ok_and(|place| place == name) {
        println!("Souk stops at {name}");
        std::future::pending::<()>().await;
    }
}

/// Nothing, in a release.
#[cfg(not(debug_assertions))]
#[expect(clippy::unused_async, reason = "as with debug assertions")]
pub async fn reach(_: &str) {}
