//! The tree of categories.

use std::collections::HashSet;

use serde_json::Value;

use crate::support::{app_test, market::id};

fn walk<'t>(tree: &'t Value, found: &mut Vec<&'t Value>) {
    for category in tree.as_array().expect("an array") {
        found.push(category);
        walk(&category["children"], found);
    }
}

app_test!(everybody_sees_the_tree, async |app| {
    let tree = app.get("/api/marketplace/categories").send().await.data(200);
    let electronics = &tree[0];
    assert_eq!(
        (&electronics["name"], &electronics["slug"]),
        (&"Electronics".into(), &"electronics".into())
    );
    assert_eq!(electronics["children"][0]["slug"], "electronics/phones");
    let mut all = Vec::new();
    walk(&tree, &mut all);
    let ids: HashSet<_> = all.iter().map(|category| id(category)).collect();
    assert_eq!(ids.len(), all.len());
    let stored =
        app.app.db.fetch_one(db::sql!("SELECT COUNT(*) AS n FROM categories"), db::args![]);
    let stored: i64 = stored.await.expect("a count").get("n").expect("a number");
    assert_eq!(all.len() as i64, stored, "every category stands in the tree once");
});
