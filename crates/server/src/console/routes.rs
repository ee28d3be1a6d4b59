//! The console's pages and what they read.

use std::collections::{BTreeMap, HashMap};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use events::RequestId;
use http::{HeaderMap, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{
    ConsoleInfo, JournalPage, JournalQuery, LiveNode, LiveSocket, LiveSockets, NodeStats, Timeline,
    TimelineEntry, TimelineKind,
};
use super::{assets, metrics, store};
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Data, Id, Query};
use crate::realtime::everywhere::{self, OfNode};
use crate::requests;

/// What the pages read.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(info))
        .routes(routes!(stats))
        .routes(routes!(sockets))
        .routes(routes!(journal))
        .routes(routes!(timeline))
        .routes(routes!(prometheus))
}

/// The pages; they are no part of the API.
pub fn pages() -> Router<App> {
    let file = async |headers: HeaderMap, Path(path): Path<String>| assets::serve(&path, &headers);
    Router::new()
        .route("/console", get(assets::enter))
        .route("/console/", get(async |headers: HeaderMap| assets::serve("", &headers)))
        .route("/console/{*path}", get(file))
}

/// What anybody may know of this program.
#[utoipa::path(get, path = "/api/console/info", tag = "console",
    responses((status = 200, description = "Version and modes.", body = Data<ConsoleInfo>)))]
async fn info(State(app): State<App>) -> Data<ConsoleInfo> {
    Data::new(ConsoleInfo {
        version: env!("CARGO_PKG_VERSION"),
        sandbox: app.config.payments.sandbox,
        access: app.config.realtime.access,
    })
}

/// The figures of this node. For administrators.
#[utoipa::path(get, path = "/api/console/stats", tag = "console",
    responses((status = 200, description = "The figures.", body = Data<NodeStats>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody)))]
async fn stats(State(app): State<App>, _: Admin) -> Result<Data<NodeStats>> {
    // None before the start and after the end: then there are no sockets.
    let stats = app.realtime.stats().unwrap_or_default();
    Ok(Data::new(NodeStats {
        version: env!("CARGO_PKG_VERSION"),
        started_at: app.gauges.started_at,
        sockets: stats.sockets,
        websocket: stats.websocket,
        polling: stats.polling,
        opened: stats.opened,
        packets_sent: stats.packets_sent,
        packets_received: stats.packets_received,
        bytes_sent: stats.bytes_sent,
        journal_head: app.journal.head().await?,
        journal_handed_on: app.journal.handed_on(),
        latency_ms: app.gauges.latency(),
        closed: stats.closed.into_iter().collect::<BTreeMap<_, _>>(),
        samples: app.gauges.samples(),
    }))
}

/// The sockets of all nodes, of each the oldest 1,000. Other nodes are waited for less than a
/// second; `nodes` says which of them answered. For administrators.
#[utoipa::path(get, path = "/api/console/sockets", tag = "console",
    responses((status = 200, description = "The sockets.", body = Data<LiveSockets>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody)))]
async fn sockets(State(app): State<App>, _: Admin) -> Result<Data<LiveSockets>> {
    let (mut nodes, mut live) = (Vec::new(), Vec::new());
    for OfNode { node, answer } in everywhere::ask(&app).await {
        nodes.push(LiveNode {
            id: node.clone(),
            answered: answer.is_some(),
            sockets: answer.as_ref().map_or(0, |answer| answer.count as u64),
        });
        let sockets = answer.unwrap_or_default().sockets;
        live.extend(sockets.into_iter().map(|socket| (node.clone(), socket)));
    }
    live.sort_by_key(|(_, socket)| std::cmp::Reverse(socket.age_seconds));
    let mut names = HashMap::new();
    let mut sockets = Vec::with_capacity(live.len());
    for (node, socket) in live {
        let (user_id, role) = socket.user.unzip();
        if let Some(id) = &user_id
            && !names.contains_key(id)
        {
            names.insert(id.clone(), store::name_of(&app.db, id).await?);
        }
        sockets.push(LiveSocket {
            id: socket.id,
            node,
            name: user_id.as_ref().and_then(|id| names.get(id).cloned().flatten()),
            user_id,
            role,
            transport: if socket.websocket { "websocket" } else { "polling" },
            queued_bytes: socket.queued as u64,
            age_seconds: socket.age_seconds,
            rooms: socket.rooms,
        });
    }
    Ok(Data::new(LiveSockets { nodes, sockets }))
}

/// The journal as it runs. For administrators.
#[utoipa::path(get, path = "/api/console/journal", tag = "console", params(JournalQuery),
    responses((status = 200, description = "Entries in commit order.", body = Data<JournalPage>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn journal(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<JournalQuery>,
) -> Result<Data<JournalPage>> {
    let limit = query.limit()?;
    let (entries, before) = match query.after {
        Some(after) => (store::journal_after(&app.db, after, limit).await?, after),
        None => (store::journal_newest(&app.db, limit).await?, 0),
    };
    let next = entries.last().map_or(before, |entry| entry.position);
    Ok(Data::new(JournalPage { entries, next }))
}

/// Events and ledger entries of a deal on one line of time. For administrators.
#[utoipa::path(get, path = "/api/console/deals/{id}/timeline", tag = "console",
    params(("id" = RequestId, Path, description = "The purchase request.")),
    responses((status = 200, description = "The timeline.", body = Data<Timeline>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody)))]
async fn timeline(
    State(app): State<App>,
    Admin(caller): Admin,
    Id(id): Id<RequestId>,
) -> Result<Data<Timeline>> {
    requests::service::get(&app, &caller, &id).await?;
    let booked = store::entries_of(&app.db, &id).await?;
    let mut entries: Vec<TimelineEntry> = store::events_of(&app.db, &id)
        .await?
        .into_iter()
        .map(|event| TimelineEntry {
            at: event.created_at,
            kind: TimelineKind::Event,
            name: event.name,
            detail: event.payload,
        })
        .chain(booked.into_iter().map(|booked| booked.entry))
        .collect();
    // Stable: what happened in one millisecond stays in its order.
    entries.sort_by_key(|entry| entry.at);
    Ok(Data::new(Timeline { entries }))
}

/// The figures of this node as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text.", body = String, content_type = "text/plain")))]
async fn prometheus(State(app): State<App>) -> Response {
    // A database that does not answer must not hide the rest.
    let head = app.journal.head().await.ok();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, metrics::text(&app, head)).into_response()
}
