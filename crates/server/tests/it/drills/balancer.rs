//! A load balancer in front of the nodes, which may treat connections badly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};

/// How long a client waits for a node that takes it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the node's side of a half-open connection stays.
const HALF_OPEN: Duration = Duration::from_secs(2);

/// Hands each connection to the next node that takes it, until dropped.
pub struct Balancer {
    /// `127.0.0.1:<port>`.
    pub authority: String,
    serving: tokio::task::JoinHandle<()>,
}

/// What becomes of a connection next.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Cut,
    /// The client is let go, and the node is not told.
    HalfOpen,
    /// Nothing gets through for so long.
    Frozen(Duration),
}

impl Balancer {
    /// In front of `nodes`, as they are at the time of each connection. With a seed it treats
    /// connections badly.
    pub async fn start(nodes: Arc<RwLock<Vec<String>>>, seed: Option<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let authority = listener.local_addr().expect("its number").to_string();
        let random = Arc::new(seed.map(|seed| Mutex::new(StdRng::seed_from_u64(seed))));
        let next = Arc::new(AtomicUsize::new(0));
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (nodes, random, next) = (nodes.clone(), random.clone(), next.clone());
                tokio::spawn(async move {
                    if let Some(server) = server(&nodes, &next).await {
                        carry(client, server, random.as_ref().as_ref()).await;
                    }
                });
            }
        });
        Self { authority, serving }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn server(nodes: &RwLock<Vec<String>>, next: &AtomicUsize) -> Option<TcpStream> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let nodes = nodes.read().expect("nodes").clone();
        for _ in 0..nodes.len() {
            let node = &nodes[next.fetch_add(1, Ordering::Relaxed) % nodes.len()];
            if let Ok(server) = TcpStream::connect(node).await {
                return Some(server);
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
    None
}

fn fate(random: Option<&Mutex<StdRng>>) -> Option<(Duration, Fate)> {
    let mut random = random?.lock().expect("the seed");
    let after = Duration::from_millis(random.random_range(200..2500));
    let fate = match random.random_range(0..4) {
        0 | 1 => Fate::Cut,
        2 => Fate::HalfOpen,
        _ => Fate::Frozen(Duration::from_millis(random.random_range(20..400))),
    };
    Some((after, fate))
}

async fn carry(mut client: TcpStream, mut server: TcpStream, random: Option<&Mutex<StdRng>>) {
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut next = fate(random);
    let mut at = Instant::now() + next.map_or(Duration::ZERO, |(after, _)| after);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(count) if count > 0 && server.write_all(&up[..count]).await.is_ok() => {}
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(count) if count > 0 && client.write_all(&down[..count]).await.is_ok() => {}
                _ => return,
            },
            () = sleep_until(at), if next.is_some() => match next {
                Some((_, Fate::Frozen(time))) => {
                    sleep(time).await;
                    next = fate(random);
                    at = Instant::now() + next.map_or(Duration::ZERO, |(after, _)| after);
                }
                Some((_, Fate::HalfOpen)) => {
                    drop(client);
                    return sleep(HALF_OPEN).await;
                }
                Some((_, Fate::Cut)) | None => return,
            },
        }
    }
}
