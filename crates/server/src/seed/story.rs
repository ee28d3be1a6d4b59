//! What happens in the demo.

use serde_json::{Value, json};

use super::api::Api;
use super::people::{Person, id};
use super::{PASSWORD, Summary, disputes, shop};
use crate::app::App;
use crate::auth;
use crate::clock::Randomness;
use crate::config::CodeHolder;

const REQUESTS: &str = "/api/marketplace/purchase-requests";
const ADMIN: &str = "admin@demo.souk.example";

const BUYERS: [&str; 6] =
    ["Amina Haddad", "Bruno Costa", "Chen Wei", "Dilara Kaya", "Elif Demir", "Farid Nouri"];
const SELLERS: [&str; 5] =
    ["Gallery Zahra", "Hassan Spices", "Indigo Textiles", "Jasmin Ceramics", "Karim Electronics"];

/// What is wanted: title, description, type, lowest and highest price in whole dollars.
const WANTED: [(&str, &str, &str, u32, u32); 16] = [
    ("Two mechanical keyboards", "ISO layout, brown switches.", "physical", 100, 250),
    (
        "Hand-woven carpet, 2 by 3 metres",
        "Red and blue, wool, no machine work.",
        "physical",
        400,
        900,
    ),
    ("Twelve kilograms of saffron rice", "Long grain, this year's harvest.", "physical", 40, 90),
    ("A logo for a tea house", "Vector files, three drafts.", "service", 80, 300),
    ("Set of ceramic bowls", "Eight bowls, glazed inside and out.", "physical", 60, 160),
    ("Used camera with a 35 mm lens", "Working light meter, little wear.", "physical", 150, 400),
    ("Translation of a contract", "Twelve pages, Arabic to English.", "service", 120, 350),
    ("Copper lamp", "Pierced work, about 40 centimetres high.", "physical", 50, 140),
    ("Licence for an accounting program", "For three work places, one year.", "digital", 90, 240),
    ("Bicycle for a child of six", "With mudguards and a bell.", "physical", 70, 180),
    ("Embroidered curtains", "Four panels, 140 by 260 centimetres.", "physical", 110, 320),
    ("Repair of an old radio", "Valves are there, the speaker is torn.", "service", 40, 150),
    ("Leather travel bag", "Hand luggage size, brown.", "physical", 90, 260),
    ("Olive oil, ten litres", "Cold pressed, this year's.", "physical", 60, 140),
    ("Wedding photographs", "One afternoon, edited.", "service", 300, 800),
    ("Brass door handles", "Six pairs, unlacquered.", "physical", 80, 200),
];

const OFFERS: [&str; 4] = [
    "In stock, I can send it tomorrow.",
    "Made to order, with pictures before it leaves.",
    "Same quality as always, ask my other buyers.",
    "I can do it a little cheaper if you take two.",
];

const TALK: [(&str, &str); 4] = [
    ("Hello, can you send it this week?", "Yes, on Thursday at the latest."),
    ("Is the colour as in the picture?", "A little darker, I will send you another one."),
    ("Could you pack it as a gift?", "Of course, without an invoice in the parcel."),
    ("What about the guarantee?", "One year on everything, return within two weeks."),
];

/// How far a deal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    Active,
    Offers,
    Accepted,
    Paid,
    Shipped,
    Delivered,
    Completed,
}

/// The ends of the deals, in the order of [`WANTED`].
const ENDS: [Until; 16] = [
    Until::Active,
    Until::Offers,
    Until::Accepted,
    Until::Paid,
    Until::Shipped,
    Until::Delivered,
    Until::Completed,
    Until::Completed,
    Until::Completed,
    Until::Completed,
    Until::Offers,
    Until::Shipped,
    Until::Shipped,
    Until::Delivered,
    Until::Paid,
    Until::Shipped,
];
/// This one is cancelled by its buyer.
const CANCELLED: usize = 10;
/// These go wrong, and what is decided about each: nothing yet for the first.
const DISPUTED: [(usize, Option<&str>); 4] =
    [(12, None), (13, Some("release")), (14, Some("refund")), (15, Some("split"))];

/// A deal whose price is in escrow, or was.
pub struct Deal {
    pub request: String,
    pub buyer: Person,
    pub seller: Person,
}

struct Story<'a> {
    app: &'a App,
    random: &'a Randomness,
    buyers: Vec<Person>,
    sellers: Vec<Person>,
    summary: Summary,
}

/// Makes all of it.
///
/// # Errors
/// One line about the first thing that was refused.
pub async fn tell(app: &App, random: &Randomness) -> Result<Summary, String> {
    let api = Api::new(app);
    auth::service::create_admin(app, ADMIN, PASSWORD)
        .await
        .map_err(|error| format!("the administrator: {}", error.message))?;
    let admin = Person::sign_in(&api, "admin", ADMIN).await?;
    let mut sellers: Vec<Person> = Vec::new();
    for (index, name) in SELLERS.iter().enumerate() {
        // The last one was invited by the first.
        let code = sellers.first().filter(|_| index + 1 == SELLERS.len());
        let code = code.map(|seller| seller.referral_code.clone());
        let seller = Person::register(&api, "seller", name, code.as_deref()).await?;
        let wallet = json!({ "payoutWallet": {
            "crypto": "ETH-USDT", "address": format!("0x{:040x}", index + 1),
        } });
        seller.patch("/api/auth/me", &wallet).await?;
        sellers.push(seller);
    }
    let mut buyers: Vec<Person> = Vec::new();
    for (index, name) in BUYERS.iter().enumerate() {
        let code = (index % 2 == 1).then(|| buyers[index - 1].referral_code.clone());
        buyers.push(Person::register(&api, "buyer", name, code.as_deref()).await?);
    }
    let mut story = Story { app, random, buyers, sellers, summary: Summary::default() };
    for (index, end) in ENDS.into_iter().enumerate() {
        if let Some(deal) = story.deal(index, end).await?
            && let Some((_, outcome)) = DISPUTED.iter().find(|(disputed, _)| *disputed == index)
        {
            disputes::about(&deal, &admin, *outcome).await?;
            story.summary.disputes += 1;
        }
    }
    let shop = shop::fill(random, &story.sellers, &story.buyers).await?;
    (story.summary.templates, story.summary.checkouts) = shop;
    let people = [&admin].into_iter().chain(&story.sellers).chain(&story.buyers);
    story.summary.accounts = people.map(|person| person.account.clone()).collect();
    Ok(story.summary)
}

impl Story<'_> {
    fn pick<'t, T>(&self, of: &'t [T]) -> &'t T {
        &of[self.random.below(of.len() as u32) as usize]
    }

    /// One deal; what is paid is returned.
    async fn deal(&mut self, index: usize, until: Until) -> Result<Option<Deal>, String> {
        let buyer = self.buyers[index % self.buyers.len()].clone();
        let (title, description, kind, min, max) = WANTED[index];
        let body = json!({
            "title": title, "description": description, "productType": kind, "quantity": 1,
            "budget": { "min": format!("{min}.00"), "max": format!("{max}.00"), "currency": "USD" },
            "urgency": self.pick(&["low", "medium", "high"]),
            "deliveryInfo": { "address": "12 Market Street", "city": "Lisbon" },
        });
        let request = buyer.post(REQUESTS, &body).await?;
        self.summary.requests += 1;
        if until == Until::Active {
            return Ok(None);
        }
        let path = format!("{REQUESTS}/{}", id(&request)?);
        let first = self.random.below(self.sellers.len() as u32) as usize;
        let mut offers = Vec::new();
        for step in 0..3 {
            let seller = self.sellers[(first + step) % self.sellers.len()].clone();
            let price = min + self.random.below(max - min);
            let body = json!({
                "price": { "amount": format!("{price}.00"), "currency": "USD" },
                "deliveryTime": { "amount": 2 + self.random.below(8), "unit": "days" },
                "message": self.pick(&OFFERS),
            });
            let offer = seller.post(&format!("{path}/offers"), &body).await?;
            offers.push((seller, offer));
        }
        let (seller, offer) = offers.swap_remove(0);
        self.talk(&buyer, &seller, &request).await?;
        if index == CANCELLED {
            let reason = json!({ "reason": "I found it in the attic" });
            buyer.post(&format!("{path}/cancel"), &reason).await?;
        }
        if until == Until::Offers {
            return Ok(None);
        }
        buyer.act(&format!("/api/marketplace/offers/{}/accept", id(&offer)?)).await?;
        if until == Until::Accepted {
            return Ok(None);
        }
        let intent = json!({ "purchaseRequestId": id(&request)?, "sellerOfferId": id(&offer)? });
        let payment = buyer.post("/api/payment/sandbox/intents", &intent).await?;
        let pay = format!("/api/payment/sandbox/{}/pay", id(&payment)?);
        buyer.post(&pay, &json!({})).await?;
        self.deliver(&path, &buyer, &seller, until).await?;
        let request = id(&request)?.to_owned();
        Ok(Some(Deal { request, buyer, seller }))
    }

    async fn deliver(
        &self,
        path: &str,
        buyer: &Person,
        seller: &Person,
        until: Until,
    ) -> Result<(), String> {
        if until < Until::Shipped {
            return Ok(());
        }
        let number = format!("SK{:08}", self.random.below(100_000_000));
        let shipped =
            json!({ "status": "shipped", "carrier": "Caravan Post", "trackingNumber": number });
        seller.put(&format!("{path}/delivery"), &shipped).await?;
        if until < Until::Delivered {
            return Ok(());
        }
        let (holder, other) = match self.app.config.deal.delivery_code_holder {
            CodeHolder::Seller => (seller, buyer),
            CodeHolder::Buyer => (buyer, seller),
        };
        let code = holder.act(&format!("{path}/delivery-code/generate")).await?;
        let code = json!({ "code": code["deliveryCode"] });
        other.post(&format!("{path}/delivery-code/verify"), &code).await?;
        if until < Until::Completed {
            return Ok(());
        }
        buyer.act(&format!("{path}/confirm-delivery")).await?;
        let rating = 3 + self.random.below(3);
        let review = json!({ "rating": rating, "comment": "As described, and well packed." });
        buyer.post(&format!("{path}/review"), &review).await?;
        let review = json!({ "rating": 5, "comment": "Paid at once, friendly words." });
        seller.post(&format!("{path}/review"), &review).await?;
        Ok(())
    }

    async fn talk(
        &mut self,
        buyer: &Person,
        seller: &Person,
        request: &Value,
    ) -> Result<(), String> {
        let body = json!({ "purchaseRequestId": id(request)?, "sellerId": seller.id });
        let chat = buyer.post("/api/chat/purchase-request", &body).await?;
        let path = format!("/api/chat/{}/messages", id(&chat)?);
        let (question, answer) = *self.pick(&TALK);
        buyer.post(&path, &json!({ "content": question })).await?;
        seller.post(&path, &json!({ "content": answer })).await?;
        self.summary.messages += 2;
        Ok(())
    }
}
