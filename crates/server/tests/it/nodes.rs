//! Several nodes as one: what happens on one of them is seen on all.

use std::time::Duration;

use db::args;
use db::testing::TestDb;
use events::{RequestId, Room};
use serde_json::{Value, json};
use souk::journal::Control;
use souk::node::Node;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::market::id;
use crate::support::nodes::{PATIENCE, eventually, pair, postgres_test, stop};
use crate::support::proxy::Proxy;
use crate::support::{Socket, TestApp};

postgres_test!(one_order_on_all_nodes, async |db: &TestDb| {
    let ([one, other], nodes) = pair(db, &[]).await;
    let seller = one.seller().await;
    let mut sockets = [seller.connect(&nodes[0]).await, seller.connect(&nodes[1]).await];
    for socket in &mut sockets {
        socket.done("join-seller-room", seller.id.as_str()).await;
    }
    let count = 100;
    let writers: Vec<_> = [one.app.clone(), other.app.clone()]
        .into_iter()
        .map(|app| {
            tokio::spawn(async move {
                for number in 0..count {
                    let mut tx = app.begin().await.unwrap();
                    let said = json!({ "node": app.bus.node(), "number": number });
                    tx.emit_to_room(Room::Sellers, "said", &said).unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut heard: [Vec<Value>; 2] = Default::default();
    for (socket, heard) in sockets.iter_mut().zip(&mut heard) {
        for _ in 0..2 * count {
            heard.push(socket.event("said").await);
        }
        assert!(!socket.unread().await.contains(&"said".to_owned()), "each once");
    }
    assert_eq!(heard[0], heard[1]);
    for app in [&one, &other] {
        let own = heard[0].iter().filter(|said| said["node"] == app.app.bus.node());
        let numbers: Vec<_> = own.map(|said| said["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    }
    stop(nodes).await;
});

postgres_test!(a_sign_out_closes_sockets_on_all_nodes, async |db: &TestDb| {
    let ([one, _other], nodes) = pair(db, &[]).await;
    let account = json!({
        "email": "b@example.com", "password": "correct horse", "name": "B", "role": "buyer",
    });
    let account = one.post("/api/auth/register").json(&account).send().await.data(201);
    let token = account["accessToken"].as_str().unwrap();
    let mut socket = Socket::connect(&nodes[1], &json!({ "token": token })).await.unwrap();
    one.post("/api/auth/logout").bearer(token).json(&json!({})).send().await;
    let closed = tokio::time::timeout(PATIENCE, socket.closed()).await;
    closed.expect("the socket is closed");
    let refused = Socket::connect(&nodes[1], &json!({ "token": token })).await.err().unwrap();
    assert_eq!(refused["data"]["code"], "token_revoked", "{refused}");
    stop(nodes).await;
});

postgres_test!(a_membership_ends_on_all_nodes, async |db: &TestDb| {
    let ([one, _other], nodes) = pair(db, &[]).await;
    let (buyer, seller) = (one.buyer().await, one.seller().await);
    let document = buyer.publish(&json!({})).await;
    seller.make_offer(&document, &json!({})).await;
    let request: RequestId = id(&document).parse().unwrap();
    let mut socket = seller.connect(&nodes[1]).await;
    socket.done("join-request-room", request.as_str()).await;
    let room = Room::Request(request);
    let mut tx = one.app.begin().await.unwrap();
    tx.emit_to_room(room.clone(), "before", &json!({})).unwrap();
    let user = seller.id.clone();
    tx.control(Control::MembershipEnded { user: user.clone(), room: room.clone() }).unwrap();
    tx.emit_to_room(room, "after", &json!({})).unwrap();
    tx.emit_to_room(Room::User(user), "end", &json!({})).unwrap();
    tx.commit().await.unwrap();
    socket.event("before").await;
    socket.done("join-user-room", seller.id.as_str()).await;
    let mut tx = one.app.begin().await.unwrap();
    tx.emit_to_room(Room::User(seller.id.clone()), "mark", &json!({})).unwrap();
    tx.commit().await.unwrap();
    socket.event("mark").await;
    assert!(!socket.unread().await.contains(&"after".to_owned()));
    stop(nodes).await;
});

postgres_test!(typing_crosses_nodes, async |db: &TestDb| {
    let ([one, _other], nodes) = pair(db, &[]).await;
    let (ada, bob) = (one.admin().await, one.admin().await);
    let (mut types, mut reads) = (ada.connect(&nodes[0]).await, bob.connect(&nodes[1]).await);
    types.done("join-chat-room", "c1").await;
    reads.done("join-chat-room", "c1").await;
    // What is said before the nodes hear each other is lost, as it may be.
    let said = json!({ "chatId": "c1" });
    let heard = eventually("typing from the other node", async || {
        types.done("typing-start", said.clone()).await;
        tokio::time::timeout(Duration::from_millis(200), reads.event("user-typing")).await.ok()
    })
    .await;
    let expected =
        json!({ "chatId": "c1", "userId": ada.id, "userName": ada.name, "isTyping": true });
    assert_eq!(heard, expected);
    stop(nodes).await;
});

/// The statuses of a user, until a marker that went the same way.
async fn statuses(socket: &mut Socket, user: &str, until: &str) -> Vec<Value> {
    let mut statuses = Vec::new();
    loop {
        let event = socket.event("user-status-change").await;
        if event["userId"] == until {
            return statuses;
        }
        if event["userId"] == user {
            statuses.push(event["status"].clone());
        }
    }
}

// On both nodes, then on the other one alone, then nowhere.
postgres_test!(presence_counts_all_nodes, async |db: &TestDb| {
    let ([one, other], nodes) = pair(db, &[("PRESENCE_GRACE", "300ms")]).await;
    let (user, watcher, marker) = (one.buyer().await, one.buyer().await, one.buyer().await);
    let mut watches = watcher.connect(&nodes[0]).await;
    let user_id = user.id.as_str();

    let mut first = user.connect(&nodes[0]).await;
    first.done("user-online", user_id).await;
    assert_eq!(watches.event("user-status-change").await["status"], "online");
    let mut second = user.connect(&nodes[1]).await;
    second.done("user-online", user_id).await;
    let on_both = "SELECT count(*) AS nodes FROM presence_nodes WHERE user_id = $1";
    let nodes_of_user = async || -> i64 {
        let row = db.fetch_one(db::Sql::concat(&[on_both]), args![user_id]).await.unwrap();
        row.get("nodes").unwrap()
    };
    eventually("both nodes", async || (nodes_of_user().await == 2).then_some(())).await;
    drop(first);
    eventually("one node", async || (nodes_of_user().await == 1).then_some(())).await;
    let asked = format!("/api/users/presence?ids={user_id}");
    for app in [&one, &other] {
        let answer = app.get(&asked).bearer(&watcher.token).send().await.data(200);
        assert_eq!(answer[0]["status"], "online");
    }
    drop(second);
    eventually("nowhere", async || (nodes_of_user().await == 0).then_some(())).await;
    let mut third = marker.connect(&nodes[0]).await;
    third.done("user-online", marker.id.as_str()).await;
    // The offline of the second node may come by the bus after the marker of this one.
    let mut seen = statuses(&mut watches, user_id, marker.id.as_str()).await;
    if seen.is_empty() {
        seen.push(watches.event("user-status-change").await["status"].clone());
    }
    assert_eq!(seen, ["offline"], "once, and nothing before");
    stop(nodes).await;
});

// The other node is cut off from the database, which is how its death looks to this one.
postgres_test!(presence_survives_a_nodes_death, async |db: &TestDb| {
    let proxy = Proxy::to(db.url()).await;
    let grace = ("PRESENCE_GRACE", "300ms");
    let one = TestApp::on(db, &[grace]).await;
    let through = proxy.through(db.url());
    let other = TestApp::on(db, &[grace, ("DATABASE_URL", &through)]).await;
    let nodes = [one.serve().await, other.serve().await];
    let (user, watcher) = (one.buyer().await, one.buyer().await);
    let mut watches = watcher.connect(&nodes[0]).await;
    let mut socket = user.connect(&nodes[1]).await;
    let asked = format!("/api/users/presence?ids={}", user.id);
    let status = async || {
        let answer = one.get(&asked).bearer(&watcher.token).send().await.data(200);
        answer[0]["status"].as_str().map(str::to_owned)
    };
    socket.done("user-online", user.id.as_str()).await;
    eventually("online", async || status().await.filter(|status| status == "online")).await;
    proxy.cut();
    let offline = async {
        loop {
            let event = watches.event("user-status-change").await;
            if event["userId"] == user.id.as_str() && event["status"] == "offline" {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, offline).await.expect("offline in time");
    assert_eq!(status().await.as_deref(), Some("offline"));
    // It was not dead after all, and its users are there.
    proxy.heal();
    eventually("online again", async || status().await.filter(|status| status == "online")).await;
    stop(nodes).await;
});

postgres_test!(attempts_at_passwords_count_on_all_nodes, async |db: &TestDb| {
    let one = TestApp::on(db, &[("AUTH_ATTEMPTS_PER_MINUTE", "4")]).await;
    let other = one.another_node().await;
    let wrong = json!({ "email": "nobody@example.com", "password": "a wrong password" });
    let attempt = async |app: &TestApp| app.post("/api/auth/login").json(&wrong).send().await;
    for app in [&one, &other, &one, &other] {
        attempt(app).await.error(401, "invalid_credentials");
    }
    for app in [&one, &other] {
        let refused = attempt(app).await;
        let wait = refused.headers["retry-after"].to_str().unwrap().to_owned();
        refused.error(429, "rate_limited");
        assert_eq!(wait, "15", "a quarter of the minute");
    }
    one.advance(Duration::from_secs(15));
    attempt(&other).await.error(401, "invalid_credentials");
    attempt(&one).await.error(429, "rate_limited");
});

// Each mail is a timer: two nodes that run them at the same time send each once.
postgres_test!(timers_run_once, async |db: &TestDb| {
    let one = TestApp::on(db, &[]).await;
    let other = one.another_node().await;
    for number in 0..20 {
        let account = json!({
            "email": format!("b{number}@example.com"), "password": "correct horse",
            "name": "B", "role": "buyer",
        });
        one.post("/api/auth/register").json(&account).send().await.data(201);
    }
    tokio::join!(one.run_timers(), other.run_timers(), one.run_timers(), other.run_timers());
    let mut mails: Vec<_> = one.mails().into_iter().chain(other.mails()).map(|m| m.to).collect();
    mails.sort();
    let sent = mails.len();
    mails.dedup();
    assert_eq!((sent, mails.len()), (20, 20));
});

// A proxy has to bring a polling client to one node; the other answers as the protocol says.
postgres_test!(polling_on_the_wrong_node_is_an_unknown_session, async |db: &TestDb| {
    let ([_one, _other], nodes) = pair(db, &[]).await;
    let opened = poll(&nodes[0], "").await;
    let open = opened.split_once("0{").expect("an open packet").1;
    let open: Value = serde_json::from_str(&format!("{{{open}")).unwrap();
    let session = format!("&sid={}", open["sid"].as_str().unwrap());
    let wrong = poll(&nodes[1], &session).await;
    assert!(wrong.starts_with("HTTP/1.1 400"), "{wrong}");
    assert!(wrong.ends_with(r#"{"code":1,"message":"Session ID unknown"}"#), "{wrong}");
    stop(nodes).await;
});

async fn poll(node: &Node, more: &str) -> String {
    let mut stream = TcpStream::connect(node.addr()).await.unwrap();
    let request = format!(
        "GET /socket.io/?EIO=4&transport=polling{more} HTTP/1.1\r\nHost: souk\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
