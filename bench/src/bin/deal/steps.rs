//! A whole deal, step by step, as its people do it.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::client::{Client, Listener, heard};

const REQUESTS: &str = "/api/marketplace/purchase-requests";

/// A step; each is one request but for [`Step::Offers`], which are three, and [`Step::Payout`],
/// which the server takes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Request,
    Offers,
    Accept,
    Intent,
    Pay,
    Ship,
    Code,
    Receive,
    Confirm,
    Payout,
}

impl Step {
    pub const ALL: [Self; 10] = [
        Self::Request,
        Self::Offers,
        Self::Accept,
        Self::Intent,
        Self::Pay,
        Self::Ship,
        Self::Code,
        Self::Receive,
        Self::Confirm,
        Self::Payout,
    ];

    /// What it is, in a word or two.
    pub fn label(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Offers => "3 offers",
            Self::Accept => "accept",
            Self::Intent => "payment begun",
            Self::Pay => "paid",
            Self::Ship => "shipped",
            Self::Code => "delivery code",
            Self::Receive => "code entered",
            Self::Confirm => "confirmed",
            Self::Payout => "paid out",
        }
    }
}

/// A buyer and three sellers, by their tokens.
#[derive(Clone)]
pub struct People {
    buyer: String,
    sellers: Vec<String>,
}

impl People {
    /// Signs them up; the sellers have wallets.
    pub async fn register(client: &mut Client, group: usize) -> Result<Self> {
        let mut tokens = Vec::new();
        for (role, number) in [("seller", 1), ("seller", 2), ("seller", 3), ("buyer", 0)] {
            let body = json!({ "email": format!("{role}{number}-{group}@bench.example"),
                               "password": "a long enough password 7", "role": role,
                               "name": format!("{role} {number} of {group}") });
            let answer = client.call("POST", "/api/auth/register", "", Some(&body)).await?;
            let token = answer["accessToken"].as_str().context("no token")?.to_owned();
            if role == "seller" {
                let wallet = json!({ "payoutWallet": { "crypto": "ETH-USDT",
                                     "address": "0x52908400098527886e0f7030069857d2e4169ee7" } });
                client.call("PATCH", "/api/auth/me", &token, Some(&wallet)).await?;
            }
            tokens.push(token);
        }
        let buyer = tokens.pop().context("nobody")?;
        Ok(Self { buyer, sellers: tokens })
    }
}

/// A deal under way.
pub struct Deal {
    people: People,
    request: String,
    offer: String,
    payment: String,
    code: String,
    paid_out: Option<oneshot::Receiver<()>>,
}

fn id(document: &Value) -> Result<String> {
    Ok(document["_id"].as_str().context("no _id")?.to_owned())
}

impl Deal {
    pub fn new(people: &People) -> Self {
        let (request, offer, payment, code) = Default::default();
        Self { people: people.clone(), request, offer, payment, code, paid_out: None }
    }

    /// Takes a step.
    pub async fn take(
        &mut self,
        step: Step,
        client: &mut Client,
        listener: &Listener,
    ) -> Result<()> {
        let buyer = self.people.buyer.as_str();
        let seller = self.people.sellers[0].as_str();
        let of_request = |rest: &str| format!("{REQUESTS}/{}/{rest}", self.request);
        match step {
            Step::Request => {
                let body = json!({
                    "title": "Two mechanical keyboards",
                    "description": "ISO layout, brown switches, and a cable for each.",
                    "productType": "physical", "quantity": 2, "urgency": "medium",
                    "budget": { "min": "100.00", "max": "250.00", "currency": "USD" },
                    "deliveryInfo": { "address": "Rua A 1", "city": "Lisbon", "phone": "+351 1" },
                });
                self.request = id(&client.call("POST", REQUESTS, buyer, Some(&body)).await?)?;
            }
            Step::Offers => {
                let body = json!({
                    "price": { "amount": "180.00", "currency": "USD" },
                    "deliveryTime": { "amount": 3, "unit": "days" }, "message": "Both in stock.",
                });
                let path = of_request("offers");
                for seller in self.people.sellers.iter().rev() {
                    self.offer = id(&client.call("POST", &path, seller, Some(&body)).await?)?;
                }
            }
            Step::Accept => {
                let path = format!("/api/marketplace/offers/{}/accept", self.offer);
                client.call("POST", &path, buyer, None).await?;
            }
            Step::Intent => {
                let body = json!({ "purchaseRequestId": self.request,
                                   "sellerOfferId": self.offer });
                let path = "/api/payment/sandbox/intents";
                self.payment = id(&client.call("POST", path, buyer, Some(&body)).await?)?;
                self.paid_out = Some(listener.expect(&self.payment));
            }
            Step::Pay => {
                let path = format!("/api/payment/sandbox/{}/pay", self.payment);
                client.call("POST", &path, buyer, Some(&json!({}))).await?;
            }
            Step::Ship => {
                let body = json!({ "status": "shipped", "carrier": "DHL",
                                   "trackingNumber": "JD014600003" });
                client.call("PUT", &of_request("delivery"), seller, Some(&body)).await?;
            }
            Step::Code => {
                let path = of_request("delivery-code/generate");
                let answer = client.call("POST", &path, seller, None).await?;
                answer["deliveryCode"].as_str().context("no code")?.clone_into(&mut self.code);
            }
            Step::Receive => {
                let body = json!({ "code": self.code });
                let path = of_request("delivery-code/verify");
                client.call("POST", &path, buyer, Some(&body)).await?;
            }
            Step::Confirm => {
                client.call("POST", &of_request("confirm-delivery"), buyer, None).await?;
            }
            Step::Payout => heard(self.paid_out.take().context("not begun")?).await?,
        }
        Ok(())
    }
}
