//! Accounts and profiles over HTTP.

use serde_json::json;

use crate::support::app_test;

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
