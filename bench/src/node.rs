//! A node on PostgreSQL, in the benchmark's process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use souk::app::App;
use souk::config::Config;
use souk::node::{self, Outside};

/// The empty database that `cargo xtask bench` provides, on a server that keeps what it was told.
pub const POSTGRES_URL: &str = "SOUK_BENCH_POSTGRES_URL";

/// Opens the program on the benchmarks' database, with these settings besides.
pub async fn open(settings: &[(&str, &str)]) -> Result<App> {
    let url = std::env::var(POSTGRES_URL)
        .with_context(|| format!("{POSTGRES_URL} is not set: use `cargo xtask bench`"))?;
    let vars: BTreeMap<String, String> = [
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", "the key of a benchmark's tokens, of no use elsewhere"),
    ]
    .iter()
    .chain(settings)
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    let config = Config::from_vars(&vars).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow!(lines.join(", "))
    })?;
    let outside = Outside::system(&config).map_err(|error| anyhow!(error))?;
    node::open(config, outside).await.map_err(|error| anyhow!(error))
}

/// How long the disk below the temporary folder takes to keep 8 KiB, in milliseconds, 200 times.
pub fn fsync_times() -> std::io::Result<Vec<f64>> {
    let path = std::env::temp_dir().join(format!("souk-fsync-{}", std::process::id()));
    let mut file = File::create(&path)?;
    let times = (0..200).map(|_| keep(&mut file).map(|time| time.as_secs_f64() * 1e3)).collect();
    std::fs::remove_file(path)?;
    times
}

fn keep(file: &mut File) -> std::io::Result<Duration> {
    let started = Instant::now();
    file.write_all(&[7; 8192])?;
    file.sync_data()?;
    Ok(started.elapsed())
}
