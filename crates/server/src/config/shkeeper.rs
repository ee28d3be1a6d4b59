//! The SHKeeper gateway.

use std::time::Duration;

use super::Secret;
use super::env::Env;

/// How the SHKeeper gateway is reached, and how far it is believed.
#[derive(Debug, Clone)]
pub struct ShkeeperConfig {
    /// `SHKEEPER_URL` without a trailing slash.
    pub url: String,
    /// The API key, which is the secret of the callbacks' signatures as well.
    pub api_key: Secret,
    /// The administrator's name and password, without which nothing is paid out.
    pub payout_login: Option<(String, Secret)>,
    /// The `fee` of a payout, as the gateway takes it.
    pub payout_fee: String,
    /// Where the gateway reaches this program; `None` is `PUBLIC_URL`.
    pub callback_url: Option<String>,
    /// Whether a callback without a signature is believed for its API key.
    pub allow_api_key_only: bool,
    /// Whether a transfer that the gateway lists is final without a callback.
    pub poll_confirms: bool,
    /// How often invoices that wait for money are asked for.
    pub poll_every: Duration,
    /// The longest wait for an answer.
    pub timeout: Duration,
}

/// Reads the section; `None` without `SHKEEPER_URL`.
pub(super) fn read(env: &mut Env<'_>) -> Option<ShkeeperConfig> {
    env.section("Payments by SHKeeper");
    let url: String =
        env.get("SHKEEPER_URL", "", "The gateway's address; without it this rail is off.");
    let api_key = env
        .secret("SHKEEPER_API_KEY", "The gateway's API key, which its callbacks are signed with.");
    let user: String = env.get(
        "SHKEEPER_PAYOUT_USER",
        "",
        "The gateway's administrator; without name and password nothing is paid out.",
    );
    let password = env.secret("SHKEEPER_PAYOUT_PASSWORD", "The administrator's password.");
    let payout_fee: String = env.get(
        "SHKEEPER_PAYOUT_FEE",
        "10",
        "The network fee of a payout in the gateway's unit of the coin (BTC: sat/vB; EVM: unused).",
    );
    let callback_url: String = env.get(
        "SHKEEPER_CALLBACK_URL",
        "",
        "Where the gateway reaches Souk, best in a private network; PUBLIC_URL when empty.",
    );
    let allow_api_key_only = env.get(
        "SHKEEPER_ALLOW_API_KEY_ONLY",
        "false",
        "Believe callbacks without a signature for their API key (gateways of before May 2026).",
    );
    let poll_confirms = env.get(
        "SHKEEPER_POLL_CONFIRMS",
        "false",
        "A transfer that the gateway lists is final without its callback. Only where all its \
         wallets ask for one confirmation: the list does not tell how many there are.",
    );
    let poll_every = env.duration(
        "SHKEEPER_POLL_EVERY",
        "5m",
        "How often the gateway is asked for invoices that wait for money.",
    );
    let timeout = env.duration(
        "SHKEEPER_TIMEOUT",
        "40s",
        "The longest wait for the gateway, which may itself wait for two others; at least 30s.",
    );
    for (name, value) in [("SHKEEPER_URL", &url), ("SHKEEPER_CALLBACK_URL", &callback_url)] {
        let known = value.starts_with("http://") || value.starts_with("https://");
        if !value.is_empty() && (!known || value.parse::<http::Uri>().is_err()) {
            env.problem(name, "must start with http:// or https://");
        }
    }
    let payout_login = match (user.is_empty(), password) {
        (false, Some(password)) => Some((user, password)),
        (true, None) => None,
        (false, None) => {
            env.problem("SHKEEPER_PAYOUT_PASSWORD", "is required with SHKEEPER_PAYOUT_USER");
            None
        }
        (true, Some(_)) => {
            env.problem("SHKEEPER_PAYOUT_USER", "is required with SHKEEPER_PAYOUT_PASSWORD");
            None
        }
    };
    if url.is_empty() {
        return None;
    }
    let Some(api_key) = api_key else {
        env.problem("SHKEEPER_API_KEY", "is required with SHKEEPER_URL");
        return None;
    };
    let trimmed = |text: &str| text.trim_end_matches('/').to_owned();
    Some(ShkeeperConfig {
        url: trimmed(&url),
        api_key,
        payout_login,
        payout_fee,
        callback_url: Some(trimmed(&callback_url)).filter(|url| !url.is_empty()),
        allow_api_key_only,
        poll_confirms,
        poll_every,
        timeout,
    })
}
