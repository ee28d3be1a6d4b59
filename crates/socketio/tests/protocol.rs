//! The parsers: what is encoded is decoded again, arbitrary bytes never panic, and where the
//! stream of bytes is cut does not matter.

use proptest::collection::vec;
use proptest::prelude::*;
use socketio::protocol::frame::{self, Decoder, FrameError, Message, Opcode};
use socketio::protocol::packet::{self, Kind, Packet, PacketError};
use socketio::protocol::{json, payload};

const MAX: usize = 100_000;

/// A client's frame.
fn client_frame(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        n @ 0..=125 => out.push(0x80 | n as u8),
        n @ 126..=0xffff => {
            out.push(0x80 + 126);
            out.extend((n as u16).to_be_bytes());
        }
        n => {
            out.push(0x80 + 127);
            out.extend((n as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// A message in a form that can be compared.
type Seen = (Opcode, Vec<u8>);

fn describe(message: &Message<'_>) -> Seen {
    match message {
        Message::Text(bytes) => (Opcode::Text, bytes.to_vec()),
        Message::Binary(bytes) => (Opcode::Binary, bytes.to_vec()),
        Message::Ping(bytes) => (Opcode::Ping, bytes.to_vec()),
        Message::Pong => (Opcode::Pong, Vec::new()),
        Message::Close(code) => (Opcode::Close, format!("{code:?}").into_bytes()),
    }
}

/// Decodes the pieces of a stream.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Option<FrameError>) {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut input = bytes.as_mut_slice();
        loop {
            match decoder.next(&mut input, MAX) {
                Ok(Some(message)) => seen.push(describe(&message)),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
        assert!(input.is_empty(), "all input is used up");
    }
    (seen, None)
}

/// Messages: whether text, how long, made of which byte, masked with what.
fn messages() -> impl Strategy<Value = Vec<(bool, usize, u8, [u8; 4])>> {
    let sizes = prop_oneof![4 => 0..200usize, 1 => 65_500..65_600usize];
    vec((any::<bool>(), sizes, b' '..b'~', any::<[u8; 4]>()), 1..6)
}

proptest! {
    #[test]
    fn frames_survive_any_split(list in messages(), cuts in vec(any::<prop::sample::Index>(), 0..8)) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (text, length, byte, mask) in list {
            let body: Vec<u8> = (0..length).map(|i| if i % 7 == 0 { byte } else { b'.' }).collect();
            let opcode = if text { Opcode::Text } else { Opcode::Binary };
            stream.extend(client_frame(0x80 | opcode as u8, mask, &body));
            expected.push((opcode, body));
        }
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert!(decode(pieces) == (expected, None));
    }

    #[test]
    fn fragments_are_put_together(parts in vec(vec(b'a'..=b'z', 0..50), 1..5), mask: [u8; 4]) {
        let mut stream = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let fin = if i + 1 == parts.len() { 0x80 } else { 0 };
            stream.extend(client_frame(fin | u8::from(i == 0), mask, part));
            // Control frames may come between the fragments.
            stream.extend(client_frame(0x89, mask, b"hi"));
        }
        let (mut seen, error) = decode([&stream[..]]);
        seen.retain(|(opcode, _)| *opcode != Opcode::Ping);
        prop_assert_eq!(error, None);
        prop_assert_eq!(seen, vec![(Opcode::Text, parts.concat())]);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_any_split_gives_the_same(
        bytes in vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = if bytes.is_empty() { 0 } else { cut.index(bytes.len()) };
        let whole = decode([&bytes[..]]);
        prop_assert_eq!(decode([&bytes[..cut], &bytes[cut..]]), whole.clone());
        prop_assert_eq!(decode(bytes.chunks(1)), whole);
    }

    #[test]
    fn packets_come_back(
        kind in 0..5u8,
        attachments in 0..3usize,
        namespace in "/[a-z/]{0,8}",
        id in proptest::option::of(any::<u64>()),
    ) {
        let kind = [Kind::Connect, Kind::Disconnect, Kind::Event, Kind::Ack, Kind::ConnectError]
            [kind as usize];
        let has_attachments = matches!(kind, Kind::Event | Kind::Ack);
        let attachments = if has_attachments { attachments } else { 0 };
        let id = match kind {
            Kind::Event => id,
            Kind::Ack => Some(id.unwrap_or(7)),
            _ => None,
        };
        let data = match kind {
            Kind::Disconnect => "",
            Kind::Connect | Kind::ConnectError => "{}",
            _ => "[\"a\"]",
        };
        let mut text = packet::encode_head(kind, attachments, &namespace, id).to_vec();
        text.extend(data.as_bytes());
        let text = String::from_utf8(text).unwrap();
        let attachments = (attachments > 0).then_some(attachments);
        let namespace = &*namespace;
        prop_assert_eq!(
            packet::parse(&text),
            Ok(Packet { kind, attachments, namespace, id, data })
        );
    }

    #[test]
    fn packets_never_panic(text in ".{0,60}") {
        let _ = packet::parse(&text);
    }

    #[test]
    fn packets_of_likely_characters_never_panic(text in "[0-9/,a{}\\[\\]\"-]{0,20}") {
        let _ = packet::parse(&text);
        let _ = json::elements(&text, 4);
        let _ = payload::parse(&text);
    }

    #[test]
    fn elements_are_the_values_of_the_array(values in vec("[a-z\\[{\" ]{0,6}", 0..6)) {
        let text = serde_json::to_string_pretty(&values).unwrap();
        let found: Vec<String> = json::elements(&text, 4)
            .unwrap()
            .into_iter()
            .map(|r| serde_json::from_str(&text[r.start as usize..r.end as usize]).unwrap())
            .collect();
        prop_assert_eq!(found, values);
    }

    #[test]
    fn payloads_are_taken_apart(texts in vec("[a-zü]{0,5}", 1..5), bytes in vec(any::<u8>(), 0..20)) {
        let mut body = Vec::new();
        for text in &texts {
            body.extend(format!("4{text}\u{1e}").into_bytes());
        }
        payload::encode_binary(&mut body, &bytes);
        let body = String::from_utf8(body).unwrap();
        let mut at = 0;
        let mut seen = Vec::new();
        while let Some(packet) = payload::next(&body, &mut at) {
            seen.push(packet.unwrap());
        }
        let mut expected: Vec<_> = texts.iter().map(|t| payload::Packet::Text(t)).collect();
        expected.push(payload::Packet::Binary(bytes));
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn a_payload_ends_whatever_it_holds() {
    for body in ["", "\u{1e}", "4a\u{1e}", "\u{1e}\u{1e}4"] {
        let mut at = 0;
        let count = std::iter::from_fn(|| payload::next(body, &mut at)).take(10).count();
        assert_eq!(count, body.matches('\u{1e}').count() + 1, "{body:?}");
    }
}

#[test]
fn frames_that_rfc_6455_forbids_are_refused() {
    let mask = [1, 2, 3, 4];
    let frame = |first, payload: &[u8]| client_frame(first, mask, payload);
    let cases: Vec<(Vec<u8>, FrameError)> = vec![
        (vec![0x81, 0x01, b'a'], FrameError::NotMasked),
        (frame(0xc1, b"a"), FrameError::ReservedBits),
        (frame(0x83, b"a"), FrameError::UnknownOpcode),
        (frame(0x09, b"a"), FrameError::BadControlFrame),
        (frame(0x89, &[0; 126]), FrameError::BadControlFrame),
        (frame(0x80, b"a"), FrameError::BadFragmentation),
        ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), FrameError::BadFragmentation),
        (frame(0x81, &[0xff]), FrameError::NotUtf8),
        (frame(0x88, &[3]), FrameError::BadClose),
        (frame(0x88, &1005u16.to_be_bytes()), FrameError::BadClose),
        (frame(0x88, &[3, 232, 0xff]), FrameError::BadClose),
        (vec![0x81, 0xfe, 0, 125, 0, 0, 0, 0], FrameError::BadLength),
        (vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], FrameError::BadLength),
        (vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], FrameError::BadLength),
        (vec![0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], FrameError::TooLarge),
        (
            [frame(0x02, &vec![0; MAX]), frame(0x00, &[0]), frame(0x80, &[0])].concat(),
            FrameError::TooLarge,
        ),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode([&bytes[..]]).1, Some(error), "{:?}", &bytes[..bytes.len().min(20)]);
    }
}

#[test]
fn a_large_length_reserves_no_memory() {
    let mut decoder = Decoder::default();
    let mut bytes = client_frame(0x82, [0; 4], &vec![0; MAX]);
    bytes.truncate(20);
    let mut input = bytes.as_mut_slice();
    assert!(decoder.next(&mut input, MAX).unwrap().is_none());
    assert!(!decoder.is_idle());
}

#[test]
fn the_servers_frames_have_the_shortest_header() {
    for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        let frame = frame::encode(Opcode::Binary, &vec![7; length]);
        assert_eq!(frame.len(), header + length);
        assert_eq!(frame::header_size(length), header);
    }
    assert!(frame::encode_close(1000, &"ü".repeat(100)).len() <= 127);
}

#[test]
fn packets_that_the_protocol_does_not_have_are_refused() {
    for (text, error) in [
        ("", PacketError::UnknownType),
        ("7", PacketError::UnknownType),
        ("5[\"a\"]", PacketError::BadAttachments),
        ("599999999999999999999999-[]", PacketError::BadAttachments),
        ("5-[]", PacketError::BadAttachments),
        ("299999999999999999999[]", PacketError::BadId),
        ("3[]", PacketError::BadId),
        ("01", PacketError::UnexpectedPart),
        ("1[]", PacketError::UnexpectedPart),
    ] {
        assert_eq!(packet::parse(text), Err(error), "{text}");
    }
}

#[test]
fn json_is_bounded_in_depth() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(json::elements(&nested(64), 64).is_ok());
    assert_eq!(json::elements(&nested(65), 64), Err(json::JsonError::TooDeep));
    assert_eq!(json::elements(&"[".repeat(60_000), 64), Err(json::JsonError::TooDeep));
    assert!(json::elements(r#"["[[[[[\"[[[["]"#, 1).is_ok(), "brackets in text do not count");
}
