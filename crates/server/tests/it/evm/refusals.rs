//! Transactions that do not pay.

use std::time::Duration;

use serde_json::json;

use super::chain::{
    CONFIRM, MAKER, PLATFORM, PRICE, STRANGER, WALLET, begin, chain_test, look, paying, standing,
};

chain_test!(what_is_not_the_payment_is_refused, async |app, chain| {
    // Long before there was anything to pay.
    let old = chain.pay(PRICE).await;
    chain.mine(3).await;
    let paying = paying(app, chain).await;
    let head = app.position().await;
    // More than the wallet has.
    let reverted = chain.transfer(&chain.token, WALLET, PLATFORM, u128::MAX / 2).await;
    let strangers = chain.transfer(&chain.token, STRANGER, PLATFORM, PRICE).await;
    let elsewhere = chain.transfer(&chain.token, WALLET, STRANGER, PRICE).await;
    let lookalike = chain.transfer(&chain.lookalike, WALLET, PLATFORM, PRICE).await;
    let dust = chain.pay(9_999).await;
    let nothing = chain.pay(0).await;
    let deployed = chain.send(json!({ "from": WALLET, "to": chain.token, "value": "0x0",
        "data": crate::evm::chain::call_data("balanceOf(address)", &[crate::evm::chain::address(MAKER)]) }));
    let deployed = deployed.await;
    for blocks in [0, 3] {
        chain.mine(blocks).await;
        for (hash, code) in [
            (&old, "transaction_too_old"),
            (&reverted, "transaction_reverted"),
            (&strangers, "transaction_wrong_sender"),
            (&elsewhere, "transaction_wrong_recipient"),
            (&lookalike, "transaction_wrong_token"),
            (&dust, "transaction_too_small"),
            (&nothing, "transaction_too_small"),
            (&deployed, "transaction_no_transfer"),
        ] {
            paying.confirm(hash).await.error(422, code);
        }
    }
    assert_eq!(paying.standing().await, "pending none - 0.00");
    let intent = paying.buyer.get(&format!("{}/{}", crate::evm::chain::INTENTS, paying.id()));
    assert_eq!(intent.send().await.data(200)["transactions"], json!([]));
    assert_eq!(app.events_after(head).await.len(), 0);
    app.check_ledger().await;
});

chain_test!(a_rule_that_breaks_later_is_found, async |app, chain| {
    let paying = paying(app, chain).await;
    chain.hold_back(true);
    // In no block yet, so nobody can know that it will revert.
    let hash = chain.transfer(&chain.token, WALLET, PLATFORM, u128::MAX / 2).await;
    paying.confirm(&hash).await.data(200);
    chain.mine(1).await;
    look(app).await;
    let rejected = paying.transaction(&hash).await;
    assert_eq!(
        (&rejected["status"], &rejected["reason"]),
        (&json!("rejected"), &json!("reverted"))
    );
    assert_eq!(paying.standing().await, "pending none - 0.00");
});

chain_test!(only_the_buyer_confirms, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    let body = json!({ "paymentId": paying.id(), "txHash": hash });
    app.post(CONFIRM).json(&body).send().await.error(401, "unauthorized");
    app.buyer().await.post(CONFIRM).json(&body).send().await.error(404, "not_found");
    paying.seller.post(CONFIRM).json(&body).send().await.error(403, "forbidden");
    app.admin().await.post(CONFIRM).json(&body).send().await.error(403, "forbidden");
    assert_eq!(paying.standing().await, "pending none - 0.00");
});

chain_test!(somebody_elses_payment_cannot_take_the_money, async |app, chain| {
    // Both name the same wallet, but only one of them has its key.
    let honest = paying(app, chain).await;
    let (thief, seller) = (app.buyer().await, app.seller().await);
    let deal = thief.deal(&seller, "180.00").await;
    let mut body = deal.intent();
    body["token"] = json!("USDC");
    body["wallet"] = json!(WALLET);
    let intent = thief.post(crate::evm::chain::INTENTS).json(&body).send().await.data(201);
    let hash = chain.pay(PRICE).await;
    let mut body = json!({ "paymentId": intent["paymentId"], "txHash": hash });
    thief.post(CONFIRM).json(&body).send().await.error(409, "wallet_not_proven");
    // The thief's own wallet's signature, and the honest one's under another payment.
    let message = intent["message"].as_str().expect("a message");
    let own = honest.intent["message"].as_str().expect("a message");
    for (wallet, text) in [(STRANGER, message), (WALLET, own), (WALLET, "hello")] {
        body["signature"] = json!(chain.sign(wallet, text).await);
        let answer = thief.post(CONFIRM).json(&body).send().await;
        answer.error(422, "wallet_signature_invalid");
    }
    let paid = honest.confirm(&hash).await.data(200);
    assert_eq!(standing(&paid["payment"]), "processing none - 0.00");
});

chain_test!(hashes_are_checked, async |app, chain| {
    let paying = paying(app, chain).await;
    let digits = "1".repeat(64);
    for hash in [
        "",
        "0x",
        &digits,
        &format!("0x{digits}1"),
        &format!("0x{}", &digits[1..]),
        &format!("0X{digits}"),
        &format!("0x{}g", &digits[1..]),
        &format!(" 0x{digits}"),
    ] {
        paying.confirm(hash).await.invalid(&["txHash"]);
    }
});

chain_test!(what_waits_is_limited, async |app, chain| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let paying = begin(&buyer, &seller, chain).await;
    let hash = |number: u32| format!("0x{number:064x}");
    for number in 1..=5 {
        paying.confirm(&hash(number)).await.data(200);
    }
    paying.confirm(&hash(6)).await.error(409, "too_many_transactions");
    // One that waits already is no new one.
    paying.confirm(&hash(5)).await.data(200);
    // Each of these asks the chain; 8 looks were taken by now.
    let mut refused = None;
    for number in 7..=40 {
        let answer = paying.confirm(&hash(number)).await;
        if answer.status == 429 {
            refused = Some((number, answer));
            break;
        }
        answer.error(409, "too_many_transactions");
    }
    let (number, answer) = refused.expect("a limit");
    assert!((28..=31).contains(&number), "{number}");
    answer.error(429, "rate_limited");
    assert!(answer.header("retry-after").is_some());
    // Others are not concerned, and time heals.
    let other = begin(&app.buyer().await, &seller, chain).await;
    other.confirm(&hash(1)).await.data(200);
    app.advance(Duration::from_secs(10));
    paying.confirm(&hash(5)).await.data(200);
});
