//! WebSocket frames by hand (RFC 6455 §5.2), as little of them as a benchmark needs: whole
//! messages, no fragments, no extensions.

/// The request that opens a Socket.IO connection on WebSocket. Its key is the one of the RFC's
/// example, so that a server may know the answer by heart. `headers` are further header lines.
pub fn request(headers: &str) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// The answer to [`request`].
pub const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn header(length: usize, mask: u8) -> Vec<u8> {
    match length {
        0..=125 => vec![0x81, mask | length as u8],
        126..=0xffff => vec![0x81, mask | 0x7e, (length >> 8) as u8, length as u8],
        _ => {
            let mut out = vec![0x81, mask | 0x7f];
            out.extend_from_slice(&(length as u64).to_be_bytes());
            out
        }
    }
}

/// A text message of a server.
pub fn from_server(text: &[u8]) -> Vec<u8> {
    let mut out = header(text.len(), 0);
    out.extend_from_slice(text);
    out
}

/// A text message of a client. The mask is zero, which leaves the text as it is.
pub fn from_client(text: &[u8]) -> Vec<u8> {
    let mut out = header(text.len(), 0x80);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(text);
    out
}

/// One frame.
#[derive(Debug, PartialEq)]
pub struct Frame<'a> {
    /// 1 is text, 8 the end.
    pub opcode: u8,
    /// The payload, with the mask still on.
    pub payload: &'a [u8],
}

/// Takes the first frame off `input`; `None` when it is not complete.
pub fn next<'a>(input: &mut &'a [u8]) -> Option<Frame<'a>> {
    let bytes: &'a [u8] = input;
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (length, mut at) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        short => (usize::from(short), 2),
    };
    if second & 0x80 != 0 {
        at += 4;
    }
    let end = length.checked_add(at)?;
    let payload = bytes.get(at..end)?;
    *input = &bytes[end..];
    Some(Frame { opcode: first & 0x0f, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = vec![b'x'; length];
            for mut bytes in [from_server(&text), from_client(&text)] {
                let mut short = &bytes[..bytes.len() - 1];
                assert_eq!(next(&mut short), None, "{length} bytes, one missing");
                bytes.extend_from_slice(b"rest");
                let mut input = &bytes[..];
                assert_eq!(next(&mut input), Some(Frame { opcode: 1, payload: &text }));
                assert_eq!(input, b"rest");
            }
        }
    }
}
