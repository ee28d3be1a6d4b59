//! TypeScript of the documents: the schemas, the routes of the REST API, the events.
//!
//! What holds always here: the text depends on the documents alone, in a fixed order, and what
//! TypeScript cannot say is `unknown`, never `any`.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, bail};
use serde_json::Value;

/// The methods that a path may have.
pub const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

const HEAD: &str =
    "// Made from the server's documents by `cargo xtask gen`; changes here are lost.\n";

/// Every named schema of both documents as a type.
pub fn schemas(openapi: &Value, asyncapi: &Value) -> Result<String> {
    let mut all: BTreeMap<&str, &Value> = BTreeMap::new();
    for document in [openapi, asyncapi] {
        for (name, schema) in fields(&document["components"]["schemas"]) {
            if let Some(other) = all.insert(name, schema)
                && other != schema
            {
                bail!("REST and the events have different schemas called {name}");
            }
        }
    }
    let mut text = HEAD.to_owned();
    for (name, schema) in all.into_iter().filter(|(_, schema)| wrapped(schema).is_none()) {
        text.push('\n');
        comment(&mut text, "", schema);
        if schema["properties"].is_object() {
            let _ = writeln!(text, "export interface {} {}", identifier(name), object(schema, ""));
        } else {
            let _ = writeln!(text, "export type {} = {};", identifier(name), kind(schema, ""));
        }
    }
    Ok(text)
}

/// Every route: what it takes and what it gives, by `METHOD /path`.
pub fn routes(openapi: &Value) -> Result<String> {
    let schemas = &openapi["components"]["schemas"];
    let mut text = String::new();
    for (path, item) in fields(&openapi["paths"]) {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            route(&mut text, &method.to_uppercase(), path, operation, schemas);
        }
    }
    if text.is_empty() {
        bail!("the document has no route");
    }
    Ok(format!(
        "{HEAD}import type * as S from \"./schemas.js\";\n\n\
         /** One page of a list. */\n\
         export interface Page<T> {{\n  data: T[];\n  pagination: S.Pagination;\n}}\n\n\
         /** Every route: what it takes and what its answer's `data` is. */\n\
         export interface Routes {{\n{text}}}\n"
    ))
}

fn route(text: &mut String, method: &str, path: &str, operation: &Value, schemas: &Value) {
    let mut groups: BTreeMap<&str, Vec<(bool, String)>> = BTreeMap::new();
    let mut idempotent = false;
    for parameter in list(&operation["parameters"]) {
        let name = parameter["name"].as_str().unwrap_or_default();
        let place = parameter["in"].as_str().unwrap_or_default();
        idempotent |= name.eq_ignore_ascii_case("idempotency-key");
        if place == "header" {
            continue;
        }
        let required = parameter["required"].as_bool().unwrap_or_default();
        let mark = if required { "" } else { "?" };
        let value = in_module(&parameter["schema"]);
        let field = format!("{}{mark}: {value}", key(name));
        groups.entry(place).or_default().push((required, field));
    }
    comment(text, "  ", operation);
    let _ = writeln!(text, "  {}: {{", key(&format!("{method} {path}")));
    for place in ["path", "query"] {
        let Some(parameters) = groups.get(place) else { continue };
        let optional = if parameters.iter().any(|(required, _)| *required) { "" } else { "?" };
        let all: Vec<&str> = parameters.iter().map(|(_, field)| field.as_str()).collect();
        let _ = writeln!(text, "    {place}{optional}: {{ {} }};", all.join("; "));
    }
    let body = &operation["requestBody"];
    let content = &body["content"];
    if let Some(schema) = content.get("application/json").map(|media| &media["schema"]) {
        let nullable = list(&schema["oneOf"]).any(|option| option["type"] == "null");
        let required = body["required"].as_bool().unwrap_or_default() && !nullable;
        let _ = writeln!(
            text,
            "    body{}: {};",
            if required { "" } else { "?" },
            in_module(&without_null(schema))
        );
    } else if content.get("multipart/form-data").is_some() {
        text.push_str("    body: FormData;\n");
    }
    if idempotent {
        text.push_str("    idempotent: true;\n");
    }
    let _ = writeln!(text, "    result: {};\n  }};", result(operation, schemas));
}

/// What the caller of a route gets: `data` of the answer, where that is all of it.
fn result(operation: &Value, schemas: &Value) -> String {
    let success = fields(&operation["responses"]).find(|(status, _)| status.starts_with('2'));
    let Some((_, response)) = success else { return "undefined".to_owned() };
    let content = &response["content"];
    if let Some(media) = content.get("application/json") {
        let schema = resolve(&media["schema"], schemas);
        return match wrapped(schema) {
            Some(Wrapped::Data(data)) => in_module(data),
            Some(Wrapped::Page(items)) => format!("Page<{}>", in_module(items)),
            None if schema["properties"].get("success").is_some() => {
                format!("Omit<{}, \"success\">", in_module(&media["schema"]))
            }
            None => in_module(&media["schema"]),
        };
    }
    match fields(content).next() {
        Some((kind, _)) if kind.starts_with("text/") => "string".to_owned(),
        Some(_) => "Blob".to_owned(),
        None => "undefined".to_owned(),
    }
}

/// An envelope of answers, which the client takes off.
enum Wrapped<'a> {
    Data(&'a Value),
    Page(&'a Value),
}

fn wrapped(schema: &Value) -> Option<Wrapped<'_>> {
    let properties = schema["properties"].as_object()?;
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    match names.as_slice() {
        ["data", "success"] => Some(Wrapped::Data(&properties["data"])),
        // Lists that go on by cursors are envelopes of another kind.
        ["data", "pagination", "success"]
            if name_of(&properties["pagination"]) == Some("Pagination") =>
        {
            Some(Wrapped::Page(&properties["data"]["items"]))
        }
        _ => None,
    }
}

/// Every event of both directions with its payload, and what joins what.
pub fn events(asyncapi: &Value) -> Result<String> {
    let (mut server, mut client, mut joins) = (String::new(), String::new(), String::new());
    for (_, operation) in fields(&asyncapi["operations"]) {
        let name = operation["title"].as_str().unwrap_or_default();
        let payload = &asyncapi["components"]["messages"][name]["payload"];
        match operation["action"].as_str() {
            Some("send") => {
                comment(&mut server, "  ", operation);
                let _ = writeln!(server, "  \"{name}\": {};", in_module(payload));
            }
            Some("receive") => {
                comment(&mut client, "  ", operation);
                let _ = writeln!(client, "  \"{name}\": {};", in_module(payload));
                if !operation["x-joins"].as_array().is_none_or(Vec::is_empty) {
                    let leave = name.strip_prefix("join-").map(|room| format!("\"leave-{room}\""));
                    let leave = leave.unwrap_or_else(|| "null".to_owned());
                    let _ = writeln!(joins, "  \"{name}\": {leave},");
                }
            }
            other => bail!("the event {name} has the action {other:?}"),
        }
    }
    Ok(format!(
        "{HEAD}import type * as S from \"./schemas.js\";\n\n\
         /** What the server sends: the payload of each event. */\n\
         export interface ServerEvents {{\n{server}}}\n\n\
         /** What clients send: the argument of each event. All answer with an `Ack`. */\n\
         export interface ClientEvents {{\n{client}}}\n\n\
         /** The events that join rooms, with the event that leaves them. */\n\
         export const JOINS = {{\n{joins}}} as const;\n"
    ))
}

/// A schema as a type of the module `S`.
fn in_module(schema: &Value) -> String {
    kind(schema, "S.")
}

/// A schema as a type; named ones are found by `prefix`.
fn kind(schema: &Value, prefix: &str) -> String {
    if let Some(name) = name_of(schema) {
        return format!("{prefix}{}", identifier(name));
    }
    if let Some(word) = schema.get("const") {
        return word.to_string();
    }
    if schema["enum"].is_array() {
        return list(&schema["enum"]).map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    for (word, between) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
        if schema[word].is_array() {
            let parts = list(&schema[word]).map(|part| kind(part, prefix));
            return parts.collect::<Vec<_>>().join(between);
        }
    }
    match &schema["type"] {
        Value::Array(kinds) => {
            let mut one = schema.clone();
            let each = kinds.iter().map(|kind_of_it| {
                one["type"] = kind_of_it.clone();
                kind(&one, prefix)
            });
            each.collect::<Vec<_>>().join(" | ")
        }
        Value::String(name) => match name.as_str() {
            "string" => "string".to_owned(),
            "integer" | "number" => "number".to_owned(),
            "boolean" => "boolean".to_owned(),
            "null" => "null".to_owned(),
            "array" if schema["items"].is_object() => {
                let items = kind(&schema["items"], prefix);
                if items.contains(' ') { format!("({items})[]") } else { format!("{items}[]") }
            }
            "array" => "unknown[]".to_owned(),
            "object" if schema["properties"].is_object() => object(schema, prefix),
            "object" if schema["additionalProperties"].is_object() => {
                let value = kind(&schema["additionalProperties"], prefix);
                format!("Record<string, {value}>")
            }
            "object" => "Record<string, unknown>".to_owned(),
            _ => "unknown".to_owned(),
        },
        _ => "unknown".to_owned(),
    }
}

fn object(schema: &Value, prefix: &str) -> String {
    let mut text = "{\n".to_owned();
    for (name, property) in fields(&schema["properties"]) {
        let required = list(&schema["required"]).any(|required| required == name);
        comment(&mut text, "  ", property);
        let mark = if required { "" } else { "?" };
        let value = kind(property, prefix).replace('\n', "\n  ");
        let _ = writeln!(text, "  {}{mark}: {value};", key(name));
    }
    text.push('}');
    text
}

/// A schema without the `null` among its choices: what is left out is no `null`.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    for choices in ["oneOf", "anyOf"] {
        if let Some(options) = schema[choices].as_array_mut() {
            options.retain(|option| option["type"] != "null");
        } else if let Some(object) = schema.as_object_mut() {
            object.remove(choices);
        }
    }
    schema
}

/// What the document says, as a comment.
fn comment(text: &mut String, indent: &str, described: &Value) {
    let lines: Vec<&str> = ["summary", "description"]
        .iter()
        .filter_map(|field| described[*field].as_str())
        .flat_map(str::lines)
        .filter(|line| !line.trim().is_empty())
        .collect();
    match lines.as_slice() {
        [] => {}
        [line] => {
            let _ = writeln!(text, "{indent}/** {} */", harmless(line));
        }
        lines => {
            let _ = writeln!(text, "{indent}/**");
            for line in lines {
                let _ = writeln!(text, "{indent} * {}", harmless(line));
            }
            let _ = writeln!(text, "{indent} */");
        }
    }
}

fn harmless(line: &str) -> String {
    line.trim().replace("*/", "*\\/")
}

/// The name that a reference leads to.
pub fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn resolve<'a>(schema: &'a Value, schemas: &'a Value) -> &'a Value {
    match name_of(schema) {
        Some(name) => resolve(&schemas[name], schemas),
        None => schema,
    }
}

/// A schema's name as TypeScript allows it.
fn identifier(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_")
}

/// A field's name, quoted where it has to be.
fn key(name: &str) -> String {
    let plain = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
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

    #[test]
    fn schemas_become_types() {
        for (schema, expected) in [
            (json!({ "type": "string" }), "string"),
            (json!({ "type": ["integer", "null"] }), "number | null"),
            (json!({ "type": "string", "enum": ["a", "b"] }), "\"a\" | \"b\""),
            (json!({ "$ref": "#/components/schemas/A.B" }), "A_B"),
            (json!({ "type": "array", "items": { "$ref": "#/x/Offer" } }), "Offer[]"),
            (json!({ "type": "array", "items": { "enum": ["a", "b"] } }), "(\"a\" | \"b\")[]"),
            (
                json!({ "type": "object", "additionalProperties": { "type": "string" } }),
                "Record<string, string>",
            ),
            (json!({ "type": "object" }), "Record<string, unknown>"),
            (json!({ "oneOf": [{ "type": "null" }, { "$ref": "#/x/A" }] }), "null | A"),
            (json!({ "allOf": [{ "$ref": "#/x/A" }, { "$ref": "#/x/B" }] }), "A & B"),
            (json!({}), "unknown"),
            (
                json!({ "type": "object", "required": ["a"],
                "properties": { "a": { "type": "string", "description": "x */ y" }, "b-c": {} } }),
                "{\n  /** x *\\/ y */\n  a: string;\n  \"b-c\"?: unknown;\n}",
            ),
        ] {
            assert_eq!(kind(&schema, ""), expected, "{schema}");
        }
    }

    #[test]
    fn routes_take_off_the_envelope() {
        let data = json!({ "properties": { "success": {}, "data": { "$ref": "#/x/Offer" } } });
        let page = json!({ "properties": { "success": {}, "data": { "items":
            { "$ref": "#/x/Offer" } }, "pagination": { "$ref": "#/x/Pagination" } } });
        let answer = |name: &str| {
            json!({ "200": { "content": { "application/json":
            { "schema": { "$ref": format!("#/components/schemas/{name}") } } } } })
        };
        let openapi = json!({
            "paths": {
                "/offers": { "get": {
                    "summary": "All.",
                    "parameters": [{ "name": "page", "in": "query", "schema":
                        { "type": "integer" } }],
                    "responses": answer("Listing_Offer") } },
                "/offers/{id}": { "post": {
                    "parameters": [
                        { "name": "id", "in": "path", "required": true,
                            "schema": { "type": "string" } },
                        { "name": "Idempotency-Key", "in": "header" }],
                    "requestBody": { "required": true, "content": { "application/json":
                        { "schema": { "$ref": "#/x/Change" } } } },
                    "responses": answer("Data_Offer") } },
            },
            "components": { "schemas": { "Data_Offer": data, "Listing_Offer": page } },
        });
        let text = routes(&openapi).unwrap();
        let expected = "  /** All. */\n  \"GET /offers\": {\n    query?: { page?: number };\n    \
            result: Page<S.Offer>;\n  };\n  \"POST /offers/{id}\": {\n    path: { id: string };\n    \
            body: S.Change;\n    idempotent: true;\n    result: S.Offer;\n  };\n";
        assert!(text.contains(expected), "{text}");
    }
}
