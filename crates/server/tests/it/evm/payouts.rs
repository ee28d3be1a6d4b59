//! Payouts that an administrator makes from the platform's wallet.

use serde_json::json;

use super::chain::{
    Chain, PAYOUT, PLATFORM, PRICE, Paying, SELLER_WALLET, STRANGER, WALLET, chain_test, look,
    paying, told,
};
use crate::support::{Actor, Answer, TestApp};

/// A deal that is paid and released.
async fn released(app: &TestApp, chain: &Chain) -> (Paying, Actor) {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    paying.confirm(&hash).await.data(200);
    let admin = app.admin().await;
    admin.release(&paying.payment().await).await;
    (paying, admin)
}

async fn set_wallet(seller: &Actor, crypto: &str, address: &str) {
    let wallet = json!({ "payoutWallet": { "crypto": crypto, "address": address } });
    seller.patch("/api/auth/me").json(&wallet).send().await.data(200);
}

async fn record(admin: &Actor, paying: &Paying, hash: &str) -> Answer {
    let body = json!({ "paymentId": paying.id(), "txHash": hash });
    admin.post(PAYOUT).json(&body).send().await
}

chain_test!(a_payout_is_verified, async |app, chain| {
    let (paying, admin) = released(app, chain).await;
    set_wallet(&paying.seller, "ETH-USDC", SELLER_WALLET).await;
    let hash = chain.transfer(&chain.token, PLATFORM, SELLER_WALLET, PRICE).await;
    let head = app.position().await;
    let recorded = record(&admin, &paying, &hash).await.data(200);
    assert_eq!(recorded["payout"]["status"], "broadcast");
    assert_eq!(recorded["payout"]["txHash"], hash);
    assert_eq!(recorded["payout"]["amount"], "180.00");
    assert_eq!(recorded["transaction"]["status"], "seen");
    let names = told(app, head).await;
    assert!(names.contains(&"payout-created".to_owned()), "{names:?}");
    // Once more it is the same one.
    let again = record(&admin, &paying, &hash).await.data(200);
    assert_eq!(again["payout"]["_id"], recorded["payout"]["_id"]);

    chain.mine(2).await;
    look(app).await;
    let names = told(app, head).await;
    assert!(names.contains(&"payout-completed".to_owned()), "{names:?}");
    assert_eq!(paying.standing().await, "completed released - 180.00");
    app.check_ledger().await;

    // It cannot be paid twice.
    let second = chain.transfer(&chain.token, PLATFORM, SELLER_WALLET, PRICE).await;
    record(&admin, &paying, &second).await.error(409, "no_payout_waits");
    chain.mine(40).await;
    look(app).await;
    app.check_ledger().await;
});

chain_test!(what_did_not_pay_the_seller_is_no_payout, async |app, chain| {
    let (paying, admin) = released(app, chain).await;
    let early = chain.transfer(&chain.token, PLATFORM, SELLER_WALLET, PRICE).await;
    record(&admin, &paying, &early).await.error(409, "payout_wallet_missing");
    set_wallet(&paying.seller, "BTC", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq").await;
    record(&admin, &paying, &early).await.error(409, "payout_wallet_on_another_chain");
    set_wallet(&paying.seller, "ETH-USDC", SELLER_WALLET).await;
    let token = &chain.token;
    for (hash, status, code) in [
        (
            chain.transfer(token, STRANGER, SELLER_WALLET, PRICE).await,
            422,
            "transaction_wrong_sender",
        ),
        (chain.transfer(token, PLATFORM, WALLET, PRICE).await, 422, "transaction_wrong_recipient"),
        (
            chain.transfer(token, PLATFORM, SELLER_WALLET, PRICE - 10_000).await,
            422,
            "transaction_too_small",
        ),
        (
            chain.transfer(&chain.other_token, PLATFORM, SELLER_WALLET, PRICE).await,
            422,
            "transaction_wrong_token",
        ),
        (
            chain.transfer(token, PLATFORM, SELLER_WALLET, u128::MAX / 2).await,
            422,
            "transaction_reverted",
        ),
        (format!("0x{}", "1".repeat(64)), 409, "transaction_not_in_a_block"),
    ] {
        record(&admin, &paying, &hash).await.error(status, code);
    }
    assert_eq!(paying.standing().await, "confirmed releasable - 180.00");
    let body = json!({ "paymentId": paying.id(), "txHash": early });
    paying.buyer.post(PAYOUT).json(&body).send().await.error(403, "forbidden");
    paying.seller.post(PAYOUT).json(&body).send().await.error(403, "forbidden");
    app.check_ledger().await;
});

chain_test!(one_transaction_pays_one_seller_once, async |app, chain| {
    let (first, admin) = released(app, chain).await;
    set_wallet(&first.seller, "ETH-USDC", SELLER_WALLET).await;
    let second = crate::evm::chain::begin(&first.buyer, &first.seller, chain).await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    second.confirm(&hash).await.data(200);
    admin.release(&second.payment().await).await;
    let hash = chain.transfer(&chain.token, PLATFORM, SELLER_WALLET, PRICE).await;
    record(&admin, &first, &hash).await.data(200);
    record(&admin, &second, &hash).await.error(409, "transaction_already_used");
    assert_eq!(second.standing().await, "confirmed releasable - 180.00");
    app.check_ledger().await;
});

chain_test!(a_payout_that_the_chain_takes_back_is_unknown, async |app, chain| {
    let (paying, admin) = released(app, chain).await;
    set_wallet(&paying.seller, "ETH-USDC", SELLER_WALLET).await;
    let hash = chain.transfer(&chain.token, PLATFORM, SELLER_WALLET, PRICE).await;
    let raw = chain.raw(&hash).await;
    let recorded = record(&admin, &paying, &hash).await.data(200);
    let path = format!("/api/payment/payouts/{}", recorded["payout"]["_id"].as_str().unwrap());
    chain.reorganise(1).await;
    look(app).await;
    assert_eq!(admin.get(&path).send().await.data(200)["status"], "unknown");
    chain.again(&raw).await;
    chain.mine(2).await;
    look(app).await;
    assert_eq!(admin.get(&path).send().await.data(200)["status"], "completed");
    app.check_ledger().await;
});
