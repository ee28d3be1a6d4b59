//! Who sees which requests, in lists and one by one, and who may be in a request's room.

use db::{args, sql};
use events::{RequestId, RequestStatus, Role};
use serde_json::{Value, json};

use crate::support::market::{OFFERS, REQUESTS, id};
use crate::support::{Actor, TestApp, app_test};

async fn list(actor: &Actor, query: &str) -> Value {
    actor.get(&format!("{REQUESTS}?{query}")).send().await.expect(200)
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().expect("rows").iter().map(|row| id(row).to_owned()).collect()
}

async fn may_join(app: &TestApp, actor: &Actor, request: &Value) -> bool {
    let id: RequestId = id(request).parse().expect("an id");
    // One that is not there stands before it: each is answered in its place.
    let asked = [
        ("none".parse().expect("an id"), Role::Seller, id.clone()),
        (actor.id.clone(), actor.role, id),
    ];
    let answers = souk::requests::service::may_join(&app.app.db, &asked).await.expect("answers");
    assert!(!answers[0]);
    answers[1]
}

async fn set_status(app: &TestApp, request: &Value, status: RequestStatus) {
    let mut tx = app.app.begin().await.expect("a transaction");
    let update = sql!("UPDATE purchase_requests SET status = $1 WHERE id = $2");
    tx.execute(update, args![&status, id(request)]).await.expect("an update");
    tx.commit().await.expect("a commit");
}

/// Sellers who are to two requests, one public and one private, all that a seller can be.
struct Cast {
    buyer: Actor,
    other_buyer: Actor,
    admin: Actor,
    /// Each with the way they stand to the requests.
    sellers: Vec<(&'static str, Actor)>,
    public: Value,
    private: Value,
}

async fn cast(app: &TestApp) -> Cast {
    let (buyer, other_buyer, admin) = (app.buyer().await, app.buyer().await, app.admin().await);
    let mut sellers = Vec::new();
    for name in ["stranger", "invited", "pending", "ended", "chosen"] {
        sellers.push((name, app.seller().await));
    }
    let public = buyer.publish(&json!({})).await;
    // On the private one all but the stranger are invited: nobody else can make an offer.
    let invited: Vec<_> = sellers[1..].iter().map(|(_, seller)| seller.id.clone()).collect();
    let private = buyer.publish(&json!({ "preferredSellerIds": invited })).await;
    for request in [&public, &private] {
        for (name, seller) in &sellers {
            if matches!(*name, "pending" | "ended" | "chosen") {
                let offer = seller.make_offer(request, &json!({})).await;
                let status = match *name {
                    "ended" => "withdrawn",
                    "chosen" => "accepted",
                    _ => "pending",
                };
                let mut tx = app.app.begin().await.expect("a transaction");
                let update = sql!("UPDATE offers SET status = $1 WHERE id = $2");
                tx.execute(update, args![status, id(&offer)]).await.expect("an update");
                tx.commit().await.expect("a commit");
            }
        }
    }
    Cast { buyer, other_buyer, admin, sellers, public, private }
}

app_test!(who_sees_a_request_in_each_status, async |app| {
    let cast = cast(app).await;
    for &status in RequestStatus::ALL {
        let open = matches!(status, RequestStatus::Active | RequestStatus::ReceivedOffers);
        for (request, private) in [(&cast.public, false), (&cast.private, true)] {
            set_status(app, request, status).await;
            let path = format!("{REQUESTS}/{}", id(request));
            let context = format!("{status}, private: {private}");
            app.get(&path).send().await.error(401, "unauthorized");
            for whole in [&cast.buyer, &cast.admin] {
                let seen = whole.get(&path).send().await.data(200);
                assert!(seen.get("deliveryInfo").is_some(), "{context}");
                assert!(seen.get("offersCount").is_some(), "{context}");
                assert!(ids(&list(whole, "").await).contains(&id(request).to_owned()), "{context}");
                assert!(may_join(app, whole, request).await, "{context}");
            }
            cast.other_buyer.get(&path).send().await.error(404, "not_found");
            assert!(ids(&list(&cast.other_buyer, "").await).is_empty(), "{context}");
            assert!(!may_join(app, &cast.other_buyer, request).await, "{context}");
            for (name, seller) in &cast.sellers {
                let context = format!("{context}, {name}");
                let sees = match *name {
                    "pending" | "ended" | "chosen" => true,
                    "stranger" => open && !private,
                    _ => open,
                };
                let answer = seller.get(&path).send().await;
                let offers = seller.get(&format!("{path}/offers")).send().await;
                let listed = list(seller, "limit=100").await;
                // What is hidden is not counted either.
                assert_eq!(listed["pagination"]["total"], ids(&listed).len(), "{context}");
                let row = listed["data"].as_array().expect("rows").iter();
                let row = row.into_iter().find(|row| id(row) == id(request)).cloned();
                assert_eq!(row.is_some(), sees, "{context}");
                if sees {
                    let seen = answer.data(200);
                    let chosen = *name == "chosen";
                    assert_eq!(seen.get("deliveryInfo").is_some(), chosen, "{context}");
                    assert!(seen.get("offersCount").is_none(), "{context}");
                    assert_eq!(Some(seen), row, "{context}");
                    let offers = offers.data(200);
                    let own = offers.as_array().expect("rows");
                    assert!(own.iter().all(|offer| offer["sellerId"] == seller.id.as_str()));
                } else {
                    answer.error(404, "not_found");
                    offers.error(404, "not_found");
                }
                let joins = match *name {
                    "chosen" => true,
                    "pending" => open,
                    // They are invited to the private one as well.
                    "invited" | "ended" => open && private,
                    _ => false,
                };
                assert_eq!(may_join(app, seller, request).await, joins, "{context}");
            }
        }
    }
    let nothing = json!({ "_id": "01934e5a-0000-7000-8000-000000000000" });
    for actor in [&cast.buyer, &cast.admin, &cast.sellers[0].1] {
        assert!(!may_join(app, actor, &nothing).await);
    }
});

app_test!(lists_of_ones_own, async |app| {
    let (buyer, other, one, two) =
        (app.buyer().await, app.buyer().await, app.seller().await, app.seller().await);
    let first = buyer.publish(&json!({})).await;
    let second = other.publish(&json!({})).await;
    one.make_offer(&first, &json!({})).await;
    assert_eq!(ids(&list(&buyer, "mine=true").await), [id(&first)]);
    assert_eq!(ids(&list(&buyer, "").await), [id(&first)]);
    assert_eq!(ids(&list(&other, "mine=true").await), [id(&second)]);
    assert_eq!(ids(&list(&one, "mine=true").await), [id(&first)]);
    assert_eq!(ids(&list(&two, "mine=true").await), [""; 0]);
    assert_eq!(ids(&list(&two, "mine=false").await).len(), 2);
    let admin = app.admin().await;
    assert_eq!(ids(&list(&admin, "").await).len(), 2);
    assert_eq!(ids(&list(&admin, "mine=true").await), [""; 0]);
    app.get(REQUESTS).send().await.error(401, "unauthorized");
});

app_test!(lists_are_filtered, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let tree = app.get("/api/marketplace/categories").send().await.data(200);
    let (top, below) = (id(&tree[0]), id(&tree[0]["children"][1]));
    let other = id(&tree[1]);
    let a = buyer.publish(&json!({ "title": "ÄPFEL 100%", "categoryId": top })).await;
    let b = buyer.publish(&json!({ "title": "Pears_1", "categoryId": below })).await;
    let c = buyer.publish(&json!({ "description": "süße äpfel! A\\B", "categoryId": other })).await;
    seller.make_offer(&c, &json!({})).await;
    let expect = async |query: &str, wanted: &[&Value]| {
        for actor in [&buyer, &seller] {
            let list = list(actor, &format!("sort=createdAt&{query}")).await;
            let wanted: Vec<_> = wanted.iter().map(|request| id(request)).collect();
            assert_eq!(ids(&list), wanted, "{query}");
            assert_eq!(list["pagination"]["total"], wanted.len(), "{query}");
        }
    };
    expect("", &[&a, &b, &c]).await;
    expect(&format!("categoryId={top}"), &[&a, &b]).await;
    expect(&format!("categoryId={below}"), &[&b]).await;
    expect("categoryId=none", &[]).await;
    expect("status=received_offers", &[&c]).await;
    expect("status=active,received_offers", &[&a, &b, &c]).await;
    expect("status=completed", &[]).await;
    expect("q=%C3%A4pfel", &[&a, &c]).await;
    expect("q=%C3%84PFEL", &[&a, &c]).await;
    expect("q=pEARS", &[&b]).await;
    expect("q=100%25", &[&a]).await;
    expect("q=%25", &[&a]).await;
    expect("q=_", &[&b]).await;
    expect("q=!", &[&c]).await;
    expect("q=a%5Cb", &[&c]).await;
    expect("q=%20%20", &[&a, &b, &c]).await;
    expect("q=apfel", &[]).await;
    expect(&format!("q=pears&categoryId={top}&status=active"), &[&b]).await;
    for (query, field) in [
        ("status=open", "status"),
        ("status=", "status"),
        ("sort=price", "sort"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("page=99999999999999999999", "page"),
        ("mine=yes", "mine"),
        ("categoryId=a%20b", "categoryId"),
    ] {
        buyer.get(&format!("{REQUESTS}?{query}")).send().await.invalid(&[field]);
    }
    let long = "x".repeat(201);
    buyer.get(&format!("{REQUESTS}?q={long}")).send().await.invalid(&["q"]);
    buyer.get(&format!("{REQUESTS}?surprise=1")).send().await.error(422, "validation_failed");
    buyer.get(&format!("{REQUESTS}?q=%00")).send().await.error(400, "bad_request");
});

app_test!(lists_are_sorted_and_paged, async |app| {
    let buyer = app.buyer().await;
    let mut requests = Vec::new();
    for (max, currency, until) in [
        ("300.00", "USD", Some("2090-01-01T00:00:00.000Z")),
        ("100.00", "USD", None),
        ("200.00", "EUR", Some("2080-01-01T00:00:00.000Z")),
        ("200.00", "USD", Some("2080-01-01T00:00:00.000Z")),
        ("200.00", "USD", None),
    ] {
        let budget = json!({ "min": "0", "max": max, "currency": currency });
        requests.push(buyer.publish(&json!({ "budget": budget, "offersUntil": until })).await);
        app.advance(std::time::Duration::from_millis(10));
    }
    let order = async |sort: &str| {
        let list = list(&buyer, sort).await;
        let place = |id: &String| requests.iter().position(|r| r["_id"] == id.as_str());
        ids(&list).iter().map(|id| place(id).expect("one of them")).collect::<Vec<_>>()
    };
    assert_eq!(order("").await, [4, 3, 2, 1, 0]);
    assert_eq!(order("sort=-createdAt").await, [4, 3, 2, 1, 0]);
    assert_eq!(order("sort=createdAt").await, [0, 1, 2, 3, 4]);
    assert_eq!(order("sort=offersUntil").await, [2, 3, 0, 1, 4]);
    assert_eq!(order("sort=-offersUntil").await, [0, 3, 2, 4, 1]);
    assert_eq!(order("sort=budget").await, [2, 1, 3, 4, 0]);
    assert_eq!(order("sort=-budget").await, [2, 0, 4, 3, 1]);
    let page = list(&buyer, "sort=createdAt&limit=2&page=2").await;
    assert_eq!(ids(&page), [id(&requests[2]), id(&requests[3])]);
    let pagination = json!({ "page": 2, "limit": 2, "total": 5, "hasMore": true });
    assert_eq!(page["pagination"], pagination);
    let last = list(&buyer, "sort=createdAt&limit=2&page=3").await;
    assert_eq!(ids(&last), [id(&requests[4])]);
    assert_eq!(last["pagination"]["hasMore"], false);
    assert_eq!(ids(&list(&buyer, "page=1000000&limit=100").await), [""; 0]);
});

app_test!(every_shape_of_the_list_runs, async |app| {
    for role in [Role::Buyer, Role::Seller, Role::Admin] {
        let actor = app.actor(role).await;
        for sort in ["createdAt", "-createdAt", "offersUntil", "-offersUntil", "budget", "-budget"]
        {
            for mine in [true, false] {
                let query = format!("sort={sort}&mine={mine}&q=x&categoryId=x&status=active");
                assert_eq!(ids(&list(&actor, &query).await), [""; 0]);
            }
        }
    }
    let actor = app.buyer().await;
    actor.get(&format!("{OFFERS}/mine")).send().await.error(403, "forbidden");
});
