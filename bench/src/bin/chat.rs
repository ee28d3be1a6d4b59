//! `cargo xtask bench chat`: how long a page of a chat with a million messages takes, on SQLite.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bench::machine::Machine;
use bench::stats::percentile;
use db::{Sql, args};
use events::{ChatId, Role, Timestamp, UserId};
use souk::app::App;
use souk::chat::{MessageQuery, SendMessage, service};
use souk::config::Config;
use souk::extract::{Caller, Session};
use souk::node::{self, Outside};

/// Messages in the chat.
const MESSAGES: i64 = 1_000_000;
/// Pages of each kind.
const PAGES: usize = 500;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("souk-bench-chat-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let measured = measure(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &std::path::Path) -> Result<()> {
    let database = format!("sqlite:{}", folder.join("souk.db").display());
    let vars: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database)].into();
    let config = Config::from_vars(&vars).map_err(|problems| anyhow!("{problems:?}"))?;
    let outside = Outside::system(&config).map_err(|error| anyhow!(error))?;
    let app = node::open(config, outside).await.map_err(|error| anyhow!(error))?;
    println!("{}", Machine::here());
    let started = Instant::now();
    let (chat, caller) = fill(&app).await?;
    println!("{MESSAGES} messages written in {:.1} s", started.elapsed().as_secs_f64());

    let middle = MESSAGES / 2;
    let time = Timestamp::from_millis(middle * 1000).to_string();
    let text = |text: &str| Some(text.to_owned());
    let kinds = [
        ("newest page", MessageQuery::default()),
        ("middle, before an id", MessageQuery { before: text("m-500000"), ..Default::default() }),
        ("middle, after an id", MessageQuery { after: text("m-500000"), ..Default::default() }),
        ("middle, before a time", MessageQuery { before: Some(time), ..Default::default() }),
        ("search of 10,000", MessageQuery { q: text("no such words"), ..Default::default() }),
    ];
    println!("{:>22} {:>9} {:>9} {:>9}  milliseconds, {PAGES} pages each", "", "p50", "p99", "max");
    for (name, query) in kinds {
        let mut times = Vec::new();
        for _ in 0..PAGES {
            let started = Instant::now();
            let page = service::page(&app, &caller, &chat, &query).await;
            let page = page.map_err(|error| anyhow!(error.message))?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            anyhow::ensure!(
                page.data.len() == 50 || query.q.is_some(),
                "{} messages",
                page.data.len()
            );
        }
        row(name, &mut times);
    }
    let mut times = Vec::new();
    for _ in 0..PAGES {
        let started = Instant::now();
        send(&app, &caller, &chat).await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    row("a message sent", &mut times);
    Ok(())
}

fn row(name: &str, times: &mut [f64]) {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|p| percentile(times, p));
    println!("{name:>22} {p50:>9.3} {p99:>9.3} {max:>9.3}");
}

async fn send(app: &App, caller: &Caller, chat: &ChatId) -> Result<()> {
    let failed = |error: souk::error::ApiError| anyhow!(error.message);
    let body =
        SendMessage { content: "Hello".into(), attachment_ids: None, client_message_id: None };
    let mut tx = app.begin().await.map_err(failed)?;
    service::send(&mut tx, caller, chat, body).await.map_err(failed)?;
    Ok(tx.commit().await?)
}

/// Two users, their chat, and its messages, a second apart, in turns of both.
async fn fill(app: &App) -> Result<(ChatId, Caller)> {
    let mut tx = app.db.begin().await?;
    for user in ["u0", "u1"] {
        let insert = "INSERT INTO users (id, email, name, role, password_hash, referral_code,
                          created_at, updated_at)
                      VALUES ($1, $1 || '@shop.example', $1, 'buyer', 'none', $1, 0, 0)";
        tx.execute(Sql::concat(&[insert]), args![user]).await?;
    }
    let chat =
        "INSERT INTO chats (id, type, singleton, created_by, last_seq, created_at, updated_at)
                VALUES ('c', 'direct', 'direct:u0:u1', 'u0', $1, 0, $1 * 1000)";
    tx.execute(Sql::concat(&[chat]), args![MESSAGES]).await?;
    let part =
        "INSERT INTO chat_participants (chat_id, user_id, read_seq, sent, read_own, joined_at)
                VALUES ('c', $1, 0, $2 / 2, 0, 0)";
    for user in ["u0", "u1"] {
        tx.execute(Sql::concat(&[part]), args![user, MESSAGES]).await?;
    }
    let messages = "INSERT INTO chat_messages (id, chat_id, seq, sender_id, sender_seq, content,
                        search_text, created_at)
                    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                    SELECT 'm-' || i, 'c', i, 'u' || (i % 2), (i + 1) / 2,
                           'Message ' || i || ' says about as much as people say at once',
                           'message ' || i || ' says about as much as people say at once', i * 1000
                    FROM n";
    tx.execute(Sql::concat(&[messages]), args![MESSAGES]).await?;
    tx.commit().await?;
    let user_id: UserId = "u0".parse()?;
    let expires_at = Timestamp::from_millis(i64::MAX);
    let caller =
        Caller { user_id, role: Role::Buyer, session: Session("bench".into()), expires_at };
    // What was written is on disk and no longer in the way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(("c".parse()?, caller))
}
