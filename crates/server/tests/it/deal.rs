//! Whole deals through the program, from the request to the payout, and who learns what of them.

use serde_json::json;

use crate::support::deal::Deal;
use crate::support::market::id;
use crate::support::money::SANDBOX;
use crate::support::{Emitted, TestApp, app_test};

const OPEN: (&str, &str) = ("REALTIME_ACCESS", "open");

/// A deal with two losers, from the request to the payout.
async fn walk(app: &TestApp) -> Deal {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    seller.set_wallet().await;
    let request = buyer.publish(&json!({})).await;
    for loser in [app.seller().await, app.seller().await] {
        loser.make_offer(&request, &json!({})).await;
    }
    let offer = seller.make_offer(&request, &json!({})).await;
    let offer = buyer.accept(&offer).await;
    let deal = Deal { buyer, seller, request, offer, payment: serde_json::Value::Null };
    let deal = deal.funded().await.shipped().await.delivered().await.completed().await;
    app.settle_timers().await;
    deal
}

/// `name [type or status] -> rooms`, with the deal's people and rooms by name.
fn told(deal: &Deal, events: &[Emitted]) -> Vec<String> {
    let names = [
        (deal.room(), "request"),
        (format!("user-{}", deal.buyer.id), "buyer"),
        (format!("user-{}", deal.seller.id), "seller"),
        (format!("buyer-{}", deal.buyer.id), "buyer's"),
        (format!("seller-{}", deal.seller.id), "seller's"),
    ];
    let name = |room: String| {
        let known = names.iter().find(|(text, _)| *text == room);
        known.map_or(room, |(_, name)| (*name).to_owned())
    };
    let tell = |event: &Emitted| {
        let of = |field: &str| event.payload.get(field).and_then(|v| v.as_str());
        let word = of("type").or(of("eventType")).or(of("escrowState")).or(of("status"));
        let only = match (&event.audience.only, &event.audience.except) {
            (Some(user), _) if *user == deal.seller.id => " only seller",
            (_, Some(user)) if *user == deal.seller.id => " but seller",
            (None, None) => "",
            _ => " narrowed",
        };
        let rooms: Vec<_> = event.rooms().into_iter().map(name).collect();
        let word = word.map(|word| format!(" {word}")).unwrap_or_default();
        format!("{}{word} -> {}{only}", event.name, rooms.join(" "))
    };
    // Notifications and points have tests of their own.
    let own = |event: &&Emitted| {
        !["new-notification", "unread-count-update", "level-up"].contains(&event.name.as_str())
    };
    events.iter().filter(own).map(tell).collect()
}

/// What is told from the payment on, in `strict`; "PARTIES" are both user rooms, the request's room
/// and the administrators'.
const STRICT: &str = "
payment-created -> PARTIES
purchase-request-update payment_created -> request
payment-update funded -> PARTIES
purchase-request-update status_changed -> request
purchase-request-update payment_confirmed -> request
payment-received -> seller
seller-offer-update payment-completed -> buyer seller seller's admins
purchase-request-update status_changed -> request
delivery-update shipped -> request
delivery-code-generated -> request only seller
delivery-code-generated -> request but seller
purchase-request-update status_changed -> request
delivery-confirmed -> request
buyer-confirmed-delivery -> seller
purchase-request-update status_changed -> request
payment-update releasable -> PARTIES
transaction-completed -> buyer seller
payout-updated submitting -> seller admins
payment-update releasing -> PARTIES
payout-created -> seller admins
payout-updated submitted -> seller admins
payout-updated completed -> seller admins
payout-completed -> seller admins
payment-update released -> PARTIES
";

fn lines(text: &str) -> Vec<String> {
    let text = text.replace("PARTIES", "buyer seller request admins");
    text.trim().lines().map(str::to_owned).collect()
}

async fn from_the_payment_on(app: &TestApp, deal: &Deal) -> Vec<String> {
    let events = app.events().await;
    let first = events.iter().position(|event| event.name == "payment-created");
    told(deal, &events[first.expect("a payment")..])
}

app_test!(a_whole_deal_in_strict_access, [SANDBOX], async |app| {
    let deal = walk(app).await;
    assert_eq!((deal.status().await, deal.escrow().await), ("completed".into(), "released".into()));
    let got = from_the_payment_on(app, &deal).await;
    assert_eq!(got, lines(STRICT), "{got:#?}");
    let offers = deal.buyer.get(&deal.path("offers")).send().await.data(200);
    let accepted = offers.as_array().expect("rows").iter();
    let accepted = accepted.filter(|offer| offer["status"] == "accepted").count();
    assert_eq!(accepted, 1);
    assert_eq!(app.owed_to(&deal.seller.id).await, 0);
    app.check_ledger().await;
});

app_test!(a_whole_deal_in_open_access, [SANDBOX, OPEN], async |app| {
    let deal = walk(app).await;
    let got = from_the_payment_on(app, &deal).await;
    // What concerns money goes to everybody; the code is in the room.
    for line in [
        "payment-created -> * request",
        "payment-update funded -> * request buyer seller",
        "seller-offer-update payment-completed -> * seller's",
        "payout-completed -> * seller",
        "delivery-code-generated -> request",
        "transaction-completed -> buyer seller",
        "buyer-confirmed-delivery -> seller",
    ] {
        assert!(got.contains(&line.to_owned()), "{line} is not among {got:#?}");
    }
    let event = |line: &String| line.split(" -> ").next().unwrap_or_default().to_owned();
    let names: Vec<_> = got.iter().map(event).collect();
    let mut strict: Vec<_> = lines(STRICT).iter().map(event).collect();
    // One delivery of the code is enough where all may see it.
    strict.remove(10);
    assert_eq!(names, strict);
    assert!(!id(&deal.payment).is_empty());
});
