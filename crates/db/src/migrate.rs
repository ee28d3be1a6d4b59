//! Numbered migrations, one text for each engine under the same name.
//!
//! Each is applied once, in order, in a transaction of its own together with its row in
//! `schema_migrations`. An applied migration is never edited: a changed one is refused, as is a
//! database that knows a migration which this program does not. Several nodes may start at once.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{Db, DbError, Engine, Tx, args, sql};

/// One migration.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// File name without extension, beginning with its number: `0001_users`.
    pub name: &'static str,
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

/// All migrations in the order in which they are applied. Made by
/// [`migrations!`](crate::migrations).
#[derive(Debug, Clone, Copy)]
pub struct Migrations(pub &'static [Migration]);

/// Embeds `<dir>/sqlite/<name>.sql` and `<dir>/postgres/<name>.sql` for every name:
/// `db::migrations!("../../migrations": "0001_users", "0002_offers")`.
///
/// The directory is relative to the `Cargo.toml` of the calling crate.
#[macro_export]
macro_rules! migrations {
    ($dir:literal : $($name:literal),* $(,)?) => {
        $crate::Migrations(&[$($crate::Migration {
            name: $name,
            sqlite: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/", $dir, "/sqlite/", $name, ".sql"
            )),
            postgres: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/", $dir, "/postgres/", $name, ".sql"
            )),
        }),*])
    };
}

impl Migration {
    fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    fn error(&self, reason: impl Into<String>) -> DbError {
        DbError::Migration { name: self.name.into(), reason: reason.into() }
    }
}

impl Migrations {
    /// A fingerprint of all texts for `engine`, in hexadecimal.
    pub fn checksum(&self, engine: Engine) -> String {
        let all: String = self.0.iter().map(|migration| migration.text(engine)).collect();
        checksum(&all)
    }
}

/// SHA-256 in hexadecimal.
fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Db {
    /// Applies the migrations that are missing; returns how many those were.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<usize, DbError> {
        let mut applied = 0;
        // One transaction for each, and each looks anew at what is there: nodes that start
        // together take turns.
        while self.migrate_next(migrations).await? {
            applied += 1;
        }
        Ok(applied)
    }

    async fn migrate_next(&self, migrations: &Migrations) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        if tx.engine() == Engine::Postgres {
            // A constant of this program: the first bytes of "souk schema".
            tx.execute_script(
                "SET LOCAL statement_timeout = 0;
                 SELECT pg_advisory_xact_lock(8317707106520868965)",
            )
            .await?;
        }
        tx.execute_script(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                 name TEXT NOT NULL PRIMARY KEY,
                 checksum TEXT NOT NULL
             )",
        )
        .await?;
        let Some(next) = check(&mut tx, migrations).await? else {
            tx.rollback().await?;
            return Ok(false);
        };
        let text = next.text(self.engine());
        if is_deferred(next.sqlite) {
            return Err(next.error("deferred constraints are not allowed"));
        }
        tx.execute_script(text).await.map_err(|error| match error {
            DbError::Other { source, .. } => next.error(source.to_string()),
            DbError::Unavailable(_) | DbError::Serialization(_) => error,
            error => next.error(error.to_string()),
        })?;
        tx.execute(
            sql!("INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)"),
            args![next.name, checksum(text)],
        )
        .await?;
        tx.commit().await?;
        tracing::info!(name = next.name, "migration applied");
        Ok(true)
    }
}

/// Compares what is applied with what this program knows; returns the next one to apply.
async fn check<'m>(
    tx: &mut Tx,
    migrations: &'m Migrations,
) -> Result<Option<&'m Migration>, DbError> {
    let applied = tx
        .fetch_all(sql!("SELECT name, checksum FROM schema_migrations ORDER BY name"), args![])
        .await?;
    let mut known = migrations.0.iter();
    for row in applied {
        let name: String = row.get("name")?;
        match known.next() {
            Some(migration) if migration.name == name => {
                if checksum(migration.text(tx.engine())) != row.get::<&str>("checksum")? {
                    return Err(migration.error("was changed after it had been applied"));
                }
            }
            _ if migrations.0.iter().any(|migration| migration.name == name) => {
                return Err(DbError::Migration {
                    name,
                    reason: "is applied, but one before it is not: migrations are only ever \
                             added at the end"
                        .into(),
                });
            }
            _ => {
                return Err(DbError::Migration {
                    name,
                    reason: "is applied, but unknown to this version of the program: it is older \
                             than its database"
                        .into(),
                });
            }
        }
    }
    Ok(known.next())
}

/// Writing transactions of SQLite share a COMMIT, at which one deferred constraint would fail all.
fn is_deferred(text: &str) -> bool {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    words.contains("INITIALLY DEFERRED")
}
