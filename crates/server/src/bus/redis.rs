//! The bus over Redis or Valkey publish/subscribe.

use futures_util::StreamExt as _;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use tokio::time::{sleep, timeout};

use super::{ANSWER_TIMEOUT, Bus, PING_EVERY, RETRY_AFTER, Receiver};
use crate::config::Secret;

/// Enough for any message, small enough for any server.
const LIMIT: usize = 256 * 1024;

/// Sends and receives for ever.
pub(super) async fn run(url: &Secret, channel: &str, bus: &Bus, receiver: &dyn Receiver) {
    let client = match Client::open(url.expose()) {
        Ok(client) => client,
        Err(error) => {
            // The configuration has checked it.
            tracing::error!(%error, "REDIS_URL cannot be used");
            return;
        }
    };
    let sending = async {
        loop {
            if let Err(error) = send(&client, channel, bus).await {
                tracing::warn!(%error, "messages for other nodes are lost");
            }
            sleep(RETRY_AFTER).await;
        }
    };
    let receiving = async {
        loop {
            if let Err(error) = receive(&client, channel, bus, receiver).await {
                tracing::warn!(%error, "other nodes cannot be heard");
            }
            sleep(RETRY_AFTER).await;
        }
    };
    tokio::join!(sending, receiving);
}

/// Until the connection fails. What cannot be sent is lost, as it would soon be out of date.
async fn send(client: &Client, channel: &str, bus: &Bus) -> Result<(), RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT));
    let mut connection: MultiplexedConnection =
        client.get_multiplexed_async_connection_with_config(&config).await?;
    loop {
        let envelopes = bus.next(LIMIT).await;
        let mut publish = redis::pipe();
        for envelope in &envelopes {
            publish.publish(channel, envelope).ignore();
        }
        publish.query_async::<()>(&mut connection).await?;
    }
}

/// Until the connection fails.
async fn receive(
    client: &Client,
    channel: &str,
    bus: &Bus,
    receiver: &dyn Receiver,
) -> Result<(), RedisError> {
    let (mut sink, mut messages) = answered(client.get_async_pubsub()).await?.split();
    answered(sink.subscribe(channel)).await?;
    tracing::info!("listening to other nodes through Redis");
    loop {
        match timeout(PING_EVERY, messages.next()).await {
            Ok(Some(message)) => bus.unpack(&message.get_payload::<String>()?, receiver),
            Ok(None) => return Err(lost("the connection was closed")),
            Err(_) => answered(sink.ping::<()>()).await?,
        }
    }
}

async fn answered<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(|_| Err(lost("no answer")))
}

fn lost(reason: &'static str) -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, reason).into()
}
