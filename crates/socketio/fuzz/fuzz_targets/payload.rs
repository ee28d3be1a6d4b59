//! Engine.IO payloads: no panic, and an end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use socketio::protocol::payload;

fuzz_target!(|data: &[u8]| {
    let Ok(body) = std::str::from_utf8(data) else { return };
    let mut at = 0;
    let mut packets = 0;
    while let Some(packet) = payload::next(body, &mut at) {
        packets += 1;
        if let Ok(payload::Packet::Binary(bytes)) = packet {
            let mut text = Vec::new();
            payload::encode_binary(&mut text, &bytes);
            let text = String::from_utf8(text).expect("base64 is text");
            assert_eq!(payload::parse(&text), Ok(payload::Packet::Binary(bytes)));
        }
    }
    assert_eq!(packets, body.matches('\u{1e}').count() + 1);
});
