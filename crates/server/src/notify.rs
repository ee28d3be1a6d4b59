//! Hears PostgreSQL's notifications on a connection of its own, which no pool counts.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};

/// A listener that heard nothing for this long asks whether its connection is still there.
const PING_EVERY: Duration = Duration::from_secs(5);
/// An answer that takes longer means a lost connection.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a lost connection is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Calls `heard` with the text of each notification on `channel`, for ever; with `None` whenever
/// some may have been lost: at the start, and after the connection was.
pub async fn listen(pool: &PgPool, channel: &str, mut heard: impl FnMut(Option<&str>)) {
    loop {
        if let Err(error) = listen_once(pool, channel, &mut heard).await {
            tracing::warn!(%error, channel, "notifications are cut off");
        }
        sleep(RETRY_AFTER).await;
    }
}

async fn listen_once(
    pool: &PgPool,
    channel: &str,
    heard: &mut impl FnMut(Option<&str>),
) -> Result<(), sqlx::Error> {
    let options = pool.connect_options().as_ref().clone().application_name("souk-listener");
    let own = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ANSWER_TIMEOUT)
        .connect_lazy_with(options);
    let mut listener = answered(PgListener::connect_with(&own)).await?;
    answered(listener.listen(channel)).await?;
    heard(None);
    loop {
        match timeout(PING_EVERY, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => heard(Some(notification.payload())),
            // The connection was lost and is there again.
            Ok(Ok(None)) => heard(None),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                answered(sqlx::Executor::execute(&mut listener, "SELECT 1")).await?;
            }
        }
    }
}

async fn answered<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(ANSWER_TIMEOUT, statement)
        .await
        .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?
}
