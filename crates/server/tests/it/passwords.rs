//! Changing and resetting passwords, verifying addresses, and the mails for both.

use std::time::Duration;

use serde_json::{Value, json};
use souk::mailer::Mail;

use crate::auth::{PASSWORD, login, register, text};
use crate::support::{Answer, FRONTEND, Request, TestApp, app_test, at_once};

const NEW_PASSWORD: &str = "battery staple";

/// The token of the link in a mail.
fn token_of(mail: &Mail, page: &str) -> String {
    let link = format!("{FRONTEND}/auth/jwt/{page}?token=");
    let (_, rest) = mail.text.split_once(&link).unwrap_or_else(|| panic!("no {link} in {mail:?}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Runs the timers and gives the mails that were not there before.
async fn new_mails(app: &TestApp) -> Vec<Mail> {
    let before = app.mails().len();
    app.run_timers().await;
    app.mails().split_off(before)
}

async fn forgot(app: &TestApp, email: &str) {
    let body = json!({"email": email});
    let answer = app.post("/api/auth/forgot-password").json(&body).send().await;
    assert_eq!(answer.data(200), json!({}));
}

fn reset(app: &TestApp, token: &str) -> Request {
    let body = json!({"token": token, "newPassword": NEW_PASSWORD});
    app.post("/api/auth/reset-password").json(&body)
}

async fn verify(app: &TestApp, token: &str) -> Answer {
    app.post("/api/auth/verify-email").json(&json!({"token": token})).send().await
}

async fn me(app: &TestApp, data: &Value) -> Answer {
    app.get("/api/auth/me").bearer(text(data, "accessToken")).send().await
}

fn change(app: &TestApp, data: &Value, current: &str) -> Request {
    let body = json!({"currentPassword": current, "newPassword": NEW_PASSWORD});
    app.post("/api/auth/change-password").bearer(text(data, "accessToken")).json(&body)
}

app_test!(a_changed_password_ends_the_other_sign_ins, async |app| {
    let mine = register(app, "ada@shop.example").await;
    let other = login(app, "ada@shop.example", PASSWORD).await.data(200);
    let wrong = change(app, &mine, "wrong horse").send().await;
    wrong.invalid(&["currentPassword"]);
    me(app, &other).await.expect(200);
    change(app, &mine, PASSWORD).send().await.expect(200);
    me(app, &mine).await.expect(200);
    me(app, &other).await.error(401, "token_revoked");
    assert_eq!(app.controls_after(0).await.len(), 1);
    login(app, "ada@shop.example", PASSWORD).await.error(401, "invalid_credentials");
    login(app, "ada@shop.example", NEW_PASSWORD).await.expect(200);
    let short = json!({"currentPassword": NEW_PASSWORD, "newPassword": "1234567"});
    let short = app
        .post("/api/auth/change-password")
        .bearer(text(&mine, "accessToken"))
        .json(&short)
        .send()
        .await;
    short.invalid(&["newPassword"]);
    app.post("/api/auth/change-password").send().await.error(401, "unauthorized");
});

app_test!(of_many_changes_at_once_one_wins, async |app| {
    let data = register(app, "ada@shop.example").await;
    let answers = at_once((0..10).map(|_| change(app, &data, PASSWORD))).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        // One that began after the winner finds the old password wrong.
        assert!(matches!(answer.status.as_u16(), 409 | 422), "{answer:#?}");
    }
    login(app, "ada@shop.example", NEW_PASSWORD).await.expect(200);
});

app_test!(a_new_address_is_verified_by_mail, async |app| {
    let data = register(app, "ada@shop.example").await;
    let mails = new_mails(app).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "ada@shop.example");
    let token = token_of(&mails[0], "verify-email");
    reset(app, &token).send().await.error(401, "link_invalid");
    verify(app, &token).await.expect(200);
    assert_eq!(me(app, &data).await.data(200)["emailVerified"], true);
    verify(app, &token).await.error(401, "link_invalid");
    verify(app, "").await.error(401, "link_invalid");
    assert!(new_mails(app).await.is_empty());
});

app_test!(a_link_that_verifies_expires, async |app| {
    let data = register(app, "ada@shop.example").await;
    let token = token_of(&new_mails(app).await[0], "verify-email");
    app.advance(Duration::from_hours(7 * 24));
    verify(app, &token).await.error(401, "link_expired");
    let fresh = login(app, text(&data["user"], "email"), PASSWORD).await.data(200);
    assert_eq!(me(app, &fresh).await.data(200)["emailVerified"], false);
});

app_test!(a_forgotten_password_is_set_by_mail, async |app| {
    let data = register(app, "ada@shop.example").await;
    new_mails(app).await;
    forgot(app, " ADA@shop.example").await;
    let mails = new_mails(app).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "ada@shop.example");
    let token = token_of(&mails[0], "reset-password");
    verify(app, &token).await.error(401, "link_invalid");
    let short = json!({"token": token, "newPassword": "1234567"});
    let short = app.post("/api/auth/reset-password").json(&short).send().await;
    short.invalid(&["newPassword"]);
    reset(app, &token).send().await.expect(200);
    me(app, &data).await.error(401, "token_revoked");
    login(app, "ada@shop.example", PASSWORD).await.error(401, "invalid_credentials");
    let fresh = login(app, "ada@shop.example", NEW_PASSWORD).await.data(200);
    assert_eq!(fresh["user"]["emailVerified"], true);
    reset(app, &token).send().await.error(401, "link_invalid");
});

app_test!(a_link_that_resets_works_once_and_for_an_hour, async |app| {
    register(app, "ada@shop.example").await;
    new_mails(app).await;
    forgot(app, "ada@shop.example").await;
    let token = token_of(&new_mails(app).await[0], "reset-password");
    app.advance(Duration::from_hours(1));
    reset(app, &token).send().await.error(401, "link_expired");
    forgot(app, "ada@shop.example").await;
    let token = token_of(&new_mails(app).await[0], "reset-password");
    let answers = at_once((0..20).map(|_| reset(app, &token))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.error(401, "link_invalid");
    }
});

app_test!(a_new_password_takes_older_links_away, async |app| {
    let data = register(app, "ada@shop.example").await;
    new_mails(app).await;
    forgot(app, "ada@shop.example").await;
    let older = token_of(&new_mails(app).await[0], "reset-password");
    change(app, &data, PASSWORD).send().await.expect(200);
    reset(app, &older).send().await.error(401, "link_invalid");
});

app_test!(nobody_is_mailed_at_an_unknown_address, async |app| {
    forgot(app, "eve@shop.example").await;
    assert!(new_mails(app).await.is_empty());
    assert_eq!(app.run_timers().await, 0);
});

app_test!(a_mailbox_is_not_flooded, async |app| {
    register(app, "ada@shop.example").await;
    new_mails(app).await;
    let mut count = 0;
    for _ in 0..5 {
        forgot(app, "ada@shop.example").await;
        forgot(app, "ada@shop.example").await;
        count += new_mails(app).await.len();
    }
    assert_eq!(count, 3);
    app.advance(Duration::from_hours(1));
    forgot(app, "ada@shop.example").await;
    assert_eq!(new_mails(app).await.len(), 1);
});

app_test!(a_mail_that_is_not_accepted_is_tried_again, async |app| {
    app.mailer.refuse(true);
    register(app, "ada@shop.example").await;
    for _ in 0..5 {
        assert_eq!(app.run_timers().await, 1);
        assert_eq!(app.run_timers().await, 0, "there is a pause first");
        app.advance(Duration::from_mins(3));
    }
    assert!(app.mails().is_empty());
    app.mailer.refuse(false);
    let mails = new_mails(app).await;
    assert_eq!(mails.len(), 1);
    verify(app, &token_of(&mails[0], "verify-email")).await.expect(200);
    app.advance(Duration::from_hours(2));
    assert!(new_mails(app).await.is_empty());
});

app_test!(a_mail_is_given_up_in_the_end, async |app| {
    app.mailer.refuse(true);
    register(app, "ada@shop.example").await;
    let mut tries = 0;
    for _ in 0..20 {
        tries += app.run_timers().await;
        app.advance(Duration::from_hours(2));
    }
    assert_eq!(tries, 14);
    // The next one is tried as often again.
    app.mailer.refuse(false);
    forgot(app, "ada@shop.example").await;
    assert_eq!(new_mails(app).await.len(), 1);
});

app_test!(a_crash_loses_no_mail, async |app| {
    register(app, "ada@shop.example").await;
    // This node sends nothing any more; the next one finds the timer.
    let restarted = app.another_node().await;
    assert_eq!(new_mails(&restarted).await.len(), 1);
    assert!(new_mails(app).await.is_empty());
});
