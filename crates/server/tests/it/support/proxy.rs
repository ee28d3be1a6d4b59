//! A TCP proxy that can cut a node off from its servers, without a sign to either side.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// Stands between a node and a server, until dropped.
pub struct Proxy {
    addr: SocketAddr,
    open: watch::Sender<bool>,
    broken: Arc<Notify>,
    serving: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// A proxy to the server of a URL.
    pub async fn to(url: &str) -> Self {
        let server = host_of(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("its number");
        let (open, is_open) = watch::channel(true);
        let broken = Arc::new(Notify::new());
        let breaks = broken.clone();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, is_open, breaks) = (server.clone(), is_open.clone(), breaks.clone());
                tokio::spawn(async move {
                    let broken = breaks.notified();
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    let carried = async {
                        tokio::join!(
                            carry(from_client, to_server, is_open.clone()),
                            carry(from_server, to_client, is_open),
                        )
                    };
                    tokio::select! {
                        _ = carried => {}
                        () = broken => {}
                    }
                });
            }
        });
        Self { addr, open, broken, serving }
    }

    /// Closes every connection; new ones are let through.
    pub fn break_connections(&self) {
        self.broken.notify_waiters();
    }

    /// The same URL through this proxy.
    pub fn through(&self, url: &str) -> String {
        url.replacen(host_of(url), &self.addr.to_string(), 1)
    }

    /// From now on nothing gets through; connections stay open and silent.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// What waited goes on its way.
    pub fn heal(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// `host:port` of a URL.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").expect("a URL").1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    rest.split(['/', '?']).next().expect("a host")
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // A read that ends while it is cut is not told either.
        let Ok(count) = from.read(&mut buffer).await else { return };
        if open.wait_for(|open| *open).await.is_err() {
            return;
        }
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
