//! Many hands on one chat at the same time.

use db::{args, sql};
use serde_json::{Value, json};

use crate::support::chat::{CHATS, in_chat};
use crate::support::market::id;
use crate::support::{Answer, TestApp, app_test, at_once};

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// The ids of a chat's messages by their numbers, which must have no gap.
async fn by_number(app: &TestApp, chat: &Value) -> Vec<String> {
    let select =
        sql!("SELECT id, seq, created_at FROM chat_messages WHERE chat_id = $1 ORDER BY seq");
    let rows = app.app.db.fetch_all(select, args![id(chat)]).await.unwrap();
    let mut newest = 0;
    let read = |(index, row): (usize, &db::Row)| {
        assert_eq!(row.get::<i64>("seq").unwrap(), index as i64 + 1);
        let time: i64 = row.get("created_at").unwrap();
        assert!(time >= newest);
        newest = time;
        row.get("id").unwrap()
    };
    rows.iter().enumerate().map(read).collect()
}

app_test!(a_pair_begins_one_chat_however_often, async |app| {
    let (one, two) = (app.buyer().await, app.seller().await);
    let with = |other: &events::UserId| json!({ "type": "direct", "participantIds": [other] });
    let posts = (0..20).map(|number| match number % 2 {
        0 => one.post(CHATS).json(&with(&two.id)),
        _ => two.post(CHATS).json(&with(&one.id)),
    });
    let answers = at_once(posts).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 19));
    let id_of = |answer: &Answer| {
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        id(&body["data"]).to_owned()
    };
    assert!(answers.iter().all(|answer| id_of(answer) == id_of(&answers[0])));
});

app_test!(one_client_id_is_one_message_however_often, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let body = json!({ "content": "Hello", "clientMessageId": "m-1" });
    let path = in_chat(&chat, "/messages");
    let answers = at_once((0..30).map(|_| buyer.post(&path).json(&body))).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 29));
    let made = answers.iter().find(|answer| answer.status == 201).unwrap();
    assert!(answers.iter().all(|answer| answer.body == made.body));
    assert_eq!(by_number(app, &chat).await, [id(&made.data(201))]);
    assert_eq!(app.chat_event_names_after(0).await, ["new-message"]);
    assert_eq!(seller.see_chat(&chat).await["unreadCount"], 1);
});

app_test!(messages_of_32_senders_have_one_order, async |app| {
    const SENDERS: usize = 32;
    const EACH: usize = 5;
    let owner = app.buyer().await;
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        senders.push(app.seller().await);
    }
    let chat = owner.group(&senders.iter().collect::<Vec<_>>()).await;
    let posts = (0..EACH).flat_map(|_| senders.iter().map(|sender| sender.saying(&chat, "x")));
    let answers = at_once(posts).await;
    assert_eq!(count(&answers, 201), SENDERS * EACH);
    let numbered = by_number(app, &chat).await;
    assert_eq!(numbered.len(), SENDERS * EACH);
    let events = app.chat_events_after(0).await;
    let told: Vec<_> =
        events.iter().map(|event| id(&event.payload["message"]).to_owned()).collect();
    assert_eq!(told, numbered);
    let shown = owner.get(&in_chat(&chat, "/messages?limit=100")).send().await.data(200);
    let shown: Vec<_> = shown.as_array().unwrap().iter().map(|m| id(m).to_owned()).collect();
    assert_eq!(shown, numbered[numbered.len() - 100..]);
    assert_eq!(owner.see_chat(&chat).await["unreadCount"], SENDERS * EACH);
    for sender in &senders {
        assert_eq!(sender.see_chat(&chat).await["unreadCount"], (SENDERS - 1) * EACH);
    }
});

app_test!(a_message_becomes_read_once_however_often, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let mut messages = Vec::new();
    for _ in 0..12 {
        messages.push(buyer.say(&chat, "x").await);
        seller.say(&chat, "y").await;
    }
    let head = app.position().await;
    // All of them at once, and more is said all the while.
    let reads = messages.iter().chain(&messages).map(|message| seller.reading(&chat, message));
    let says = (0..10).map(|_| buyer.saying(&chat, "z"));
    let answers = at_once(reads.chain(says)).await;
    let total: u64 = answers[..24]
        .iter()
        .map(|answer| answer.data(200)["modifiedCount"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 12);
    let events = app.chat_events_after(head).await;
    let told: u64 = events.iter().filter_map(|e| e.payload["modifiedCount"].as_u64()).sum();
    assert_eq!(told, 12);
    assert_eq!(seller.see_chat(&chat).await["unreadCount"], 10);
});

app_test!(who_is_removed_says_nothing_more, async |app| {
    let (owner, member) = (app.buyer().await, app.seller().await);
    for _ in 0..10 {
        let chat = owner.group(&[&member]).await;
        let head = app.position().await;
        let out = owner.delete(&in_chat(&chat, &format!("/participants/{}", member.id)));
        let mut requests: Vec<_> = (0..8).map(|_| member.saying(&chat, "x")).collect();
        requests.insert(3, out);
        let answers = at_once(requests).await;
        assert_eq!(count(&answers, 200), 1);
        assert_eq!(count(&answers, 201) + count(&answers, 404), 8);
        let names = app.chat_event_names_after(head).await;
        assert_eq!(names.len(), count(&answers, 201) + 1);
        assert_eq!(names.last().unwrap(), "participant-removed");
    }
});
