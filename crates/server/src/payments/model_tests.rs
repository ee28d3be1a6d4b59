use events::{EscrowState as E, PaymentException, PaymentStatus as S};
use proptest::prelude::*;
use strum::VariantArray as _;

use super::EscrowInput as I;
use super::*;

/// Contract §4.2, edge by edge.
const EDGES: &[(S, Input, S)] = &[
    (S::Pending, Input::Seen, S::Processing),
    (S::Pending, Input::Funded, S::Confirmed),
    (S::Pending, Input::Failed, S::Failed),
    (S::Pending, Input::Cancelled, S::Cancelled),
    (S::Pending, Input::Expired, S::Expired),
    (S::Processing, Input::Unseen, S::Pending),
    (S::Processing, Input::Funded, S::Confirmed),
    (S::Processing, Input::Failed, S::Failed),
    (S::Processing, Input::Cancelled, S::Cancelled),
    (S::Processing, Input::Expired, S::Expired),
    (S::Confirmed, Input::Completed, S::Completed),
    (S::Confirmed, Input::Refunded, S::Refunded),
    (S::Confirmed, Input::Failed, S::Failed),
];

const ESCROW_EDGES: &[(E, I, E)] = &[
    (E::None, I::Partial, E::Partial),
    (E::None, I::Funded, E::Funded),
    (E::Partial, I::Emptied, E::None),
    (E::Partial, I::Funded, E::Funded),
    (E::Funded, I::Held, E::Disputed),
    (E::Funded, I::Released, E::Releasable),
    (E::Funded, I::RefundBegun, E::Refunding),
    (E::Funded, I::Reversed, E::Failed),
    (E::Disputed, I::Released, E::Releasable),
    (E::Disputed, I::RefundBegun, E::Refunding),
    (E::Disputed, I::Reversed, E::Failed),
    (E::Releasable, I::PayoutBegun, E::Releasing),
    (E::Releasing, I::PaidOut, E::Released),
    (E::Releasing, I::PayoutFailed, E::Failed),
    (E::Failed, I::PayoutBegun, E::Releasing),
    (E::Refunding, I::RefundSent, E::Refunded),
];

#[test]
fn there_are_these_edges_and_no_others() {
    for &status in S::ALL {
        for &input in Input::VARIANTS {
            let edge = EDGES.iter().find(|edge| edge.0 == status && edge.1 == input);
            assert_eq!(next(status, input), edge.map(|edge| edge.2), "{status} {input:?}");
        }
    }
    for &state in E::ALL {
        for &input in I::VARIANTS {
            let edge = ESCROW_EDGES.iter().find(|edge| edge.0 == state && edge.1 == input);
            assert_eq!(next_escrow(state, input), edge.map(|edge| edge.2), "{state} {input:?}");
        }
    }
}

#[test]
fn the_dead_stay_dead_and_are_not_live() {
    for &status in S::ALL {
        assert!(!(is_live(status) && is_dead(status)), "{status}");
        if is_dead(status) {
            assert!(Input::VARIANTS.iter().all(|input| next(status, *input).is_none()));
        }
    }
}

#[test]
fn shares_together() {
    for &state in E::ALL {
        assert_eq!(together(&[state]), state);
        assert_eq!(together(&[state, state]), state);
    }
    assert_eq!(together(&[E::Released, E::Refunded]), E::Released);
    assert_eq!(together(&[E::Funded, E::Disputed]), E::Disputed);
    assert_eq!(together(&[E::Funded, E::Releasing]), E::Releasing);
    assert_eq!(together(&[E::Refunded, E::Funded]), E::Funded);
    assert_eq!(end_of(&[E::Refunded, E::Refunded]), Some(Input::Refunded));
    assert_eq!(end_of(&[E::Released, E::Refunded]), Some(Input::Completed));
    assert_eq!(end_of(&[E::Released, E::Releasing]), None);
    assert_eq!(end_of(&[E::Failed]), None);
}

fn seen(reference: &str, amount: i64) -> Seen {
    Seen {
        reference: reference.to_owned(),
        amount,
        asset_matches: true,
        confirmed: true,
        late: false,
        retracted: false,
        tx_hash: Some(format!("0x{reference}")),
        at: Timestamp::from_millis(0),
    }
}

#[test]
fn money_is_counted() {
    let transfers = [
        seen("a", 40),
        Seen { confirmed: false, ..seen("b", 60) },
        Seen { asset_matches: false, ..seen("c", 1_000) },
        Seen { retracted: true, ..seen("d", 1_000) },
    ];
    let money = Money::of(&transfers);
    assert_eq!((money.received, money.seen, money.wrong_asset), (40, 100, true));
    assert_eq!(money.tx_hash.as_deref(), Some("0xa"));
    assert_eq!(money.input(100), Input::Seen);
    assert_eq!(money.escrow_input(), I::Partial);
    assert_eq!(Money::of(&[]).input(1), Input::Unseen);
    assert_eq!(Money::of(&transfers[..1]).input(40), Input::Funded);
}

#[test]
fn what_is_odd() {
    let of = |transfers: &[Seen]| Money::of(transfers).exception(100);
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[seen("a", 100)]), None);
    assert_eq!(of(&[seen("a", 99)]), Some(PaymentException::Partial));
    assert_eq!(of(&[Seen { confirmed: false, ..seen("a", 100) }]), None);
    assert_eq!(of(&[seen("a", 99), seen("b", 2)]), Some(PaymentException::Over));
    let wrong = Seen { asset_matches: false, ..seen("w", 5) };
    assert_eq!(of(std::slice::from_ref(&wrong)), Some(PaymentException::WrongAsset));
    let late = Seen { late: true, ..seen("l", 100) };
    assert_eq!(of(&[wrong, late]), Some(PaymentException::Late));
}

#[test]
fn a_part_has_its_part_of_the_fee() {
    assert_eq!(fee_of_part(250, 10_000, 10_000), 250);
    assert_eq!(fee_of_part(250, 5_000, 10_000), 125);
    assert_eq!(fee_of_part(250, 1, 10_000), 0);
    assert_eq!(fee_of_part(i64::MAX - 1, i64::MAX, i64::MAX), i64::MAX - 1);
    assert_eq!(fee_of_part(1, 1, 0), 0);
}

fn transfer() -> impl Strategy<Value = Seen> {
    ("[a-e]", 0_i64..200, any::<bool>(), any::<bool>(), 0_i64..3).prop_map(
        |(reference, amount, asset_matches, confirmed, at)| Seen {
            asset_matches,
            confirmed,
            at: Timestamp::from_millis(at),
            ..seen(&reference, amount)
        },
    )
}

proptest! {
    #[test]
    fn order_does_not_matter(
        (transfers, shuffled) in proptest::collection::vec(transfer(), 0..8)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let (a, b) = (Money::of(&transfers), Money::of(&shuffled));
        prop_assert_eq!((a.received, a.seen, a.wrong_asset), (b.received, b.seen, b.wrong_asset));
        prop_assert_eq!(a.exception(100), b.exception(100));
        prop_assert_eq!(a.input(100), b.input(100));
    }
}
