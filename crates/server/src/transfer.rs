//! `souk migrate --from … --to …`: moves an installation from one database to another, also from
//! SQLite to PostgreSQL and back.
//!
//! What holds always here: the target is written in one transaction, after it was found to be
//! freshly made; it holds everything, or it is as it was. The source is read in one snapshot and
//! is not changed, but for entries that had no position yet. Positions of the journal stay, and
//! new ones go on behind them, so that a client recovers across the move.

use std::path::{Path, PathBuf};
use std::time::Duration;

use db::copy::{self, Sums};
use db::{Db, DbError, Engine, Options, Sql, Tx, args, sql};

use crate::journal::{Journal, sequencer};
use crate::migrations;

/// Tables that only PostgreSQL has: what they hold is moved into the journal first, or is the
/// journal's newest position.
pub const POSTGRES_ONLY: &[&str] = &["outbox", "journal_head"];
/// Tables that a program fills by itself when it first opens a database.
const MADE_ANEW: &[&str] = &["meta", "timers"];

/// Moves everything and returns what each table then holds.
///
/// # Errors
/// One line that says why nothing was moved.
pub async fn run(from_url: &str, to_url: &str) -> Result<Sums, String> {
    if let Some(path) = file(from_url)
        && !path.is_file()
    {
        return Err(format!("--from: there is no file {}", path.display()));
    }
    let from = open("--from", from_url).await?;
    let to = open("--to", to_url).await?;
    let result = transfer(&from, &to).await;
    from.close().await;
    to.close().await;
    result
}

/// The file of an embedded database.
fn file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?.split('?').next()?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)).to_owned())
}

async fn open(which: &str, url: &str) -> Result<Db, String> {
    let a_day = Duration::from_hours(24);
    let options = Options {
        // A large table takes its time.
        statement_timeout: a_day,
        transaction_timeout: a_day,
        ..Options::default()
    };
    Db::open(url, &options).await.map_err(|error| format!("{which}: {error}"))
}

async fn transfer(from: &Db, to: &Db) -> Result<Sums, String> {
    let source = |error: DbError| format!("--from: {error}");
    let target = |error: DbError| format!("--to: {error}");
    check_version(from).await?;
    to.migrate(&migrations::ALL).await.map_err(target)?;
    for (which, db) in [("--from", from), ("--to", to)] {
        if let Some(pool) = db.postgres()
            && sequencer::is_at_work(pool).await.map_err(|error| format!("{which}: {error}"))?
        {
            return Err(format!("{which}: nodes are running on this database; stop them first"));
        }
    }
    Journal::new(from.clone()).settle().await.map_err(source)?;

    let mut read = from.begin_read().await.map_err(source)?;
    let mut write = to.begin().await.map_err(target)?;
    if from.engine() == Engine::Postgres && outbox_len(&mut read).await.map_err(source)? > 0 {
        return Err("--from: something writes to this database; stop it first".into());
    }
    check_fresh(&mut write).await?;
    let sums = copy::copy(&mut read, &mut write, POSTGRES_ONLY)
        .await
        .map_err(|error| format!("nothing was moved: {error}"))?;
    let head = head(&mut read).await.map_err(source)?;
    set_head(&mut write, head).await.map_err(target)?;
    write.commit().await.map_err(target)?;
    Ok(sums)
}

/// The source has to be of this very version, since it is not changed.
async fn check_version(from: &Db) -> Result<(), String> {
    let applied = Sql::concat(&["SELECT count(*) AS applied FROM schema_migrations"]);
    let applied: i64 = match from.fetch_one(applied, args![]).await {
        Ok(row) => row.get("applied").map_err(|error| error.to_string())?,
        Err(DbError::Unavailable(error)) => return Err(format!("--from: {error}")),
        Err(_) => return Err("--from: this is no database of Souk".into()),
    };
    if usize::try_from(applied) == Ok(migrations::ALL.0.len()) {
        return Ok(());
    }
    Err("--from: this database is of another version; run `souk migrate` on it first".into())
}

/// Refuses a target that holds anything but what migrations put there.
async fn check_fresh(write: &mut Tx) -> Result<(), String> {
    let except: Vec<_> = POSTGRES_ONLY.iter().chain(MADE_ANEW).copied().collect();
    let found = copy::sums(write, &except).await.map_err(|error| format!("--to: {error}"))?;
    let expected = fresh_sums(&except).await?;
    match found.iter().find(|(table, sum)| expected.get(*table) != Some(*sum)) {
        Some((table, _)) => Err(format!("--to: this database is in use: {table} holds rows")),
        None => Ok(()),
    }
}

/// What a database holds that was made a moment ago: the same on both engines.
async fn fresh_sums(except: &[&str]) -> Result<Sums, String> {
    let directory = std::env::temp_dir().join(format!("souk-fresh-{}", std::process::id()));
    let url = format!("sqlite:{}", directory.join("fresh.db").display());
    let sums = async {
        let db = Db::open(&url, &Options::default()).await?;
        db.migrate(&migrations::ALL).await?;
        let sums = copy::sums(&mut db.begin_read().await?, except).await;
        db.close().await;
        sums
    }
    .await;
    // It lies in the folder for temporary files; nothing depends on its end.
    let _ = std::fs::remove_dir_all(&directory);
    sums.map_err(|error: DbError| format!("{}: {error}", directory.display()))
}

async fn outbox_len(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(Sql::concat(&["SELECT count(*) AS count FROM outbox"]), args![])
        .await?
        .get("count")
}

/// The newest position given, also where its entry was swept since.
async fn head(tx: &mut Tx) -> Result<i64, DbError> {
    let head = match tx.engine() {
        Engine::Sqlite => Sql::concat(&[
            "SELECT COALESCE(MAX(seq), 0) AS head FROM sqlite_sequence WHERE name = 'journal'",
        ]),
        Engine::Postgres => Sql::concat(&["SELECT position AS head FROM journal_head"]),
    };
    tx.fetch_one(head, args![]).await?.get("head")
}

async fn set_head(tx: &mut Tx, head: i64) -> Result<(), DbError> {
    match tx.engine() {
        Engine::Sqlite => {
            let old = Sql::concat(&["DELETE FROM sqlite_sequence WHERE name = 'journal'"]);
            tx.execute(old, args![]).await?;
            let new =
                Sql::concat(&["INSERT INTO sqlite_sequence (name, seq) VALUES ('journal', $1)"]);
            tx.execute(new, args![head]).await?;
        }
        Engine::Postgres => {
            let update = Sql::concat(&["UPDATE journal_head SET position = $1"]);
            tx.execute(update, args![head]).await?;
        }
    }
    // Nothing that was copied may lie behind it.
    let last = sql!("SELECT COALESCE(MAX(position), 0) AS last FROM journal");
    let last: i64 = tx.fetch_one(last, args![]).await?.get("last")?;
    if last > head {
        return Err(DbError::Config(format!("the journal's head {head} is before {last}")));
    }
    Ok(())
}
