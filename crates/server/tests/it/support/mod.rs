//! A whole Souk in the test's process: [`TestApp`], people who use it ([`Actor`]), and what the
//! journal holds.
//!
//! ```ignore
//! app_test!(a_buyer_sees_the_own_account, async |app| {
//!     let buyer = app.buyer().await;
//!     let me = buyer.get("/api/auth/me").send().await.data(200);
//!     assert_eq!(me["_id"], buyer.id.as_str());
//! });
//! ```

mod actors;
pub mod chat;
pub mod deal;
pub mod files;
mod http;
mod journal;
pub mod market;
pub mod money;
pub mod nodes;
mod notices;
pub mod proxy;
mod socket;
mod stock;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use db::Engine;
use db::testing::TestDb;
use souk::app::App;
use souk::clock::{Randomness, TestClock};
use souk::config::Config;
use souk::mailer::{Mail, MemoryMailer};
use souk::node::{self, Node, Outside};

pub use actors::Actor;
pub use http::{Answer, Request, at_once, one_of_a_crowd};
pub use journal::Emitted;
pub use socket::{Memory, Socket};
pub use stock::StockClient;

/// The origin that browsers may call from.
pub const FRONTEND: &str = "https://shop.example";

/// Makes a test of `name` for each engine. The body gets a `&TestApp`; settings that differ from
/// the tests' usual ones stand between.
macro_rules! app_test {
    ($name:ident, $body:expr $(,)?) => {
        app_test!($name, [], $body);
    };
    ($name:ident, $settings:expr, $body:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn on(engine: ::db::Engine) {
                $crate::support::run(engine, &$settings, $body).await;
            }

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                on(::db::Engine::Sqlite).await;
            }

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                on(::db::Engine::Postgres).await;
            }
        }
    };
}
pub(crate) use app_test;

/// Runs one test on one engine; used by `app_test!`.
pub async fn run<F>(engine: Engine, settings: &[(&str, &str)], test: F)
where
    F: AsyncFnOnce(&TestApp),
{
    db::testing::run_test(engine, &souk::migrations::ALL, async |db: &TestDb| {
        let app = TestApp::on(db, settings).await;
        test(&app).await;
    })
    .await
    .expect("a test database");
}

/// The program without a port: requests go straight to the router. [`serve`](Self::serve) gives
/// it one.
pub struct TestApp {
    /// The application's state.
    pub app: App,
    /// The time; a test moves it forward.
    pub clock: Arc<TestClock>,
    /// Takes the mails.
    pub mailer: Arc<MemoryMailer>,
    settings: Settings,
    client: http::Client,
    /// Holds the files; a node that shares them leaves it to the first.
    _folder: Option<tempfile::TempDir>,
}

/// Variables of the environment.
type Settings = BTreeMap<String, String>;

impl TestApp {
    /// A program on this database; several on one database are several nodes.
    pub async fn on(db: &TestDb, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self::open(db.url(), settings.collect(), Arc::default()).await
    }

    async fn open(url: &str, mut settings: Settings, clock: Arc<TestClock>) -> Self {
        let folder = (!settings.contains_key("FILES_DIR"))
            .then(|| tempfile::tempdir().expect("a temporary folder"));
        if let Some(folder) = &folder {
            let path = folder.path().to_str().expect("a path in UTF-8");
            settings.insert("FILES_DIR".to_owned(), path.to_owned());
        }
        for (name, value) in [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("DATABASE_URL", url),
            ("DATABASE_CONNECTIONS", "8"),
            ("JWT_SECRET", "a secret of the tests, 32 bytes long"),
            ("FRONTEND_URL", FRONTEND),
            ("PUBLIC_URL", "https://api.shop.example"),
            ("AUTH_ATTEMPTS_PER_MINUTE", "0"),
        ] {
            settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let config = Config::from_vars(&settings).expect("the tests' settings are valid");
        let mailer = Arc::new(MemoryMailer::default());
        let outside = Outside {
            clock: clock.clone(),
            // Databases of different nodes and tests must not see the same ids.
            random: Randomness::from_os(),
            mailer: mailer.clone(),
            // The least that Argon2 takes: tests hash many passwords.
            password_params: argon2::Params::new(8, 1, 1, None).expect("valid parameters"),
        };
        let app = node::open(config, outside).await.expect("the program opens");
        let client = http::Client::new(&app);
        Self { app, clock, mailer, settings, client, _folder: folder }
    }

    /// Another node on the same database, with the same time; or the same node, restarted.
    pub async fn another_node(&self) -> Self {
        Self::open(&self.settings["DATABASE_URL"], self.settings.clone(), self.clock.clone()).await
    }

    /// Where its database is.
    pub fn database_url(&self) -> &str {
        &self.settings["DATABASE_URL"]
    }

    /// The same program behind a port of its own, with its background tasks.
    pub async fn serve(&self) -> Node {
        Node::start(self.app.clone()).await.expect("the program starts")
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Runs every timer that is due and returns how many these were.
    pub async fn run_timers(&self) -> usize {
        let count = souk::jobs::run_due(&self.app).await.expect("timers run");
        self.app.jobs.errands_finished().await;
        count
    }

    /// The mails so far. Mails are timers: call [`run_timers`](Self::run_timers) before.
    pub fn mails(&self) -> Vec<Mail> {
        self.mailer.sent()
    }
}
