//! Who may call what: every route, by every kind of caller, on objects that are their own, another
//! one's, and nobody's. A route without a row fails the test, as does a row without a route.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Actor, Answer, Request, TestApp, app_test};

/// The callers of every row, in its order.
const CALLERS: [&str; 6] = ["anon", "buyer", "other buyer", "seller", "rival seller", "admin"];

/// What stands for `{id}` in a path.
#[derive(Debug, Clone, Copy)]
enum Object {
    /// The path has none.
    Nothing,
    /// A public request of `buyer`, with a pending offer of `seller`.
    Request,
    /// A request of `buyer` to which only `seller` is invited.
    PrivateRequest,
    /// The pending offer of `seller`.
    Offer,
    /// The account of `seller`.
    Seller,
    /// The account of `buyer`.
    Buyer,
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

#[derive(Debug, Clone, Copy)]
enum Body {
    None,
    Empty,
    Request,
    Offer,
    Title,
    Message,
    Reason,
    Name,
    /// Credentials or tokens that are not right.
    Wrong(&'static str),
}

impl Body {
    fn json(self) -> Option<Value> {
        Some(match self {
            Self::None => return None,
            Self::Empty => json!({}),
            Self::Request => request_body(),
            Self::Offer => offer_body(),
            Self::Title => json!({"title": "Another title"}),
            Self::Message => json!({"message": "Another message"}),
            Self::Reason => json!({"reason": "Not needed any more"}),
            Self::Name => json!({"name": "Another name"}),
            Self::Wrong(text) => serde_json::from_str(text).expect("JSON"),
        })
    }
}

fn request_body() -> Value {
    json!({
        "title": "A desk", "description": "Of oak", "productType": "physical", "quantity": 1,
        "budget": {"min": "100.00", "max": "200.00", "currency": "USD"}, "urgency": "low",
    })
}

fn offer_body() -> Value {
    json!({
        "price": {"amount": "150.00", "currency": "USD"},
        "deliveryTime": {"amount": 5, "unit": "days"}, "message": "From my workshop",
    })
}

/// Everybody gets the same answer.
const fn all(status: u16) -> [u16; 6] {
    [status; 6]
}

/// Routes that say nothing of anybody, or answer by what the body holds.
fn open_rows() -> Vec<Row> {
    let row = |route, body, status| Row {
        route,
        body,
        object: Object::Nothing,
        allowed: all(status),
        missing: None,
    };
    vec![
        row("GET /health", Body::None, 200),
        row("GET /ready", Body::None, 200),
        row("GET /openapi.json", Body::None, 200),
        row("GET /api/events/catalog", Body::None, 200),
        row("GET /api/marketplace/categories", Body::None, 200),
        row("GET /api/marketplace/sellers", Body::None, 200),
        row("POST /api/auth/register", Body::Empty, 422),
        row(
            "POST /api/auth/login",
            Body::Wrong(r#"{"email": "nobody@shop.example", "password": "wrong password"}"#),
            401,
        ),
        row("POST /api/auth/refresh-token", Body::Wrong(r#"{"refreshToken": "wrong"}"#), 401),
        row(
            "POST /api/auth/forgot-password",
            Body::Wrong(r#"{"email": "nobody@shop.example"}"#),
            200,
        ),
        row(
            "POST /api/auth/reset-password",
            Body::Wrong(r#"{"token": "wrong", "newPassword": "a good password"}"#),
            401,
        ),
        row("POST /api/auth/verify-email", Body::Wrong(r#"{"token": "wrong"}"#), 401),
        row("GET /r/{code}", Body::None, 302),
    ]
}

/// Routes that depend on who calls, and on whose object it is.
fn guarded_rows() -> Vec<Row> {
    let row = |route, body, object, allowed, missing| Row { route, body, object, allowed, missing };
    // anon, buyer, other buyer, seller, rival seller, admin
    let nobodys = Some([401, 404, 404, 404, 404, 404]);
    vec![
        row("GET /api/auth/me", Body::None, Object::Nothing, [401, 200, 200, 200, 200, 200], None),
        row(
            "PATCH /api/auth/me",
            Body::Name,
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row(
            "POST /api/auth/change-password",
            Body::Wrong(r#"{"currentPassword": "wrong password", "newPassword": "new password"}"#),
            Object::Nothing,
            [401, 422, 422, 422, 422, 422],
            None,
        ),
        row(
            "POST /api/auth/logout",
            Body::Empty,
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row("GET /api/users/{id}", Body::None, Object::Buyer, all(200), Some(all(404))),
        row(
            "GET /api/users/presence",
            Body::None,
            Object::Nothing,
            [401, 422, 422, 422, 422, 422],
            None,
        ),
        row(
            "GET /api/marketplace/sellers/{id}",
            Body::None,
            Object::Seller,
            all(200),
            Some(all(404)),
        ),
        row(
            "GET /api/marketplace/sellers/{id}",
            Body::None,
            Object::Buyer,
            all(404),
            Some(all(404)),
        ),
        row(
            "POST /api/marketplace/purchase-requests",
            Body::Request,
            Object::Nothing,
            [401, 201, 201, 403, 403, 403],
            None,
        ),
        row(
            "GET /api/marketplace/purchase-requests",
            Body::None,
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}",
            Body::None,
            Object::Request,
            [401, 200, 404, 200, 200, 200],
            nobodys,
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}",
            Body::None,
            Object::PrivateRequest,
            [401, 200, 404, 200, 404, 200],
            nobodys,
        ),
        row(
            "PATCH /api/marketplace/purchase-requests/{id}",
            Body::Title,
            Object::Request,
            [401, 200, 404, 403, 403, 403],
            nobodys,
        ),
        row(
            "PATCH /api/marketplace/purchase-requests/{id}",
            Body::Title,
            Object::PrivateRequest,
            [401, 200, 404, 403, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/cancel",
            Body::Reason,
            Object::Request,
            [401, 200, 404, 403, 403, 200],
            nobodys,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/cancel",
            Body::Reason,
            Object::PrivateRequest,
            [401, 200, 404, 403, 404, 200],
            nobodys,
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/offers",
            Body::Offer,
            Object::Request,
            // The seller has a live offer there already.
            [401, 403, 403, 409, 201, 403],
            Some([401, 403, 403, 404, 404, 403]),
        ),
        row(
            "POST /api/marketplace/purchase-requests/{id}/offers",
            Body::Offer,
            Object::PrivateRequest,
            [401, 403, 403, 201, 404, 403],
            Some([401, 403, 403, 404, 404, 403]),
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}/offers",
            Body::None,
            Object::Request,
            [401, 200, 404, 200, 200, 200],
            nobodys,
        ),
        row(
            "GET /api/marketplace/purchase-requests/{id}/offers",
            Body::None,
            Object::PrivateRequest,
            [401, 200, 404, 200, 404, 200],
            nobodys,
        ),
        row(
            "GET /api/marketplace/offers/mine",
            Body::None,
            Object::Nothing,
            [401, 403, 403, 200, 200, 403],
            None,
        ),
        row(
            "PATCH /api/marketplace/offers/{id}",
            Body::Message,
            Object::Offer,
            [401, 403, 404, 200, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/offers/{id}/accept",
            Body::Empty,
            Object::Offer,
            [401, 200, 404, 403, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/offers/{id}/reject",
            Body::Empty,
            Object::Offer,
            [401, 200, 404, 403, 404, 403],
            nobodys,
        ),
        row(
            "POST /api/marketplace/offers/{id}/withdraw",
            Body::Empty,
            Object::Offer,
            [401, 403, 404, 200, 404, 403],
            nobodys,
        ),
    ]
}

/// People and objects, made anew for every call that changes something.
struct World {
    callers: [Option<Actor>; 6],
    request: String,
    private_request: String,
    offer: String,
    seller: String,
    buyer: String,
}

fn id(document: &Value) -> String {
    document["_id"].as_str().expect("an _id").to_owned()
}

impl World {
    async fn new(app: &TestApp) -> Self {
        let (buyer, other) = (app.buyer().await, app.buyer().await);
        let (seller, rival) = (app.seller().await, app.seller().await);
        let admin = app.admin().await;
        let requests = "/api/marketplace/purchase-requests";
        let request = buyer.post(requests).json(&request_body()).send().await.data(201);
        let offers = format!("{requests}/{}/offers", id(&request));
        let offer = seller.post(&offers).json(&offer_body()).send().await.data(201);
        let mut body = request_body();
        body["preferredSellerIds"] = json!([seller.id.as_str()]);
        let private_request = buyer.post(requests).json(&body).send().await.data(201);
        Self {
            request: id(&request),
            private_request: id(&private_request),
            offer: id(&offer),
            seller: seller.id.to_string(),
            buyer: buyer.id.to_string(),
            callers: [None, Some(buyer), Some(other), Some(seller), Some(rival), Some(admin)],
        }
    }

    fn id_of(&self, object: Object) -> &str {
        match object {
            Object::Nothing => "anything",
            Object::Request => &self.request,
            Object::PrivateRequest => &self.private_request,
            Object::Offer => &self.offer,
            Object::Seller => &self.seller,
            Object::Buyer => &self.buyer,
        }
    }

    async fn call(&self, app: &TestApp, row: &Row, caller: usize, id: &str) -> Answer {
        let (method, path) = row.route.split_once(' ').expect("method and path");
        let path = path.replace("{id}", id).replace("{code}", id);
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
        match row.body.json() {
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
    let rows: BTreeSet<String> =
        open_rows().iter().chain(&guarded_rows()).map(|row| row.route.to_owned()).collect();
    let routes = documented_routes();
    let without: Vec<_> = routes.difference(&rows).collect();
    assert!(without.is_empty(), "routes without a row: {without:#?}");
    let gone: Vec<_> = rows.difference(&routes).collect();
    assert!(gone.is_empty(), "rows without a route: {gone:#?}");
}

app_test!(the_matrix_holds, async |app| {
    let mut wrong = Vec::new();
    let mut world = World::new(app).await;
    for row in open_rows().iter().chain(&guarded_rows()) {
        let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
        for caller in 0..CALLERS.len() {
            let cases = [
                (world.id_of(row.object).to_owned(), Some(row.allowed[caller])),
                (nobody.to_owned(), row.missing.map(|statuses| statuses[caller])),
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
