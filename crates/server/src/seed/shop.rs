//! What sellers have ready, and who buys it.

use serde_json::{Value, json};

use super::people::{Person, id};
use crate::clock::Randomness;

const TEMPLATES: &str = "/api/marketplace/request-templates";
const CHECKOUTS: &str = "/api/marketplace/template-checkout";

/// What each seller has, in their order: title, description, whole dollars, how many.
const STOCK: [(&str, &str, u32, Option<u32>); 5] = [
    ("Print of the old harbour", "On cotton paper, 40 by 60 centimetres.", 35, Some(50)),
    ("Spice box", "Twelve tins, refilled for a year.", 48, None),
    ("Linen table cloth", "Washed, 150 by 220 centimetres.", 62, Some(20)),
    ("Tea bowl", "Thrown by hand; there are two of it.", 24, Some(2)),
    ("Repaired short-wave radio", "With new capacitors and a new dial cord.", 95, Some(5)),
];

/// How a checkout ends.
const ENDS: [Option<&str>; 4] = [Some("paid"), Some("failed"), None, Some("paid")];

/// Fills the shops and buys from them; how many templates and checkouts there are.
pub async fn fill(
    random: &Randomness,
    sellers: &[Person],
    buyers: &[Person],
) -> Result<(usize, usize), String> {
    let mut templates = Vec::new();
    for (seller, (title, description, price, stock)) in sellers.iter().zip(STOCK) {
        let body = json!({
            "title": title, "description": description, "maxUsage": stock,
            "price": { "amount": format!("{}.00", price + random.below(10)), "currency": "USD" },
        });
        templates.push(seller.post(TEMPLATES, &body).await?);
    }
    for ((index, end), buyer) in ENDS.into_iter().enumerate().zip(buyers) {
        // The last of them takes both tea bowls.
        let item = |place: usize, quantity: u32| -> Result<Value, String> {
            Ok(json!({ "templateId": id(&templates[place])?, "quantity": quantity }))
        };
        let items = if index + 1 == ENDS.len() {
            vec![item(3, 2)?]
        } else {
            vec![item(index, 1 + random.below(2))?, item(4, 1)?]
        };
        let checkout = buyer.post(CHECKOUTS, &json!({ "items": items })).await?;
        let Some(outcome) = end else { continue };
        let intent = json!({ "checkoutId": id(&checkout)? });
        let payment = buyer.post("/api/payment/sandbox/intents", &intent).await?;
        let pay = format!("/api/payment/sandbox/{}/pay", id(&payment)?);
        buyer.post(&pay, &json!({ "outcome": outcome })).await?;
    }
    Ok((templates.len(), ENDS.len()))
}
