//! The server that the conformance suites of the Engine.IO v4 and Socket.IO v5 protocols expect:
//! `conformance [port]`, by default 3000; 0 takes a free port. The address is printed.
//!
//! `/engine.io/` sends every message back. `/socket.io/` has the namespaces `/` and `/custom`,
//! sends `auth` with the CONNECT payload to each new socket, sends `message` back as
//! `message-back`, and acknowledges `message-with-ack` with its arguments.

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use socketio::{
    Accept, Config, ConnectRequest, EngineHandler, EngineMessage, EngineSession, Event, Handler,
    Refusal, Server, Socket,
};
use std::time::Duration;

struct Echo;

impl EngineHandler for Echo {
    fn message(&self, session: &EngineSession, message: EngineMessage) {
        session.send(&message);
    }
}

impl Handler for Echo {
    fn connect(&self, request: ConnectRequest) -> BoxFuture<'static, Result<Accept, Refusal>> {
        Box::pin(async move { Ok(Accept::new(request.auth)) })
    }

    fn connected(&self, socket: &Socket) {
        let auth = socket.data::<Option<Box<RawValue>>>().and_then(Option::as_ref);
        let sent = match auth {
            Some(auth) => socket.emit("auth", &(auth,)),
            None => socket.emit("auth", &(serde_json::json!({}),)),
        };
        report(sent);
    }

    fn event(&self, socket: &Socket, event: Event) -> Option<BoxFuture<'static, ()>> {
        let args: Vec<&RawValue> =
            (0..event.args.len()).filter_map(|i| event.args.json(i)).collect();
        let attachments = event.args.attachments().iter().cloned();
        match (&*event.name, event.ack) {
            ("message", _) => {
                let frame = socketio::Frame::builder(socket.namespace(), "message-back")
                    .and_then(|b| b.args(&args))
                    .and_then(|b| b.attachments(attachments).build());
                report(frame.map(|frame| socket.emit_frame(&frame)));
            }
            ("message-with-ack", Some(ack)) => {
                report(ack.send_with(|b| Ok(b.args(&args)?.attachments(attachments))));
            }
            _ => {}
        }
        None
    }
}

fn report(sent: Result<(), socketio::EncodeError>) {
    if let Err(error) = sent {
        eprintln!("not sent: {error}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let config = Config {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_secs(1),
        max_payload: 1_000_000,
        ..Config::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let sockets = Server::builder(config.clone(), Echo)
        .namespaces(["/", "/custom"])
        .start(runtime.clone())?;
    let engine = Server::engine_builder(Config { path: "/engine.io/".into(), ..config }, Echo)
        .start(runtime)?;
    let app = Router::new()
        .route("/socket.io/", any(move |r: Request| async move { sockets.handle(r).await }))
        .route("/engine.io/", any(move |r: Request| async move { engine.handle(r).await }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
