//! The bus between nodes: ephemeral events, over PostgreSQL and over Redis.

use std::sync::Arc;

use db::testing::TestDb;
use db::{Sql, args};
use events::{Audience, Room, UserId};
use serde_json::json;
use serde_json::value::to_raw_value;
use souk::bus::{Bus, Message, Receiver};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::TestApp;
use crate::support::nodes::{PATIENCE, postgres_test, redis_url};
use crate::support::proxy::Proxy;

struct Heard(mpsc::UnboundedSender<Message>);

impl Receiver for Heard {
    fn receive(&self, message: Message) {
        // The test may have ended.
        let _ = self.0.send(message);
    }
}

/// A node's end of the bus.
struct End {
    app: TestApp,
    heard: mpsc::UnboundedReceiver<Message>,
    stop: CancellationToken,
}

impl End {
    async fn open(db: &TestDb, settings: &[(&str, &str)]) -> Self {
        let app = TestApp::on(db, settings).await;
        let (sender, heard) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        tokio::spawn(Bus::run(app.app.clone(), Arc::new(Heard(sender)), stop.clone()));
        Self { app, heard, stop }
    }

    fn say(&self, event: &str) {
        self.publish(event, "");
    }

    fn publish(&self, event: &str, text: &str) {
        let user: UserId = "u1".parse().unwrap();
        let audience = Audience { except: Some(user), ..Audience::room(Room::Sellers) };
        self.app.app.bus.publish(
            event,
            &audience,
            &to_raw_value(&json!({ "text": text })).unwrap(),
        );
    }

    async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        next.expect("a message in time").expect("the bus runs")
    }

    /// Says so until the other end has heard of it: messages before it listens are lost.
    async fn greet(&self, other: &mut Self, greeting: &str) {
        loop {
            self.say(greeting);
            let soon = std::time::Duration::from_millis(100);
            while let Ok(message) = tokio::time::timeout(soon, other.heard.recv()).await {
                if message.expect("the bus runs").event == greeting {
                    // Those that are still under way are passed over below.
                    return;
                }
            }
        }
    }

    /// The next message that is no greeting.
    async fn next_word(&mut self) -> Message {
        loop {
            let message = self.next().await;
            if !message.event.starts_with("hello") {
                return message;
            }
        }
    }
}

async fn talk(db: &TestDb, settings: &[(&str, &str)]) {
    let (mut one, mut other) = (End::open(db, settings).await, End::open(db, settings).await);
    one.greet(&mut other, "hello").await;
    other.greet(&mut one, "hello").await;

    let count = 1000;
    for number in 0..count {
        one.publish(&format!("word {number}"), "says 'this' and \"that\" — ü");
    }
    for number in 0..count {
        let message = other.next_word().await;
        assert_eq!(message.event, format!("word {number}"), "in order, each once");
        assert_eq!(message.audience.rooms, [Room::Sellers]);
        assert_eq!(message.audience.except.as_ref().map(AsRef::as_ref), Some("u1"));
        assert_eq!(message.payload.get(), r#"{"text":"says 'this' and \"that\" — ü"}"#);
    }
    // The other's answer is the first that this end hears: its own words do not come back.
    other.say("answer");
    assert_eq!(one.next_word().await.event, "answer");
    assert_eq!((one.app.app.bus.dropped(), other.app.app.bus.dropped()), (0, 0));
    one.stop.cancel();
    other.stop.cancel();
}

postgres_test!(over_postgres, async |db: &TestDb| talk(db, &[]).await);

postgres_test!(too_large_for_postgres, async |db: &TestDb| {
    let (one, mut other) = (End::open(db, &[]).await, End::open(db, &[]).await);
    one.greet(&mut other, "hello").await;
    one.publish("large", &"x".repeat(10_000));
    one.say("small");
    assert_eq!(other.next_word().await.event, "small");
    assert_eq!(one.app.app.bus.dropped(), 1);
});

// Every connection of the bus is cut; it goes on by itself.
postgres_test!(connections_come_back, async |db: &TestDb| {
    let (one, mut other) = (End::open(db, &[]).await, End::open(db, &[]).await);
    one.greet(&mut other, "hello").await;
    let cut = "SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity
               WHERE application_name = 'souk-listener' AND datname = current_database()";
    let cut = db.fetch_one(Sql::concat(&[cut]), args![]).await.unwrap();
    assert_eq!(cut.get::<i64>("cut").unwrap(), 2);
    one.greet(&mut other, "hello again").await;
});

postgres_test!(over_redis, async |db: &TestDb| {
    let Some(url) = redis_url() else { return };
    talk(db, &[("REDIS_URL", &url)]).await;
});

// An installation does not hear another one on the same Redis.
postgres_test!(installations_share_a_redis, async |db: &TestDb| {
    let Some(url) = redis_url() else { return };
    let redis = ("REDIS_URL", url.as_str());
    let (one, mut other) = (End::open(db, &[redis]).await, End::open(db, &[redis]).await);
    let foreign = [redis, ("JWT_SECRET", "the secret of another installation")];
    let (stranger, mut friend) = (End::open(db, &foreign).await, End::open(db, &foreign).await);
    one.greet(&mut other, "hello").await;
    stranger.greet(&mut friend, "hello stranger").await;
    stranger.say("not for you");
    assert_eq!(friend.next_word().await.event, "not for you");
    one.say("for you");
    assert_eq!(other.next_word().await.event, "for you");
});

postgres_test!(redis_connections_come_back, async |db: &TestDb| {
    let Some(url) = redis_url() else { return };
    let proxy = Proxy::to(&url).await;
    let through = proxy.through(&url);
    let redis = [("REDIS_URL", through.as_str())];
    let (one, mut other) = (End::open(db, &redis).await, End::open(db, &redis).await);
    one.greet(&mut other, "hello").await;
    proxy.break_connections();
    one.greet(&mut other, "hello again").await;
});
