//! The stand-in answers as the gateway was seen to.

#![allow(clippy::unwrap_used, reason = "so tests fail")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_shkeeper::{Endpoint, FakeShkeeper, Mishap, Options, TaskEnd, sign};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

async fn gateway(change: impl FnOnce(&mut Options)) -> FakeShkeeper {
    let mut options = Options::default();
    change(&mut options);
    FakeShkeeper::start(options).await.unwrap()
}

async fn call(
    gateway: &FakeShkeeper,
    method: Method,
    path: &str,
    headers: &[(&str, String)],
    body: &Value,
) -> (StatusCode, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = format!("{}/api/v1{path}", gateway.url()).parse().unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn key() -> Vec<(&'static str, String)> {
    vec![("x-shkeeper-api-key", "testkey123".to_owned())]
}

fn admin() -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Basic {}", STANDARD.encode("admin:admin")))]
}

async fn invoice(gateway: &FakeShkeeper, coin: &str, amount: &str) -> Value {
    let body = json!({ "external_id": "order-1", "fiat": "USD", "amount": amount,
                       "callback_url": "http://shop.example/cb/order-1" });
    let path = format!("/{coin}/payment_request");
    let (status, answer) = call(gateway, Method::POST, &path, &key(), &body).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("success")), "{answer}");
    answer
}

async fn listed(gateway: &FakeShkeeper) -> Value {
    let (_, answer) = call(gateway, Method::GET, "/invoices/order-1", &key(), &Value::Null).await;
    answer["invoices"][0].clone()
}

/// Taken from a running gateway.
#[test]
fn the_signature_is_that_of_the_gateway() {
    let body = concat!(
        r#"{"addr":"0x8a24797afba34000be956201def75e46d520ad78","balance_crypto":"102","#,
        r#""balance_fiat":"102","crypto":"ETH-USDT","external_id":"order-1","fee_fixed":"0","#,
        r#""fee_percent":"2","fee_policy":"PERCENT_FEE","fiat":"USD","overpaid_fiat":"0.00","#,
        r#""paid":true,"status":"PAID","transactions":[{"amount_crypto":"40","#,
        r#""amount_fiat":"40","amount_fiat_without_fee":"39.2156862745","crypto":"ETH-USDT","#,
        r#""date":"2026-11-23 16:09:21","fee_fiat":"0.7843137255","trigger":false,"#,
        r#""txid":"0xaa01"},{"amount_crypto":"62","amount_fiat":"62","#,
        r#""amount_fiat_without_fee":"60.7843137255","crypto":"ETH-USDT","#,
        r#""date":"2026-11-23 16:09:21","fee_fiat":"1.2156862745","trigger":true,"#,
        r#""txid":"0xaa02"}]}"#
    );
    assert_eq!(
        sign("testkey123", 1_795_450_161, body.as_bytes()),
        "4038ce57a0786e75740cf5837a887154dd079a7bbad7e4ca1081af47f81c8791"
    );
}

#[tokio::test]
async fn a_failure_is_http_200() {
    let gateway = gateway(|_| {}).await;
    let path = "/ETH-USDT/payment_request";
    let none = call(&gateway, Method::POST, path, &[], &json!({})).await;
    assert_eq!(none, (StatusCode::OK, json!({ "status": "error", "message": "No API key" })));
    let wrong = [("x-shkeeper-api-key", "no".to_owned())];
    let wrong = call(&gateway, Method::POST, path, &wrong, &json!({})).await;
    assert_eq!(wrong, (StatusCode::OK, json!({ "status": "error", "message": "Bad API key" })));
    let (status, answer) = call(&gateway, Method::POST, path, &key(), &Value::Null).await;
    assert_eq!((status, &answer["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!(500)));
    let (_, answer) = call(&gateway, Method::POST, path, &key(), &json!({})).await;
    assert_eq!(answer["message"], "'external_id'");
}

#[tokio::test]
async fn the_fee_is_on_top_and_asking_again_overwrites() {
    let gateway = gateway(|_| {}).await;
    let first = invoice(&gateway, "ETH-USDT", "100").await;
    assert_eq!(first["amount"], "102");
    let address = first["wallet"].as_str().unwrap();
    assert!(gateway.pay("ETH-USDT", address, "95", "0xa1", 1).await);
    assert_eq!(listed(&gateway).await["status"], "PAID");
    let again = invoice(&gateway, "ETH-USDT", "500").await;
    assert_eq!((&again["id"], &again["wallet"]), (&first["id"], &first["wallet"]));
    assert_eq!(again["amount"], "510");
    assert_eq!(listed(&gateway).await["status"], "PAID");
    let other = invoice(&gateway, "ETH-USDC", "100").await;
    assert_eq!(other["id"], first["id"]);
    assert_ne!(other["wallet"], first["wallet"]);
    assert!(gateway.pay("ETH-USDT", address, "1", "0xa2", 1).await, "the old address lives");
}

#[tokio::test]
async fn any_coin_counts_and_a_transactions_second_transfer_does_not() {
    let gateway = gateway(|_| {}).await;
    let invoice = invoice(&gateway, "ETH-USDT", "100").await;
    let address = invoice["wallet"].as_str().unwrap();
    assert!(gateway.pay("ETH-USDC", address, "30", "0xa1", 1).await);
    assert!(!gateway.pay("ETH-USDC", address, "70", "0xa1", 1).await);
    let callbacks = gateway.take_callbacks();
    assert_eq!(callbacks.len(), 1);
    let body = callbacks[0].json();
    assert_eq!((&body["status"], &body["balance_crypto"]), (&json!("PARTIAL"), &json!("0")));
    assert_eq!(body["transactions"][0]["crypto"], "ETH-USDC");
}

#[tokio::test]
async fn too_few_confirmations_count_in_the_sum() {
    let gateway = gateway(|options| options.confirmations = 6).await;
    let invoice = invoice(&gateway, "ETH-USDT", "100").await;
    let address = invoice["wallet"].as_str().unwrap();
    gateway.pay("ETH-USDT", address, "70", "0xa1", 1).await;
    assert!(gateway.take_callbacks().is_empty());
    assert_eq!(listed(&gateway).await["txs"][0]["status"], "CONFIRMED");
    gateway.pay("ETH-USDT", address, "30", "0xa2", 6).await;
    let first = gateway.take_callbacks().remove(0);
    assert_eq!(
        (&first.json()["paid"], &first.json()["balance_fiat"]),
        (&json!(true), &json!("100"))
    );
    assert_eq!(first.json()["transactions"][0]["trigger"], false);
    gateway.confirm("0xa1", 6);
    gateway.tick().await;
    let both = gateway.take_callbacks();
    assert_eq!(both.len(), 2, "the first one was not accepted yet");
    assert_eq!(both[0].json()["transactions"][0]["trigger"], true);
    for callback in &both {
        gateway.accepted(callback);
    }
    gateway.tick().await;
    assert!(gateway.take_callbacks().is_empty());
}

#[tokio::test]
async fn payouts_have_their_ways() {
    let gateway = gateway(|options| options.payout_callbacks = true).await;
    let order = |id: &str| {
        json!({ "amount": "12.5", "destination": "0xd", "fee": "10", "external_id": id,
                "callback_url": "http://shop.example/po" })
    };
    let path = "/ETH-USDT/payout";
    let (status, _) = call(&gateway, Method::POST, path, &[], &order("po-0")).await;
    assert_eq!(status, StatusCode::FOUND);
    let bad = vec![("authorization", format!("Basic {}", STANDARD.encode("admin:no")))];
    let (status, answer) = call(&gateway, Method::POST, path, &bad, &order("po-0")).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("error")));
    let (status, answer) =
        call(&gateway, Method::POST, path, &admin(), &json!({ "amount": "1" })).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer["message"], "'destination'");

    let (_, answer) = call(&gateway, Method::POST, path, &admin(), &order("po-1")).await;
    assert_eq!(answer["external_id"], "po-1");
    let (status, _) = call(&gateway, Method::POST, path, &admin(), &order("po-1")).await;
    assert_eq!((status, gateway.sent("po-1")), (StatusCode::INTERNAL_SERVER_ERROR, 1));

    gateway.will(Endpoint::Payout, Mishap::Refused("no gas".into()));
    let (status, answer) = call(&gateway, Method::POST, path, &admin(), &order("po-2")).await;
    assert_eq!((status, &answer["msg"]), (StatusCode::OK, &json!("no gas")));
    let (status, _) = call(&gateway, Method::POST, path, &admin(), &order("po-2")).await;
    assert_eq!((status, gateway.sent("po-2")), (StatusCode::INTERNAL_SERVER_ERROR, 0));

    gateway.will(Endpoint::Payout, Mishap::WalletTimeout { sends: true });
    call(&gateway, Method::POST, path, &admin(), &order("po-3")).await;
    let row = format!("{path}/status?external_id=po-3");
    let (status, _) = call(&gateway, Method::GET, &row, &key(), &Value::Null).await;
    assert_eq!((status, gateway.sent("po-3")), (StatusCode::NOT_FOUND, 1));

    gateway.tick().await;
    gateway.mine();
    gateway.mine();
    gateway.tick().await;
    let told = gateway.take_callbacks();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].json()["amount"], "12.5000000000");
    assert!(told[0].headers.iter().all(|(name, _)| name != "x-shkeeper-api-key"));

    let (_, unknown) =
        call(&gateway, Method::GET, "/ETH-USDT/task/none", &admin(), &Value::Null).await;
    assert_eq!(unknown, json!({ "status": "PENDING", "result": null }));
}

#[tokio::test]
async fn a_task_that_failed_may_have_sent() {
    let gateway = gateway(|options| options.holds_tasks = true).await;
    let order = json!({ "amount": "1", "destination": "0xd", "fee": "10", "external_id": "po-1" });
    call(&gateway, Method::POST, "/ETH-USDT/payout", &admin(), &order).await;
    assert_eq!(gateway.sent("po-1"), 0);
    gateway.end_task("po-1", TaskEnd::Failure { text: "nonce too low".into(), sent: true });
    gateway.tick().await;
    let path = "/ETH-USDT/payout/status?external_id=po-1";
    let (_, row) = call(&gateway, Method::GET, path, &key(), &Value::Null).await;
    assert_eq!((&row["status"], gateway.sent("po-1")), (&json!("FAIL"), 1));
}

#[tokio::test]
async fn callbacks_are_repeated_until_exactly_202() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let hits = Arc::new(AtomicUsize::new(0));
    let seen = hits.clone();
    let answers = [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::ACCEPTED];
    let shop = axum::Router::new().fallback(move || {
        let hit = seen.fetch_add(1, Ordering::SeqCst);
        async move { answers[hit] }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, shop).await });

    let gateway = gateway(|options| options.delivers = true).await;
    let body = json!({ "external_id": "order-1", "fiat": "USD", "amount": "1",
                       "callback_url": format!("http://{addr}/cb") });
    let path = "/ETH-USDT/payment_request";
    let (_, answer) = call(&gateway, Method::POST, path, &key(), &body).await;
    gateway.pay("ETH-USDT", answer["wallet"].as_str().unwrap(), "1", "0xa1", 1).await;
    for _ in 0..4 {
        gateway.tick().await;
    }
    assert_eq!(hits.load(Ordering::SeqCst), 3);
}
