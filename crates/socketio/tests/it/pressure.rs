//! Clients that do not read.

use crate::support::{Got, TestServer, Ws};
use socketio::{Config, Frame, Reason, Socket};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

/// Larger than what the kernel takes for a connection on a usual machine.
const PLENTY: usize = 64 * 1024 * 1024;

/// A server whose limits leave a client that does not read alone.
fn patient() -> Config {
    Config { queue_max: PLENTY, stall_max: Duration::from_mins(10), ..Config::default() }
}

/// Sends more than the kernel takes. Returns how many events that are.
fn fill(socket: &Socket) -> usize {
    let text = "x".repeat(1_000_000);
    let frame = Frame::event("/", "n", &(&text,)).unwrap();
    let count = PLENTY / 2 / text.len();
    for _ in 0..count {
        socket.emit_frame(&frame);
    }
    count
}

/// Fills a room's frozen members until they are closed. The reader gets everything.
#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_the_others_get_everything() {
    let config = Config { workers: 1, stall_max: Duration::from_mins(10), ..Config::default() };
    let server = TestServer::start(config).await;
    let (frozen, _) = server.connect().await;
    let (mut reader, _) = server.connect().await;
    let text = "x".repeat(100_000);
    let mut sent = 0;
    while server.io.all().count().await == 2 {
        server.io.to("all").emit_event("n", &(sent, &text)).unwrap();
        let got = reader.expect_start("42").await;
        assert!(got.starts_with(&format!("42[\"n\",{sent},")), "each once and in order");
        sent += 1;
        assert!(sent * text.len() < PLENTY, "it is closed in time");
    }
    assert_eq!(server.end().await, Reason::QueueFull);
    assert_eq!(server.io.stats().sockets, 1);
    drop(frozen);
}

#[tokio::test]
async fn a_client_that_takes_nothing_for_too_long_is_closed() {
    let config =
        Config { stall_max: Duration::from_millis(50), queue_max: PLENTY, ..Config::default() };
    let server = TestServer::start(config).await;
    let (frozen, socket) = server.connect().await;
    fill(&socket);
    assert_eq!(server.end().await, Reason::Stalled);
    drop(frozen);
}

#[tokio::test]
async fn volatile_events_do_not_wait() {
    let server = TestServer::start(patient()).await;
    let (mut ws, socket) = server.connect().await;
    let volatile = Frame::event("/", "volatile", &()).unwrap();
    socket.emit_volatile(&volatile);
    ws.expect("42[\"volatile\"]").await;
    let count = fill(&socket);
    // Everything before has been taken into the queue when this is answered.
    socket.rooms().await;
    socket.emit_volatile(&volatile);
    socket.emit("end", &()).unwrap();
    for _ in 0..count {
        ws.expect_start("42[\"n\",").await;
    }
    ws.expect("42[\"end\"]").await;
}

#[tokio::test]
async fn the_end_of_the_server_does_not_wait_for_a_frozen_client() {
    let server = TestServer::start(patient()).await;
    let (frozen, socket) = server.connect().await;
    fill(&socket);
    let before = Instant::now();
    server.io.shutdown(Duration::from_millis(200)).await;
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(server.end().await, Reason::ShuttingDown);
    drop(frozen);
}

/// A cut client must see the end even though it did not read: the connection is reset.
#[tokio::test]
async fn a_cut_is_a_reset() {
    let config = Config { workers: 1, stall_max: Duration::from_mins(10), ..Config::default() };
    let server = TestServer::start(config).await;
    let (mut frozen, socket) = server.connect().await;
    let text = "x".repeat(100_000);
    while server.io.all().count().await == 1 {
        socket.emit("n", &(&text,)).unwrap();
    }
    assert_eq!(server.end().await, Reason::QueueFull);
    let mut bytes = Vec::with_capacity(65_536);
    let error = crate::support::soon(async {
        loop {
            bytes.clear();
            match frozen.stream.read_buf(&mut bytes).await {
                Ok(0) => panic!("closed, not reset"),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    })
    .await;
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_large_room_gets_each_event_once_and_in_order() {
    let server = TestServer::start(Config { workers: 2, ..Config::default() }).await;
    let mut clients = Vec::new();
    for _ in 0..300 {
        clients.push(server.connect().await.0);
    }
    for i in 0..20 {
        server.io.to("all").emit_event("n", &(i,)).unwrap();
    }
    for ws in &mut clients {
        for i in 0..20 {
            assert_eq!(ws.next().await, Got::Text(format!("42[\"n\",{i}]")));
        }
    }
    let mut ws = Ws::open(server.address, None).await;
    ws.expect_start("0{").await;
    assert_eq!(server.io.stats().websocket, 301);
}

/// Members enough for several slices of a large room, one of which reads nothing and one of which
/// is gone: the others get everything, in order, however the writes are handed to the kernel.
#[tokio::test]
async fn a_large_room_gets_everything_in_order() {
    for io_uring in [true, false] {
        let config = Config {
            workers: 1,
            io_uring,
            stall_max: Duration::from_mins(10),
            ..Config::default()
        };
        let server = TestServer::start(config).await;
        let mut readers = Vec::new();
        for _ in 0..150 {
            readers.push(server.connect().await.0);
        }
        let frozen = server.connect().await.0;
        drop(server.connect().await.0);
        // More than the kernel takes of the frozen one, so that some of its writes are cut short.
        let text = "x".repeat(50_000);
        for number in 0..40 {
            server.io.to("all").emit_event("n", &(number, &text)).unwrap();
            if number % 4 == 3 {
                // Several at once, then all of them are awaited.
                for reader in &mut readers {
                    for expected in number - 3..=number {
                        let got = reader.expect_start("42").await;
                        assert!(got.starts_with(&format!("42[\"n\",{expected},")), "in order");
                    }
                }
            }
        }
        drop(frozen);
    }
}
