//! Opening a WebSocket without an HTTP server in between.
//!
//! Of the time that a connect takes, an HTTP server is a good part: it watches the connection,
//! answers by a write of its own, and gives the connection away again. So a request that can only
//! mean one thing is answered here, together with the first packet of its session; whatever is not
//! that plain is left to the HTTP server, untouched.

use crate::handler::Handshake;
use crate::hub::command::{Command, NewWebSocket};
use crate::id::Sid;
use crate::server::{PeerAddr, Query, Server, accept_key};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{self, HeaderMap};
use http::{Method, Request, request};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::net::TcpStream;

/// The largest request head that is looked at, in bytes.
const HEAD: usize = 4096;
/// The most headers of a request that is looked at.
const HEADERS: usize = 64;

/// A request that opens a WebSocket and begins a session.
struct Opening {
    /// The length of its head in bytes.
    length: usize,
    sid: Sid,
    handshake: Arc<Handshake>,
    /// The answer.
    answer: Vec<u8>,
}

impl Server {
    /// Takes a connection if its first request opens a WebSocket that begins a session. Any other
    /// is given back, with nothing read of it, for an HTTP server that hands requests to
    /// [`Server::handle`]: so is one whose head is long, comes in pieces, or must be refused.
    ///
    /// Waits for the first bytes, so put a limit on its time. The stream needs what
    /// [`Server::prepare`] gives it, or gave to the listener that accepted it.
    pub async fn open(&self, stream: TcpStream, peer: SocketAddr) -> Option<TcpStream> {
        let opening = loop {
            stream.readable().await.ok()?;
            let mut bytes = [0; HEAD];
            // What has just been accepted passes for readable, though nothing may have come yet.
            match stream.peek(&mut bytes).now_or_never() {
                Some(Ok(count)) => break self.opening(&bytes[..count], peer),
                Some(Err(_)) => break None,
                None => {}
            }
        };
        let Some(opening) = opening else { return Some(stream) };
        self.begin(stream.into_std(), opening);
        None
    }

    /// The same for a connection whose request may be here already, as it mostly is in a storm:
    /// waits for nothing, and gives back what [`open`](Self::open) would wait for. Of what it takes
    /// the caller's runtime need not even know. The stream does not block.
    pub fn open_at_once(
        &self,
        stream: std::net::TcpStream,
        peer: SocketAddr,
    ) -> Option<std::net::TcpStream> {
        let mut bytes = [0; HEAD];
        let opening =
            stream.peek(&mut bytes).ok().and_then(|count| self.opening(&bytes[..count], peer));
        let Some(opening) = opening else { return Some(stream) };
        self.begin(Ok(stream), opening);
        None
    }

    fn opening(&self, bytes: &[u8], peer: SocketAddr) -> Option<Opening> {
        let (mut parts, length) = parse(bytes)?;
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let hub = self.hub();
        if !self.matches(parts.uri.path())
            || !query.begins_websocket()
            || !hub.config.allow_websocket
            || hub.closing.load(Ordering::SeqCst)
        {
            return None;
        }
        parts.extensions.insert(PeerAddr(peer));
        let mut extra = HeaderMap::new();
        self.pass_gate(&parts, &mut extra).ok()?;
        let accept = accept_key(&parts.headers)?;
        let mut answer = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
            upgrade: websocket\r\nsec-websocket-accept: "
            .to_vec();
        answer.extend_from_slice(accept.as_bytes());
        for (name, value) in &extra {
            answer.extend_from_slice(b"\r\n");
            answer.extend_from_slice(name.as_str().as_bytes());
            answer.extend_from_slice(b": ");
            answer.extend_from_slice(value.as_bytes());
        }
        answer.extend_from_slice(b"\r\n\r\n");
        let sid = Sid::new().ok()?;
        let handshake = Handshake { headers: parts.headers, uri: parts.uri, peer: Some(peer) };
        Some(Opening { length, sid, handshake: Arc::new(handshake), answer })
    }

    /// Takes the head off the connection and hands that to a worker.
    fn begin(&self, stream: io::Result<std::net::TcpStream>, opening: Opening) {
        let Opening { length, sid, handshake, answer } = opening;
        let mut head = [0; HEAD];
        // It was all there a moment ago.
        let stream = stream.and_then(|mut stream| {
            stream.read_exact(&mut head[..length])?;
            Ok(stream)
        });
        match stream {
            Ok(stream) => {
                let (handshake, read) = (Some(handshake), Bytes::new());
                let new = NewWebSocket { stream, answer, read, sid, handshake };
                self.send(&sid, Command::OpenWebSocket(Box::new(new)));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection went away while it was opened");
            }
        }
    }
}

/// A request whose head is complete and that has no body, and the length of its head.
fn parse(bytes: &[u8]) -> Option<(request::Parts, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    if head.method != Some("GET") || head.version != Some(1) {
        return None;
    }
    let mut request = Request::builder().method(Method::GET).uri(head.path?);
    for header in head.headers {
        request = request.header(header.name, header.value);
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    let has_body = |name| parts.headers.contains_key(name);
    if has_body(header::CONTENT_LENGTH) || has_body(header::TRANSFER_ENCODING) {
        return None;
    }
    Some((parts, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_and_plain_heads_are_taken() {
        let whole = b"GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: x\r\nA: 1\r\na: 2\r\n\r\nmore";
        let (parts, length) = parse(whole).unwrap();
        assert_eq!(&whole[length..], b"more");
        assert_eq!(parts.uri, "/socket.io/?EIO=4");
        assert_eq!(parts.headers.get_all("a").iter().count(), 2);
        for end in 0..length {
            assert!(parse(&whole[..end]).is_none(), "{end} bytes");
        }
        for other in [
            "POST / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nbad header\r\n\r\n",
            "\u{16}\u{3}\u{1}",
            "PRI * HTTP/2.0\r\n\r\n",
        ] {
            assert!(parse(other.as_bytes()).is_none(), "{other}");
        }
        let many = "GET / HTTP/1.1\r\n".to_owned() + &"a: b\r\n".repeat(HEADERS + 1) + "\r\n";
        assert!(parse(many.as_bytes()).is_none());
    }
}
