//! How often one address may try passwords or cause mails (`AUTH_ATTEMPTS_PER_MINUTE`).
//!
//! What holds always here: the limit counts for all nodes together. Each node counts in memory,
//! which turns a flood away before it costs anything; what passes is counted in the database too
//! where other nodes may share it, by the same rule (the generic cell rate algorithm of ITU-T
//! I.371: a key has one number, the time at which it has its whole quota again).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::FromRequestParts;
use db::{Db, Engine, args, sql};
use events::Timestamp;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::HeaderMap;
use http::request::Parts;

use crate::app::App;
use crate::clock::Clock;
use crate::config::AuthConfig;
use crate::error::{ApiError, Result};
use crate::http::Peer;

/// Endpoints that share a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Those that check a password.
    Password,
    /// Making accounts.
    Register,
    /// Asking for a mail.
    Mail,
    /// Presenting the token of a mail.
    MailToken,
}

type Key = (Group, IpAddr);
type Limiter = RateLimiter<Key, DashMapStateStore<Key>, LimiterClock, NoOpMiddleware<Nanos>>;

/// After so many attempts the addresses that have their whole quota again are forgotten.
const FORGET_EVERY: u64 = 4096;

/// Counts attempts by address and [`Group`].
pub struct Attempts {
    limiter: Option<Limiter>,
    clock: LimiterClock,
    counted: AtomicU64,
    shared: Option<Shared>,
}

/// The count that all nodes share.
struct Shared {
    db: Db,
    per_minute: i64,
}

impl Attempts {
    /// Limits as `config` says.
    pub fn new(config: &AuthConfig, clock: Arc<dyn Clock>, db: &Db) -> Self {
        let clock = LimiterClock(clock);
        let limiter = NonZeroU32::new(config.attempts_per_minute).map(|per_minute| {
            RateLimiter::dashmap_with_clock(Quota::per_minute(per_minute), clock.clone())
        });
        let shared = (limiter.is_some() && db.engine() == Engine::Postgres)
            .then(|| Shared { db: db.clone(), per_minute: config.attempts_per_minute.into() });
        Self { limiter, clock, counted: AtomicU64::new(0), shared }
    }

    /// Counts one attempt.
    ///
    /// # Errors
    /// 429 with the time after which the next one is allowed, 503 when the database cannot be
    /// reached.
    pub async fn count(&self, group: Group, client: Client) -> Result<()> {
        self.count_here(group, client)?;
        match &self.shared {
            Some(shared) => shared.count(group, client, self.clock.0.now()).await,
            None => Ok(()),
        }
    }

    fn count_here(&self, group: Group, client: Client) -> Result<()> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.counted.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            limiter.retain_recent();
        }
        limiter.check_key(&(group, client.0)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            ApiError::rate_limited(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
        })
    }
}

impl Shared {
    async fn count(&self, group: Group, client: Client, now: Timestamp) -> Result<()> {
        let key = format!("{group:?} {}", client.0);
        let now = now.as_millis();
        let pause = 60_000 / self.per_minute.max(1);
        let mut tx = self.db.begin().await?;
        let counted = tx
            .fetch_optional(
                sql!(
                    "INSERT INTO auth_attempts (key, full_at) VALUES ($1, $2)
                     ON CONFLICT (key) DO UPDATE
                     SET full_at = CASE WHEN auth_attempts.full_at > $3
                         THEN auth_attempts.full_at ELSE $3 END + $4
                     WHERE auth_attempts.full_at <= $5
                     RETURNING full_at"
                ),
                args![&key, now + pause, now, pause, now + (self.per_minute - 1) * pause],
            )
            .await?;
        if counted.is_some() {
            return Ok(tx.commit().await?);
        }
        let select = sql!("SELECT full_at FROM auth_attempts WHERE key = $1");
        let full_at: i64 = tx.fetch_one(select, args![&key]).await?.get("full_at")?;
        let wait = full_at - now - (self.per_minute - 1) * pause;
        Err(ApiError::rate_limited(wait.max(0).unsigned_abs().div_ceil(1000)))
    }
}

/// Forgets the addresses that have their whole quota again.
///
/// # Errors
/// [`db::DbError`].
pub async fn sweep(tx: &mut db::Tx, now: Timestamp) -> Result<(), db::DbError> {
    let sql = sql!("DELETE FROM auth_attempts WHERE full_at <= $1");
    tx.execute(sql, args![now.as_millis()]).await?;
    Ok(())
}

/// Our clock as governor wants it.
#[derive(Clone)]
pub(crate) struct LimiterClock(pub Arc<dyn Clock>);

impl governor::clock::Clock for LimiterClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let millis = u64::try_from(self.0.now().as_millis()).unwrap_or_default();
        Duration::from_millis(millis).into()
    }
}

/// The address that a request counts for: of IPv6 the /64, which one household or machine has
/// whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(pub IpAddr);

impl Client {
    fn of(peer: Option<IpAddr>, headers: &HeaderMap, trust_proxy: bool) -> Self {
        let forwarded = if trust_proxy { forwarded_for(headers) } else { None };
        let address = forwarded.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Each proxy appends the address that it saw, and everything left of the first of ours can be
/// made up: so the right-most address that is not one of the installation's own.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let values: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let from_right = values.iter().rev().flat_map(|value| value.rsplit(','));
    let mut nearest = None;
    for hop in from_right.map_while(|hop| hop.trim().parse().ok()) {
        if !is_internal(hop) {
            return Some(hop);
        }
        nearest = nearest.or(Some(hop));
    }
    nearest
}

fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

impl FromRequestParts<App> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        Ok(Self::of(peer, &parts.headers, app.config.auth.trust_proxy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trust_proxy: bool) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        Client::of(Some(peer.parse().unwrap()), &headers, trust_proxy).0.to_string()
    }

    #[test]
    fn the_header_counts_behind_a_proxy_only() {
        assert_eq!(client("198.51.100.1", &["203.0.113.9"], false), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9"], true), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &[], true), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["nonsense"], true), "10.0.0.1");
    }

    #[test]
    fn what_a_client_makes_up_does_not_count() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 203.0.113.9"], true), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "203.0.113.9, 10.0.0.2"], true), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["nonsense, 203.0.113.9"], true), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["10.9.9.9, 10.0.0.7"], true), "10.0.0.7");
    }

    #[test]
    fn ipv6_counts_by_network() {
        assert_eq!(client("2001:db8:1:2:3:4:5:6", &[], false), "2001:db8:1:2::");
        assert_eq!(client("::ffff:198.51.100.1", &[], false), "198.51.100.1");
    }
}
