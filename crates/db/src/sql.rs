//! SQL texts that are known at compile time.

use std::sync::Arc;

use crate::Engine;

/// A SQL text that [`sql!`](crate::sql) registered, with the place where it stands.
#[derive(Debug)]
pub struct RegisteredSql {
    /// The text as written.
    pub text: &'static str,
    /// Source file.
    pub file: &'static str,
    /// Line in that file.
    pub line: u32,
}

/// Every text that [`sql!`](crate::sql) made, in every crate linked into the program.
#[doc(hidden)]
#[linkme::distributed_slice]
pub static REGISTRY: [RegisteredSql];

/// Every text that [`sql!`](crate::sql) made, in every crate linked into the program.
pub fn all_sql() -> &'static [RegisteredSql] {
    &REGISTRY
}

/// A SQL text for both engines. Made by [`sql!`](crate::sql); never from input.
#[derive(Debug, Clone)]
pub struct Sql {
    text: Text,
    for_update: bool,
    registered: Option<&'static RegisteredSql>,
}

#[derive(Debug, Clone)]
enum Text {
    Static(&'static str),
    Joined(Arc<str>),
}

impl Sql {
    #[doc(hidden)]
    pub const fn registered(registered: &'static RegisteredSql) -> Self {
        Self {
            text: Text::Static(registered.text),
            for_update: false,
            registered: Some(registered),
        }
    }

    /// A text of constant pieces, for the rare statement whose shape depends on its arguments.
    /// Such a text is not in [`all_sql`]: run every shape of it in a test.
    pub fn concat(pieces: &[&'static str]) -> Self {
        Self { text: Text::Joined(pieces.concat().into()), for_update: false, registered: None }
    }

    /// A statement on many rows at once: it begins with a table `asked`, whose rows are the
    /// elements of `$1`, a JSON array of arrays of texts, numbers and nulls. `rest` reads the parts
    /// of each as `asked.value->>0` and so on, which are texts on PostgreSQL: cast numbers. Such a
    /// text is not in [`all_sql`] either.
    pub fn for_rows(engine: Engine, rest: &'static str) -> Self {
        let asked = match engine {
            // Each element stays parsed, where `json_each` would write it out as text again.
            Engine::Sqlite => "WITH asked AS (SELECT value FROM jsonb_each($1)) ",
            Engine::Postgres => {
                "WITH asked AS (SELECT value FROM json_array_elements(CAST($1 AS json))) "
            }
        };
        Self::concat(&[asked, rest])
    }

    /// A text with names that were read from the schema, quoted.
    pub(crate) fn from_schema(text: String) -> Self {
        Self { text: Text::Joined(text.into()), for_update: false, registered: None }
    }

    /// Locks the selected rows until the transaction ends: appends ` FOR UPDATE` on PostgreSQL,
    /// and nothing on SQLite, where a writing transaction is alone.
    #[must_use]
    pub fn for_update(mut self) -> Self {
        self.for_update = true;
        self
    }

    /// `file:line` of the text, for messages.
    pub(crate) fn place(&self) -> String {
        match self.registered {
            Some(at) => format!("{}:{}", at.file, at.line),
            None => "joined SQL".into(),
        }
    }

    pub(crate) fn for_engine(&self, engine: Engine) -> sqlx::SqlStr {
        use sqlx::{AssertSqlSafe, SqlSafeStr};
        // Safe: both variants are made of `&'static str` and of quoted names only.
        match (&self.text, self.for_update && engine == Engine::Postgres) {
            (Text::Static(text), false) => text.into_sql_str(),
            (Text::Joined(text), false) => AssertSqlSafe(text.clone()).into_sql_str(),
            (Text::Static(text), true) => {
                AssertSqlSafe(format!("{text} FOR UPDATE")).into_sql_str()
            }
            (Text::Joined(text), true) => {
                AssertSqlSafe(format!("{text} FOR UPDATE")).into_sql_str()
            }
        }
    }
}

/// A SQL text known at compile time: `sql!("SELECT name FROM users WHERE id = $1")`.
///
/// The text is registered, so that [`testing::prepare_all`](crate::testing::prepare_all) prepares
/// it on both engines. Usable in a `const` and in any crate that depends on this one.
#[macro_export]
macro_rules! sql {
    ($text:expr $(,)?) => {{
        #[$crate::linkme::distributed_slice($crate::sql::REGISTRY)]
        #[linkme(crate = $crate::linkme)]
        static REGISTERED: $crate::RegisteredSql =
            $crate::RegisteredSql { text: $text, file: ::core::file!(), line: ::core::line!() };
        $crate::Sql::registered(&REGISTERED)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIND: fn() -> Sql = || sql!("SELECT 1 AS found_by_the_registry");

    #[test]
    fn texts_are_registered_with_their_place() {
        let found = all_sql().iter().find(|sql| sql.text.ends_with("found_by_the_registry"));
        let found = found.expect("registered without being called");
        assert!(found.file.ends_with("sql.rs") && found.line > 100, "{found:?}");
        assert!(FIND().place().contains("sql.rs:"));
    }

    #[test]
    fn row_locks_are_for_postgres_alone() {
        let sql = Sql::concat(&["SELECT a FROM t", " WHERE b = $1"]).for_update();
        let text = |engine| sql.for_engine(engine).as_str().to_owned();
        assert_eq!(text(Engine::Sqlite), "SELECT a FROM t WHERE b = $1");
        assert_eq!(text(Engine::Postgres), "SELECT a FROM t WHERE b = $1 FOR UPDATE");
    }
}
