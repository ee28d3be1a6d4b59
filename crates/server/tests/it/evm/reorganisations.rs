//! What a chain takes back.

use std::time::Duration;

use super::chain::{PRICE, chain_test, look, paying, told};

chain_test!(what_was_only_seen_is_given_up_and_found_again, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    let raw = chain.raw(&hash).await;
    chain.mine(1).await;
    paying.confirm(&hash).await.data(200);
    assert_eq!(paying.standing().await, "processing none - 0.00");

    chain.reorganise(2).await;
    look(app).await;
    assert_eq!(paying.standing().await, "pending none - 0.00");
    assert_eq!(paying.transaction_status(&hash).await, "pending");
    // Blocks on a branch without it are no confirmations.
    chain.mine(5).await;
    look(app).await;
    assert_eq!(paying.standing().await, "pending none - 0.00");

    // Its place among the logs of the block is another one now.
    chain.hold_back(true);
    chain.transfer(&chain.token, crate::evm::chain::STRANGER, crate::evm::chain::MAKER, 1).await;
    chain.again(&raw).await;
    chain.mine(1).await;
    chain.hold_back(false);
    look(app).await;
    assert_eq!(paying.standing().await, "processing none - 0.00");
    assert_eq!(paying.transaction_status(&hash).await, "seen");
    chain.mine(2).await;
    look(app).await;
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    app.check_ledger().await;
});

chain_test!(what_moves_to_another_block_counts_from_there, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    let raw = chain.raw(&hash).await;
    chain.mine(1).await;
    paying.confirm(&hash).await.data(200);
    // Between two looks: nobody sees it missing.
    chain.reorganise(2).await;
    chain.mine(3).await;
    chain.again(&raw).await;
    look(app).await;
    assert_eq!(paying.transaction(&hash).await["confirmations"], 1);
    assert_eq!(paying.standing().await, "processing none - 0.00");
    chain.mine(2).await;
    look(app).await;
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    app.check_ledger().await;
});

chain_test!(what_was_confirmed_is_waited_for, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    let raw = chain.raw(&hash).await;
    chain.mine(2).await;
    paying.confirm(&hash).await.data(200);
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");

    chain.reorganise(3).await;
    let head = app.position().await;
    look(app).await;
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    chain.again(&raw).await;
    chain.mine(40).await;
    app.advance(Duration::from_hours(2));
    app.run_timers().await;
    assert_eq!(paying.transaction_status(&hash).await, "final");
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    assert_eq!(told(app, head).await, Vec::<String>::new());
    app.check_ledger().await;
});

chain_test!(what_never_comes_back_calls_the_deal_off, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    paying.confirm(&hash).await.data(200);
    chain.reorganise(3).await;
    look(app).await;
    app.advance(Duration::from_mins(50));
    app.run_timers().await;
    assert_eq!(paying.standing().await, "confirmed funded - 180.00");
    app.advance(Duration::from_mins(11));
    app.run_timers().await;
    let payment = paying.payment().await;
    assert_eq!((&payment["status"], &payment["received"]), (&"failed".into(), &"0.00".into()));
    assert_eq!(paying.transaction_status(&hash).await, "dropped");
    assert_eq!(paying.buyer.see(&paying.deal.request).await["status"], "cancelled");
    app.check_ledger().await;
});

chain_test!(what_was_released_cannot_be_taken_back, async |app, chain| {
    let paying = paying(app, chain).await;
    let hash = chain.pay(PRICE).await;
    chain.mine(2).await;
    paying.confirm(&hash).await.data(200);
    let admin = app.admin().await;
    admin.release(&paying.payment().await).await;
    chain.reorganise(3).await;
    look(app).await;
    app.advance(Duration::from_mins(61));
    app.run_timers().await;
    let lost = paying.transaction(&hash).await;
    assert_eq!(
        (&lost["status"], &lost["reason"]),
        (&"dropped".into(), &"lost_after_release".into())
    );
    assert_eq!(paying.standing().await, "confirmed releasable - 180.00");
    app.check_ledger().await;
});
