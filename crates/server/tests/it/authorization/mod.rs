//! Who may call what: every route, by every kind of caller, on objects that are their own, another
//! one's, and nobody's. A route without a row fails the test, as does a row without a route.
//!
//! How to add rows: a file for the slice with `rows()`, its line in [`rows`], and where a path
//! holds an id, the slice's kinds of objects as a variant of [`Object`] with an arm in
//! [`World::id_of`].

mod accounts;
mod chat;
mod console;
mod deal;
mod evm;
mod files;
mod market;
mod money;
mod open;
mod people;
mod shkeeper;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Actor, Answer, Request, TestApp, app_test};

/// The callers of every row, in its order.
const CALLERS: [&str; 6] = ["anon", "buyer", "other buyer", "seller", "rival seller", "admin"];
/// An id that names nothing.
const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
/// The statuses of an id that names nothing, where only the signed-in are told so.
const NOBODYS: Option<[u16; 6]> = Some([401, 404, 404, 404, 404, 404]);

/// All rows; a line for each slice.
fn rows() -> Vec<Row> {
    [
        open::rows(),
        shkeeper::rows(),
        accounts::rows(),
        market::rows(),
        people::rows(),
        deal::rows(),
        chat::rows(),
        money::rows(),
        files::rows(),
        evm::rows(),
        console::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What stands for `{id}` in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    /// The path has none.
    Nothing,
    Person(accounts::Person),
    Market(market::Market),
    Own(people::Own),
    Chat(chat::Chat),
    Money(money::Money),
    File(files::File),
    Deal(deal::Stage),
}

/// One line of the matrix.
struct Row {
    route: &'static str,
    body: Body,
    object: Object,
    /// The statuses, in the order of [`CALLERS`].
    allowed: [u16; 6],
    /// The statuses with an id that names nothing; `None` where the path has no id.
    missing: Option<[u16; 6]>,
}

impl Row {
    fn new(
        route: &'static str,
        body: Body,
        object: Object,
        allowed: [u16; 6],
        missing: Option<[u16; 6]>,
    ) -> Self {
        Self { route, body, object, allowed, missing }
    }
}

#[derive(Clone, Copy)]
enum Body {
    None,
    /// JSON as it stands.
    Text(&'static str),
    Made(fn() -> Value),
    /// JSON that names people or objects of the world.
    Of(fn(&World) -> Value),
}

impl Body {
    fn json(self, world: &World) -> Option<Value> {
        Some(match self {
            Self::None => return None,
            Self::Text(text) => serde_json::from_str(text).expect("JSON"),
            Self::Made(make) => make(),
            Self::Of(make) => make(world),
        })
    }
}

/// Everybody gets the same answer.
const fn all(status: u16) -> [u16; 6] {
    [status; 6]
}

/// People, and the objects that were made for them so far.
struct World {
    callers: [Option<Actor>; 6],
    /// Values of the placeholders in paths but `{id}`, and whatever else bodies need.
    params: BTreeMap<&'static str, String>,
    /// The object of `{id}`, made anew after every call that changes something.
    made: Option<(Object, String)>,
}

impl World {
    async fn new(app: &TestApp) -> Self {
        let (buyer, other) = (app.buyer().await, app.buyer().await);
        let (seller, rival) = (app.seller().await, app.seller().await);
        let admin = app.admin().await;
        let callers = [None, Some(buyer), Some(other), Some(seller), Some(rival), Some(admin)];
        Self { callers, params: BTreeMap::new(), made: None }
    }

    fn caller(&self, index: usize) -> &Actor {
        self.callers[index].as_ref().expect("somebody")
    }

    fn buyer(&self) -> &Actor {
        self.caller(1)
    }

    fn seller(&self) -> &Actor {
        self.caller(3)
    }

    fn admin(&self) -> &Actor {
        self.caller(5)
    }

    async fn id_of(&mut self, object: Object) -> String {
        if let Some((made, id)) = &self.made
            && *made == object
        {
            return id.clone();
        }
        let id = match object {
            Object::Nothing => "anything".to_owned(),
            Object::Person(person) => accounts::id(self, person),
            Object::Market(object) => market::make(self, object).await,
            Object::Own(object) => people::make(self, object).await,
            Object::Chat(object) => chat::make(self, object).await,
            Object::Money(object) => money::make(self, object).await,
            Object::File(object) => files::make(self, object).await,
            Object::Deal(stage) => deal::make(self, stage).await,
        };
        self.made = Some((object, id.clone()));
        id
    }

    async fn call(&self, app: &TestApp, row: &Row, caller: usize, id: &str) -> Answer {
        let (method, path) = row.route.split_once(' ').expect("method and path");
        let mut path = path.replace("{id}", id).replace("{code}", id);
        for (name, value) in &self.params {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        // Nothing was made that the others could name.
        while let Some((before, rest)) = path.split_once('{') {
            let after = rest.split_once('}').expect("a placeholder").1;
            path = format!("{before}{NOBODY}{after}");
        }
        let caller = self.callers[caller].as_ref();
        let request: Request = match (method, caller) {
            ("GET", Some(actor)) => actor.get(&path),
            ("POST", Some(actor)) => actor.post(&path),
            ("PUT", Some(actor)) => actor.put(&path),
            ("PATCH", Some(actor)) => actor.patch(&path),
            ("DELETE", Some(actor)) => actor.delete(&path),
            ("GET", None) => app.get(&path),
            ("POST", None) => app.post(&path),
            ("PUT", None) => app.put(&path),
            ("PATCH", None) => app.patch(&path),
            ("DELETE", None) => app.delete(&path),
            (other, _) => panic!("no such method: {other}"),
        };
        match row.body.json(self) {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }
}

/// The routes as the API's own description lists them.
fn documented_routes() -> BTreeSet<String> {
    let document = serde_json::to_value(souk::router::openapi()).expect("a document");
    let paths = document["paths"].as_object().expect("paths");
    let methods = ["get", "post", "put", "patch", "delete"];
    paths
        .iter()
        .flat_map(|(path, item)| {
            methods
                .iter()
                .filter(|method| item.get(**method).is_some())
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

#[test]
fn every_route_has_a_row() {
    let rows: BTreeSet<String> = rows().iter().map(|row| row.route.to_owned()).collect();
    let routes = documented_routes();
    let without: Vec<_> = routes.difference(&rows).collect();
    assert!(without.is_empty(), "routes without a row: {without:#?}");
    let gone: Vec<_> = rows.difference(&routes).collect();
    assert!(gone.is_empty(), "rows without a route: {gone:#?}");
}

app_test!(the_matrix_holds, evm::SETTINGS, async |app| {
    let mut wrong = Vec::new();
    let mut world = World::new(app).await;
    for row in &rows() {
        for caller in 0..CALLERS.len() {
            let cases = [
                (world.id_of(row.object).await, Some(row.allowed[caller])),
                (NOBODY.to_owned(), row.missing.map(|statuses| statuses[caller])),
            ];
            for (id, expected) in cases {
                let Some(expected) = expected else { continue };
                let answer = world.call(app, row, caller, &id).await;
                if answer.status != expected {
                    let who = CALLERS[caller];
                    wrong.push(format!(
                        "{} as {who} on {:?} {id}: {} instead of {expected}: {}",
                        row.route, row.object, answer.status, answer.body
                    ));
                }
                // What succeeded may have changed what the next caller finds.
                if answer.status.is_success() && !row.route.starts_with("GET") {
                    world = World::new(app).await;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
});
