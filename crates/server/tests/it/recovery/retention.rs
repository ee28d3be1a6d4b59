//! What is too old is deleted, a little at a time.

use std::time::Duration;

use db::{args, sql};

use super::{back, number, tell, tell_many};
use crate::support::{TestApp, app_test};

pub(super) async fn count(app: &TestApp, sql: db::Sql) -> i64 {
    app.app.db.fetch_one(sql, args![]).await.unwrap().get("n").unwrap()
}

async fn sweep(app: &TestApp) {
    let mut tx = app.app.begin().await.unwrap();
    souk::realtime::recovery::sweep(&mut tx, &app.app).await.unwrap();
    tx.commit().await.unwrap();
}

app_test!(
    what_is_too_old_is_deleted_and_nobody_gets_a_part,
    [("RECOVERY_WINDOW", "2h"), ("ACCESS_TOKEN_TTL", "30d"), ("RECOVERY_MEMORY", "1KiB")],
    async |app| {
        let node = app.serve().await;
        let seller = app.seller().await;
        let mut quiet = seller.connect(&node).await;
        quiet.done("join-seller-room", seller.id.as_str()).await;
        let mut away = seller.connect(&node).await;
        away.done("join-seller-room", seller.id.as_str()).await;
        let away = away.cut();
        tell_many(app, "buyers", 0..700, "").await;
        app.position().await;
        let old = quiet.memory.clone();
        app.advance(Duration::from_hours(4));
        tell(app, "buyers", 700).await;
        app.app.journal.flushed().await.unwrap();
        // The timers of the node do it too.
        let entries = || sql!("SELECT count(*) AS n FROM journal");
        while count(app, entries()).await > 1 {
            sweep(app).await;
        }

        // A client that is there is told new offsets, so that its own never grows too old.
        souk::realtime::recovery::refresh(&app.app, Duration::ZERO);
        quiet.event("session").await;
        assert_ne!(quiet.memory.offset, old.offset);
        let memory = quiet.cut();
        tell(app, "sellers", 1).await;
        app.app.journal.flushed().await.unwrap();
        let mut socket = back(&node, &seller, &memory).await;
        assert!(socket.recovered);
        assert_eq!(number(&socket.event("told").await), 1);

        let sessions = || sql!("SELECT count(*) AS n FROM socket_sessions");
        assert!(!back(&node, &seller, &away).await.recovered, "its offset is too old");
        let page = seller.get(&format!("/api/events?after={}", away.offset)).send().await.data(200);
        assert_eq!(page["reset"], true);
        assert_eq!(page["events"], serde_json::json!([]));
        node.stop().await;
        let before = count(app, sessions()).await;
        app.advance(Duration::from_hours(3));
        sweep(app).await;
        assert!(before > 0);
        assert_eq!(count(app, sessions()).await, 0);
    }
);

app_test!(
    a_sweep_takes_one_batch_from_the_end_and_never_the_newest,
    [("RECOVERY_WINDOW", "2h")],
    async |app| {
        tell_many(app, "buyers", 0..700, "").await;
        app.position().await;
        app.advance(Duration::from_hours(2));
        tell_many(app, "buyers", 700..720, "").await;
        app.position().await;
        let positions = async || {
            let entries = app.entries_after(0).await;
            (entries.first().unwrap().position, entries.len())
        };
        sweep(app).await;
        assert_eq!(positions().await, (1, 720), "an hour longer than the window");
        app.advance(Duration::from_mins(61));
        sweep(app).await;
        assert_eq!(positions().await, (501, 220));
        sweep(app).await;
        assert_eq!(positions().await, (701, 20), "the rest is not old enough");
        app.advance(Duration::from_hours(9));
        sweep(app).await;
        assert_eq!(positions().await, (720, 1));
    }
);
