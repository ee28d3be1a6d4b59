//! Callbacks: one for each transfer with the whole invoice, signed, repeated until exactly 202.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::state::State;
use crate::{Decimal, Options, Shared};

/// `REQUESTS_NOTIFICATION_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a callback is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Payment(usize),
    Unconfirmed(usize),
    Payout(usize),
    Nothing,
}

/// A request that the gateway makes.
#[derive(Debug, Clone)]
pub struct Callback {
    /// Where it goes.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body, exactly.
    pub body: String,
    pub(crate) about: About,
}

impl Callback {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The path of its URL.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }
}

/// `hex(HMAC-SHA256(key, timestamp + "." + body))`.
pub fn sign(key: &str, timestamp: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Keys sorted, no spaces: `serde_json` keeps its maps sorted.
fn callback(options: &Options, url: &str, body: &Value, about: About, with_key: bool) -> Callback {
    let body = body.to_string();
    let headers = headers(options, &body, with_key);
    Callback { url: url.to_owned(), headers, body, about }
}

fn headers(options: &Options, body: &str, with_key: bool) -> Vec<(String, String)> {
    let timestamp = (options.clock)() / 1000;
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if with_key {
        headers.push(("x-shkeeper-api-key".to_owned(), options.api_key.clone()));
    }
    if options.signs {
        headers.push(("x-shkeeper-timestamp".to_owned(), timestamp.to_string()));
        let signature = sign(&options.api_key, timestamp, body.as_bytes());
        headers.push(("x-shkeeper-signature".to_owned(), signature));
    }
    headers
}

/// Any body, signed now.
pub(crate) fn signed(shared: &Shared, url: &str, body: &str) -> Callback {
    let headers = headers(&shared.options(), body, true);
    Callback { url: url.to_owned(), headers, body: body.to_owned(), about: About::Nothing }
}

/// The callback of a transfer: the whole invoice as it is now.
pub(crate) fn payment(options: &Options, state: &State, index: usize) -> Option<Callback> {
    let trigger = state.transfers.get(index)?;
    let invoice = state.invoices.get(trigger.invoice)?;
    let hundred = Decimal::whole(100);
    let of_invoice =
        state.transfers.iter().enumerate().filter(|(_, tx)| tx.invoice == trigger.invoice);
    let transactions: Vec<Value> = of_invoice
        .map(|(at, tx)| {
            let without_fee = tx.amount_fiat.times(hundred).over(hundred.plus(options.fee_percent));
            json!({
                "txid": tx.txid, "date": tx.date, "amount_crypto": tx.amount.to_string(),
                "amount_fiat": tx.amount_fiat.to_string(),
                "amount_fiat_without_fee": without_fee.to_string(),
                "fee_fiat": tx.amount_fiat.minus(without_fee).to_string(),
                "trigger": at == index, "crypto": tx.coin,
            })
        })
        .collect();
    let over = invoice.balance_fiat.minus(invoice.amount_fiat.percent(options.upper_limit));
    let over = if over > Decimal::ZERO { over.rounded(2) } else { Decimal::ZERO };
    let body = json!({
        "external_id": invoice.external_id, "crypto": invoice.coin, "addr": invoice.address,
        "fiat": invoice.fiat, "balance_fiat": invoice.balance_fiat.to_string(),
        "balance_crypto": invoice.balance.to_string(),
        "paid": matches!(invoice.status, "PAID" | "OVERPAID"), "status": invoice.status,
        "transactions": transactions, "fee_percent": options.fee_percent.to_string(),
        "fee_fixed": "0", "fee_policy": "PERCENT_FEE", "overpaid_fiat": over.fixed(2),
    });
    Some(callback(options, &invoice.callback_url, &body, About::Payment(index), true))
}

/// The callback of a transfer without confirmations, of another shape.
pub(crate) fn unconfirmed(options: &Options, state: &State, index: usize) -> Option<Callback> {
    let tx = state.unconfirmed.get(index)?;
    let invoice = state.invoices.get(tx.invoice)?;
    let body = json!({
        "status": "unconfirmed", "external_id": invoice.external_id, "crypto": tx.coin,
        "addr": tx.address, "txid": tx.txid, "amount": tx.amount.to_string(),
    });
    Some(callback(options, &invoice.callback_url, &body, About::Unconfirmed(index), true))
}

/// The callback of a payout: on success alone, and without the API key.
pub(crate) fn payout(options: &Options, state: &State, index: usize) -> Option<Callback> {
    let payout = state.payouts.get(index)?;
    let rate = options.rates.get(&payout.coin).copied().unwrap_or_default();
    let body = json!({
        "payout_id": index + 1, "external_id": payout.external_id,
        "tx_hash": payout.txids.first()?, "status": "SUCCESS",
        "amount": payout.amount.fixed(10), "crypto": payout.coin,
        "amount_fiat": payout.amount.times(rate).fixed(10), "currency_fiat": "USD",
        "timestamp": payout.date,
    });
    let url = payout.callback_url.as_deref()?;
    Some(callback(options, url, &body, About::Payout(index), false))
}

/// Delivers, or lets them wait.
pub(crate) async fn dispatch(shared: &Shared, callbacks: Vec<Callback>) {
    if !shared.options().delivers {
        shared.state().waiting.extend(callbacks);
        return;
    }
    for callback in callbacks {
        if deliver(&callback).await == Some(StatusCode::ACCEPTED) {
            accepted(shared, &callback);
        }
    }
}

async fn deliver(callback: &Callback) -> Option<StatusCode> {
    let mut request = Request::new(Full::new(Bytes::from(callback.body.clone())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = callback.url.parse().ok()?;
    for (name, value) in &callback.headers {
        let (name, value): (HeaderName, HeaderValue) = (name.parse().ok()?, value.parse().ok()?);
        request.headers_mut().insert(name, value);
    }
    let agent = HeaderValue::from_static("python-requests/2.28.1");
    request.headers_mut().insert(header::USER_AGENT, agent);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = tokio::time::timeout(TIMEOUT, client.request(request)).await;
    Some(answer.ok()?.ok()?.status())
}

/// It was answered 202.
pub(crate) fn accepted(shared: &Shared, callback: &Callback) {
    let mut state = shared.state();
    match callback.about {
        About::Payment(index) => {
            if let Some(tx) = state.transfers.get_mut(index) {
                tx.accepted = true;
            }
        }
        About::Unconfirmed(index) => {
            if let Some(tx) = state.unconfirmed.get_mut(index) {
                tx.accepted = true;
            }
        }
        About::Payout(index) => {
            if let Some(payout) = state.payouts.get_mut(index) {
                payout.notify = false;
            }
        }
        About::Nothing => {}
    }
}
