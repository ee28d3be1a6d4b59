//! How a deal goes on and ends: by its people, by time, by administrators.

use events::PayoutId;
use serde_json::json;
use souk::payments::service as payments;
use souk::{delivery, offers};

use super::model::PRICE;
use super::run::{History, Step};
use crate::support::Request;
use crate::support::market::{REQUESTS, id};
use crate::support::money::payment_id;

impl History<'_> {
    fn path(&self, rest: &str) -> String {
        format!("{REQUESTS}/{}/{rest}", id(&self.deal.request))
    }

    fn escrow(&self) -> &'static str {
        self.model.payments.last().map_or("none", |payment| payment.escrow)
    }

    pub async fn fail(&mut self) -> Step {
        let Some(payment) = self.model.payments.last() else { return Ok(()) };
        self.log.push_str("fail\n");
        let payment = payment_id(&json!({ "_id": payment.id }));
        let mut tx = self.tx().await;
        let found = payments::fail(&mut tx, &self.app.app, &payment, "no luck").await;
        self.model.end("failed");
        Self::conclude(tx, found, None).await
    }

    pub async fn time_out(&mut self) -> Step {
        self.note(format_args!("time out"));
        let mut tx = self.tx().await;
        let found = offers::service::payment_timed_out(&mut tx, &self.deal.offer_id()).await;
        let waits = self.model.live().is_some_and(|payment| payment.seen() >= PRICE);
        if self.model.request == "payment" && !waits {
            self.model.end("expired");
            self.model.go("active");
        }
        Self::conclude(tx, found, None).await
    }

    pub async fn cancel(&mut self) -> Step {
        self.note(format_args!("cancel"));
        let cancel = self.buyer.post(&self.path("cancel")).json(&json!({ "reason": "x" }));
        if matches!(self.model.request, "payment" | "active") {
            self.expect(cancel, Ok(200)).await?;
            self.model.end("cancelled");
            self.model.go("cancelled");
        } else {
            self.expect(cancel, Err("request_not_cancellable")).await?;
        }
        Ok(())
    }

    /// Shipped, received, confirmed: whatever is next.
    pub async fn go_on(&mut self) -> Step {
        match self.model.request {
            "processing" => {
                self.note(format_args!("ship"));
                let ship = self.seller.put(&self.path("delivery"));
                self.expect(ship.json(&json!({ "status": "shipped" })), Ok(200)).await?;
                self.model.go("delivery");
            }
            "delivery" => {
                self.note(format_args!("receive"));
                let path = self.path("delivery-code/generate");
                let made = self.expect(self.seller.post(&path), Ok(200)).await?;
                let code = made["deliveryCode"].as_str().ok_or("no code")?;
                let path = self.path("delivery-code/verify");
                let enter = |code: &str| self.buyer.post(&path).json(&json!({ "code": code }));
                let wrong = if code == "123456" { "123457" } else { "123456" };
                self.expect(enter(wrong), Err("delivery_code_wrong")).await?;
                self.expect(enter(code), Ok(200)).await?;
                self.model.go("delivered");
                self.expect(enter(code), Err("wrong_state")).await?;
            }
            "delivered" => {
                self.note(format_args!("confirm"));
                let confirm = self.buyer.post(&self.path("confirm-delivery"));
                if self.escrow() == "disputed" {
                    self.insist(confirm, Err("dispute_open")).await?;
                } else {
                    self.insist(confirm, Ok(200)).await?;
                    self.model.complete();
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The timer of deals that nobody objects to.
    pub async fn release_by_time(&mut self) -> Step {
        self.note(format_args!("release by time"));
        let (mut tx, request) = (self.tx().await, self.deal.request_id());
        let found = delivery::completion::release_by_time(&mut tx, &self.app.app, &request).await;
        if self.model.request == "delivered" && self.escrow() != "disputed" {
            self.model.complete();
        }
        Self::conclude(tx, found, None).await
    }

    pub async fn open_dispute(&mut self) -> Step {
        let by_seller = self.below(2) == 0;
        let expected = match (self.model.is_paid(), self.escrow()) {
            (true, "funded") => Ok(201),
            (true, _) => Err("dispute_exists"),
            _ => Err("wrong_state"),
        };
        self.note(format_args!("dispute, by the seller: {by_seller}"));
        // Who was not chosen has no part in it.
        let by = if by_seller && self.model.is_paid() { self.seller } else { self.buyer };
        let body = json!({ "purchaseRequestId": id(&self.deal.request),
                           "category": "not_as_described", "description": "The switches are red." });
        let dispute = self.insist(by.post("/api/disputes").json(&body), expected).await?;
        if expected.is_ok() {
            self.dispute = Some(id(&dispute).to_owned());
            if let Some(payment) = self.model.payment() {
                payment.set("confirmed", "disputed");
            }
        }
        Ok(())
    }

    /// A dispute is decided.
    pub async fn resolve(&mut self) -> Step {
        let Some(dispute) = self.dispute.clone() else { return Ok(()) };
        if self.escrow() != "disputed" && self.model.request != "completed" {
            return Ok(());
        }
        let part = [0, 1, 4_999, PRICE][self.below(4)];
        self.note(format_args!("resolve: {part} to the seller"));
        let body = match part {
            0 => json!({ "outcome": "refund" }),
            PRICE => json!({ "outcome": "release" }),
            part => json!({ "outcome": "split",
                            "amount": format!("{}.{:02}", part / 100, part % 100) }),
        };
        let path = format!("/api/disputes/{dispute}/resolve");
        let resolve = self.world.admin.post(&path).json(&body);
        if self.escrow() != "disputed" {
            return self.insist(resolve, Err("dispute_resolved")).await.map(drop);
        }
        self.insist(resolve, Ok(200)).await?;
        if part == 0 {
            self.model.refund(!self.by_gateway);
        } else {
            self.model.complete();
            if let Some(payment) = self.model.payment() {
                payment.owed_back = payment.by_gateway && part < PRICE;
            }
        }
        Ok(())
    }

    fn post(&self, action: &str) -> Option<Request> {
        let payment = self.model.payments.last()?;
        Some(self.world.admin.post(&format!("/api/payment/{}/{action}", payment.id)))
    }

    pub async fn release(&mut self) -> Step {
        let Some(request) = self.post("release") else { return Ok(()) };
        self.note(format_args!("release"));
        let (paid, payment) = (self.model.is_paid(), self.model.payments.last());
        let (escrow, has_payout) =
            payment.map_or(("none", false), |p| (p.escrow, p.payout.is_some()));
        let expected = match escrow {
            "funded" if paid => Ok(200),
            "releasable" if has_payout => Err("payout_exists"),
            "releasable" => Ok(200),
            "disputed" => Err("escrow_disputed"),
            _ => Err("escrow_wrong_state"),
        };
        self.insist(request, expected).await?;
        if expected.is_ok() {
            if escrow == "funded" {
                self.model.complete();
            }
            self.find_payout().await?;
        }
        Ok(())
    }

    pub async fn refund(&mut self) -> Step {
        let Some(request) = self.post("refund") else { return Ok(()) };
        self.note(format_args!("refund"));
        let owed_back = self.model.payments.last().is_some_and(|payment| payment.owed_back);
        let expected = match self.escrow() {
            _ if owed_back => Ok(200),
            "funded" if self.model.is_paid() => Ok(200),
            "disputed" => Err("escrow_disputed"),
            _ => Err("escrow_wrong_state"),
        };
        // By the gateway an administrator gives it back, and says how.
        let body = if self.by_gateway { json!({ "txHash": "0xback" }) } else { json!({}) };
        self.insist(request.json(&body), expected).await?;
        match expected {
            Ok(_) if owed_back => self.model.sent_back(),
            Ok(_) => self.model.refund(true),
            Err(_) => {}
        }
        Ok(())
    }

    pub async fn refund_excess(&mut self) -> Step {
        let Some(at) = self.some_payment() else { return Ok(()) };
        self.note(format_args!("refund the excess of {at}"));
        let payment = &mut self.model.payments[at];
        let excess = payment.excess();
        let due = excess > 0 && !payment.live();
        let path = format!("/api/payment/{}/refund", payment.id);
        if due {
            payment.excess_refunded += excess;
        }
        let mut body = json!({ "excess": true });
        if self.by_gateway {
            body["txHash"] = json!("0xexcess");
        }
        let request = self.world.admin.post(&path).json(&body);
        let expected = if due { Ok(200) } else { Err("nothing_to_refund") };
        self.insist(request, expected).await.map(drop)
    }

    pub fn payout(&self) -> Option<PayoutId> {
        self.model.payments.last()?.payout.as_ref()?.parse().ok()
    }
}
