//! What clients may rely on, one line each (`docs/published.txt`): routes with their parameters,
//! bodies and answers, events, the fields and words of all schemas.
//!
//! A line that was there goes only with a note: `CHANGELOG.md` names it, or what it belongs to, in
//! backticks. "Was there" is what the file says in the tree, in the last commit, and before the
//! last commit that changed it, so that editing the file by hand, committed or not, is no way
//! around the note.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use super::typescript::{METHODS, name_of};
use crate::project;

/// Where the list stands.
pub const PATH: &str = "docs/published.txt";

/// The list as it is now.
///
/// # Errors
/// When something disappeared that no note names.
pub fn produce(openapi: &Value, asyncapi: &Value) -> Result<String> {
    let now = surface(openapi, asyncapi);
    let changelog = std::fs::read_to_string(project::root().join("CHANGELOG.md"))?;
    let missing = unexplained(&before(project::root()), &now, &changelog);
    if !missing.is_empty() {
        bail!(
            "these were published and are gone; CHANGELOG.md has to name each, or what it belongs \
             to, in backticks:\n  {}",
            missing.join("\n  ")
        );
    }
    let mut text = now.into_iter().collect::<Vec<_>>().join("\n");
    text.push('\n');
    Ok(text)
}

/// All lines of the list in the tree, in the last commit, and before it was last changed. A copy
/// without history has less of them.
fn before(root: &Path) -> BTreeSet<String> {
    let git = |words: &[&str]| -> String {
        let output = Command::new("git").args(words).current_dir(root).output();
        match output {
            Ok(output) if output.status.success() => {
                String::from_utf8_lossy(&output.stdout).into_owned()
            }
            _ => String::new(),
        }
    };
    let last = git(&["log", "-1", "--format=%H", "--", PATH]);
    let mut texts = vec![std::fs::read_to_string(root.join(PATH)).unwrap_or_default()];
    texts.push(git(&["show", &format!("HEAD:{PATH}")]));
    if !last.trim().is_empty() {
        texts.push(git(&["show", &format!("{}^:{PATH}", last.trim())]));
    }
    texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
}

/// What is gone and not noted.
fn unexplained(old: &BTreeSet<String>, new: &BTreeSet<String>, changelog: &str) -> Vec<String> {
    let noted = |line: &str| {
        // A field belongs to its schema or event, a parameter or an answer to its route.
        let owner = line.split_once(['.', '=']).or_else(|| line.split_once(" ?"));
        let owner = owner.or_else(|| line.split_once(" ->")).map_or(line, |(owner, _)| owner);
        changelog.contains(&format!("`{line}`")) || changelog.contains(&format!("`{owner}`"))
    };
    old.difference(new).filter(|line| !noted(line)).cloned().collect()
}

/// Everything that is promised.
fn surface(openapi: &Value, asyncapi: &Value) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (path, item) in fields(&openapi["paths"]) {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let route = format!("{} {path}", method.to_uppercase());
            for parameter in list(&operation["parameters"]) {
                let name = parameter["name"].as_str().unwrap_or_default();
                lines.insert(format!("{route} ?{name}"));
            }
            for schema in media(&operation["requestBody"]) {
                lines.insert(format!("{route} -> takes {schema}"));
            }
            for (status, response) in fields(&operation["responses"]) {
                for schema in media(response).iter().filter(|_| status.starts_with('2')) {
                    lines.insert(format!("{route} -> {status} {schema}"));
                }
            }
            lines.insert(route);
        }
    }
    for operation in fields(&asyncapi["operations"]).map(|(_, operation)| operation) {
        let title = operation["title"].as_str().unwrap_or_default();
        let action = operation["action"].as_str().unwrap_or_default();
        let event = format!("{action} {title}");
        let payload = &asyncapi["components"]["messages"][title]["payload"];
        if let Some(name) = name_of(payload) {
            lines.insert(format!("{event} -> {name}"));
        }
        lines.insert(event);
    }
    for document in [openapi, asyncapi] {
        for (name, schema) in fields(&document["components"]["schemas"]) {
            add_schema(&mut lines, name, schema);
        }
    }
    lines
}

/// The fields and words of a named schema, those of unnamed ones in it too.
fn add_schema(lines: &mut BTreeSet<String>, path: &str, schema: &Value) {
    for (name, property) in fields(&schema["properties"]) {
        let path = format!("{path}.{name}");
        add_schema(lines, &path, property);
        lines.insert(path);
    }
    for word in list(&schema["enum"]) {
        lines.insert(format!("{path}={}", word.as_str().unwrap_or_default()));
    }
    for part in ["oneOf", "anyOf", "allOf"].iter().flat_map(|kind| list(&schema[*kind])) {
        add_schema(lines, path, part);
    }
    if schema["items"].is_object() {
        add_schema(lines, &format!("{path}[]"), &schema["items"]);
    }
}

/// The named schemas of a body or an answer.
fn media(holder: &Value) -> Vec<&str> {
    fields(&holder["content"]).filter_map(|(_, media)| name_of(&media["schema"])).collect()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents() -> (Value, Value) {
        let openapi = json!({
            "paths": { "/api/offers/{id}": { "patch": {
                "parameters": [{ "name": "id" }],
                "requestBody": { "content": { "application/json":
                    { "schema": { "$ref": "#/components/schemas/UpdateOffer" } } } },
                "responses": {
                    "200": { "content": { "application/json":
                        { "schema": { "$ref": "#/components/schemas/Data_Offer" } } } },
                    "404": {} } } } },
            "components": { "schemas": {
                "Offer": { "properties": { "price": {}, "notes": { "items":
                    { "properties": { "text": {} } } } } },
                "Status": { "enum": ["open", "closed"] } } },
        });
        let asyncapi = json!({
            "operations": { "send-new-offer": { "action": "send", "title": "new-offer" } },
            "components": {
                "messages": { "new-offer":
                    { "payload": { "$ref": "#/components/schemas/NewOffer" } } },
                "schemas": { "NewOffer": { "properties": { "offer": {} } } } },
        });
        (openapi, asyncapi)
    }

    #[test]
    fn the_list_names_what_clients_rely_on() {
        let (openapi, asyncapi) = documents();
        let lines: Vec<String> = surface(&openapi, &asyncapi).into_iter().collect();
        assert_eq!(
            lines,
            [
                "NewOffer.offer",
                "Offer.notes",
                "Offer.notes[].text",
                "Offer.price",
                "PATCH /api/offers/{id}",
                "PATCH /api/offers/{id} -> 200 Data_Offer",
                "PATCH /api/offers/{id} -> takes UpdateOffer",
                "PATCH /api/offers/{id} ?id",
                "Status=closed",
                "Status=open",
                "send new-offer",
                "send new-offer -> NewOffer",
            ]
        );
    }

    #[test]
    fn what_disappears_needs_a_note() {
        let (mut openapi, mut asyncapi) = documents();
        let old = surface(&openapi, &asyncapi);
        assert!(unexplained(&old, &old, "").is_empty());

        openapi["components"]["schemas"]["Offer"]["properties"]
            .as_object_mut()
            .unwrap()
            .remove("price");
        asyncapi["operations"] = json!({});
        asyncapi["components"]["schemas"] = json!({});
        let new = surface(&openapi, &asyncapi);
        let gone =
            ["NewOffer.offer", "Offer.price", "send new-offer", "send new-offer -> NewOffer"];
        assert_eq!(unexplained(&old, &new, "- Offers have no Offer.price any more."), gone);
        let noted = "- `Offer.price` is gone, and so are `send new-offer` and `NewOffer`.";
        assert!(unexplained(&old, &new, noted).is_empty());
        // What is added needs none.
        assert!(unexplained(&new, &old, "").is_empty());
    }
}
