//! Which chats there are, who is in them, and who knows of them.

use serde_json::{Value, json};

use crate::support::chat::{CHATS, in_chat};
use crate::support::market::id;
use crate::support::{Actor, app_test};

fn ids(actors: &[&Actor]) -> Value {
    actors.iter().map(|actor| json!(actor.id)).collect()
}

/// The actor's chats: ids with counts of unread messages, in the order of the list.
async fn list(actor: &Actor) -> Vec<(String, i64)> {
    let chats = actor.get(CHATS).send().await.data(200);
    let chats = chats.as_array().unwrap().iter();
    chats.map(|chat| (id(chat).to_owned(), chat["unreadCount"].as_i64().unwrap())).collect()
}

app_test!(a_pair_has_one_direct_chat, async |app| {
    let (buyer, seller, other) = (app.buyer().await, app.seller().await, app.buyer().await);
    let with = |actors: &[&Actor]| json!({ "type": "direct", "participantIds": ids(actors) });
    let post = |actor: &Actor, body: &Value| actor.post(CHATS).json(body).send();
    let chat = post(&buyer, &with(&[&seller])).await.data(201);
    let expected = json!({
        "_id": chat["_id"], "type": "direct", "createdBy": buyer.id,
        "participantIds": chat["participantIds"], "participants": chat["participants"],
        "unreadCount": 0, "createdAt": chat["createdAt"], "updatedAt": chat["createdAt"],
    });
    assert_eq!(chat, expected);
    let mut inside = vec![buyer.id.to_string(), seller.id.to_string()];
    inside.sort();
    assert_eq!(chat["participantIds"], json!(inside));
    let named: Vec<_> = chat["participants"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(named, inside);
    // Whoever asks, and whether they name themselves or not.
    assert_eq!(post(&seller, &with(&[&buyer])).await.data(200)["_id"], chat["_id"]);
    assert_eq!(post(&buyer, &with(&[&buyer, &seller])).await.data(200)["_id"], chat["_id"]);
    assert_ne!(post(&other, &with(&[&seller])).await.data(201)["_id"], chat["_id"]);

    for actors in [vec![&buyer], vec![&seller, &other], vec![], vec![&seller, &seller]] {
        post(&buyer, &with(&actors)).await.invalid(&["participantIds"]);
    }
    let titled = json!({ "type": "direct", "participantIds": ids(&[&seller]), "title": "x" });
    post(&buyer, &titled).await.invalid(&["title"]);
    let unknown = json!({ "type": "direct", "participantIds": ["nobody"] });
    post(&buyer, &unknown).await.invalid(&["participantIds[0]"]);
    let wrong = json!({ "type": "support", "participantIds": ids(&[&seller]) });
    post(&buyer, &wrong).await.invalid(&["type"]);
    assert_eq!(app.chat_events_after(0).await.len(), 0);
});

app_test!(who_takes_part_in_a_direct_chat_does_not_change, async |app| {
    let (buyer, seller, other) = (app.buyer().await, app.seller().await, app.buyer().await);
    let chat = buyer.chat_with(&seller).await;
    let add = json!({ "userIds": ids(&[&other]) });
    let answer = buyer.post(&in_chat(&chat, "/participants")).json(&add).send().await;
    answer.error(409, "members_fixed");
    let own = in_chat(&chat, &format!("/participants/{}", buyer.id));
    buyer.delete(&own).send().await.error(409, "members_fixed");
});

app_test!(a_group_has_an_owner_who_adds_and_removes, async |app| {
    let (owner, member, later) = (app.buyer().await, app.seller().await, app.seller().await);
    let (stranger, admin) = (app.buyer().await, app.admin().await);
    let chat = owner.group(&[&member]).await;
    assert_eq!((&chat["ownerId"], &chat["title"]), (&json!(owner.id), &json!("Group buy")));
    owner.say(&chat, "before").await;
    let head = app.position().await;
    let participants = in_chat(&chat, "/participants");
    let add = |actor: &Actor, who: &Actor| {
        actor.post(&participants).json(&json!({ "userIds": [who.id] })).send()
    };
    add(&member, &later).await.error(403, "forbidden");
    add(&stranger, &later).await.error(404, "not_found");
    let unknown = json!({ "userIds": [later.id, "nobody"] });
    owner.post(&participants).json(&unknown).send().await.invalid(&["userIds[1]"]);
    let changed = add(&owner, &later).await.data(200);
    assert_eq!(changed["participantIds"].as_array().unwrap().len(), 3);
    // Again, and nothing happens.
    add(&owner, &later).await.data(200);
    // What was said before is there to be read and does not count as unread.
    let seen = later.see_chat(&chat).await;
    assert_eq!(
        (&seen["unreadCount"], &seen["lastMessage"]["content"]),
        (&json!(0), &json!("before"))
    );

    let remove =
        |actor: &Actor, who: &Actor| actor.delete(&format!("{participants}/{}", who.id)).send();
    remove(&member, &owner).await.error(403, "forbidden");
    remove(&stranger, &owner).await.error(404, "not_found");
    remove(&owner, &stranger).await.error(404, "not_found");
    remove(&owner, &later).await.data(200);
    remove(&owner, &later).await.error(404, "not_found");
    add(&admin, &later).await.data(200);
    // The owner leaves; who has been there for longest owns it.
    remove(&owner, &owner).await.data(200);
    assert_eq!(member.see_chat(&chat).await["ownerId"], json!(member.id));
    remove(&member, &later).await.data(200);
    remove(&member, &member).await.data(200);

    let events = app.chat_events_after(head).await;
    let told: Vec<_> = events.iter().map(|event| (event.name.as_str(), &event.payload)).collect();
    let added = |who: &Actor| json!({ "chatId": chat["_id"], "addedUserIds": [who.id] });
    let removed = |who: &Actor| json!({ "chatId": chat["_id"], "removedUserId": who.id });
    assert_eq!(
        told,
        [
            ("participants-added", &added(&later)),
            ("participant-removed", &removed(&later)),
            ("participants-added", &added(&later)),
            ("participant-removed", &removed(&owner)),
            ("participant-removed", &removed(&later)),
            ("participant-removed", &removed(&member)),
        ]
    );
    let room = format!("chat-{}", id(&chat));
    assert!(events.iter().all(|event| event.rooms() == [room.clone()]));
    assert_eq!(app.controls_after(head).await.len(), 4);
});

app_test!(a_group_is_bounded, async |app| {
    let owner = app.buyer().await;
    let mut others = Vec::new();
    for _ in 0..100 {
        others.push(app.seller().await);
    }
    let chat = owner.group(&others[..99].iter().collect::<Vec<_>>()).await;
    let add = json!({ "userIds": [others[99].id] });
    let path = in_chat(&chat, "/participants");
    owner.post(&path).json(&add).send().await.error(409, "chat_full");
    assert_eq!(owner.see_chat(&chat).await["participantIds"].as_array().unwrap().len(), 100);
    assert_eq!(app.chat_events_after(0).await.len(), 0);
});

app_test!(a_request_has_one_chat_for_each_seller_who_may_know_of_it, async |app| {
    let (buyer, other, admin) = (app.buyer().await, app.buyer().await, app.admin().await);
    let (seller, rival) = (app.seller().await, app.seller().await);
    let request = buyer.publish(&json!({ "preferredSellerIds": [seller.id] })).await;
    let begin = |actor: &Actor, seller: &Actor| {
        let body = json!({ "purchaseRequestId": request["_id"], "sellerId": seller.id });
        actor.post(&format!("{CHATS}/purchase-request")).json(&body).send()
    };
    let chat = begin(&buyer, &seller).await.data(201);
    assert_eq!(chat["type"], "purchase_request");
    assert_eq!(chat["purchaseRequestId"], request["_id"]);
    assert_eq!(chat["title"], request["title"]);
    assert_eq!(chat["participantIds"].as_array().unwrap().len(), 2);
    assert_eq!(begin(&seller, &seller).await.data(200)["_id"], chat["_id"]);
    assert_eq!(begin(&buyer, &seller).await.data(200)["_id"], chat["_id"]);
    // Not invited: the buyer cannot let the request be known like this.
    begin(&buyer, &rival).await.invalid(&["sellerId"]);
    begin(&buyer, &other).await.invalid(&["sellerId"]);
    begin(&rival, &rival).await.error(404, "not_found");
    begin(&other, &seller).await.error(404, "not_found");
    begin(&seller, &rival).await.error(403, "forbidden");
    begin(&admin, &seller).await.error(403, "forbidden");
    // It outlives the request.
    let cancel = format!("{}/{}/cancel", crate::support::market::REQUESTS, id(&request));
    buyer.post(&cancel).json(&json!({ "reason": "x" })).send().await.data(200);
    seller.say(&chat, "What a pity").await;
});

app_test!(the_support_is_every_administrator, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let (one, two) = (app.admin().await, app.admin().await);
    let path = format!("{CHATS}/support");
    let chat = buyer.post(&path).send().await.data(201);
    assert_eq!(buyer.post(&path).send().await.data(200)["_id"], chat["_id"]);
    one.post(&path).send().await.error(403, "forbidden");
    seller.get(&in_chat(&chat, "")).send().await.error(404, "not_found");
    let asked = buyer.say(&chat, "Where is my parcel?").await;
    let chat_id = id(&chat).to_owned();
    for admin in [&one, &two] {
        assert_eq!(list(admin).await, [(chat_id.clone(), 1)]);
    }
    one.reading(&chat, &asked).send().await.data(200);
    two.say(&chat, "On its way").await;
    // Each administrator has read what they have read.
    assert_eq!(list(&one).await, [(chat_id.clone(), 1)]);
    assert_eq!(list(&two).await, [(chat_id.clone(), 1)]);
    assert_eq!(list(&buyer).await, [(chat_id, 1)]);
    let inside = buyer.see_chat(&chat).await["participantIds"].clone();
    assert_eq!(inside, ids(&[&buyer, &one, &two]));
    let own = in_chat(&chat, &format!("/participants/{}", buyer.id));
    one.delete(&own).send().await.error(409, "members_fixed");
});

app_test!(administrators_read_other_chats_and_do_not_write, async |app| {
    let (buyer, seller, admin) = (app.buyer().await, app.seller().await, app.admin().await);
    let chat = buyer.chat_with(&seller).await;
    let said = buyer.say(&chat, "Hello").await;
    assert_eq!(admin.see_chat(&chat).await["unreadCount"], 0);
    assert_eq!(list(&admin).await, []);
    admin.saying(&chat, "Hello").send().await.error(403, "forbidden");
    admin.reading(&chat, &said).send().await.error(403, "forbidden");
    // Where they take part, they do.
    let own = admin.chat_with(&buyer).await;
    admin.say(&own, "Hello").await;
    assert_eq!(list(&admin).await, [(id(&own).to_owned(), 0)]);
});

app_test!(chats_are_listed_by_their_newest_message, async |app| {
    let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
    let (first, second) = (buyer.chat_with(&one).await, buyer.chat_with(&two).await);
    let name = |chat: &Value| id(chat).to_owned();
    let tick = || app.advance(std::time::Duration::from_millis(2));
    tick();
    one.say(&first, "1").await;
    tick();
    two.say(&second, "2").await;
    two.say(&second, "3").await;
    assert_eq!(list(&buyer).await, [(name(&second), 2), (name(&first), 1)]);
    tick();
    let newest = one.say(&first, "4").await;
    let page = buyer.get(&format!("{CHATS}?limit=1")).send().await.expect(200);
    assert_eq!(page["data"][0]["_id"], first["_id"]);
    assert_eq!(page["data"][0]["lastMessage"], newest);
    assert_eq!(page["data"][0]["updatedAt"], newest["createdAt"]);
    assert_eq!(page["pagination"]["total"], 2);
    assert_eq!(page["pagination"]["hasMore"], true);
    buyer.get(&format!("{CHATS}?limit=0")).send().await.invalid(&["limit"]);
    assert_eq!(list(&one).await, [(name(&first), 0)]);
});
