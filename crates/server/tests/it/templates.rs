//! Templates: what sellers publish, and who sees what of it.

use std::time::Duration;

use serde_json::{Value, json};
use souk::clock::Clock as _;

use crate::support::deal::{TEMPLATES, template_body};
use crate::support::market::{LONG_SIGN_IN, id};
use crate::support::{TestApp, app_test};

fn after(app: &TestApp, seconds: i64) -> String {
    events::Timestamp::from_millis(app.clock.now().as_millis() + seconds * 1000).to_string()
}

fn path(template: &Value) -> String {
    format!("{TEMPLATES}/{}", id(template))
}

fn link(template: &Value) -> String {
    let link = template["shareLink"].as_str().expect("a link");
    format!("{TEMPLATES}/by-link/{link}")
}

app_test!(a_template_is_published, async |app| {
    let (seller, rival, buyer) = (app.seller().await, app.seller().await, app.buyer().await);
    let admin = app.admin().await;
    let changes = json!({ "title": " Keyboard ", "price": { "amount": "90", "currency": "USD" } });
    let template = seller.template(&changes).await;
    assert_eq!(
        (&template["title"], &template["price"]["amount"]),
        (&json!("Keyboard"), &json!("90.00"))
    );
    assert_eq!(template["sellerId"], seller.id.as_str());
    let stock = ["maxUsage", "remaining", "usageCount"].map(|field| template[field].clone());
    assert_eq!(stock, [json!(10), json!(10), json!(0)]);
    assert_eq!(template["available"], true);
    assert_eq!(template["shareLink"].as_str().expect("a link").len(), 43);
    for whole in [&seller, &admin] {
        assert_eq!(whole.get(&path(&template)).send().await.data(200), template);
        assert_eq!(whole.get(TEMPLATES).send().await.data(200), json!([template]));
    }
    rival.get(&path(&template)).send().await.error(404, "not_found");
    assert_eq!(rival.get(TEMPLATES).send().await.data(200), json!([]));
    buyer.get(TEMPLATES).send().await.error(403, "forbidden");
    app.get(TEMPLATES).send().await.error(401, "unauthorized");
    // Who has the link sees what is for sale, and nothing of how it sells.
    let shown = app.get(&link(&template)).send().await.data(200);
    assert_eq!((&shown["_id"], &shown["remaining"]), (&template["_id"], &json!(10)));
    assert!(shown.get("shareLink").is_none() && shown.get("usageCount").is_none());
    assert_eq!(buyer.get(&path(&template)).send().await.data(200), shown);
    for nothing in ["x", &"x".repeat(43), &"x".repeat(200), "%00"] {
        let path = format!("{TEMPLATES}/by-link/{nothing}");
        app.get(&path).send().await.error(404, "not_found");
    }
    let plain = json!({ "title": "Advice", "price": { "amount": "1", "currency": "EUR" } });
    let plain = seller.post(TEMPLATES).json(&plain).send().await.data(201);
    assert_eq!(
        (&plain["productType"], &plain["deliveryTime"]["amount"]),
        (&json!("physical"), &json!(7))
    );
    assert!(plain.get("maxUsage").is_none() && plain.get("remaining").is_none());
    let post = || seller.post(TEMPLATES).key("k").json(&template_body(&json!({}))).send();
    assert_eq!(post().await.data(201), post().await.data(201));
});

app_test!(templates_are_checked, async |app| {
    let seller = app.seller().await;
    for (field, value, named) in [
        ("title", json!("ab"), "title"),
        ("title", json!("x".repeat(151)), "title"),
        ("title", json!("a\nb c"), "title"),
        ("description", json!("x".repeat(5001)), "description"),
        ("categoryId", json!("nothing"), "categoryId"),
        ("productType", json!("gas"), "productType"),
        ("price", json!({ "amount": "0", "currency": "USD" }), "price"),
        ("price", json!({ "amount": "0.001", "currency": "USD" }), "price"),
        ("deliveryTime", json!({ "amount": 0, "unit": "days" }), "deliveryTime"),
        ("maxUsage", json!(0), "maxUsage"),
        ("maxUsage", json!(1_000_001), "maxUsage"),
        ("maxUsage", json!(-1), "maxUsage"),
        ("expiresAt", json!("2020-01-01T00:00:00Z"), "expiresAt"),
        ("shareLink", json!("mine"), "shareLink"),
    ] {
        let body = template_body(&json!({ field: value }));
        seller.post(TEMPLATES).json(&body).send().await.invalid(&[named]);
    }
    let body = template_body(&json!({}));
    for other in [app.buyer().await, app.admin().await] {
        other.post(TEMPLATES).json(&body).send().await.error(403, "forbidden");
    }
});

app_test!(a_template_changes_and_goes, async |app| {
    let (seller, rival, buyer) = (app.seller().await, app.seller().await, app.buyer().await);
    let template = seller.template(&json!({})).await;
    buyer.checkout(&[(&template, 3)]).await;
    let path = path(&template);
    let patch = |body: Value| seller.patch(&path).json(&body).send();
    let changed = patch(json!({
        "title": "Better", "price": { "amount": "95", "currency": "EUR" }, "maxUsage": 3,
        "description": "", "expiresAt": after(app, 60),
    }))
    .await
    .data(200);
    assert_eq!(
        (&changed["title"], &changed["price"]["currency"]),
        (&json!("Better"), &json!("EUR"))
    );
    assert_eq!((&changed["remaining"], &changed["available"]), (&json!(0), &json!(false)));
    patch(json!({ "maxUsage": 2 })).await.error(409, "stock_too_small");
    patch(json!({ "title": null })).await.invalid(&["title"]);
    patch(json!({ "expiresAt": "2020-01-01T00:00:00Z" })).await.invalid(&["expiresAt"]);
    let free = patch(json!({ "maxUsage": null, "expiresAt": null })).await.data(200);
    assert!(free.get("maxUsage").is_none() && free.get("expiresAt").is_none());
    assert_eq!((&free["available"], &free["usageCount"]), (&json!(true), &json!(3)));
    let body = json!({ "title": "Mine" });
    rival.patch(&path).json(&body).send().await.error(404, "not_found");
    buyer.patch(&path).json(&body).send().await.error(403, "forbidden");
    rival.delete(&path).send().await.error(404, "not_found");
    buyer.delete(&path).send().await.error(403, "forbidden");
    seller.delete(&path).send().await.data(200);
    seller.delete(&path).send().await.error(404, "not_found");
    seller.get(&path).send().await.error(404, "not_found");
    app.get(&link(&template)).send().await.error(404, "not_found");
    assert_eq!(seller.get(TEMPLATES).send().await.data(200), json!([]));
    buyer.try_checkout(&[(&template, 1)]).await.invalid(&["items[0].templateId"]);
    let other = seller.template(&json!({})).await;
    let other = format!("{TEMPLATES}/{}", id(&other));
    app.admin().await.delete(&other).send().await.data(200);
});

app_test!(a_template_ends_with_its_time, [LONG_SIGN_IN], async |app| {
    let (seller, buyer) = (app.seller().await, app.buyer().await);
    let template = seller.template(&json!({ "expiresAt": after(app, 60) })).await;
    buyer.checkout(&[(&template, 1)]).await;
    app.advance(Duration::from_mins(1));
    buyer.try_checkout(&[(&template, 1)]).await.error(409, "template_expired");
    assert_eq!(app.get(&link(&template)).send().await.data(200)["available"], false);
});
