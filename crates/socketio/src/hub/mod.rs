//! The threads that own the connections.
//!
//! A session lives on one [`worker`] from its first byte to its last, and all that happens to it
//! happens there, one thing after another: so nothing of it is locked. The rest of the program
//! only ever sends [`command`]s, which take effect in the order sent.

pub(crate) mod command;
mod engine;
mod flush;
mod mailbox;
mod polling;
mod queue;
pub(crate) mod registry;
mod ring;
mod rooms;
mod session;
mod sockets;
mod upgrade;
mod worker;

use crate::config::Config;
use crate::handler::{EngineHandler, Handler};
use crate::reason;
use command::Command;
use mailbox::Mailbox;
use registry::Registry;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use tokio::runtime::Handle;

pub(crate) use engine::open_packet as engine_open_packet;

/// What stands on top of Engine.IO.
pub(crate) enum App {
    SocketIo(Arc<dyn Handler>),
    Engine(Arc<dyn EngineHandler>),
}

/// What the workers and all handles share.
pub(crate) struct Hub {
    pub(crate) config: Config,
    pub(crate) namespaces: Vec<Arc<str>>,
    pub(crate) registry: Registry,
    pub(crate) workers: Vec<WorkerLink>,
    pub(crate) app: App,
    pub(crate) runtime: Handle,
    /// Set once the server shuts down.
    pub(crate) closing: AtomicBool,
}

/// The way to a worker.
pub(crate) struct WorkerLink {
    mailbox: Mailbox,
    /// Set while the worker may be waiting for the kernel: only then it must be woken.
    sleeping: AtomicBool,
    waker: mio::Waker,
    pub(crate) stats: Counters,
}

/// Figures of one worker. It writes them all the time, so they share no cache line with what other
/// threads read (two lines, since processors fetch them in pairs).
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) sockets: AtomicU64,
    pub(crate) polling: AtomicU64,
    pub(crate) websocket: AtomicU64,
    pub(crate) opened: AtomicU64,
    pub(crate) packets_sent: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) packets_received: AtomicU64,
    pub(crate) closed: [AtomicU64; reason::CODES],
}

/// Adds to a counter that only its own worker writes.
fn count(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Hub {
    /// Starts the workers.
    pub(crate) fn start(
        config: Config,
        namespaces: Vec<Arc<str>>,
        app: App,
        runtime: Handle,
    ) -> io::Result<Arc<Self>> {
        let mut links = Vec::new();
        let mut seeds = Vec::new();
        for _ in 0..config.workers.clamp(1, 64) {
            let poll = mio::Poll::new()?;
            let waker = mio::Waker::new(poll.registry(), worker::WAKE)?;
            let (sleeping, stats) = (AtomicBool::new(false), Counters::default());
            links.push(WorkerLink { mailbox: Mailbox::new(), sleeping, waker, stats });
            seeds.push(poll);
        }
        let registry = Registry::new(namespaces.len());
        let closing = AtomicBool::new(false);
        let hub = Self { config, namespaces, registry, workers: links, app, runtime, closing };
        let hub = Arc::new(hub);
        for (index, poll) in seeds.into_iter().enumerate() {
            let worker = worker::Worker::new(hub.clone(), index as u16, poll);
            std::thread::Builder::new()
                .name(format!("socketio-{index}"))
                .spawn(move || worker.run())?;
        }
        Ok(hub)
    }

    pub(crate) fn send(&self, worker: u16, command: Command) {
        let Some(link) = self.workers.get(worker as usize) else { return };
        // A worker that ended takes no more commands, and has no session that they could be for.
        if !link.mailbox.send(command) {
            return;
        }
        // Either the worker sees the command before it sleeps, or it is seen sleeping here. Looked
        // at first: a swap takes the cache line from the worker.
        fence(Ordering::SeqCst);
        if link.sleeping.load(Ordering::SeqCst)
            && link.sleeping.swap(false, Ordering::SeqCst)
            && let Err(error) = link.waker.wake()
        {
            tracing::error!(%error, worker, "a worker could not be woken");
        }
    }

    /// Sends a command to every worker of a set.
    pub(crate) fn send_each(&self, mask: u64, command: impl Fn(u16) -> Command) {
        for worker in 0..self.workers.len() as u16 {
            if mask >> worker & 1 == 1 {
                self.send(worker, command(worker));
            }
        }
    }

    pub(crate) fn namespace_name(&self, index: u16) -> &str {
        self.namespaces.get(index as usize).map_or("/", |name| name)
    }

    pub(crate) fn namespace_index(&self, name: &str) -> Option<u16> {
        self.namespaces.iter().position(|n| &**n == name).map(|i| i as u16)
    }
}
