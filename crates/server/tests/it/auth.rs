//! Sign-in over HTTP.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, app_test};

/// A valid registration of this address.
fn ada(email: &str) -> Value {
    json!({"email": email, "password": "correct horse", "name": " Ada ", "role": "seller"})
}

async fn register(app: &TestApp, email: &str) -> Answer {
    app.post("/api/auth/register").json(&ada(email)).send().await
}

async fn login(app: &TestApp, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    app.post("/api/auth/login").json(&body).send().await
}

/// A text field of a JSON object.
fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

app_test!(a_new_user_is_signed_in, async |app| {
    let data = register(app, " Ada@Shop.example ").await.data(201);
    assert_eq!(data["user"]["email"], "ada@shop.example");
    assert_eq!(data["user"]["name"], "Ada");
    assert_eq!(data["user"]["role"], "seller");
    assert_eq!(data["user"]["emailVerified"], false);
    assert!(data["user"].get("passwordHash").is_none());
    let me = app.get("/api/auth/me").bearer(text(&data, "accessToken")).send().await;
    assert_eq!(me.data(200), data["user"]);

    let again = login(app, "ADA@shop.example", "correct horse").await.data(200);
    assert_eq!(again["user"], data["user"]);
    login(app, "ada@shop.example", "Correct horse").await.error(401, "invalid_credentials");
    login(app, "eve@shop.example", "correct horse").await.error(401, "invalid_credentials");
    register(app, "ADA@SHOP.EXAMPLE").await.error(409, "email_taken");
});
