//! Deals, brought as far as a test needs them.
//!
//! ```ignore
//! let deal = app.deal().await.shipped().await;
//! let code = deal.generate_code().await;
//! deal.buyer.post(&deal.path("delivery-code/verify")).json(&json!({ "code": code }));
//! ```

use events::RequestId;
use serde_json::{Value, json};
use souk::requests::model::Input;

use super::market::{REQUESTS, id};
use super::{Actor, TestApp};

/// A request with an accepted offer, and its people.
pub struct Deal<'a> {
    app: &'a TestApp,
    /// Who buys.
    pub buyer: Actor,
    /// Whose offer is accepted.
    pub seller: Actor,
    /// The request as it was published.
    pub request: Value,
    /// The accepted offer.
    pub offer: Value,
}

impl TestApp {
    /// A deal of two new people whose offer is accepted and not paid.
    pub async fn accepted_deal(&self) -> Deal<'_> {
        self.accepted_deal_of(self.buyer().await, self.seller().await).await
    }

    /// A deal of these people whose offer is accepted and not paid.
    pub async fn accepted_deal_of(&self, buyer: Actor, seller: Actor) -> Deal<'_> {
        let request = buyer.publish(&json!({})).await;
        let offer = seller.make_offer(&request, &json!({})).await;
        let offer = buyer.accept(&offer).await;
        Deal { app: self, buyer, seller, request, offer }
    }

    /// A deal of two new people that is paid.
    pub async fn funded_deal(&self) -> Deal<'_> {
        self.accepted_deal().await.funded().await
    }
}

impl Deal<'_> {
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

    /// Pays it.
    pub async fn funded(self) -> Self {
        let mut tx = self.app.app.begin().await.expect("a transaction");
        let request: RequestId = self.id().parse().expect("an id");
        let mut request = souk::requests::service::lock_for_system(&mut tx, &request)
            .await
            .expect("a lock")
            .expect("a request");
        souk::requests::service::advance(&mut tx, &mut request, Input::Paid).await.expect("paid");
        tx.commit().await.expect("a commit");
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
}
