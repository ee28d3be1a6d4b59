//! Which node may change a session's row.

use db::sql;
use serde_json::value::to_raw_value;
use souk::realtime::recovery::history::History;
use souk::realtime::recovery::session::SessionId;
use souk::realtime::recovery::store::{self, Change, Stored};

use super::retention::count;
use crate::support::{TestApp, app_test};

fn history(room: &str) -> History {
    let mut history = History::default();
    history.join(&room.into(), 7);
    history
}

/// A session in a room; its row names `owner`, if there is one.
fn change(room: &str, owner: Option<&str>) -> Change {
    Change {
        id: SessionId::of("pid"),
        sid: "sid".to_owned(),
        user: None,
        base: 7,
        rooms: to_raw_value(&history(room)).unwrap(),
        owner: owner.map(str::to_owned),
        read: None,
        left_at: None,
        is_over: false,
    }
}

/// Writes it in the name of `node`; whether it was written.
async fn save(app: &TestApp, node: &str, change: Change) -> bool {
    let mut tx = app.app.db.begin().await.unwrap();
    let written = store::save(&mut tx, node, &[change]).await.unwrap();
    tx.commit().await.unwrap();
    written.contains(&SessionId::of("pid"))
}

async fn stored(app: &TestApp) -> Stored {
    let id = SessionId::of("pid");
    let mut found = store::find(&app.app.db, &[id]).await.unwrap();
    found.remove(&id).expect("a row")
}

app_test!(a_row_is_changed_by_its_node_alone, async |app| {
    assert!(save(app, "one", change("a", None)).await);
    assert!(!save(app, "two", change("b", None)).await, "there is one already");
    assert!(!save(app, "two", change("b", Some("two"))).await, "it is the other one's");
    let over = Change { is_over: true, ..change("a", Some("two")) };
    assert!(!save(app, "two", over).await, "it is not to end by another one's hand");
    assert_eq!(stored(app).await.history, history("a"));
    assert!(save(app, "one", change("b", Some("one"))).await);
    let row = stored(app).await;
    assert_eq!((row.history, &*row.owner), (history("b"), "one"));
    assert!(save(app, "one", Change { is_over: true, ..change("b", Some("one")) }).await);
    assert_eq!(count(app, sql!("SELECT count(*) AS n FROM socket_sessions")).await, 0);
});

app_test!(a_row_is_taken_over_only_as_it_was_read, async |app| {
    assert!(save(app, "one", change("a", None)).await);
    let read = stored(app).await;
    // Its node goes on meanwhile.
    assert!(save(app, "one", change("b", Some("one"))).await);
    let taken = |read: &Stored| Change {
        read: Some(read.rooms.clone().into()),
        ..change("a", Some(&*read.owner))
    };
    assert!(!save(app, "two", taken(&read)).await, "it has changed since");
    let read = stored(app).await;
    assert_eq!((&read.history, &*read.owner), (&history("b"), "one"));
    assert!(save(app, "two", taken(&read)).await);
    assert_eq!(&*stored(app).await.owner, "two");
    assert!(!save(app, "one", change("b", Some("one"))).await, "the first one has lost it");
});
