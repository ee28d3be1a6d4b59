//! WebSockets that are opened without the HTTP server, and what is left to it.

use crate::support::{Got, TestServer, Ws, soon};
use http::HeaderValue;
use socketio::{Config, EngineHandler, EngineMessage, EngineSession, Refused, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn server() -> TestServer {
    let gate = |request: &http::request::Parts, headers: &mut http::HeaderMap| {
        headers.insert("x-allow", HeaderValue::from_static("yes"));
        let foreign = request.headers.contains_key("origin");
        if foreign { Err(Refused("origin not allowed")) } else { Ok(()) }
    };
    TestServer::start_behind(Config::default(), |builder| builder.gate(gate), true).await
}

const REQUEST: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The head of the answer to a request. The HTTP server's have a date.
async fn head(server: &TestServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    rest_of_head(&mut stream).await
}

async fn rest_of_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

#[tokio::test]
async fn a_plain_request_is_answered_with_the_gates_headers() {
    let server = server().await;
    let head = head(&server, &(REQUEST.to_owned() + "\r\n")).await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    assert!(head.contains("x-allow: yes"), "{head}");
    assert!(!head.contains("date:"), "not by the HTTP server: {head}");
}

#[tokio::test]
async fn a_request_may_come_some_time_after_the_connection() {
    let server = server().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // Everything runs on this thread: by then the server has looked at the connection.
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
    stream.write_all((REQUEST.to_owned() + "\r\n").as_bytes()).await.unwrap();
    let head = rest_of_head(&mut stream).await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(!head.contains("date:"), "not by the HTTP server: {head}");
}

#[tokio::test]
async fn a_session_goes_on_as_any_other() {
    let server = server().await;
    let (mut ws, socket) = server.connect().await;
    ws.send(r#"42["echo",7]"#).await;
    assert_eq!(ws.next().await, Got::Text(r#"42["echo",7]"#.into()));
    assert!(!socket.id().is_empty());
}

#[tokio::test]
async fn what_was_sent_behind_the_request_is_read() {
    let server = server().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut bytes = [REQUEST, "\r\n"].concat().into_bytes();
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'4', b'0']);
    stream.write_all(&bytes).await.unwrap();
    server.socket().await;
}

#[tokio::test]
async fn what_is_not_plain_is_left_to_the_http_server() {
    let server = server().await;
    let long = format!("X-Long: {}\r\n\r\n", "x".repeat(5_000));
    let long = head(&server, &(REQUEST.to_owned() + &long)).await;
    assert!(long.starts_with("http/1.1 101") && long.contains("date:"), "{long}");
    let refused = head(&server, &(REQUEST.to_owned() + "Origin: http://evil\r\n\r\n")).await;
    assert!(refused.starts_with("http/1.1 403") && refused.contains("x-allow: yes"), "{refused}");
    let key = REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "short") + "\r\n";
    let wrong = head(&server, &key).await;
    assert!(wrong.starts_with("http/1.1 400"), "{wrong}");
    let unknown = REQUEST.replace("websocket HTTP", "websocket&sid=AAAAAAAAAAAAAAAAAAAA HTTP");
    let unknown = head(&server, &(unknown + "\r\n")).await;
    assert!(unknown.starts_with("http/1.1 400"), "{unknown}");
    let polling = server.open_polling().await;
    let mut ws = Ws::open(server.address, Some(&polling)).await;
    ws.send("2probe").await;
    assert_eq!(ws.next().await, Got::Text("3probe".into()));
    server.io.shutdown(std::time::Duration::from_secs(5)).await;
    let closing = head(&server, &(REQUEST.to_owned() + "\r\n")).await;
    assert!(closing.starts_with("http/1.1 503"), "{closing}");
}

struct Silent;

impl EngineHandler for Silent {
    fn message(&self, _: &EngineSession, _: EngineMessage) {}
}

#[tokio::test]
async fn at_once_only_what_is_here_is_taken() {
    let builder = Server::engine_builder(Config::default(), Silent);
    let server = builder.start(tokio::runtime::Handle::current()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let accept = || {
        let (stream, peer) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        (stream, peer)
    };
    let mut client = TcpStream::connect(address).await.unwrap();
    let (stream, peer) = accept();
    let stream = server.open_at_once(stream, peer).expect("nothing is here yet");
    client.write_all(REQUEST.as_bytes()).await.unwrap();
    let stream = server.open_at_once(stream, peer).expect("its end is missing");
    client.write_all(b"\r\n").await.unwrap();
    assert!(server.open_at_once(stream, peer).is_none(), "it is whole");
    assert!(rest_of_head(&mut client).await.starts_with("http/1.1 101"));

    let mut other = TcpStream::connect(address).await.unwrap();
    let (stream, peer) = accept();
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut stream = server.open_at_once(stream, peer).expect("it opens nothing");
    let mut bytes = [0; 18];
    std::io::Read::read_exact(&mut stream, &mut bytes).unwrap();
    assert_eq!(&bytes, b"GET / HTTP/1.1\r\n\r\n", "nothing of it was read");
    server.io().shutdown(std::time::Duration::from_secs(1)).await;
}
