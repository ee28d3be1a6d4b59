//! Routes that say nothing of anybody, or answer by what the body holds.

use super::{Body, Object, Row, all};

pub fn rows() -> Vec<Row> {
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
        row("GET /asyncapi.json", Body::None, 200),
        row("GET /docs/events", Body::None, 200),
        row("GET /api/events/catalog", Body::None, 200),
        row("GET /api/marketplace/categories", Body::None, 200),
        row("GET /api/marketplace/sellers", Body::None, 200),
        row("POST /api/auth/register", Body::Text("{}"), 422),
        row(
            "POST /api/auth/login",
            Body::Text(r#"{"email": "nobody@shop.example", "password": "wrong password"}"#),
            401,
        ),
        row("POST /api/auth/refresh-token", Body::Text(r#"{"refreshToken": "wrong"}"#), 401),
        row(
            "POST /api/auth/forgot-password",
            Body::Text(r#"{"email": "nobody@shop.example"}"#),
            200,
        ),
        row(
            "POST /api/auth/reset-password",
            Body::Text(r#"{"token": "wrong", "newPassword": "a good password"}"#),
            401,
        ),
        row("POST /api/auth/verify-email", Body::Text(r#"{"token": "wrong"}"#), 401),
        row("GET /r/{code}", Body::None, 302),
        // Without `SERVICE_KEY` there is no such route for anybody.
        row("POST /api/realtime/emit", Body::Text(r#"{"event": "e"}"#), 404),
    ]
}
