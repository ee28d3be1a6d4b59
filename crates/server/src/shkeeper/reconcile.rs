//! Compares what the gateway has with what is known here.

use std::collections::BTreeMap;
use std::time::Duration;

use events::PaymentId;

use super::intents::payment_of;
use super::wire::Seen;
use super::{paid_out, store};
use crate::app::App;
use crate::error::Result;
use crate::ledger::reconcile::Difference;

/// What the gateway does is known here within this time; what takes longer is a difference.
pub(super) const LEARNED_WITHIN: Duration = Duration::from_hours(3);

/// What the gateway says differently: transfers that are known to one side alone, and payouts that
/// are another thing there. Nothing without a gateway. One that cannot be asked is a difference.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn differences(app: &App) -> Result<Vec<Difference>> {
    let Ok(gateway) = super::gateway(app) else { return Ok(Vec::new()) };
    // Asked first: what is learned here in the meantime is no difference.
    let listed = gateway.all_invoices().await;
    let invoices = store::all_open(&app.db).await?;
    let known = store::all_transfers(&app.db).await?;
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            return Ok(vec![Difference {
                check: "gateway",
                subject: "shkeeper".into(),
                expected: "a list of its invoices".into(),
                found: error.to_string(),
            }]);
        }
    };
    let mut there: BTreeMap<PaymentId, Vec<Seen>> = BTreeMap::new();
    for invoice in listed {
        if let Some(payment) = payment_of(&invoice.external_id) {
            there.entry(payment).or_default().extend(invoice.transfers);
        }
    }
    let here: BTreeMap<PaymentId, Vec<_>> =
        known.into_iter().fold(BTreeMap::new(), |mut here, mut transfer| {
            // The callback of what was just seen is still to come.
            let age = app.clock.now().as_millis() - transfer.seen_at.as_millis();
            transfer.known.confirmed |= age < LEARNED_WITHIN.as_millis() as i64;
            here.entry(transfer.payment_id).or_insert_with(Vec::new).push(transfer.known);
            here
        });
    let ours: Vec<&PaymentId> = invoices.iter().map(|invoice| &invoice.payment_id).collect();
    let mut differences = compare(&ours, &here, &there);
    differences.extend(paid_out::differences(app, gateway).await?);
    Ok(differences)
}

/// The transfers that only one side knows, or of which the sides know different amounts.
fn compare(
    ours: &[&PaymentId],
    here: &BTreeMap<PaymentId, Vec<super::model::Known>>,
    there: &BTreeMap<PaymentId, Vec<Seen>>,
) -> Vec<Difference> {
    let text = |amount: super::coin::Coins, coin: &str| format!("{amount} {coin}");
    let mut differences = Vec::new();
    let mut report = |payment: &PaymentId, txid: &str, expected: String, found: String| {
        differences.push(Difference {
            check: "gateway",
            subject: format!("{txid} of payment {payment}"),
            expected,
            found,
        });
    };
    let none = || "none".to_owned();
    for (payment, transfers) in there {
        for seen in transfers {
            let known = here.get(payment).into_iter().flatten();
            let known = known.into_iter().find(|k| k.txid == seen.txid && k.coin == seen.coin);
            let expected = text(seen.amount, &seen.coin);
            match known {
                Some(known)
                    if known.amount == seen.amount && (known.confirmed || !seen.confirmed) => {}
                Some(known) => {
                    let word = if known.confirmed { "" } else { ", without its callback" };
                    report(payment, &seen.txid, expected, text(known.amount, &known.coin) + word);
                }
                None => report(payment, &seen.txid, expected, none()),
            }
        }
    }
    for payment in ours {
        for known in here.get(payment).into_iter().flatten().filter(|known| known.confirmed) {
            let listed = there.get(payment).into_iter().flatten();
            if !listed.into_iter().any(|s| s.txid == known.txid && s.coin == known.coin) {
                report(payment, &known.txid, none(), text(known.amount, &known.coin));
            }
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::super::model::Known;
    use super::*;

    fn seen(txid: &str, amount: &str, confirmed: bool) -> Seen {
        let amount = amount.parse().unwrap();
        Seen { txid: txid.into(), coin: "ETH-USDT".into(), amount, confirmed }
    }

    fn known(txid: &str, amount: &str, confirmed: bool) -> Known {
        let amount = amount.parse().unwrap();
        let (txid, coin) = (txid.into(), "ETH-USDT".into());
        Known { txid, coin, amount, credited: 0, confirmed }
    }

    #[test]
    fn what_one_side_alone_knows_is_named() {
        let payment = events::example::payment();
        let compare = |here: Vec<Known>, there: Vec<Seen>| {
            let here = BTreeMap::from([(payment.clone(), here)]);
            let there = BTreeMap::from([(payment.clone(), there)]);
            let found = compare(&[&payment], &here, &there);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let same = (vec![known("0xa", "4", true)], vec![seen("0xa", "4", true)]);
        assert_eq!(compare(same.0, same.1), [""; 0]);
        let waits = (vec![known("0xa", "4", false)], vec![seen("0xa", "4", false)]);
        assert_eq!(compare(waits.0, waits.1), [""; 0]);
        let of = |text: &str| format!("gateway of 0xa of payment {payment}: {text}");
        assert_eq!(
            compare(vec![], vec![seen("0xa", "4", true)]),
            [of("none instead of 4 ETH-USDT")]
        );
        assert_eq!(
            compare(vec![known("0xa", "4", true)], vec![]),
            [of("4 ETH-USDT instead of none")]
        );
        assert_eq!(
            compare(vec![known("0xa", "4", false)], vec![seen("0xa", "4", true)]),
            [of("4 ETH-USDT, without its callback instead of 4 ETH-USDT")]
        );
    }
}
