//! Routes of the console: for administrators, but for what anybody may know.

use super::market::Market;
use super::{Body, Object, Row, all};

pub fn rows() -> Vec<Row> {
    let admins = [401, 403, 403, 403, 403, 200];
    let row = |route, allowed| Row::new(route, Body::None, Object::Nothing, allowed, None);
    vec![
        row("GET /api/console/info", all(200)),
        row("GET /metrics", all(200)),
        row("GET /api/console/stats", admins),
        row("GET /api/console/sockets", admins),
        row("GET /api/console/journal", admins),
        Row::new(
            "GET /api/console/deals/{id}/timeline",
            Body::None,
            Object::Market(Market::Request),
            admins,
            Some([401, 403, 403, 403, 403, 404]),
        ),
    ]
}
