//! Transports, upgrade, heartbeat, and input that must be refused.

use crate::support::{Got, Note, TestServer, Ws};
use socketio::{Config, Reason, Refused};
use std::time::Duration;

fn quick() -> Config {
    Config {
        ping_interval: Duration::from_millis(60),
        ping_timeout: Duration::from_secs(1),
        ..Config::default()
    }
}

#[tokio::test]
async fn handshakes_that_are_wrong_get_the_protocols_errors() {
    let server = TestServer::start(Config::default()).await;
    let sid = "&sid=AAAAAAAAAAAAAAAAAAAA";
    for (method, query, status, body) in [
        ("GET", sid, 400, r#"{"code":1,"message":"Session ID unknown"}"#),
        ("POST", sid, 400, r#"{"code":1,"message":"Session ID unknown"}"#),
        ("GET", "&sid=short", 400, r#"{"code":1,"message":"Session ID unknown"}"#),
        ("POST", "", 400, r#"{"code":2,"message":"Bad handshake method"}"#),
        ("PUT", sid, 400, r#"{"code":3,"message":"Bad request"}"#),
    ] {
        let reply = server.http(method, query, "", "").await;
        assert_eq!((reply.status, &*reply.body), (status, body), "{method} {query}");
    }
    let open = server.http("GET", "", "", "").await;
    assert_eq!(open.status, 200);
    for part in [r#""upgrades":["websocket"]"#, r#""pingInterval":25000"#, r#""maxPayload":65536"#]
    {
        assert!(open.body.contains(part), "{part} in {}", open.body);
    }
}

#[tokio::test]
async fn the_gate_refuses_and_adds_headers() {
    let server = TestServer::start_with(Config::default(), |builder| {
        builder.gate(|request, headers| {
            headers.insert("x-allow", http::HeaderValue::from_static("yes"));
            let foreign = request.headers.get("origin").is_some_and(|o| o != "http://shop");
            if foreign { Err(Refused("origin not allowed")) } else { Ok(()) }
        })
    })
    .await;
    let foreign = server.http("GET", "", "Origin: http://evil\r\n", "").await;
    assert_eq!(foreign.status, 403);
    assert_eq!(foreign.body, r#"{"code":4,"message":"origin not allowed"}"#);
    let own = server.http("GET", "", "Origin: http://shop\r\n", "").await;
    assert_eq!(own.status, 200);
    let preflight = server.http("OPTIONS", "", "Origin: http://shop\r\n", "").await;
    assert_eq!(preflight.status, 204);
    for reply in [foreign, own, preflight] {
        assert!(reply.head.contains("x-allow: yes"), "{}", reply.head);
    }
}

#[tokio::test]
async fn the_first_ping_comes_after_one_interval_and_the_session_ends_without_a_pong() {
    let server = TestServer::start(quick()).await;
    let mut ws = Ws::open(server.address, None).await;
    ws.expect_start("0{").await;
    ws.send("40").await;
    ws.expect_start("40{").await;
    ws.expect("2").await;
    ws.send("3").await;
    ws.expect("2").await;
    assert_eq!(ws.expect_close().await, (1000, "ping timeout".to_owned()));
    assert_eq!(server.end().await, Reason::PingTimeout);
}

#[tokio::test]
async fn polling_carries_packets_both_ways() {
    let server = TestServer::start(Config::default()).await;
    let sid = server.open_polling().await;
    assert_eq!(server.http("POST", &sid, "", "40").await.body, "ok");
    assert!(server.http("GET", &sid, "", "").await.body.starts_with("40{"));
    let body = "42[\"echo\",1]\u{1e}42[\"echo\",2]";
    assert_eq!(server.http("POST", &sid, "", body).await.body, "ok");
    let got = server.http("GET", &sid, "", "").await.body;
    assert_eq!(got, "42[\"echo\",1]\u{1e}42[\"echo\",2]");
    // A waiting request is answered when something comes.
    let (got, _) = tokio::join!(
        server.http("GET", &sid, "", ""),
        server.http("POST", &sid, "", "42[\"slow\",3]")
    );
    assert_eq!(got.body, "42[\"slow\",3]");
    assert_eq!(server.http("POST", &sid, "", "1").await.body, "ok");
    assert_eq!(server.end().await, Reason::TransportClose);
    assert_eq!(server.http("GET", &sid, "", "").await.status, 400);
}

#[tokio::test]
async fn a_body_that_is_malformed_or_too_large_ends_the_session() {
    let server = TestServer::start(Config::default()).await;
    for (body, status, reason) in [
        ("x".to_owned(), 400, Reason::Malformed("not an Engine.IO packet")),
        ("4".repeat(70_000), 413, Reason::PayloadTooLarge),
    ] {
        let sid = server.open_polling().await;
        server.http("POST", &sid, "", "40").await;
        server.socket().await;
        assert_eq!(server.http("POST", &sid, "", &body).await.status, status);
        assert_eq!(server.end().await, reason);
        assert_eq!(server.http("GET", &sid, "", "").await.status, 400);
    }
}

#[tokio::test]
async fn packets_under_way_during_the_upgrade_arrive_once_and_in_order() {
    let server = TestServer::start(Config::default()).await;
    let sid = server.open_polling().await;
    server.http("POST", &sid, "", "40").await;
    assert!(server.http("GET", &sid, "", "").await.body.starts_with("40{"));
    let socket = server.socket().await;
    let mut ws = Ws::open(server.address, Some(&sid)).await;
    ws.send("2probe").await;
    ws.expect("3probe").await;
    // The client is told to stop polling.
    assert_eq!(server.http("GET", &sid, "", "").await.body, "6");
    // Sent while neither transport is there.
    socket.emit("during", &(1,)).unwrap();
    server.http("POST", &sid, "", "42[\"echo\",2]").await;
    ws.send("5").await;
    ws.expect("42[\"during\",1]").await;
    ws.expect("42[\"echo\",2]").await;
    ws.send("42[\"echo\",3]").await;
    ws.expect("42[\"echo\",3]").await;
    assert_eq!(server.http("GET", &sid, "", "").await.status, 400, "polling is over");
    let mut second = Ws::open(server.address, Some(&sid)).await;
    assert_eq!(second.next().await, Got::End, "a second WebSocket is closed");
    ws.send("42[\"echo\",4]").await;
    ws.expect("42[\"echo\",4]").await;
}

#[tokio::test]
async fn what_comes_right_behind_the_upgrade_packet_is_not_lost() {
    let server = TestServer::start(Config::default()).await;
    let sid = server.open_polling().await;
    let mut ws = Ws::open(server.address, Some(&sid)).await;
    ws.send("2probe").await;
    ws.expect("3probe").await;
    let packets = ["5", "40", "42[\"echo\",1]"];
    // CONNECT is answered at once here, so that the event may follow it blindly.
    let bytes: Vec<u8> = packets.iter().flat_map(|p| ws.frame(0x81, p.as_bytes())).collect();
    ws.send_bytes(&bytes).await;
    ws.expect_start("40{").await;
    ws.expect("42[\"echo\",1]").await;
}

#[tokio::test]
async fn input_that_the_protocols_forbid_closes_that_connection_alone() {
    let server = TestServer::start(Config { max_payload: 1_000, ..Config::default() }).await;
    let (mut other, _) = server.connect().await;
    let deep = format!("42[\"a\",{}{}]", "[".repeat(100), "]".repeat(100));
    let large = "4".repeat(1_001);
    let cases: Vec<(u8, &[u8], u16)> = vec![
        (0x81, b"abc", 1002),
        (0x81, b"", 1002),
        (0x81, b"2", 1002),
        (0x81, b"4x", 1002),
        (0x81, b"42{}", 1002),
        (0x81, b"42[]", 1002),
        (0x81, b"42[true]", 1002),
        (0x81, b"42[\"disconnect\"]", 1002),
        (0x81, b"42[\"a\"", 1002),
        (0x81, b"40", 1002),
        (0x81, b"44{}", 1002),
        (0x81, b"4511-[\"a\"]", 1002),
        (0x82, b"stray", 1002),
        (0x81, deep.as_bytes(), 1002),
        (0x81, large.as_bytes(), 1009),
        (0x81, &[b'4', 0xff], 1007),
        (0xc1, b"4", 1002),
        (0x80, b"4", 1002),
    ];
    for (first, payload, code) in cases {
        let (mut ws, _) = server.connect().await;
        ws.send_frame(first, payload).await;
        let what = String::from_utf8_lossy(payload).into_owned();
        assert_eq!(ws.expect_close().await.0, code, "{what:.40}");
        let reason = server.end().await;
        let expected = if code == 1009 { "payload_too_large" } else { "malformed" };
        assert_eq!(reason.code(), expected, "{what:.40}");
    }
    other.send("42[\"echo\",1]").await;
    other.expect("42[\"echo\",1]").await;
}

#[tokio::test]
async fn fragments_without_end_and_text_between_attachments_are_refused() {
    let server = TestServer::start(Config { max_payload: 1_000, ..Config::default() }).await;
    let (mut ws, _) = server.connect().await;
    ws.send_frame(0x01, &[b'4'; 600]).await;
    ws.send_frame(0x00, &[b'4'; 600]).await;
    assert_eq!(ws.expect_close().await.0, 1009);
    let (mut ws, _) = server.connect().await;
    ws.send("452-[\"a\",{\"_placeholder\":true,\"num\":0}]").await;
    ws.send_frame(0x82, b"one").await;
    ws.send("42[\"echo\",1]").await;
    assert_eq!(ws.expect_close().await.0, 1002);
}

#[tokio::test]
async fn control_frames_and_pieces() {
    let server = TestServer::start(Config::default()).await;
    let (mut ws, _) = server.connect().await;
    ws.send_frame(0x01, b"42[\"ec").await;
    ws.send_frame(0x89, b"hi").await;
    ws.send_frame(0x80, b"ho\",1]").await;
    assert_eq!(ws.next().await, Got::Pong(b"hi".to_vec()));
    ws.expect("42[\"echo\",1]").await;
    ws.send_frame(0x88, &1001u16.to_be_bytes()).await;
    assert!(matches!(ws.next().await, Got::Close(1001, _)));
    assert_eq!(ws.next().await, Got::End);
    assert_eq!(server.end().await, Reason::TransportClose);
}

#[tokio::test]
async fn a_session_without_connect_is_closed() {
    let config = Config { connect_timeout: Duration::from_millis(500), ..Config::default() };
    let server = TestServer::start(config).await;
    let mut ws = Ws::open(server.address, None).await;
    assert_eq!(ws.expect_close().await, (1008, "connect timeout".to_owned()));
    let (mut ws, _) = server.connect().await;
    ws.send("41").await;
    assert_eq!(ws.expect_close().await.1, "connect timeout", "after leaving as well");
    assert!(matches!(server.note().await, Note::Disconnected(Reason::ClientDisconnect)));
}
