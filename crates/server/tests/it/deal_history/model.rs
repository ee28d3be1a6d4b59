//! What the contract says of a deal and its money, one step after the other.

use std::collections::BTreeMap;

/// The price of every deal, in cents.
pub const PRICE: i64 = 10_000;

/// Money that was seen.
#[derive(Debug, Clone)]
pub struct Money {
    pub amount: i64,
    pub right: bool,
    pub confirmed: bool,
    pub late: bool,
    pub gone: bool,
}

/// Money that is told of.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    pub name: u8,
    pub amount: i64,
    pub right: bool,
    pub confirmed: bool,
}

/// A payment.
#[derive(Debug, Clone)]
pub struct Payment {
    pub id: String,
    pub status: &'static str,
    pub escrow: &'static str,
    pub money: BTreeMap<u8, Money>,
    pub excess_refunded: i64,
    /// What is, or was, in escrow.
    pub held: i64,
    pub payout: Option<String>,
    /// Whether it is paid by the gateway.
    pub by_gateway: bool,
    /// Whether something has still to be sent back to the buyer.
    pub owed_back: bool,
    /// Every change of status and escrow but those of payouts, in order.
    pub changes: Vec<(String, String)>,
}

/// A deal.
#[derive(Debug, Clone)]
pub struct Deal {
    pub request: &'static str,
    pub payments: Vec<Payment>,
    /// Every status that the request came to.
    pub changes: Vec<&'static str>,
}

impl Payment {
    pub fn new(id: &str, by_gateway: bool) -> Self {
        Self {
            by_gateway,
            owed_back: false,
            id: id.to_owned(),
            status: "pending",
            escrow: "none",
            money: BTreeMap::new(),
            excess_refunded: 0,
            held: 0,
            payout: None,
            changes: Vec::new(),
        }
    }

    pub fn live(&self) -> bool {
        matches!(self.status, "pending" | "processing")
    }

    pub fn dead(&self) -> bool {
        matches!(self.status, "failed" | "cancelled" | "expired" | "refunded")
    }

    fn sum(&self, which: impl Fn(&Money) -> bool) -> i64 {
        let counted = self.money.values().filter(|m| m.right && !m.gone && which(m));
        counted.map(|m| m.amount).sum()
    }

    pub fn received(&self) -> i64 {
        self.sum(|m| m.confirmed)
    }

    pub fn seen(&self) -> i64 {
        self.sum(|_| true)
    }

    pub fn excess(&self) -> i64 {
        self.received() - self.excess_refunded - self.held
    }

    pub fn exception(&self) -> &'static str {
        let any = |which: fn(&Money) -> bool| self.money.values().any(|m| !m.gone && which(m));
        if any(|m| m.right && m.late) {
            "late"
        } else if any(|m| !m.right) {
            "wrong_asset"
        } else if self.received() > PRICE {
            "over"
        } else if self.seen() > 0 && self.seen() < PRICE {
            "partial"
        } else {
            "-"
        }
    }

    pub fn set(&mut self, status: &'static str, escrow: &'static str) {
        if (self.status, self.escrow) != (status, escrow) {
            (self.status, self.escrow) = (status, escrow);
            self.changes.push((status.to_owned(), escrow.to_owned()));
        }
    }
}

impl Deal {
    pub fn new() -> Self {
        Self { request: "payment", payments: Vec::new(), changes: Vec::new() }
    }

    pub fn go(&mut self, status: &'static str) {
        self.request = status;
        self.changes.push(status);
    }

    pub fn is_paid(&self) -> bool {
        matches!(self.request, "processing" | "delivery" | "delivered")
    }

    /// The newest payment.
    pub fn payment(&mut self) -> Option<&mut Payment> {
        self.payments.last_mut()
    }

    /// The live payment.
    pub fn live(&mut self) -> Option<&mut Payment> {
        self.payments.last_mut().filter(|payment| payment.live())
    }

    /// Money is reported, all of it at once.
    pub fn report(&mut self, at: usize, reports: &[Report]) {
        let payment = &mut self.payments[at];
        let dead = payment.dead();
        for Report { name, amount, right, confirmed } in reports.iter().copied() {
            let fresh = Money { amount, right, confirmed, late: dead, gone: false };
            match payment.money.get_mut(&name) {
                None => {
                    payment.money.insert(name, fresh);
                }
                Some(known) if known.confirmed && !known.gone => {}
                // The gateway's news are what has changed.
                Some(known) if payment.by_gateway && known.confirmed == confirmed => {}
                Some(known) => *known = Money { late: known.late || dead, ..fresh },
            }
        }
        self.settle(at);
    }

    /// The chain takes money back. False where that is refused.
    pub fn retract(&mut self, at: usize, name: u8) -> bool {
        let payment = &mut self.payments[at];
        let money = payment.money[&name].clone();
        if money.confirmed && money.right && money.amount > payment.excess() {
            let in_escrow = matches!(payment.escrow, "funded" | "disputed");
            if payment.held == 0 || !in_escrow || money.amount > payment.excess() + payment.held {
                return false;
            }
            payment.held = 0;
            payment.set("failed", "failed");
            self.go("cancelled");
        }
        let payment = &mut self.payments[at];
        if let Some(money) = payment.money.get_mut(&name) {
            money.gone = true;
        }
        self.settle(at);
        true
    }

    fn settle(&mut self, at: usize) {
        let payment = &mut self.payments[at];
        if !payment.live() {
            return;
        }
        let (received, seen) = (payment.received(), payment.seen());
        if received >= PRICE {
            payment.held = PRICE;
            payment.set("confirmed", "funded");
            self.go("processing");
        } else {
            let status = if seen > 0 { "processing" } else { "pending" };
            payment.set(status, if received > 0 { "partial" } else { "none" });
        }
    }

    /// The live payment ends without a deal.
    pub fn end(&mut self, status: &'static str) {
        if let Some(payment) = self.live() {
            payment.set(status, "none");
        }
    }

    /// The deal is closed: the request goes through what is left, the escrow is the seller's.
    pub fn complete(&mut self) {
        for (from, to) in [("processing", "delivery"), ("delivery", "delivered")] {
            if self.request == from {
                self.go(to);
            }
        }
        self.go("completed");
        if let Some(payment) = self.payment() {
            payment.set("confirmed", "releasable");
        }
    }

    /// The deal is called off: play money goes back at once, other money when it was `sent`.
    pub fn refund(&mut self, sent: bool) {
        self.go("cancelled");
        if let Some(payment) = self.payment() {
            payment.set("confirmed", "refunding");
            payment.owed_back = true;
        }
        if sent {
            self.sent_back();
        }
    }

    /// What the buyer gets back has left.
    pub fn sent_back(&mut self) {
        if let Some(payment) = self.payment() {
            payment.owed_back = false;
            if payment.escrow == "refunding" {
                payment.set("refunded", "refunded");
            }
        }
    }
}
