//! An Engine.IO v4 and Socket.IO v5 server.
//!
//! [`Server::handle`] answers HTTP requests below one path, beside whatever else the HTTP server
//! does; a program with an accept loop of its own may offer connections to [`Server::open`] first,
//! which opens WebSockets for less, once its listener went through [`Server::prepare`]; a
//! [`Handler`] decides who may connect and gets the clients' events; [`Io`] sends events to rooms.
//!
//! ```no_run
//! use axum::{Router, extract::Request, routing::any};
//! use futures_util::future::BoxFuture;
//! use socketio::{Accept, Config, ConnectRequest, Event, Handler, Refusal, Server, Socket};
//!
//! struct Chat;
//!
//! impl Handler for Chat {
//!     fn connect(&self, request: ConnectRequest) -> BoxFuture<'static, Result<Accept, Refusal>> {
//!         Box::pin(async move {
//!             let auth = request.auth.ok_or(Refusal::new("unauthorized"))?;
//!             Ok(Accept::new(auth).rooms(["everyone"]))
//!         })
//!     }
//!
//!     fn event(&self, socket: &Socket, event: Event) -> Option<BoxFuture<'static, ()>> {
//!         if let ("say", Ok(text)) = (&*event.name, event.args.get::<String>(0)) {
//!             let sent = socket.io().to("everyone").emit_event("said", &(socket.id(), text));
//!             if let (Ok(()), Some(ack)) = (sent, event.ack) {
//!                 let _ = ack.send(&("sent",));
//!             }
//!         }
//!         None
//!     }
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder(Config::default(), Chat).start(tokio::runtime::Handle::current())?;
//! let io = server.io(); // for the rest of the program: `io.to("room").emit_event(…)`
//! let app = Router::new()
//!     .route("/socket.io/", any(move |request: Request| async move { server.handle(request).await }));
//! axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What always holds:
//! - Events of one socket are handled one after the other, in the order sent.
//! - What is sent from one thread reaches each socket in the order sent.
//! - Nothing is dropped silently: a client that does not keep up is closed with a [`Reason`].
//! - [`Handler::disconnected`] follows every [`Handler::connected`], exactly once.

#![deny(unsafe_code)]

mod config;
mod frame;
mod handler;
mod hub;
mod id;
mod io;
mod opening;
pub mod protocol;
mod reason;
mod server;
mod socket;

pub use config::Config;
pub use frame::{EncodeError, Frame, FrameBuilder};
pub use handler::{
    Accept, AckSender, ArgError, Args, ConnectRequest, EngineHandler, EngineMessage, Event,
    Handler, Handshake, Pending, Refusal,
};
pub use io::{Details, Io, Room, Rooms, Selector, Stats};
pub use reason::Reason;
pub use server::{Builder, Gate, PeerAddr, Refused, Server};
pub use socket::{AckError, EngineSession, Socket};
