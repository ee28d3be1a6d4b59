//! Accounts, profiles, sellers, and the links that invite.

use serde_json::{Value, json};

use crate::support::{Actor, Answer, app_test};

async fn change(actor: &Actor, body: Value) -> Answer {
    actor.patch("/api/auth/me").json(&body).send().await
}

app_test!(owners_see_and_change_their_accounts, async |app| {
    let seller = app.seller().await;
    let before = seller.get("/api/auth/me").send().await.data(200);
    assert_eq!(
        before,
        json!({"_id": seller.id, "email": seller.email, "emailVerified": false,
               "name": seller.name, "role": "seller", "referralCode": seller.referral_code,
               "createdAt": before["createdAt"], "updatedAt": before["updatedAt"]})
    );
    app.advance(std::time::Duration::from_secs(1));
    let wallet = json!({"crypto": "ETH-USDT",
                        "address": "0x52908400098527886E0F7030069857D2E4169EE7"});
    let after = change(&seller, json!({"name": " Åsa ", "payoutWallet": wallet})).await.data(200);
    assert_eq!(after["name"], "Åsa");
    assert_eq!(after["payoutWallet"], wallet);
    assert_ne!(after["updatedAt"], before["updatedAt"]);
    assert_eq!(seller.get("/api/auth/me").send().await.data(200), after);
    // What is absent stays, what is null goes.
    let after = change(&seller, json!({"name": "Bo"})).await.data(200);
    assert_eq!(after["payoutWallet"], wallet);
    let after = change(&seller, json!({"payoutWallet": null, "avatarId": null})).await.data(200);
    assert_eq!(after.get("payoutWallet"), None);
    assert_eq!(after["name"], "Bo");
});

app_test!(wrong_changes_change_nothing, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let before = seller.get("/api/auth/me").send().await.data(200);
    let wallet = |crypto: &str, address: &str| json!({"name": "New", "payoutWallet": {"crypto": crypto, "address": address}});
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": null}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "a\u{7}b"}), "name"),
        (json!({"name": "x".repeat(81)}), "name"),
        (json!({"name": "New", "avatarId": "01934e5a-6f00-7000-8000-000000000001"}), "avatarId"),
        (json!({"name": "New", "avatarId": "no id"}), "avatarId"),
        (wallet("ETH", "0x123"), "payoutWallet.address"),
        (wallet("eth", "0x52908400098527886E0F7030069857D2E4169EE7"), "payoutWallet.crypto"),
        (json!({"payoutWallet": {"crypto": "BTC"}}), "payoutWallet.address"),
    ] {
        change(&seller, body).await.invalid(&[field]);
    }
    assert_eq!(seller.get("/api/auth/me").send().await.data(200), before);
    let bitcoin = wallet("BTC", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4");
    change(&buyer, bitcoin).await.invalid(&["payoutWallet"]);
    change(&buyer, json!({"payoutWallet": null})).await.expect(200);
    let role = change(&buyer, json!({"role": "admin"})).await;
    role.error(422, "validation_failed");
    app.patch("/api/auth/me").json(&json!({})).send().await.error(401, "unauthorized");
    app.get("/api/auth/me").send().await.error(401, "unauthorized");
});

app_test!(a_profile_shows_what_everyone_may_know, async |app| {
    let seller = app.seller().await;
    let profile = app.get(&format!("/api/users/{}", seller.id)).send().await.data(200);
    assert_eq!(
        profile,
        json!({"_id": seller.id, "name": seller.name, "role": "seller",
               "createdAt": profile["createdAt"]})
    );
    app.get("/api/users/nobody").send().await.error(404, "not_found");
    app.get("/api/users/no%20id").send().await.error(404, "not_found");
});

app_test!(sellers_are_sellers, async |app| {
    let (seller, buyer) = (app.seller().await, app.buyer().await);
    let path = |actor: &Actor| format!("/api/marketplace/sellers/{}", actor.id);
    let shown = app.get(&path(&seller)).send().await.data(200);
    assert_eq!(shown["_id"], seller.id.as_str());
    assert!(!shown.to_string().contains(&seller.email));
    app.get(&path(&buyer)).send().await.error(404, "not_found");
    app.get("/api/marketplace/sellers/nobody").send().await.error(404, "not_found");
});

app_test!(sellers_are_listed, async |app| {
    app.buyer().await;
    let mut sellers = Vec::new();
    for name in ["100% Silk", "bazaar", "Caravan", "100_Lamps", "Dates"] {
        let seller = app.seller().await;
        change(&seller, json!({"name": name})).await.expect(200);
        sellers.push(seller.id);
        app.advance(std::time::Duration::from_millis(5));
    }
    let names = async |query: &str| -> Vec<String> {
        let body = app.get(&format!("/api/marketplace/sellers{query}")).send().await.expect(200);
        let rows = body["data"].as_array().unwrap();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let newest_first = ["Dates", "100_Lamps", "Caravan", "bazaar", "100% Silk"];
    assert_eq!(names("").await, newest_first);
    assert_eq!(names("?sort=-createdAt").await, newest_first);
    assert_eq!(names("?sort=createdAt&limit=2").await, ["100% Silk", "bazaar"]);
    let by_name = names("?sort=name").await;
    assert_eq!(by_name[2..], ["bazaar", "Caravan", "Dates"]);
    let mut backwards = names("?sort=-name").await;
    backwards.reverse();
    assert_eq!(backwards, by_name);
    assert_eq!(names("?q=ARAVA").await, ["Caravan"]);
    // What means something to LIKE means itself here.
    assert_eq!(names("?q=0%25").await, ["100% Silk"]);
    assert_eq!(names("?q=0_").await, ["100_Lamps"]);
    assert_eq!(names("?q=%5C").await, Vec::<String>::new());

    let body = app.get("/api/marketplace/sellers?page=2&limit=2").send().await.expect(200);
    assert_eq!(body["pagination"], json!({"page": 2, "limit": 2, "total": 5, "hasMore": true}));
    let body = app.get("/api/marketplace/sellers?page=3&limit=2").send().await.expect(200);
    assert_eq!(body["pagination"]["hasMore"], false);
    assert_eq!(body["data"][0]["_id"], sellers[0].as_str());

    for (query, field) in
        [("?page=0", "page"), ("?page=x", "page"), ("?limit=101", "limit"), ("?sort=email", "sort")]
    {
        let answer = app.get(&format!("/api/marketplace/sellers{query}")).send().await;
        answer.invalid(&[field]);
    }
    let unknown = app.get("/api/marketplace/sellers?role=buyer").send().await;
    unknown.error(422, "validation_failed");
});

app_test!(invitations_lead_to_the_sign_up_page, async |app| {
    let buyer = app.buyer().await;
    for (code, encoded) in [
        (buyer.referral_code.as_str(), buyer.referral_code.as_str()),
        ("unknown", "unknown"),
        ("a%26role%3Dadmin", "a%26role%3Dadmin"),
        ("%0d%0aset-cookie:x", "%0D%0Aset-cookie%3Ax"),
    ] {
        let answer = app.get(&format!("/r/{code}")).send().await;
        assert_eq!(answer.status, 302);
        let location = format!("https://shop.example/auth/jwt/sign-up?ref={encoded}");
        assert_eq!(answer.header("location"), Some(location.as_str()));
    }
    app.get("/r/%ff").send().await.error(400, "bad_request");
});
