//! An Engine.IO v4 and Socket.IO v5 server.
//!
//! [`Server::handle`] answers HTTP requests below one path, beside whatever else the HTTP server
//! does; a [`Handler`] decides who may connect and gets the clients' events; [`Io`] sends events
//! to rooms.
//!
//! What always holds:
//! - Events of one socket are handled one after the other, in the order sent.
//! - What is sent from one thread reaches each socket in the order sent.
//! - Nothing is dropped silently: a client that does not keep up is closed with a [`Reason`].
//! - [`Handler::disconnected`] follows every [`Handler::connected`], exactly once.

#![forbid(unsafe_code)]

mod config;
mod frame;
mod handler;
mod hub;
mod id;
mod io;
pub mod protocol;
mod reason;
mod server;
mod socket;

pub use config::Config;
pub use frame::{EncodeError, Frame, FrameBuilder};
pub use handler::{
    Accept, AckSender, ArgError, Args, ConnectRequest, EngineHandler, EngineMessage, Event,
    Handler, Handshake, Refusal,
};
pub use io::{Io, Room, Rooms, Selector, Stats};
pub use reason::Reason;
pub use server::{Builder, Gate, PeerAddr, Refused, Server};
pub use socket::{AckError, EngineSession, Socket};
