//! Messages: sent, edited, deleted, read; and the events, word by word.

use serde_json::{Value, json};

use crate::support::chat::in_chat;
use crate::support::market::id;
use crate::support::{Actor, app_test};

async fn unread(actor: &Actor, chat: &Value) -> Value {
    actor.see_chat(chat).await["unreadCount"].clone()
}

app_test!(a_message_is_kept_and_told_as_it_was_sent, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let head = app.position().await;
    let content = "  <b onclick=\"x()\">Hé</b> &amp; \u{1F44B}\n\n ";
    let message = buyer.say(&chat, content).await;
    let expected = json!({
        "_id": message["_id"], "chatId": chat["_id"], "content": content, "senderId": buyer.id,
        "createdAt": message["createdAt"],
    });
    assert_eq!(message, expected);
    let [event] = app.chat_events_after(head).await.try_into().unwrap();
    assert_eq!(event.name, "new-message");
    assert_eq!(event.rooms(), [format!("chat-{}", id(&chat))]);
    let told = json!({ "chatId": chat["_id"], "message": message, "senderId": buyer.id });
    assert_eq!(event.payload, told);
    let page = seller.get(&in_chat(&chat, "/messages")).send().await;
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.data(200), json!([message]));
});

app_test!(what_is_no_message_is_refused, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let path = in_chat(&chat, "/messages");
    let long = "ü".repeat(10_001);
    for content in ["", " \n\t", &long] {
        buyer.saying(&chat, content).send().await.invalid(&["content"]);
    }
    buyer.say(&chat, &long[..20_000]).await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "content": "x" });
        body[field] = value;
        buyer.post(&path).json(&body).send()
    };
    with("clientMessageId", json!("")).await.invalid(&["clientMessageId"]);
    with("clientMessageId", json!("x".repeat(101))).await.invalid(&["clientMessageId"]);
    with("attachmentIds", json!(["nothing"])).await.invalid(&["attachmentIds[0]"]);
    with("attachmentIds", json!(["a", "a"])).await.invalid(&["attachmentIds"]);
    with("senderId", json!(seller.id)).await.invalid(&["senderId"]);
    let body = json!({ "content": "a\u{0}b" });
    buyer.post(&path).json(&body).send().await.invalid(&["body"]);
    assert_eq!(app.chat_events_after(0).await.len(), 1);
});

app_test!(a_message_is_sent_once_under_its_client_id, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let send = |actor: &Actor, content: &str| {
        let body = json!({ "content": content, "clientMessageId": "m-1" });
        actor.post(&in_chat(&chat, "/messages")).json(&body).send()
    };
    let message = send(&buyer, "Hello").await.data(201);
    assert_eq!(message["clientMessageId"], "m-1");
    assert_eq!(send(&buyer, "Hello").await.data(200), message);
    // It is the sender's own id.
    let other = send(&seller, "Hello").await.data(201);
    assert_ne!(other["_id"], message["_id"]);
    // Also after it was deleted.
    let path = in_chat(&chat, &format!("/messages/{}", id(&message)));
    let tombstone = buyer.delete(&path).send().await.data(200);
    assert_eq!(send(&buyer, "Hello").await.data(200), tombstone);
    let names = app.chat_event_names_after(0).await;
    assert_eq!(names, ["new-message", "new-message", "message-deleted"]);
    assert_eq!(unread(&seller, &chat).await, 1);
});

app_test!(a_message_is_edited_and_deleted_by_its_sender, async |app| {
    let (buyer, seller, stranger) = (app.buyer().await, app.seller().await, app.buyer().await);
    let chat = buyer.chat_with(&seller).await;
    let elsewhere = buyer.chat_with(&stranger).await;
    let message = buyer.say(&chat, "Helo").await;
    let path = |chat: &Value| in_chat(chat, &format!("/messages/{}", id(&message)));
    let edit = |actor: &Actor, content: &str| {
        actor.patch(&path(&chat)).json(&json!({ "content": content })).send()
    };
    let head = app.position().await;
    edit(&seller, "Hello").await.error(403, "forbidden");
    edit(&stranger, "Hello").await.error(404, "not_found");
    edit(&buyer, " ").await.invalid(&["content"]);
    // A message is found in its own chat only.
    let body = json!({ "content": "Hello" });
    buyer.patch(&path(&elsewhere)).json(&body).send().await.error(404, "not_found");
    edit(&buyer, "Helo").await.data(200);
    assert_eq!(app.chat_events_after(head).await.len(), 0);

    let edited = edit(&buyer, "Hello").await.data(200);
    assert_eq!((&edited["content"], &edited["_id"]), (&json!("Hello"), &message["_id"]));
    assert!(edited["editedAt"].is_string());
    seller.delete(&path(&chat)).send().await.error(403, "forbidden");
    stranger.delete(&path(&chat)).send().await.error(404, "not_found");
    let tombstone = buyer.delete(&path(&chat)).send().await.data(200);
    assert_eq!(tombstone["content"], "");
    assert!(tombstone["deletedAt"].is_string());
    assert_eq!(buyer.delete(&path(&chat)).send().await.data(200), tombstone);
    edit(&buyer, "Hello again").await.error(409, "message_deleted");
    let shown = seller.get(&in_chat(&chat, "/messages")).send().await.data(200);
    assert_eq!(shown, json!([tombstone]));
    assert_eq!(seller.see_chat(&chat).await["lastMessage"], tombstone);
    let found = seller.get(&in_chat(&chat, "/messages?q=hel")).send().await.data(200);
    assert_eq!(found, json!([]));

    let events = app.chat_events_after(head).await;
    let told: Vec<_> = events.iter().map(|event| (event.name.as_str(), &event.payload)).collect();
    let about = |field: &str, value: &Value| {
        let mut payload = json!({ "chatId": chat["_id"], "messageId": message["_id"] });
        payload[field] = value.clone();
        payload
    };
    let mut edited_told = about("editedAt", &edited["editedAt"]);
    edited_told["content"] = json!("Hello");
    let deleted_told = about("deletedAt", &tombstone["deletedAt"]);
    assert_eq!(told, [("message-edited", &edited_told), ("message-deleted", &deleted_told)]);
    let room = format!("chat-{}", id(&chat));
    assert!(events.iter().all(|event| event.rooms() == [room.clone()]));
});

app_test!(reading_counts_what_others_wrote, async |app| {
    let (buyer, seller, stranger) = (app.buyer().await, app.seller().await, app.buyer().await);
    let chat = buyer.chat_with(&seller).await;
    let mut messages = Vec::new();
    // b s b b s b: four of the buyer's.
    for (number, sender) in [&buyer, &seller, &buyer, &buyer, &seller, &buyer].iter().enumerate() {
        messages.push(sender.say(&chat, &number.to_string()).await);
    }
    assert_eq!((unread(&seller, &chat).await, unread(&buyer, &chat).await), (json!(4), json!(2)));
    let head = app.position().await;
    let read = async |actor: &Actor, index: usize| {
        let receipt = actor.reading(&chat, &messages[index]).send().await.data(200);
        assert_eq!(receipt["chatId"], chat["_id"]);
        assert_eq!(receipt["upToMessageId"], messages[index]["_id"]);
        assert_eq!(receipt["unreadCount"], unread(actor, &chat).await);
        (receipt["modifiedCount"].clone(), receipt["unreadCount"].clone())
    };
    assert_eq!(read(&seller, 2).await, (json!(2), json!(2)));
    assert_eq!(read(&seller, 2).await, (json!(0), json!(2)));
    // An older message takes nothing back.
    assert_eq!(read(&seller, 0).await, (json!(0), json!(2)));
    assert_eq!(read(&seller, 4).await, (json!(1), json!(1)));
    assert_eq!(read(&seller, 5).await, (json!(1), json!(0)));
    // Nothing but their own becomes read: nobody is told.
    assert_eq!(read(&buyer, 0).await, (json!(0), json!(2)));
    assert_eq!(read(&buyer, 5).await, (json!(2), json!(0)));
    let events = app.chat_events_after(head).await;
    let told = |who: &Actor, index: usize, count: u32| {
        json!({
            "chatId": chat["_id"], "userId": who.id, "modifiedCount": count,
            "upToMessageId": messages[index]["_id"],
        })
    };
    let expected =
        [told(&seller, 2, 2), told(&seller, 4, 1), told(&seller, 5, 1), told(&buyer, 5, 2)];
    assert_eq!(events.iter().map(|event| event.payload.clone()).collect::<Vec<_>>(), expected);
    for event in &events {
        assert_eq!(event.name, "messages-read");
        assert_eq!(event.rooms(), [format!("chat-{}", id(&chat))]);
    }
    let elsewhere = buyer.chat_with(&stranger).await;
    let other = stranger.say(&elsewhere, "x").await;
    buyer.reading(&chat, &other).send().await.invalid(&["upToMessageId"]);
    stranger.reading(&chat, &messages[0]).send().await.error(404, "not_found");
});

app_test!(who_comes_back_has_read_what_was_said_meanwhile, async |app| {
    let (owner, member) = (app.buyer().await, app.seller().await);
    let chat = owner.group(&[&member]).await;
    member.say(&chat, "1").await;
    owner.say(&chat, "2").await;
    let out = in_chat(&chat, &format!("/participants/{}", member.id));
    owner.delete(&out).send().await.data(200);
    owner.say(&chat, "3").await;
    let add = json!({ "userIds": [member.id] });
    owner.post(&in_chat(&chat, "/participants")).json(&add).send().await.data(200);
    assert_eq!(unread(&member, &chat).await, 0);
    member.say(&chat, "4").await;
    let last = owner.say(&chat, "5").await;
    assert_eq!(unread(&member, &chat).await, 1);
    assert_eq!(member.reading(&chat, &last).send().await.data(200)["modifiedCount"], 1);
    assert_eq!(unread(&owner, &chat).await, 2);
});
