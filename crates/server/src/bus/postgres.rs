//! The bus over PostgreSQL's `NOTIFY`.

use sqlx::PgPool;
use tokio::time::{sleep, timeout};

use super::{ANSWER_TIMEOUT, Bus, RETRY_AFTER, Receiver};
use crate::notify::listen;

const CHANNEL: &str = "souk_bus";
/// PostgreSQL takes payloads below 8,000 bytes (documentation of `NOTIFY`).
const LIMIT: usize = 7_900;

/// Sends and receives for ever.
pub(super) async fn run(pool: &PgPool, bus: &Bus, receiver: &dyn Receiver) {
    let receive = listen(pool, CHANNEL, |heard| {
        if let Some(text) = heard {
            bus.unpack(text, receiver);
        }
    });
    tokio::join!(send(pool, bus), receive);
}

/// One statement for all that waits. What cannot be sent is lost, as it would soon be out of date.
async fn send(pool: &PgPool, bus: &Bus) {
    loop {
        let envelopes = bus.next(LIMIT).await;
        let failed = match timeout(ANSWER_TIMEOUT, notify(pool, envelopes)).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        tracing::warn!(error = failed, "messages for other nodes are lost");
        sleep(RETRY_AFTER).await;
    }
}

async fn notify(pool: &PgPool, envelopes: Vec<String>) -> Result<(), sqlx::Error> {
    let mut conn = pool.acquire().await?;
    sqlx::query("SELECT pg_notify($1, text) FROM unnest($2) AS texts (text)")
        .bind(CHANNEL)
        .bind(envelopes)
        .execute(&mut *conn)
        .await
        .map(drop)
}
