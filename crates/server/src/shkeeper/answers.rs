//! What the gateway's answers about payouts mean: pure functions.
//!
//! Two things are told apart with care: that money was certainly not sent, which may be tried
//! again under another name, and everything else that is no success, which is unknown.

use http::StatusCode;
use serde_json::Value;

use super::coin::Coins;
use super::wire::brief;
use crate::payouts::rail::{Sighting, Submission};

/// A task of this form stands for a transaction: some wallets have no tasks and send at once.
const SENT: &str = "tx:";

/// What the answer to a payout means.
pub fn submission(status: StatusCode, body: &[u8]) -> Submission {
    let refused = |reason: &str| Submission::Refused { reason: brief(reason) };
    let unknown = |reason: &str| Submission::Unknown { reason: brief(reason) };
    if status.is_redirection() || matches!(status.as_u16(), 401 | 403) {
        return refused("the gateway does not accept the login for payouts");
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return unknown(&format!("HTTP {} that cannot be read", status.as_u16()));
    };
    if body["status"] == "error" {
        // The wallet behind refused.
        if let Some(reason) = body["msg"].as_str().filter(|_| status == StatusCode::OK) {
            return refused(reason);
        }
        let message = body["message"].as_str().unwrap_or_default();
        return if is_before_sending(status, message) {
            refused(message)
        } else {
            unknown(message)
        };
    }
    if !status.is_success() {
        return unknown(&format!("HTTP {}", status.as_u16()));
    }
    if let Some(task_id) = body["task_id"].as_str().filter(|id| is_name(id)) {
        return Submission::Accepted { task_id: task_id.to_owned() };
    }
    // Bitcoin's kin answer as their RPC does.
    if !body["error"].is_null() {
        return refused(body["error"]["message"].as_str().unwrap_or("the wallet refused"));
    }
    match body["result"].as_str().filter(|id| is_name(id)) {
        Some(txid) => Submission::Accepted { task_id: format!("{SENT}{txid}") },
        None => unknown("an answer without a task"),
    }
}

/// Failures of the gateway that come before its wallet is called: of the login, of the coin, of
/// what is missing in the order.
fn is_before_sending(status: StatusCode, message: &str) -> bool {
    const LOGIN: [&str; 2] =
        ["Bad HTTP Basic Auth credentials", "This endpoint doesn't accept X-Shkeeper-Api-Key auth"];
    const ORDER: [&str; 3] = ["'destination'", "'amount'", "'fee'"];
    match status {
        StatusCode::OK => LOGIN.contains(&message),
        StatusCode::INTERNAL_SERVER_ERROR => {
            message.starts_with("Unknown crypto: ")
                || message.starts_with("Invalid callback_url")
                || ORDER.contains(&message)
        }
        _ => false,
    }
}

fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What the gateway has noted of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// Nothing: it was never asked, or its wallet did not answer it in time.
    Nothing,
    /// It is under way, or was refused, which looks alike; with its transaction, if there is one.
    UnderWay(Option<String>),
    /// The chain has it.
    Success(Option<String>),
    /// Its task failed, which does not mean that nothing was sent.
    Failed,
    /// The answer tells nothing.
    Unreadable,
}

/// What the gateway has noted that it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How much.
    pub amount: Coins,
    /// Where to.
    pub destination: String,
}

/// Reads the terms in an answer of `payout/status`; `None` where there are none.
pub fn terms(body: &[u8]) -> Option<Terms> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let amount = body["amount"].as_str()?.parse().ok()?;
    Some(Terms { amount, destination: body["destination"].as_str()?.to_owned() })
}

/// Reads the answer of `payout/status`.
pub fn noted(status: StatusCode, body: &[u8]) -> Noted {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Noted::Unreadable };
    if status == StatusCode::NOT_FOUND && body["error"] == "Payout not found" {
        return Noted::Nothing;
    }
    let txid = body["txid"].as_str().filter(|id| is_name(id)).map(str::to_owned);
    match (status, body["status"].as_str()) {
        (StatusCode::OK, Some("IN_PROGRESS")) => Noted::UnderWay(txid),
        (StatusCode::OK, Some("SUCCESS")) => Noted::Success(txid),
        (StatusCode::OK, Some("FAIL")) => Noted::Failed,
        _ => Noted::Unreadable,
    }
}

/// What a task has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// It waits, or it is lost: the gateway says the same of both.
    Pending,
    /// It was handed to the chain.
    Sent(String),
    /// It failed, perhaps after it had sent something.
    Failed(String),
    /// The answer tells nothing.
    Unreadable,
}

/// Reads the answer of a task that pays `address`.
pub fn task(status: StatusCode, body: &[u8], address: &str) -> TaskState {
    let body: Value = match serde_json::from_slice(body) {
        Ok(body) if status == StatusCode::OK => body,
        _ => return TaskState::Unreadable,
    };
    match body["status"].as_str() {
        Some("PENDING" | "STARTED" | "RETRY" | "RECEIVED") => TaskState::Pending,
        Some("SUCCESS") => {
            let results = body["result"].as_array().into_iter().flatten();
            let own = results.into_iter().find(|result| {
                result["dest"].as_str().is_some_and(|dest| dest.eq_ignore_ascii_case(address))
            });
            let txid = own.and_then(|result| result["txids"][0].as_str());
            match txid.filter(|id| is_name(id)) {
                Some(txid) => TaskState::Sent(txid.to_owned()),
                None => TaskState::Failed("a task that ended without a transaction".into()),
            }
        }
        Some("FAILURE" | "ERROR" | "FAILED" | "REVOKED") => {
            let text = body["result"].as_str().unwrap_or("the task failed");
            TaskState::Failed(brief(text))
        }
        _ => TaskState::Unreadable,
    }
}

/// The transaction that a task's name stands for.
pub fn sent_at_once(task_id: &str) -> Option<&str> {
    task_id.strip_prefix(SENT)
}

/// What is known of a payout, from what is noted of it and what its task has come to.
pub fn sighting(noted: Noted, task: Option<TaskState>) -> Sighting {
    let unclear = |reason: String| Sighting::Failed { reason, certain: false };
    match (noted, task) {
        (Noted::Success(Some(tx_hash)), _)
        | (Noted::Success(None), Some(TaskState::Sent(tx_hash))) => Sighting::Completed { tx_hash },
        (Noted::UnderWay(Some(tx_hash)), _) | (_, Some(TaskState::Sent(tx_hash))) => {
            Sighting::Broadcast { tx_hash }
        }
        (_, Some(TaskState::Failed(reason))) => unclear(reason),
        (Noted::Failed, _) => unclear("the gateway calls it failed".into()),
        (Noted::Nothing, None) => Sighting::Absent,
        (
            Noted::Nothing | Noted::UnderWay(None) | Noted::Success(None) | Noted::Unreadable,
            Some(TaskState::Pending | TaskState::Unreadable) | None,
        ) => Sighting::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(status: u16, body: &str) -> String {
        match submission(StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
            Submission::Accepted { task_id } => format!("accepted {task_id}"),
            Submission::Refused { reason } => format!("refused {reason}"),
            Submission::Unknown { reason } => format!("unknown {reason}"),
        }
    }

    #[test]
    fn only_what_was_certainly_not_sent_is_refused() {
        let login = "refused the gateway does not accept the login for payouts";
        for (status, body, meaning) in [
            (200, r#"{"task_id":"08c5","external_id":"out-1"}"#, "accepted 08c5"),
            (302, "<!doctype html>", login),
            (401, "", login),
            (
                200,
                r#"{"message":"Bad HTTP Basic Auth credentials","status":"error"}"#,
                "refused Bad HTTP Basic Auth credentials",
            ),
            (
                200,
                r#"{"status":"error","msg":"Have not enough tokens","external_id":"out-1"}"#,
                "refused Have not enough tokens",
            ),
            (500, r#"{"message":"'fee'","status":"error"}"#, "refused 'fee'"),
            (
                500,
                r#"{"message":"Unknown crypto: X","status":"error"}"#,
                "refused Unknown crypto: X",
            ),
            (
                500,
                r#"{"message":"Payout with this external_id already exists: out-1","status":"error"}"#,
                "unknown Payout with this external_id already exists: out-1",
            ),
            (
                500,
                r#"{"message":"HTTPConnectionPool: Read timed out.","status":"error"}"#,
                "unknown HTTPConnectionPool: Read timed out.",
            ),
            (500, r#"{"msg":"odd","status":"error"}"#, "unknown "),
            (500, "<html>", "unknown HTTP 500 that cannot be read"),
            (502, r#"{"task_id":"08c5"}"#, "unknown HTTP 502"),
            (200, r#"{"status":"error","message":"something"}"#, "unknown something"),
            (200, "{}", "unknown an answer without a task"),
            (200, "[]", "unknown an answer without a task"),
            (200, r#"{"task_id":null,"external_id":"out-1"}"#, "unknown an answer without a task"),
            (200, r#"{"result":"ab12","error":null,"id":1}"#, "accepted tx:ab12"),
            (
                200,
                r#"{"result":null,"error":{"code":-6,"message":"Insufficient funds"}}"#,
                "refused Insufficient funds",
            ),
        ] {
            assert_eq!(submitted(status, body), meaning, "{status} {body}");
        }
    }

    #[test]
    fn what_is_noted() {
        let read =
            |status: u16, body: &str| noted(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(read(404, r#"{"error":"Payout not found"}"#), Noted::Nothing);
        assert_eq!(read(404, "<html>"), Noted::Unreadable, "a proxy knows nothing");
        assert_eq!(read(404, "{}"), Noted::Unreadable);
        assert_eq!(read(200, r#"{"status":"IN_PROGRESS","txid":null}"#), Noted::UnderWay(None));
        assert_eq!(
            read(200, r#"{"status":"SUCCESS","txid":"0xp"}"#),
            Noted::Success(Some("0xp".into()))
        );
        assert_eq!(read(200, r#"{"status":"FAIL","txid":null}"#), Noted::Failed);
        assert_eq!(read(200, r#"{"status":"error","message":"Bad API key"}"#), Noted::Unreadable);
    }

    #[test]
    fn what_a_task_has_come_to() {
        let read = |body: &str| task(StatusCode::OK, body.as_bytes(), "0xAB");
        assert_eq!(read(r#"{"status":"PENDING","result":null}"#), TaskState::Pending);
        let sent = r#"{"status":"SUCCESS","result":[
            {"dest":"0xcd","amount":"1","status":"success","txids":["0xp0"]},
            {"dest":"0xab","amount":"1","status":"success","txids":["0xp1"]}]}"#;
        assert_eq!(read(sent), TaskState::Sent("0xp1".into()));
        let others = sent.replace("0xab", "0xef");
        assert!(matches!(read(&others), TaskState::Failed(_)));
        assert_eq!(
            read(r#"{"status":"FAILURE","result":"nonce too low\nat line 3"}"#),
            TaskState::Failed("nonce too low".into())
        );
        assert_eq!(task(StatusCode::FOUND, b"{}", "0xab"), TaskState::Unreadable);
        assert_eq!(read("<html>"), TaskState::Unreadable);
    }

    /// Every pair: what fails is never certain, and nothing but success completes.
    #[test]
    fn every_pair_of_notes_and_tasks() {
        let hash = || "0xp".to_owned();
        let notes = [
            Noted::Nothing,
            Noted::UnderWay(None),
            Noted::UnderWay(Some(hash())),
            Noted::Success(None),
            Noted::Success(Some(hash())),
            Noted::Failed,
            Noted::Unreadable,
        ];
        let tasks = [
            None,
            Some(TaskState::Pending),
            Some(TaskState::Sent(hash())),
            Some(TaskState::Failed("why".into())),
            Some(TaskState::Unreadable),
        ];
        // A letter for each: Absent, Pending, Broadcast, Completed, Failed.
        let expected = ["APBFP", "PPBFP", "BBBBB", "PPCFP", "CCCCC", "FFBFF", "PPBFP"];
        for (note, row) in notes.iter().zip(expected) {
            let found: String = tasks
                .iter()
                .map(|task| match sighting(note.clone(), task.clone()) {
                    Sighting::Absent => 'A',
                    Sighting::Pending => 'P',
                    Sighting::Broadcast { .. } => 'B',
                    Sighting::Completed { .. } => 'C',
                    Sighting::Failed { certain, .. } => {
                        assert!(!certain);
                        'F'
                    }
                })
                .collect();
            assert_eq!(found, row, "{note:?}");
        }
    }
}
