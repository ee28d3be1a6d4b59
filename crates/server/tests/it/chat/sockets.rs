//! Chats as their sockets see them.

use std::time::{Duration, Instant};

use db::testing::TestDb;
use serde_json::{Value, json};
use souk::node::Node;

use crate::support::chat::in_chat;
use crate::support::market::id;
use crate::support::nodes::postgres_test;
use crate::support::{Actor, Socket, TestApp, app_test};

async fn inside(actor: &Actor, node: &Node, chat: &Value) -> Socket {
    let mut socket = actor.connect(node).await;
    socket.done("join-chat-room", id(chat)).await;
    socket
}

app_test!(two_who_chat_see_each_other_type_and_write, async |app| {
    let node = app.serve().await;
    let (buyer, seller, stranger) = (app.buyer().await, app.seller().await, app.buyer().await);
    let chat = buyer.chat_with(&seller).await;
    let mut buys = inside(&buyer, &node, &chat).await;
    let mut sells = inside(&seller, &node, &chat).await;
    let mut outside = stranger.connect(&node).await;
    let refused = outside.ask("join-chat-room", id(&chat)).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    let refused = outside.ask("typing-start", json!({ "chatId": id(&chat) })).await;
    assert_eq!(refused["error"]["code"], "forbidden");

    let typing = json!({ "chatId": id(&chat), "userId": buyer.id, "userName": buyer.name });
    buys.done("typing-start", typing).await;
    buys.done("typing-stop", json!({ "chatId": id(&chat), "userId": buyer.id })).await;
    for is_typing in [true, false] {
        let expected = json!({
            "chatId": id(&chat), "userId": buyer.id, "userName": buyer.name,
            "isTyping": is_typing,
        });
        assert_eq!(sells.event("user-typing").await, expected);
    }
    let message = buyer.say(&chat, "Hello").await;
    let told = json!({ "chatId": chat["_id"], "message": message, "senderId": buyer.id });
    for socket in [&mut buys, &mut sells] {
        assert_eq!(socket.event("new-message").await, told);
    }
    seller.reading(&chat, &message).send().await.data(200);
    for socket in [&mut buys, &mut sells] {
        assert_eq!(socket.event("messages-read").await["modifiedCount"], 1);
    }
    for socket in [&mut buys, &mut sells, &mut outside] {
        assert_eq!(socket.unread().await, Vec::<String>::new());
    }
    node.stop().await;
});

app_test!(who_is_out_hears_that_and_nothing_after, async |app| {
    let node = app.serve().await;
    let (owner, member, leaver) = (app.buyer().await, app.seller().await, app.seller().await);
    let chat = owner.group(&[&member, &leaver]).await;
    let mut owns = inside(&owner, &node, &chat).await;
    let mut gone = [
        inside(&member, &node, &chat).await,
        inside(&member, &node, &chat).await,
        inside(&leaver, &node, &chat).await,
    ];
    let before = member.say(&chat, "before").await;
    let path = |who: &Actor| in_chat(&chat, &format!("/participants/{}", who.id));
    owner.delete(&path(&member)).send().await.data(200);
    leaver.delete(&path(&leaver)).send().await.data(200);
    owner.say(&chat, "after").await;
    for _ in 0..2 {
        owns.event("participant-removed").await;
        owns.event("new-message").await;
    }
    let told = json!({ "chatId": chat["_id"], "removedUserId": member.id });
    let heard = ["new-message", "participant-removed"].map(str::to_owned);
    for socket in &mut gone[..2] {
        assert_eq!(socket.event("participant-removed").await, told);
        assert_eq!(socket.unread().await, heard[..1]);
    }
    assert_eq!(
        gone[2].unread().await,
        ["new-message", "participant-removed", "participant-removed"]
    );
    for socket in &mut gone {
        let refused = socket.ask("join-chat-room", id(&chat)).await;
        assert_eq!(refused["error"]["code"], "forbidden");
        let refused = socket.ask("typing-start", json!({ "chatId": id(&chat) })).await;
        assert_eq!(refused["error"]["code"], "forbidden");
    }
    // To them it is as if it were not there; what they wrote stays for the others.
    let message = format!("/messages/{}", id(&before));
    for answer in [
        member.get(&in_chat(&chat, "")).send().await,
        member.get(&in_chat(&chat, "/messages")).send().await,
        member.saying(&chat, "x").send().await,
        member.reading(&chat, &before).send().await,
        member.patch(&in_chat(&chat, &message)).json(&json!({ "content": "x" })).send().await,
        member.delete(&in_chat(&chat, &message)).send().await,
    ] {
        answer.error(404, "not_found");
    }
    assert_eq!(member.get("/api/chat").send().await.data(200), json!([]));
    let shown = owner.get(&in_chat(&chat, "/messages")).send().await.data(200);
    assert_eq!(shown[0], before);
    // Added again, they may read all of it, and hear what is said from then on.
    let add = json!({ "userIds": [member.id] });
    owner.post(&in_chat(&chat, "/participants")).json(&add).send().await.data(200);
    assert_eq!(member.get(&in_chat(&chat, "/messages")).send().await.data(200), shown);
    gone[0].done("join-chat-room", id(&chat)).await;
    owner.say(&chat, "again").await;
    gone[0].event("new-message").await;
    assert_eq!(gone[1].unread().await, Vec::<String>::new());
    node.stop().await;
});

app_test!(
    a_join_that_meets_a_removal_never_outlives_it,
    [("SOCKET_EVENTS_PER_SECOND", "0")],
    async |app| {
        let node = app.serve().await;
        let (owner, member) = (app.buyer().await, app.seller().await);
        let chat = owner.group(&[&member]).await;
        let mut owns = inside(&owner, &node, &chat).await;
        let mut sockets = Vec::new();
        for _ in 0..6 {
            sockets.push(member.connect(&node).await);
        }
        for round in 0..10 {
            let joins = sockets.into_iter().map(async |mut socket| {
                while socket.ask("join-chat-room", id(&chat)).await["ok"] == true {}
                socket
            });
            let out = in_chat(&chat, &format!("/participants/{}", member.id));
            let (answer, joined) =
                tokio::join!(owner.delete(&out).send(), futures_util::future::join_all(joins));
            answer.data(200);
            app.app.journal.flushed().await.unwrap();
            owner.say(&chat, "secret").await;
            owns.event("new-message").await;
            sockets = joined;
            for socket in &mut sockets {
                let seen = socket.unread().await;
                assert!(!seen.contains(&"new-message".to_owned()), "round {round}: {seen:?}");
            }
            let add = json!({ "userIds": [member.id] });
            owner.post(&in_chat(&chat, "/participants")).json(&add).send().await.data(200);
        }
        node.stop().await;
    }
);

app_test!(the_support_hears_who_asks_it, async |app| {
    let node = app.serve().await;
    let (buyer, admin) = (app.buyer().await, app.admin().await);
    let chat = buyer.post("/api/chat/support").send().await.data(201);
    let mut asks = inside(&buyer, &node, &chat).await;
    let mut helps = inside(&admin, &node, &chat).await;
    let asked = buyer.say(&chat, "Where is it?").await;
    assert_eq!(helps.event("new-message").await["message"], asked);
    admin.say(&chat, "There").await;
    asks.event("new-message").await;
    assert_eq!(asks.event("new-message").await["senderId"], json!(admin.id));
    node.stop().await;
});

postgres_test!(who_is_removed_is_out_within_a_second_on_every_node, async |db: &TestDb| {
    let one = TestApp::on(db, &[]).await;
    let other = one.another_node().await;
    let nodes = [one.serve().await, other.serve().await];
    let (owner, member) = (one.buyer().await, one.seller().await);
    let chat = owner.group(&[&member]).await;
    let mut stays =
        [inside(&owner, &nodes[0], &chat).await, inside(&owner, &nodes[1], &chat).await];
    let mut goes =
        [inside(&member, &nodes[0], &chat).await, inside(&member, &nodes[1], &chat).await];
    let out = in_chat(&chat, &format!("/participants/{}", member.id));
    let add = json!({ "userIds": [member.id] });
    let mut slowest = Duration::ZERO;
    for round in 0..5 {
        let removed = Instant::now();
        owner.delete(&out).send().await.data(200);
        // Told and out at one place of the order: what is said next is not heard any more.
        for socket in &mut goes {
            socket.event("participant-removed").await;
        }
        slowest = slowest.max(removed.elapsed());
        owner.say(&chat, "secret").await;
        for socket in &mut stays {
            socket.event("new-message").await;
        }
        for socket in &mut goes {
            let heard = socket.unread().await;
            assert!(!heard.contains(&"new-message".to_owned()), "round {round}: {heard:?}");
        }
        owner.post(&in_chat(&chat, "/participants")).json(&add).send().await.data(200);
        for socket in &mut goes {
            socket.done("join-chat-room", id(&chat)).await;
        }
    }
    println!("out after {slowest:?} at most");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    for node in nodes {
        node.stop().await;
    }
});
