//! The OpenAPI 3.1 document: what the routes say of themselves, completed by what is the same for
//! all of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{example, input};
use crate::router;

/// The methods that a path may have.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The groups of routes, in the order of a deal.
const TAGS: &[(&str, &str)] = &[
    ("auth", "Accounts and sign-in."),
    ("users", "What others may know of a user."),
    ("catalogue", "The tree of categories."),
    ("requests", "Purchase requests: what buyers want."),
    ("offers", "What sellers answer."),
    ("templates", "What sellers have ready, and the checkout of it."),
    ("payments", "The money on its way into escrow."),
    ("delivery", "The goods on their way, and the code that they are handed over against."),
    ("payouts", "The money on its way to the seller."),
    ("ledger", "The books. For administrators."),
    ("disputes", "Deals that went wrong."),
    ("chat", "Talks."),
    ("files", "Attachments and pictures."),
    ("notifications", "What a user should know."),
    ("points", "Points, levels and referrals."),
    ("reviews", "What buyers think of sellers."),
    ("webhooks", "Events by HTTP to other programs. For administrators."),
    ("events", "The journal of events, and its catalogue."),
    ("console", "What the console of operators shows. For administrators."),
    ("operations", "For load balancers, monitoring and tools."),
];

const DESCRIPTION: &str = "\
The backend of an escrow marketplace: REST beside Socket.IO (its events: `/docs/events`).

- An answer is `{\"success\": true, \"data\": …}`; a list adds `pagination`.
- An error is `{\"success\": false, \"error\": {code, message, details?, requestId}}` with a stable \
`code`. What the caller may not know of is 404.
- Sign-in: `Authorization: Bearer <accessToken>`, or the `accessToken` cookie; a write with the \
cookie needs an `Origin` of `FRONTEND_URL`.
- A POST that creates or moves money takes an `Idempotency-Key`: repeats get the stored answer.
- Times are ISO 8601 in UTC, amounts decimal strings, ids opaque strings.";

/// The whole document.
///
/// # Errors
/// When a route's description cannot be encoded.
pub fn document() -> serde_json::Result<Value> {
    serde_json::to_value(router::openapi()).map(complete)
}

/// Adds to what the routes say: names of operations, sign-in, the error that every route may
/// answer, examples.
fn complete(mut document: Value) -> Value {
    drop_null_defaults(&mut document);
    document["info"]["description"] = DESCRIPTION.into();
    document["servers"] = json!([{ "url": "/", "description": "This server." }]);
    let schemas = unwrap_envelopes(document["components"]["schemas"].take());
    let (mut used, mut ids) = (Vec::new(), BTreeSet::new());
    for (path, method, operation) in operations(&mut document) {
        let tag = operation["tags"][0].as_str().unwrap_or_default().to_owned();
        finish(&path, &method, &tag, operation, &schemas, &mut ids);
        used.push(tag);
    }
    document["tags"] = TAGS
        .iter()
        .filter(|(name, _)| used.iter().any(|tag| tag == name))
        .map(|(name, description)| json!({ "name": name, "description": description }))
        .collect();
    document["components"]["schemas"] = schemas;
    document["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token." },
        "cookie": { "type": "apiKey", "in": "cookie", "name": "accessToken",
            "description": "The access token as sign-in sets it." },
        "service": { "type": "apiKey", "in": "header", "name": "X-Service-Key",
            "description": "`SERVICE_KEY`, for other processes." },
    });
    document
}

/// What is left out by default is said by its not being required; `null` would be no value of its
/// type.
fn drop_null_defaults(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("default").is_some_and(Value::is_null) {
                fields.remove("default");
            }
            fields.values_mut().for_each(drop_null_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null_defaults),
        _ => {}
    }
}

/// An envelope (`Data_Offer`) names the schema that it holds instead of repeating it.
fn unwrap_envelopes(mut schemas: Value) -> Value {
    let named = schemas.clone();
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        let Some((_, inner)) = name.split_once('_') else { continue };
        let inner = inner.trim_start_matches("Vec_");
        let mut data = &mut schema["properties"]["data"];
        if data["items"].is_object() {
            data = &mut data["items"];
        }
        if named.get(inner).is_some_and(|known| known == data) {
            *data = json!({ "$ref": format!("#/components/schemas/{inner}") });
        }
    }
    schemas
}

/// Each operation with its path and method.
fn operations(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Value)> {
    document["paths"].as_object_mut().into_iter().flatten().flat_map(|(path, item)| {
        item.as_object_mut()
            .into_iter()
            .flatten()
            .filter(|(method, _)| METHODS.contains(&method.as_str()))
            .map(|(method, operation)| (path.clone(), method.clone(), operation))
    })
}

fn finish(
    path: &str,
    method: &str,
    tag: &str,
    operation: &mut Value,
    schemas: &Value,
    used: &mut BTreeSet<String>,
) {
    let words = ["summary", "description"].map(|field| operation[field].as_str().unwrap_or(""));
    let (summary, description) = split_summary(&unwrap_lines(words[0]), &unwrap_lines(words[1]));
    operation["summary"] = summary.into();
    if !description.is_empty() {
        operation["description"] = description.into();
    }
    // Handlers are called after what they do, and several slices can `create`.
    let handler = operation["operationId"].as_str().unwrap_or(method);
    let id = if handler.contains(tag) { handler.to_owned() } else { format!("{tag}_{handler}") };
    operation["operationId"] = if used.insert(id.clone()) {
        id.into()
    } else {
        let words = path.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        format!("{method}_{}", words.collect::<Vec<_>>().join("_")).into()
    };
    operation["security"] = security(path, operation);
    input::complete(operation);
    if let Some(responses) = operation["responses"].as_object_mut() {
        responses.entry("default").or_insert_with(|| {
            json!({
                "description": "Any other error: `internal` (500), `unavailable` (503, with \
                                `Retry-After`).",
                "content": { "application/json":
                    { "schema": { "$ref": "#/components/schemas/ErrorBody" } } },
            })
        });
        for (status, response) in responses {
            if response["description"].as_str().is_none_or(str::is_empty) {
                response["description"] = "Done.".into();
            }
            if status.starts_with('2') {
                add_examples(&mut response["content"], schemas);
            }
        }
    }
    add_examples(&mut operation["requestBody"]["content"], schemas);
    if operation["requestBody"]["content"].is_null()
        && let Some(operation) = operation.as_object_mut()
    {
        operation.remove("requestBody");
    }
}

/// A route that answers `unauthorized` wants a token; one that is for other processes, their key.
fn security(path: &str, operation: &Value) -> Value {
    let unauthorized = operation["responses"]["401"]["description"].as_str().unwrap_or_default();
    if path == "/api/realtime/emit" {
        json!([{ "service": [] }])
    } else if unauthorized.contains("`unauthorized`") {
        json!([{ "bearer": [] }, { "cookie": [] }])
    } else {
        json!([])
    }
}

fn add_examples(content: &mut Value, schemas: &Value) {
    for (kind, media) in content.as_object_mut().into_iter().flatten() {
        if kind == "application/json" && media.get("example").is_none() {
            let example = example::of(&media["schema"], schemas);
            if let Some(media) = media.as_object_mut() {
                media.insert("example".to_owned(), example);
            }
        }
    }
    if content.as_object().is_some_and(Map::is_empty) {
        *content = Value::Null;
    }
}

/// The first sentence, and all that follows it.
fn split_summary(summary: &str, description: &str) -> (String, String) {
    let (first, rest) = match summary.split_once(". ") {
        Some((first, rest)) => (format!("{first}."), rest),
        None => (summary.to_owned(), ""),
    };
    let rest = [rest, description].into_iter().filter(|part| !part.is_empty());
    (first, rest.collect::<Vec<_>>().join("\n\n"))
}

/// The lines of a doc comment as the paragraphs that they are.
fn unwrap_lines(text: &str) -> String {
    text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let mut document = document().unwrap();
        let known: BTreeSet<&str> = TAGS.iter().map(|(name, _)| *name).collect();
        let (mut wrong, mut ids) = (Vec::new(), BTreeSet::new());
        let mut count = 0;
        for (path, method, operation) in operations(&mut document) {
            let mut complain = |what: &str| wrong.push(format!("{method} {path}: {what}"));
            count += 1;
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            if !known.contains(tag) {
                complain(&format!("the tag `{tag}` is not in TAGS"));
            }
            if operation["summary"].as_str().is_none_or(|text| text.len() < 5 || text.len() > 200) {
                complain("no summary of one sentence: the first paragraph of its doc comment");
            }
            if !ids.insert(operation["operationId"].to_string()) {
                complain("its operationId is another one's too");
            }
            let responses = operation["responses"].as_object().unwrap();
            if !responses.keys().any(|status| status.starts_with(['2', '3'])) {
                complain("no successful answer");
            }
            for (status, response) in responses {
                let text = response["description"].as_str().unwrap_or_default();
                if status.starts_with('4') && !text.contains('`') {
                    complain(&format!("{status} names no `code`"));
                }
            }
            let signed_in = operation["security"][0].get("bearer").is_some();
            if path.contains("/api/")
                && !responses.keys().any(|status| status.starts_with('4'))
                && (signed_in || method != "get")
            {
                complain("no error codes");
            }
        }
        assert!(count > 30);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, schemas: &Value, lost: &mut BTreeSet<String>) {
            if let Some(name) = value["$ref"].as_str().and_then(|path| path.rsplit('/').next())
                && schemas.get(name).is_none()
            {
                lost.insert(name.to_owned());
            }
            match value {
                Value::Array(items) => items.iter().for_each(|item| walk(item, schemas, lost)),
                Value::Object(fields) => fields.values().for_each(|f| walk(f, schemas, lost)),
                _ => {}
            }
        }
        let (document, mut lost) = (document().unwrap(), BTreeSet::new());
        walk(&document["paths"], &document["components"]["schemas"], &mut lost);
        assert!(lost.is_empty(), "a parameter's type needs #[param(inline)]: {lost:?}");
    }

    #[test]
    fn no_default_is_null() {
        let mut schema = json!({ "properties": { "default": { "type": "string", "default": null },
            "kept": { "default": 1 } } });
        drop_null_defaults(&mut schema);
        let expected = json!({ "properties": { "default": { "type": "string" },
            "kept": { "default": 1 } } });
        assert_eq!(schema, expected);
    }

    #[test]
    fn a_summary_is_one_sentence() {
        let split = |summary, description| split_summary(summary, description);
        assert_eq!(
            split("All. Newest first.", "More."),
            ("All.".into(), "Newest first.\n\nMore.".into())
        );
        assert_eq!(split("All.", ""), ("All.".into(), String::new()));
    }

    #[test]
    fn sign_in_is_told_where_it_is_needed() {
        let document = document().unwrap();
        let security = |path: &str, method: &str| &document["paths"][path][method]["security"];
        assert_eq!(security("/api/auth/login", "post"), &json!([]));
        assert_eq!(security("/health", "get"), &json!([]));
        assert_eq!(
            security("/api/marketplace/purchase-requests", "post"),
            &json!([{ "bearer": [] }, { "cookie": [] }])
        );
    }
}
