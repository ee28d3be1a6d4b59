//! Several nodes on one PostgreSQL database.

use std::time::Duration;

use db::testing::TestDb;
use db::{Engine, Migrations};

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
