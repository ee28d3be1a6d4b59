//! Why a socket or a session ended.

use std::borrow::Cow;
use std::fmt;

/// Why a socket or a session ended. [`Reason::code`] is stable, for logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The client left the namespace.
    ClientDisconnect,
    /// The client closed the transport.
    TransportClose,
    /// Reading or writing failed.
    TransportError,
    /// No pong within the ping timeout.
    PingTimeout,
    /// No CONNECT within the connect timeout.
    ConnectTimeout,
    /// The client sent what the protocol does not allow; the text says what.
    Malformed(&'static str),
    /// A message was larger than `max_payload`.
    PayloadTooLarge,
    /// More unsent bytes than `queue_max`.
    QueueFull,
    /// No byte could be sent for `stall_max`.
    Stalled,
    /// The server ended it, for the reason given.
    Server(Cow<'static, str>),
    /// The server shuts down.
    ShuttingDown,
}

/// How many codes there are.
pub(crate) const CODES: usize = 11;

impl Reason {
    /// A reason of the server's own.
    pub fn server(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Server(text.into())
    }

    /// A stable code.
    pub fn code(&self) -> &'static str {
        Self::code_at(self.index())
    }

    pub(crate) fn code_at(index: usize) -> &'static str {
        [
            "client_disconnect",
            "transport_close",
            "transport_error",
            "ping_timeout",
            "connect_timeout",
            "malformed",
            "payload_too_large",
            "queue_full",
            "stalled",
            "server_disconnect",
            "shutting_down",
        ]
        .get(index)
        .copied()
        .unwrap_or_default()
    }

    pub(crate) fn index(&self) -> usize {
        match self {
            Self::ClientDisconnect => 0,
            Self::TransportClose => 1,
            Self::TransportError => 2,
            Self::PingTimeout => 3,
            Self::ConnectTimeout => 4,
            Self::Malformed(_) => 5,
            Self::PayloadTooLarge => 6,
            Self::QueueFull => 7,
            Self::Stalled => 8,
            Self::Server(_) => 9,
            Self::ShuttingDown => 10,
        }
    }

    /// Whether the client or the network brought it about, and not the server: then events that
    /// had arrived before are still handled.
    pub(crate) fn is_clients(&self) -> bool {
        matches!(
            self,
            Self::ClientDisconnect
                | Self::TransportClose
                | Self::TransportError
                | Self::PingTimeout
        )
    }

    /// The status code of the WebSocket close frame (RFC 6455 §7.4.1).
    pub(crate) fn close_code(&self) -> u16 {
        match self {
            Self::ShuttingDown => 1001,
            Self::Malformed(_) => 1002,
            Self::PayloadTooLarge => 1009,
            Self::ConnectTimeout | Self::Server(_) | Self::QueueFull | Self::Stalled => 1008,
            _ => 1000,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientDisconnect => f.write_str("client namespace disconnect"),
            Self::TransportClose => f.write_str("transport close"),
            Self::TransportError => f.write_str("transport error"),
            Self::PingTimeout => f.write_str("ping timeout"),
            Self::ConnectTimeout => f.write_str("connect timeout"),
            Self::Malformed(what) => write!(f, "malformed input: {what}"),
            Self::PayloadTooLarge => f.write_str("payload too large"),
            Self::QueueFull => f.write_str("too many unsent bytes"),
            Self::Stalled => f.write_str("client does not read"),
            Self::Server(text) => f.write_str(text),
            Self::ShuttingDown => f.write_str("server shutting down"),
        }
    }
}
