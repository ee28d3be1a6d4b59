//! Webhooks to other programs, against servers that answer well, badly, late and not at all.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use db::testing::TestDb;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use souk::webhooks::signature;
use tokio::net::TcpListener;

use crate::support::market::id;
use crate::support::{Actor, TestApp, app_test};

const HOOKS: &str = "/api/webhooks";
const PRIVATE: (&str, &str) = ("WEBHOOKS_ALLOW_PRIVATE", "true");
/// Sign-ins that outlast what the tests let pass.
const LONG: (&str, &str) = ("ACCESS_TOKEN_TTL", "30d");

/// A message that came.
#[derive(Debug, Clone)]
struct Message {
    id: String,
    seconds: i64,
    signature: String,
    body: String,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }
}

/// A server that answers each message with the next status of its list, then with 204.
#[derive(Clone)]
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<Message>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let receiver = Self { url, came: Arc::default(), answers: Arc::default() };
        let serving = receiver.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let serving = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let serving = serving.clone();
                        async move { serving.answer(request).await }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        receiver
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let header = |name: &str| {
            request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        let (id, signature) = (header("webhook-id"), header("webhook-signature"));
        let seconds = header("webhook-timestamp").parse().unwrap_or_default();
        let body = request.into_body().collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        self.came.lock().unwrap().push(Message { id, seconds, signature, body });
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(204);
        let answer = Response::builder().status(status).header("location", &self.url);
        Ok(answer.body(Full::default()).expect("an answer"))
    }

    fn will_answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses);
    }

    fn came(&self) -> Vec<Message> {
        self.came.lock().unwrap().clone()
    }

    fn kinds(&self) -> Vec<String> {
        self.came().iter().map(Message::kind).collect()
    }
}

async fn make(admin: &Actor, url: &str, events: &Value) -> Value {
    let mut body = json!({ "url": url });
    if !events.is_null() {
        body["events"] = events.clone();
    }
    admin.post(HOOKS).json(&body).send().await.data(201)
}

/// Lets the time until the next look at the journal pass, and sends what is due.
async fn deliver(app: &TestApp) {
    app.app.journal.settle().await.expect("the journal settles");
    app.advance(Duration::from_secs(2));
    app.run_timers().await;
}

async fn deliveries(admin: &Actor, hook: &Value, query: &str) -> Vec<Value> {
    let path = format!("{HOOKS}/{}/deliveries?limit=100&{query}", id(hook));
    admin.get(&path).send().await.data(200).as_array().expect("a list").clone()
}

app_test!(events_are_sent_signed_and_in_order, [PRIVATE], async |app| {
    let (admin, buyer, seller) = (app.admin().await, app.buyer().await, app.seller().await);
    let receiver = Receiver::start().await;
    buyer.publish(&json!({ "title": "Before the endpoint was there" })).await;
    app.app.journal.settle().await.expect("the journal settles");
    let hook = make(&admin, &receiver.url, &json!(["new-purchase-request", "new-offer"])).await;
    let secret = hook["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"));
    let listed = admin.get(HOOKS).send().await.data(200);
    assert_eq!(listed[0]["_id"], hook["_id"]);
    assert_eq!(listed[0].get("secret"), None, "told once");

    let request = buyer.publish(&json!({})).await;
    let offer = seller.make_offer(&request, &json!({})).await;
    buyer.publish(&json!({})).await;
    deliver(app).await;
    let came = receiver.came();
    assert_eq!(receiver.kinds(), ["new-purchase-request", "new-offer", "new-purchase-request"]);
    for message in &came {
        let signed = signature::sign(&secret, &message.id, message.seconds, &message.body);
        assert_eq!(signed.as_ref(), Some(&message.signature));
    }
    let second = came[1].json();
    assert_eq!(second["data"]["offer"], offer);
    assert!(second["timestamp"].is_string(), "{second}");
    // Nothing is sent again.
    deliver(app).await;
    assert_eq!(receiver.came().len(), 3);
    let listed = deliveries(&admin, &hook, "status=delivered").await;
    let events: Vec<_> = listed.iter().map(|row| row["event"].as_str().expect("a name")).collect();
    assert_eq!(events, ["new-purchase-request", "new-offer", "new-purchase-request"]);
    assert_eq!((&listed[0]["attempts"], &listed[0]["responseStatus"]), (&json!(1), &json!(204)));
    assert_eq!(listed[2]["messageId"], came[0].id.as_str());
});

app_test!(a_failing_endpoint_is_tried_again_and_holds_its_order, [PRIVATE, LONG], async |app| {
    let (admin, buyer) = (app.admin().await, app.buyer().await);
    let receiver = Receiver::start().await;
    let hook = make(&admin, &receiver.url, &json!(["new-purchase-request"])).await;
    receiver.will_answer([500, 302, 503]);
    let first = buyer.publish(&json!({ "title": "The first one" })).await;
    deliver(app).await;
    let second = buyer.publish(&json!({ "title": "The second one" })).await;
    deliver(app).await;
    assert_eq!(receiver.came().len(), 1, "not before the pause is over");
    for (seconds, tries) in [(5, 2), (20, 3)] {
        app.advance(Duration::from_secs(seconds));
        deliver(app).await;
        assert_eq!(receiver.came().len(), tries);
    }
    app.advance(Duration::from_secs(80));
    deliver(app).await;
    let titles: Vec<Value> =
        receiver.came().iter().map(|m| m.json()["data"]["title"].clone()).collect();
    let (one, two) = (&first["title"], &second["title"]);
    assert_eq!(titles.iter().collect::<Vec<_>>(), [one, one, one, one, two]);
    let ids: Vec<String> = receiver.came().into_iter().map(|message| message.id).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0], "{ids:?}");
    let listed = deliveries(&admin, &hook, "").await;
    assert_eq!((&listed[1]["attempts"], &listed[0]["attempts"]), (&json!(4), &json!(1)));
    assert_eq!(admin.get(HOOKS).send().await.data(200)[0]["failures"], 0);
});

app_test!(what_is_given_up_can_be_tried_again, [PRIVATE, LONG], async |app| {
    let (admin, buyer) = (app.admin().await, app.buyer().await);
    let receiver = Receiver::start().await;
    let hook = make(&admin, &receiver.url, &json!(["new-purchase-request"])).await;
    receiver.will_answer([500; 12]);
    buyer.publish(&json!({})).await;
    let retry =
        |delivery: &Value| admin.post(&format!("{HOOKS}/deliveries/{}/retry", id(delivery)));
    deliver(app).await;
    let pending = deliveries(&admin, &hook, "status=pending").await;
    retry(&pending[0]).send().await.error(409, "delivery_pending");
    for _ in 0..20 {
        app.advance(Duration::from_hours(1));
        deliver(app).await;
    }
    assert_eq!(receiver.came().len(), 12);
    let dead = deliveries(&admin, &hook, "status=dead").await;
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0]["attempts"], &dead[0]["responseStatus"]), (&json!(12), &json!(500)));
    let again = retry(&dead[0]).send().await.data(200);
    assert_eq!((&again["status"], &again["attempts"]), (&json!("pending"), &json!(0)));
    deliver(app).await;
    assert_eq!(receiver.came().len(), 13);
    assert_eq!(deliveries(&admin, &hook, "status=dead").await.len(), 0);
    assert_eq!(deliveries(&admin, &hook, "status=delivered").await.len(), 1);
    let nobody = format!("{HOOKS}/deliveries/{}/retry", buyer.id);
    admin.post(&nobody).send().await.error(404, "not_found");
});

app_test!(an_endpoint_that_is_gone_is_switched_off, [PRIVATE], async |app| {
    let (admin, buyer) = (app.admin().await, app.buyer().await);
    let receiver = Receiver::start().await;
    let hook = make(&admin, &receiver.url, &json!(["new-purchase-request"])).await;
    receiver.will_answer([410]);
    buyer.publish(&json!({})).await;
    deliver(app).await;
    buyer.publish(&json!({})).await;
    deliver(app).await;
    assert_eq!(receiver.came().len(), 1);
    assert_eq!(admin.get(HOOKS).send().await.data(200)[0]["active"], false);
    // A retry takes it up again, and nothing is lost.
    let dead = deliveries(&admin, &hook, "status=dead").await;
    let path = format!("{HOOKS}/deliveries/{}/retry", id(&dead[0]));
    admin.post(&path).send().await.expect(200);
    deliver(app).await;
    assert_eq!(receiver.came().len(), 3);
});

app_test!(a_deleted_endpoint_gets_nothing, [PRIVATE], async |app| {
    let (admin, buyer) = (app.admin().await, app.buyer().await);
    let receiver = Receiver::start().await;
    let hook = make(&admin, &receiver.url, &Value::Null).await;
    buyer.publish(&json!({})).await;
    let path = format!("{HOOKS}/{}", id(&hook));
    admin.delete(&path).send().await.expect(200);
    admin.delete(&path).send().await.error(404, "not_found");
    deliver(app).await;
    assert_eq!(receiver.came().len(), 0);
    admin.get(&format!("{path}/deliveries")).send().await.error(404, "not_found");
});

/// Two nodes on one database send each event once.
async fn two_nodes(db: &TestDb) {
    let one = TestApp::on(db, &[PRIVATE]).await;
    let two = one.another_node().await;
    let (admin, buyer) = (one.admin().await, one.buyer().await);
    let receiver = Receiver::start().await;
    make(&admin, &receiver.url, &json!(["new-purchase-request"])).await;
    for _ in 0..30 {
        buyer.publish(&json!({})).await;
    }
    one.app.journal.settle().await.expect("the journal settles");
    // A run ends after a time, so a slow machine needs several; one more would show doubles.
    let mut rounds = 0;
    while receiver.came().len() < 30 && rounds < 100 {
        one.advance(Duration::from_secs(2));
        tokio::join!(one.run_timers(), two.run_timers());
        rounds += 1;
    }
    one.advance(Duration::from_secs(2));
    tokio::join!(one.run_timers(), two.run_timers());
    let mut ids: Vec<String> = receiver.came().into_iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), 30);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_at_a_time_sends() {
    let run = db::testing::run_test(db::Engine::Postgres, &souk::migrations::ALL, two_nodes);
    run.await.expect("a test database");
}

app_test!(private_targets_are_refused, async |app| {
    let (admin, buyer) = (app.admin().await, app.buyer().await);
    for url in [
        "http://hooks.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1:8443/",
        "https://user@hooks.example/",
        "ftp://hooks.example/",
        "hooks",
        "",
    ] {
        admin.post(HOOKS).json(&json!({ "url": url })).send().await.invalid(&["url"]);
    }
    for (body, field) in [
        (json!({ "url": "https://hooks.example", "events": [] }), "events"),
        (json!({ "url": "https://hooks.example", "events": ["a b"] }), "events[0]"),
        (json!({ "url": "https://hooks.example", "secret": "mine" }), "secret"),
        (json!({ "events": ["new-offer"] }), "url"),
    ] {
        admin.post(HOOKS).json(&body).send().await.invalid(&[field]);
    }
    // A name is checked when it is resolved: `localhost` is one of this machine.
    let hook = make(&admin, "https://localhost/", &json!(["new-purchase-request"])).await;
    buyer.publish(&json!({})).await;
    deliver(app).await;
    let tried = deliveries(&admin, &hook, "").await;
    let error = tried[0]["error"].as_str().expect("an error");
    assert!(error.contains("no public address"), "{error}");
    assert_eq!(tried[0].get("responseStatus"), None);
    for actor in [&buyer, &app.seller().await] {
        actor.get(HOOKS).send().await.error(403, "forbidden");
        let body = json!({ "url": "https://hooks.example" });
        actor.post(HOOKS).json(&body).send().await.error(403, "forbidden");
    }
});
