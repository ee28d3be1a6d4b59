//! Checkouts of templates: one request for each seller, one payment for all.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::deal::{CHECKOUTS, Deal, TEMPLATES};
use crate::support::market::{LONG_SIGN_IN, REQUESTS, id};
use crate::support::money::SANDBOX;
use crate::support::{Actor, Emitted, TestApp, app_test, at_once};

const OPEN: (&str, &str) = ("REALTIME_ACCESS", "open");

/// A checkout of two templates of one seller and one of another: 2 × 90, 1 × 20, 3 × 5.
struct Cast {
    buyer: Actor,
    sellers: [Actor; 2],
    templates: [Value; 3],
    checkout: Value,
}

async fn cast(app: &TestApp) -> Cast {
    let (buyer, one, two) = (app.buyer().await, app.seller().await, app.seller().await);
    let price = |amount: &str| json!({ "price": { "amount": amount, "currency": "USD" } });
    let templates = [
        one.template(&price("90.00")).await,
        one.template(&price("20.00")).await,
        two.template(&price("5.00")).await,
    ];
    let [a, b, c] = &templates;
    let checkout = buyer.checkout(&[(c, 3), (a, 2), (b, 1)]).await;
    Cast { buyer, sellers: [one, two], templates, checkout }
}

impl Cast {
    fn path(&self) -> String {
        format!("{CHECKOUTS}/{}", id(&self.checkout))
    }

    async fn see(&self) -> Value {
        self.buyer.get(&self.path()).send().await.data(200)
    }

    /// How many uses of each template are taken.
    async fn used(&self) -> Vec<i64> {
        let mut used = Vec::new();
        for (template, seller) in self.templates.iter().zip([0, 0, 1]) {
            let path = format!("{TEMPLATES}/{}", id(template));
            let seen = self.sellers[seller].get(&path).send().await.data(200);
            used.push(seen["usageCount"].as_i64().expect("a number"));
        }
        used
    }

    /// Where its requests stand.
    async fn statuses(&self) -> Vec<String> {
        let mut statuses = Vec::new();
        for request in self.checkout["requestIds"].as_array().expect("ids") {
            let path = format!("{REQUESTS}/{}", request.as_str().expect("an id"));
            let seen = self.buyer.get(&path).send().await.data(200);
            statuses.push(seen["status"].as_str().expect("a status").to_owned());
        }
        statuses
    }

    /// Pays it, or not, in play money.
    async fn pay(&self, body: &Value) -> Value {
        let payment = self.buyer.begin_checkout_payment(&self.checkout).await;
        self.buyer.pay(&payment, body).await
    }
}

fn named<'a>(events: &'a [Emitted], name: &str) -> Vec<&'a Emitted> {
    events.iter().filter(|event| event.name == name).collect()
}

app_test!(a_checkout_makes_a_request_for_each_seller, [SANDBOX], async |app| {
    let cast = cast(app).await;
    let [one, two] = &cast.sellers;
    let checkout = &cast.checkout;
    assert_eq!(
        (&checkout["status"], &checkout["total"]["amount"]),
        (&json!("pending"), &json!("215.00"))
    );
    assert_eq!(checkout["requestIds"].as_array().map(Vec::len), Some(2));
    assert_eq!(cast.see().await, *checkout);
    assert_eq!(cast.used().await, [2, 1, 3]);
    assert_eq!(cast.statuses().await, ["pending_payment"; 2]);
    let events = app.events().await;
    let pending = named(&events, "template-checkout-payment-pending");
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].payload, json!({ "checkoutId": id(checkout) }));
    let mut rooms = pending[0].rooms();
    let mut expected = vec![
        format!("user-{}", cast.buyer.id),
        format!("user-{}", one.id),
        format!("user-{}", two.id),
        format!("template-checkout-{}", id(checkout)),
        "admins".to_owned(),
    ];
    rooms.sort();
    expected.sort();
    assert_eq!(rooms, expected);
    // It is not published.
    assert!(named(&events, "new-purchase-request").is_empty());

    // Each seller sees their own part.
    for (seller, titles, sum) in [
        (one, vec!["Mechanical keyboard"; 2], "200.00"),
        (two, vec!["Mechanical keyboard"], "15.00"),
    ] {
        let own = seller.get(&cast.path()).send().await.data(200);
        let items = own["items"].as_array().expect("items");
        assert_eq!(items.iter().map(|item| item["title"].clone()).collect::<Vec<_>>(), titles);
        assert!(items.iter().all(|item| item["sellerId"] == seller.id.as_str()));
        assert!(own.get("total").is_none());
        let request = own["requestIds"][0].as_str().expect("an id");
        assert_eq!(own["requestIds"].as_array().map(Vec::len), Some(1));
        let path = format!("{REQUESTS}/{request}");
        let seen = seller.get(&path).send().await.data(200);
        assert_eq!(seen["budget"]["max"], sum);
        let offers = seller.get(&format!("{path}/offers")).send().await.data(200);
        assert_eq!(
            (&offers[0]["status"], &offers[0]["price"]["amount"]),
            (&json!("accepted"), &json!(sum))
        );
        assert_eq!(seen["selectedOfferId"], offers[0]["_id"]);
    }
    for nobody in [app.buyer().await, app.seller().await] {
        nobody.get(&cast.path()).send().await.error(404, "not_found");
    }
    app.get(&cast.path()).send().await.error(401, "unauthorized");
    assert_eq!(app.admin().await.get(&cast.path()).send().await.data(200), *checkout);
});

app_test!(one_payment_pays_them_all, [SANDBOX, LONG_SIGN_IN], async |app| {
    let cast = cast(app).await;
    let head = app.position().await;
    let payment = cast.pay(&json!({})).await;
    assert_eq!((&payment["status"], &payment["amount"]), (&json!("confirmed"), &json!("215.00")));
    assert_eq!(cast.statuses().await, ["processing"; 2]);
    let seen = cast.see().await;
    assert_eq!((&seen["status"], &seen["paymentId"]), (&json!("paid"), &payment["_id"]));
    let events = app.events_after(head).await;
    let confirmed = named(&events, "template-checkout-payment-confirmed");
    assert_eq!(confirmed.len(), 1);
    let expected = json!({
        "checkoutId": id(&cast.checkout), "requestIds": cast.checkout["requestIds"],
        "paymentId": payment["_id"],
    });
    assert_eq!(confirmed[0].payload, expected);
    assert!(confirmed[0].rooms().contains(&format!("template-checkout-{}", id(&cast.checkout))));
    assert!(!confirmed[0].rooms().contains(&"*".to_owned()));
    assert_eq!(named(&events, "payment-received").len(), 2);
    // Each is a deal like any other.
    for seller in &cast.sellers {
        let own = seller.get(&cast.path()).send().await.data(200);
        let request = json!({ "_id": own["requestIds"][0] });
        let offers = format!("{REQUESTS}/{}/offers", id(&request));
        let offer = seller.get(&offers).send().await.data(200)[0].clone();
        let deal = Deal {
            buyer: cast.buyer.clone(),
            seller: seller.clone(),
            request,
            offer,
            payment: payment.clone(),
        };
        let deal = deal.shipped().await.delivered().await.completed().await;
        assert_eq!(deal.status().await, "completed");
    }
    assert_eq!(app.owed_to(&cast.sellers[0].id).await, 20_000);
    assert_eq!(app.owed_to(&cast.sellers[1].id).await, 1_500);
    // Its time ends nothing that is paid.
    app.advance(Duration::from_hours(25));
    app.settle_timers().await;
    assert_eq!(cast.used().await, [2, 1, 3]);
    app.check_ledger().await;
});

app_test!(in_open_access_everybody_hears_of_it, [SANDBOX, OPEN], async |app| {
    let (paid, failed) = (cast(app).await, cast(app).await);
    paid.pay(&json!({})).await;
    failed.pay(&json!({ "outcome": "failed" })).await;
    let events = app.events().await;
    for (name, checkout, count) in [
        ("template-checkout-payment-pending", &paid.checkout, 2),
        ("template-checkout-payment-confirmed", &paid.checkout, 1),
        ("template-checkout-payment-failed", &failed.checkout, 1),
    ] {
        let told = named(&events, name);
        assert_eq!(told.len(), count, "{name}");
        let rooms = ["*".to_owned(), format!("template-checkout-{}", id(checkout))];
        assert_eq!(told[0].rooms(), rooms, "{name}");
    }
});

/// What a checkout that failed has left: requests, uses, and each event once.
async fn check_failed(cast: &Cast, events: &[Emitted], reason: &str) {
    assert_eq!(cast.statuses().await, ["cancelled"; 2]);
    assert_eq!(cast.used().await, [0, 0, 0]);
    let seen = cast.see().await;
    assert_eq!((&seen["status"], &seen["reason"]), (&json!("failed"), &json!(reason)));
    let failed = named(events, "template-checkout-payment-failed");
    assert_eq!(failed.len(), 1);
    let payload = json!({ "checkoutId": id(&cast.checkout), "reason": reason });
    assert_eq!(failed[0].payload, payload);
    let cancelled = named(events, "request-cancelled");
    assert_eq!(cancelled.len(), 2);
    assert!(cancelled.iter().all(|event| event.payload["reason"] == reason));
    let rejected = named(events, "seller-offer-update");
    assert_eq!(rejected.len(), 2);
    assert!(rejected.iter().all(|e| e.payload["data"]["reason"] == "request_cancelled"));
}

app_test!(a_payment_that_fails_undoes_it, [SANDBOX, LONG_SIGN_IN], async |app| {
    let cast = cast(app).await;
    let head = app.position().await;
    cast.pay(&json!({ "outcome": "failed" })).await;
    check_failed(&cast, &app.events_after(head).await, "sandbox").await;
    // And only once.
    let head = app.position().await;
    app.advance(Duration::from_hours(25));
    app.settle_timers().await;
    assert_eq!(app.event_names_after(head).await, Vec::<String>::new());
    assert_eq!(cast.used().await, [0, 0, 0]);
    let body = json!({ "checkoutId": id(&cast.checkout) });
    let again = cast.buyer.post("/api/payment/sandbox/intents").json(&body).send().await;
    again.error(409, "checkout_not_pending");
});

app_test!(time_undoes_what_is_not_paid, [SANDBOX, LONG_SIGN_IN], async |app| {
    for begun in [false, true] {
        let cast = cast(app).await;
        if begun {
            cast.buyer.begin_checkout_payment(&cast.checkout).await;
        }
        app.advance(Duration::from_hours(24) - Duration::from_mins(1));
        app.settle_timers().await;
        assert_eq!(cast.statuses().await, ["pending_payment"; 2]);
        let head = app.position().await;
        app.advance(Duration::from_mins(1));
        app.settle_timers().await;
        check_failed(&cast, &app.events_after(head).await, "payment_timeout").await;
    }
});

app_test!(cancelling_a_part_cancels_all, [SANDBOX], async |app| {
    let cast = cast(app).await;
    cast.buyer.begin_checkout_payment(&cast.checkout).await;
    let request = cast.checkout["requestIds"][1].as_str().expect("an id");
    let cancel = format!("{REQUESTS}/{request}/cancel");
    let body = json!({ "reason": "Bought elsewhere" });
    app.buyer().await.post(&cancel).json(&body).send().await.error(404, "not_found");
    // One of the sellers knows of this request, and may not call it off either.
    for seller in &cast.sellers {
        let answer = seller.post(&cancel).json(&body).send().await;
        assert!(matches!(answer.status.as_u16(), 403 | 404), "{answer:#?}");
    }
    let head = app.position().await;
    let cancelled = cast.buyer.post(&cancel).json(&body).send().await.data(200);
    assert_eq!(cancelled["status"], "cancelled");
    check_failed(&cast, &app.events_after(head).await, "Bought elsewhere").await;
    cast.buyer.post(&cancel).json(&body).send().await.error(409, "request_not_cancellable");
});

app_test!(many_ends_at_once_and_one_wins, [SANDBOX, LONG_SIGN_IN], async |app| {
    for _ in 0..5 {
        let cast = cast(app).await;
        let payment = cast.buyer.begin_checkout_payment(&cast.checkout).await;
        let head = app.position().await;
        app.advance(Duration::from_hours(24));
        let body = json!({ "reason": "x" });
        let requests = cast.checkout["requestIds"].as_array().expect("ids").iter();
        let cancels = requests.cycle().take(20).map(|request| {
            let path = format!("{REQUESTS}/{}/cancel", request.as_str().expect("an id"));
            cast.buyer.post(&path).json(&body)
        });
        let pay = format!("/api/payment/sandbox/{}/pay", id(&payment));
        let fails = (0..10).map(|_| cast.buyer.post(&pay).json(&json!({ "outcome": "failed" })));
        let (answers, _) = tokio::join!(at_once(cancels.chain(fails)), app.run_timers());
        for answer in &answers {
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{answer:#?}");
        }
        app.settle_timers().await;
        let events = app.events_after(head).await;
        assert_eq!(named(&events, "template-checkout-payment-failed").len(), 1);
        assert_eq!(named(&events, "request-cancelled").len(), 2);
        assert_eq!(cast.used().await, [0, 0, 0]);
        assert_eq!(cast.statuses().await, ["cancelled"; 2]);
        app.check_ledger().await;
    }
});

app_test!(two_hundred_checkouts_of_the_last_uses, async |app| {
    let seller = app.seller().await;
    let template = seller.template(&json!({ "maxUsage": 7 })).await;
    let other = seller.template(&json!({ "maxUsage": 500 })).await;
    let mut posts = Vec::new();
    for number in 0..200 {
        let item = |template: &Value| json!({ "templateId": template["_id"], "quantity": 1 });
        // In either order: who locks what first must not matter.
        let mut items = vec![item(&template), item(&other)];
        if number % 2 == 0 {
            items.reverse();
        }
        posts.push(app.buyer().await.post(CHECKOUTS).json(&json!({ "items": items })));
    }
    let answers = at_once(posts).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 7);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.error(409, "template_used_up");
    }
    for (template, used, available) in [(&template, 7, false), (&other, 7, true)] {
        let seen = seller.get(&format!("{TEMPLATES}/{}", id(template))).send().await.data(200);
        assert_eq!((&seen["usageCount"], &seen["available"]), (&json!(used), &json!(available)));
    }
});

app_test!(checkouts_are_checked, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let dollars = seller.template(&json!({ "maxUsage": 2 })).await;
    let euros = json!({ "price": { "amount": "1", "currency": "EUR" } });
    let euros = seller.template(&euros).await;
    let huge = json!({ "price": { "amount": "92233720368547758.07", "currency": "USD" } });
    let huge = seller.template(&huge).await;
    buyer.try_checkout(&[(&dollars, 1), (&euros, 1)]).await.error(422, "mixed_currencies");
    buyer.try_checkout(&[(&dollars, 1), (&huge, 1)]).await.error(422, "total_too_large");
    buyer.try_checkout(&[(&huge, 2)]).await.error(422, "total_too_large");
    buyer.try_checkout(&[(&dollars, 3)]).await.error(409, "template_used_up");
    buyer.try_checkout(&[(&dollars, 1), (&dollars, 1)]).await.invalid(&["items"]);
    buyer.try_checkout(&[]).await.invalid(&["items"]);
    buyer.try_checkout(&[(&dollars, 0)]).await.invalid(&["items[0].quantity"]);
    buyer.try_checkout(&[(&dollars, 1001)]).await.invalid(&["items[0].quantity"]);
    let nothing = json!({ "_id": "01934e5a-0000-7000-8000-000000000000" });
    let missing = buyer.try_checkout(&[(&dollars, 1), (&nothing, 1)]).await;
    missing.invalid(&["items[1].templateId"]);
    for other in [&seller, &app.admin().await] {
        other.try_checkout(&[(&dollars, 1)]).await.error(403, "forbidden");
    }
    // Nothing of what was refused was taken.
    for template in [&dollars, &euros, &huge] {
        let seen = seller.get(&format!("{TEMPLATES}/{}", id(template))).send().await.data(200);
        assert_eq!(seen["usageCount"], 0);
    }
    let body = json!({ "items": [{ "templateId": dollars["_id"], "quantity": 1 }] });
    let post = || buyer.post(CHECKOUTS).key("k").json(&body).send();
    assert_eq!(post().await.data(201), post().await.data(201));
    buyer.checkout(&[(&dollars, 1)]).await;
    buyer.try_checkout(&[(&dollars, 1)]).await.error(409, "template_used_up");
});

app_test!(who_may_be_in_the_room, async |app| {
    let cast = cast(app).await;
    let may = async |actor: &Actor, checkout: &str| {
        let asked = [(actor.id.clone(), checkout.parse().expect("an id"))];
        let answer = souk::templates::checkout::may_join(&app.app.db, &asked).await;
        !answer.expect("an answer").is_empty()
    };
    let checkout = id(&cast.checkout);
    for member in cast.sellers.iter().chain([&cast.buyer]) {
        assert!(may(member, checkout).await);
        assert!(!may(member, "nothing").await);
    }
    for stranger in [app.buyer().await, app.seller().await] {
        assert!(!may(&stranger, checkout).await);
    }
    let node = app.serve().await;
    let mut socket = cast.sellers[0].connect(&node).await;
    socket.done("join-template-checkout-room", checkout).await;
    let mut stranger = app.seller().await.connect(&node).await;
    let refused = stranger.ask("join-template-checkout-room", checkout).await;
    assert_eq!(refused["ok"], false);
    node.stop().await;
});
