//! Money that comes: in play money as its rail reports it, by the gateway in callbacks that come
//! late, in any order, more than once, and from others.

use std::pin::pin;

use fake_shkeeper::{Callback, sign};
use serde_json::{Value, json};
use souk::payments::service as payments;
use souk::payments::service::Transfer;

use super::Fault;
use super::model::{PRICE, Payment, Report};
use super::run::{History, Step, same};
use crate::support::market::id;
use crate::support::money::{self, payment_id};

/// What each transfer of a payment is, in cents.
const AMOUNTS: [i64; 4] = [2_500, 5_000, PRICE, PRICE + 1];
/// The coin of the invoices, and another one.
const COINS: [&str; 2] = ["ETH-USDT", "ETH-USDC"];

impl History<'_> {
    pub async fn open(&mut self) -> Step {
        self.note(format_args!("open"));
        let expected = if self.model.request != "payment" {
            Err("request_not_payable")
        } else if self.model.live().is_some() && !self.by_gateway {
            Ok(200)
        } else {
            Ok(201)
        };
        let live = self.model.live().map(|live| live.id.clone());
        let found = if self.by_gateway {
            let mut body = self.deal.intent();
            body["crypto"] = json!(COINS[0]);
            let intent = self.buyer.post(crate::shkeeper::INTENTS).json(&body);
            let intent = self.expect(intent, expected).await?;
            if expected.is_ok() && live.is_none() {
                same("what is to be paid", intent["cryptoAmount"].as_str(), Some("100"))?;
                self.addresses.push(text(&intent["walletAddress"]));
            }
            intent["paymentId"].as_str().map(str::to_owned)
        } else {
            let intent = self.buyer.post("/api/payment/sandbox/intents").json(&self.deal.intent());
            let intent = self.insist(intent, expected).await?;
            intent["_id"].as_str().map(str::to_owned)
        };
        match (expected, live) {
            (Err(_), _) => Ok(()),
            (Ok(_), Some(live)) => same("the live payment", found, Some(live)),
            (Ok(_), None) => {
                let payment = found.ok_or("a payment without an id")?;
                self.model.payments.push(Payment::new(&payment, self.by_gateway));
                Ok(())
            }
        }
    }

    /// A payment, most often the newest.
    pub fn some_payment(&mut self) -> Option<usize> {
        let count = self.model.payments.len();
        if count == 0 {
            return None;
        }
        if self.below(4) == 0 { Some(self.below(count)) } else { Some(count - 1) }
    }

    /// A transfer to a payment: which one, whether it is in the right coin, and whether it is final.
    fn some_transfer(&mut self, at: usize) -> (u8, bool, bool) {
        let name = self.below(4) as u8;
        let (right, confirmed) = (self.below(10) > 0, self.below(3) > 0);
        // Another report of the same has the same coin.
        let known = self.model.payments[at].money.get(&name);
        (name, known.map_or(right, |money| money.right), confirmed)
    }

    pub async fn report(&mut self) -> Step {
        let Some(at) = self.some_payment() else { return Ok(()) };
        let (name, right, confirmed) = self.some_transfer(at);
        let amount = AMOUNTS[usize::from(name)];
        let times = 1 + self.below(3);
        self.note(format_args!("report {name} on {at}: {right} {confirmed} {times} times"));
        let payment = json!({ "_id": self.model.payments[at].id });
        for time in 0..times {
            let mut reference = format!("{}-{name}", id(&payment));
            if self.world.fault == Fault::TrustedWebhook && time > 0 {
                self.count += 1;
                reference = format!("{reference}-{}", self.count);
            }
            let transfer = Transfer {
                asset_matches: right,
                confirmed,
                ..money::confirmed(self.app, &reference, amount)
            };
            self.app.observe(&payment, &[transfer]).await;
            self.model.report(at, &[Report { name, amount, right, confirmed }]);
        }
        Ok(())
    }

    /// Money reaches an address of the gateway, or one of its callbacks reaches the program.
    pub async fn pay_or_deliver(&mut self) -> Step {
        let Some(at) = self.some_payment() else { return Ok(()) };
        if self.below(2) == 0 {
            return self.deliver().await;
        }
        let payment = &self.model.payments[at];
        let tail = payment.id.replace('-', "");
        let (name, right, confirmed) = self.some_transfer(at);
        let coin = if self.coin_is_right(at, name, right) { COINS[0] } else { COINS[1] };
        let cents = AMOUNTS[usize::from(name)];
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        self.note(format_args!("pay {name} on {at} in {coin}, final: {confirmed}"));
        let address = &self.addresses[at];
        let txid = format!("0x{tail}{name}");
        self.world.gateway.pay(coin, address, &amount, &txid, u32::from(confirmed)).await;
        let sent = self.world.gateway.take_callbacks();
        self.callbacks.extend(sent.into_iter().map(|callback| (at, callback)));
        if self.below(2) == 0 { self.deliver().await } else { Ok(()) }
    }

    /// Callbacks that are under way tell of the same transfer, so it has their coin.
    fn coin_is_right(&self, at: usize, name: u8, otherwise: bool) -> bool {
        let told = self.callbacks.iter().filter(|(of, _)| *of == at);
        let mut reports = told.flat_map(|(_, callback)| read(callback));
        reports.find(|report| report.name == name).map_or(otherwise, |report| report.right)
    }

    /// One of the callbacks under way comes, and perhaps will come again.
    pub async fn deliver(&mut self) -> Step {
        if self.callbacks.is_empty() {
            return Ok(());
        }
        let index = self.below(self.callbacks.len());
        let again = self.below(3) == 0;
        let (at, callback) =
            if again { self.callbacks[index].clone() } else { self.callbacks.swap_remove(index) };
        if self.below(3) == 0 {
            self.forged(&callback).await?;
        }
        let reports = read(&callback);
        self.note(format_args!("deliver {reports:?} on {at}"));
        let request = crate::shkeeper::request(self.app, &callback);
        if let Some(polls) = self.cut() {
            self.note(format_args!("… and the program ends after {polls} polls"));
            crate::payouts::cut(pin!(request.clone().send()), polls).await;
        }
        self.expect(request, Ok(202)).await?;
        self.model.report(at, &reports);
        Ok(())
    }

    /// A callback that is not the gateway's has no effect.
    async fn forged(&mut self, good: &Callback) -> Step {
        let mut forged = good.clone();
        let kind = if self.world.fault == Fault::KeyIsEnough { 3 } else { self.below(4) };
        self.note(format_args!("forge {kind}"));
        // More money than there is.
        forged.body = forged.body.replace("\"25\"", "\"100\"").replace("\"50\"", "\"100\"") + " ";
        let now = self.app.app.clock.now().as_millis() / 1000;
        let mut set = |name: &str, value: Option<String>| {
            forged.headers.retain(|(known, _)| known != name);
            forged.headers.extend(value.map(|value| (name.to_owned(), value)));
        };
        match kind {
            // The good signature over another body.
            0 => {}
            1 => set("x-shkeeper-signature", Some(sign("another", now, forged.body.as_bytes()))),
            2 => set("x-shkeeper-timestamp", Some((now + 1).to_string())),
            // The key alone, which a reader of logs may have.
            _ => {
                set("x-shkeeper-signature", None);
                set("x-shkeeper-timestamp", None);
            }
        }
        self.expect(crate::shkeeper::request(self.app, &forged), Err("signature_invalid"))
            .await
            .map(drop)
    }

    /// The chain takes money back. The gateway never tells of that.
    pub async fn retract(&mut self) -> Step {
        let Some(at) = self.some_payment() else { return Ok(()) };
        let payment = &self.model.payments[at];
        let Some(name) = payment.money.iter().find(|(_, money)| !money.gone).map(|(name, _)| *name)
        else {
            return Ok(());
        };
        let (id, reference) = (payment.id.clone(), format!("{}-{name}", payment.id));
        self.note(format_args!("take {name} of {at} back"));
        let refused = (!self.model.retract(at, name)).then_some("escrow_wrong_state");
        let payment = payment_id(&json!({ "_id": id }));
        let mut tx = self.tx().await;
        let found = payments::retract(&mut tx, &self.app.app, &payment, &reference).await;
        Self::conclude(tx, found, refused).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a callback tells: of all transfers to the invoice, of which the one is final that triggered
/// it, or of one that has no confirmation yet.
fn read(callback: &Callback) -> Vec<Report> {
    let body = callback.json();
    let report = |txid: &Value, amount: &Value, coin: &Value, confirmed: bool| Report {
        name: text(txid).bytes().last().map_or(0, |digit| digit - b'0'),
        amount: (text(amount).parse::<f64>().expect("an amount") * 100.0).round() as i64,
        right: *coin == COINS[0],
        confirmed,
    };
    if body["status"] == "unconfirmed" {
        return vec![report(&body["txid"], &body["amount"], &body["crypto"], false)];
    }
    let transactions = body["transactions"].as_array().into_iter().flatten();
    transactions
        .map(|tx| report(&tx["txid"], &tx["amount_crypto"], &tx["crypto"], tx["trigger"] == true))
        .collect()
}
