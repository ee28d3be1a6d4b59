//! Payouts and the tasks of the wallet behind.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::failure;
use crate::callback::Callback;
use crate::state::{Payout, Send, State, Task, TaskEnd};
use crate::{Decimal, Mishap, Shared, callback};

/// `REQUESTS_NOTIFICATION_RETRIES`.
const TRIES_MAX: u32 = 7;
/// `MIN_CONFIRMATION_BLOCK_FOR_PAYOUT`.
const CONFIRMATIONS_MIN: u32 = 1;

/// What a payout asks for, as far as the gateway reads it.
struct Wish {
    destination: String,
    amount: Decimal,
    external_id: String,
    callback_url: Option<String>,
}

impl Wish {
    /// Everything is read with `req["…"]`: what is missing is a `KeyError`.
    fn read(body: &Value, destination: &str, keys: &[&str]) -> Result<Self, String> {
        for key in keys {
            if body.get(*key).is_none() {
                return Err(format!("'{key}'"));
            }
        }
        let amount =
            Decimal::from_json(&body["amount"]).ok_or("[<class 'decimal.ConversionSyntax'>]")?;
        Ok(Self {
            destination: body[destination].as_str().unwrap_or_default().to_owned(),
            amount,
            external_id: body["external_id"].as_str().unwrap_or_default().to_owned(),
            callback_url: body["callback_url"].as_str().map(str::to_owned),
        })
    }
}

fn is_taken(state: &State, coin: &str, external_id: &str) -> bool {
    !external_id.is_empty()
        && state
            .payouts
            .iter()
            .any(|p| p.coin == coin && p.external_id.as_deref() == Some(external_id))
}

fn taken(external_id: &str) -> Response {
    failure(&format!("Payout with this external_id already exists: {external_id}"))
}

/// `POST /{coin}/payout`.
pub fn single(shared: &Shared, coin: &str, body: &Value, mishap: Option<&Mishap>) -> Response {
    let options = shared.options();
    if !options.rates.contains_key(coin) {
        return failure(&format!("Unknown crypto: {coin}"));
    }
    let external_id = body["external_id"].as_str().unwrap_or_default();
    let mut state = shared.state();
    if is_taken(&state, coin, external_id) {
        return taken(external_id);
    }
    let wish = match Wish::read(body, "destination", &["destination", "amount", "fee"]) {
        Ok(wish) => wish,
        Err(message) => return failure(&message),
    };
    match mishap {
        Some(Mishap::Refused(reason)) => {
            // The row stays IN_PROGRESS for ever.
            row(&mut state, coin, &wish, None, (options.clock)());
            axum::Json(json!({ "status": "error", "msg": reason, "external_id": wish.external_id }))
                .into_response()
        }
        Some(Mishap::WalletTimeout { sends }) => {
            if *sends {
                let task = start(&mut state, coin, &wish);
                end(&mut state, &task, TaskEnd::Success);
            }
            failure(
                "HTTPConnectionPool(host='ethereum-shkeeper', port=6000): Read timed out. (read timeout=10)",
            )
        }
        _ => {
            let task = start(&mut state, coin, &wish);
            row(&mut state, coin, &wish, Some(&task), (options.clock)());
            if !options.holds_tasks {
                end(&mut state, &task, TaskEnd::Success);
            }
            axum::Json(json!({ "task_id": task, "external_id": wish.external_id })).into_response()
        }
    }
}

/// `POST /{coin}/multipayout`: the wallet is called before anything is checked, so that a
/// duplicate is paid and then refused.
pub fn several(shared: &Shared, coin: &str, body: &Value) -> Response {
    let options = shared.options();
    let mut state = shared.state();
    let mut wishes = Vec::new();
    for one in body.as_array().into_iter().flatten() {
        match Wish::read(one, "dest", &["dest", "amount"]) {
            Ok(wish) => wishes.push(wish),
            Err(message) => return failure(&message),
        }
    }
    let mut tasks = Vec::new();
    for wish in &wishes {
        let task = start(&mut state, coin, wish);
        end(&mut state, &task, TaskEnd::Success);
        tasks.push(task);
    }
    for (wish, task) in wishes.iter().zip(&tasks) {
        if is_taken(&state, coin, &wish.external_id) {
            return taken(&wish.external_id);
        }
        row(&mut state, coin, wish, Some(task), (options.clock)());
    }
    let ids: Vec<&str> = wishes.iter().map(|wish| wish.external_id.as_str()).collect();
    axum::Json(json!({ "task_id": tasks.first(), "external_ids": ids })).into_response()
}

fn row(state: &mut State, coin: &str, wish: &Wish, task: Option<&str>, now: i64) {
    let date = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    let external_id = Some(wish.external_id.clone()).filter(|id| !id.is_empty());
    state.payouts.push(Payout {
        coin: coin.to_owned(),
        external_id,
        destination: wish.destination.clone(),
        amount: wish.amount,
        callback_url: wish.callback_url.clone(),
        task: task.map(str::to_owned),
        status: "IN_PROGRESS",
        txids: Vec::new(),
        date: date.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        notify: false,
        tries: 0,
    });
}

fn start(state: &mut State, coin: &str, wish: &Wish) -> String {
    let id = state.new_id("task-");
    let task = Task {
        external_id: wish.external_id.clone(),
        coin: coin.to_owned(),
        destination: wish.destination.clone(),
        amount: wish.amount,
        status: "PENDING",
        result: Value::Null,
    };
    state.tasks.insert(id.clone(), task);
    id
}

/// Ends the task of an external id.
pub fn end_task(state: &mut State, external_id: &str, how: TaskEnd) {
    let id = state.tasks.iter().find(|(_, task)| task.external_id == external_id);
    if let Some(id) = id.map(|(id, _)| id.clone()) {
        end(state, &id, how);
    }
}

fn end(state: &mut State, id: &str, how: TaskEnd) {
    let Some(mut task) = state.tasks.get(id).cloned().filter(|task| task.status == "PENDING")
    else {
        return;
    };
    let send = |state: &mut State| {
        let txid = state.new_id("0xp");
        state.sends.push(Send {
            external_id: task.external_id.clone(),
            coin: task.coin.clone(),
            destination: task.destination.clone(),
            amount: task.amount,
            txid: txid.clone(),
        });
        state.confirmations.insert(txid.clone(), 0);
        txid
    };
    let (status, result) = match how {
        TaskEnd::Success => {
            let txid = send(state);
            let sent = json!([{ "dest": task.destination, "amount": task.amount.to_string(),
                                "status": "success", "txids": [txid] }]);
            ("SUCCESS", sent)
        }
        TaskEnd::Failure { text, sent } => {
            if sent {
                send(state);
            }
            ("FAILURE", Value::String(text))
        }
    };
    (task.status, task.result) = (status, result);
    state.tasks.insert(id.to_owned(), task);
}

/// `GET /{coin}/task/{id}`; an unknown task looks as one that waits.
pub fn task(shared: &Shared, id: &str) -> Response {
    let state = shared.state();
    let (status, result) = match state.tasks.get(id) {
        Some(task) => (task.status, task.result.clone()),
        None => ("PENDING", Value::Null),
    };
    axum::Json(json!({ "status": status, "result": result })).into_response()
}

/// `GET /{coin}/payout/status`.
pub fn status(shared: &Shared, coin: &str, external_id: Option<&str>) -> Response {
    let Some(external_id) = external_id.filter(|id| !id.is_empty()) else {
        let body = axum::Json(json!({ "error": "external_id is required" }));
        return (StatusCode::BAD_REQUEST, body).into_response();
    };
    let state = shared.state();
    let found = state
        .payouts
        .iter()
        .position(|p| p.coin == coin && p.external_id.as_deref() == Some(external_id));
    let Some((index, payout)) = found.and_then(|at| Some((at, state.payouts.get(at)?))) else {
        let body = axum::Json(json!({ "error": "Payout not found" }));
        return (StatusCode::NOT_FOUND, body).into_response();
    };
    axum::Json(json!({
        "id": index + 1, "external_id": payout.external_id, "crypto": payout.coin,
        "status": payout.status, "amount": payout.amount.fixed(10),
        "destination": payout.destination, "txid": payout.txids.first(),
    }))
    .into_response()
}

/// The scheduler: asks for the tasks, counts confirmations, notifies of success alone.
pub fn tick(shared: &Shared) -> Vec<Callback> {
    let options = shared.options();
    let mut state = shared.state();
    let mut payouts = std::mem::take(&mut state.payouts);
    for payout in payouts.iter_mut().filter(|payout| payout.status == "IN_PROGRESS") {
        let task = payout.task.as_ref().and_then(|id| state.tasks.get(id));
        match task.map(|task| (task.status, &task.result)) {
            Some(("SUCCESS", result)) if payout.txids.is_empty() => {
                let txids = result[0]["txids"].as_array().into_iter().flatten();
                payout.txids = txids.filter_map(Value::as_str).map(str::to_owned).collect();
            }
            Some(("FAILURE", _)) => payout.status = "FAIL",
            _ => {}
        }
        let confirmed = payout.txids.iter().any(|txid| {
            state.confirmations.get(txid).is_some_and(|have| *have > CONFIRMATIONS_MIN)
        });
        if payout.status == "IN_PROGRESS" && confirmed {
            payout.status = "SUCCESS";
            payout.notify = options.payout_callbacks && payout.callback_url.is_some();
        }
    }
    state.payouts = payouts;
    let mut due = Vec::new();
    for index in 0..state.payouts.len() {
        let Some(payout) = state.payouts.get_mut(index) else { continue };
        if payout.notify && payout.tries < TRIES_MAX {
            payout.tries += 1;
            due.extend(callback::payout(&options, &state, index));
        }
    }
    due
}
