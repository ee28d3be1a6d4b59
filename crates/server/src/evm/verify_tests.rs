//! Every rule broken on its own, on top of a payment that holds.

use strum::VariantArray as _;

use super::*;
use crate::evm::rpc::Block;

const TX: Hash = Hash([0xaa; 32]);
const BLOCK: Hash = Hash([0xbb; 32]);
const TOKEN: Address = Address([0x10; 20]);
const KNOWN: Address = Address([0x11; 20]);
const LOOKALIKE: Address = Address([0x12; 20]);
const PAYER: Address = Address([0x20; 20]);
const PAYEE: Address = Address([0x30; 20]);
const ROUTER: Address = Address([0x40; 20]);
const STRANGER: Address = Address([0x50; 20]);
/// The quote was given at this height and this second.
const SINCE: (u64, u64) = (100, 1_700_000_000);

#[derive(Clone)]
struct Case {
    hash: Hash,
    terms: Terms,
    evidence: Evidence,
}

impl Case {
    fn verdict(&self) -> Verdict {
        verify(self.hash, &self.terms, &self.evidence)
    }

    fn transaction(&mut self) -> &mut Transaction {
        self.evidence.transaction.as_mut().unwrap()
    }

    fn receipt(&mut self) -> &mut Receipt {
        self.evidence.receipt.as_mut().unwrap()
    }

    fn block(&mut self) -> &mut Block {
        self.evidence.block.as_mut().unwrap()
    }

    fn log(&mut self) -> &mut Log {
        &mut self.receipt().logs[0]
    }
}

fn word(address: Address) -> Hash {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&address.0);
    Hash(word)
}

fn value(units: u128) -> String {
    format!("0x{units:064x}")
}

fn log(contract: Address, from: Address, to: Address, units: u128, index: u64) -> Log {
    Log {
        address: contract,
        topics: vec![TRANSFER, word(from), word(to)],
        data: value(units),
        log_index: Quantity(index),
        transaction_hash: TX,
        block_hash: BLOCK,
        removed: false,
    }
}

/// 180 units of a token with 6 places, through a router, ten minutes and ten blocks after the
/// quote, three blocks deep where three are asked for.
fn token() -> Case {
    let (number, seconds) = (SINCE.0 + 10, SINCE.1 + 600);
    Case {
        hash: TX,
        terms: Terms {
            contract: Some(TOKEN),
            known: vec![TOKEN, KNOWN],
            payer: PAYER,
            payee: PAYEE,
            scale: 1,
            since: Timestamp::from_millis(SINCE.1 as i64 * 1000),
            since_block: SINCE.0,
            depth: Depth::Blocks(3),
        },
        evidence: Evidence {
            head: number + 2,
            finalized: None,
            transaction: Some(Transaction {
                hash: TX,
                from: PAYER,
                to: Some(ROUTER),
                value: Units(0),
                input: "0xa9059cbb".into(),
            }),
            receipt: Some(Receipt {
                transaction_hash: TX,
                status: Some(Quantity(1)),
                block_number: Quantity(number),
                block_hash: BLOCK,
                logs: vec![log(TOKEN, PAYER, PAYEE, 180_000_000, 4)],
            }),
            block: Some(Block {
                number: Quantity(number),
                hash: BLOCK,
                timestamp: Quantity(seconds),
            }),
        },
    }
}

/// The same with the chain's own coin: 18 places on the chain, 8 here.
fn coin() -> Case {
    let mut case = token();
    case.terms.contract = None;
    case.terms.scale = 10_u128.pow(10);
    *case.transaction() = Transaction {
        hash: TX,
        from: PAYER,
        to: Some(PAYEE),
        value: Units(5 * 10_u128.pow(17)),
        input: "0x".into(),
    };
    case.receipt().logs.clear();
    case
}

fn proof(case: &Case) -> Proof {
    match case.verdict() {
        Verdict::Proven(proof) => proof,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_asked_for_is_proven() {
    let paid = proof(&token());
    let units = Units(180_000_000);
    assert_eq!(
        paid.moved,
        [Moved { log_index: 0, units, minor: 180_000_000, asset_matches: true }]
    );
    assert_eq!((paid.block_number, paid.block_hash, paid.depth), (SINCE.0 + 10, BLOCK, 3));
    assert_eq!(paid.at, Timestamp::from_millis((SINCE.1 as i64 + 600) * 1000));
    assert!(paid.is_deep && !paid.is_settled);
    let units = Units(5 * 10_u128.pow(17));
    assert_eq!(
        proof(&coin()).moved,
        [Moved { log_index: NO_LOG, units, minor: 50_000_000, asset_matches: true }]
    );
}

type Change = fn(&mut Case);

#[test]
fn a_broken_rule_of_a_token_payment_is_found() {
    use Refusal as R;
    let refused: &[(&str, Change, Refusal)] = &[
        ("reverted", |c| c.receipt().status = Some(Quantity(0)), R::Reverted),
        ("no status", |c| c.receipt().status = None, R::Reverted),
        ("an odd status", |c| c.receipt().status = Some(Quantity(2)), R::Reverted),
        ("a block below", |c| c.terms.since_block = SINCE.0 + 11, R::TooOld),
        ("an old block", |c| c.block().timestamp = Quantity(SINCE.1 - 61), R::TooOld),
        ("another contract", |c| c.log().address = LOOKALIKE, R::WrongToken),
        ("another event", |c| c.log().topics[0] = Hash([1; 32]), R::NoTransfer),
        ("too few topics", |c| c.log().topics.truncate(2), R::NoTransfer),
        ("an NFT", |c| c.log().topics.push(Hash([0; 32])), R::NoTransfer),
        ("no topics", |c| c.log().topics.clear(), R::NoTransfer),
        ("no data", |c| c.log().data = "0x".into(), R::NoTransfer),
        ("short data", |c| c.log().data.truncate(64), R::NoTransfer),
        ("long data", |c| c.log().data.push_str(&"0".repeat(64)), R::NoTransfer),
        ("odd data", |c| c.log().data = "0xzz".into(), R::NoTransfer),
        ("dirt before the payee", |c| c.log().topics[2].0[0] = 1, R::NoTransfer),
        ("dirt before the payer", |c| c.log().topics[1].0[11] = 1, R::NoTransfer),
        ("a removed log", |c| c.log().removed = true, R::NoTransfer),
        ("no logs", |c| c.receipt().logs.clear(), R::NoTransfer),
        ("another payee", |c| c.log().topics[2] = word(STRANGER), R::WrongRecipient),
        ("a stranger's money", |c| c.log().topics[1] = word(STRANGER), R::WrongSender),
        ("the router's money", |c| c.log().topics[1] = word(ROUTER), R::WrongSender),
        ("back to the payer", |c| c.log().topics.swap(1, 2), R::NoTransfer),
        ("nothing", |c| c.log().data = value(0), R::TooSmall),
        ("dust", |c| c.terms.scale = 180_000_001, R::TooSmall),
        ("too much to count", |c| c.log().data = value(1 << 63), R::TooLarge),
        ("past 128 bits", |c| c.log().data.replace_range(2..3, "1"), R::TooLarge),
        (
            "the payer signed, and another token moved",
            |c| c.receipt().logs = vec![log(LOOKALIKE, PAYER, PAYEE, 180_000_000, 0)],
            R::WrongToken,
        ),
    ];
    for (what, change, refusal) in refused {
        let mut case = token();
        change(&mut case);
        assert_eq!(case.verdict(), Verdict::Refused(*refusal), "{what}");
    }
}

#[test]
fn a_broken_rule_of_a_coin_payment_is_found() {
    use Refusal as R;
    let refused: &[(&str, Change, Refusal)] = &[
        ("reverted", |c| c.receipt().status = Some(Quantity(0)), R::Reverted),
        ("a block below", |c| c.terms.since_block = SINCE.0 + 11, R::TooOld),
        ("an old block", |c| c.block().timestamp = Quantity(SINCE.1 - 61), R::TooOld),
        ("another payee", |c| c.transaction().to = Some(STRANGER), R::WrongRecipient),
        ("a new contract", |c| c.transaction().to = None, R::WrongRecipient),
        ("a stranger's money", |c| c.transaction().from = STRANGER, R::WrongSender),
        ("a call", |c| c.transaction().input = "0x00".into(), R::NoTransfer),
        (
            "a call through a router",
            |c| {
                c.transaction().to = Some(ROUTER);
                c.transaction().input = "0xd0e30db0".into();
            },
            R::NoTransfer,
        ),
        (
            "logs beside",
            |c| c.receipt().logs = vec![log(LOOKALIKE, PAYER, ROUTER, 1, 0)],
            R::NoTransfer,
        ),
        (
            "a token instead",
            |c| c.receipt().logs = vec![log(LOOKALIKE, PAYER, PAYEE, 1, 0)],
            R::WrongToken,
        ),
        ("nothing", |c| c.transaction().value = Units(0), R::TooSmall),
        ("dust", |c| c.transaction().value = Units(10_u128.pow(10) - 1), R::TooSmall),
        ("too much to count", |c| c.transaction().value = Units(u128::MAX), R::TooLarge),
    ];
    for (what, change, refusal) in refused {
        let mut case = coin();
        change(&mut case);
        assert_eq!(case.verdict(), Verdict::Refused(*refusal), "{what}");
    }
}

#[test]
fn what_is_not_known_is_waited_for() {
    let waiting: &[(&str, Change)] = &[
        ("nothing", |c| {
            c.evidence.transaction = None;
            c.evidence.receipt = None;
            c.evidence.block = None;
        }),
        ("in no block", |c| {
            c.evidence.receipt = None;
            c.evidence.block = None;
        }),
        ("a receipt without its transaction", |c| c.evidence.transaction = None),
        ("a block that is not there", |c| c.evidence.block = None),
        ("another block at that height", |c| c.block().hash = Hash([1; 32])),
        ("a block of another height", |c| c.block().number = Quantity(1)),
        ("another transaction", |c| c.transaction().hash = Hash([1; 32])),
        ("another receipt", |c| c.receipt().transaction_hash = Hash([1; 32])),
        ("another hash", |c| c.hash = Hash([1; 32])),
        // A reverted one in a block that is being replaced may still go through.
        ("reverted in another block", |c| {
            c.receipt().status = Some(Quantity(0));
            c.block().hash = Hash([1; 32]);
        }),
    ];
    for make in [token, coin] {
        for (what, change) in waiting {
            let mut case = make();
            change(&mut case);
            assert_eq!(case.verdict(), Verdict::Waiting, "{what}");
        }
    }
    let mut case = token();
    case.log().transaction_hash = Hash([1; 32]);
    assert_eq!(case.verdict(), Verdict::Waiting, "a log of another transaction");
    let mut case = token();
    case.log().block_hash = Hash([1; 32]);
    assert_eq!(case.verdict(), Verdict::Waiting, "a log of another block");
}

#[test]
fn what_does_not_matter_does_not_matter() {
    let fine: &[(&str, Change)] = &[
        ("somebody else sent the transaction", |c| c.transaction().from = STRANGER),
        ("through another contract", |c| c.transaction().to = Some(STRANGER)),
        ("in the block of the quote", |c| c.terms.since_block = SINCE.0 + 10),
        ("a clock that is behind", |c| c.block().timestamp = Quantity(SINCE.1 - 60)),
        ("other transfers beside", |c| {
            let right = c.receipt().logs.remove(0);
            c.receipt().logs = vec![
                log(LOOKALIKE, PAYER, PAYEE, 7, 1),
                log(TOKEN, STRANGER, PAYEE, 7, 2),
                log(TOKEN, PAYER, STRANGER, 7, 3),
                right,
                log(KNOWN, PAYER, PAYEE, 7, 5),
            ];
        }),
    ];
    for (what, change) in fine {
        let mut case = token();
        change(&mut case);
        let minor: Vec<_> = proof(&case).moved.iter().map(|moved| moved.minor).collect();
        assert_eq!(minor, [180_000_000], "{what}");
    }
}

#[test]
fn each_transfer_of_a_transaction_counts() {
    let mut case = token();
    case.receipt().logs.push(log(TOKEN, PAYER, PAYEE, 20_000_000, 9));
    case.receipt().logs.push(log(TOKEN, PAYER, PAYEE, 0, 10));
    let moved: Vec<_> = proof(&case).moved.iter().map(|one| (one.log_index, one.minor)).collect();
    assert_eq!(moved, [(0, 180_000_000), (1, 20_000_000)]);
}

#[test]
fn a_log_keeps_its_place_when_its_block_changes() {
    let mut case = token();
    case.receipt().logs.insert(0, log(LOOKALIKE, PAYER, PAYEE, 7, 3));
    let before = proof(&case).moved;
    assert_eq!(before[0].log_index, 1);
    for log in &mut case.receipt().logs {
        log.log_index = Quantity(log.log_index.0 + 40);
    }
    assert_eq!(proof(&case).moved, before);
}

#[test]
fn amounts_are_rounded_down() {
    let mut case = coin();
    case.transaction().value = Units(10_u128.pow(10) * 2 - 1);
    assert_eq!(proof(&case).moved[0].minor, 1);
}

#[test]
fn another_coin_of_ours_is_money_too() {
    let mut case = token();
    case.log().address = KNOWN;
    let moved = proof(&case).moved;
    assert_eq!(moved.len(), 1);
    assert!(!moved[0].asset_matches && moved[0].minor == 0 && moved[0].log_index == 0);
    // A stranger's is not, and nothing is nothing.
    case.log().topics[1] = word(STRANGER);
    assert_eq!(case.verdict(), Verdict::Refused(Refusal::WrongToken));
    case.log().topics[1] = word(PAYER);
    case.log().data = value(0);
    assert_eq!(case.verdict(), Verdict::Refused(Refusal::WrongToken));
    // The chain's own coin for a token, and a token for the coin.
    let mut case = coin();
    case.terms.contract = Some(TOKEN);
    assert_eq!(proof(&case).moved[0].log_index, NO_LOG);
    assert!(!proof(&case).moved[0].asset_matches);
    let mut case = token();
    case.terms.contract = None;
    assert!(!proof(&case).moved[0].asset_matches);
}

#[test]
fn depth_counts_the_block_itself() {
    let at = |head: u64| {
        let mut case = token();
        case.evidence.head = SINCE.0 + 10 + head;
        let proof = proof(&case);
        (proof.depth, proof.is_deep, proof.is_settled)
    };
    assert_eq!(at(0), (1, false, false));
    assert_eq!(at(1), (2, false, false));
    assert_eq!(at(2), (3, true, false));
    assert_eq!(at(36), (37, true, false));
    assert_eq!(at(37), (38, true, true));
    let mut case = token();
    case.evidence.head = SINCE.0;
    assert_eq!(proof(&case).depth, 0, "a head that fell back");
    assert!(!proof(&case).is_deep);
}

#[test]
fn finality_is_the_chains_word() {
    let at = |finalized: Option<u64>| {
        let mut case = token();
        case.terms.depth = Depth::Finalized;
        case.evidence.head = SINCE.0 + 1000;
        case.evidence.finalized = finalized;
        (proof(&case).is_deep, proof(&case).is_settled)
    };
    assert_eq!(at(None), (false, false));
    assert_eq!(at(Some(SINCE.0 + 9)), (false, false));
    assert_eq!(at(Some(SINCE.0 + 10)), (true, true));
}

#[test]
fn words_are_read_back() {
    for refusal in Refusal::VARIANTS {
        assert_eq!(refusal.as_str().parse(), Ok(*refusal));
    }
    assert_eq!(Refusal::AlreadyUsed.as_str(), "already_used");
}
