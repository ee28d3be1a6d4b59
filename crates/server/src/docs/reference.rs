//! The reference of events as Markdown, laid out as the owner's reference is: rooms and how a
//! client joins them, then a table of events for each part of the marketplace.
//!
//! Tables and examples come from the catalogue; the words around them stand here.

use std::fmt::Write;

use events::{Access, Catalog, ClientEventSpec, Domain, Durability, EventSpec};
use serde_json::Value;

/// Most fields of an inner object that a table writes out.
const INLINE_FIELDS: usize = 8;
/// Most words of an enumeration that a table writes out.
const INLINE_WORDS: usize = 4;

const INTRO: &str = include_str!("reference/intro.md");
const OUTRO: &str = include_str!("reference/outro.md");

/// The whole reference.
///
/// # Errors
/// When a schema of the catalogue cannot be encoded.
pub fn markdown(catalog: &Catalog) -> serde_json::Result<String> {
    let schemas = serde_json::to_value(&catalog.components.schemas)?;
    let mut text = String::from(INTRO);
    text.push_str("\n| Client → Server | What it does | Beyond the reference |\n|---|---|---|\n");
    for event in &catalog.client_events {
        let _ = writeln!(
            text,
            "| `{}` ({}) | {} | {} |",
            event.name,
            argument(event, &schemas)?,
            effect(event),
            if event.beyond_reference { "yes" } else { "" },
        );
    }
    text.push_str(
        "\nEach takes an optional ack: `{ ok: true, room? }` or \
         `{ ok: false, error: { code, message } }`. Without one, a refusal is sent as the event \
         `room-error`.\n\n## Server → Client events\n\nGrouped by what they are about. A room in \
         the middle column is for both kinds of access (`REALTIME_ACCESS`), unless two are named. \
         *Everyone* is every socket.\n",
    );
    for domain in Domain::ALL {
        let events: Vec<&EventSpec> =
            catalog.events.iter().filter(|event| event.domain == *domain).collect();
        if events.is_empty() {
            continue;
        }
        let _ = write!(
            text,
            "\n### {}\n\n| Event | Room | Payload | Emitted when |\n|---|---|---|---|\n",
            heading(*domain)
        );
        for event in &events {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                event.name,
                rooms(event),
                cell(&payload(&serde_json::to_value(&event.payload)?, &schemas)),
                event.emitted_when,
            );
        }
        for event in &events {
            details(&mut text, event)?;
        }
    }
    text.push('\n');
    text.push_str(OUTRO);
    Ok(text)
}

fn heading(domain: Domain) -> &'static str {
    match domain {
        Domain::Marketplace => "Marketplace",
        Domain::Payment => "Payment",
        Domain::Chat => "Chat",
        Domain::Notification => "Notification",
        Domain::Points => "Points",
        Domain::Presence => "Presence",
        Domain::Session => "The connection itself",
    }
}

/// Code in a table's cell, where a bar would end the cell.
fn cell(code: &str) -> String {
    format!("`{}`", code.replace('|', "\\|"))
}

fn argument(event: &ClientEventSpec, schemas: &Value) -> serde_json::Result<String> {
    let Some(argument) = event.arguments.first() else { return Ok(String::new()) };
    let schema = serde_json::to_value(&argument.schema)?;
    let is_object = resolve(&schema, schemas)["properties"].is_object();
    Ok(if is_object { cell(&payload(&schema, schemas)) } else { format!("`{}`", argument.name) })
}

fn effect(event: &ClientEventSpec) -> String {
    let list = |names: &[String]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
    };
    let mut effects = Vec::new();
    if !event.joins.is_empty() {
        effects.push(format!("joins {}", list(&event.joins)));
    }
    if !event.leaves.is_empty() {
        effects.push(format!("leaves {}", list(&event.leaves)));
    }
    effects.extend(event.emits.iter().map(|name| format!("broadcasts `{name}`")));
    if effects.is_empty() { event.description.to_owned() } else { effects.join(", ") }
}

/// The rooms of both kinds of access.
fn rooms(event: &EventSpec) -> String {
    let of = |access: Access| {
        let rooms = match access {
            Access::Strict => &event.rooms.strict,
            Access::Open => &event.rooms.open,
        };
        if rooms.is_empty() {
            return "the one socket".to_owned();
        }
        let name = |room: &String| match room.as_str() {
            "*" => "*everyone*".to_owned(),
            room => format!("`{room}`"),
        };
        rooms.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let (strict, open) = (of(Access::Strict), of(Access::Open));
    if strict == open { strict } else { format!("strict: {strict}; open: {open}") }
}

/// A payload as the reference writes it: `{ requestId, status?, txHash? }`.
fn payload(schema: &Value, schemas: &Value) -> String {
    if let Some(name) = document(schema, schemas) {
        return format!("{name} document");
    }
    fields(resolve(schema, schemas), schemas)
}

fn fields(object: &Value, schemas: &Value) -> String {
    let required: Vec<&str> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut names = Vec::new();
    let properties = object["properties"].as_object();
    // In the order of declaration, as far as it is known: what is required comes first.
    let order = |name: &&String| required.iter().position(|n| n == name).unwrap_or(usize::MAX);
    let mut known: Vec<&String> = properties.into_iter().flatten().map(|(name, _)| name).collect();
    known.sort_by_key(order);
    for name in known {
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        let value = inline(&object["properties"][name], schemas);
        names.push(match value {
            Some(value) => format!("{name}{optional}: {value}"),
            None => format!("{name}{optional}"),
        });
    }
    format!("{{ {} }}", names.join(", "))
}

/// What is short enough to stand in the table.
fn inline(schema: &Value, schemas: &Value) -> Option<String> {
    if document(schema, schemas).is_some() {
        return None;
    }
    let schema = resolve(schema, schemas);
    if let Some(words) = schema["enum"].as_array() {
        let short = words.len() <= INLINE_WORDS;
        return short.then(|| words.iter().map(Value::to_string).collect::<Vec<_>>().join(" | "));
    }
    let properties = schema["properties"].as_object()?;
    (properties.len() <= INLINE_FIELDS).then(|| fields(schema, schemas))
}

/// The name of a schema that is a stored document: it has an `_id`.
fn document<'a>(schema: &'a Value, schemas: &Value) -> Option<&'a str> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    schemas[name]["properties"].get("_id").map(|_| name)
}

/// The schema that a `$ref` stands for.
fn resolve<'a>(schema: &'a Value, schemas: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => resolve(&schemas[name], schemas),
        None => schema,
    }
}

fn details(text: &mut String, event: &EventSpec) -> serde_json::Result<()> {
    let _ = write!(
        text,
        "\n<details><summary><code>{}</code></summary>\n\n{}{}{}\n\n```json\n",
        event.name,
        event.description,
        match event.durability {
            Durability::Journaled => "",
            Durability::Ephemeral => " Not journaled: who is away misses it.",
        },
        if event.beyond_reference { " Souk's own: the reference does not have it." } else { "" },
    );
    if let Some(example) = event.examples.first() {
        let example: Value = serde_json::from_str(example.get())?;
        let _ = writeln!(text, "{}", serde_json::to_string_pretty(&example)?);
    }
    text.push_str("```\n\n</details>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_laid_out_as_the_reference() {
        let text = markdown(&events::catalog()).unwrap();
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        for expected in [
            "# Socket Events",
            "## Connection",
            "## Rooms",
            "## Server → Client events",
            "### Marketplace",
            "### Payment",
            "### Chat",
            "### Notification",
            "### Points",
            "## Online status",
            "## Reconnection",
        ] {
            assert!(headings.contains(&expected), "{expected} is not among {headings:#?}");
        }
        assert!(text.contains(
            "| `join-seller-room` (`sellerId`) | joins `seller-<sellerId>` and `sellers` |"
        ));
        assert!(text.contains("| `new-purchase-request` | "));
        assert!(text.contains("`PurchaseRequest document`"));
        assert!(
            text.contains("`{ requestId, offer, sellerId }`"),
            "documents are named by their field"
        );
        assert!(text.contains(
            r#"eventType: "payment-completed" \| "offer-rejected" \| "offer-accepted", data: { offerId, isSelected, "#
        ));
    }

    #[test]
    fn every_event_has_a_row_and_an_example() {
        let catalog = events::catalog();
        let text = markdown(&catalog).unwrap();
        for event in &catalog.events {
            assert_eq!(text.matches(&format!("\n| `{}` |", event.name)).count(), 1);
            assert!(text.contains(&format!("<summary><code>{}</code></summary>", event.name)));
        }
        for event in &catalog.client_events {
            assert_eq!(text.matches(&format!("\n| `{}` (", event.name)).count(), 1);
        }
    }
}
