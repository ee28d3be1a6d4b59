//! Requests, made fluently, and answers, checked on the way.

use std::fmt::Display;
use std::net::SocketAddr;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, StatusCode};
use axum::Router;
use axum::body::{Body, to_bytes};
use serde_json::Value;
use souk::app::App;
use souk::http::Peer;
use tower::ServiceExt;

use super::{Actor, TestApp};

/// Sends requests to a router, as from one peer.
#[derive(Clone)]
pub struct Client {
    router: Router,
}

impl Client {
    pub fn new(app: &App) -> Self {
        Self { router: souk::router::router(app) }
    }
}

/// A request in the making.
#[derive(Clone)]
#[must_use]
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    peer: SocketAddr,
}

impl Request {
    fn new(client: &Client, method: Method, path: &str) -> Self {
        Self {
            client: client.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            peer: SocketAddr::from(([203, 0, 113, 7], 40_000)),
        }
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        let value: HeaderValue = value.to_string().parse().expect("a header value");
        self.headers.append(name, value);
        self
    }

    /// With an access token in `Authorization`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// With one cookie.
    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.header("cookie", format!("{name}={value}"))
    }

    /// As a page of this origin.
    pub fn origin(self, origin: &str) -> Self {
        self.header("origin", origin)
    }

    /// With an `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// From this address.
    pub fn from(mut self, ip: [u8; 4]) -> Self {
        self.peer = SocketAddr::from((ip, 40_000));
        self
    }

    /// With a JSON body.
    pub fn json(self, value: &Value) -> Self {
        self.raw("application/json", value.to_string())
    }

    /// With any body.
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        if content_type.is_empty() {
            return self;
        }
        self.header("content-type", content_type)
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let mut request = ::http::Request::new(Body::from(self.body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(Peer(self.peer));
        let response = self.client.router.oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer {
            request: format!("{} {}", self.method, self.path),
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            bytes: body.into(),
        }
    }
}

/// Sends requests all at once and gives their answers in the same order.
pub async fn at_once(requests: impl IntoIterator<Item = Request>) -> Vec<Answer> {
    let running: Vec<_> =
        requests.into_iter().map(|request| tokio::spawn(request.send())).collect();
    let mut answers = Vec::with_capacity(running.len());
    for answer in running {
        answers.push(answer.await.expect("an answer"));
    }
    answers
}

/// Checks that of a crowd at once one won, and that all others lost with this code; some may be
/// asked to come again where the machine has other work. Returns the winner's answer.
#[track_caller]
pub fn one_of_a_crowd<'a>(answers: &'a [Answer], won: u16, lost: &str) -> &'a Answer {
    let (winners, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == won);
    assert_eq!(winners.len(), 1, "{won}");
    let (busy, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|answer| answer.status == 503);
    assert!(busy.len() < answers.len() / 2, "{} of {} are asked again", busy.len(), answers.len());
    for answer in others {
        answer.error(409, lost);
    }
    winners[0]
}

/// An answer; every check shows the whole of it when it fails.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Method and path.
    pub request: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's text.
    pub body: String,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON, after checking the status, and that an answer is a success by its
    /// status and by its body alike.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:#?}");
        let body: Value = serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"));
        assert_eq!(body["success"], self.status.is_success(), "{self:#?}");
        body
    }

    /// The `data` of a success.
    #[track_caller]
    pub fn data(&self, status: u16) -> Value {
        self.expect(status)["data"].take()
    }

    /// Checks status and code of a failure and returns its `error`.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> Value {
        let error = self.expect(status)["error"].take();
        assert_eq!(error["code"], code, "{self:#?}");
        assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{self:#?}");
        assert!(error["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{self:#?}");
        error
    }

    /// Checks that validation refused exactly these fields.
    #[track_caller]
    pub fn invalid(&self, fields: &[&str]) {
        let error = self.error(422, "validation_failed");
        let details = error["details"].as_object().expect("details");
        let named: Vec<&str> = details.keys().map(String::as_str).collect();
        assert_eq!(named, fields, "{self:#?}");
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `Set-Cookie` of this name: its value and its attributes.
    pub fn set_cookie(&self, name: &str) -> Option<(String, String)> {
        let cookies = self.headers.get_all(header::SET_COOKIE);
        cookies.iter().filter_map(|value| value.to_str().ok()).find_map(|text| {
            let (key, rest) = text.split_once('=')?;
            let (value, attributes) = rest.split_once("; ")?;
            (key == name).then(|| (value.to_owned(), attributes.to_owned()))
        })
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {
        impl TestApp {
            $(/// An anonymous request.
            pub fn $name(&self, path: &str) -> Request {
                Request::new(&self.client, Method::$method, path)
            })*
        }
        impl Actor {
            $(/// A request with the actor's access token.
            pub fn $name(&self, path: &str) -> Request {
                Request::new(&self.client, Method::$method, path).bearer(&self.token)
            })*
        }
    };
}
methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);
