//! The routes, who may use them, and what goes wrong with a call.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::state::Call;
use crate::{Endpoint, Mishap, Shared, callback, invoices, payouts};

type Gateway = State<Arc<Shared>>;
type Words = Query<std::collections::BTreeMap<String, String>>;

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v1/crypto", get(coins))
        .route("/api/v1/{coin}/quote", post(quote))
        .route("/api/v1/{coin}/payment_request", post(payment_request))
        .route("/api/v1/invoices", get(all_invoices))
        .route("/api/v1/invoices/{external_id}", get(one_invoice))
        .route("/api/v1/transactions/{coin}/{address}", get(transactions))
        .route("/api/v1/{coin}/payout", post(payout))
        .route("/api/v1/{coin}/payout/status", get(payout_status))
        .route("/api/v1/{coin}/multipayout", post(multipayout))
        .route("/api/v1/{coin}/task/{id}", get(task))
        .route("/chain", post(chain))
        .with_state(shared)
}

/// A transfer on the chain, for whoever has no other way to it.
async fn chain(State(shared): Gateway, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let word = |name: &str| body[name].as_str().unwrap_or_default();
    let txid = match word("txid") {
        "" => shared.state().new_id("0xc"),
        txid => txid.to_owned(),
    };
    let Ok(amount) = word("amount").parse() else { return failure("amount") };
    let (noticed, callbacks) =
        invoices::notice(&shared, word("crypto"), word("address"), amount, &txid, 1);
    // The wallet behind does not wait for the one who pays.
    tokio::spawn(async move { callback::dispatch(&shared, callbacks).await });
    axum::Json(json!({ "txid": txid, "noticed": noticed })).into_response()
}

/// A failure as the gateway tells it: HTTP 200.
pub fn error(message: &str) -> Response {
    axum::Json(json!({ "status": "error", "message": message })).into_response()
}

/// An exception in the making of an answer: HTTP 200, with the traceback.
pub fn exception(message: &str) -> Response {
    axum::Json(json!({
        "status": "error", "message": message,
        "traceback": "Traceback (most recent call last):\n  File \"/shkeeper.io/shkeeper/api_v1.py\"",
    }))
    .into_response()
}

/// HTTP 500 of `handle_request_error`.
pub fn failure(message: &str) -> Response {
    let body = axum::Json(json!({ "status": "error", "message": message }));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

fn internal() -> Response {
    let body = axum::Json(json!({ "code": 500, "status": "Internal Server Error" }));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

/// `api_key_required`: the refusal of whoever has no key.
fn refused_key(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    match headers.get("x-shkeeper-api-key") {
        None => Some(error("No API key")),
        Some(key) if key.as_bytes() == shared.options().api_key.as_bytes() => None,
        Some(_) => Some(error("Bad API key")),
    }
}

/// `basic_auth_optional` and `login_required`: the refusal of whoever is no administrator.
fn refused_login(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let options = shared.options();
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(encoded) = given.and_then(|text| text.strip_prefix("Basic ")) {
        let expected = STANDARD.encode(format!("{}:{}", options.user, options.password));
        return (encoded != expected).then(|| error("Bad HTTP Basic Auth credentials"));
    }
    if headers.contains_key("x-shkeeper-api-key") {
        return Some(error("This endpoint doesn't accept X-Shkeeper-Api-Key auth"));
    }
    Some(login_page())
}

fn login_page() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, "/login")], "<!doctype html>").into_response()
}

/// Notes a call and plays its mishap around `work`.
async fn play(
    shared: &Shared,
    endpoint: Endpoint,
    uri: &Uri,
    body: &Value,
    work: impl FnOnce(Option<&Mishap>) -> Response,
) -> Response {
    let call = Call { endpoint, uri: uri.to_string(), body: body.clone() };
    shared.state().calls.push(call);
    let mishap = shared.mishap(endpoint);
    match &mishap {
        Some(Mishap::Broken) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "<html>500</html>").into_response();
        }
        Some(Mishap::LoginPage) => return login_page(),
        Some(Mishap::ErrorBody(message)) => return exception(message),
        Some(Mishap::Silence) => return std::future::pending().await,
        _ => {}
    }
    let answer = work(mishap.as_ref());
    match mishap {
        Some(Mishap::AnswerLost) => {
            // A body that fails ends the connection before its announced end.
            let broken = std::io::Error::other("cut");
            let body = Body::new(CutBody(Some(broken)));
            ([(header::CONTENT_LENGTH, "100")], body).into_response()
        }
        Some(Mishap::AnswerHeld) => std::future::pending().await,
        Some(Mishap::Nonsense) => "x".repeat(1 << 20).into_response(),
        _ => answer,
    }
}

/// A body that fails.
struct CutBody(Option<std::io::Error>);

impl hyper::body::Body for CutBody {
    type Data = hyper::body::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Ready(self.0.take().map(Err))
    }
}

async fn coins(State(shared): Gateway) -> Result<axum::Json<Value>, Infallible> {
    let coins: Vec<String> = shared.options().rates.into_keys().collect();
    let list: Vec<Value> =
        coins.iter().map(|coin| json!({ "name": coin, "display_name": coin })).collect();
    Ok(axum::Json(json!({ "status": "success", "crypto": coins, "crypto_list": list })))
}

async fn quote(
    State(shared): Gateway,
    Path(coin): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(refusal) = refused_key(&shared, &headers) {
        return refusal;
    }
    let Ok(body) = serde_json::from_str(&body) else { return internal() };
    play(&shared, Endpoint::Quote, &uri, &body, |_| invoices::quote(&shared, &coin, &body)).await
}

async fn payment_request(
    State(shared): Gateway,
    Path(coin): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(refusal) = refused_key(&shared, &headers) {
        return refusal;
    }
    let Ok(body) = serde_json::from_str(&body) else { return internal() };
    let work = |_: Option<&Mishap>| invoices::request(&shared, &coin, &body);
    play(&shared, Endpoint::PaymentRequest, &uri, &body, work).await
}

async fn all_invoices(State(shared): Gateway, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(refusal) = refused_key(&shared, &headers) {
        return refusal;
    }
    let work = |_: Option<&Mishap>| invoices::list(&shared, None);
    play(&shared, Endpoint::Invoices, &uri, &Value::Null, work).await
}

async fn one_invoice(
    State(shared): Gateway,
    Path(external_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refused_key(&shared, &headers) {
        return refusal;
    }
    let work = |_: Option<&Mishap>| invoices::list(&shared, Some(&external_id));
    play(&shared, Endpoint::Invoices, &uri, &Value::Null, work).await
}

async fn transactions(
    State(shared): Gateway,
    Path((coin, address)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    refused_key(&shared, &headers)
        .unwrap_or_else(|| invoices::transactions(&shared, &coin, &address))
}

async fn payout(
    State(shared): Gateway,
    Path(coin): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(refusal) = refused_login(&shared, &headers) {
        return refusal;
    }
    let Ok(body) = serde_json::from_str(&body) else { return failure("400 Bad Request") };
    let work = |mishap: Option<&Mishap>| payouts::single(&shared, &coin, &body, mishap);
    play(&shared, Endpoint::Payout, &uri, &body, work).await
}

async fn multipayout(
    State(shared): Gateway,
    Path(coin): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(refusal) = refused_login(&shared, &headers) {
        return refusal;
    }
    match serde_json::from_str(&body) {
        Ok(body) => payouts::several(&shared, &coin, &body),
        Err(_) => failure("400 Bad Request"),
    }
}

async fn payout_status(
    State(shared): Gateway,
    Path(coin): Path<String>,
    Query(query): Words,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refused_key(&shared, &headers) {
        return refusal;
    }
    let external_id = query.get("external_id").map(String::as_str);
    let work = |_: Option<&Mishap>| payouts::status(&shared, &coin, external_id);
    play(&shared, Endpoint::PayoutStatus, &uri, &Value::Null, work).await
}

async fn task(
    State(shared): Gateway,
    Path((_, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refused_login(&shared, &headers) {
        return refusal;
    }
    let work = |_: Option<&Mishap>| payouts::task(&shared, &id);
    play(&shared, Endpoint::Task, &uri, &Value::Null, work).await
}
