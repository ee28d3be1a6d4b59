//! Webhooks to other programs.

use super::env::Env;

/// Webhooks to other programs.
#[derive(Debug, Clone)]
pub struct WebhooksConfig {
    /// Whether endpoints may be in a private network, and speak http without TLS.
    pub allow_private: bool,
}

pub(super) fn read(env: &mut Env<'_>) -> WebhooksConfig {
    env.section("Webhooks to other programs");
    WebhooksConfig {
        allow_private: env.get(
            "WEBHOOKS_ALLOW_PRIVATE",
            "false",
            "Let endpoints be in a private network, and over http. For development: whoever may make \
             endpoints reaches your network with it.",
        ),
    }
}
