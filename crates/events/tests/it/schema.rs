//! The schemas say of the payloads neither more nor less than what is sent.

use serde_json::Value;

use crate::{CATALOG, list, resolve, texts};

/// What of `value` does not fit `schema`. A field that the schema does not name counts, too.
fn mismatches(path: &str, schema: &Value, value: &Value) -> Vec<String> {
    let schema = resolve(schema);
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        other => panic!("{path}: a payload has no schema of type {other:?}"),
    };
    if !fits {
        return vec![format!("{path}: {value} is no {}", schema["type"])];
    }
    let mut found = Vec::new();
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{path}: {value} is not among {allowed:?}"));
    }
    for item in list(value) {
        found.extend(mismatches(&format!("{path}[]"), &schema["items"], item));
    }
    let Some(object) = value.as_object() else { return found };
    for name in texts(&schema["required"]).iter().filter(|name| !object.contains_key(**name)) {
        found.push(format!("{path}: no `{name}`"));
    }
    for (name, value) in object {
        match schema["properties"].get(name) {
            Some(property) => found.extend(mismatches(&format!("{path}.{name}"), property, value)),
            // A map of anything.
            None if schema["additionalProperties"].is_object() => {}
            None => found.push(format!("{path}: `{name}` is not in the schema")),
        }
    }
    found
}

#[test]
fn every_example_fits_its_schema() {
    for spec in list(&CATALOG["events"]) {
        let examples = list(&spec["examples"]);
        assert!(!examples.is_empty(), "{} has no example", spec["name"]);
        for example in examples {
            let found = mismatches(spec["name"].as_str().unwrap(), &spec["payload"], example);
            assert!(found.is_empty(), "{found:#?}");
        }
    }
}

#[test]
fn the_check_sees_what_does_not_fit() {
    let offer = list(&CATALOG["events"]).iter().find(|spec| spec["name"] == "new-offer").unwrap();
    let broken = |edit: fn(&mut Value)| {
        let mut example = offer["examples"][0].clone();
        edit(&mut example);
        mismatches("new-offer", &offer["payload"], &example).len()
    };
    assert_eq!(broken(|_| {}), 0);
    assert_eq!(broken(|e| e["extra"] = 1.into()), 1);
    assert_eq!(broken(|e| e["offer"]["status"] = "maybe".into()), 1);
    assert_eq!(broken(|e| e["offer"]["deliveryTime"]["amount"] = "3".into()), 1);
    assert_eq!(broken(|e| drop(e["offer"].as_object_mut().unwrap().remove("_id"))), 1);
}

#[test]
fn every_optional_field_is_in_an_example() {
    for spec in list(&CATALOG["events"]) {
        // Documents have fields that belong to later states; events have none.
        if spec["payload"]["$ref"] == "#/components/schemas/PurchaseRequest" {
            continue;
        }
        for name in resolve(&spec["payload"])["properties"].as_object().unwrap().keys() {
            let shown = list(&spec["examples"]).iter().any(|example| example.get(name).is_some());
            assert!(shown, "no example of {} has `{name}`", spec["name"]);
        }
    }
}

/// Calls `see` for `value` and all that is in it.
fn walk(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, see)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves_and_no_field_is_ever_null() {
    walk(&CATALOG, &mut |value| {
        assert!(!value.is_null(), "an absent value is an absent field");
        if value.get("$ref").is_some() {
            resolve(value);
        }
        let or_null = list(&value["type"]).iter().any(|kind| kind == "null");
        assert!(!or_null, "nullable: {value}");
    });
}

#[test]
fn names_are_unique() {
    for events in ["events", "clientEvents"] {
        let mut names: Vec<&Value> =
            list(&CATALOG[events]).iter().map(|spec| &spec["name"]).collect();
        let count = names.len();
        names.sort_by_key(|name| name.as_str());
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

#[test]
fn only_what_the_contract_names_is_ephemeral() {
    let ephemeral: Vec<&Value> = list(&CATALOG["events"])
        .iter()
        .filter(|spec| spec["durability"] != "journaled")
        .map(|spec| &spec["name"])
        .collect();
    assert_eq!(ephemeral, ["user-typing", "user-status-change", "session", "room-error"]);
}
