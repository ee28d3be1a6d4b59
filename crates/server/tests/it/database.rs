//! One SQL text, two engines.

use std::collections::BTreeSet;

use db::Engine;
use db::testing::{TestDb, prepare_all, schema};
use souk::migrations;

use crate::support::app_test;

app_test!(every_statement_is_understood, async |app| {
    assert_eq!(prepare_all(&app.app.db).await, Vec::<String>::new());
});

/// What PostgreSQL has beyond: positions come from the sequencer.
const OF_THE_SEQUENCER: [&str; 3] = ["outbox", "journal_head", "journal.position"];

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
        let own = |line: &String| OF_THE_SEQUENCER.iter().any(|name| line.contains(name));
        lines.into_iter().filter(|line| !own(line)).collect()
    };
    let (sqlite, postgres) = (common(sqlite.lines), common(postgres.lines));
    let differing: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert_eq!(differing, Vec::<&String>::new());
}
