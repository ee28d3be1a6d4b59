//! The listening socket: accepts connections, speaks HTTP/1.1 on each, stops gracefully.
//!
//! HTTP/2 ends at the proxy: a WebSocket needs the connection to itself anyway, and with HTTP/1.1
//! alone its TCP stream can be taken out of hyper whole.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpListener, TcpStream};
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
    let listener = match listener.into_std().and_then(watch) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the listener cannot be watched"),
    };
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &realtime) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok(None) => {}
            Ok(Some((stream, peer))) => {
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

#[expect(unsafe_code, reason = "the runtime asks that what it watches stays open")]
fn watch(listener: std::net::TcpListener) -> io::Result<AsyncFd<std::net::TcpListener>> {
    // SAFETY: the standard library's listener keeps its descriptor until it is dropped.
    Ok(unsafe { AsyncFd::register(listener) }?)
}

/// Accepts a connection; nothing where the realtime side has taken it at once, before the runtime
/// knew of it. Cancelled, it has accepted none.
async fn accept(
    listener: &AsyncFd<std::net::TcpListener>,
    realtime: &Realtime,
) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    let (stream, peer) = loop {
        let mut ready = listener.readable().await?;
        if let Ok(accepted) = ready.try_io(|listener| listener.get_ref().accept()) {
            break accepted?;
        }
    };
    stream.set_nonblocking(true)?;
    let left = realtime.open_at_once(stream, peer);
    left.map(|stream| Ok((TcpStream::from_std(stream)?, peer))).transpose()
}

async fn connection(
    stream: TcpStream,
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
