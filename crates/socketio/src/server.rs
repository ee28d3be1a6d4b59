//! The HTTP side: handshakes, long-polling requests, and the upgrade to WebSocket.

use crate::config::Config;
use crate::handler::{EngineHandler, Handler, Handshake};
use crate::hub::command::{Command, EngineError, HttpReply, NewWebSocket};
use crate::hub::{App, Hub, engine_open_packet};
use crate::id::Sid;
use crate::io::Io;
use crate::reason::Reason;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, request};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use std::io as std_io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The client's address. Put it among the request's extensions for [`Handshake::peer`].
#[derive(Debug, Clone, Copy)]
pub struct PeerAddr(pub SocketAddr);

/// Why a [`Gate`] lets a request not through; the client gets 403 with the message.
#[derive(Debug, Clone)]
pub struct Refused(pub &'static str);

/// Looks at every request before anything else does, and may add headers to its response: the
/// place for an `Origin` check and for CORS.
pub type Gate = dyn Fn(&request::Parts, &mut HeaderMap) -> Result<(), Refused> + Send + Sync;

/// A Socket.IO server, to be mounted in an HTTP/1.1 server. Cloning is cheap.
#[derive(Clone)]
pub struct Server {
    hub: Arc<Hub>,
    gate: Option<Arc<Gate>>,
}

/// Builds a [`Server`].
pub struct Builder {
    config: Config,
    namespaces: Vec<Arc<str>>,
    gate: Option<Arc<Gate>>,
    app: App,
}

impl Builder {
    /// Sets the namespaces instead of `/` alone.
    pub fn namespaces(mut self, names: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        self.namespaces = names.into_iter().map(Into::into).collect();
        self
    }

    /// Looks at every request first; see [`Gate`].
    pub fn gate(
        mut self,
        gate: impl Fn(&request::Parts, &mut HeaderMap) -> Result<(), Refused> + Send + Sync + 'static,
    ) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Starts the workers. The handler's futures run on `runtime`.
    ///
    /// The workers run until [`Io::shutdown`].
    pub fn start(self, runtime: Handle) -> std_io::Result<Server> {
        let hub = Hub::start(self.config, self.namespaces, self.app, runtime)?;
        Ok(Server { hub, gate: self.gate })
    }
}

/// How many bytes the kernel holds of a connection that it cannot send yet.
const UNSENT_IN_KERNEL: u32 = 64 * 1024;

impl Server {
    /// A server of the namespace `/`, unless the builder is told otherwise.
    pub fn builder(config: Config, handler: impl Handler) -> Builder {
        let app = App::SocketIo(Arc::new(handler));
        Builder { config, namespaces: vec!["/".into()], gate: None, app }
    }

    /// A server of bare Engine.IO.
    pub fn engine_builder(config: Config, handler: impl EngineHandler) -> Builder {
        let app = App::Engine(Arc::new(handler));
        Builder { config, namespaces: Vec::new(), gate: None, app }
    }

    /// The handle on the sockets of the first namespace.
    pub fn io(&self) -> Io {
        Io::new(self.hub.clone(), 0)
    }

    /// Whether a request's path is this server's.
    pub fn matches(&self, path: &str) -> bool {
        let own = self.hub.config.path.trim_end_matches('/');
        path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest == "/")
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn pass_gate(
        &self,
        request: &request::Parts,
        extra: &mut HeaderMap,
    ) -> Result<(), Refused> {
        self.gate.as_ref().map_or(Ok(()), |gate| gate(request, extra))
    }

    /// Answers a request; one for another path with 404.
    ///
    /// A WebSocket needs the request to come from hyper's HTTP/1.1 server (or axum) on a plain
    /// TCP stream, since the stream is taken out of it.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Error>,
    {
        let (mut parts, body) = request.into_parts();
        let mut extra = HeaderMap::new();
        let mut response = match self.pass_gate(&parts, &mut extra) {
            Err(Refused(message)) => {
                refusal(StatusCode::FORBIDDEN, EngineError::Forbidden as u8, message)
            }
            Ok(()) if !self.matches(parts.uri.path()) => empty(StatusCode::NOT_FOUND),
            Ok(()) if parts.method == Method::OPTIONS => empty(StatusCode::NO_CONTENT),
            Ok(()) => match self.answer(&mut parts, body).await {
                Ok(response) => response,
                Err(error) => refusal(StatusCode::BAD_REQUEST, error as u8, error.message()),
            },
        };
        let mut name: Option<HeaderName> = None;
        for (next, value) in extra {
            // A header's further values come without its name.
            name = next.or(name);
            if let Some(name) = &name {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    async fn answer<B>(
        &self,
        parts: &mut request::Parts,
        body: B,
    ) -> Result<Response<Full<Bytes>>, EngineError>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Error>,
    {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let config = &self.hub.config;
        let websocket = match query.transport {
            Some("polling") if config.allow_polling => false,
            Some("websocket") if config.allow_websocket => true,
            _ => return Err(EngineError::UnknownTransport),
        };
        if query.version != Some("4") {
            return Err(EngineError::UnsupportedVersion);
        }
        if self.hub.closing.load(Ordering::SeqCst) {
            return Ok(empty(StatusCode::SERVICE_UNAVAILABLE));
        }
        let sid = match query.sid {
            Some(sid) => Some(Sid::parse(sid).ok_or(EngineError::UnknownSession)?),
            None if parts.method != Method::GET => return Err(EngineError::BadHandshakeMethod),
            None => None,
        };
        match (sid, &parts.method) {
            (sid, &Method::GET) if websocket => self.upgrade(parts, sid).await,
            (None, _) => self.open_polling(parts),
            (Some(sid), &Method::GET) => self.poll(sid).await,
            (Some(sid), &Method::POST) if !websocket => self.post(sid, parts, body).await,
            _ => Err(EngineError::BadRequest),
        }
    }

    pub(crate) fn send(&self, sid: &Sid, command: Command) {
        self.hub.send(sid.worker(self.hub.workers.len()) as u16, command);
    }

    fn open_polling(&self, parts: &request::Parts) -> Result<Response<Full<Bytes>>, EngineError> {
        let Ok(sid) = Sid::new() else {
            return Ok(empty(StatusCode::SERVICE_UNAVAILABLE));
        };
        let upgrades: &[&str] = if self.hub.config.allow_websocket { &["websocket"] } else { &[] };
        let open = engine_open_packet(&sid, &self.hub.config, upgrades);
        let handshake = compact_handshake(parts)?;
        self.send(&sid, Command::OpenPolling { sid, at: Instant::now(), handshake });
        Ok(text(open))
    }

    async fn poll(&self, sid: Sid) -> Result<Response<Full<Bytes>>, EngineError> {
        /// Tells the worker when the request is given up before it was answered.
        struct Guard<'a>(&'a Server, Sid, bool);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                if self.2 {
                    self.0.send(&self.1, Command::PollAborted { sid: self.1 });
                }
            }
        }
        let (reply, answer) = oneshot::channel();
        let mut guard = Guard(self, sid, true);
        self.send(&sid, Command::Poll { sid, reply });
        let answer = answer.await;
        guard.2 = false;
        respond(answer)
    }

    async fn post<B>(
        &self,
        sid: Sid,
        parts: &request::Parts,
        body: B,
    ) -> Result<Response<Full<Bytes>>, EngineError>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Error>,
    {
        let max = self.hub.config.max_payload;
        let declared = parts.headers.get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|v| v.to_str().ok()?.parse::<usize>().ok()).unwrap_or(0);
        let bytes = if declared > max {
            Err(EngineError::BadRequest)
        } else {
            match Limited::new(body, max).collect().await {
                Ok(body) => Ok(body.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => Err(EngineError::BadRequest),
                // The client went away in the middle of its request.
                Err(_) => return Err(EngineError::BadRequest),
            }
        };
        let Ok(bytes) = bytes else {
            self.send(&sid, Command::Fail { sid, reason: Reason::PayloadTooLarge });
            return Ok(empty(StatusCode::PAYLOAD_TOO_LARGE));
        };
        let Ok(body) = String::from_utf8(bytes.into()) else {
            self.send(&sid, Command::Fail { sid, reason: Reason::Malformed("body is not UTF-8") });
            return Err(EngineError::BadRequest);
        };
        let (reply, answer) = oneshot::channel();
        self.send(&sid, Command::Post { sid, body, reply });
        respond(answer.await)
    }

    /// Answers 101 and hands the connection to a worker once hyper lets go of it
    /// (RFC 6455 §4.2).
    async fn upgrade(
        &self,
        parts: &mut request::Parts,
        sid: Option<Sid>,
    ) -> Result<Response<Full<Bytes>>, EngineError> {
        let accept = accept_key(&parts.headers).ok_or(EngineError::BadRequest)?;
        let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            tracing::error!("the HTTP server does not allow connections to be upgraded");
            return Err(EngineError::BadRequest);
        };
        let (sid, handshake) = if let Some(sid) = sid {
            let (reply, answer) = oneshot::channel();
            self.send(&sid, Command::Lookup { sid, reply });
            if !answer.await.unwrap_or(false) {
                return Err(EngineError::UnknownSession);
            }
            (sid, None)
        } else {
            let Ok(sid) = Sid::new() else {
                return Ok(empty(StatusCode::SERVICE_UNAVAILABLE));
            };
            (sid, Some(compact_handshake(parts)?))
        };
        let server = self.clone();
        self.hub.runtime.spawn(async move {
            let upgraded = match upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => {
                    tracing::debug!(%error, "a connection went away during its upgrade");
                    return;
                }
            };
            match server.take_stream(upgraded) {
                Ok((stream, read)) => {
                    // hyper has sent it.
                    let answer = Vec::new();
                    let new = NewWebSocket { stream, answer, read, sid, handshake };
                    server.send(&sid, Command::OpenWebSocket(Box::new(new)));
                }
                Err(error) => tracing::error!(%error, "a WebSocket could not be opened"),
            }
        });
        let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        headers.remove(header::CACHE_CONTROL);
        Ok(response)
    }

    /// Takes the TCP stream and what was read of it out of hyper.
    fn take_stream(&self, upgraded: Upgraded) -> Result<(std::net::TcpStream, Bytes), Error> {
        use hyper_util::server::conn::auto::upgrade::downcast;
        let (stream, read): (TokioIo<TcpStream>, Bytes) = match downcast(upgraded) {
            Ok(parts) => (parts.io, parts.read_buf),
            Err(upgraded) => {
                let parts = upgraded
                    .downcast()
                    .map_err(|_| "the connection below HTTP is not a plain TCP stream")?;
                (parts.io, parts.read_buf)
            }
        };
        let stream = stream.into_inner().into_std()?;
        self.prepare(&stream)?;
        Ok((stream, read))
    }

    /// Sets what a WebSocket's TCP stream needs. A listener gives it to all that it accepts
    /// (tcp(7)).
    ///
    /// # Errors
    /// Where the kernel does not take an option.
    pub fn prepare<S: AsFd>(&self, socket: &S) -> std_io::Result<()> {
        let socket = socket2::SockRef::from(socket);
        socket.set_tcp_nodelay(true)?;
        let config = &self.hub.config;
        // Unacknowledged data of a peer that is gone need not outlive its heartbeat.
        socket.set_tcp_user_timeout(Some(config.ping_interval + config.ping_timeout))?;
        // What cannot be sent waits in the session's own bounded queue. The kernel would take
        // megabytes of a client that reads nothing, and it would look as if it made progress.
        socket.set_tcp_notsent_lowat(UNSENT_IN_KERNEL)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("path", &self.hub.config.path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The parts of a query that Engine.IO knows.
#[derive(Default)]
pub(crate) struct Query<'a> {
    version: Option<&'a str>,
    transport: Option<&'a str>,
    sid: Option<&'a str>,
}

impl<'a> Query<'a> {
    /// None of the values that are valid need percent-encoding, so none is decoded.
    pub(crate) fn parse(query: &'a str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let field = match name {
                "EIO" => &mut parsed.version,
                "transport" => &mut parsed.transport,
                "sid" => &mut parsed.sid,
                _ => continue,
            };
            field.get_or_insert(value);
        }
        parsed
    }

    /// Whether it asks for a WebSocket with a session of its own.
    pub(crate) fn begins_websocket(&self) -> bool {
        self.transport == Some("websocket") && self.version == Some("4") && self.sid.is_none()
    }
}

/// A copy of what a handler may want of the request. The request itself shares hyper's read
/// buffer of 8 KB, which would be kept as long as any header is.
fn compact_handshake(parts: &request::Parts) -> Result<Arc<Handshake>, EngineError> {
    let mut headers = HeaderMap::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        let copy = |_| EngineError::BadRequest;
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).map_err(copy)?;
        let value = HeaderValue::from_bytes(value.as_bytes());
        headers.append(name, value.map_err(|_| EngineError::BadRequest)?);
    }
    let uri = parts.uri.to_string().parse().map_err(|_| EngineError::BadRequest)?;
    let peer = parts.extensions.get::<PeerAddr>().map(|peer| peer.0);
    Ok(Arc::new(Handshake { headers, uri, peer }))
}

/// Checks the headers of a WebSocket request and answers its key (RFC 6455 §4.2.1, §4.2.2).
pub(crate) fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let has = |name: HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    if !has(header::CONNECTION, "upgrade")
        || !has(header::UPGRADE, "websocket")
        || headers.get(header::SEC_WEBSOCKET_VERSION)?.as_bytes() != b"13"
    {
        return None;
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    if STANDARD.decode(key.as_bytes()).ok()?.len() != 16 {
        return None;
    }
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    HeaderValue::from_str(&STANDARD.encode(hash.finalize())).ok()
}

fn respond(
    answer: Result<HttpReply, oneshot::error::RecvError>,
) -> Result<Response<Full<Bytes>>, EngineError> {
    match answer {
        Ok(HttpReply::Packets(body)) => Ok(text(body)),
        Ok(HttpReply::Accepted) => Ok(text("ok")),
        Ok(HttpReply::Refused(error)) => Err(error),
        // The worker has ended, and the session with it.
        Err(_) => Err(EngineError::UnknownSession),
    }
}

fn body(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !kind.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    body(status, "", Bytes::new())
}

fn text(packets: impl Into<Bytes>) -> Response<Full<Bytes>> {
    body(StatusCode::OK, "text/plain; charset=UTF-8", packets.into())
}

fn refusal(status: StatusCode, code: u8, message: &str) -> Response<Full<Bytes>> {
    let json = serde_json::json!({ "code": code, "message": message }).to_string();
    body(status, "application/json", json.into())
}
