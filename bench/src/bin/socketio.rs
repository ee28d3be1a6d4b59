//! The fan-out benchmark's peer on this project's own server crate: `socketio <port>`.

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use futures_util::future::BoxFuture;
use socketio::{Accept, Config, ConnectRequest, Event, Handler, Refusal, Server, Socket};

struct Peer;

impl Handler for Peer {
    fn connect(&self, _: ConnectRequest) -> BoxFuture<'static, Result<Accept, Refusal>> {
        Box::pin(async { Ok(Accept::new(())) })
    }

    fn event(&self, socket: &Socket, event: Event) -> Option<BoxFuture<'static, ()>> {
        let room: String = event.args.get(0).ok()?;
        match &*event.name {
            "join" => {
                socket.join(room);
                if let Some(ack) = event.ack {
                    ack.send(&()).ok()?;
                }
            }
            "say" => {
                let io = socket.io();
                let all = io.to(room).except_socket(socket);
                all.emit_event("user-typing", &(event.args.json(1)?,)).ok()?;
            }
            _ => {}
        }
        None
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let port: u16 = std::env::args().nth(1).context("a port is missing")?.parse()?;
    let server =
        Server::builder(Config::default(), Peer).start(tokio::runtime::Handle::current())?;
    let serve = any(move |request: Request| async move { server.handle(request).await });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, Router::new().route("/socket.io/", serve)).await?;
    Ok(())
}
