//! Registering and signing in.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, FRONTEND, Request, TestApp, app_test, at_once};

/// A password that the tests register with.
pub const PASSWORD: &str = "correct horse";

/// A valid registration of this address.
pub fn registration(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "name": " Ada ", "role": "seller"})
}

/// Registers this address and gives the `data` of the answer.
pub async fn register(app: &TestApp, email: &str) -> Value {
    app.post("/api/auth/register").json(&registration(email)).send().await.data(201)
}

/// Signs in.
pub async fn login(app: &TestApp, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    app.post("/api/auth/login").json(&body).send().await
}

/// A text field of a JSON object.
pub fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

app_test!(a_new_user_is_signed_in, async |app| {
    let data = register(app, " Ada@Shop.example ").await;
    assert_eq!(data["user"]["email"], "ada@shop.example");
    assert_eq!(data["user"]["name"], "Ada");
    assert_eq!(data["user"]["role"], "seller");
    assert_eq!(data["user"]["emailVerified"], false);
    assert!(!data.to_string().contains("argon2"));
    let me = app.get("/api/auth/me").bearer(text(&data, "accessToken")).send().await;
    assert_eq!(me.data(200), data["user"]);
    assert!(app.events().await.is_empty());
});

app_test!(an_address_has_one_account, async |app| {
    register(app, "ada@shop.example").await;
    let again = registration("ADA@SHOP.EXAMPLE ");
    app.post("/api/auth/register").json(&again).send().await.error(409, "email_taken");
});

app_test!(of_many_registrations_at_once_one_wins, async |app| {
    let body = registration("ada@shop.example");
    let answers = at_once((0..50).map(|_| app.post("/api/auth/register").json(&body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.error(409, "email_taken");
    }
});

app_test!(a_password_signs_in, async |app| {
    let registered = register(app, "ada@shop.example").await;
    let data = login(app, " ADA@shop.example", PASSWORD).await.data(200);
    assert_eq!(data["user"], registered["user"]);
    assert_ne!(data["accessToken"], registered["accessToken"]);
    assert_ne!(data["refreshToken"], registered["refreshToken"]);
    for token in [text(&data, "accessToken"), text(&registered, "accessToken")] {
        app.get("/api/auth/me").bearer(token).send().await.expect(200);
    }
});

app_test!(a_wrong_password_and_an_unknown_address_look_alike, async |app| {
    register(app, "ada@shop.example").await;
    let wrong = login(app, "ada@shop.example", "Correct horse").await;
    let unknown = login(app, "eve@shop.example", PASSWORD).await;
    let (mut one, mut two) =
        (wrong.error(401, "invalid_credentials"), unknown.error(401, "invalid_credentials"));
    (one["requestId"], two["requestId"]) = (Value::Null, Value::Null);
    assert_eq!(one, two);
    assert_eq!(
        wrong.headers.keys().collect::<Vec<_>>(),
        unknown.headers.keys().collect::<Vec<_>>()
    );
});

app_test!(tokens_come_as_cookies_too, async |app| {
    let answer =
        app.post("/api/auth/register").json(&registration("ada@shop.example")).send().await;
    let data = answer.data(201);
    let (access, attributes) = answer.set_cookie("accessToken").unwrap();
    assert_eq!(access, text(&data, "accessToken"));
    assert_eq!(attributes, "Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure");
    let (refresh, attributes) = answer.set_cookie("refreshToken").unwrap();
    assert_eq!(refresh, text(&data, "refreshToken"));
    assert_eq!(attributes, "Path=/api/auth; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure");
    app.get("/api/auth/me").cookie("accessToken", &access).send().await.expect(200);
});

app_test!(
    cookies_are_not_secure_without_https,
    [("PUBLIC_URL", "http://localhost:5000")],
    async |app| {
        register(app, "ada@shop.example").await;
        let answer = login(app, "ada@shop.example", PASSWORD).await;
        let (_, attributes) = answer.set_cookie("accessToken").unwrap();
        assert_eq!(attributes, "Path=/; Max-Age=900; HttpOnly; SameSite=Lax");
    }
);

app_test!(a_write_by_cookie_needs_an_allowed_origin, async |app| {
    let buyer = app.buyer().await;
    let write = || {
        let request = app.patch("/api/auth/me").json(&json!({"name": "Eve"}));
        request.cookie("accessToken", &buyer.token)
    };
    write().send().await.error(403, "origin_not_allowed");
    for foreign in ["https://evil.example", "null", "https://shop.example.evil.example"] {
        write().origin(foreign).send().await.error(403, "origin_not_allowed");
    }
    write().origin(FRONTEND).send().await.expect(200);
    // A header is no cookie: no page of another site can send it.
    buyer.patch("/api/auth/me").json(&json!({"name": "Ada"})).send().await.expect(200);
});

app_test!(a_referral_is_stored_and_told_to_the_referrer, async |app| {
    let referrer = app.buyer().await;
    let mut body = registration("ada@shop.example");
    body["referralCode"] = json!(format!(" {} ", referrer.referral_code.to_lowercase()));
    let data = app.post("/api/auth/register").json(&body).send().await.data(201);
    assert_ne!(data["user"]["referralCode"], referrer.referral_code.as_str());
    let events = app.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].name, "referral-signup");
    assert_eq!(events[0].rooms(), [format!("user-{}", referrer.id)]);
    assert_eq!(
        events[0].payload,
        json!({"referredUserId": data["user"]["_id"], "name": "Ada",
               "joinedAt": data["user"]["createdAt"]})
    );
});

app_test!(an_unknown_referral_code_makes_no_account, async |app| {
    let mut body = registration("ada@shop.example");
    body["referralCode"] = json!("NOBODY");
    app.post("/api/auth/register").json(&body).send().await.invalid(&["referralCode"]);
    assert!(app.events().await.is_empty());
    register(app, "ada@shop.example").await;
});

app_test!(nobody_registers_as_administrator, async |app| {
    for role in ["admin", "Buyer", ""] {
        let mut body = registration("ada@shop.example");
        body["role"] = json!(role);
        app.post("/api/auth/register").json(&body).send().await.invalid(&["role"]);
    }
});

app_test!(the_command_line_makes_administrators, async |app| {
    let create = async |email: &str, password: &str| {
        souk::auth::service::create_admin(&app.app, email, password).await
    };
    create("Root@shop.example", PASSWORD).await.unwrap();
    let data = login(app, "root@shop.example", PASSWORD).await.data(200);
    assert_eq!(data["user"]["role"], "admin");
    assert_eq!(data["user"]["emailVerified"], true);
    assert_eq!(create("root@shop.example", PASSWORD).await.unwrap_err().code, "email_taken");
    let refused = create("root", "short").await.unwrap_err();
    let fields: Vec<_> = refused.details.unwrap().into_keys().collect();
    assert_eq!(fields, ["email", "password"]);
});

const THREE_A_MINUTE: [(&str, &str); 1] = [("AUTH_ATTEMPTS_PER_MINUTE", "3")];

/// A request to sign in that fails.
fn wrong_login(app: &TestApp) -> Request {
    app.post("/api/auth/login").json(&json!({"email": "a@b.example", "password": "wrong"}))
}

app_test!(attempts_are_counted_by_address, THREE_A_MINUTE, async |app| {
    for _ in 0..3 {
        wrong_login(app).send().await.error(401, "invalid_credentials");
    }
    let limited = wrong_login(app).send().await;
    limited.error(429, "rate_limited");
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    // Nobody else suffers, nor do other endpoints, and made-up headers do not help.
    wrong_login(app).from([203, 0, 113, 8]).send().await.error(401, "invalid_credentials");
    register(app, "ada@shop.example").await;
    let forged = wrong_login(app).header("x-forwarded-for", "192.0.2.1");
    forged.send().await.error(429, "rate_limited");
    app.advance(Duration::from_secs(wait));
    wrong_login(app).send().await.error(401, "invalid_credentials");
    wrong_login(app).send().await.error(429, "rate_limited");
});

app_test!(every_guarded_endpoint_counts, THREE_A_MINUTE, async |app| {
    let buyer = app.buyer().await;
    let token = "x".repeat(43);
    let register = || app.post("/api/auth/register").json(&registration("ada@shop.example"));
    let change = || {
        buyer
            .post("/api/auth/change-password")
            .json(&json!({"currentPassword": "wrong", "newPassword": PASSWORD}))
    };
    let forgot =
        || app.post("/api/auth/forgot-password").json(&json!({"email": "ada@shop.example"}));
    let verify = || app.post("/api/auth/verify-email").json(&json!({"token": token}));
    let reset = || {
        app.post("/api/auth/reset-password").json(&json!({"token": token, "newPassword": PASSWORD}))
    };
    // Those of one group share its quota: none of the second requests is made by `reset` first.
    let guarded: [&dyn Fn() -> Request; 4] = [&register, &change, &forgot, &verify];
    for request in guarded {
        for _ in 0..3 {
            assert_ne!(request().send().await.status, 429);
        }
        request().send().await.error(429, "rate_limited");
    }
    reset().send().await.error(429, "rate_limited");
});

app_test!(
    behind_a_proxy_its_header_counts,
    [("AUTH_ATTEMPTS_PER_MINUTE", "1"), ("TRUST_PROXY", "true")],
    async |app| {
        let from = |forwarded: &str| wrong_login(app).header("x-forwarded-for", forwarded);
        from("198.51.100.1").send().await.error(401, "invalid_credentials");
        from("198.51.100.2").send().await.error(401, "invalid_credentials");
        from("192.0.2.1, 198.51.100.2").send().await.error(429, "rate_limited");
    }
);
