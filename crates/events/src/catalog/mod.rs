//! The catalogue: what `GET /api/events/catalog` answers, and the source of the TypeScript
//! types, the AsyncAPI document and the reference page (contract §1.4).
//!
//! Nothing in it is written twice: room patterns come from addressing the examples, schemas from
//! the payload types, names from the events.

mod client;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::audience::{Access, Domain, Durability, Event};
use crate::client::ClientEvent;
use crate::example;

type Schemas = Vec<(String, RefOr<Schema>)>;

/// Every event there is, in both directions.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventCatalog)]
pub struct Catalog {
    /// What the server sends.
    pub events: Vec<EventSpec>,
    /// What clients send.
    pub client_events: Vec<ClientEventSpec>,
    /// What the `$ref`s in the schemas point to.
    pub components: Components,
}

/// The named schemas.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = EventCatalogComponents)]
pub struct Components {
    /// JSON Schemas by name.
    #[schema(value_type = Object)]
    pub schemas: BTreeMap<String, RefOr<Schema>>,
}

/// An event that the server sends.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventSpec {
    /// The event's name.
    pub name: &'static str,
    /// What it is about.
    pub domain: Domain,
    /// What it tells.
    pub description: &'static str,
    /// When it is emitted.
    pub emitted_when: &'static str,
    /// Whether a client that was away gets it later.
    pub durability: Durability,
    /// Whether it is Souk's own and not the reference's.
    pub beyond_reference: bool,
    /// Where it goes.
    pub rooms: RoomPatterns,
    /// The JSON Schema of its one argument.
    #[schema(value_type = Object)]
    pub payload: RefOr<Schema>,
    /// Arguments as they may be sent.
    #[schema(value_type = Vec<Object>)]
    pub examples: Vec<Box<RawValue>>,
}

/// The rooms that an event may go to, like `request-<requestId>`; `*` is every socket, and no
/// room at all is the one socket that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoomPatterns {
    /// With `REALTIME_ACCESS=strict`.
    pub strict: Vec<String>,
    /// With `REALTIME_ACCESS=open`.
    pub open: Vec<String>,
}

/// An event that clients send.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientEventSpec {
    /// The event's name.
    pub name: &'static str,
    /// What it asks for.
    pub description: &'static str,
    /// Its arguments.
    pub arguments: Vec<ArgumentSpec>,
    /// The rooms that the socket is in afterwards.
    pub joins: Vec<String>,
    /// The rooms that the socket is not in afterwards.
    pub leaves: Vec<String>,
    /// The events that the server sends because of it.
    pub emits: Vec<&'static str>,
    /// The JSON Schema of the answer.
    #[schema(value_type = Object)]
    pub ack: RefOr<Schema>,
    /// Whether it is Souk's own and not the reference's.
    pub beyond_reference: bool,
}

/// An argument of a client's event.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArgumentSpec {
    /// What it is called.
    pub name: &'static str,
    /// Its JSON Schema.
    #[schema(value_type = Object)]
    pub schema: RefOr<Schema>,
}

/// The catalogue of all events.
pub fn catalog() -> Catalog {
    let mut list = EventList::default();
    crate::marketplace::list(&mut list);
    crate::payment::list(&mut list);
    crate::chat::list(&mut list);
    crate::notification::list(&mut list);
    crate::points::list(&mut list);
    crate::presence::list(&mut list);
    crate::session::list(&mut list);
    let EventList { events, mut schemas } = list;
    let client_events =
        ClientEvent::ALL.iter().map(|event| client::spec(*event, &mut schemas)).collect();
    let components = Components { schemas: schemas.into_iter().collect() };
    Catalog { events, client_events, components }
}

/// The events that the server sends, as the domains name them.
#[derive(Default)]
pub(crate) struct EventList {
    events: Vec<EventSpec>,
    schemas: Schemas,
}

impl EventList {
    pub(crate) fn add<E: Event>(&mut self) {
        let rooms = RoomPatterns {
            strict: patterns::<E>(Access::Strict),
            open: patterns::<E>(Access::Open),
        };
        let examples = E::examples().iter().map(|(event, _)| encode(event)).collect();
        let payload = reference::<E>(&mut self.schemas);
        let info = E::INFO;
        self.events.push(EventSpec {
            name: E::NAME,
            domain: info.domain,
            description: info.description,
            emitted_when: info.emitted_when,
            durability: info.durability,
            beyond_reference: info.beyond_reference,
            rooms,
            payload,
            examples,
        });
    }
}

/// Where the examples go.
fn patterns<E: Event>(access: Access) -> Vec<String> {
    let mut patterns = Vec::new();
    for (event, address) in E::examples() {
        for delivery in expect_encoded(event.deliveries(access, &address)) {
            for room in &delivery.audience.rooms {
                let pattern = example::pattern(room);
                if !patterns.contains(&pattern) {
                    patterns.push(pattern);
                }
            }
        }
    }
    patterns
}

fn encode<E: Event>(event: &E) -> Box<RawValue> {
    expect_encoded(serde_json::value::to_raw_value(event))
}

#[expect(clippy::expect_used, reason = "the examples are constants, and tests encode them all")]
fn expect_encoded<T>(encoded: Result<T, serde_json::Error>) -> T {
    encoded.expect("an example of the catalogue can be encoded")
}

/// A `$ref` to the schema of `T`, which is put among `schemas` with all that it refers to.
fn reference<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    T::schemas(schemas);
    match T::schema() {
        // A transparent wrapper is what it wraps.
        RefOr::Ref(inner) => RefOr::Ref(inner),
        schema @ RefOr::T(_) => {
            let name = T::name().into_owned();
            let reference = RefOr::Ref(Ref::from_schema_name(&name));
            schemas.push((name, schema));
            reference
        }
    }
}
