//! Events equal changes of state.

use std::collections::HashMap;

use events::{EscrowState, PaymentStatus, PayoutStatus};
use souk::payments::model::{EscrowInput, Input, next, next_escrow};
use souk::payouts::model as payout;
use strum::VariantArray as _;

use super::run::Told;
use crate::support::TestApp;

/// What was told of each payment, request and payout, in order.
#[derive(Default)]
struct Heard {
    payments: HashMap<String, Vec<(String, String)>>,
    requests: HashMap<String, Vec<String>>,
    payouts: HashMap<String, Vec<String>>,
}

async fn listen(app: &TestApp) -> Heard {
    let mut heard = Heard::default();
    for event in app.events().await {
        let text = |field: &str| event.payload[field].as_str().unwrap_or("-").to_owned();
        match event.name.as_str() {
            "payment-update" => {
                let of = heard.payments.entry(text("paymentId")).or_default();
                of.push((text("status"), text("escrowState")));
            }
            "payout-updated" => {
                heard.payouts.entry(text("payoutId")).or_default().push(text("status"));
            }
            "purchase-request-update" if text("type") == "status_changed" => {
                heard.requests.entry(text("requestId")).or_default().push(text("status"));
            }
            _ => {}
        }
    }
    heard
}

/// Whether a payment can go from one pair of states to the other in one step.
fn is_hop(from: &(String, String), to: &(String, String)) -> bool {
    let status = |text: &str| text.parse::<PaymentStatus>().ok();
    let escrow = |text: &str| text.parse::<EscrowState>().ok();
    let (Some(a), Some(b)) = (status(&from.0), status(&to.0)) else { return false };
    let (Some(c), Some(d)) = (escrow(&from.1), escrow(&to.1)) else { return false };
    let statuses = a == b || Input::VARIANTS.iter().any(|input| next(a, *input) == Some(b));
    let escrows =
        c == d || EscrowInput::VARIANTS.iter().any(|input| next_escrow(c, *input) == Some(d));
    from != to && statuses && escrows
}

fn is_payout_hop(from: &str, to: &str) -> bool {
    let status = |text: &str| text.parse::<PayoutStatus>().ok();
    let (Some(a), Some(b)) = (status(from), status(to)) else { return false };
    payout::Input::VARIANTS.iter().any(|input| payout::next(a, *input) == Some(b))
}

/// Compares what was told with what happened.
pub async fn check(app: &TestApp, told: &[Told]) -> Result<(), String> {
    let heard = listen(app).await;
    for Told { request, model } in told {
        // What came before the model begins: offers, and the acceptance.
        let mut changes = vec!["received_offers", "payment"];
        changes.extend(&model.changes);
        if heard.requests.get(request).is_none_or(|heard| *heard != changes) {
            let heard = heard.requests.get(request);
            return Err(format!("of {request} was told {heard:?}, and happened {changes:?}"));
        }
        for payment in &model.payments {
            let start = ("pending".to_owned(), "none".to_owned());
            let mut hops = vec![start];
            hops.extend(heard.payments.get(&payment.id).cloned().unwrap_or_default());
            if let Some(hop) = hops.windows(2).find(|pair| !is_hop(&pair[0], &pair[1])) {
                return Err(format!("payment {} went {hop:?}", payment.id));
            }
            let end = (payment.status.to_owned(), payment.escrow.to_owned());
            if hops.last() != Some(&end) {
                return Err(format!("payment {} is {end:?}, and was told {hops:?}", payment.id));
            }
            // What payouts do comes last, and is not the model's.
            if hops.get(1..=payment.changes.len()) != Some(&payment.changes[..]) {
                let (id, changes) = (&payment.id, &payment.changes);
                return Err(format!("of {id} was told {hops:?}, and happened {changes:?}"));
            }
        }
    }
    for (id, statuses) in &heard.payouts {
        let mut hops = vec!["queued".to_owned()];
        hops.extend(statuses.iter().cloned());
        if let Some(hop) = hops.windows(2).find(|pair| !is_payout_hop(&pair[0], &pair[1])) {
            return Err(format!("payout {id} went {hop:?}"));
        }
    }
    Ok(())
}
