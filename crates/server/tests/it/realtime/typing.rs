//! Typing in `strict` access: the token says who it is, the room who hears of it.

use serde_json::json;

use crate::support::app_test;

app_test!(who_types_is_who_the_token_says, async |app| {
    let node = app.serve().await;
    // Administrators may be in any chat.
    let (ada, bob) = (app.admin().await, app.admin().await);
    let (mut types, mut tab, mut reads) =
        (ada.connect(&node).await, ada.connect(&node).await, bob.connect(&node).await);
    for socket in [&mut types, &mut tab, &mut reads] {
        socket.done("join-chat-room", "c1").await;
    }
    let said = json!({ "chatId": "c1", "userId": ada.id, "userName": "Somebody else" });
    types.done("typing-start", said).await;
    types.done("typing-stop", json!({ "chatId": "c1" })).await;
    for socket in [&mut reads, &mut tab] {
        for is_typing in [true, false] {
            let expected = json!({
                "chatId": "c1", "userId": ada.id, "userName": ada.name, "isTyping": is_typing,
            });
            assert_eq!(socket.event("user-typing").await, expected);
        }
    }
    let refused = types.ask("typing-start", json!({ "chatId": "c1", "userId": bob.id })).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    types.done("leave-chat-room", "c1").await;
    let refused = types.ask("typing-start", json!({ "chatId": "c1" })).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    for socket in [&mut types, &mut tab, &mut reads] {
        assert!(socket.unread().await.is_empty());
    }
    node.stop().await;
});

app_test!(who_types_in_two_chats_is_heard_in_each, async |app| {
    let node = app.serve().await;
    let (ada, bob, eve) = (app.admin().await, app.admin().await, app.admin().await);
    let mut types = ada.connect(&node).await;
    let (mut one, mut two) = (bob.connect(&node).await, eve.connect(&node).await);
    for (socket, chat) in [(&mut one, "c1"), (&mut two, "c2")] {
        socket.done("join-chat-room", chat).await;
        types.done("join-chat-room", chat).await;
    }
    for chat in ["c1", "c2", "c2", "c1"] {
        for event in ["typing-start", "typing-stop"] {
            types.done(event, json!({ "chatId": chat })).await;
        }
    }
    for (socket, chat) in [(&mut one, "c1"), (&mut two, "c2")] {
        for is_typing in [true, false, true, false] {
            let said = socket.event("user-typing").await;
            assert_eq!((&said["chatId"], &said["isTyping"]), (&json!(chat), &json!(is_typing)));
        }
        assert!(socket.unread().await.is_empty());
    }
    node.stop().await;
});
