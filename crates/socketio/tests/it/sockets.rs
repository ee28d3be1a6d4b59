//! CONNECT, events, acknowledgements, rooms, and the calls of the handler.

use crate::support::{Got, Note, TestServer, Ws, soon};
use socketio::{AckError, Config, Reason};
use std::time::{Duration, Instant};

async fn started() -> TestServer {
    TestServer::start(Config { workers: 2, ..Config::default() }).await
}

#[tokio::test]
async fn connect_is_answered_refused_and_survives_a_panic() {
    let server = started().await;
    let mut ws = Ws::open(server.address, None).await;
    let open = ws.expect_start("0{").await;
    for later in [true, false] {
        ws.send(&format!("40{{\"refuse\":true,\"later\":{later}}}")).await;
        ws.expect("44{\"data\":{\"code\":7},\"message\":\"no\"}").await;
    }
    ws.send("40{\"panic\":1}").await;
    ws.expect("44{\"message\":\"internal error\"}").await;
    ws.send("40/none").await;
    ws.expect("44/none,{\"message\":\"Invalid namespace\"}").await;
    ws.send("40{\"later\":true}").await;
    let connect = ws.expect_start("40{\"sid\":\"").await;
    let socket = server.socket().await;
    assert!(connect.contains(socket.id()) && socket.id().len() == 20);
    assert!(!open.contains(socket.id()), "the public id is not the session's");
    ws.send("40/other,").await;
    ws.expect_start("40/other,{").await;
    ws.send("42/other,[\"echo\",1]").await;
    ws.expect("42/other,[\"echo\",1]").await;
}

#[tokio::test]
async fn a_recovered_client_gets_what_it_missed_before_connect() {
    let server = started().await;
    let mut ws = Ws::open(server.address, None).await;
    ws.expect_start("0{").await;
    ws.send("40{\"pid\":\"p1\",\"sid\":\"s1\"}").await;
    ws.expect("42[\"missed\",\"o-1\"]").await;
    ws.expect("40{\"pid\":\"p1\",\"sid\":\"s1\"}").await;
}

#[tokio::test]
async fn events_of_one_socket_are_handled_in_order_even_when_some_wait() {
    let server = started().await;
    let (mut ws, _) = server.connect().await;
    for i in 0..500 {
        let name = if i % 3 == 0 { "slow" } else { "echo" };
        ws.send(&format!("42[\"{name}\",{i}]")).await;
    }
    for i in 0..500 {
        let name = if i % 3 == 0 { "slow" } else { "echo" };
        ws.expect(&format!("42[\"{name}\",{i}]")).await;
    }
}

#[tokio::test]
async fn a_panic_costs_one_acknowledgement_and_nothing_else() {
    let server = started().await;
    let (mut ws, _) = server.connect().await;
    ws.send("421[\"panic\"]").await;
    ws.send("422[\"panic-later\"]").await;
    ws.send("423[\"echo\",1]").await;
    ws.expect("42[\"echo\",1]").await;
    ws.expect("433[\"done\"]").await;
}

#[tokio::test]
async fn a_join_takes_effect_before_what_follows_it() {
    let server = started().await;
    for i in 0..50 {
        let (mut ws, _) = server.connect().await;
        ws.send(&format!("427[\"join\",\"room-{i}\"]")).await;
        ws.expect(&format!("42[\"joined\",\"room-{i}\"]")).await;
        ws.expect("437[\"done\"]").await;
    }
}

#[tokio::test]
async fn rooms_reach_each_member_once_and_no_one_else() {
    let server = started().await;
    let mut clients = Vec::new();
    for rooms in [&["a"][..], &["a", "b"], &["b", "c"], &[]] {
        let (ws, socket) = server.connect().await;
        socket.join(rooms);
        clients.push((ws, socket));
    }
    let io = &server.io;
    let send = |selector: socketio::Selector, what: &str| {
        selector.emit_event("got", &(what,)).unwrap();
    };
    send(io.to(["a", "b"]), "ab");
    send(io.to(["a", "b"]).except("c"), "ab-c");
    send(io.all().except(["a"]).except_socket(&clients[3].1), "all-a-3");
    clients[1].1.leave("b");
    clients[1].1.join(["a", "a"]);
    send(io.to("b"), "b");
    io.to("c").join("d");
    send(io.to("d"), "d");
    io.to("d").leave(["d", "none"]);
    send(io.to("d"), "nobody");
    assert_eq!(io.to(["a", "b"]).count().await, 3);
    assert_eq!(io.all().count().await, 4);
    let mut rooms = clients[1].1.rooms().await;
    rooms.sort();
    assert_eq!(rooms, ["a".into(), "all".into()]);
    let details = io.to("c").details().await;
    assert_eq!(details.len(), 1);
    assert_eq!((&details[0].socket, details[0].websocket), (&clients[2].1, true));
    assert!(details[0].rooms.contains(&"b".into()) && details[0].rooms.contains(&"c".into()));
    send(io.all(), "end");
    for (i, expected) in [
        &["ab", "ab-c", "end"][..],
        &["ab", "ab-c", "end"],
        &["ab", "all-a-3", "b", "d", "end"],
        &["end"],
    ]
    .into_iter()
    .enumerate()
    {
        for what in expected {
            clients[i].0.expect(&format!("42[\"got\",\"{what}\"]")).await;
        }
    }
    io.to("a").disconnect(false, Reason::server("enough"));
    for (ws, _) in &mut clients[..2] {
        ws.expect("41").await;
        assert_eq!(server.end().await, Reason::server("enough"));
    }
    assert_eq!(io.all().count().await, 2);
    assert_eq!(io.to("a").count().await, 0);
}

#[tokio::test]
async fn acknowledgements_of_clients() {
    let server = started().await;
    let (mut ws, socket) = server.connect().await;
    let asked = socket.emit_with_ack("q", &(1,), Duration::from_secs(10));
    let answer = async {
        ws.expect("420[\"q\",1]").await;
        ws.send("430[\"yes\",2]").await;
    };
    let (args, ()) = tokio::join!(asked, answer);
    let args = args.unwrap();
    assert_eq!((args.get::<String>(0).unwrap(), args.get::<i64>(1).unwrap()), ("yes".into(), 2));
    let late = socket.emit_with_ack("q", &(2,), Duration::from_millis(1)).await;
    assert!(matches!(late, Err(AckError::Timeout)));
    // An answer that comes too late, or to nothing, does no harm.
    ws.send("431[]").await;
    ws.send("4399[]").await;
    let asked = socket.emit_with_ack("q", &(3,), Duration::from_secs(10));
    let (gone, ()) = tokio::join!(asked, async { ws.send("41").await });
    assert!(matches!(gone, Err(AckError::Gone)));
}

#[tokio::test]
async fn disconnected_comes_once_and_after_the_last_event() {
    let server = started().await;
    let (mut ws, _) = server.connect().await;
    ws.send("42[\"wait\"]").await;
    ws.send("42[\"echo\",1]").await;
    assert!(matches!(server.note().await, Note::Event(name) if &*name == "wait"));
    ws.send("1").await;
    while server.io.stats().sockets > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.io.all().count().await, 0, "gone from its rooms at once");
    server.gate.add_permits(1);
    // What the client had sent before it left is still handled.
    assert!(matches!(server.note().await, Note::Event(name) if &*name == "echo"));
    assert!(matches!(server.note().await, Note::Disconnected(Reason::TransportClose)));
    server.io.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn events_that_wait_hold_their_sender_back_and_lose_nothing() {
    let config = Config { max_pending_events: 4, ..Config::default() };
    let server = TestServer::start(config).await;
    let (mut ws, _) = server.connect().await;
    let (mut other, _) = server.connect().await;
    ws.send("42[\"wait\",0]").await;
    for i in 1..2_000 {
        ws.send(&format!("42[\"echo\",{i}]")).await;
    }
    other.send("42[\"echo\",1]").await;
    other.expect("42[\"echo\",1]").await;
    assert!(server.io.stats().packets_received < 100, "most of it is not even read");
    server.gate.add_permits(1);
    ws.expect("42[\"slow\",0]").await;
    for i in 1..2_000 {
        ws.expect(&format!("42[\"echo\",{i}]")).await;
    }
}

#[tokio::test]
async fn a_deadline_closes_the_connection() {
    let server = started().await;
    let (mut ws, socket) = server.connect().await;
    let soon_after = Some(Instant::now() + Duration::from_millis(300));
    socket.set_deadline(soon_after, Reason::server("wrong"));
    socket.set_deadline(None, Reason::server("wrong"));
    socket.set_deadline(soon_after, Reason::server("token expired"));
    assert_eq!(ws.expect_close().await, (1008, "token expired".to_owned()));
    assert_eq!(server.end().await, Reason::server("token expired"));
}

#[tokio::test]
async fn binary_attachments_go_both_ways() {
    let server = started().await;
    let (mut ws, socket) = server.connect().await;
    let frame = socketio::Frame::builder("/", "blob").unwrap();
    socket.emit_frame(&frame.binary(vec![1, 2].into()).build().unwrap());
    ws.expect("451-[\"blob\",{\"_placeholder\":true,\"num\":0}]").await;
    assert_eq!(ws.next().await, Got::Binary(vec![1, 2]));
    let asked = socket.emit_with_ack("q", &(), Duration::from_secs(10));
    let answer = async {
        ws.expect("420[\"q\"]").await;
        ws.send("461-0[{\"_placeholder\":true,\"num\":0}]").await;
        ws.send_frame(0x82, &[9]).await;
    };
    let (args, ()) = tokio::join!(asked, answer);
    assert_eq!(args.unwrap().binary(0).unwrap(), &vec![9]);
}

#[tokio::test]
async fn the_end_of_the_server_is_told() {
    let server = started().await;
    let (mut ws, _) = server.connect().await;
    let sid = server.open_polling().await;
    server.http("POST", &sid, "", "40").await;
    server.socket().await;
    let io = server.io.clone();
    let down = tokio::spawn(async move { io.shutdown(Duration::from_secs(10)).await });
    assert_eq!(ws.expect_close().await, (1001, "server shutting down".to_owned()));
    drop(ws);
    soon(down).await.unwrap();
    for _ in 0..2 {
        assert_eq!(server.end().await, Reason::ShuttingDown);
    }
    assert_eq!(server.http("GET", "", "", "").await.status, 503);
}
