//! `cargo xtask bench commit [--save FILE]`: what the journal costs. Commits a second with one event
//! each, against a bare insert of the same rows, with 1, 8 and 32 writers on PostgreSQL; and how
//! long after its commit a client has an event, at 500 events a second. What it prints is Markdown.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bench::machine::Machine;
use bench::node::{fsync_times, open};
use bench::stats::{Figure, percentile};
use db::{Sql, args};
use events::Room;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use souk::app::App;
use souk::node::Node;
use tokio_tungstenite::tungstenite::Message;

/// Runs of each kind, in turns.
const RUNS: usize = 7;
/// Length of a run.
const RUN_FOR: Duration = Duration::from_secs(2);

/// The load under which the time until an event is told is measured.
const PER_SECOND: u64 = 500;
/// How long that is measured.
const MEASURE_FOR: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
enum Kind {
    /// Through the journal, with the sequencer at work.
    Journal,
    /// The same two rows, into tables that nothing reads.
    Bare,
}

#[tokio::main]
async fn main() -> Result<()> {
    let file = file_to_save()?;
    let app = open(&[("DATABASE_CONNECTIONS", "40"), ("REALTIME_ACCESS", "open")]).await?;
    let mut tx = app.db.begin().await?;
    for table in [
        "CREATE TABLE IF NOT EXISTS bench_rows (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS bench_events (LIKE outbox INCLUDING ALL)",
    ] {
        tx.execute(Sql::concat(&[table]), args![]).await?;
    }
    tx.commit().await?;
    let node = Node::start(app.clone()).await.map_err(|error| anyhow!(error))?;
    let mut text = String::from("# What the journal costs on PostgreSQL\n\n");
    writeln!(text, "Made by `cargo xtask bench commit`. {}.\n", Machine::here())?;
    writeln!(
        text,
        "Commits a second with one row and one event each; medians of {RUNS} runs of either kind, \
         in turns.\n"
    )?;
    writeln!(text, "| writers | through the journal | bare insert | ratio | of single runs |")?;
    writeln!(text, "|---:|---:|---:|---:|---:|")?;
    for writers in [1, 8, 32] {
        let (mut journal, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            journal.push(run(&app, Kind::Journal, writers).await?);
            app.journal.settle().await?;
            bare.push(run(&app, Kind::Bare, writers).await?);
            ratios.extend(journal.last().zip(bare.last()).map(|(journal, bare)| journal / bare));
        }
        let figure = |values: &[f64]| Figure::of(values).map_or(0.0, |figure| figure.median);
        let (journal, bare) = (figure(&journal), figure(&bare));
        ratios.sort_by(f64::total_cmp);
        let (low, high) = (ratios.first().unwrap_or(&0.0), ratios.last().unwrap_or(&0.0));
        let ratio = journal / bare;
        writeln!(
            text,
            "| {writers} | {journal:.0}/s | {bare:.0}/s | {ratio:.2} | {low:.2} to {high:.2} |"
        )?;
    }
    let mut late = latencies(&app, &node).await?;
    let (p50, p99) = (percentile(&mut late, 0.5), percentile(&mut late, 0.99));
    writeln!(text, "\n| milliseconds | p50 | p99 |\n|---|---:|---:|")?;
    writeln!(
        text,
        "| from commit to client, {PER_SECOND} events a second | {p50:.2} | {p99:.2} |"
    )?;
    let mut fsync = fsync_times()?;
    let (p50, p99) = (percentile(&mut fsync, 0.5), percentile(&mut fsync, 0.99));
    writeln!(text, "| `fsync` of 8 KiB on this disk | {p50:.2} | {p99:.2} |")?;
    node.stop().await;
    print!("{text}");
    if let Some(file) = file {
        std::fs::write(file, text)?;
    }
    Ok(())
}

fn file_to_save() -> Result<Option<PathBuf>> {
    use lexopt::prelude::*;
    let (mut parser, mut file) = (lexopt::Parser::from_env(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("save") => file = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(file)
}

/// Milliseconds from the end of each commit until a client has its event. Writers take turns, so
/// that commits come evenly.
async fn latencies(app: &App, node: &Node) -> Result<Vec<f64>> {
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", node.addr());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    socket.send(Message::text("40")).await?;
    socket.send(Message::text(r#"420["join-seller-room","s1"]"#)).await?;
    while !read(&mut socket).await?.starts_with("430") {}

    let total = PER_SECOND * MEASURE_FOR.as_secs();
    let every = Duration::from_secs(1) / PER_SECOND as u32;
    let (app, began) = (app.clone(), Instant::now());
    let committing = tokio::spawn(async move {
        let mut commits = Vec::new();
        for number in 0..total {
            tokio::time::sleep_until((began + every * number as u32).into()).await;
            let app = app.clone();
            commits.push(tokio::spawn(async move {
                let mut tx = app.begin().await.map_err(|error| anyhow!(error.message))?;
                let id = app.new_uuid(tx.now()).to_string();
                insert_row(&mut tx, &id).await?;
                let payload = json!({"number": number, "text": BODY});
                tx.emit_to_room(Room::Sellers, "measured", &payload)
                    .map_err(|error| anyhow!(error.message))?;
                tx.commit().await?;
                anyhow::Ok((number, Instant::now()))
            }));
        }
        let mut committed = HashMap::new();
        for commit in commits {
            committed.extend([commit.await??]);
        }
        anyhow::Ok(committed)
    });
    let mut heard = HashMap::new();
    while heard.len() < total as usize {
        let text = read(&mut socket).await?;
        if let Some(number) = text
            .split("\"number\":")
            .nth(1)
            .and_then(|rest| rest.split([',', '}']).next()?.parse::<u64>().ok())
        {
            heard.insert(number, Instant::now());
        } else if text == "2" {
            socket.send(Message::text("3")).await?;
        }
    }
    let committed = committing.await??;
    let late = |(number, heard): (u64, Instant)| {
        let committed = committed.get(&number)?;
        Some(heard.saturating_duration_since(*committed).as_secs_f64() * 1e3)
    };
    Ok(heard.into_iter().filter_map(late).collect())
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn read(socket: &mut Socket) -> Result<String> {
    match socket.next().await {
        Some(Ok(message)) => Ok(message.to_text()?.to_owned()),
        Some(Err(error)) => Err(error.into()),
        None => Err(anyhow!("the node closed the connection")),
    }
}

/// Commits as fast as `writers` can for [`RUN_FOR`]; returns commits a second.
async fn run(app: &App, kind: Kind, writers: usize) -> Result<f64> {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (app, stop, count) = (app.clone(), stop.clone(), count.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    match kind {
                        Kind::Journal => through_journal(&app).await,
                        Kind::Bare => bare(&app).await,
                    }?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    tokio::time::sleep(RUN_FOR).await;
    let rate = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    Ok(rate)
}

const BODY: &str = "some two hundred bytes of text, which is about what a row of the marketplace \
                    holds: an id or two, a status, a few amounts, times, and a sentence that \
                    somebody typed into a form";

async fn through_journal(app: &App) -> Result<()> {
    let mut tx = app.begin().await.map_err(|error| anyhow!(error.message))?;
    let id = app.new_uuid(tx.now()).to_string();
    insert_row(&mut tx, &id).await?;
    let payload = json!({"requestId": id, "type": "status_changed", "text": BODY});
    tx.emit_to_room(Room::Sellers, "purchase-request-update", &payload)
        .map_err(|error| anyhow!(error.message))?;
    Ok(tx.commit().await?)
}

async fn bare(app: &App) -> Result<()> {
    let mut tx = app.db.begin().await?;
    let now = app.clock.now();
    let id = app.new_uuid(now).to_string();
    insert_row(&mut tx, &id).await?;
    let payload = json!({"requestId": id, "type": "status_changed", "text": BODY});
    let insert = [
        "INSERT INTO bench_events (event_id, name, audience, payload, created_at) ",
        "VALUES ($1, $2, $3, $4, $5)",
    ];
    let (event_id, name) = (app.new_uuid(now).to_string(), "purchase-request-update");
    let audience = serde_json::to_string(&events::Audience::room(Room::Sellers))?;
    let values = args![event_id, name, audience, payload.to_string(), now.as_millis()];
    tx.execute(Sql::concat(&insert), values).await?;
    Ok(tx.commit().await?)
}

async fn insert_row(tx: &mut db::Tx, id: &str) -> Result<()> {
    let insert = "INSERT INTO bench_rows (id, body) VALUES ($1, $2)";
    tx.execute(Sql::concat(&[insert]), args![id, BODY]).await?;
    Ok(())
}
