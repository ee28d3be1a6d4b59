//! Transactions that pay.

use std::time::Duration;

use serde_json::{Value, json};

use super::chain::{
    CONFIRM, INTENTS, PLATFORM, PRICE, Paying, WALLET, address, begin, call_data, chain_test, look,
    number, paying, prove, standing, told,
};
use crate::support::{Actor, at_once};

chain_test!(a_token_pays_when_it_is_deep_enough, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    let head = app.position().await;
    let seen = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&seen["payment"]), "processing none - 0.00");
    let expected = json!({
        "txHash": hash, "status": "seen", "confirmations": 1, "confirmationsNeeded": 3,
    });
    assert_eq!(seen["transaction"], expected);
    assert_eq!(told(app, head).await, ["payment-update"]);

    chain.mine(1).await;
    look(app).await;
    assert_eq!(paying.standing().await, "processing none - 0.00");
    chain.mine(1).await;
    let head = app.position().await;
    look(app).await;
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    assert_eq!(paying.payment().await["txHash"], hash);
    assert_eq!(paying.buyer.see(&paying.deal.request).await["status"], "processing");
    let events = app.events_after(head).await;
    let update = events.iter().find(|event| event.name == "payment-update").expect("an update");
    assert_eq!(update.payload["txHash"], hash);
    assert!(events.iter().any(|event| event.name == "payment-received"));

    // Confirming again tells the same, and nothing happens twice.
    let again = paying.confirm(&hash).await.data(200);
    assert_eq!(again["transaction"]["status"], "confirmed");
    chain.mine(40).await;
    let head = app.position().await;
    look(app).await;
    assert_eq!(paying.transaction_status(&hash).await, "final");
    assert_eq!(told(app, head).await, Vec::<String>::new());
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    app.check_ledger().await;
});

chain_test!(a_transaction_that_is_deep_already_pays_at_once, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    let paid = paying.confirm(&hash.to_uppercase().replacen("0X", "0x", 1)).await.data(200);
    assert_eq!(standing(&paid["payment"]), "confirmed funded - 180.00");
    assert_eq!(paid["transaction"]["txHash"], hash);
    assert_eq!(paid["transaction"]["status"], "confirmed");
    app.check_ledger().await;
});

/// A deal over half an ether whose buyer has an intent, and has signed.
async fn paying_coin(buyer: &Actor, seller: &Actor, chain: &crate::evm::chain::Chain) -> Paying {
    let budget = json!({ "budget": { "min": "0.10", "max": "1.00", "currency": "ETH" } });
    let request = buyer.publish(&budget).await;
    let price = json!({ "price": { "amount": "0.50", "currency": "ETH" } });
    let offer = seller.make_offer(&request, &price).await;
    buyer.accept(&offer).await;
    let deal = crate::support::money::Deal { request, offer };
    let mut body = deal.intent();
    body["token"] = json!("ETH");
    body["wallet"] = json!(WALLET);
    let intent = buyer.post(INTENTS).json(&body).send().await.data(201);
    let intent = prove(buyer, chain, &intent).await;
    Paying { buyer: buyer.clone(), seller: seller.clone(), deal, intent }
}

chain_test!(the_chains_own_coin_pays, async |app, chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let paying = paying_coin(&buyer, &seller, chain).await;
    let other = paying_coin(&buyer, &seller, chain).await;
    let intent = &paying.intent;
    assert_eq!(intent["amountBaseUnits"], "500000000000000000");
    assert!(intent["token"].get("address").is_none());
    let uri = format!("ethereum:{PLATFORM}@31337?value=500000000000000000");
    assert_eq!(intent["uri"], uri);
    let hash = chain.send_coin(WALLET, PLATFORM, 500_000_000_000_000_000).await;
    let seen = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&seen["payment"]), "processing none - 0.00");
    chain.mine(2).await;
    look(app).await;
    assert_eq!(paying.standing().await, "confirmed funded - 0.50");

    // What a contract passes on cannot be seen.
    let forwarder = chain.deploy("Forwarder").await;
    let hash = chain
        .send(json!({
            "from": WALLET, "to": forwarder, "value": "0x6f05b59d3b20000",
            "data": call_data("forward(address)", &[address(PLATFORM)]),
        }))
        .await;
    other.confirm(&hash).await.error(422, "transaction_no_transfer");
    // A token instead of the coin is money too, in the wrong asset.
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    let wrong = other.confirm(&hash).await.data(200);
    assert_eq!(standing(&wrong["payment"]), "pending none wrong_asset 0.00");
    app.check_ledger().await;
});

chain_test!(too_little_is_topped_up, async |app, chain| {
    let paying = paying(app, chain).await;
    let first = chain.pay(100_000_000).await;
    chain.mine(2).await;
    let partial = paying.confirm(&first).await.data(200);
    assert_eq!(standing(&partial["payment"]), "processing partial partial 100.00");
    let path = format!("{INTENTS}/{}", paying.id());
    let intent = paying.buyer.get(&path).send().await.data(200);
    assert_eq!(intent["dueBaseUnits"], "80000000");

    let second = chain.pay(79_999_999).await;
    chain.mine(2).await;
    let partial = paying.confirm(&second).await.data(200);
    // What is less than a cent does not count.
    assert_eq!(standing(&partial["payment"]), "processing partial partial 179.99");
    let third = chain.pay(10_000).await;
    chain.mine(2).await;
    let paid = paying.confirm(&third).await.data(200);
    assert_eq!(standing(&paid["payment"]), "confirmed funded - 180.00");
    app.check_ledger().await;
});

chain_test!(too_much_is_the_buyers, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE + 20_000_000).await;
    chain.mine(2).await;
    let paid = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&paid["payment"]), "confirmed funded over 200.00");
    // So is what comes when all is paid.
    let hash = chain.pay(5_000_000).await;
    chain.mine(2).await;
    let more = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&more["payment"]), "confirmed funded over 205.00");
    assert_eq!(more["payment"]["excess"], "25.00");
    app.check_ledger().await;
});

chain_test!(money_that_comes_late_is_not_lost, async |app, chain| {
    let paying = paying(app, chain).await;
    app.advance(Duration::from_hours(25));
    app.run_timers().await;
    assert_eq!(paying.standing().await, "expired none - 0.00");
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    let late = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&late["payment"]), "expired none late 180.00");
    assert_eq!(late["payment"]["excess"], "180.00");
    app.check_ledger().await;
});

chain_test!(two_transfers_of_one_transaction_count, async |app, chain| {
    let paying = paying(app, chain).await;
    let arguments = [address(PLATFORM), number(100_000_000), number(80_000_000)];
    let hash = chain
        .send(json!({
            "from": WALLET, "to": chain.token,
            "data": call_data("transferTwice(address,uint256,uint256)", &arguments),
        }))
        .await;
    chain.mine(2).await;
    let paid = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&paid["payment"]), "confirmed funded - 180.00");
    app.check_ledger().await;
});

chain_test!(a_transfer_pays_once, async |app, chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let (first, second) =
        (begin(&buyer, &seller, chain).await, begin(&buyer, &seller, chain).await);
    let hash = chain.pay(PRICE).await;
    first.confirm(&hash).await.data(200);
    second.confirm(&hash).await.error(409, "transaction_already_used");
    chain.mine(2).await;
    second.confirm(&hash).await.error(409, "transaction_already_used");
    look(app).await;
    assert_eq!(first.standing().await, "confirmed funded - 180.00");
    assert_eq!(second.standing().await, "pending none - 0.00");
    // With another transaction it is paid.
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    second.confirm(&hash).await.data(200);
    assert_eq!(second.standing().await, "confirmed funded - 180.00");
    app.check_ledger().await;
});

chain_test!(many_confirmations_at_once_pay_once, async |app, chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let (first, second) =
        (begin(&buyer, &seller, chain).await, begin(&buyer, &seller, chain).await);
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    let request = |id: &str| {
        let body = json!({ "paymentId": id, "txHash": hash });
        buyer.post(CONFIRM).json(&body)
    };
    let requests = (0..12).flat_map(|_| [request(first.id()), request(second.id())]);
    let answers = at_once(requests).await;
    let paid = answers.iter().filter(|answer| answer.status == 200).count();
    let used = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((paid, used), (12, 12), "{answers:#?}");
    let mut both = [first.standing().await, second.standing().await];
    both.sort();
    assert_eq!(both, ["confirmed funded - 180.00", "pending none - 0.00"]);
    app.check_ledger().await;
});

chain_test!(another_token_of_ours_is_flagged, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.transfer(&chain.other_token, WALLET, PLATFORM, PRICE).await;
    chain.mine(2).await;
    let wrong = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&wrong["payment"]), "pending none wrong_asset 0.00");
    // So is the chain's own coin.
    let hash = chain.send_coin(WALLET, PLATFORM, 1_000_000_000).await;
    chain.mine(2).await;
    paying.confirm(&hash).await.data(200);
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    let paid: Value = paying.confirm(&hash).await.data(200);
    assert_eq!(paid["payment"]["escrowState"], "funded");
    app.check_ledger().await;
});

chain_test!(a_transaction_without_a_block_is_waited_for, async |app, chain| {
    let paying = paying(app, chain).await;
    chain.hold_back(true);
    let hash = chain.pay(PRICE).await;
    let waiting = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&waiting["payment"]), "pending none - 0.00");
    assert_eq!(waiting["transaction"]["status"], "pending");
    // Longer than one that the chain does not know at all would be waited for.
    app.advance(Duration::from_hours(2));
    app.run_timers().await;
    assert_eq!(paying.transaction_status(&hash).await, "pending");
    chain.mine(3).await;
    look(app).await;
    assert_eq!(paying.transaction_status(&hash).await, "pending", "not before its time");
    app.advance(Duration::from_mins(5));
    app.run_timers().await;
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
});

chain_test!(a_transaction_that_nobody_knows_is_dropped, async |app, chain| {
    let paying = paying(app, chain).await;
    chain.hold_back(true);
    let hash = chain.pay(PRICE).await;
    let raw = chain.raw(&hash).await;
    chain.ask("anvil_dropTransaction", json!([hash])).await;
    paying.confirm(&hash).await.data(200);
    for _ in 0..2 {
        app.advance(Duration::from_mins(31));
        app.run_timers().await;
    }
    let dropped = paying.transaction(&hash).await;
    assert_eq!(
        (&dropped["status"], &dropped["reason"]),
        (&json!("dropped"), &json!("not_in_a_block"))
    );
    assert_eq!(paying.standing().await, "pending none - 0.00");
    // It may come after all.
    chain.again(&raw).await;
    chain.mine(3).await;
    let paid = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&paid["payment"]), "confirmed funded - 180.00");
});
