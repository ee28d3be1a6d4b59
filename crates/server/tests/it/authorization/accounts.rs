//! Accounts: one's own, and what is public of others.

use super::{Body, Object, Row, World, all};

/// An account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// The account of `seller`.
    Seller,
    /// The account of `buyer`.
    Buyer,
}

pub fn id(world: &World, person: Person) -> String {
    match person {
        Person::Seller => world.seller().id.to_string(),
        Person::Buyer => world.buyer().id.to_string(),
    }
}

pub fn rows() -> Vec<Row> {
    let row = Row::new;
    vec![
        row("GET /api/auth/me", Body::None, Object::Nothing, [401, 200, 200, 200, 200, 200], None),
        row(
            "PATCH /api/auth/me",
            Body::Text(r#"{"name": "Another name"}"#),
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row(
            "POST /api/auth/change-password",
            Body::Text(r#"{"currentPassword": "wrong password", "newPassword": "new password"}"#),
            Object::Nothing,
            [401, 422, 422, 422, 422, 422],
            None,
        ),
        row(
            "POST /api/auth/logout",
            Body::Text("{}"),
            Object::Nothing,
            [401, 200, 200, 200, 200, 200],
            None,
        ),
        row(
            "GET /api/users/{id}",
            Body::None,
            Object::Person(Person::Buyer),
            all(200),
            Some(all(404)),
        ),
        row(
            "GET /api/users/presence",
            Body::None,
            Object::Nothing,
            [401, 422, 422, 422, 422, 422],
            None,
        ),
        row("GET /api/events", Body::None, Object::Nothing, [401, 200, 200, 200, 200, 200], None),
        row(
            "GET /api/marketplace/sellers/{id}",
            Body::None,
            Object::Person(Person::Seller),
            all(200),
            Some(all(404)),
        ),
        row(
            "GET /api/marketplace/sellers/{id}",
            Body::None,
            Object::Person(Person::Buyer),
            all(404),
            Some(all(404)),
        ),
    ]
}
