//! Configuration: read once at start from the environment (and `.env`), checked as a whole.
//!
//! What holds always here:
//! - every variable is read in this module, in exactly one place, with its default and its
//!   description, so that `.env.example` can be printed from the same text ([`reference`]);
//! - all problems are found in one go: a start with three wrong values prints three lines.

mod deal;
mod env;
mod evm;
mod files;
mod payments;
mod points;
mod recovery;
mod shkeeper;
mod values;
mod webhooks;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use events::Access;

pub use deal::{CodeHolder, DealConfig};
use env::Env;
pub use env::{Problem, Variable};
pub use evm::{EvmConfig, Token};
pub use files::{FilesConfig, S3Config};
pub use payments::{FeeRate, PaymentsConfig, PayoutMode};
pub use points::PointsConfig;
pub use recovery::RecoveryConfig;
pub use shkeeper::ShkeeperConfig;
pub use values::{Bytes, HttpOrigin};
pub use webhooks::WebhooksConfig;

/// Everything the program can be told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen and how the program is reached.
    pub http: HttpConfig,
    /// `DATABASE_URL`: `sqlite:<path>` or `postgres://…`.
    pub database_url: String,
    /// Upper bound of pooled database connections of this node.
    pub database_connections: u32,
    /// `REDIS_URL`: carries typing and presence between nodes instead of PostgreSQL.
    pub redis_url: Option<Secret>,
    /// Tokens and passwords.
    pub auth: AuthConfig,
    /// The Socket.IO side (contract §1).
    pub realtime: RealtimeConfig,
    /// What clients that were away get (contract §1.6).
    pub recovery: RecoveryConfig,
    /// Times and rules of the deal (contract §3).
    pub deal: DealConfig,
    /// Payments, fees and payouts (contract §4).
    pub payments: PaymentsConfig,
    /// Points and levels (contract §3.7).
    pub points: PointsConfig,
    /// Where files are kept, and which.
    pub files: FilesConfig,
    /// The SHKeeper gateway; `None` where this rail is off.
    pub shkeeper: Option<ShkeeperConfig>,
    /// Webhooks to other programs.
    pub webhooks: WebhooksConfig,
    /// Outgoing mail; `None` logs mails instead.
    pub smtp: Option<SmtpConfig>,
    /// Payments from wallets; `None` without a node to ask.
    pub evm: Option<EvmConfig>,
    /// Log lines as JSON instead of text.
    pub log_json: bool,
}

/// Where to listen and how the program is reached.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Address to bind.
    pub host: String,
    /// TCP port to bind; 0 takes a free one.
    pub port: u16,
    /// Origins that browsers may call from (contract §1.1).
    pub frontend_urls: Vec<HttpOrigin>,
    /// The address under which clients reach this program.
    pub public_url: String,
    /// Largest JSON request body in bytes.
    pub body_max: usize,
    /// How long a stop may take before what is left is cut.
    pub shutdown_grace: Duration,
}

impl HttpConfig {
    /// Whether `origin` (the value of an `Origin` header) is one of `FRONTEND_URL`.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.frontend_urls.iter().any(|allowed| allowed.matches(origin))
    }

    /// The pages that links lead to: the first of `FRONTEND_URL`.
    pub fn frontend(&self) -> &str {
        self.frontend_urls.first().map_or(self.public_url.as_str(), HttpOrigin::as_str)
    }

    /// Whether clients speak https, so that cookies must be `Secure`.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// Tokens and passwords.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Key of the access tokens' HMAC; `None` only with an embedded database, which keeps one
    /// beside itself.
    pub jwt_secret: Option<Secret>,
    /// `X-Service-Key` of `POST /api/realtime/emit`; `None` switches that endpoint off.
    pub service_key: Option<Secret>,
    /// Lifetime of an access token.
    pub access_token_ttl: Duration,
    /// Lifetime of a refresh token.
    pub refresh_token_ttl: Duration,
    /// Attempts per minute and address at the endpoints that check a password or send a mail;
    /// 0 switches the limit off.
    pub attempts_per_minute: u32,
    /// Whether `X-Forwarded-For` is believed (only behind a proxy that sets it).
    pub trust_proxy: bool,
}

/// A value that must not appear in logs.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The Socket.IO side (contract §1.2, §1.5, §1.8).
#[derive(Debug, Clone)]
pub struct RealtimeConfig {
    /// `REALTIME_ACCESS`.
    pub access: Access,
    /// Largest packet a client may send, in bytes.
    pub message_max: usize,
    /// Sustained events per second and socket; 0 switches the limit off.
    pub events_per_second: u32,
    /// Events a socket may send at once before the rate counts.
    pub events_burst: u32,
    /// Rooms per socket.
    pub rooms_max: usize,
    /// Sockets per user; 0 switches the limit off.
    pub sockets_per_user: usize,
    /// From transport open to CONNECT.
    pub connect_timeout: Duration,
    /// Heartbeat interval.
    pub ping_every: Duration,
    /// How long a pong may take.
    pub ping_timeout: Duration,
    /// Unsent bytes per socket.
    pub queue_max: usize,
    /// Time without progress of a socket with unsent bytes.
    pub stall_max: Duration,
    /// How long a user's last socket may be gone before the user is offline.
    pub presence_grace: Duration,
}

/// Outgoing mail.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// `smtp://` or `smtps://` URL with user, password, host and port.
    pub url: Secret,
    /// PEM file of an authority to believe beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// The `From` mailbox.
    pub from: String,
}

impl Config {
    /// Reads and checks the process environment, after `.env` where one exists.
    ///
    /// # Errors
    /// All wrong or missing values, one [`Problem`] each.
    pub fn from_process() -> Result<Self, Vec<Problem>> {
        match dotenvy::dotenv() {
            Ok(_) => {}
            Err(error) if error.not_found() => {}
            Err(error) => return Err(vec![Problem::new(".env", error.to_string())]),
        }
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        Self::from_vars(&vars)
    }

    /// Reads and checks a set of variables; what is absent takes its default.
    ///
    /// # Errors
    /// All wrong or missing values, one [`Problem`] each.
    pub fn from_vars(vars: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        let mut env = Env::new(vars);
        let config = Self::read(&mut env);
        let problems = env.into_problems();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn read(env: &mut Env<'_>) -> Self {
        env.section("Server");
        let port = env.get("PORT", "5000", "TCP port of REST and Socket.IO.");
        let host = env.get("HOST", "0.0.0.0", "Address to listen on.");
        let frontend_urls = env.list(
            "FRONTEND_URL",
            "http://localhost:3000",
            "Origins that browsers may call from, separated by commas.",
        );
        let public_url: String = env.get(
            "PUBLIC_URL",
            "http://localhost:5000",
            "The address under which clients reach Souk; https makes cookies Secure.",
        );
        if !(public_url.starts_with("http://") || public_url.starts_with("https://")) {
            env.problem("PUBLIC_URL", "must start with http:// or https://");
        }
        let http = HttpConfig {
            host,
            port,
            frontend_urls,
            public_url: public_url.trim_end_matches('/').to_owned(),
            body_max: env.bytes("HTTP_BODY_MAX", "256KiB", "Largest JSON request body."),
            shutdown_grace: env.duration(
                "SHUTDOWN_GRACE",
                "10s",
                "How long a stop may take before what is left is cut.",
            ),
        };

        env.section("Database");
        let database_url: String = env.get(
            "DATABASE_URL",
            "sqlite:data/souk.db",
            "sqlite:<path>, or postgres://user:password@host/database for several nodes.",
        );
        let embedded = database_url.starts_with("sqlite:");
        if !embedded
            && !database_url.starts_with("postgres://")
            && !database_url.starts_with("postgresql://")
        {
            env.problem("DATABASE_URL", "must start with sqlite: or postgres://");
        }
        let database_connections =
            env.get("DATABASE_CONNECTIONS", "16", "Most database connections of this node.");
        if database_connections == 0 {
            env.problem("DATABASE_CONNECTIONS", "must be at least 1");
        }
        let redis_url = env.secret(
            "REDIS_URL",
            "redis://user:password@host:6379 or rediss://… (Redis or Valkey): carries typing and \
             presence between nodes; without it PostgreSQL does.",
        );
        if let Some(Err(error)) = redis_url.as_ref().map(|url| redis::Client::open(url.expose())) {
            env.problem("REDIS_URL", &format!("cannot be used: {error}"));
        }

        env.section("Accounts and tokens");
        let jwt_secret = env.secret(
            "JWT_SECRET",
            "Key of the access tokens, at least 32 characters. Made and kept beside an embedded \
             database when absent; required with PostgreSQL.",
        );
        if jwt_secret.as_ref().is_some_and(|s| s.expose().len() < 32) {
            env.problem("JWT_SECRET", "must have at least 32 characters");
        }
        if jwt_secret.is_none() && !embedded {
            env.problem("JWT_SECRET", "is required with PostgreSQL");
        }
        let auth = AuthConfig {
            jwt_secret,
            service_key: env.secret(
                "SERVICE_KEY",
                "X-Service-Key of other processes that emit events; without it they may not.",
            ),
            access_token_ttl: env.duration(
                "ACCESS_TOKEN_TTL",
                "15m",
                "Lifetime of an access token.",
            ),
            refresh_token_ttl: env.duration(
                "REFRESH_TOKEN_TTL",
                "30d",
                "Lifetime of a refresh token.",
            ),
            attempts_per_minute: env.get(
                "AUTH_ATTEMPTS_PER_MINUTE",
                "20",
                "Attempts per address at endpoints that check a password or send mail; 0: no limit.",
            ),
            trust_proxy: env.get(
                "TRUST_PROXY",
                "false",
                "Believe X-Forwarded-For (only behind a proxy that sets it).",
            ),
        };

        env.section("Realtime");
        let realtime = Self::read_realtime(env);
        let recovery = RecoveryConfig::read(env);

        env.section("The deal");
        let deal = DealConfig::read(env);

        let payments = PaymentsConfig::read(env);
        let points = points::read(env);
        let files = FilesConfig::read(env, &database_url);
        let shkeeper = shkeeper::read(env);
        let evm = evm::read(env);
        let webhooks = webhooks::read(env);

        env.section("Mail and logs");
        let smtp_url = env.secret(
            "SMTP_URL",
            "smtp://user:password@host:587 or smtps://…:465; without it mails are logged. smtp:// \
             with a password insists on STARTTLS, without one it is in clear; ?tls=required or \
             ?tls=none says otherwise.",
        );
        let smtp_ca = env.text(
            "SMTP_CA_FILE",
            "PEM file of the authority of a mail server of one's own; public ones are known.",
        );
        let smtp_from: String =
            env.get("SMTP_FROM", "Souk <souk@localhost>", "From address of mails.");
        let log_format: String = env.get("LOG_FORMAT", "text", "text or json.");
        if !matches!(log_format.as_str(), "text" | "json") {
            env.problem("LOG_FORMAT", "must be text or json");
        }
        Self {
            http,
            database_url,
            database_connections,
            redis_url,
            auth,
            realtime,
            recovery,
            deal,
            files,
            payments,
            points,
            shkeeper,
            webhooks,
            smtp: smtp_url.map(|url| SmtpConfig {
                url,
                ca_file: smtp_ca.map(PathBuf::from),
                from: smtp_from,
            }),
            evm,
            log_json: log_format == "json",
        }
    }

    fn read_realtime(env: &mut Env<'_>) -> RealtimeConfig {
        let access: String = env.get(
            "REALTIME_ACCESS",
            "strict",
            "strict: sockets need a token, joins are checked; open: as in the reference, nothing \
             is checked.",
        );
        let access = match access.as_str() {
            "strict" => Access::Strict,
            "open" => Access::Open,
            _ => {
                env.problem("REALTIME_ACCESS", "must be strict or open");
                Access::Strict
            }
        };
        RealtimeConfig {
            access,
            message_max: env.bytes(
                "SOCKET_MESSAGE_MAX",
                "64KiB",
                "Largest packet of a client; a larger one closes its socket.",
            ),
            events_per_second: env.get(
                "SOCKET_EVENTS_PER_SECOND",
                "20",
                "Sustained events per second and socket; 0: no limit.",
            ),
            events_burst: env.get(
                "SOCKET_EVENTS_BURST",
                "40",
                "Events a socket may send at once before the rate counts.",
            ),
            rooms_max: env.get("SOCKET_ROOMS_MAX", "64", "Rooms per socket."),
            sockets_per_user: env.get(
                "SOCKETS_PER_USER",
                "10",
                "Sockets per user on all nodes, the oldest is closed; 0: no limit.",
            ),
            connect_timeout: env.duration(
                "SOCKET_CONNECT_TIMEOUT",
                "5s",
                "From transport open to CONNECT.",
            ),
            ping_every: env.duration("SOCKET_PING_EVERY", "25s", "Heartbeat interval."),
            ping_timeout: env.duration("SOCKET_PING_TIMEOUT", "20s", "How long a pong may take."),
            queue_max: env.bytes("SOCKET_QUEUE_MAX", "256KiB", "Unsent bytes per socket."),
            stall_max: env.duration(
                "SOCKET_STALL_MAX",
                "5s",
                "Time without progress of a socket with unsent bytes.",
            ),
            presence_grace: env.duration(
                "PRESENCE_GRACE",
                "10s",
                "How long a user's last socket may be gone before the user is offline.",
            ),
        }
    }
}

/// Every variable with default and description, in the order of `.env.example`.
pub fn reference() -> Vec<Variable> {
    let vars = BTreeMap::new();
    let mut env = Env::new(&vars);
    let _ = Config::read(&mut env);
    env.into_variables()
}

/// The text of `.env.example`.
pub fn env_example() -> String {
    use std::fmt::Write;
    let mut text = String::from(
        "# Souk's settings with their defaults. Copy to .env and change what differs.\n\
         # Durations: 500ms, 10s, 15m, 24h, 7d. Sizes: 64KiB, 1MiB, or bytes.\n",
    );
    let mut section = "";
    for variable in reference() {
        if variable.section != section {
            section = variable.section;
            let _ = write!(text, "\n# --- {section}\n");
        }
        let default = variable.default.unwrap_or_default();
        let _ = write!(text, "# {}\n#{}={default}\n", variable.description, variable.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn nothing_to_configure() {
        let config = Config::from_vars(&BTreeMap::new()).unwrap();
        assert_eq!(config.http.port, 5000);
        assert_eq!(config.database_url, "sqlite:data/souk.db");
        assert_eq!(config.realtime.presence_grace, Duration::from_secs(10));
        assert_eq!(config.realtime.queue_max, 256 * 1024);
    }

    #[test]
    fn one_line_per_problem() {
        let problems = Config::from_vars(&vars(&[
            ("PORT", "x"),
            ("DATABASE_URL", "postgres://db/souk"),
            ("PRESENCE_GRACE", "10"),
            ("SOCKET_QUEUE_MAX", "much"),
            ("FRONTEND_URL", "https://a.example,nonsense"),
            ("REALTIME_ACCESS", "loose"),
        ]))
        .unwrap_err();
        let named: Vec<_> = problems.iter().map(|p| p.variable.as_str()).collect();
        assert_eq!(
            named,
            [
                "PORT",
                "FRONTEND_URL",
                "JWT_SECRET",
                "REALTIME_ACCESS",
                "SOCKET_QUEUE_MAX",
                "PRESENCE_GRACE"
            ]
        );
        assert!(problems.iter().all(|p| !p.to_string().contains('\n')));
    }

    #[test]
    fn secrets_do_not_show() {
        let config =
            Config::from_vars(&vars(&[("JWT_SECRET", "0123456789abcdef0123456789abcdef")]))
                .unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn origins_match_exactly() {
        let config =
            Config::from_vars(&vars(&[("FRONTEND_URL", "https://a.example/, http://b:3000")]))
                .unwrap();
        assert!(config.http.allows_origin("https://a.example"));
        assert!(config.http.allows_origin("http://b:3000"));
        assert!(!config.http.allows_origin("http://a.example"));
        assert!(!config.http.allows_origin("https://a.example.evil"));
        assert!(!config.http.allows_origin("null"));
    }
}
