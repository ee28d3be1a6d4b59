//! Engine.IO v4 packets, and the payloads that carry several of them in an HTTP body
//! (Engine.IO protocol, "Packet encoding").

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Stands between the packets of a payload.
pub const SEPARATOR: u8 = 0x1e;

/// Clients pad or do not; both are read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One Engine.IO packet as a client may send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `1`: the client ends the session.
    Close,
    /// `2` with its text: `probe` on a transport that is tried for an upgrade.
    Ping(&'a str),
    /// `3` with its text: the answer to a ping.
    Pong(&'a str),
    /// `4`: a text message.
    Text(&'a str),
    /// A binary message.
    Binary(Vec<u8>),
    /// `5`: the upgrade is done.
    Upgrade,
    /// `6`: nothing.
    Noop,
}

/// Bytes that are not an Engine.IO packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The first character is no packet type that a client may send.
    #[error("unknown packet type")]
    UnknownType,
    /// There is text behind a packet that has none.
    #[error("packet has text that it must not have")]
    UnexpectedText,
    /// A binary packet is not base64.
    #[error("bad base64")]
    BadBase64,
}

/// Parses the text of one packet.
pub fn parse(text: &str) -> Result<Packet<'_>, PayloadError> {
    let mut chars = text.chars();
    let kind = chars.next().ok_or(PayloadError::UnknownType)?;
    let rest = chars.as_str();
    let bare =
        |packet| if rest.is_empty() { Ok(packet) } else { Err(PayloadError::UnexpectedText) };
    match kind {
        '1' => bare(Packet::Close),
        '2' => Ok(Packet::Ping(rest)),
        '3' => Ok(Packet::Pong(rest)),
        '4' => Ok(Packet::Text(rest)),
        '5' => bare(Packet::Upgrade),
        '6' => bare(Packet::Noop),
        'b' => BASE64.decode(rest).map(Packet::Binary).map_err(|_| PayloadError::BadBase64),
        _ => Err(PayloadError::UnknownType),
    }
}

/// Takes the next packet of an HTTP body that starts at byte `*at`, and moves `at` past it and its
/// separator. `None` at the end of the body.
pub fn next<'a>(body: &'a str, at: &mut usize) -> Option<Result<Packet<'a>, PayloadError>> {
    let rest = body.get(*at..)?;
    let packet = rest.split(SEPARATOR as char).next()?;
    // One past the end once the last packet is taken, so that an empty last packet is seen.
    *at += packet.len() + 1;
    Some(parse(packet))
}

/// Appends a binary packet in the form that an HTTP body needs: `b` and base64.
pub fn encode_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'b');
    out.extend_from_slice(BASE64.encode(bytes).as_bytes());
}
