//! What the gateway remembers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::callback::Callback;
use crate::{Decimal, Endpoint};

/// A call that arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// What was called.
    pub endpoint: Endpoint,
    /// Path and query.
    pub uri: String,
    /// Its JSON body, or `null`.
    pub body: Value,
}

/// Money that left.
#[derive(Debug, Clone)]
pub struct Send {
    /// The payout's external id.
    pub external_id: String,
    /// The coin.
    pub coin: String,
    /// Where it went.
    pub destination: String,
    /// How much.
    pub amount: Decimal,
    /// The transaction.
    pub txid: String,
}

/// How a payout's task ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEnd {
    /// Broadcast.
    Success,
    /// It failed with this text, after the money had left or before.
    Failure {
        /// What the task's result says.
        text: String,
        /// Whether the money left all the same.
        sent: bool,
    },
}

#[derive(Debug, Clone)]
pub struct Invoice {
    pub coin: String,
    pub address: String,
    pub external_id: Value,
    pub fiat: String,
    pub callback_url: String,
    pub amount_fiat: Decimal,
    pub amount: Decimal,
    pub rate: Decimal,
    pub balance_fiat: Decimal,
    pub balance: Decimal,
    pub status: &'static str,
    /// Coin and address, in the order made.
    pub addresses: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub struct Transfer {
    pub invoice: usize,
    pub coin: String,
    pub txid: String,
    pub amount: Decimal,
    pub amount_fiat: Decimal,
    pub date: String,
    pub needs_more: bool,
    pub accepted: bool,
}

#[derive(Debug, Clone)]
pub struct Unconfirmed {
    pub invoice: usize,
    pub coin: String,
    pub address: String,
    pub txid: String,
    pub amount: Decimal,
    pub accepted: bool,
}

#[derive(Debug, Clone)]
pub struct Payout {
    pub coin: String,
    pub external_id: Option<String>,
    pub destination: String,
    pub amount: Decimal,
    pub callback_url: Option<String>,
    pub task: Option<String>,
    pub status: &'static str,
    pub txids: Vec<String>,
    pub date: String,
    pub notify: bool,
    pub tries: u32,
}

#[derive(Debug, Clone)]
pub struct Task {
    pub external_id: String,
    pub coin: String,
    pub destination: String,
    pub amount: Decimal,
    pub status: &'static str,
    pub result: Value,
}

#[derive(Debug, Default)]
pub struct State {
    pub invoices: Vec<Invoice>,
    pub transfers: Vec<Transfer>,
    pub unconfirmed: Vec<Unconfirmed>,
    pub payouts: Vec<Payout>,
    pub tasks: BTreeMap<String, Task>,
    pub confirmations: BTreeMap<String, u32>,
    pub sends: Vec<Send>,
    pub calls: Vec<Call>,
    pub waiting: Vec<Callback>,
    pub addresses: BTreeSet<String>,
    pub counter: u64,
}

impl State {
    /// A new address of a coin, in its form.
    pub fn new_address(&mut self, coin: &str) -> String {
        self.counter += 1;
        let tail = format!("{:040x}", u128::from(self.counter) * 0x9e37_79b9_7f4a_7c15);
        let address = if coin == "BTC" { format!("bc1q{tail}") } else { format!("0x{tail}") };
        self.addresses.insert(address.clone());
        address
    }

    /// A new id of a task or a transaction.
    pub fn new_id(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}{:08x}", self.counter)
    }
}
