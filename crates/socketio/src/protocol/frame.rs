//! The server's side of the WebSocket framing (RFC 6455 §5).
//!
//! [`Decoder`] turns a stream of bytes into messages. It works in the caller's buffer and keeps
//! bytes of its own only while a frame or a fragmented message is incomplete.

use std::ops::Deref;

/// What the four opcode bits of a frame say (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further part of a fragmented message.
    Continuation = 0,
    /// UTF-8 text.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// Start or answer of the closing handshake.
    Close = 8,
    /// A control frame that must be answered with a pong.
    Ping = 9,
    /// The answer to a ping.
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// A violation of RFC 6455, or a message past the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A reserved bit is set; no extension was negotiated (§5.2).
    #[error("reserved bit set")]
    ReservedBits,
    /// An opcode that RFC 6455 does not define (§5.2).
    #[error("unknown opcode")]
    UnknownOpcode,
    /// A client's frame must be masked (§5.1).
    #[error("frame is not masked")]
    NotMasked,
    /// A control frame is fragmented or longer than 125 bytes (§5.5).
    #[error("bad control frame")]
    BadControlFrame,
    /// A continuation without a start, or a start inside a fragmented message (§5.4).
    #[error("bad fragmentation")]
    BadFragmentation,
    /// A length that is not written in the fewest bytes, or with its highest bit set (§5.2).
    #[error("bad length")]
    BadLength,
    /// The message is larger than allowed.
    #[error("message too large")]
    TooLarge,
    /// A text message is not UTF-8 (§8.1).
    #[error("text is not UTF-8")]
    NotUtf8,
    /// The body of a close frame is malformed (§5.5.1, §7.4).
    #[error("bad close frame")]
    BadClose,
}

impl FrameError {
    /// The status code of the close frame that answers this error (RFC 6455 §7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::TooLarge => 1009,
            Self::NotUtf8 => 1007,
            _ => 1002,
        }
    }
}

/// The bytes of a message: in the caller's buffer when it came in one piece, else owned.
#[derive(Debug)]
pub enum Payload<'a> {
    /// Part of the buffer that was passed to [`Decoder::next`].
    Borrowed(&'a [u8]),
    /// A buffer and where in it the payload starts.
    Owned(Vec<u8>, usize),
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes, start) => bytes.get(*start..).unwrap_or_default(),
        }
    }
}

/// One complete message or control frame.
#[derive(Debug)]
pub enum Message<'a> {
    /// A text message; [`Decoder`] has checked that it is UTF-8.
    Text(Payload<'a>),
    /// A binary message.
    Binary(Payload<'a>),
    /// A ping with at most 125 bytes.
    Ping(Payload<'a>),
    /// A pong.
    Pong,
    /// The client closes, with its status code if it gave one.
    Close(Option<u16>),
}

impl Message<'_> {
    /// The text of a text message.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(payload) => std::str::from_utf8(payload).ok(),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
struct Header {
    fin: bool,
    opcode: Opcode,
    mask: [u8; 4],
    /// Bytes of the header itself.
    size: usize,
    /// Bytes of the payload.
    length: usize,
}

/// Reads a frame header. `Ok(None)` when more bytes are needed.
fn parse_header(bytes: &[u8], max_length: usize) -> Result<Option<Header>, FrameError> {
    let (Some(&first), Some(&second)) = (bytes.first(), bytes.get(1)) else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(FrameError::ReservedBits);
    }
    let fin = first & 0x80 != 0;
    let opcode = Opcode::from_bits(first & 0x0f).ok_or(FrameError::UnknownOpcode)?;
    if second & 0x80 == 0 {
        return Err(FrameError::NotMasked);
    }
    let short = second & 0x7f;
    if opcode.is_control() && (!fin || short > 125) {
        return Err(FrameError::BadControlFrame);
    }
    let (length, extended) = match short {
        126 => {
            let Some(raw) = bytes.get(2..4).and_then(|raw| raw.try_into().ok()) else {
                return Ok(None);
            };
            let length = u64::from(u16::from_be_bytes(raw));
            if length < 126 {
                return Err(FrameError::BadLength);
            }
            (length, 2)
        }
        127 => {
            let Some(raw) = bytes.get(2..10).and_then(|raw| raw.try_into().ok()) else {
                return Ok(None);
            };
            let length = u64::from_be_bytes(raw);
            if length < 0x1_0000 || length >> 63 != 0 {
                return Err(FrameError::BadLength);
            }
            (length, 8)
        }
        short => (u64::from(short), 0),
    };
    if !opcode.is_control() && length > max_length as u64 {
        return Err(FrameError::TooLarge);
    }
    let size = 2 + extended + 4;
    let Some(mask) = bytes.get(size - 4..size).and_then(|raw| raw.try_into().ok()) else {
        return Ok(None);
    };
    Ok(Some(Header { fin, opcode, mask, size, length: length as usize }))
}

/// Removes the mask (RFC 6455 §5.3), eight bytes at a time.
pub fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let word = u32::from_ne_bytes(mask);
    let wide = (u64::from(word) << 32) | u64::from(word);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Turns a client's bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The start of a frame that is not complete yet.
    partial: Vec<u8>,
    /// The parts so far of a fragmented message.
    fragments: Option<Box<(Opcode, Vec<u8>)>>,
}

impl Decoder {
    /// Takes the next message from the front of `input`, which is advanced past what was used.
    /// `Ok(None)` when `input` is used up; an incomplete frame is kept for the next call.
    ///
    /// `max_length` bounds a message, in bytes, fragmented or not. After an error the connection
    /// is to be closed.
    #[expect(clippy::mut_mut, reason = "the slice itself is advanced")]
    pub fn next<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        max_length: usize,
    ) -> Result<Option<Message<'a>>, FrameError> {
        loop {
            let left = max_length - self.fragments.as_ref().map_or(0, |parts| parts.1.len());
            let (header, payload) = if self.partial.is_empty() {
                let Some(header) = parse_header(input, left)? else {
                    self.partial.extend_from_slice(input);
                    *input = &mut [];
                    return Ok(None);
                };
                if input.len() - header.size < header.length {
                    self.partial.extend_from_slice(input);
                    *input = &mut [];
                    return Ok(None);
                }
                let (frame, rest) = std::mem::take(input).split_at_mut(header.size + header.length);
                *input = rest;
                let (_, body) = frame.split_at_mut(header.size);
                unmask(body, header.mask);
                (header, Payload::Borrowed(body))
            } else {
                let Some((header, frame)) = self.complete_partial(input, left)? else {
                    return Ok(None);
                };
                (header, Payload::Owned(frame, header.size))
            };
            if let Some(message) = self.accept(header, payload)? {
                return Ok(Some(message));
            }
        }
    }

    /// Whether bytes of an incomplete frame or message are held.
    pub fn is_idle(&self) -> bool {
        self.partial.is_empty() && self.fragments.is_none()
    }

    /// Moves bytes from `input` behind the partial frame until that is complete, and takes it.
    #[expect(clippy::mut_mut, reason = "the slice itself is advanced")]
    fn complete_partial(
        &mut self,
        input: &mut &mut [u8],
        max_length: usize,
    ) -> Result<Option<(Header, Vec<u8>)>, FrameError> {
        loop {
            let header = parse_header(&self.partial, max_length)?;
            // Without a header one byte more is asked for, so that never more than one frame
            // comes into `partial`.
            let missing = header.map_or(1, |h| h.size + h.length - self.partial.len());
            if let (Some(header), 0) = (header, missing) {
                let mut frame = std::mem::take(&mut self.partial);
                if let Some(body) = frame.get_mut(header.size..) {
                    unmask(body, header.mask);
                }
                return Ok(Some((header, frame)));
            }
            if input.is_empty() {
                return Ok(None);
            }
            let count = missing.min(input.len());
            let (taken, rest) = std::mem::take(input).split_at_mut(count);
            self.partial.extend_from_slice(taken);
            *input = rest;
        }
    }

    /// Judges one whole frame. `Ok(None)` when it was a part of a message.
    fn accept<'a>(
        &mut self,
        header: Header,
        payload: Payload<'a>,
    ) -> Result<Option<Message<'a>>, FrameError> {
        let (opcode, payload) = match (header.opcode, &mut self.fragments) {
            (Opcode::Close, _) => return parse_close(&payload).map(Some),
            (Opcode::Ping, _) => return Ok(Some(Message::Ping(payload))),
            (Opcode::Pong, _) => return Ok(Some(Message::Pong)),
            (Opcode::Continuation, None) | (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(FrameError::BadFragmentation);
            }
            (Opcode::Continuation, Some(parts)) => {
                parts.1.extend_from_slice(&payload);
                if !header.fin {
                    return Ok(None);
                }
                let Some(parts) = self.fragments.take() else {
                    return Err(FrameError::BadFragmentation);
                };
                (parts.0, Payload::Owned(parts.1, 0))
            }
            (opcode, None) if !header.fin => {
                self.fragments = Some(Box::new((opcode, payload.to_vec())));
                return Ok(None);
            }
            (opcode, None) => (opcode, payload),
        };
        if opcode == Opcode::Binary {
            return Ok(Some(Message::Binary(payload)));
        }
        if std::str::from_utf8(&payload).is_err() {
            return Err(FrameError::NotUtf8);
        }
        Ok(Some(Message::Text(payload)))
    }
}

/// The body of a close frame: nothing, or a status code and a UTF-8 reason (RFC 6455 §5.5.1).
fn parse_close(body: &[u8]) -> Result<Message<'static>, FrameError> {
    if body.is_empty() {
        return Ok(Message::Close(None));
    }
    let (Some(code), Some(reason)) = (body.get(..2), body.get(2..)) else {
        return Err(FrameError::BadClose);
    };
    let code = code.try_into().map(u16::from_be_bytes).map_err(|_| FrameError::BadClose)?;
    let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    if !allowed || std::str::from_utf8(reason).is_err() {
        return Err(FrameError::BadClose);
    }
    Ok(Message::Close(Some(code)))
}

/// Appends the header of an unfragmented server frame (unmasked, RFC 6455 §5.1).
pub fn encode_header(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    out.push(0x80 | opcode as u8);
    match length {
        0..=125 => out.push(length as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The size in bytes of the header that [`encode_header`] writes.
pub fn header_size(length: usize) -> usize {
    match length {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// A whole server frame.
pub fn encode(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + header_size(payload.len()));
    encode_header(&mut out, opcode, payload.len());
    out.extend_from_slice(payload);
    out
}

/// A close frame. The reason is cut to what fits into a control frame.
pub fn encode_close(code: u16, reason: &str) -> Vec<u8> {
    let mut body = code.to_be_bytes().to_vec();
    let end = reason.floor_char_boundary(123);
    body.extend_from_slice(&reason.as_bytes()[..end]);
    encode(Opcode::Close, &body)
}
