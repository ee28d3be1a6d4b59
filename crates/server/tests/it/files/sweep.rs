//! What becomes of files that nothing uses.

use std::time::Duration;

use db::{args, sql};
use serde_json::{Value, json};
use souk::files::service;

use crate::support::chat::in_chat;
use crate::support::files::samples::png;
use crate::support::market::{LONG_SIGN_IN, id};
use crate::support::{Actor, TestApp, app_test, at_once};

async fn is_there(actor: &Actor, file: &Value) -> bool {
    let answer = actor.get(file["url"].as_str().unwrap()).send().await;
    assert!(matches!(answer.status.as_u16(), 200 | 404), "{answer:#?}");
    answer.status == 200
}

/// Runs the sweep as its timer does.
async fn sweep(app: &TestApp) {
    let mut tx = app.app.begin().await.unwrap();
    tx.schedule(service::SWEEP, "", Duration::ZERO).await.unwrap();
    tx.commit().await.unwrap();
    app.run_timers().await;
}

app_test!(files_that_nothing_uses_go_after_a_day, [LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let (unused, sent, picture) = (
        buyer.upload("a.png", &png(1, 1)).await,
        buyer.upload("b.png", &png(2, 2)).await,
        buyer.upload("c.png", &png(3, 3)).await,
    );
    let body = json!({ "content": "", "attachmentIds": [id(&sent)] });
    let message = buyer.post(&in_chat(&chat, "/messages")).json(&body).send().await.data(201);
    let change = json!({ "avatarId": id(&picture) });
    buyer.patch("/api/auth/me").json(&change).send().await.data(200);
    app.advance(Duration::from_hours(23));
    sweep(app).await;
    assert_eq!(app.files_on_disk().len(), 3);
    app.advance(Duration::from_hours(2));
    sweep(app).await;
    for (file, there) in [(&unused, false), (&sent, true), (&picture, true)] {
        assert_eq!(is_there(&buyer, file).await, there);
    }
    assert_eq!(app.files_on_disk().len(), 2);
    // A tombstone uses nothing.
    let path = in_chat(&chat, &format!("/messages/{}", id(&message)));
    buyer.delete(&path).send().await.data(200);
    sweep(app).await;
    assert!(!is_there(&buyer, &sent).await);
    assert_eq!(app.files_on_disk().len(), 1);
});

app_test!(what_a_kill_left_is_removed, [LONG_SIGN_IN], async |app| {
    let buyer = app.buyer().await;
    // The row was written, the bytes were, and then nothing more; and an upload was under way.
    let kept = buyer.upload("a.png", &png(1, 1)).await;
    let mut tx = app.app.db.begin().await.unwrap();
    let set = sql!("UPDATE files SET state = 'uploading' WHERE id = $1");
    tx.execute(set, args![id(&kept)]).await.unwrap();
    tx.commit().await.unwrap();
    let aside = app.app.config.files.folder.join("incoming/half");
    std::fs::write(&aside, b"half").unwrap();
    assert!(!is_there(&buyer, &kept).await);
    sweep(app).await;
    assert_eq!(app.files_on_disk().len(), 2, "it may be under way still");
    app.advance(Duration::from_hours(2));
    sweep(app).await;
    assert_eq!(app.files_on_disk(), Vec::<std::path::PathBuf>::new());
    let count = app.app.db.fetch_one(sql!("SELECT COUNT(*) AS n FROM files"), args![]).await;
    assert_eq!(count.unwrap().get::<i64>("n").unwrap(), 0);
});

app_test!(a_file_is_used_or_swept_and_never_both, [LONG_SIGN_IN], async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    for round in 0..12 {
        let file = buyer.upload("a.png", &png(1, 1)).await;
        app.advance(Duration::from_hours(25));
        let body = json!({ "content": "", "attachmentIds": [id(&file)] });
        let send = buyer.post(&in_chat(&chat, "/messages")).json(&body);
        let (answers, swept) = tokio::join!(at_once([send]), service::sweep(&app.app));
        swept.unwrap();
        let sent = answers[0].status == 201;
        if !sent {
            answers[0].invalid(&["attachmentIds[0]"]);
        }
        assert_eq!(is_there(&seller, &file).await, sent, "round {round}");
    }
});
