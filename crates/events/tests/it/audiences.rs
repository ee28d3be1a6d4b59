//! Who gets what, event by event, in both kinds of access (contract §1.2, §1.4).

use std::collections::BTreeSet;

use events::documents::PurchaseRequest;
use events::marketplace::{
    BuyerConfirmedDelivery, DeliveryCodeGenerated, DeliveryConfirmed, DeliveryUpdate, NewOffer,
    NewPurchaseRequest, PurchaseRequestUpdate, RequestCancelled, SellerOfferUpdate,
    TemplateCheckoutPaymentConfirmed, TemplateCheckoutPaymentFailed,
    TemplateCheckoutPaymentPending, TransactionCompleted,
};
use events::payment::{
    PaymentCreated, PaymentReceived, PaymentUpdate, PayoutCompleted, PayoutCreated, PayoutUpdated,
};
use events::{Access, Audience, Event, Owner, Parties, Room, UserId, chat, example};
use events::{notification, points, presence, session};
use serde_json::{Value, json};

use crate::{CATALOG, list};

/// The rooms of each delivery of the `index`th example, sorted.
fn rooms<E: Event>(index: usize, access: Access) -> Vec<Vec<String>> {
    let (event, address) = E::examples().swap_remove(index);
    let emission = event.emission(access, &address).unwrap();
    assert_eq!(emission.name, E::NAME);
    let names = |audience: &Audience| {
        let mut names: Vec<String> = audience.rooms.iter().map(named).collect();
        names.sort();
        names
    };
    emission.deliveries.iter().map(|delivery| names(&delivery.audience)).collect()
}

/// The room's name with the role of its id.
fn named(room: &Room) -> String {
    let mut name = room.to_string();
    for (id, role) in [
        (example::buyer().to_string(), "BUYER"),
        (example::seller().to_string(), "SELLER"),
        (example::user().to_string(), "USER"),
        (example::referrer().to_string(), "REFERRER"),
        (example::request().to_string(), "REQUEST"),
        (example::checkout().to_string(), "CHECKOUT"),
        (example::chat().to_string(), "CHAT"),
    ] {
        name = name.replace(&id, role);
    }
    name
}

/// Checks the rooms of the examples of one event: a line for each example, `strict | open`, or
/// one text where both are the same.
fn check<E: Event>(seen: &mut BTreeSet<&'static str>, lines: &[&str]) {
    seen.insert(E::NAME);
    assert_eq!(E::examples().len(), lines.len(), "{}: a line for each example", E::NAME);
    for (index, line) in lines.iter().enumerate() {
        let (strict, open) = line.split_once(" | ").unwrap_or((line, line));
        for (access, expected) in [(Access::Strict, strict), (Access::Open, open)] {
            let mut expected: Vec<&str> = expected.split_whitespace().collect();
            expected.sort_unstable();
            for delivery in rooms::<E>(index, access) {
                assert_eq!(delivery, expected, "{}, example {index}, {access}", E::NAME);
            }
        }
    }
}

#[test]
fn every_event_goes_where_it_should() {
    let seen = &mut BTreeSet::new();
    let checkout = "user-BUYER user-SELLER template-checkout-CHECKOUT admins \
                    | * template-checkout-CHECKOUT";

    check::<NewPurchaseRequest>(seen, &["sellers", "seller-SELLER"]);
    check::<NewOffer>(seen, &["buyer-BUYER"]);
    check::<SellerOfferUpdate>(
        seen,
        &[
            "user-BUYER user-SELLER seller-SELLER admins | * seller-SELLER",
            "seller-SELLER",
            "seller-SELLER",
        ],
    );
    check::<PurchaseRequestUpdate>(seen, &["request-REQUEST", "request-REQUEST"]);
    check::<RequestCancelled>(seen, &["user-BUYER user-SELLER"]);
    check::<TransactionCompleted>(seen, &["user-BUYER user-SELLER"]);
    check::<DeliveryCodeGenerated>(seen, &["request-REQUEST"]);
    check::<DeliveryUpdate>(seen, &["request-REQUEST"]);
    check::<DeliveryConfirmed>(seen, &["request-REQUEST"]);
    check::<BuyerConfirmedDelivery>(seen, &["user-SELLER"]);
    check::<TemplateCheckoutPaymentPending>(seen, &[checkout]);
    check::<TemplateCheckoutPaymentConfirmed>(seen, &[checkout]);
    check::<TemplateCheckoutPaymentFailed>(seen, &[checkout]);

    check::<PaymentCreated>(
        seen,
        &["user-BUYER user-SELLER request-REQUEST admins | * request-REQUEST"],
    );
    check::<PaymentReceived>(seen, &["user-SELLER"]);
    check::<PaymentUpdate>(
        seen,
        &["user-BUYER user-SELLER request-REQUEST admins \
           | * user-BUYER user-SELLER request-REQUEST"],
    );
    check::<PayoutCreated>(seen, &["user-SELLER admins | * user-SELLER"]);
    check::<PayoutUpdated>(seen, &["user-SELLER admins | * user-SELLER"]);
    check::<PayoutCompleted>(seen, &["user-SELLER admins | * user-SELLER"]);

    check::<chat::NewMessage>(seen, &["chat-CHAT"]);
    check::<chat::MessagesRead>(seen, &["chat-CHAT"]);
    check::<chat::MessageEdited>(seen, &["chat-CHAT"]);
    check::<chat::MessageDeleted>(seen, &["chat-CHAT"]);
    check::<chat::ParticipantsAdded>(seen, &["chat-CHAT"]);
    check::<chat::ParticipantRemoved>(seen, &["chat-CHAT"]);
    check::<chat::UserTyping>(seen, &["chat-CHAT", "chat-CHAT"]);

    check::<notification::NewNotification>(seen, &["user-USER"]);
    check::<notification::UnreadCountUpdate>(seen, &["user-USER"]);
    check::<points::LevelUp>(seen, &["user-USER"]);
    check::<points::ReferralReward>(seen, &["user-REFERRER"]);
    check::<points::ReferralSignup>(seen, &["user-REFERRER"]);
    check::<presence::UserStatusChange>(seen, &["*"]);

    // To the one socket that they are about.
    check::<session::Session>(seen, &[""]);
    check::<session::RoomErrorEvent>(seen, &[""]);

    let all = list(&CATALOG["events"]).iter().map(|spec| spec["name"].as_str().unwrap()).collect();
    assert_eq!(*seen, all, "every event has a row here, and is in the catalogue");
}

#[test]
fn in_strict_access_only_presence_goes_to_everyone() {
    for spec in list(&CATALOG["events"]) {
        let everyone = list(&spec["rooms"]["strict"]).contains(&json!("*"));
        assert_eq!(everyone, spec["name"] == "user-status-change", "{}", spec["name"]);
    }
}

#[test]
fn the_delivery_code_reaches_its_holder_only() {
    let event = DeliveryCodeGenerated {
        request_id: example::request(),
        delivery_code: Some("042137".to_owned()),
    };
    for holder in [example::seller(), example::buyer()] {
        let strict = event.emission(Access::Strict, &Owner(holder.clone())).unwrap();
        let parts: Vec<(Value, &Audience)> = strict
            .deliveries
            .iter()
            .map(|d| (serde_json::from_str(d.payload.get()).unwrap(), &d.audience))
            .collect();
        let room = Audience::room(Room::Request(example::request()));
        let with_code = json!({"requestId": example::request(), "deliveryCode": "042137"});
        let to_holder = Audience { only: Some(holder.clone()), ..room.clone() };
        let to_others = Audience { except: Some(holder.clone()), ..room.clone() };
        assert_eq!(
            parts,
            [(with_code, &to_holder), (json!({"requestId": example::request()}), &to_others)]
        );

        let open = event.emission(Access::Open, &Owner(holder)).unwrap();
        assert_eq!(open.deliveries.len(), 1);
        assert_eq!(open.deliveries[0].audience, room);
        assert!(open.deliveries[0].payload.get().contains("042137"));
    }
}

#[test]
fn a_published_request_does_not_tell_where_the_buyer_lives() {
    let request = PurchaseRequest::example();
    assert!(request.delivery_info.is_some());
    let event = serde_json::to_value(NewPurchaseRequest::new(request)).unwrap();
    assert_eq!(event["_id"], example::request().as_str());
    assert_eq!(event.get("deliveryInfo"), None);
}

#[test]
fn all_live_sellers_learn_of_a_cancellation() {
    let sellers: Vec<UserId> = ["s1", "s2", "s1"].map(|id| id.parse().unwrap()).into();
    let parties = Parties { buyer: "b1".parse().unwrap(), sellers };
    let event = RequestCancelled { request_id: example::request(), reason: "no".to_owned() };
    let audience = event.audience(Access::Strict, &parties);
    let names: Vec<String> = audience.rooms.iter().map(Room::to_string).collect();
    assert_eq!(names, ["user-b1", "user-s1", "user-s2"], "each room once");
}

#[test]
fn an_audience_is_stored_and_read() {
    let audience = Audience::rooms([Room::Sellers, Room::User("u1".parse().unwrap())]);
    let stored = serde_json::to_value(&audience).unwrap();
    assert_eq!(stored, json!({"rooms": ["sellers", "user-u1"]}));
    assert_eq!(serde_json::from_value::<Audience>(stored).unwrap(), audience);

    let only = Audience { only: Some("u1".parse().unwrap()), ..audience };
    let stored = serde_json::to_value(&only).unwrap();
    assert_eq!(serde_json::from_value::<Audience>(stored).unwrap(), only);
}
