//! Who may read a file.

use serde_json::{Value, json};

use crate::support::chat::in_chat;
use crate::support::files::samples::{pdf, png};
use crate::support::market::id;
use crate::support::money::SANDBOX;
use crate::support::{Actor, TestApp, app_test};

fn url(file: &Value) -> &str {
    file["url"].as_str().unwrap()
}

async fn reads(actor: &Actor, file: &Value) -> u16 {
    actor.get(url(file)).send().await.status.as_u16()
}

fn sending(
    actor: &Actor,
    chat: &Value,
    content: &str,
    files: &[&Value],
) -> crate::support::Request {
    let files: Vec<_> = files.iter().map(|file| id(file)).collect();
    let body = json!({ "content": content, "attachmentIds": files });
    actor.post(&in_chat(chat, "/messages")).json(&body)
}

async fn avatar(actor: &Actor, file: &Value) -> crate::support::Answer {
    actor.patch("/api/auth/me").json(&json!({ "avatarId": file })).send().await
}

app_test!(an_attachment_is_for_those_in_the_chat, async |app| {
    let (owner, member, stranger) = (app.buyer().await, app.seller().await, app.buyer().await);
    let admin = app.admin().await;
    let chat = owner.group(&[&member]).await;
    let (picture, paper) =
        (member.upload("a.png", &png(3, 2)).await, member.upload("b.pdf", &pdf()).await);
    for actor in [&owner, &stranger, &admin] {
        assert_eq!(reads(actor, &picture).await, 404, "before it is sent");
    }
    let message = sending(&member, &chat, "", &[&paper, &picture]).send().await.data(201);
    let attachment = |file: &Value| {
        json!({
            "_id": file["_id"], "name": file["name"], "mimeType": file["mimeType"],
            "size": file["size"], "url": file["url"],
        })
    };
    assert_eq!(message["attachments"], json!([attachment(&paper), attachment(&picture)]));
    let event = app.chat_events_after(0).await.pop().unwrap();
    assert_eq!(event.payload["message"], message);
    assert_eq!(owner.see_chat(&chat).await["lastMessage"], message);
    for (actor, status) in [(&owner, 200), (&member, 200), (&admin, 200), (&stranger, 404)] {
        assert_eq!(reads(actor, &picture).await, status);
    }
    app.get(url(&picture)).send().await.error(401, "unauthorized");
    app.get("/api/files/no-such-file").send().await.error(401, "unauthorized");
    app.get("/api/files/no%20id").send().await.error(401, "unauthorized");
    // By the cookie, as an `<img>` asks for it.
    let by_cookie = app.get(url(&picture)).cookie("accessToken", &owner.token).send().await;
    assert_eq!(by_cookie.bytes, png(3, 2));
    // A message with files needs no text, also when it is edited.
    let path = in_chat(&chat, &format!("/messages/{}", id(&message)));
    let edited = member.patch(&path).json(&json!({ "content": "x" })).send().await.data(200);
    assert_eq!(edited["attachments"], message["attachments"]);
    member.patch(&path).json(&json!({ "content": "" })).send().await.data(200);
    // Who is out keeps what they uploaded and nothing else.
    let own = owner.upload("c.png", &png(1, 1)).await;
    sending(&owner, &chat, "", &[&own]).send().await.data(201);
    assert_eq!(reads(&member, &own).await, 200);
    let out = in_chat(&chat, &format!("/participants/{}", member.id));
    owner.delete(&out).send().await.data(200);
    assert_eq!((reads(&member, &own).await, reads(&member, &picture).await), (404, 200));
    assert_eq!(reads(&owner, &picture).await, 200);
});

app_test!(what_hung_on_a_deleted_message_is_its_uploaders_alone, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let file = buyer.upload("a.png", &png(3, 2)).await;
    let message = sending(&buyer, &chat, "Look", &[&file]).send().await.data(201);
    assert_eq!(reads(&seller, &file).await, 200);
    let path = in_chat(&chat, &format!("/messages/{}", id(&message)));
    let tombstone = buyer.delete(&path).send().await.data(200);
    assert_eq!(tombstone.get("attachments"), None);
    assert_eq!((reads(&seller, &file).await, reads(&buyer, &file).await), (404, 200));
});

app_test!(a_message_takes_the_senders_own_files_alone, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let own = buyer.upload("a.png", &png(3, 2)).await;
    let others = seller.upload("b.png", &png(3, 2)).await;
    let nothing = json!({ "_id": "nothing" });
    sending(&buyer, &chat, "x", &[&own, &others]).send().await.invalid(&["attachmentIds[1]"]);
    sending(&buyer, &chat, "x", &[&nothing, &own]).send().await.invalid(&["attachmentIds[0]"]);
    sending(&buyer, &chat, "x", &[&own, &own]).send().await.invalid(&["attachmentIds"]);
    let many = vec![&own; 11];
    sending(&buyer, &chat, "x", &many).send().await.invalid(&["attachmentIds"]);
    assert_eq!(app.chat_events_after(0).await.len(), 0);
    // Nothing was attached by what was refused.
    assert_eq!(reads(&seller, &own).await, 404);
});

async fn public(app: &TestApp, file: &Value) -> bool {
    app.get(url(file)).send().await.status == 200
}

app_test!(a_picture_of_a_user_is_public, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let (one, two) =
        (buyer.upload("a.png", &png(3, 2)).await, buyer.upload("b.png", &png(1, 1)).await);
    let paper = buyer.upload("c.pdf", &pdf()).await;
    for (file, actor) in [(&one["_id"], &seller), (&paper["_id"], &buyer), (&json!("x"), &buyer)] {
        avatar(actor, file).await.invalid(&["avatarId"]);
    }
    assert!(!public(app, &one).await);
    assert_eq!(avatar(&buyer, &one["_id"]).await.data(200)["avatarId"], one["_id"]);
    let answer = app.get(url(&one)).send().await;
    assert_eq!(answer.bytes, png(3, 2));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    let profile = app.get(&format!("/api/users/{}", buyer.id)).send().await.data(200);
    assert_eq!(profile["avatarId"], one["_id"]);
    avatar(&buyer, &two["_id"]).await.data(200);
    assert_eq!((public(app, &one).await, public(app, &two).await), (false, true));
    assert_eq!(avatar(&buyer, &Value::Null).await.data(200).get("avatarId"), None);
    assert!(!public(app, &two).await);
});

app_test!(evidence_is_for_the_parties_and_administrators, [SANDBOX], async |app| {
    let (deal, stranger, admin) = (app.shipped_deal().await, app.seller().await, app.admin().await);
    let (buyer, seller) = (&deal.buyer, &deal.seller);
    let dispute = deal.dispute(buyer).await;
    let path = format!("/api/disputes/{}/evidence", id(&dispute));
    let (photo, paper) =
        (buyer.upload("a.png", &png(3, 2)).await, seller.upload("b.pdf", &pdf()).await);
    let everybody = [buyer, seller, &admin, &stranger];
    let readers = async |file: &Value| {
        let mut statuses = Vec::new();
        for actor in everybody {
            statuses.push(reads(actor, file).await);
        }
        statuses
    };
    assert_eq!(readers(&photo).await, [200, 404, 404, 404], "before it is evidence");
    let adding = |actor: &Actor, file: &Value| {
        let body = json!({ "text": "See for yourself", "attachmentIds": [id(file)] });
        actor.post(&path).json(&body)
    };
    // One cannot give oneself another's file to read.
    adding(seller, &photo).send().await.invalid(&["attachmentIds[0]"]);
    adding(&stranger, &photo).send().await.error(404, "not_found");
    assert_eq!(readers(&photo).await, [200, 404, 404, 404]);
    adding(buyer, &photo).send().await.data(201);
    let seen = adding(seller, &paper).send().await.data(201);
    assert_eq!(seen["evidence"][0]["attachmentIds"], json!([photo["_id"]]));
    for file in [&photo, &paper] {
        assert_eq!(readers(file).await, [200, 200, 200, 404]);
        app.get(url(file)).send().await.error(401, "unauthorized");
    }
    let answer = seller.get(url(&photo)).send().await;
    assert_eq!(answer.bytes, png(3, 2));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    // The decision takes nothing away.
    let decision = json!({ "outcome": "refund" });
    let resolve = format!("/api/disputes/{}/resolve", id(&dispute));
    admin.post(&resolve).json(&decision).send().await.data(200);
    assert_eq!(readers(&photo).await, [200, 200, 200, 404]);
});
