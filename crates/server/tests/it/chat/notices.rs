//! Who is notified of a message, and who is not.

use serde_json::{Value, json};

use crate::support::chat::{CHATS, in_chat};
use crate::support::{Actor, app_test};

/// What the actor is notified of, oldest first: kinds and data.
async fn notices(actor: &Actor) -> Vec<(String, Value)> {
    let list = actor.get("/api/notifications").send().await.data(200);
    let list = list.as_array().unwrap().iter().rev();
    list.map(|notice| (notice["type"].as_str().unwrap().to_owned(), notice["data"].clone()))
        .collect()
}

fn kinds(notices: &[(String, Value)]) -> Vec<&str> {
    notices.iter().map(|(kind, _)| kind.as_str()).collect()
}

app_test!(who_is_away_is_notified_of_the_first_unread_message, async |app| {
    let node = app.serve().await;
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let first = buyer.say(&chat, "Hello").await;
    buyer.say(&chat, "Are you there?").await;
    let told = notices(&seller).await;
    assert_eq!(kinds(&told), ["chat_message"]);
    let expected =
        json!({ "chatId": chat["_id"], "messageId": first["_id"], "senderId": buyer.id });
    assert_eq!(told[0].1, expected);
    // Read, and away again: the next one is news.
    seller.reading(&chat, &first).send().await.data(200);
    buyer.say(&chat, "One was unread still").await;
    assert_eq!(notices(&seller).await.len(), 1);
    let last = buyer.say(&chat, "?").await;
    seller.reading(&chat, &last).send().await.data(200);
    let last = buyer.say(&chat, "News").await;
    assert_eq!(notices(&seller).await.len(), 2);
    // Who is online sees it, and nobody is notified of what they say themselves.
    seller.reading(&chat, &last).send().await.data(200);
    let mut socket = seller.connect(&node).await;
    socket.done("user-online", seller.id.as_str()).await;
    socket.event("user-status-change").await;
    buyer.say(&chat, "You are here").await;
    assert_eq!(notices(&seller).await.len(), 2);
    assert_eq!(notices(&buyer).await, []);
    node.stop().await;
});

app_test!(who_is_taken_into_a_group_is_notified, async |app| {
    let (owner, member, later) = (app.buyer().await, app.seller().await, app.seller().await);
    let chat = owner.group(&[&member]).await;
    let add = json!({ "userIds": [later.id, member.id] });
    owner.post(&in_chat(&chat, "/participants")).json(&add).send().await.data(200);
    for actor in [&member, &later] {
        let told = notices(actor).await;
        assert_eq!(told, [("chat_added".to_owned(), json!({ "chatId": chat["_id"] }))]);
    }
    assert_eq!(notices(&owner).await, []);
});

app_test!(the_support_is_notified_of_who_asks_it_first, async |app| {
    let (buyer, one, two) = (app.buyer().await, app.admin().await, app.admin().await);
    let chat = buyer.post(&format!("{CHATS}/support")).send().await.data(201);
    buyer.say(&chat, "Hello?").await;
    buyer.say(&chat, "Hello?").await;
    for admin in [&one, &two] {
        assert_eq!(kinds(&notices(admin).await), ["chat_message"]);
    }
    one.say(&chat, "Here").await;
    assert_eq!(kinds(&notices(&buyer).await), ["chat_message"]);
    assert_eq!(notices(&two).await.len(), 1);
});
