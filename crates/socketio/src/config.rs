//! The server's limits and times.

use std::time::Duration;

/// The server's limits and times. [`Config::default`] has the values named at each field.
#[derive(Debug, Clone)]
pub struct Config {
    /// The path that the server answers on, with or without a closing `/`. `/socket.io/`
    pub path: String,
    /// Threads that own the connections, 1 to 64. The number of cores.
    pub workers: usize,
    /// From an answered ping to the next one. 25 s
    pub ping_interval: Duration,
    /// How long a pong may take. 20 s
    pub ping_timeout: Duration,
    /// The largest message, and the largest HTTP body, in bytes. 64 KiB
    pub max_payload: usize,
    /// From an open transport to the CONNECT packet. 5 s
    pub connect_timeout: Duration,
    /// From the opening of a WebSocket for an upgrade to the upgrade packet. 10 s
    pub upgrade_timeout: Duration,
    /// Unsent bytes of one session; past it the session is cut. 256 KiB
    pub queue_max: usize,
    /// How long the kernel may take no byte of a session; past it the session is cut. 5 s
    pub stall_max: Duration,
    /// Binary attachments of one packet. 10
    pub max_attachments: usize,
    /// How deep the JSON of a packet may be nested. 64
    pub max_json_depth: usize,
    /// Events of one socket that wait for a handler; past it nothing more is read from the
    /// connection until they are fewer. 64
    pub max_pending_events: usize,
    /// Whether the writes to a large room go through io_uring, where the kernel has it. true
    pub io_uring: bool,
    /// Whether clients may use HTTP long-polling. true
    pub allow_polling: bool,
    /// Whether clients may use WebSocket. true
    pub allow_websocket: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: "/socket.io/".to_owned(),
            workers: std::thread::available_parallelism().map_or(1, usize::from).min(64),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 64 * 1024,
            connect_timeout: Duration::from_secs(5),
            upgrade_timeout: Duration::from_secs(10),
            queue_max: 256 * 1024,
            stall_max: Duration::from_secs(5),
            max_attachments: 10,
            max_json_depth: 64,
            max_pending_events: 64,
            io_uring: true,
            allow_polling: true,
            allow_websocket: true,
        }
    }
}
