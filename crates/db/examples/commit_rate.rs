//! Commits per second with 1, 8 and 32 concurrent writers:
//! `cargo run -p souk-db --release --example commit_rate [URL] [seconds]`.
//!
//! Each transaction inserts one row. Without a URL, a temporary SQLite file is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use db::{Db, Options, Sql, args, sql};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = std::env::temp_dir().join(format!("souk-commit-rate-{}", std::process::id()));
    let file = format!("sqlite:{}", directory.join("rate.db").display());
    let url = arguments.next().unwrap_or(file);
    let seconds: u64 = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let db = Db::open(&url, &Options { max_connections: 40, ..Options::default() }).await?;
    let mut tx = db.begin().await?;
    tx.execute(Sql::concat(&["DROP TABLE IF EXISTS commit_rate"]), args![]).await?;
    let table = "CREATE TABLE commit_rate (id BIGINT NOT NULL PRIMARY KEY, body TEXT NOT NULL)";
    tx.execute(Sql::concat(&[table]), args![]).await?;
    tx.commit().await?;
    let next = Arc::new(AtomicI64::new(0));
    for writers in [1, 8, 32] {
        let before = db.writer_stats();
        let stop = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let tasks: Vec<_> = (0..writers)
            .map(|_| tokio::spawn(write(db.clone(), next.clone(), stop.clone())))
            .collect();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.store(true, Ordering::Relaxed);
        let mut commits = 0;
        for task in tasks {
            commits += task.await??;
        }
        let rate = f64::from(commits) / started.elapsed().as_secs_f64();
        print!("{writers:>3} writers: {rate:>8.0} commits/s");
        if let (Some(before), Some(after)) = (before, db.writer_stats()) {
            let groups = after.groups - before.groups;
            print!(", {:.1} to a group", (after.commits - before.commits) as f64 / groups as f64);
        }
        println!();
    }
    let mut tx = db.begin().await?;
    tx.execute(Sql::concat(&["DROP TABLE commit_rate"]), args![]).await?;
    tx.commit().await?;
    db.close().await;
    let _ = std::fs::remove_dir_all(directory);
    Ok(())
}

async fn write(db: Db, next: Arc<AtomicI64>, stop: Arc<AtomicBool>) -> Result<i32, db::DbError> {
    let mut commits = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let mut tx = db.begin().await?;
        let insert =
            sql!("INSERT INTO commit_rate (id, body) VALUES ($1, 'a change of the market')");
        tx.execute(insert, args![id]).await?;
        tx.commit().await?;
        commits += 1;
    }
    Ok(commits)
}
