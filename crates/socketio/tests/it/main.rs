//! The server as its clients see it, over real connections.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on is to fail"
)]

mod engine;
mod opening;
mod pressure;
mod sockets;
mod support;
