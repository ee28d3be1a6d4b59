//! Compares payouts with what the gateway has noted of them.
//!
//! The gateway has no list of its payouts. It is asked for each try by its name, for ever: one that
//! was taken for not sent and was sent after all is found here. What it sent without ever having
//! been told to cannot be asked for.

use std::collections::HashMap;

use events::{PaymentProvider, PayoutId, PayoutStatus};
use futures_util::{StreamExt as _, stream};

use super::answers::{self, Noted, Terms};
use super::gateway::Gateway;
use super::reconcile::LEARNED_WITHIN;
use super::store::{self, TryRow};
use crate::app::App;
use crate::error::Result;
use crate::ledger::reconcile::Difference;
use crate::payouts::{self, PayoutRow};

/// Questions to the gateway at the same time.
const AT_ONCE: usize = 8;

/// What is known here of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ours {
    /// The seller was paid by it.
    Sent { tx_hash: Option<String> },
    /// It is being looked after.
    UnderWay,
    /// It has been under way for longer than it takes to learn what became of it.
    Stuck,
    /// It came to nothing.
    NotSent,
}

/// What the gateway says differently of payouts.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn differences(app: &App, gateway: &Gateway) -> Result<Vec<Difference>> {
    let tries = store::all_tries(&app.db).await?;
    let rows = payouts::service::all_of(&app.db, PaymentProvider::Shkeeper).await?;
    let now = app.clock.now().as_millis();
    let mut found = Vec::new();
    let rows: HashMap<PayoutId, PayoutRow> =
        rows.into_iter().map(|row| (row.id.clone(), row)).collect();
    for row in rows.values().filter(|row| row.status == PayoutStatus::Completed) {
        let name = name_of(row);
        if !tries.iter().any(|attempt| attempt.external_id == name) {
            found.push(difference(&name, "a note of it".into(), "none".into()));
        }
    }
    let mut answers = stream::iter(&tries)
        .map(async |attempt| {
            (attempt, gateway.payout_status(&attempt.coin, &attempt.external_id).await)
        })
        .buffered(AT_ONCE);
    while let Some((attempt, answer)) = answers.next().await {
        let answer = match answer {
            Ok(answer) => answer,
            // It is not asked a thousand times what it does not answer once.
            Err(error) => {
                found.push(difference(
                    &attempt.external_id,
                    "what the gateway has noted of it".into(),
                    error.to_string(),
                ));
                break;
            }
        };
        let noted = answers::noted(answer.status, &answer.body);
        let ours =
            rows.get(&attempt.payout_id).map_or(Ours::NotSent, |row| ours(attempt, row, now));
        found.extend(compare(attempt, &ours, &noted, answers::terms(&answer.body).as_ref()));
    }
    found.sort_by(|a, b| a.subject.cmp(&b.subject));
    Ok(found)
}

/// The name of a payout's newest try.
fn name_of(row: &PayoutRow) -> String {
    super::payout::external_id(&row.order())
}

fn ours(attempt: &TryRow, row: &PayoutRow, now: i64) -> Ours {
    use PayoutStatus as S;
    match row.status {
        _ if name_of(row) != attempt.external_id => Ours::NotSent,
        S::Queued | S::Failed => Ours::NotSent,
        S::Completed => Ours::Sent { tx_hash: row.tx_hash.clone() },
        S::Submitting | S::Submitted | S::Broadcast | S::Unknown => {
            let age = now - row.updated_at.as_millis();
            if age < LEARNED_WITHIN.as_millis() as i64 { Ours::UnderWay } else { Ours::Stuck }
        }
    }
}

fn difference(name: &str, expected: String, found: String) -> Difference {
    Difference { check: "gateway", subject: format!("payout {name}"), expected, found }
}

/// The gateway's word for a payout.
fn word(noted: &Noted) -> String {
    let with = |word: &str, txid: &Option<String>| match txid {
        Some(txid) => format!("{word} by {txid}"),
        None => word.to_owned(),
    };
    match noted {
        Noted::Nothing => "unknown to the gateway".into(),
        Noted::UnderWay(txid) => with("in progress", txid),
        Noted::Success(txid) => with("sent", txid),
        Noted::Failed => "failed".into(),
        Noted::Unreadable => "no answer that can be read".into(),
    }
}

/// How one try differs. What is expected is what the gateway says, and found is what is known here.
fn compare(
    attempt: &TryRow,
    ours: &Ours,
    noted: &Noted,
    terms: Option<&Terms>,
) -> Option<Difference> {
    let name = &attempt.external_id;
    let sent_there = matches!(noted, Noted::Success(_) | Noted::UnderWay(Some(_)));
    let differs = |found: &str| Some(difference(name, word(noted), found.to_owned()));
    if *noted == Noted::Unreadable {
        return differs("a note of it");
    }
    if let Some(Terms { amount, destination }) = terms
        && (*amount != attempt.amount || !destination.eq_ignore_ascii_case(&attempt.address))
    {
        let text = |amount, address: &str| format!("{amount} {} to {address}", attempt.coin);
        let expected = text(*amount, destination);
        return Some(difference(name, expected, text(attempt.amount, &attempt.address)));
    }
    match (ours, noted) {
        (Ours::Sent { tx_hash }, Noted::Success(txid)) => {
            let other = txid.as_ref().zip(tx_hash.as_ref()).filter(|(there, here)| there != here);
            other.and_then(|(_, here)| differs(&format!("sent by {here}")))
        }
        (Ours::Sent { .. }, _) => differs("sent"),
        (Ours::NotSent, _) if sent_there => differs("not sent"),
        (Ours::Stuck, _) if sent_there => differs("still under way"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Timestamp;

    fn attempt() -> TryRow {
        TryRow {
            external_id: "out-1".into(),
            payout_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            coin: "ETH-USDT".into(),
            amount: "180".parse().unwrap(),
            address: "0xab".into(),
            created_at: Timestamp::from_millis(0),
        }
    }

    /// Every pair of what is known here and there.
    #[test]
    fn every_pair() {
        let hash = |text: &str| Some(text.to_owned());
        let here =
            [Ours::Sent { tx_hash: hash("0xp") }, Ours::UnderWay, Ours::Stuck, Ours::NotSent];
        let there = [
            Noted::Nothing,
            Noted::UnderWay(None),
            Noted::UnderWay(hash("0xp")),
            Noted::Success(None),
            Noted::Success(hash("0xp")),
            Noted::Success(hash("0xother")),
            Noted::Failed,
            Noted::Unreadable,
        ];
        // `!` differs.
        let expected = ["!!!..!!!", ".......!", "..!!!!.!", "..!!!!.!"];
        for (ours, row) in here.iter().zip(expected) {
            let found: String = there
                .iter()
                .map(|noted| compare(&attempt(), ours, noted, None).map_or('.', |_| '!'))
                .collect();
            assert_eq!(found, row, "{ours:?}");
        }
    }

    #[test]
    fn terms_that_differ() {
        let noted = Noted::Success(Some("0xp".into()));
        let ours = Ours::Sent { tx_hash: Some("0xp".into()) };
        let of = |amount: &str, destination: &str| {
            let amount = amount.parse().unwrap();
            let terms = Terms { amount, destination: destination.into() };
            compare(&attempt(), &ours, &noted, Some(&terms)).map(|found| found.to_string())
        };
        assert_eq!(of("180.0000000000", "0xAB"), None);
        let told = |found: &str| Some(format!("gateway of payout out-1: {found}"));
        assert_eq!(
            of("180.1", "0xab"),
            told("180 ETH-USDT to 0xab instead of 180.1 ETH-USDT to 0xab")
        );
        assert_eq!(of("180", "0xcd"), told("180 ETH-USDT to 0xab instead of 180 ETH-USDT to 0xcd"));
    }
}
