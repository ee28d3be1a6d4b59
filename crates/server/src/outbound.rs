//! The one HTTP client of the program, for everything that it asks other servers.
//!
//! What holds always here:
//! - a call has a time-out over all of it, and an answer a limit to its size;
//! - redirects are not followed: whoever wants to know of one sees the 3xx;
//! - an error says whether the request can have reached the other side at all
//!   ([`CallError::may_have_arrived`]). Only what certainly did not may be repeated blindly.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that is not used for this long is closed.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// What one call may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first step to the last byte of the answer.
    pub timeout: Duration,
    /// Largest body of an answer, in bytes.
    pub body_max: usize,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why there is no answer. The texts hold no URL, which may carry a key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// No connection came about: nothing was sent.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// The connection broke, or what came was no HTTP.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The time-out passed.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is larger than the limit.
    #[error("the answer is too large")]
    TooLarge,
}

impl CallError {
    /// Whether the other side can have read the request, and acted on it.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self, Self::NotConnected(_))
    }
}

/// Asks other servers, over HTTP/1.1 with or without TLS; keeps connections for reuse. Cheap to
/// clone.
#[derive(Clone)]
pub struct Client(legacy::Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>);

impl Client {
    /// A client that trusts the certificate authorities that browsers trust.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> Result<Self, String> {
        Self::with(Resolver { public_only: false })
    }

    /// As [`new`](Self::new), but names lead to addresses of the public internet only: what was
    /// resolved is checked, and the connection goes to what was checked. A URL that holds an
    /// address is not resolved; its caller checks it ([`crate::webhooks::target::check`]).
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn guarded() -> Result<Self, String> {
        Self::with(Resolver { public_only: true })
    }

    fn with(resolver: Resolver) -> Result<Self, String> {
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| format!("TLS: {error}"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Ok(Self(client))
    }

    /// Sends a request to the absolute URL that it holds, and reads the whole answer.
    ///
    /// # Errors
    /// [`CallError`]. A status that tells of a failure is an answer and no error.
    pub async fn send(&self, request: Request<Bytes>, limits: Limits) -> Result<Answer, CallError> {
        let call = async {
            let response = self.0.request(request.map(Full::new)).await.map_err(|error| {
                let text = causes(&error);
                if error.is_connect() {
                    CallError::NotConnected(text)
                } else {
                    CallError::Broken(text)
                }
            })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, limits.body_max).collect().await.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    CallError::TooLarge
                } else {
                    CallError::Broken(causes(error.as_ref()))
                }
            })?;
            Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(limits.timeout, call).await.unwrap_or(Err(CallError::TimedOut))
    }
}

/// Asks the system for the addresses of names.
#[derive(Clone)]
struct Resolver {
    public_only: bool,
}

impl tower::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let public_only = self.public_only;
        Box::pin(async move {
            // The connector puts the port in.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed =
                |addr: &SocketAddr| !public_only || crate::webhooks::target::is_public(addr.ip());
            let addresses: Vec<SocketAddr> = found.filter(allowed).collect();
            if addresses.is_empty() {
                return Err(std::io::Error::other("the name has no public address"));
            }
            Ok(addresses.into_iter())
        })
    }
}

/// An error and what caused it, in one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const LIMITS: Limits = Limits { timeout: Duration::from_secs(20), body_max: 1000 };

    fn to(port: u16) -> Request<Bytes> {
        let url = format!("http://127.0.0.1:{port}/path");
        Request::post(url).body(Bytes::from_static(b"{}")).unwrap()
    }

    /// A server that answers its one request with this text, or never.
    async fn server(answer: Option<String>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
        });
        port
    }

    fn ok(length: usize) -> String {
        let body = "x".repeat(length);
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn an_answer_is_read_whole() {
        let client = Client::new().unwrap();
        let answer = client.send(to(server(Some(ok(1000))).await), LIMITS).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 1000));
        let redirect = "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
        let answer = client.send(to(server(Some(redirect.into())).await), LIMITS).await.unwrap();
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.headers["location"], "/login");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_apart() {
        let client = Client::new().unwrap();
        let large = client.send(to(server(Some(ok(1001))).await), LIMITS).await.unwrap_err();
        assert!(matches!(large, CallError::TooLarge), "{large:?}");
        let broken = client.send(to(server(Some("nonsense".into())).await), LIMITS).await;
        let broken = broken.unwrap_err();
        assert!(matches!(broken, CallError::Broken(_)) && broken.may_have_arrived(), "{broken:?}");
        let short = Limits { timeout: Duration::from_millis(50), ..LIMITS };
        let silent = client.send(to(server(None).await), short).await.unwrap_err();
        assert!(matches!(silent, CallError::TimedOut) && silent.may_have_arrived(), "{silent:?}");
        // A port that nobody listens on any more.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let refused = client.send(to(port), LIMITS).await.unwrap_err();
        assert!(matches!(refused, CallError::NotConnected(_)), "{refused:?}");
        assert!(!refused.may_have_arrived());
    }
}
