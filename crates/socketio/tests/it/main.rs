//! The server as its clients see it, over real connections.

mod engine;
mod pressure;
mod sockets;
mod support;
