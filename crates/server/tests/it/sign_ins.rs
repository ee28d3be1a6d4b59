//! The life of a sign-in: refresh, reuse, logout, and what other nodes know of it.

use std::time::Duration;

use db::{args, sql};
use serde_json::{Value, json};

use crate::auth::{PASSWORD, login, register, text};
use crate::support::{Answer, FRONTEND, Request, TestApp, app_test, at_once};

fn refresh(app: &TestApp, token: &str) -> Request {
    app.post("/api/auth/refresh-token").json(&json!({"refreshToken": token}))
}

async fn me(app: &TestApp, access_token: &str) -> Answer {
    app.get("/api/auth/me").bearer(access_token).send().await
}

app_test!(a_refresh_token_gives_new_tokens_once, async |app| {
    let first = register(app, "ada@shop.example").await;
    let answer = refresh(app, text(&first, "refreshToken")).send().await;
    let second = answer.data(200);
    assert_eq!(second["user"], first["user"]);
    assert_ne!(second["refreshToken"], first["refreshToken"]);
    assert_eq!(answer.set_cookie("refreshToken").unwrap().0, text(&second, "refreshToken"));
    me(app, text(&second, "accessToken")).await.expect(200);
    let third = refresh(app, text(&second, "refreshToken")).send().await.data(200);
    me(app, text(&third, "accessToken")).await.expect(200);
});

app_test!(an_access_token_is_short_lived_and_a_refresh_token_long, async |app| {
    let data = register(app, "ada@shop.example").await;
    app.advance(Duration::from_mins(15));
    me(app, text(&data, "accessToken")).await.error(401, "token_expired");
    app.advance(Duration::from_hours(29 * 24));
    let data = refresh(app, text(&data, "refreshToken")).send().await.data(200);
    me(app, text(&data, "accessToken")).await.expect(200);
    app.advance(Duration::from_hours(30 * 24));
    let late = refresh(app, text(&data, "refreshToken")).send().await;
    late.error(401, "refresh_token_expired");
});

app_test!(a_reused_refresh_token_ends_the_sign_in, async |app| {
    let first = register(app, "ada@shop.example").await;
    let other = login(app, "ada@shop.example", PASSWORD).await.data(200);
    let second = refresh(app, text(&first, "refreshToken")).send().await.data(200);
    refresh(app, text(&first, "refreshToken")).send().await.error(401, "refresh_token_reused");
    // For both holders, and journaled although the request failed.
    assert_eq!(app.controls_after(0).await.len(), 1);
    assert_eq!(app.controls_after(0).await[0]["control"], "session_ended");
    for token in [text(&first, "accessToken"), text(&second, "accessToken")] {
        me(app, token).await.error(401, "token_revoked");
    }
    let heir = refresh(app, text(&second, "refreshToken")).send().await;
    heir.error(401, "refresh_token_revoked");
    refresh(app, text(&first, "refreshToken")).send().await.error(401, "refresh_token_reused");
    assert_eq!(app.controls_after(0).await.len(), 1);
    // The user's other sign-in goes on.
    me(app, text(&other, "accessToken")).await.expect(200);
    refresh(app, text(&other, "refreshToken")).send().await.expect(200);
});

app_test!(of_many_refreshes_at_once_one_wins, async |app| {
    let first = register(app, "ada@shop.example").await;
    let token = text(&first, "refreshToken");
    let answers = at_once((0..50).map(|_| refresh(app, token))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.error(401, "refresh_token_reused");
    }
    let heir = won[0].data(200);
    me(app, text(&heir, "accessToken")).await.error(401, "token_revoked");
    let again = refresh(app, text(&heir, "refreshToken")).send().await;
    again.error(401, "refresh_token_revoked");
    assert_eq!(app.controls_after(0).await.len(), 1);
});

app_test!(a_refresh_by_cookie_needs_an_allowed_origin, async |app| {
    let data = register(app, "ada@shop.example").await;
    let by_cookie = || {
        let request = app.post("/api/auth/refresh-token");
        request.cookie("refreshToken", text(&data, "refreshToken"))
    };
    by_cookie().send().await.error(403, "origin_not_allowed");
    by_cookie().origin("https://evil.example").send().await.error(403, "origin_not_allowed");
    // Neither used the token up.
    let fresh = by_cookie().origin(FRONTEND).send().await.data(200);
    // The body wins over the cookie.
    let stale_cookie = by_cookie().json(&json!({"refreshToken": fresh["refreshToken"]}));
    stale_cookie.send().await.expect(200);
});

app_test!(what_is_no_refresh_token_is_refused, async |app| {
    let data = register(app, "ada@shop.example").await;
    for wrong in ["", "x", &"x".repeat(43), text(&data, "accessToken").get(..200).unwrap()] {
        refresh(app, wrong).send().await.error(401, "refresh_token_invalid");
    }
    let missing = app.post("/api/auth/refresh-token");
    missing.send().await.error(401, "refresh_token_missing");
    let missing = app.post("/api/auth/refresh-token").json(&json!({}));
    missing.send().await.error(401, "refresh_token_missing");
    // A refresh token opens nothing else.
    me(app, text(&data, "refreshToken")).await.error(401, "token_invalid");
});

app_test!(a_role_comes_from_the_database, async |app| {
    let data = register(app, "ada@shop.example").await;
    let mut tx = app.app.begin().await.unwrap();
    let id = text(&data["user"], "_id");
    tx.execute(sql!("UPDATE users SET role = 'admin' WHERE id = $1"), args![id]).await.unwrap();
    tx.commit().await.unwrap();
    let data = refresh(app, text(&data, "refreshToken")).send().await.data(200);
    assert_eq!(data["user"]["role"], "admin");
    let caller = app.app.tokens.verify(text(&data, "accessToken"), app.app.clock.now()).unwrap();
    assert!(caller.is_admin());
});

fn logout(app: &TestApp) -> Request {
    app.post("/api/auth/logout")
}

/// Checks that a sign-in has ended by a logout.
async fn assert_ended(app: &TestApp, answer: Answer, data: &Value) {
    answer.expect(200);
    assert_eq!(answer.set_cookie("accessToken").unwrap().0, "");
    let (value, attributes) = answer.set_cookie("refreshToken").unwrap();
    assert_eq!(value, "");
    assert_eq!(attributes, "Path=/api/auth; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
    let refused = refresh(app, text(data, "refreshToken")).send().await;
    refused.error(401, "refresh_token_revoked");
    let session = app.controls_after(0).await[0]["session"].as_str().unwrap().to_owned();
    let row = sql!("SELECT ended_reason FROM sessions WHERE id = $1");
    let row = app.app.db.fetch_one(row, args![&session]).await.unwrap();
    assert_eq!(row.get::<String>("ended_reason").unwrap(), "logout");
}

app_test!(logout_ends_the_sign_in, async |app| {
    let data = register(app, "ada@shop.example").await;
    let token = text(&data, "accessToken");
    assert_ended(app, logout(app).bearer(token).send().await, &data).await;
    me(app, token).await.error(401, "token_revoked");
    // Once more it is no error that matters, and journals nothing.
    logout(app).bearer(token).send().await.error(401, "token_revoked");
    let again = logout(app).json(&json!({"refreshToken": data["refreshToken"]}));
    again.send().await.expect(200);
    assert_eq!(app.controls_after(0).await.len(), 1);
});

app_test!(logout_works_with_an_expired_access_token, async |app| {
    let data = register(app, "ada@shop.example").await;
    app.advance(Duration::from_mins(15));
    let expired = || logout(app).bearer(text(&data, "accessToken"));
    expired().send().await.error(401, "token_expired");
    let with_both = expired().json(&json!({"refreshToken": data["refreshToken"]}));
    assert_ended(app, with_both.send().await, &data).await;
});

app_test!(logout_works_with_cookies, async |app| {
    let data = register(app, "ada@shop.example").await;
    let with_cookies = || {
        logout(app)
            .cookie("accessToken", text(&data, "accessToken"))
            .cookie("refreshToken", text(&data, "refreshToken"))
    };
    with_cookies().send().await.error(403, "origin_not_allowed");
    with_cookies().origin("https://evil.example").send().await.error(403, "origin_not_allowed");
    assert_eq!(app.controls_after(0).await.len(), 0);
    assert_ended(app, with_cookies().origin(FRONTEND).send().await, &data).await;
    logout(app).send().await.error(401, "unauthorized");
});

app_test!(a_restarted_node_refuses_ended_sign_ins, async |app| {
    let ended = register(app, "ada@shop.example").await;
    let live = login(app, "ada@shop.example", PASSWORD).await.data(200);
    logout(app).bearer(text(&ended, "accessToken")).send().await.expect(200);
    app.advance(Duration::from_mins(14));
    let restarted = app.another_node().await;
    me(&restarted, text(&ended, "accessToken")).await.error(401, "token_revoked");
    me(&restarted, text(&live, "accessToken")).await.expect(200);
});

app_test!(what_is_over_is_swept, async |app| {
    let data = register(app, "ada@shop.example").await;
    app.run_timers().await;
    let count = async || {
        let mut counts = Vec::new();
        for table in [
            sql!("SELECT count(*) AS n FROM sessions"),
            sql!("SELECT count(*) AS n FROM refresh_tokens"),
            sql!("SELECT count(*) AS n FROM one_time_tokens"),
        ] {
            let row = app.app.db.fetch_one(table, args![]).await.unwrap();
            counts.push(row.get::<i64>("n").unwrap());
        }
        counts
    };
    refresh(app, text(&data, "refreshToken")).send().await.expect(200);
    assert_eq!(count().await, [1, 2, 1]);
    let sweep = async || {
        let mut tx = app.app.begin().await.unwrap();
        souk::auth::service::sweep(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    app.advance(Duration::from_hours(29 * 24));
    sweep().await;
    assert_eq!(count().await, [1, 2, 0]);
    app.advance(Duration::from_hours(2 * 24));
    sweep().await;
    assert_eq!(count().await, [0, 0, 0]);
});
