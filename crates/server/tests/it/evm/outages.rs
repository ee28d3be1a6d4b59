//! A chain that does not answer, or is the wrong one.

use std::collections::BTreeMap;

use db::Engine;
use serde_json::json;
use souk::config::Config;
use souk::node::Node;

use super::chain::{Chain, INTENTS, PLATFORM, PRICE, WALLET, chain_test, look, paying, standing};
use crate::support::TestApp;

chain_test!(silence_means_neither_paid_nor_failed, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    chain.proxy.cut();
    let unknown = paying.confirm(&hash).await.data(200);
    assert_eq!(standing(&unknown["payment"]), "pending none - 0.00");
    assert_eq!(unknown["transaction"]["status"], "pending");
    // Longer than a transaction that is not there would be waited for.
    app.advance(std::time::Duration::from_hours(2));
    app.run_timers().await;
    assert_eq!(paying.standing().await, "pending none - 0.00");
    assert_eq!(paying.transaction_status(&hash).await, "pending");
    chain.proxy.heal();
    chain.proxy.break_connections();
    app.advance(std::time::Duration::from_mins(6));
    app.run_timers().await;
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    app.check_ledger().await;
});

chain_test!(
    an_intent_needs_the_chain,
    [("EVM_RPC_URL", "http://127.0.0.1:1")],
    async |app, _chain| {
        let (buyer, seller) = (app.buyer().await, app.seller().await);
        let deal = buyer.deal(&seller, "180.00").await;
        let mut body = deal.intent();
        body["token"] = json!("USDC");
        body["wallet"] = json!(WALLET);
        let head = app.position().await;
        let answer = buyer.post(INTENTS).json(&body).send().await;
        answer.error(503, "chain_unavailable");
        assert!(answer.header("retry-after").is_some());
        assert_eq!(app.events_after(head).await.len(), 0);
    }
);

chain_test!(another_chain_is_refused, [("EVM_CHAIN_ID", "1")], async |app, _chain| {
    let error = Node::start(app.app.clone()).await.err().expect("a refusal to start");
    assert!(
        error.contains("leads to chain 31337") && error.contains("EVM_CHAIN_ID is 1"),
        "{error}"
    );
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let deal = buyer.deal(&seller, "180.00").await;
    let mut body = deal.intent();
    body["token"] = json!("USDC");
    body["wallet"] = json!(WALLET);
    buyer.post(INTENTS).json(&body).send().await.error(503, "chain_unavailable");
});

/// Two nodes that do not agree: what only one of them has seen does not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_have_to_agree() {
    let (Some(one), Some(other)) = (Chain::start().await, Chain::start().await) else { return };
    let urls = format!("{},{}", one.url(), other.url());
    let tokens = one.tokens();
    let settings = [
        ("EVM_RPC_URL", urls.as_str()),
        ("EVM_CHAIN_ID", "31337"),
        ("EVM_TOKENS", tokens.as_str()),
        ("EVM_CONFIRMATIONS", "1"),
        ("EVM_PAYEE", PLATFORM),
    ];
    crate::support::run(Engine::Sqlite, &settings, async |app: &TestApp| {
        let paying = paying(app, &one).await;
        let hash = one.pay(PRICE).await;
        let doubted = paying.confirm(&hash).await.data(200);
        assert_eq!(standing(&doubted["payment"]), "pending none - 0.00");
        look(app).await;
        assert_eq!(paying.standing().await, "pending none - 0.00");
    })
    .await;
}

/// A node that does not answer keeps the program from nothing but payments from wallets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_does_not_keep_the_program_from_starting() {
    let settings = [
        ("EVM_RPC_URL", "http://127.0.0.1:1"),
        ("EVM_CHAIN_ID", "31337"),
        ("EVM_TOKENS", "ETH:native:18"),
        ("EVM_PAYEE", PLATFORM),
    ];
    let vars: BTreeMap<_, _> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert!(Config::from_vars(&vars).expect("settings").evm.is_some());
    crate::support::run(Engine::Sqlite, &settings, async |app: &TestApp| {
        app.serve().await.stop().await;
    })
    .await;
}
