//! What one node does and the other one answers for: the ends of sign-ins, tokens and memberships
//! within a second, the number of a user's sockets, and what operators see.

use std::time::{Duration, Instant};

use db::testing::TestDb;
use serde_json::{Value, json};
use souk::node::Node;

use crate::support::nodes::{eventually, pair, postgres_test, redis_url, stop};
use crate::support::{Actor, Socket, TestApp};

/// From an answer to its effect on the other node.
const BOUND: Duration = Duration::from_secs(1);

/// Makes the test on both ways between nodes; the body gets the settings that choose one.
macro_rules! across_test {
    ($name:ident, $test:ident) => {
        mod $name {
            use super::*;

            postgres_test!(by_postgres, async |db: &TestDb| $test(db, &[]).await);

            postgres_test!(by_redis, async |db: &TestDb| {
                let Some(url) = redis_url() else { return };
                $test(db, &[("REDIS_URL", &url)]).await;
            });
        }
    };
}

/// Two nodes that know and hear each other.
async fn acquainted(db: &TestDb, settings: &[(&str, &str)]) -> ([TestApp; 2], [Node; 2]) {
    let (apps, nodes) = pair(db, settings).await;
    for app in &apps {
        let admin = app.admin().await;
        eventually("both nodes answer", async || {
            let live = sockets(&admin).await;
            let nodes = live["nodes"].as_array().unwrap();
            (nodes.len() == 2 && nodes.iter().all(|node| node["answered"] == true)).then_some(())
        })
        .await;
    }
    (apps, nodes)
}

/// What operators see.
async fn sockets(admin: &Actor) -> Value {
    admin.get("/api/console/sockets").send().await.data(200)
}

/// Runs `act`, whose end is the answer, and then `effect`; prints how long that took.
async fn measured(what: &str, effect: impl Future<Output = ()>) -> Duration {
    let answered = Instant::now();
    effect.await;
    let took = answered.elapsed();
    println!("{what}: {took:?} after the answer");
    took
}

async fn sign_in(app: &TestApp, email: &str) -> String {
    let account = json!({
        "email": email, "password": "correct horse", "name": "B", "role": "buyer",
    });
    let account = app.post("/api/auth/register").json(&account).send().await.data(201);
    account["accessToken"].as_str().unwrap().to_owned()
}

across_test!(a_sign_out_is_everywhere_within_a_second, sign_outs);

async fn sign_outs(db: &TestDb, settings: &[(&str, &str)]) {
    let ([one, other], nodes) = acquainted(db, settings).await;
    for (number, (app, node)) in [(&one, &nodes[1]), (&other, &nodes[0])].into_iter().enumerate() {
        let token = sign_in(app, &format!("b{number}@example.com")).await;
        let mut socket = Socket::connect(node, &json!({ "token": token })).await.unwrap();
        app.post("/api/auth/logout").bearer(&token).json(&json!({})).send().await;
        let took = measured("the socket is closed", async {
            assert_eq!(socket.closed().await, "session ended");
        });
        assert!(took.await < BOUND);
        let refused = Socket::connect(node, &json!({ "token": token })).await.err().unwrap();
        assert_eq!(refused["data"]["code"], "token_revoked");
    }
    stop(nodes).await;
}

across_test!(a_token_ends_everywhere_within_a_second, token_ends);

// The token is of one node, the socket on the other, which has only what the token says.
async fn token_ends(db: &TestDb, settings: &[(&str, &str)]) {
    let settings = [settings, &[("ACCESS_TOKEN_TTL", "2s")]].concat();
    let ([one, _other], nodes) = acquainted(db, &settings).await;
    let issued = Instant::now();
    let token = sign_in(&one, "b@example.com").await;
    let mut socket = Socket::connect(&nodes[1], &json!({ "token": token })).await.unwrap();
    assert_eq!(socket.closed().await, "token expired");
    let after = issued.elapsed();
    println!("the socket is closed {after:?} after a token of 2 s was issued");
    // A token's end is a whole second. The time of the tests stands still while the program's goes
    // on: the end may come later by as much as lies between the token and the connection.
    let (earliest, end) = (Duration::from_secs(1), Duration::from_secs(2));
    assert!(after >= earliest && after < end + BOUND, "{after:?}");
    stop(nodes).await;
}

across_test!(a_lost_membership_is_everywhere_within_a_second, memberships);

async fn memberships(db: &TestDb, settings: &[(&str, &str)]) {
    let ([one, other], nodes) = acquainted(db, settings).await;
    let (owner, guest, third) = (one.buyer().await, one.seller().await, one.seller().await);
    let group = owner.group(&[&guest, &third]).await;
    let chat = group["_id"].as_str().unwrap();
    let mut socket = guest.connect(&nodes[1]).await;
    socket.done("join-chat-room", chat).await;
    let admin = other.admin().await;
    let room = format!("chat-{chat}");
    let is_in_room = async || {
        let live = sockets(&admin).await;
        let sockets = live["sockets"].as_array().unwrap();
        sockets.iter().any(|socket| socket["rooms"].as_array().unwrap().contains(&json!(room)))
    };
    assert!(is_in_room().await);
    let path = format!("/api/chat/{chat}/participants/{}", guest.id);
    let answer = owner.delete(&path).send().await;
    assert!((200..300).contains(&answer.status.as_u16()), "{}", answer.body);
    let took = measured("the socket is out of the room", async {
        eventually("out of the room", async || (!is_in_room().await).then_some(())).await;
    });
    assert!(took.await < BOUND);
    let refused = socket.ask("join-chat-room", chat).await;
    assert_eq!(refused["error"]["code"], "forbidden", "{refused}");
    stop(nodes).await;
}

across_test!(a_users_sockets_are_counted_on_all_nodes, counted);

async fn counted(db: &TestDb, settings: &[(&str, &str)]) {
    let settings = [settings, &[("SOCKETS_PER_USER", "2")]].concat();
    let ([one, _other], nodes) = acquainted(db, &settings).await;
    let (user, bystander) = (one.buyer().await, one.buyer().await);
    let mut stays = bystander.connect(&nodes[0]).await;
    let connect = async |node: &Node| {
        one.advance(Duration::from_millis(1));
        user.connect(node).await
    };
    let mut oldest = connect(&nodes[0]).await;
    let mut second = connect(&nodes[1]).await;
    let mut third = connect(&nodes[1]).await;
    let took = measured("the oldest one is told to leave", async {
        assert_eq!(oldest.closed().await, "told to leave");
    });
    assert!(took.await < BOUND);
    // Two on the other node: this one closes none of its own, the other one does.
    let mut fourth = connect(&nodes[0]).await;
    assert_eq!(second.closed().await, "told to leave");
    let mut fifth = connect(&nodes[0]).await;
    assert_eq!(third.closed().await, "told to leave");
    for socket in [&mut fourth, &mut fifth] {
        socket.done("join-user-room", user.id.as_str()).await;
    }
    stays.done("join-user-room", bystander.id.as_str()).await;
    stop(nodes).await;
}

across_test!(operators_see_the_sockets_of_all_nodes, operators);

async fn operators(db: &TestDb, settings: &[(&str, &str)]) {
    let ([one, other], nodes) = acquainted(db, settings).await;
    let (seller, admin) = (one.seller().await, one.admin().await);
    let mut open = Vec::new();
    for node in [0, 1, 1] {
        let mut socket = seller.connect(&nodes[node]).await;
        socket.done("join-seller-room", seller.id.as_str()).await;
        open.push(socket);
    }
    let [own, others] = [&one, &other].map(|app| app.app.bus.node().to_owned());
    let live = sockets(&admin).await;
    assert_eq!(
        live["nodes"],
        json!([{ "id": own, "answered": true, "sockets": 1 },
               { "id": others, "answered": true, "sockets": 2 }])
    );
    let listed = live["sockets"].as_array().unwrap();
    let on = |node: &str| listed.iter().filter(|socket| socket["node"] == node).count();
    assert_eq!((listed.len(), on(&own), on(&others)), (3, 1, 2));
    for socket in listed {
        assert_eq!(socket["userId"], json!(seller.id));
        assert!(socket["rooms"].as_array().unwrap().contains(&json!("sellers")));
        assert!(socket["name"].is_string());
    }
    stop(nodes).await;
}

// More than fits into one notification of PostgreSQL.
across_test!(a_long_list_comes_in_parts, long_lists);

async fn long_lists(db: &TestDb, settings: &[(&str, &str)]) {
    let settings = [settings, &[("SOCKETS_PER_USER", "0")]].concat();
    let ([one, _other], nodes) = acquainted(db, &settings).await;
    let (seller, admin) = (one.seller().await, one.admin().await);
    let mut open = Vec::new();
    for _ in 0..120 {
        open.push(seller.connect(&nodes[1]).await);
    }
    let live = sockets(&admin).await;
    assert_eq!(live["nodes"][1]["sockets"], 120);
    let listed = live["sockets"].as_array().unwrap();
    let mut ids: Vec<_> = listed.iter().map(|socket| socket["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((listed.len(), ids.len()), (120, 120));
    stop(nodes).await;
}

// It is known still, and cannot answer.
postgres_test!(a_node_that_does_not_answer_is_named, async |db: &TestDb| {
    let ([one, other], nodes) = acquainted(db, &[]).await;
    let admin = one.admin().await;
    let deaf = "SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity
                WHERE application_name = 'souk-listener' AND datname = current_database()";
    let asked = Instant::now();
    let live = eventually("silence", async || {
        db.fetch_one(db::Sql::concat(&[deaf]), db::args![]).await.unwrap();
        Some(sockets(&admin).await).filter(|live| live["nodes"][1]["answered"] == false)
    })
    .await;
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert_eq!(live["nodes"][1]["id"], other.app.bus.node());
    assert_eq!(live["nodes"][0]["answered"], true);
    stop(nodes).await;
});
