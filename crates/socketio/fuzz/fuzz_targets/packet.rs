//! Socket.IO packets and their JSON: no panic, and a head that is encoded again as it was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use socketio::protocol::{json, packet};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(parsed) = packet::parse(text) else { return };
    if let Ok(elements) = json::elements(parsed.data, 64) {
        for range in elements {
            let element = &parsed.data[range.start as usize..range.end as usize];
            assert!(serde_json_accepts(element), "an element is JSON: {element}");
        }
    }
    // Only JSON is ever put behind a head, and that none of it could be taken for a part of it.
    if !parsed.data.is_empty() && !parsed.data.starts_with(['[', '{']) {
        return;
    }
    let attachments = parsed.attachments.unwrap_or(0);
    let head = packet::encode_head(parsed.kind, attachments, parsed.namespace, parsed.id);
    let mut head = head.to_vec();
    head.extend_from_slice(parsed.data.as_bytes());
    let again = String::from_utf8(head).expect("all its parts are text");
    let reparsed = packet::parse(&again).expect("what was encoded is a packet");
    assert_eq!((reparsed.kind, reparsed.namespace), (parsed.kind, parsed.namespace));
    assert_eq!((reparsed.id, reparsed.data), (parsed.id, parsed.data));
});

fn serde_json_accepts(element: &str) -> bool {
    json::elements(&format!("[{element}]"), 65).is_ok_and(|found| found.len() == 1)
}
