//! Socket.IO v5 packets (Socket.IO protocol, "Packet encoding"):
//! `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`.

use smallvec::SmallVec;

/// What stands before a packet's JSON. Most is short.
pub type Head = SmallVec<[u8; 32]>;

/// The namespace of packets that name none.
pub const MAIN: &str = "/";

/// A packet's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `0`: connect to a namespace.
    Connect,
    /// `1`: leave a namespace.
    Disconnect,
    /// `2` or `5`: an event.
    Event,
    /// `3` or `6`: the answer to an event.
    Ack,
    /// `4`: a connect that was refused.
    ConnectError,
}

/// A packet's parts. The JSON is not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The type; binary and plain events are both [`Kind::Event`].
    pub kind: Kind,
    /// How many binary messages follow; `None` for the types without any.
    pub attachments: Option<usize>,
    /// The namespace, with its leading `/`.
    pub namespace: &'a str,
    /// The number by which an event and its acknowledgement find each other.
    pub id: Option<u64>,
    /// The JSON text behind it all, empty when there is none.
    pub data: &'a str,
}

/// Text that is not a Socket.IO packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The first character is no packet type.
    #[error("unknown packet type")]
    UnknownType,
    /// The number of attachments is missing or too large to be read.
    #[error("bad number of attachments")]
    BadAttachments,
    /// The acknowledgement id does not fit into 64 bits, or is missing from an acknowledgement.
    #[error("bad acknowledgement id")]
    BadId,
    /// A packet carries a part that its type does not have.
    #[error("packet has a part that its type does not have")]
    UnexpectedPart,
}

/// Takes the decimal digits off the front of `text`.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Parses a packet.
pub fn parse(text: &str) -> Result<Packet<'_>, PacketError> {
    let mut chars = text.chars();
    let (kind, binary) = match chars.next() {
        Some('0') => (Kind::Connect, false),
        Some('1') => (Kind::Disconnect, false),
        Some('2') => (Kind::Event, false),
        Some('3') => (Kind::Ack, false),
        Some('4') => (Kind::ConnectError, false),
        Some('5') => (Kind::Event, true),
        Some('6') => (Kind::Ack, true),
        _ => return Err(PacketError::UnknownType),
    };
    let mut rest = chars.as_str();
    let mut attachments = None;
    if binary {
        let (count, after) = digits(rest);
        rest = after.strip_prefix('-').ok_or(PacketError::BadAttachments)?;
        attachments = Some(count.parse().map_err(|_| PacketError::BadAttachments)?);
    }
    let mut namespace = MAIN;
    if rest.starts_with('/') {
        (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    let (number, data) = digits(rest);
    let id = match number {
        "" => None,
        number => Some(number.parse().map_err(|_| PacketError::BadId)?),
    };
    match kind {
        Kind::Ack if id.is_none() => return Err(PacketError::BadId),
        Kind::Connect | Kind::ConnectError if id.is_some() => {
            return Err(PacketError::UnexpectedPart);
        }
        Kind::Disconnect if id.is_some() || !data.is_empty() => {
            return Err(PacketError::UnexpectedPart);
        }
        _ => {}
    }
    Ok(Packet { kind, attachments, namespace, id, data })
}

/// Everything of a packet that stands before its JSON.
pub fn encode_head(kind: Kind, attachments: usize, namespace: &str, id: Option<u64>) -> Head {
    let mut out = Head::new();
    let binary = attachments > 0;
    out.push(match kind {
        Kind::Connect => b'0',
        Kind::Disconnect => b'1',
        Kind::Event if binary => b'5',
        Kind::Event => b'2',
        Kind::Ack if binary => b'6',
        Kind::Ack => b'3',
        Kind::ConnectError => b'4',
    });
    if binary {
        out.extend_from_slice(attachments.to_string().as_bytes());
        out.push(b'-');
    }
    if namespace != MAIN {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
    if let Some(id) = id {
        out.extend_from_slice(id.to_string().as_bytes());
    }
    out
}

/// Names that the protocol keeps for itself; no event may have them.
pub const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
