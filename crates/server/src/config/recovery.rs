//! What clients that were away get (contract §1.6), and how they are sent away by a stop.

use std::time::Duration;

use super::env::Env;

/// What clients that were away get (contract §1.6), and how they are sent away by a stop.
#[derive(Debug, Clone)]
pub struct RecoveryConfig {
    /// How long a client may be away and still get what it missed.
    pub window: Duration,
    /// How many events it may have missed.
    pub max_events: usize,
    /// Bytes of the newest events that are kept in memory.
    pub memory: usize,
    /// Over what time a stop spreads the good-byes to its sockets.
    pub spread: Duration,
}

impl RecoveryConfig {
    pub(super) fn read(env: &mut Env<'_>) -> Self {
        let config = Self {
            window: env.duration(
                "RECOVERY_WINDOW",
                "7d",
                "How long a client may be away and still get what it missed.",
            ),
            max_events: env.get(
                "RECOVERY_MAX_EVENTS",
                "10000",
                "How many events a client may miss and still get them; past it its session is new.",
            ),
            memory: env.bytes(
                "RECOVERY_MEMORY",
                "32MiB",
                "Newest events kept in memory, from which most clients get what they missed.",
            ),
            spread: env.duration(
                "SHUTDOWN_SPREAD",
                "2s",
                "Over what time a stop sends its sockets away, so that they do not all come at \
                 once to another node. Within SHUTDOWN_GRACE.",
            ),
        };
        if config.window.is_zero() {
            env.problem("RECOVERY_WINDOW", "must be longer than nothing");
        }
        config
    }
}
