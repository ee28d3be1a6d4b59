//! A small server to try clients on: `demo [port]`, by default 3000; 0 takes a free port. The
//! address is printed.
//!
//! A client whose `auth.token` is `wrong` is refused. Events: `echo` acknowledges its arguments,
//! `join` and `leave` take a room, `say` (room, anything) sends `said` to the room but not back,
//! `shout` sends `shouted` to all, `order` sends `ordered` with the same number back, `ask` has
//! the client asked `question` and acknowledges its answer or `{"error": …}`, `cut` breaks the
//! connection, `kick` ends the socket, `silence` is never acknowledged, `blob` answers with bytes.

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use socketio::{
    Accept, AckSender, Config, ConnectRequest, EncodeError, Event, Handler, Reason, Refusal,
    Server, Socket,
};
use std::time::Duration;

struct Demo;

impl Handler for Demo {
    fn connect(&self, request: ConnectRequest) -> BoxFuture<'static, Result<Accept, Refusal>> {
        Box::pin(async move {
            let auth: Option<Value> =
                request.auth.and_then(|auth| serde_json::from_str(auth.get()).ok());
            let auth = auth.unwrap_or_default();
            if auth["token"] == "wrong" {
                let data = json!({ "code": "token_invalid" });
                return Err(Refusal::new("unauthorized").data(data));
            }
            // A place at which the decision takes a while.
            tokio::task::yield_now().await;
            Ok(Accept::new(()).rooms(["everyone"]))
        })
    }

    fn event(&self, socket: &Socket, event: Event) -> Option<BoxFuture<'static, ()>> {
        let socket = socket.clone();
        if &*event.name == "ask" {
            return Some(Box::pin(async move { report(ask(&socket, event).await) }));
        }
        report(answer(&socket, event));
        None
    }
}

async fn ask(socket: &Socket, event: Event) -> Result<(), EncodeError> {
    let question: Value = event.args.get(0).unwrap_or_default();
    let answer = socket.emit_with_ack("question", &(question,), Duration::from_millis(300)).await;
    let answer = match answer {
        Ok(args) => args.get(0).unwrap_or(Value::Null),
        Err(error) => json!({ "error": error.to_string() }),
    };
    acknowledge(event.ack, &(answer,))
}

fn answer(socket: &Socket, event: Event) -> Result<(), EncodeError> {
    let room = event.args.get::<String>(0).unwrap_or_default();
    match &*event.name {
        "echo" => {
            let args: Vec<&RawValue> =
                (0..event.args.len()).filter_map(|i| event.args.json(i)).collect();
            let attachments = event.args.attachments().iter().cloned();
            if let Some(ack) = event.ack {
                ack.send_with(|b| Ok(b.args(&args)?.attachments(attachments)))?;
            }
        }
        "join" => {
            socket.join(room);
            acknowledge(event.ack, &("joined",))?;
        }
        "leave" => {
            socket.leave(room);
            acknowledge(event.ack, &("left",))?;
        }
        "say" => {
            let what: Value = event.args.get(1).unwrap_or_default();
            socket.io().to(room).except_socket(socket).emit_event("said", &(what,))?;
        }
        "shout" => {
            let what: Value = event.args.get(0).unwrap_or_default();
            socket.io().all().emit_event("shouted", &(what,))?;
        }
        "order" => {
            let number: Value = event.args.get(0).unwrap_or_default();
            socket.emit("ordered", &(number,))?;
        }
        "cut" => socket.disconnect(true, Reason::server("cut")),
        "kick" => socket.disconnect(false, Reason::server("kicked")),
        "blob" => {
            let bytes = event.args.binary(0).cloned().unwrap_or_default();
            let frame = socketio::Frame::builder("/", "blob")?.arg(&bytes.len())?.binary(bytes);
            socket.emit_frame(&frame.build()?);
        }
        _ => {}
    }
    Ok(())
}

fn acknowledge(ack: Option<AckSender>, args: &impl serde::Serialize) -> Result<(), EncodeError> {
    ack.map_or(Ok(()), |ack| ack.send(args))
}

fn report(sent: Result<(), EncodeError>) {
    if let Err(error) = sent {
        eprintln!("not sent: {error}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let runtime = tokio::runtime::Handle::current();
    let server = Server::builder(Config::default(), Demo).start(runtime)?;
    let app = Router::new()
        .route("/socket.io/", any(move |r: Request| async move { server.handle(r).await }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
