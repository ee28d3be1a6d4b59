//! What clients may send wrong, whatever the endpoint: always the right 4xx, never a 5xx.

use serde_json::{Value, json};

use crate::auth::registration;
use crate::support::{Answer, TestApp, app_test};

async fn post(app: &TestApp, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    app.post("/api/auth/register").raw(content_type, body).send().await
}

app_test!(what_is_not_json_is_malformed, async |app| {
    for body in ["", "{", "{\"email\":", "nonsense", "{} {}", "{\"a\":1,}", "\u{feff}{}"] {
        post(app, "application/json", body).await.error(400, "malformed_json");
    }
    post(app, "application/json", b"{\"email\":\"\xff\"}").await.error(400, "malformed_json");
    let deep = "[".repeat(100_000);
    assert_eq!(post(app, "application/json", deep).await.status.as_u16() / 100, 4);
});

app_test!(wrong_fields_are_named, async |app| {
    let with = |field: &str, value: Value| {
        let mut body = registration("ada@shop.example");
        body[field] = value;
        body
    };
    let long_email = format!("a@{}.example", ["b".repeat(60).as_str(); 5].join("."));
    for (field, value) in [
        ("email", json!(5)),
        ("email", json!(null)),
        ("email", json!("ada")),
        ("email", json!("ada@")),
        ("email", json!("a da@shop.example")),
        ("email", json!("ada@shop.example\nbcc: eve@shop.example")),
        ("email", json!(long_email)),
        ("password", json!("1234567")),
        ("password", json!("x".repeat(129))),
        ("password", json!(["12345678"])),
        ("name", json!("")),
        ("name", json!(" ")),
        ("name", json!("a\nb")),
        ("name", json!("x".repeat(81))),
        ("role", json!("admin")),
        ("role", json!(null)),
        ("referralCode", json!("")),
        ("referralCode", json!(7)),
    ] {
        let body = with(field, value);
        let answer = app.post("/api/auth/register").json(&body).send().await;
        answer.invalid(&[field]);
    }
    let two = json!({"email": "x", "password": "x", "name": "Ada", "role": "buyer"});
    app.post("/api/auth/register").json(&two).send().await.invalid(&["email", "password"]);
});

app_test!(unknown_and_missing_fields_are_refused, async |app| {
    let mut unknown = registration("ada@shop.example");
    unknown["isAdmin"] = json!(true);
    let error = app.post("/api/auth/register").json(&unknown).send().await;
    let error = error.error(422, "validation_failed");
    assert!(error["details"].to_string().contains("isAdmin"), "{error}");
    for field in ["email", "password", "name", "role"] {
        let mut missing = registration("ada@shop.example");
        missing.as_object_mut().unwrap().remove(field);
        let error = app.post("/api/auth/register").json(&missing).send().await;
        let error = error.error(422, "validation_failed");
        assert!(error["details"].to_string().contains(field), "{error}");
    }
    for other in ["null", "5", "[]", "\"text\""] {
        post(app, "application/json", other).await.error(422, "validation_failed");
    }
});

app_test!(nul_is_refused, async |app| {
    let nul = registration("ada@shop.example").to_string().replace("Ada", "A\\u0000a");
    post(app, "application/json", nul).await.error(422, "validation_failed");
    let query = app.get("/api/marketplace/sellers?q=%00").send().await;
    query.error(400, "bad_request");
    app.get("/api/users/a%00b").send().await.error(404, "not_found");
    assert_eq!(app.get("/r/%00").send().await.status, 302);
});

app_test!(bodies_are_bounded_and_json, async |app| {
    let body = registration("ada@shop.example").to_string();
    let padded = body.clone() + &" ".repeat(256 * 1024);
    post(app, "application/json", padded).await.error(413, "payload_too_large");
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
    {
        post(app, content_type, body.clone()).await.error(415, "unsupported_media_type");
    }
    post(app, "application/json; charset=utf-8", body).await.expect(201);
});

app_test!(bad_access_tokens_are_told_apart, async |app| {
    let buyer = app.buyer().await;
    let me =
        async |value: &str| app.get("/api/auth/me").header("authorization", value).send().await;
    let (head, signature) = buyer.token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let bad = ["Bearer", "Bearer x", "Bearer a.b.c", &format!("Bearer {forged}")];
    for value in &bad[1..] {
        me(value).await.error(401, "token_invalid");
    }
    me(bad[0]).await.error(401, "unauthorized");
    me("Basic YTpi").await.error(401, "unauthorized");
    me(&format!("bearer {}", buyer.token)).await.expect(200);
    let cookie = app.get("/api/auth/me").cookie("accessToken", "x").send().await;
    cookie.error(401, "token_invalid");
});

app_test!(unknown_paths_and_methods_answer_in_the_same_form, async |app| {
    app.get("/api/nothing").send().await.error(404, "not_found");
    app.get("/api/auth/login").send().await.error(405, "method_not_allowed");
});
