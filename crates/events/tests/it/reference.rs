//! `tests/reference.json` holds every row of the reference's tables; the catalogue must have each
//! event, room, field and text of it.

use std::sync::LazyLock;

use serde_json::Value;

use crate::{CATALOG, list, resolve, texts};

static REFERENCE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../reference.json")).unwrap());

/// Fields that the reference always sends and Souk must not (contract §1.2).
const OPTIONAL_IN_STRICT: [(&str, &str); 1] = [("delivery-code-generated", "deliveryCode")];

/// Rooms of the contract that the reference does not name.
const ADDED_ROOMS: [(&str, &str); 1] = [("new-purchase-request", "seller-<sellerId>")];

fn find<'a>(specs: &'a Value, name: &str) -> Option<&'a Value> {
    list(specs).iter().find(|spec| spec["name"] == name)
}

/// The catalogue's patterns for a room as the reference writes it.
fn patterns(room: &str) -> Vec<&str> {
    match room {
        "global" | "broadcast" => vec!["*"],
        "template-checkout-<id>" => vec!["template-checkout-<checkoutId>"],
        // Contract §1.4.
        "room-specific" => vec!["request-<requestId>", "user-<buyerId>", "user-<sellerId>"],
        room => vec![room],
    }
}

/// What is wrong with the rooms of an event.
fn room_problems(row: &Value, spec: &Value) -> Vec<String> {
    let event = row["event"].as_str().unwrap();
    let (strict, open) = (texts(&spec["rooms"]["strict"]), texts(&spec["rooms"]["open"]));
    let wanted: Vec<&str> = texts(&row["rooms"]).into_iter().flat_map(patterns).collect();
    let mut problems = Vec::new();
    for room in &wanted {
        if !open.contains(room) {
            problems.push(format!("{event}: not to {room} in open access"));
        }
        if *room != "*" && !strict.contains(room) {
            problems.push(format!("{event}: not to {room} in strict access"));
        }
    }
    for room in &open {
        let added = wanted.contains(&"*") || ADDED_ROOMS.contains(&(event, room));
        if !added && !wanted.contains(room) {
            problems.push(format!("{event}: to {room}, which the reference does not say"));
        }
    }
    problems
}

/// What is wrong with the fields of a payload: `schema` describes them, `examples` have them.
fn field_problems(event: &str, fields: &Value, schema: &Value, examples: &[&Value]) -> Vec<String> {
    let mut problems = Vec::new();
    for (field, value) in fields.as_object().unwrap() {
        let (name, optional) = match field.strip_suffix('?') {
            Some(name) => (name, true),
            None => (field.as_str(), OPTIONAL_IN_STRICT.contains(&(event, field))),
        };
        let Some(property) = schema["properties"].get(name) else {
            problems.push(format!("{event}: the schema has no `{name}`"));
            continue;
        };
        if texts(&schema["required"]).contains(&name) == optional {
            problems.push(format!("{event}: `{name}` should be optional: {optional}"));
        }
        let inner: Vec<&Value> = examples.iter().filter_map(|example| example.get(name)).collect();
        if inner.is_empty() || (!optional && inner.len() < examples.len()) {
            problems.push(format!("{event}: `{name}` is not sent"));
        }
        let property = resolve(property);
        match value {
            Value::Object(_) => {
                problems.extend(field_problems(event, value, property, &inner));
            }
            Value::Array(_) => {
                let known = texts(&property["enum"]);
                for text in texts(value).iter().filter(|text| !known.contains(text)) {
                    problems.push(format!("{event}: `{name}` cannot be {text:?}"));
                }
            }
            _ => {}
        }
    }
    problems
}

#[test]
fn every_server_event_is_there() {
    let mut problems = Vec::new();
    for row in list(&REFERENCE["serverEvents"]) {
        let event = row["event"].as_str().unwrap();
        let Some(spec) = find(&CATALOG["events"], event) else {
            problems.push(format!("{event}: missing"));
            continue;
        };
        if spec["beyondReference"] != false {
            problems.push(format!("{event}: said to be beyond the reference"));
        }
        if let Some(document) = row["document"].as_str()
            && spec["payload"]["$ref"] != format!("#/components/schemas/{document}")
        {
            problems.push(format!("{event}: the payload is not the document {document}"));
        }
        let examples: Vec<&Value> = list(&spec["examples"]).iter().collect();
        problems.extend(room_problems(row, spec));
        problems.extend(field_problems(
            event,
            &row["payload"],
            resolve(&spec["payload"]),
            &examples,
        ));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_client_event_is_there() {
    let mut problems = Vec::new();
    for row in list(&REFERENCE["clientEvents"]) {
        let event = row["event"].as_str().unwrap();
        let Some(spec) = find(&CATALOG["clientEvents"], event) else {
            problems.push(format!("{event}: missing"));
            continue;
        };
        if spec["beyondReference"] != false {
            problems.push(format!("{event}: said to be beyond the reference"));
        }
        for rooms in ["joins", "leaves"] {
            if texts(&row[rooms]) != texts(&spec[rooms]) {
                problems.push(format!("{event}: {rooms} {}", spec[rooms]));
            }
        }
        let arguments = list(&spec["arguments"]);
        if let Some(names) = row["arguments"].as_array() {
            let have: Vec<&Value> = arguments.iter().map(|argument| &argument["name"]).collect();
            if have != names.iter().collect::<Vec<_>>() {
                problems.push(format!("{event}: the arguments are {have:?}"));
            }
        }
        for field in texts(&row["fields"]) {
            if arguments.len() != 1
                || resolve(&arguments[0]["schema"])["properties"].get(field).is_none()
            {
                problems.push(format!("{event}: the argument has no `{field}`"));
            }
        }
        if let Some(sent) = row["broadcasts"]["event"].as_str() {
            let room = patterns(row["broadcasts"]["room"].as_str().unwrap());
            let target = find(&CATALOG["events"], sent);
            if !texts(&spec["emits"]).contains(&sent)
                || target.is_none_or(|target| texts(&target["rooms"]["open"]) != room)
            {
                problems.push(format!("{event}: does not broadcast {sent} to {room:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn the_rest_is_marked_as_beyond_the_reference() {
    for (ours, theirs, beyond) in [
        ("events", "serverEvents", &["session", "room-error"][..]),
        (
            "clientEvents",
            "clientEvents",
            &[
                "leave-user-room",
                "join-template-checkout-room",
                "leave-template-checkout-room",
                "authenticate",
            ],
        ),
    ] {
        let known: Vec<&Value> = list(&REFERENCE[theirs]).iter().map(|row| &row["event"]).collect();
        let rest: Vec<&Value> =
            list(&CATALOG[ours]).iter().filter(|spec| !known.contains(&&spec["name"])).collect();
        assert_eq!(rest.iter().map(|spec| &spec["name"]).collect::<Vec<_>>(), beyond);
        assert!(rest.iter().all(|spec| spec["beyondReference"] == true));
    }
}

#[test]
fn the_reference_is_complete() {
    let count =
        |group| list(&REFERENCE["serverEvents"]).iter().filter(|row| row["group"] == group).count();
    let rows = ["Marketplace", "Payment", "Chat", "Notification", "Points"].map(count);
    assert_eq!(rows, [13, 6, 8, 2, 3], "rows of the reference's tables");
    assert_eq!(list(&REFERENCE["clientEvents"]).len(), 12);
}
