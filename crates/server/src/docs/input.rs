//! How routes take their input: the extractors take and refuse the same things everywhere, so no
//! route has to tell of them.

use serde_json::{Map, Value, json};

/// The header that makes a repeat be answered alike.
const KEY: &str = "Idempotency-Key";

/// Adds what a key may be, and the refusals of an operation's query, key and body where it does
/// not tell of them itself.
pub fn complete(operation: &mut Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if parameter["name"] == KEY {
            parameter["schema"] = json!({
                "type": "string", "minLength": 1, "maxLength": 255,
                "pattern": "^[ -~]*[!-~][ -~]*$",
            });
        }
    }
    let takes = |place: &str, name: Option<&str>| {
        operation["parameters"].as_array().into_iter().flatten().any(|parameter| {
            parameter["in"] == place && name.is_none_or(|name| parameter["name"] == name)
        })
    };
    let query = takes("query", None);
    let key = takes("header", Some(KEY));
    let body = operation["requestBody"]["content"].get("application/json").is_some();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    // A gateway's callback is checked as the bytes that were signed.
    let body = body && !mentions(responses, "422", "callback_malformed");
    if body {
        add(responses, "400", "`malformed_json`, `bad_request`");
        add(responses, "413", "`payload_too_large`");
        add(responses, "415", "`unsupported_media_type`");
        add(responses, "422", "`validation_failed`");
    }
    if query {
        add(responses, "422", "`validation_failed`");
    }
    if query || key {
        add(responses, "400", "`bad_request`");
    }
}

fn mentions(responses: &Map<String, Value>, status: &str, code: &str) -> bool {
    responses
        .get(status)
        .and_then(|response| response["description"].as_str())
        .is_some_and(|text| text.contains(code))
}

fn add(responses: &mut Map<String, Value>, status: &str, codes: &str) {
    responses.entry(status).or_insert_with(|| {
        json!({
            "description": codes,
            "content": { "application/json":
                { "schema": { "$ref": "#/components/schemas/ErrorBody" } } },
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(mut operation: Value) -> Vec<String> {
        let fields = operation.as_object().unwrap().len();
        complete(&mut operation);
        assert_eq!(operation.as_object().unwrap().len(), fields, "{operation}");
        operation["responses"].as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn refusals_follow_from_what_is_taken() {
        assert_eq!(statuses(json!({ "responses": {} })), [""; 0]);
        let id = json!([{ "in": "path", "name": "id" }]);
        assert_eq!(statuses(json!({ "parameters": id, "responses": {} })), [""; 0]);
        let query = json!([{ "in": "query", "name": "page" }]);
        assert_eq!(statuses(json!({ "parameters": query, "responses": {} })), ["400", "422"]);
        let key = json!([{ "in": "header", "name": "Idempotency-Key" }]);
        assert_eq!(statuses(json!({ "parameters": key, "responses": {} })), ["400"]);
        let body = json!({ "content": { "application/json": {} } });
        assert_eq!(
            statuses(json!({ "requestBody": body, "responses": {} })),
            ["400", "413", "415", "422"]
        );
        let callback = json!({ "422": { "description": "`callback_malformed`" } });
        assert_eq!(statuses(json!({ "requestBody": body, "responses": callback })), ["422"]);
    }

    #[test]
    fn what_a_route_says_itself_stays() {
        let said = json!({ "400": { "description": "`other`" } });
        let mut operation = json!({ "parameters": [{ "in": "query", "name": "q" }],
            "responses": said });
        complete(&mut operation);
        assert_eq!(operation["responses"]["400"]["description"], "`other`");
    }
}
