//! The listening socket: accepts connections, speaks HTTP/1.1 on each, stops gracefully.
//!
//! HTTP/2 ends at the proxy: a WebSocket needs the connection to itself anyway, and with HTTP/1.1
//! alone its TCP stream can be taken out of hyper whole.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::realtime::Realtime;

/// How long a client may take to send a request's head (against slow-loris).
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest request head in bytes; also what hyper buffers at most per connection.
const HEADER_MAX: usize = 16 * 1024;
/// Pause after a failed accept, which usually means that descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a request comes from, as a request extension.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Serves `router` until `stop`, then lets the requests under way end, for `grace` at most.
/// Connections that open a WebSocket go to `realtime` at once.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    realtime: Realtime,
    stop: CancellationToken,
    grace: Duration,
) {
    let connections = TaskTracker::new();
    if let Err(error) = realtime.prepare(&listener) {
        tracing::warn!(%error, "the listener cannot be prepared");
    }
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, realtime) = (router.clone(), realtime.clone());
                connections.spawn(connection(stream, peer, router, realtime, stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "requests were cut at the end of the grace");
    }
}

async fn connection(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    router: Router,
    realtime: Realtime,
    stop: CancellationToken,
) {
    let opened = tokio::select! {
        opened = timeout(HEADER_TIMEOUT, realtime.open(stream, peer)) => opened,
        () = stop.cancelled() => return,
    };
    let Ok(Some(stream)) = opened else { return };
    let service = hyper::service::service_fn(move |request: hyper::Request<_>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let mut http = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEADER_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = stop.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
