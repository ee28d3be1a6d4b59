//! What the gateway sends, read strictly: a body that lacks a field, or has one of another type,
//! is none. Fields that are not known are passed over, for a newer gateway may have more.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::coin::Coins;

/// Longest address: a Lightning invoice is one.
const ADDRESS_MAX: usize = 2048;
/// Longest id of a transaction and longest name of a coin.
const NAME_MAX: usize = 128;
/// Most transfers of one invoice that are looked at.
const TRANSFERS_MAX: usize = 500;

/// A callback of the payment endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentCallback {
    /// Our name of the invoice.
    pub external_id: String,
    /// The transfers of which it tells.
    pub transfers: Vec<Seen>,
}

/// A transfer to an invoice's address, as far as the gateway tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The transaction.
    pub txid: String,
    /// The coin, which need not be the one that was asked for.
    pub coin: String,
    /// How much of it.
    pub amount: Coins,
    /// Whether it has the confirmations that the gateway asks for. The callback that a transfer
    /// triggers is the only place where the gateway tells: elsewhere one confirmation counts.
    pub confirmed: bool,
}

impl Seen {
    fn is_plausible(&self) -> bool {
        let name = |text: &str| {
            (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        name(&self.txid) && name(&self.coin)
    }
}

/// A callback of the payout endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PayoutCallback {
    /// Our name of the payout.
    pub external_id: String,
    #[serde(rename = "payout_id")]
    _payout_id: i64,
    /// The transaction.
    pub tx_hash: String,
    /// `SUCCESS` always.
    pub status: String,
    #[serde(rename = "amount")]
    _amount: Coins,
    #[serde(rename = "crypto")]
    _coin: String,
}

#[derive(Deserialize)]
struct Invoice {
    external_id: Name,
    #[serde(rename = "crypto")]
    _coin: String,
    #[serde(rename = "addr")]
    _address: String,
    #[serde(rename = "fiat")]
    _fiat: String,
    #[serde(rename = "paid")]
    _paid: bool,
    #[serde(rename = "status")]
    _status: String,
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    txid: String,
    crypto: String,
    amount_crypto: Coins,
    trigger: bool,
}

#[derive(Deserialize)]
struct Unconfirmed {
    external_id: Name,
    status: String,
    crypto: String,
    #[serde(rename = "addr")]
    _address: String,
    txid: String,
    amount: Coins,
}

/// An external id comes back as it was given, and may be a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(i64),
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        match name {
            Name::Text(text) => text,
            Name::Number(number) => number.to_string(),
        }
    }
}

/// Reads a callback of the payment endpoint: of an invoice, or of a transfer without
/// confirmations. `None` for anything else, a payout's callback among it.
pub fn payment_callback(body: &[u8]) -> Option<PaymentCallback> {
    let callback = if let Ok(invoice) = serde_json::from_slice::<Invoice>(body) {
        let transfers = invoice.transactions.into_iter().map(|tx| Seen {
            txid: tx.txid,
            coin: tx.crypto,
            amount: tx.amount_crypto,
            confirmed: tx.trigger,
        });
        PaymentCallback { external_id: invoice.external_id.into(), transfers: transfers.collect() }
    } else {
        let tx: Unconfirmed = serde_json::from_slice(body).ok()?;
        if tx.status != "unconfirmed" {
            return None;
        }
        let (txid, coin, amount) = (tx.txid, tx.crypto, tx.amount);
        let transfers = vec![Seen { txid, coin, amount, confirmed: false }];
        PaymentCallback { external_id: tx.external_id.into(), transfers }
    };
    let plausible = callback.transfers.len() <= TRANSFERS_MAX
        && callback.transfers.iter().all(Seen::is_plausible);
    plausible.then_some(callback)
}

/// Reads a callback of the payout endpoint.
pub fn payout_callback(body: &[u8]) -> Option<PayoutCallback> {
    serde_json::from_slice(body)
        .ok()
        .filter(|callback: &PayoutCallback| callback.status == "SUCCESS")
}

/// Why the gateway's answer is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// It says that it failed, which it does with HTTP 200 as well. For the log alone: such texts
    /// hold what is no client's business.
    Error(String),
    /// It cannot be read.
    Unreadable(StatusCode),
}

/// Texts of the gateway are cut to this before they reach the log.
const MESSAGE_MAX: usize = 200;

/// The one line of a gateway's text that goes into logs and rows.
pub fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(MESSAGE_MAX).collect()
}

/// The body of an answer with `status: success`, whatever its HTTP status.
///
/// # Errors
/// [`NoAnswer`].
pub fn success(status: StatusCode, body: &[u8]) -> Result<Value, NoAnswer> {
    let value: Value = serde_json::from_slice(body).map_err(|_| NoAnswer::Unreadable(status))?;
    match value["status"].as_str() {
        Some("success") => Ok(value),
        Some("error") => {
            let text = value["message"].as_str().or(value["msg"].as_str()).unwrap_or_default();
            Err(NoAnswer::Error(brief(text)))
        }
        _ => Err(NoAnswer::Unreadable(status)),
    }
}

/// An invoice that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeInvoice {
    /// Where the money goes.
    pub address: String,
    /// How much of the coin, the gateway's fee in it.
    pub amount: Coins,
    /// Fiat money for one coin.
    pub rate: Coins,
}

/// Reads the answer to `payment_request`.
///
/// # Errors
/// [`NoAnswer`].
pub fn made_invoice(status: StatusCode, body: &[u8]) -> Result<MadeInvoice, NoAnswer> {
    #[derive(Deserialize)]
    struct Made {
        wallet: String,
        amount: Coins,
        exchange_rate: Coins,
    }
    let made: Made =
        serde_json::from_value(success(status, body)?).map_err(|_| NoAnswer::Unreadable(status))?;
    let plain = made.wallet.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(1..=ADDRESS_MAX).contains(&made.wallet.len()) || made.amount.is_zero() {
        return Err(NoAnswer::Unreadable(status));
    }
    Ok(MadeInvoice { address: made.wallet, amount: made.amount, rate: made.exchange_rate })
}

/// Reads the rate from the answer to `quote`. Its amount is of no use: the fee is in it.
///
/// # Errors
/// [`NoAnswer`].
pub fn quoted_rate(status: StatusCode, body: &[u8]) -> Result<Coins, NoAnswer> {
    let value = success(status, body)?;
    serde_json::from_value(value["exchange_rate"].clone())
        .ok()
        .filter(|rate: &Coins| !rate.is_zero())
        .ok_or(NoAnswer::Unreadable(status))
}

/// An invoice as `GET /invoices` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedInvoice {
    /// Our name of it.
    pub external_id: String,
    /// Its transfers; confirmed here means one confirmation at least.
    pub transfers: Vec<Seen>,
}

/// Reads the answer to `invoices`.
///
/// # Errors
/// [`NoAnswer`].
pub fn listed_invoices(status: StatusCode, body: &[u8]) -> Result<Vec<ListedInvoice>, NoAnswer> {
    #[derive(Deserialize)]
    struct Listed {
        external_id: Option<Name>,
        txs: Vec<Tx>,
    }
    #[derive(Deserialize)]
    struct Tx {
        txid: String,
        crypto: String,
        amount: Coins,
        status: String,
    }
    let mut value = success(status, body)?;
    let listed: Vec<Listed> = serde_json::from_value(value["invoices"].take())
        .map_err(|_| NoAnswer::Unreadable(status))?;
    let seen = |tx: Tx| Seen {
        txid: tx.txid,
        coin: tx.crypto,
        amount: tx.amount,
        confirmed: tx.status == "CONFIRMED",
    };
    let invoices = listed.into_iter().map(|invoice| ListedInvoice {
        external_id: invoice.external_id.map(String::from).unwrap_or_default(),
        transfers: invoice.txs.into_iter().map(seen).filter(Seen::is_plausible).collect(),
    });
    Ok(invoices.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAID: &str = r#"{"addr":"0x8a","balance_crypto":"102","balance_fiat":"102",
        "crypto":"ETH-USDT","external_id":"pay-1","fee_fixed":"0","fee_percent":"2",
        "fee_policy":"PERCENT_FEE","fiat":"USD","overpaid_fiat":"0.00","paid":true,
        "status":"PAID","transactions":[
        {"amount_crypto":"40","amount_fiat":"40","crypto":"ETH-USDT","trigger":false,"txid":"0xa1"},
        {"amount_crypto":"62","amount_fiat":"62","crypto":"ETH-USDC","trigger":true,"txid":"0xa2"}]}"#;
    const UNCONFIRMED: &str = r#"{"addr":"0x8a24..","amount":"40","crypto":"ETH-USDT",
        "external_id":"pay-1","status":"unconfirmed","txid":"0xaa01"}"#;
    const PAYOUT: &str = r#"{"amount":"12.5000000000","amount_fiat":"12.5000000000",
        "crypto":"ETH-USDT","currency_fiat":"USD","external_id":"out-1","payout_id":1,
        "status":"SUCCESS","timestamp":"2026-11-23T16:10:57","tx_hash":"0xpp01"}"#;

    #[test]
    fn callbacks_of_each_kind_and_of_no_other() {
        let paid = payment_callback(PAID.as_bytes()).unwrap();
        assert_eq!(paid.external_id, "pay-1");
        let brief: Vec<_> = paid
            .transfers
            .iter()
            .map(|tx| (tx.txid.as_str(), tx.coin.as_str(), tx.amount.to_string(), tx.confirmed))
            .collect();
        assert_eq!(
            brief,
            [("0xa1", "ETH-USDT", "40".into(), false), ("0xa2", "ETH-USDC", "62".into(), true)]
        );
        let unconfirmed = payment_callback(UNCONFIRMED.as_bytes()).unwrap();
        assert!(!unconfirmed.transfers[0].confirmed);
        assert_eq!(payout_callback(PAYOUT.as_bytes()).unwrap().tx_hash, "0xpp01");
        // Each is signed alike, so the form alone keeps them apart.
        assert_eq!(payment_callback(PAYOUT.as_bytes()), None);
        assert_eq!(payout_callback(PAID.as_bytes()), None);
        assert_eq!(payout_callback(UNCONFIRMED.as_bytes()), None);
        let number = PAID.replace("\"pay-1\"", "17");
        assert_eq!(payment_callback(number.as_bytes()).unwrap().external_id, "17");
    }

    #[test]
    fn whatever_is_missing_or_wrong_makes_it_none() {
        let change = |from: &str, to: &str| {
            let body = PAID.replacen(from, to, 1);
            assert_ne!(body, PAID);
            payment_callback(body.as_bytes())
        };
        for (from, to) in [
            ("\"txid\":\"0xa1\"", "\"txid\":17"),
            ("\"txid\":\"0xa1\"", "\"txid\":\"\""),
            ("\"txid\":\"0xa1\"", "\"txid\":\"0x a1\""),
            ("\"amount_crypto\":\"40\"", "\"amount_crypto\":\"-40\""),
            ("\"amount_crypto\":\"40\"", "\"amount_crypto\":\"NaN\""),
            ("\"trigger\":false,", ""),
            ("\"crypto\":\"ETH-USDT\",\"trigger\"", "\"trigger\""),
            ("\"paid\":true,", ""),
            ("\"transactions\":", "\"transfers\":"),
        ] {
            assert_eq!(change(from, to), None, "{to}");
        }
        for body in ["", "null", "[]", "{}", "{\"status\":\"unconfirmed\"}"] {
            assert_eq!(payment_callback(body.as_bytes()), None);
        }
        let confirmed = UNCONFIRMED.replace("unconfirmed", "confirmed");
        assert_eq!(payment_callback(confirmed.as_bytes()), None);
        let failed = PAYOUT.replace("SUCCESS", "FAIL");
        assert_eq!(payout_callback(failed.as_bytes()), None);
    }

    #[test]
    fn the_body_decides_and_not_the_http_status() {
        let ok = StatusCode::OK;
        let made = r#"{"id":1,"status":"success","amount":"102","wallet":"0x8a",
            "exchange_rate":"1","recalculate_after":0,"display_name":"ERC20 USDT"}"#;
        let invoice = made_invoice(ok, made.as_bytes()).unwrap();
        assert_eq!((invoice.address.as_str(), invoice.amount.to_string()), ("0x8a", "102".into()));
        let error = r#"{"status":"error","message":"no\nTraceback","traceback":"secret"}"#;
        assert_eq!(made_invoice(ok, error.as_bytes()), Err(NoAnswer::Error("no".into())));
        for wrong in [
            "<html>",
            "{}",
            "[]",
            &made.replace("0x8a", ""),
            &made.replace("\"102\"", "\"0\""),
            &made.replace("\"102\"", "\"-5\""),
        ] {
            let unreadable = Err(NoAnswer::Unreadable(ok));
            assert_eq!(made_invoice(ok, wrong.as_bytes()), unreadable, "{wrong}");
        }
        let quote = r#"{"status":"success","amount_crypto":"102","exchange_rate":"0.98"}"#;
        assert_eq!(quoted_rate(ok, quote.as_bytes()).unwrap().to_string(), "0.98");
    }

    #[test]
    fn listed() {
        let body = r#"{"status":"success","invoices":[{"external_id":"pay-1","fiat":"USD",
            "amount_fiat":"100","balance_fiat":"40","status":"PARTIAL","txs":[
            {"txid":"0xa1","crypto":"ETH-USDT","addr":"0x8a","amount":"40","status":"CONFIRMED"},
            {"txid":"0xa2","crypto":"ETH-USDT","addr":"0x8a","amount":"9","status":"UNCONFIRMED"}
            ]}]}"#;
        let invoices = listed_invoices(StatusCode::OK, body.as_bytes()).unwrap();
        let confirmed: Vec<_> = invoices[0].transfers.iter().map(|tx| tx.confirmed).collect();
        assert_eq!(confirmed, [true, false]);
        let none = r#"{"status":"success","invoices":[]}"#;
        assert_eq!(listed_invoices(StatusCode::OK, none.as_bytes()), Ok(vec![]));
    }
}
