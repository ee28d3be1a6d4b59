//! What is asked of a node of the chain: JSON-RPC over HTTP, and only the methods that a payment
//! needs.
//!
//! What holds always here:
//! - an error, a time-out and an answer that makes no sense are one thing: unknown
//!   ([`RpcError`]). They never stand for "paid" nor for "not paid"; only `null` says that the
//!   node knows of no such thing;
//! - every look asks the node for its chain first: an endpoint may be moved behind our back;
//! - with several endpoints all have to say the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::types::{Address, Hash, Quantity, Units};
use crate::config::Secret;
use crate::outbound::{Client, Limits};

/// One call. The largest answer is a receipt with very many logs.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(5), body_max: 8 << 20 };
/// Everything that one look asks.
const LOOK_TIMEOUT: Duration = Duration::from_secs(12);

/// Why the chain's answer is not known. The texts are for the log and hold no URL.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RpcError {
    /// No answer, or one that is no JSON-RPC.
    #[error("{method}: {reason}")]
    Unanswered {
        /// What was asked.
        method: &'static str,
        /// What came instead.
        reason: String,
    },
    /// The node said no.
    #[error("{method}: error {code}: {message}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The node's code.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// The node follows another chain.
    #[error("EVM_RPC_URL leads to chain {is}, and EVM_CHAIN_ID is {expected}")]
    WrongChain {
        /// The node's chain.
        is: u64,
        /// Ours.
        expected: u64,
    },
    /// Two nodes said different things.
    #[error("the endpoints of EVM_RPC_URL do not agree")]
    Disagreement,
    /// It took too long altogether.
    #[error("no answers in time")]
    TimedOut,
}

/// A transaction, as far as payments look at it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transaction {
    /// Its hash.
    pub hash: Hash,
    /// Who signed it.
    pub from: Address,
    /// Whom it calls; `None` where it makes a contract.
    pub to: Option<Address>,
    /// What it carries of the chain's own coin.
    pub value: Units,
    /// What it calls with; `0x` in a plain transfer.
    pub input: String,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Of which transaction.
    pub transaction_hash: Hash,
    /// 1 where it went through. Receipts from before October 2017 have none.
    pub status: Option<Quantity>,
    /// The height of its block.
    pub block_number: Quantity,
    /// The hash of its block.
    pub block_hash: Hash,
    /// What its contracts logged.
    pub logs: Vec<Log>,
}

/// An event that a contract logged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// The event's signature and its indexed arguments.
    pub topics: Vec<Hash>,
    /// The other arguments.
    pub data: String,
    /// Its place among the logs of the block.
    pub log_index: Quantity,
    /// Of which transaction.
    pub transaction_hash: Hash,
    /// In which block.
    pub block_hash: Hash,
    /// Whether a reorganisation took it away.
    #[serde(default)]
    pub removed: bool,
}

/// A block's head.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Block {
    /// Its height.
    pub number: Quantity,
    /// Its hash.
    pub hash: Hash,
    /// Its time, in seconds since 1970.
    pub timestamp: Quantity,
}

/// Everything that is looked at to judge a transaction, of about one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The height of the newest block.
    pub head: u64,
    /// The height up to which the chain is final; asked for only where that is the rule.
    pub finalized: Option<u64>,
    /// The transaction, where the node knows of it.
    pub transaction: Option<Transaction>,
    /// Its receipt, where it is in a block.
    pub receipt: Option<Receipt>,
    /// The block that the chain has at the receipt's height.
    pub block: Option<Block>,
}

/// A node.
struct Endpoint {
    url: Secret,
    next_id: AtomicU64,
}

/// The nodes that are asked.
pub struct Rpc {
    client: Client,
    endpoints: Vec<Endpoint>,
    chain_id: u64,
}

impl Rpc {
    /// Asks these URLs, of this chain.
    pub fn new(client: Client, urls: &[Secret], chain_id: u64) -> Self {
        let endpoint = |url: &Secret| Endpoint { url: url.clone(), next_id: AtomicU64::new(1) };
        Self { client, endpoints: urls.iter().map(endpoint).collect(), chain_id }
    }

    /// Whether all nodes follow our chain.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn check_chain(&self) -> Result<(), RpcError> {
        for endpoint in &self.endpoints {
            self.check_endpoint(endpoint).await?;
        }
        Ok(())
    }

    /// The height of the newest block, by the node that is furthest behind.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn head(&self) -> Result<u64, RpcError> {
        let heads = async {
            let mut lowest = u64::MAX;
            for endpoint in &self.endpoints {
                self.check_endpoint(endpoint).await?;
                lowest = lowest.min(self.number(endpoint).await?);
            }
            Ok(lowest)
        };
        in_time(heads).await
    }

    /// All there is to know of a transaction.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn look(&self, hash: Hash, finality: bool) -> Result<Evidence, RpcError> {
        let look = async {
            let mut agreed: Option<Evidence> = None;
            for endpoint in &self.endpoints {
                let evidence = self.look_at(endpoint, hash, finality).await?;
                agreed = Some(match agreed {
                    None => evidence,
                    Some(before) => agree(before, evidence)?,
                });
            }
            agreed.ok_or(RpcError::Disagreement)
        };
        in_time(look).await
    }

    async fn check_endpoint(&self, endpoint: &Endpoint) -> Result<(), RpcError> {
        let Quantity(is) = self.known(endpoint, "eth_chainId", json!([])).await?;
        if is == self.chain_id {
            return Ok(());
        }
        Err(RpcError::WrongChain { is, expected: self.chain_id })
    }

    async fn number(&self, endpoint: &Endpoint) -> Result<u64, RpcError> {
        Ok(self.known::<Quantity>(endpoint, "eth_blockNumber", json!([])).await?.0)
    }

    async fn look_at(
        &self,
        endpoint: &Endpoint,
        hash: Hash,
        finality: bool,
    ) -> Result<Evidence, RpcError> {
        self.check_endpoint(endpoint).await?;
        // The height first: what is read later can only be deeper than this says.
        let head = self.number(endpoint).await?;
        let finalized = if finality {
            let block: Option<Block> =
                self.ask(endpoint, "eth_getBlockByNumber", json!(["finalized", false])).await?;
            block.map(|block| block.number.0)
        } else {
            None
        };
        let hash = hash.to_string();
        let receipt: Option<Receipt> =
            self.ask(endpoint, "eth_getTransactionReceipt", json!([hash])).await?;
        let transaction = self.ask(endpoint, "eth_getTransactionByHash", json!([hash])).await?;
        let block = match &receipt {
            None => None,
            Some(receipt) => {
                let number = format!("{:#x}", receipt.block_number.0);
                self.ask(endpoint, "eth_getBlockByNumber", json!([number, false])).await?
            }
        };
        Ok(Evidence { head, finalized, transaction, receipt, block })
    }

    /// An answer that must not be `null`.
    async fn known<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        let answer = self.ask(endpoint, method, params).await?;
        answer.ok_or(RpcError::Unanswered { method, reason: "the answer is null".into() })
    }

    /// An answer; `None` for `null`.
    async fn ask<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        params: Value,
    ) -> Result<Option<T>, RpcError> {
        let failed = |reason: String| RpcError::Unanswered { method, reason };
        let id = endpoint.next_id.fetch_add(1, Ordering::Relaxed);
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let request = Request::post(endpoint.url.expose())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|error| failed(error.to_string()))?;
        let answer =
            self.client.send(request, LIMITS).await.map_err(|error| failed(error.to_string()))?;
        read(method, id, answer.status, &answer.body)
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, RpcError>>) -> Result<T, RpcError> {
    tokio::time::timeout(LOOK_TIMEOUT, work).await.unwrap_or(Err(RpcError::TimedOut))
}

/// What two nodes say together. They may be a block apart, and no more than that.
fn agree(one: Evidence, other: Evidence) -> Result<Evidence, RpcError> {
    let head = one.head.min(other.head);
    let finalized = one.finalized.zip(other.finalized).map(|(one, other)| one.min(other));
    let agreed = Evidence { head, finalized, ..one };
    if agreed == (Evidence { head, finalized, ..other }) {
        return Ok(agreed);
    }
    Err(RpcError::Disagreement)
}

/// A JSON-RPC 2.0 answer.
#[derive(Deserialize)]
struct Response {
    id: Value,
    #[serde(default, deserialize_with = "crate::extract::present")]
    result: Option<Box<RawValue>>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
    #[serde(default)]
    message: String,
}

/// Longest text of a node that goes to the log, in characters.
const WORDS_MAX: usize = 200;

fn read<T: DeserializeOwned>(
    method: &'static str,
    id: u64,
    status: http::StatusCode,
    body: &[u8],
) -> Result<Option<T>, RpcError> {
    let failed = |reason: String| RpcError::Unanswered { method, reason };
    // Nodes send errors with any status; what is no JSON-RPC is told by its status.
    let response: Response = serde_json::from_slice(body)
        .map_err(|error| failed(format!("HTTP {status}, no JSON-RPC: {error}")))?;
    if let Some(Fault { code, message }) = response.error {
        let message = message.chars().take(WORDS_MAX).collect();
        return Err(RpcError::Refused { method, code, message });
    }
    if !status.is_success() {
        return Err(failed(format!("HTTP {status}")));
    }
    if response.id != id {
        return Err(failed("the answer is to another question".into()));
    }
    let result = response.result.ok_or_else(|| failed("no result".into()))?;
    serde_json::from_str(result.get()).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn answer(body: &str) -> Result<Option<Quantity>, RpcError> {
        read("eth_blockNumber", 7, StatusCode::OK, body.as_bytes())
    }

    #[test]
    fn null_is_an_answer_and_everything_odd_is_none() {
        let result = |text: &str| answer(&format!(r#"{{"jsonrpc":"2.0","id":7,{text}}}"#));
        assert_eq!(result(r#""result":"0x10""#).unwrap(), Some(Quantity(16)));
        assert_eq!(result(r#""result":null"#).unwrap(), None);
        assert_eq!(result(r#""result":"0x10","error":null"#).unwrap(), Some(Quantity(16)));
        for text in [
            r#""result":16"#,
            r#""result":"16""#,
            r#""result":"0x10000000000000000""#,
            r#""result":{}"#,
            r#""error":{"code":-32000,"message":"header not found"}"#,
            r#""result":null,"error":{"code":-32000,"message":"header not found"}"#,
            r#""results":null"#,
        ] {
            assert!(result(text).is_err(), "{text}");
        }
        for body in ["", "null", "[]", "<html>", r#"{"id":8,"result":null}"#, r#"{"result":null}"#]
        {
            assert!(answer(body).is_err(), "{body}");
        }
        let body = br#"{"id":7,"result":null}"#;
        assert!(read::<Quantity>("m", 7, StatusCode::BAD_GATEWAY, body).is_err());
        assert!(read::<Quantity>("m", 7, StatusCode::OK, body).unwrap().is_none());
    }

    #[test]
    fn an_error_keeps_its_code() {
        let body = br#"{"id":7,"error":{"code":429,"message":"slow down"}}"#;
        let error = read::<Quantity>("m", 7, StatusCode::TOO_MANY_REQUESTS, body).unwrap_err();
        assert!(matches!(error, RpcError::Refused { code: 429, .. }), "{error:?}");
    }

    #[test]
    fn nodes_agree_but_for_the_newest_block() {
        let evidence = |head, finalized| Evidence {
            head,
            finalized: Some(finalized),
            transaction: None,
            receipt: None,
            block: None,
        };
        assert_eq!(agree(evidence(9, 3), evidence(8, 4)).unwrap(), evidence(8, 3));
        let block = Block { number: Quantity(1), hash: Hash([1; 32]), timestamp: Quantity(1) };
        let other = Evidence { block: Some(block), ..evidence(9, 3) };
        assert!(agree(evidence(9, 3), other).is_err());
    }
}
