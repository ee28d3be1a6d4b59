//! The kill drill with two nodes on PostgreSQL: the sequencer's node is among those that are killed.

use db::testing::TestDb;

use super::{kill, rounds};
use crate::support::nodes::postgres_test;

// `SOUK_DRILL_ROUNDS` sets the number of kills; 6 without it.
postgres_test!(kill_drill_on_postgres, async |db: &TestDb| {
    let directory = tempfile::tempdir().expect("temporary directory");
    kill::drill(rounds(6), 2, db.url(), directory.path()).await;
});
