//! Packets to clients, encoded once and shared by all who get them.

use crate::protocol::frame::{self as ws, Opcode};
use crate::protocol::packet::{self, Kind, MAIN};
use crate::protocol::payload;
use bytes::Bytes;
use serde::Serialize;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// An event that cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A value has no JSON form.
    #[error("not serialisable: {0}")]
    Json(#[from] serde_json::Error),
    /// The arguments are not a tuple, array or slice.
    #[error("arguments must be a tuple, an array or a slice, one element per argument")]
    NotASequence,
    /// The name is one that the protocol keeps for itself, such as `disconnect`.
    #[error("`{0}` is a reserved event name")]
    ReservedName(String),
}

/// A packet as complete bytes for every transport. Cloning it copies a pointer.
#[derive(Clone)]
pub struct Frame(Arc<Inner>);

struct Inner {
    /// One or more complete WebSocket frames.
    websocket: Box<[u8]>,
    /// Where the Engine.IO text packet lies in `websocket`; empty for frames of WebSocket alone.
    text: Range<usize>,
    /// Where the attachments lie in `websocket`.
    attachments: Box<[Range<usize>]>,
    /// The packet as part of an HTTP body, when it differs from `text`.
    polling: OnceLock<Box<[u8]>>,
}

impl Frame {
    /// An event with the elements of `args` as arguments: a tuple, an array or a slice. One
    /// argument is written `&(value,)`.
    pub fn event(namespace: &str, name: &str, args: &impl Serialize) -> Result<Self, EncodeError> {
        Self::builder(namespace, name)?.args(args)?.build()
    }

    /// An event that is put together argument by argument.
    pub fn builder(namespace: &str, name: &str) -> Result<FrameBuilder, EncodeError> {
        if packet::RESERVED.contains(&name) {
            return Err(EncodeError::ReservedName(name.to_owned()));
        }
        // Most events are short, and a vector that grows byte by byte is copied over and over.
        let mut json = Vec::with_capacity(256);
        json.push(b'[');
        serde_json::to_writer(&mut json, name)?;
        Ok(FrameBuilder {
            kind: Kind::Event,
            namespace: of_namespace(namespace),
            id: None,
            json,
            attachments: Vec::new(),
        })
    }

    /// The acknowledgement of a client's event.
    pub(crate) fn ack(namespace: &str, id: u64) -> FrameBuilder {
        FrameBuilder {
            kind: Kind::Ack,
            namespace: of_namespace(namespace),
            id: Some(id),
            json: vec![b'['],
            attachments: Vec::new(),
        }
    }

    /// A packet with JSON but without attachments, such as CONNECT.
    pub(crate) fn packet(kind: Kind, namespace: &str, json: &str) -> Self {
        let head = packet::encode_head(kind, 0, namespace, None);
        Self::assemble(&[b"4", &head, json.as_bytes()], &[])
    }

    /// An Engine.IO packet that is text.
    pub(crate) fn engine_text(text: &[u8]) -> Self {
        Self::assemble(&[text], &[])
    }

    /// A binary message of Engine.IO.
    pub(crate) fn engine_binary(bytes: &[u8]) -> Self {
        let websocket = ws::encode(Opcode::Binary, bytes).into_boxed_slice();
        let start = websocket.len() - bytes.len();
        let attachment = start..websocket.len();
        Self(Arc::new(Inner {
            websocket,
            text: 0..0,
            attachments: Box::new([attachment]),
            polling: OnceLock::new(),
        }))
    }

    /// A control frame of WebSocket.
    pub(crate) fn control(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Inner {
            websocket: bytes.into_boxed_slice(),
            text: 0..0,
            attachments: Box::default(),
            polling: OnceLock::new(),
        }))
    }

    /// The text packet in its parts, and the attachments behind it.
    fn assemble(text: &[&[u8]], attachments: &[Bytes]) -> Self {
        let size = |length: usize| length + ws::header_size(length);
        let length = text.iter().map(|part| part.len()).sum();
        let total = size(length) + attachments.iter().map(|a| size(a.len())).sum::<usize>();
        let mut out = Vec::with_capacity(total);
        let mut append = |opcode, length, parts: &[&[u8]]| {
            ws::encode_header(&mut out, opcode, length);
            let start = out.len();
            for part in parts {
                out.extend_from_slice(part);
            }
            start..out.len()
        };
        let text = append(Opcode::Text, length, text);
        let attachments =
            attachments.iter().map(|a| append(Opcode::Binary, a.len(), &[a])).collect();
        Self(Arc::new(Inner {
            websocket: out.into_boxed_slice(),
            text,
            attachments,
            polling: OnceLock::new(),
        }))
    }

    /// The complete WebSocket frames.
    pub(crate) fn websocket(&self) -> &[u8] {
        &self.0.websocket
    }

    /// The packet for an HTTP body; empty when it has no meaning there.
    pub(crate) fn polling(&self) -> &[u8] {
        let text = &self.0.websocket[self.0.text.clone()];
        if self.0.attachments.is_empty() {
            return text;
        }
        self.0.polling.get_or_init(|| {
            let mut out = text.to_vec();
            for range in &self.0.attachments {
                if !out.is_empty() {
                    out.push(payload::SEPARATOR);
                }
                payload::encode_binary(&mut out, &self.0.websocket[range.clone()]);
            }
            out.into_boxed_slice()
        })
    }

    /// How many packets it is in an HTTP body.
    pub(crate) fn packets(&self) -> usize {
        usize::from(!self.0.text.is_empty()) + self.0.attachments.len()
    }

    /// The size on a WebSocket in bytes, by which queues are measured.
    pub fn size(&self) -> usize {
        self.0.websocket.len()
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame").field("size", &self.size()).finish_non_exhaustive()
    }
}

fn of_namespace(name: &str) -> Option<Box<str>> {
    (name != MAIN).then(|| name.into())
}

/// Puts an event or an acknowledgement together. See [`Frame::builder`].
#[derive(Debug)]
pub struct FrameBuilder {
    kind: Kind,
    /// `None` for the main one.
    namespace: Option<Box<str>>,
    id: Option<u64>,
    /// The JSON array so far, without its closing bracket.
    json: Vec<u8>,
    attachments: Vec<Bytes>,
}

impl FrameBuilder {
    /// Appends the elements of a tuple, an array or a slice as arguments.
    pub fn args(mut self, args: &impl Serialize) -> Result<Self, EncodeError> {
        self.separate();
        let start = self.json.len();
        serde_json::to_writer(&mut self.json, args)?;
        let inner = match self.json.get(start..) {
            Some(b"null" | b"[]") => &[],
            Some([b'[', inner @ .., b']']) => inner,
            _ => return Err(EncodeError::NotASequence),
        };
        if inner.is_empty() {
            self.json.truncate(start);
            self.unseparate();
        } else {
            // Shift the elements over the opening bracket and drop the closing one.
            let end = self.json.len() - 1;
            self.json.copy_within(start + 1..end, start);
            self.json.truncate(end - 1);
        }
        Ok(self)
    }

    /// Appends one argument.
    pub fn arg(mut self, arg: &impl Serialize) -> Result<Self, EncodeError> {
        self.separate();
        serde_json::to_writer(&mut self.json, arg)?;
        Ok(self)
    }

    /// Appends the offset by which a client names the last event it saw, as a trailing string.
    /// It must come after every other argument.
    pub fn offset(self, offset: &str) -> Result<Self, EncodeError> {
        self.arg(&offset)
    }

    /// Whether the last argument so far is a text, which clients with connection state recovery
    /// take for an offset.
    pub fn ends_in_text(&self) -> bool {
        self.json.last() == Some(&b'"')
    }

    /// Appends one argument that is a binary attachment.
    pub fn binary(mut self, bytes: Bytes) -> Self {
        self.separate();
        let placeholder = format!(r#"{{"_placeholder":true,"num":{}}}"#, self.attachments.len());
        self.json.extend_from_slice(placeholder.as_bytes());
        self.attachments.push(bytes);
        self
    }

    /// Appends the attachments that placeholders inside the arguments stand for.
    pub fn attachments(mut self, attachments: impl IntoIterator<Item = Bytes>) -> Self {
        self.attachments.extend(attachments);
        self
    }

    pub(crate) fn ack_id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// Encodes the packet.
    pub fn build(mut self) -> Result<Frame, EncodeError> {
        self.json.push(b']');
        let (count, namespace) = (self.attachments.len(), self.namespace.as_deref());
        let head = packet::encode_head(self.kind, count, namespace.unwrap_or(MAIN), self.id);
        Ok(Frame::assemble(&[b"4", &head, &self.json], &self.attachments))
    }

    fn separate(&mut self) {
        if self.json.last() != Some(&b'[') || self.json.len() > 1 {
            self.json.push(b',');
        }
    }

    fn unseparate(&mut self) {
        if self.json.last() == Some(&b',') {
            self.json.pop();
        }
    }
}
