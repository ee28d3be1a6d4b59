//! One SQL text, two engines.

use std::collections::BTreeSet;

use db::Engine;
use db::testing::{TestDb, prepare_all, schema};
use souk::migrations;
use souk::transfer::POSTGRES_ONLY;

use crate::support::app_test;

app_test!(every_statement_is_understood, async |app| {
    assert_eq!(prepare_all(&app.app.db).await, Vec::<String>::new());
});

/// A line about one of the tables that PostgreSQL has beyond, where the sequencer gives positions.
fn is_of_the_sequencer(line: &str) -> bool {
    line.split([' ', '.']).any(|word| POSTGRES_ONLY.contains(&word))
}

#[tokio::test]
async fn the_twin_migrations_make_the_same_schema() {
    let sqlite = TestDb::new(Engine::Sqlite, &migrations::ALL).await.unwrap().unwrap();
    let Some(postgres) = TestDb::new(Engine::Postgres, &migrations::ALL).await.unwrap() else {
        return;
    };
    let (sqlite, postgres) = (schema(&sqlite).await.unwrap(), schema(&postgres).await.unwrap());
    assert_eq!(sqlite.problems, BTreeSet::new());
    assert_eq!(postgres.problems, BTreeSet::new());
    let common = |lines: BTreeSet<String>| -> BTreeSet<String> {
        lines.into_iter().filter(|line| !is_of_the_sequencer(line)).collect()
    };
    for table in POSTGRES_ONLY {
        assert!(postgres.lines.contains(&format!("table {table}")), "{table}");
    }
    let (sqlite, postgres) = (common(sqlite.lines), common(postgres.lines));
    let differing: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert_eq!(differing, Vec::<&String>::new());
}
