//! Invoices and the transfers to their addresses.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::{error, exception};
use crate::callback::{Callback, payment, unconfirmed};
use crate::state::{Invoice, State, Transfer, Unconfirmed};
use crate::{Decimal, Options, Shared};

/// Coins have eight places.
const PLACES: u32 = 8;

/// An amount of fiat money in coins, the fee on top, and the rate.
fn convert(
    options: &Options,
    fiat: &str,
    coin: &str,
    amount: Decimal,
) -> Option<(Decimal, Decimal)> {
    let rate = *options.rates.get(coin).filter(|_| options.fiats.iter().any(|f| f == fiat))?;
    let with_fee = amount.plus(amount.percent(options.fee_percent));
    Some((with_fee.over(rate).rounded(PLACES), rate))
}

fn no_rate(fiat: &str, coin: &str) -> Response {
    exception(&format!("Exchange rate src config for {fiat}-{coin} is not found"))
}

fn unavailable(coin: &str) -> Response {
    error(&format!("{coin} payment gateway is unavailable"))
}

pub fn quote(shared: &Shared, coin: &str, body: &Value) -> Response {
    let options = shared.options();
    if !options.rates.contains_key(coin) {
        return unavailable(coin);
    }
    let (Some(fiat), Some(amount)) = (body["fiat"].as_str(), Decimal::from_json(&body["amount"]))
    else {
        return error("'fiat' and 'amount' are required fields.");
    };
    let Some((converted, rate)) = convert(&options, fiat, coin, amount) else {
        return no_rate(fiat, coin);
    };
    axum::Json(json!({
        "status": "success", "fiat": fiat, "amount_fiat": amount.to_string(), "crypto": coin,
        "amount_crypto": converted.to_string(), "exchange_rate": rate.to_string(),
    }))
    .into_response()
}

/// Makes an invoice, or quotes an existing one of the same external id, callback and fiat anew:
/// amount and coin are overwritten, whatever was paid.
pub fn request(shared: &Shared, coin: &str, body: &Value) -> Response {
    let options = shared.options();
    if !options.rates.contains_key(coin) {
        return unavailable(coin);
    }
    for key in ["external_id", "callback_url", "fiat", "amount"] {
        if body.get(key).is_none() {
            return exception(&format!("'{key}'"));
        }
    }
    let external_id = body["external_id"].clone();
    let (callback_url, fiat) = (text(&body["callback_url"]), text(&body["fiat"]));
    let Some(amount_fiat) = Decimal::from_json(&body["amount"]) else {
        return exception("[<class 'decimal.ConversionSyntax'>]");
    };
    let Some((amount, rate)) = convert(&options, &fiat, coin, amount_fiat) else {
        return no_rate(&fiat, coin);
    };
    let mut state = shared.state();
    let known = state.invoices.iter().position(|invoice| {
        text(&invoice.external_id) == text(&external_id)
            && invoice.callback_url == callback_url
            && invoice.fiat == fiat
    });
    let index = if let Some(index) = known {
        let existing = state.invoices.get(index).and_then(|invoice| {
            invoice.addresses.iter().find(|(of, _)| of == coin).map(|(_, address)| address.clone())
        });
        let fresh = existing.is_none();
        let address = existing.unwrap_or_else(|| state.new_address(coin));
        if let Some(invoice) = state.invoices.get_mut(index) {
            if fresh {
                invoice.addresses.push((coin.to_owned(), address.clone()));
            }
            coin.clone_into(&mut invoice.coin);
            invoice.address = address;
            (invoice.amount_fiat, invoice.amount, invoice.rate) = (amount_fiat, amount, rate);
        }
        index
    } else {
        let address = state.new_address(coin);
        state.invoices.push(Invoice {
            coin: coin.to_owned(),
            address: address.clone(),
            external_id,
            fiat,
            callback_url,
            amount_fiat,
            amount,
            rate,
            balance_fiat: Decimal::ZERO,
            balance: Decimal::ZERO,
            status: "UNPAID",
            addresses: vec![(coin.to_owned(), address)],
        });
        state.invoices.len() - 1
    };
    let address = state.invoices.get(index).map(|invoice| invoice.address.clone());
    axum::Json(json!({
        "id": index + 1, "status": "success", "amount": amount.to_string(), "wallet": address,
        "exchange_rate": rate.to_string(), "recalculate_after": 0, "display_name": coin,
    }))
    .into_response()
}

/// Text as the gateway's database holds it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub fn list(shared: &Shared, external_id: Option<&str>) -> Response {
    let state = shared.state();
    let wanted =
        |invoice: &Invoice| external_id.is_none_or(|wanted| text(&invoice.external_id) == wanted);
    let invoices: Vec<Value> = state
        .invoices
        .iter()
        .enumerate()
        .filter(|(_, invoice)| wanted(invoice))
        .map(|(index, invoice)| {
            json!({
                "external_id": text(&invoice.external_id), "fiat": invoice.fiat,
                "amount_fiat": invoice.amount_fiat.to_string(),
                "balance_fiat": invoice.balance_fiat.to_string(),
                "status": invoice.status, "txs": txs(&state, |of| of == index),
            })
        })
        .collect();
    axum::Json(json!({ "status": "success", "invoices": invoices })).into_response()
}

pub fn transactions(shared: &Shared, coin: &str, address: &str) -> Response {
    let state = shared.state();
    let at = |index: usize| {
        let invoice = state.invoices.get(index);
        invoice.is_some_and(|i| i.addresses.iter().any(|(_, of)| of == address))
    };
    let found: Vec<Value> = txs(&state, at).into_iter().filter(|tx| tx["crypto"] == coin).collect();
    axum::Json(json!({ "status": "success", "transactions": found })).into_response()
}

/// One confirmation and a hundred are both `CONFIRMED` here, whatever the wallet asks for.
fn txs(state: &State, of: impl Fn(usize) -> bool) -> Vec<Value> {
    let address = |index: usize, coin: &str| {
        let invoice = state.invoices.get(index)?;
        let own = invoice.addresses.iter().find(|(of, _)| of == coin);
        Some(own.map_or(&invoice.address, |(_, address)| address).clone())
    };
    let confirmed = state.transfers.iter().filter(|tx| of(tx.invoice)).map(|tx| {
        json!({ "txid": tx.txid, "crypto": tx.coin, "addr": address(tx.invoice, &tx.coin),
                "amount": tx.amount.to_string(), "status": "CONFIRMED" })
    });
    let pending = state.unconfirmed.iter().filter(|tx| of(tx.invoice)).map(|tx| {
        json!({ "txid": tx.txid, "crypto": tx.coin, "addr": tx.address,
                "amount": tx.amount.to_string(), "status": "UNCONFIRMED" })
    });
    confirmed.chain(pending).collect()
}

/// `walletnotify`: the wallet behind tells of a transfer.
pub fn notice(
    shared: &Shared,
    coin: &str,
    address: &str,
    amount: Decimal,
    txid: &str,
    confirmations: u32,
) -> (bool, Vec<Callback>) {
    let options = shared.options();
    let date = date_time(&options);
    let mut state = shared.state();
    state.confirmations.insert(txid.to_owned(), confirmations);
    // By address alone: any coin counts.
    let Some(index) =
        state.invoices.iter().position(|i| i.addresses.iter().any(|(_, of)| of == address))
    else {
        return (false, Vec::new());
    };
    let same = |of: usize, c: &str, id: &str| of == index && c == coin && id == txid;
    if confirmations == 0 {
        if !options.notify_unconfirmed
            || state.unconfirmed.iter().any(|tx| same(tx.invoice, &tx.coin, &tx.txid))
        {
            return (false, Vec::new());
        }
        state.unconfirmed.push(Unconfirmed {
            invoice: index,
            coin: coin.to_owned(),
            address: address.to_owned(),
            txid: txid.to_owned(),
            amount,
            accepted: false,
        });
        let sent = unconfirmed(&options, &state, state.unconfirmed.len() - 1);
        return (true, sent.into_iter().collect());
    }
    // Unique by coin, transaction and invoice: a second transfer of the transaction is dropped.
    if state.transfers.iter().any(|tx| same(tx.invoice, &tx.coin, &tx.txid)) {
        return (false, Vec::new());
    }
    let Some(invoice) = state.invoices.get_mut(index) else { return (false, Vec::new()) };
    let rate = if invoice.coin == coin {
        invoice.rate
    } else {
        options.rates.get(coin).copied().unwrap_or_default()
    };
    let amount_fiat = amount.times(rate);
    // Before the look at the confirmations.
    invoice.balance_fiat = invoice.balance_fiat.plus(amount_fiat);
    if invoice.coin == coin {
        invoice.balance = invoice.balance.plus(amount);
    }
    invoice.status = if invoice.balance_fiat < invoice.amount_fiat.percent(options.lower_limit) {
        "PARTIAL"
    } else if invoice.balance_fiat < invoice.amount_fiat.percent(options.upper_limit) {
        "PAID"
    } else {
        "OVERPAID"
    };
    let needs_more = confirmations < options.confirmations;
    state.transfers.push(Transfer {
        invoice: index,
        coin: coin.to_owned(),
        txid: txid.to_owned(),
        amount,
        amount_fiat,
        date,
        needs_more,
        accepted: false,
    });
    state.unconfirmed.retain(|tx| !(tx.coin == coin && tx.txid == txid));
    let last = state.transfers.len() - 1;
    let sent = if needs_more { None } else { payment(&options, &state, last) };
    (true, sent.into_iter().collect())
}

fn date_time(options: &Options) -> String {
    let time = jiff::Timestamp::from_millisecond((options.clock)()).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Counts confirmations, then sends again what was not accepted.
pub fn tick(shared: &Shared) -> Vec<Callback> {
    let options = shared.options();
    let mut state = shared.state();
    let confirmations = std::mem::take(&mut state.confirmations);
    for tx in &mut state.transfers {
        let have = confirmations.get(&tx.txid).copied().unwrap_or_default();
        tx.needs_more &= have < options.confirmations;
    }
    state.confirmations = confirmations;
    let pending = (0..state.unconfirmed.len())
        .filter(|index| state.unconfirmed.get(*index).is_some_and(|tx| !tx.accepted))
        .filter_map(|index| unconfirmed(&options, &state, index));
    let due = (0..state.transfers.len())
        .filter(|index| {
            state.transfers.get(*index).is_some_and(|tx| !tx.accepted && !tx.needs_more)
        })
        .filter_map(|index| payment(&options, &state, index));
    pending.chain(due).collect()
}
