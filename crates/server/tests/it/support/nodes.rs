//! Several nodes on one PostgreSQL database.

use std::time::Duration;

use db::testing::TestDb;
use db::{Engine, Migrations};
use souk::node::Node;

use super::TestApp;

/// Bounds what a test waits for; nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a test of `name` on PostgreSQL alone; the body gets the `&TestDb`, on which
/// `TestApp::on` opens as many nodes as it wants.
macro_rules! postgres_test {
    ($name:ident, $body:expr $(,)?) => {
        #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $crate::support::nodes::run_on_postgres(&::souk::migrations::ALL, $body).await;
        }
    };
}
pub(crate) use postgres_test;

/// Runs a test on PostgreSQL; used by `postgres_test!`.
pub async fn run_on_postgres<F>(migrations: &Migrations, test: F)
where
    F: AsyncFnOnce(&TestDb),
{
    db::testing::run_test(Engine::Postgres, migrations, test).await.expect("a database");
}

/// Two nodes on one database, which run.
pub async fn pair(db: &TestDb, settings: &[(&str, &str)]) -> ([TestApp; 2], [Node; 2]) {
    let one = TestApp::on(db, settings).await;
    let other = one.another_node().await;
    let nodes = [one.serve().await, other.serve().await];
    ([one, other], nodes)
}

/// Stops them.
pub async fn stop(nodes: [Node; 2]) {
    for node in nodes {
        node.stop().await;
    }
}

/// Where the tests find a Redis server; without one the test says that it is skipped, and fails
/// where `CI` is set.
pub fn redis_url() -> Option<String> {
    let url = std::env::var("SOUK_TEST_REDIS_URL").ok();
    if url.is_none() {
        assert!(std::env::var_os("CI").is_none(), "SOUK_TEST_REDIS_URL is not set");
        eprintln!("SKIPPED: SOUK_TEST_REDIS_URL is not set");
    }
    url
}

/// Looks until `found` gives something: for what the database alone tells.
pub async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = found().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("waited for {what}"))
}
