//! WebSocket frames: no panic, and the same messages however the stream is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use socketio::protocol::frame::{Decoder, FrameError, Message};

const MAX: usize = 4_096;

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut input = bytes.as_mut_slice();
        loop {
            let (tag, body) = match decoder.next(&mut input, MAX) {
                Ok(Some(Message::Text(body))) => (1, body.to_vec()),
                Ok(Some(Message::Binary(body))) => (2, body.to_vec()),
                Ok(Some(Message::Ping(body))) => (9, body.to_vec()),
                Ok(Some(Message::Pong)) => (10, Vec::new()),
                Ok(Some(Message::Close(code))) => (8, format!("{code:?}").into_bytes()),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            };
            assert!(body.len() <= MAX, "a message is bounded");
            seen.push([&[tag], &body[..]].concat());
        }
    }
    (seen, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = decode([stream]);
    assert_eq!(decode(stream.chunks(usize::from(*cut) + 1)), whole);
});
