//! The catalogue against the reference, its own schemas and the audiences of the contract.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod audiences;
mod reference;
mod schema;

use std::sync::LazyLock;

use serde_json::Value;

/// The catalogue, as a client of `GET /api/events/catalog` reads it.
static CATALOG: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(events::catalog()).unwrap());

/// The elements of a list, or none where there is no list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The texts of a list.
fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().map(|text| text.as_str().unwrap()).collect()
}

/// The schema itself, where `schema` may only point to it.
fn resolve(schema: &Value) -> &Value {
    let Some(path) = schema["$ref"].as_str() else { return schema };
    let found = CATALOG.pointer(path.strip_prefix('#').unwrap());
    resolve(found.unwrap_or_else(|| panic!("the catalogue has no {path}")))
}
