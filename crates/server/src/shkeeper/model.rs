//! What transfers to an invoice are worth, and what a payout's answers mean: pure functions.

use std::collections::BTreeMap;

use super::coin::Coins;
use super::wire::Seen;

/// What an invoice asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The coin.
    pub coin: String,
    /// How many coins are the price.
    pub expected: Coins,
    /// The price in minor units.
    pub price: i64,
}

/// A transfer as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The coin.
    pub coin: String,
    /// The transaction.
    pub txid: String,
    /// How many coins.
    pub amount: Coins,
    /// What of the price it is, in minor units; nothing in another coin.
    pub credited: i64,
    /// Whether it is final.
    pub confirmed: bool,
}

/// Adds what was seen to what is known, in whatever order and however often it comes. `None` where
/// a sum is past what can be held.
///
/// What is final stays as it is. All that is final is credited as if it were one transfer, so that
/// the expected coins in any number of parts are exactly the price; what is not final yet is
/// credited behind it.
pub fn add(asked: &Asked, known: &[Known], seen: &[Seen]) -> Option<Vec<Known>> {
    let name = |coin: &str, txid: &str| (coin.to_owned(), txid.to_owned());
    let mut all: BTreeMap<_, (Known, bool)> =
        known.iter().map(|tx| (name(&tx.coin, &tx.txid), (tx.clone(), tx.confirmed))).collect();
    for tx in seen {
        let (entry, was_final) = all.entry(name(&tx.coin, &tx.txid)).or_insert_with(|| {
            let (coin, txid) = name(&tx.coin, &tx.txid);
            (Known { coin, txid, amount: tx.amount, credited: 0, confirmed: false }, false)
        });
        if !*was_final {
            // Of two reports in one go, the final one counts.
            if tx.confirmed || !entry.confirmed {
                entry.amount = tx.amount;
            }
            entry.confirmed |= tx.confirmed;
        }
    }
    let (mut coins, mut credited) = (Coins::ZERO, 0_i64);
    for (tx, was_final) in all.values() {
        if *was_final && tx.coin == asked.coin {
            coins = coins.plus(tx.amount)?;
            credited = credited.checked_add(tx.credited)?;
        }
    }
    for final_now in [true, false] {
        for (tx, was_final) in all.values_mut() {
            if !*was_final && tx.confirmed == final_now && tx.coin == asked.coin {
                coins = coins.plus(tx.amount)?;
                let sum = coins.share_of(asked.expected, asked.price)?;
                tx.credited = sum.checked_sub(credited)?;
                credited = sum;
            }
        }
    }
    Some(all.into_values().map(|(tx, _)| tx).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Randomness;

    fn asked(expected: &str, price: i64) -> Asked {
        Asked { coin: "ETH-USDT".into(), expected: expected.parse().unwrap(), price }
    }

    fn seen(txid: &str, amount: &str, confirmed: bool) -> Seen {
        let amount = amount.parse().unwrap();
        Seen { txid: txid.into(), coin: "ETH-USDT".into(), amount, confirmed }
    }

    fn sums(known: &[Known]) -> (i64, i64) {
        let sum = |which: &dyn Fn(&&Known) -> bool| {
            known.iter().filter(which).map(|tx| tx.credited).sum::<i64>()
        };
        (sum(&|tx| tx.confirmed), sum(&|_| true))
    }

    #[test]
    fn the_expected_coins_are_the_price() {
        let asked = asked("102", 10_000);
        let first = add(&asked, &[], &[seen("0xa1", "40", true)]).unwrap();
        assert_eq!(sums(&first), (3_921, 3_921));
        let both = add(&asked, &first, &[seen("0xa1", "40", false), seen("0xa2", "62", true)]);
        assert_eq!(sums(&both.unwrap()), (10_000, 10_000));
    }

    #[test]
    fn ninety_five_percent_are_not_the_price() {
        let paid = add(&asked("102", 10_000), &[], &[seen("0xa1", "101.99", true)]).unwrap();
        assert_eq!(sums(&paid), (9_999, 9_999));
    }

    #[test]
    fn another_coin_is_noted_and_is_worth_nothing() {
        let mut other = seen("0xa1", "102", true);
        other.coin = "ETH-USDC".into();
        let known = add(&asked("102", 10_000), &[], &[other]).unwrap();
        assert_eq!((known.len(), sums(&known)), (1, (0, 0)));
    }

    #[test]
    fn what_is_final_stays() {
        let asked = asked("100", 10_000);
        let first = add(&asked, &[], &[seen("0xa1", "40", true)]).unwrap();
        let again = add(&asked, &first, &[seen("0xa1", "90", true), seen("0xa1", "1", false)]);
        assert_eq!(again.as_ref(), Some(&first));
        // What is not final may be replaced by what is.
        let early = add(&asked, &[], &[seen("0xa1", "40", false)]).unwrap();
        let later = add(&asked, &early, &[seen("0xa1", "41", true)]).unwrap();
        assert_eq!(sums(&later), (4_100, 4_100));
    }

    #[test]
    fn a_transfer_that_never_became_final_costs_no_cent() {
        let asked = asked("3", 100);
        let mut known = Vec::new();
        for tx in [seen("0xb", "1", false), seen("0xa", "1", true), seen("0xc", "2", true)] {
            known = add(&asked, &known, &[tx]).unwrap();
        }
        assert_eq!(sums(&known), (100, 133));
    }

    #[test]
    fn too_much_to_count_is_an_error_and_no_panic() {
        let huge = seen("0xa1", &"9".repeat(18), true);
        assert_eq!(add(&asked("0.0000000001", i64::MAX), &[], &[huge]), None);
        assert_eq!(add(&asked("0", 1), &[], &[seen("0xa1", "1", true)]), None);
    }

    /// The same reports in any order, any of them repeated, split over any number of calls.
    #[test]
    fn order_and_repetition_change_nothing() {
        let random = Randomness::from_seed(6);
        let below = |bound: usize| random.below(u32::try_from(bound).unwrap()) as usize;
        for _ in 0..5_000 {
            let asked = asked("102", 9_999);
            let count = below(6) + 1;
            let mut reports = Vec::new();
            for at in 0..count {
                let amount = format!("{}.{:010}", below(60), below(4_000_000_000));
                let txid = format!("0x{at}");
                reports.push(seen(&txid, &amount, false));
                if below(3) > 0 {
                    reports.push(seen(&txid, &amount, true));
                }
            }
            let straight = add(&asked, &[], &reports).unwrap();
            let mut shuffled = reports.clone();
            for _ in 0..below(4) {
                shuffled.push(reports[below(reports.len())].clone());
            }
            for at in (1..shuffled.len()).rev() {
                shuffled.swap(at, below(at + 1));
            }
            let mut known = Vec::new();
            for part in shuffled.chunks(below(3) + 1) {
                known = add(&asked, &known, part).unwrap();
            }
            assert_eq!(sums(&known), sums(&straight), "{shuffled:?}");
            let set = |known: &[Known]| {
                known.iter().map(|tx| (tx.txid.clone(), tx.confirmed)).collect::<Vec<_>>()
            };
            assert_eq!(set(&known), set(&straight));
        }
    }
}
