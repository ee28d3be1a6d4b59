//! One running node: opens what it needs, starts its tasks, stops them in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use db::Db;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::app::{App, Inner};
use crate::auth::attempts::Attempts;
use crate::auth::password::{self, Passwords};
use crate::auth::tokens::Tokens;
use crate::bus::Bus;
use crate::clock::{Clock, Randomness, SystemClock};
use crate::config::{Config, Secret};
use crate::delivery::codes::Codes;
use crate::evm::Evm;
use crate::files::{self, Storage};
use crate::health::Health;
use crate::jobs::{self, Jobs};
use crate::journal::{Journal, sequencer};
use crate::mailer::{LogMailer, Mailer, SmtpMailer};
use crate::payouts::rail::PayoutRails;
use crate::realtime::Realtime;
use crate::shkeeper::{self, Gateway};
use crate::text::hex;
use crate::{auth, console, http, migrations, outbound, router};

/// What a node takes from outside, so that tests can bring their own.
pub struct Outside {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids, tokens and codes.
    pub random: Randomness,
    /// Outgoing mail.
    pub mailer: Arc<dyn Mailer>,
    /// What a password's hash costs. No setting: tests alone have reason to ask for less.
    pub password_params: argon2::Params,
}

impl Outside {
    /// The machine's clock and randomness, and the mailer that `config` names.
    ///
    /// # Errors
    /// When the mailer's settings cannot be used.
    pub fn system(config: &Config) -> Result<Self, String> {
        let mailer: Arc<dyn Mailer> = match &config.smtp {
            Some(smtp) => Arc::new(SmtpMailer::new(smtp)?),
            None => Arc::new(LogMailer),
        };
        Ok(Self {
            clock: Arc::new(SystemClock),
            random: Randomness::from_os(),
            mailer,
            password_params: password::owasp(),
        })
    }
}

/// Opens and migrates the database and builds the application's state.
///
/// # Errors
/// One line that says what cannot be used.
pub async fn open(config: Config, outside: Outside) -> Result<App, String> {
    let options = db::Options {
        max_connections: config.database_connections,
        max_read_connections: config.database_connections,
        ..db::Options::default()
    };
    let db =
        Db::open(&config.database_url, &options).await.map_err(|e| format!("DATABASE_URL: {e}"))?;
    db.migrate(&migrations::ALL).await.map_err(|e| format!("the database: {e}"))?;
    let secret = match &config.auth.jwt_secret {
        Some(secret) => secret.clone(),
        None => kept_secret(&config.database_url, &outside.random)?,
    };
    let journal = Journal::new(db.clone());
    journal.start(&outside.random).await.map_err(|e| format!("the journal: {e}"))?;
    let node_id = Uuid::from_bytes(outside.random.bytes()).to_string();
    let bus = Arc::new(Bus::new(&db, config.redis_url.as_ref(), &secret, node_id));
    let outbound = outbound::Client::new()?;
    let evm = config.evm.as_ref().map(|evm| Evm::new(evm, &outbound, &outside.clock));
    let gauges = console::Gauges::new(outside.clock.now());
    let app = App::new(Inner {
        health: Health::default(),
        tokens: Tokens::new(&secret, config.auth.access_token_ttl),
        passwords: Passwords::new(outside.password_params, &outside.random),
        delivery_codes: Codes::new(&secret),
        attempts: Attempts::new(&config.auth, outside.clock.clone(), &db),
        realtime: Realtime::new(&config.realtime, &config.recovery, bus.clone()),
        bus,
        requests: TaskTracker::new(),
        journal,
        shkeeper: config.shkeeper.clone().map(|own| Gateway::new(outbound.clone(), own)),
        payout_rails: PayoutRails::new(&config),
        jobs: Jobs::default(),
        clock: outside.clock,
        random: outside.random,
        mailer: outside.mailer,
        files: Storage::open(&config.files, &outbound)?,
        inspections: Semaphore::new(files::service::INSPECTIONS),
        evm,
        outbound,
        gauges,
        webhook_client: if config.webhooks.allow_private {
            outbound::Client::new()?
        } else {
            outbound::Client::guarded()?
        },
        in_flight: crate::idempotency::InFlight::default(),
        stopping: CancellationToken::new(),
        db,
        config,
    });
    shkeeper::payout::add_rail(&app);
    // After the journal's start, so that what ends from now on is heard there.
    auth::service::load_ended(&app).await.map_err(|e| format!("the database: {}", e.message))?;
    Ok(app)
}

/// The key that stands beside an embedded database as `<database>.key`; made when absent.
fn kept_secret(database_url: &str, random: &Randomness) -> Result<Secret, String> {
    use std::fs::{File, OpenOptions};
    use std::io::{Read, Write};
    use std::os::unix::fs::OpenOptionsExt;

    let path = database_url.trim_start_matches("sqlite:").split('?').next().unwrap_or_default();
    let path = Path::new(path).with_extension("key");
    let failed = |e: std::io::Error| format!("JWT_SECRET: {} cannot be used: {e}", path.display());
    // Written aside and then linked into place: either the whole key is there, or none.
    if !path.exists() {
        let text = hex(&random.bytes::<32>());
        let aside = path.with_extension(format!("key.{}", std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        let linked = std::fs::hard_link(&aside, &path);
        std::fs::remove_file(&aside).map_err(failed)?;
        match linked {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e)),
            _ => {}
        }
    }
    let mut text = String::new();
    File::open(&path).and_then(|mut f| f.read_to_string(&mut text)).map_err(failed)?;
    if text.trim().len() < 32 {
        return Err(format!("JWT_SECRET: {} is too short", path.display()));
    }
    Ok(Secret::new(text.trim()))
}

/// What closing the sockets may take at least, whatever came before.
const SOCKETS_GRACE: Duration = Duration::from_secs(1);

/// Connections that may wait to be taken, where the kernel lets as many. One that finds no place is
/// tried again by its client's kernel after seconds: so a storm must fit.
const BACKLOG: u32 = 16_384;

/// Binds the first address of the host that can be.
async fn listen(host: &str, port: u16) -> std::io::Result<TcpListener> {
    let mut failed = std::io::Error::other("the host has no address");
    for addr in tokio::net::lookup_host((host, port)).await? {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        match socket.bind(addr).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A node that serves.
pub struct Node {
    app: App,
    addr: SocketAddr,
    tasks: TaskTracker,
    stop_http: CancellationToken,
    stop_tasks: CancellationToken,
}

impl Node {
    /// Binds the port and starts serving.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start(app: App) -> Result<Self, String> {
        let host = &app.config.http.host;
        let port = app.config.http.port;
        let listener = listen(host, port)
            .await
            .map_err(|e| format!("PORT: {host}:{port} cannot be bound: {e}"))?;
        let addr = listener.local_addr().map_err(|e| e.to_string())?;
        if let Some(evm) = &app.evm {
            evm.check().await?;
        }
        app.realtime.start(&app).await?;
        let (tasks, stop_http) = (TaskTracker::new(), CancellationToken::new());
        let stop_tasks = CancellationToken::new();
        tasks.spawn(http::serve(
            listener,
            router::router(&app),
            app.realtime.clone(),
            stop_http.clone(),
            app.config.http.shutdown_grace,
        ));
        if let Some(pool) = app.db.postgres() {
            let (journal, stop) = (&app.journal, &stop_tasks);
            tasks.spawn(sequencer::run(pool.clone(), journal.clone(), stop.clone()));
            tasks.spawn(sequencer::listen(pool.clone(), journal.clone(), stop.clone()));
            let (app, pool, stop) = (app.clone(), pool.clone(), stop.clone());
            tasks.spawn(async move { app.health.watch(pool, stop).await });
        }
        tasks.spawn(console::run(app.clone(), stop_tasks.clone()));
        tasks.spawn(jobs::run(app.clone(), stop_tasks.clone()));
        Ok(Self { app, addr, tasks, stop_http, stop_tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The application's state.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Takes no new connections, lets requests end, hands on what the journal holds, closes the
    /// sockets with a reason.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.app.stopping.cancel();
        self.stop_http.cancel();
        // The database may be lost; then clients get the rest from another node, by offset.
        let end = tokio::time::Instant::now() + self.app.config.http.shutdown_grace;
        let flushed = tokio::time::timeout_at(end, async {
            self.app.requests.close();
            self.app.requests.wait().await;
            self.app.journal.flushed().await
        });
        match flushed.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the journal could not be flushed"),
            Err(_) => tracing::warn!("requests and journal took longer than the grace"),
        }
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        self.app.realtime.stop(&self.app, left.max(SOCKETS_GRACE)).await;
        self.stop_tasks.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        tracing::info!("stopped");
    }
}

/// Waits for SIGTERM or SIGINT.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signals end the process themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
