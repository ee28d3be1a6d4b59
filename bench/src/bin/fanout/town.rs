//! Souk's users and chats: each client is a user of its own, with a token, and a member of the rooms
//! that it joins.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use bench::people;

/// The file of a database within its folder.
pub const DATABASE: &str = "souk.db";
/// What every user is called.
pub const NAME: &str = "A bench client";
/// The key of tokens.
const SECRET: &str = "the key of a benchmark's tokens, of no use elsewhere";
/// Lets the benchmark have Souk emit events.
pub const SERVICE_KEY: &str = "the service key of a benchmark, of no use elsewhere";
/// The rooms that everybody may join.
const LARGE: [usize; 2] = [1, 7];

/// A database that each Souk gets a copy of, and its users' tokens.
pub struct Town {
    pub folder: PathBuf,
    pub tokens: Arc<[String]>,
}

impl Town {
    /// Makes it. The `pairs` of clients, 0 and 1, 2 and 3 and so on, share a room from number 1 on,
    /// and one from number 2 on.
    pub fn settle(users: usize, pairs: usize) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("souk-bench-{}-town", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut town = Self { folder, tokens: Arc::default() };
        let chat = |room: usize| {
            let pair = |first: usize| {
                let at = room.checked_sub(first).filter(|at| *at < pairs)?;
                Some(at * 2..at * 2 + 2)
            };
            let members = if LARGE.contains(&room) {
                (0..users).collect()
            } else {
                [pair(1), pair(2)].into_iter().flatten().flatten().collect()
            };
            (format!("r{room}"), members)
        };
        let (vars, chats) = (settings(&town.folder), (1..pairs + 8).map(chat));
        let settled = people::settle(&vars, users, user, NAME, chats);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        town.tokens = runtime.block_on(settled)?.into();
        Ok(town)
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The id of a client's user.
pub fn user(client: usize) -> String {
    format!("01938a7e-5b1c-7c3e-9f00-{client:012}")
}

/// What Souk is told: its usual, strict access, without the limits that such clients would break.
pub fn settings(folder: &Path) -> BTreeMap<String, String> {
    let database = format!("sqlite:{}", folder.join(DATABASE).display());
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("HOST", "127.0.0.1"),
        ("JWT_SECRET", SECRET),
        ("SERVICE_KEY", SERVICE_KEY),
        ("ACCESS_TOKEN_TTL", "12h"),
        ("SOCKET_EVENTS_PER_SECOND", "0"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
