//! Users with chats and access tokens, written straight into a database: to register each would
//! take a benchmark longer than what it measures.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use db::{Sql, args};
use events::{Role, Timestamp, UserId};
use souk::config::Config;
use souk::extract::Session;
use souk::node::{self, Outside};

/// A group chat: its id, and its members by number.
pub type Chat = (String, Vec<usize>);

/// Fills the database that `vars` name with buyers, called `name`, and their chats. Returns a token
/// of each, good for a program with the same `vars`.
///
/// # Errors
/// When the database cannot be written, or has such users already.
pub async fn settle(
    vars: &BTreeMap<String, String>,
    count: usize,
    id: impl Fn(usize) -> String,
    name: &str,
    chats: impl IntoIterator<Item = Chat>,
) -> Result<Vec<String>> {
    let config = Config::from_vars(vars).map_err(|problems| anyhow!("{problems:?}"))?;
    let outside = Outside::system(&config).map_err(|error| anyhow!(error))?;
    let app = node::open(config, outside).await.map_err(|error| anyhow!(error))?;
    let user = "INSERT INTO users (id, email, name, role, password_hash, referral_code,
                    created_at, updated_at)
                VALUES ($1, $1 || '@shop.example', $2, 'buyer', 'none', $1, 0, 0)";
    let chat = "INSERT INTO chats (id, type, created_by, last_seq, created_at, updated_at)
                VALUES ($1, 'group', $2, 0, 0, 0)";
    let part = "INSERT INTO chat_participants
                    (chat_id, user_id, read_seq, sent, read_own, joined_at)
                VALUES ($1, $2, 0, 0, 0, 0)";
    let mut tx = app.db.begin().await?;
    for number in 0..count {
        tx.execute(Sql::concat(&[user]), args![id(number), name]).await?;
    }
    for (room, members) in chats {
        let Some(first) = members.first() else { continue };
        tx.execute(Sql::concat(&[chat]), args![&room, id(*first)]).await?;
        for member in members {
            tx.execute(Sql::concat(&[part]), args![&room, id(member)]).await?;
        }
    }
    tx.commit().await?;
    let now = Timestamp::from_millis(app.clock.now().as_millis() / 1000 * 1000);
    let token = |number: usize| {
        let user: UserId = id(number).parse()?;
        let session = Session(format!("s{number}").into());
        Ok(app.tokens.issue(&user, Role::Buyer, &session, now, [0; 8])?.0)
    };
    let tokens = (0..count).map(token).collect();
    app.db.close().await;
    tokens
}
