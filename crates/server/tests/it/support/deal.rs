//! Deals, brought as far as a test needs them. Paying takes play money: tests that pay name
//! [`SANDBOX`](super::money::SANDBOX) among their settings.
//!
//! ```ignore
//! app_test!(a_deal_is_completed, [SANDBOX], async |app| {
//!     let deal = app.delivered_deal().await;
//!     deal.confirm().await.data(200);
//!     assert_eq!(deal.status().await, "completed");
//! });
//! ```

use serde_json::{Value, json};

use super::market::{REQUESTS, id};
use super::{Actor, Answer, TestApp};

/// A request with an accepted offer, and its people.
pub struct Deal {
    /// Who buys.
    pub buyer: Actor,
    /// Whose offer is accepted.
    pub seller: Actor,
    /// The request as it was published.
    pub request: Value,
    /// The accepted offer.
    pub offer: Value,
    /// Its payment; null before it is paid.
    pub payment: Value,
}

impl TestApp {
    /// A deal of two new people whose offer is accepted and not paid.
    pub async fn accepted_deal(&self) -> Deal {
        Deal::accepted(self.buyer().await, self.seller().await).await
    }

    /// A deal of two new people that is paid.
    pub async fn funded_deal(&self) -> Deal {
        self.accepted_deal().await.funded().await
    }

    /// A deal of two new people that is on its way.
    pub async fn shipped_deal(&self) -> Deal {
        self.funded_deal().await.shipped().await
    }

    /// A deal of two new people whose goods were received.
    pub async fn delivered_deal(&self) -> Deal {
        self.shipped_deal().await.delivered().await
    }

    /// A deal of two new people that is done; its payout waits for a wallet.
    pub async fn completed_deal(&self) -> Deal {
        self.delivered_deal().await.completed().await
    }
}

impl Deal {
    /// A deal of these people whose offer is accepted and not paid: 180.00 USD.
    pub async fn accepted(buyer: Actor, seller: Actor) -> Self {
        let request = buyer.publish(&json!({})).await;
        let offer = seller.make_offer(&request, &json!({})).await;
        let offer = buyer.accept(&offer).await;
        Self { buyer, seller, request, offer, payment: Value::Null }
    }

    /// The request's id.
    pub fn id(&self) -> &str {
        id(&self.request)
    }

    /// A path below the request's.
    pub fn path(&self, rest: &str) -> String {
        format!("{REQUESTS}/{}/{rest}", self.id())
    }

    /// The request's room.
    pub fn room(&self) -> String {
        format!("request-{}", self.id())
    }

    /// Where the request stands.
    pub async fn status(&self) -> String {
        let seen = self.buyer.see(&self.request).await;
        seen["status"].as_str().expect("a status").to_owned()
    }

    /// Where the escrow stands.
    pub async fn escrow(&self) -> String {
        let path = format!("/api/payment/{}", id(&self.payment));
        let payment = self.buyer.get(&path).send().await.data(200);
        payment["escrowState"].as_str().expect("a state").to_owned()
    }

    /// Pays it in play money.
    pub async fn funded(mut self) -> Self {
        let body = json!({ "purchaseRequestId": self.id(), "sellerOfferId": self.offer["_id"] });
        let intents = "/api/payment/sandbox/intents";
        let payment = self.buyer.post(intents).json(&body).send().await.data(201);
        let pay = format!("/api/payment/sandbox/{}/pay", id(&payment));
        self.payment = self.buyer.post(&pay).json(&json!({})).send().await.data(200);
        assert_eq!(self.payment["escrowState"], "funded");
        self
    }

    /// Sends it.
    pub async fn shipped(self) -> Self {
        let body = json!({ "status": "shipped" });
        self.seller.put(&self.path("delivery")).json(&body).send().await.data(200);
        self
    }

    /// Makes a delivery code as the one who holds it.
    pub async fn generate_code_as(&self, holder: &Actor) -> String {
        let answer = holder.post(&self.path("delivery-code/generate")).send().await.data(200);
        answer["deliveryCode"].as_str().expect("a code").to_owned()
    }

    /// Makes a delivery code as the seller.
    pub async fn generate_code(&self) -> String {
        self.generate_code_as(&self.seller).await
    }

    /// Hands it over against the code.
    pub async fn delivered(self) -> Self {
        let code = json!({ "code": self.generate_code().await });
        self.buyer.post(&self.path("delivery-code/verify")).json(&code).send().await.data(200);
        self
    }

    /// The buyer's confirmation.
    pub async fn confirm(&self) -> Answer {
        self.buyer.post(&self.path("confirm-delivery")).send().await
    }

    /// Confirms it.
    pub async fn completed(self) -> Self {
        self.confirm().await.data(200);
        self
    }

    /// Opens a dispute about it.
    pub async fn dispute(&self, by: &Actor) -> Value {
        let body = json!({
            "purchaseRequestId": self.id(), "category": "not_as_described",
            "description": "The switches are red.",
        });
        by.post("/api/disputes").json(&body).send().await.data(201)
    }
}

/// Opens a shop's template, complete but for what is given; `null` leaves a field out.
pub fn template_body(changes: &Value) -> Value {
    super::market::merged(
        json!({
            "title": "Mechanical keyboard",
            "description": "ISO layout, brown switches.",
            "productType": "physical",
            "price": { "amount": "90.00", "currency": "USD" },
            "deliveryTime": { "amount": 3, "unit": "days" },
            "maxUsage": 10,
        }),
        changes,
    )
}

/// Where templates are.
pub const TEMPLATES: &str = "/api/marketplace/request-templates";
/// Where checkouts are.
pub const CHECKOUTS: &str = "/api/marketplace/template-checkout";

impl Actor {
    /// Publishes [`template_body`] with changes and returns the document.
    pub async fn template(&self, changes: &Value) -> Value {
        self.post(TEMPLATES).json(&template_body(changes)).send().await.data(201)
    }

    /// Checks templates out, so many of each.
    pub async fn try_checkout(&self, items: &[(&Value, u32)]) -> Answer {
        let item = |(template, quantity): &(&Value, u32)| json!({ "templateId": template["_id"], "quantity": quantity });
        let items: Vec<Value> = items.iter().map(item).collect();
        self.post(CHECKOUTS).json(&json!({ "items": items })).send().await
    }

    /// As [`try_checkout`](Self::try_checkout), which must succeed.
    pub async fn checkout(&self, items: &[(&Value, u32)]) -> Value {
        self.try_checkout(items).await.data(201)
    }

    /// Begins the payment of a checkout in play money.
    pub async fn begin_checkout_payment(&self, checkout: &Value) -> Value {
        let body = json!({ "checkoutId": checkout["_id"] });
        self.post("/api/payment/sandbox/intents").json(&body).send().await.data(201)
    }
}
