//! Examples of JSON Schemas: what the schemas give themselves, completed by plausible values.

use events::documents::{Offer, PurchaseRequest};
use serde_json::{Map, Value, json};

/// Values of strings whose schema says no more than that, by the end of the field's name.
const TEXTS: &[(&str, &str)] = &[
    ("email", "ada@shop.example"),
    ("password", "correct horse battery"),
    ("name", "Ada"),
    ("title", "Two mechanical keyboards"),
    ("description", "ISO layout, brown switches."),
    ("message", "Both in stock."),
    ("content", "Both in stock."),
    ("comment", "Just as described."),
    ("reason", "Bought elsewhere"),
    ("url", "https://shop.example/hook"),
    ("hash", "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060"),
    ("address", "0x52908400098527886e0f7030069857d2e4169ee7"),
    ("crypto", "ETH-USDT"),
    ("code", "482913"),
    ("token", "header.claims.mac"),
    ("carrier", "CTT"),
    ("number", "RR123456785PT"),
];

/// A value that the schema allows. References lead into `schemas`.
pub fn of(schema: &Value, schemas: &Value) -> Value {
    Maker { schemas, within: Vec::new() }.make(schema, "")
}

struct Maker<'a> {
    schemas: &'a Value,
    /// The named schemas that are being made, so that a tree ends.
    within: Vec<&'a str>,
}

impl<'a> Maker<'a> {
    fn make(&mut self, schema: &'a Value, field: &str) -> Value {
        if let Some(given) = given(schema) {
            return given;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            if let Some(document) = document(name) {
                return document;
            }
            self.within.push(name);
            let made = self.make(&self.schemas[name], field);
            self.within.pop();
            return made;
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let fields = parts.iter().filter_map(|part| match self.make(part, field) {
                Value::Object(fields) => Some(fields),
                _ => None,
            });
            return Value::Object(fields.flatten().collect());
        }
        for choice in ["oneOf", "anyOf"] {
            let options = schema[choice].as_array().into_iter().flatten();
            if let Some(option) = options.into_iter().find(|option| option["type"] != "null") {
                return self.make(option, field);
            }
        }
        match kind(schema) {
            "object" => self.object(schema),
            "array" if self.is_recursive(&schema["items"]) => json!([]),
            "array" => json!([self.make(&schema["items"], field)]),
            "integer" => schema["minimum"].as_i64().unwrap_or(0).max(1).into(),
            "number" => json!(1.5),
            "boolean" => json!(true),
            "string" => string(schema, field),
            _ => Value::Object(Map::new()),
        }
    }

    fn object(&mut self, schema: &'a Value) -> Value {
        let mut object = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if !self.is_recursive(property) {
                object.insert(name.clone(), self.make(property, name));
            }
        }
        Value::Object(object)
    }

    fn is_recursive(&self, schema: &Value) -> bool {
        let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        name.is_some_and(|name| self.within.contains(&name))
    }
}

/// What the schema itself gives.
fn given(schema: &Value) -> Option<Value> {
    let first = |list: &str| schema[list].as_array().and_then(|values| values.first());
    first("examples")
        .or_else(|| schema.get("example"))
        .or_else(|| schema.get("const"))
        .or_else(|| schema.get("default"))
        .or_else(|| first("enum"))
        .cloned()
}

/// The documents of the events' catalogue.
fn document(name: &str) -> Option<Value> {
    match name {
        "PurchaseRequest" => serde_json::to_value(PurchaseRequest::example()).ok(),
        "Offer" => serde_json::to_value(Offer::example()).ok(),
        _ => None,
    }
}

/// The type; of several, the one that is not null.
fn kind(schema: &Value) -> &str {
    let kinds = &schema["type"];
    let mut several = kinds.as_array().into_iter().flatten().filter_map(Value::as_str);
    kinds
        .as_str()
        .or_else(|| several.find(|kind| *kind != "null"))
        .unwrap_or_else(|| if schema.get("properties").is_some() { "object" } else { "" })
}

fn string(schema: &Value, field: &str) -> Value {
    match schema["format"].as_str() {
        Some("date-time") => return "2026-11-23T10:00:00.000Z".into(),
        Some("email") => return "ada@shop.example".into(),
        Some("uri") => return "https://shop.example/hook".into(),
        Some("binary") => return "".into(),
        _ => {}
    }
    let lower = field.to_lowercase();
    let known = TEXTS.iter().find(|(end, _)| lower.ends_with(end)).map(|(_, text)| *text);
    let mut text = known.unwrap_or("text").to_owned();
    while (text.chars().count() as u64) < schema["minLength"].as_u64().unwrap_or(0) {
        text.push('.');
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        text = text.chars().take(most as usize).collect();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_follow_the_schema() {
        let schemas = json!({
            "Tree": { "type": "object", "properties": {
                "name": { "type": "string", "maxLength": 2 },
                "children": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } } } },
            "Role": { "type": "string", "enum": ["buyer", "seller"] },
        });
        let schema = json!({ "type": "object", "properties": {
            "tree": { "$ref": "#/components/schemas/Tree" },
            "role": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Role" }] },
            "count": { "type": ["integer", "null"], "minimum": 3 },
            "at": { "type": "string", "format": "date-time" },
            "given": { "type": "string", "examples": ["this"] },
        } });
        assert_eq!(
            of(&schema, &schemas),
            json!({ "tree": { "name": "Ad", "children": [] }, "role": "buyer", "count": 3,
                "at": "2026-11-23T10:00:00.000Z", "given": "this" })
        );
    }
}
