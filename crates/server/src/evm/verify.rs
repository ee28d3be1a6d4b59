//! Whether a transaction is the transfer that was asked for: a pure function over what the chain
//! says.
//!
//! What holds always here: value, sender and recipient of a token's transfer come from the log of
//! the token's own contract and from nowhere else. Not from the call (tokens may take fees, and a
//! router or a smart wallet stands in between), not from who is called. The chain's own coin moves
//! without a log, so there it is the transaction itself, and only a plain transfer counts: what a
//! contract passes on leaves nothing in the receipt that could be looked at.

use events::Timestamp;

use super::rpc::{Evidence, Log, Receipt, Transaction};
use super::types::{Address, Hash, Quantity, Units, bytes};

/// `keccak256("Transfer(address,address,uint256)")`, the first topic of every ERC-20 transfer.
pub const TRANSFER: Hash = Hash([
    0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa,
    0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef,
]);
/// The place of a transfer of the chain's own coin, which has no log.
pub const NO_LOG: i64 = -1;
/// A block's time may be so much before ours, in milliseconds: clocks differ.
const SKEW: i64 = 60_000;

/// When a transaction counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// So many blocks, its own among them.
    Blocks(u64),
    /// When the chain itself calls its block final.
    Finalized,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The token's contract; `None` for the chain's own coin.
    pub contract: Option<Address>,
    /// Contracts of other tokens that are known by their names here; what comes in one of them is
    /// money too, in the wrong coin.
    pub known: Vec<Address>,
    /// Who pays.
    pub payer: Address,
    /// Who is paid.
    pub payee: Address,
    /// How many of the token's units make one minor unit of the currency.
    pub scale: u128,
    /// Not before this time.
    pub since: Timestamp,
    /// Not in a block below this one.
    pub since_block: u64,
    /// How deep it has to be.
    pub depth: Depth,
}

/// Why a transaction is not the payment.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    /// It was reverted: nothing moved.
    Reverted,
    /// It is older than the payment.
    TooOld,
    /// It moves another token.
    WrongToken,
    /// It pays somebody else.
    WrongRecipient,
    /// Somebody else's wallet paid.
    WrongSender,
    /// It moves no money that can be seen: a call of a contract, or a transfer by one.
    NoTransfer,
    /// It moves less than the smallest unit that is counted.
    TooSmall,
    /// It moves more than can be counted.
    TooLarge,
    /// It paid for something else already.
    AlreadyUsed,
}

impl Refusal {
    /// Its word, also the code of the error.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Money that the transaction moved from the payer to the payee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The log's place among those of its transaction; [`NO_LOG`] for the chain's own coin. Its
    /// place in the block, which nodes tell, is another one when a reorganisation has moved the
    /// transaction.
    pub log_index: i64,
    /// In the token's units.
    pub units: Units,
    /// In minor units of the currency, what is less than one left out; 0 for another token's.
    pub minor: i64,
    /// Whether it is the token that was asked for.
    pub asset_matches: bool,
}

/// A transfer as asked for, in a block of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The height of its block.
    pub block_number: u64,
    /// Its block.
    pub block_hash: Hash,
    /// The time of its block.
    pub at: Timestamp,
    /// What moved; never empty.
    pub moved: Vec<Moved>,
    /// How many blocks deep it is, its own among them; 0 where the node has lost some since.
    pub depth: u64,
    /// Whether that is deep enough.
    pub is_deep: bool,
    /// Whether it is so deep that nobody looks again.
    pub is_settled: bool,
}

/// What the chain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is in no block, or its block is being replaced: look again later.
    Waiting,
    /// It is in a block and is not the payment.
    Refused(Refusal),
    /// It is the payment.
    Proven(Proof),
}

/// Judges the transaction `hash`.
pub fn verify(hash: Hash, terms: &Terms, evidence: &Evidence) -> Verdict {
    let (Some(transaction), Some(receipt), Some(block)) =
        (&evidence.transaction, &evidence.receipt, &evidence.block)
    else {
        return Verdict::Waiting;
    };
    // A node that answers about another transaction, or from two states of the chain.
    let consistent = transaction.hash == hash
        && receipt.transaction_hash == hash
        && block.number == receipt.block_number
        && block.hash == receipt.block_hash
        && receipt
            .logs
            .iter()
            .all(|log| log.transaction_hash == hash && log.block_hash == receipt.block_hash);
    if !consistent {
        return Verdict::Waiting;
    }
    if receipt.status != Some(Quantity(1)) {
        return Verdict::Refused(Refusal::Reverted);
    }
    let seconds = i64::try_from(block.timestamp.0).unwrap_or(i64::MAX);
    let at = Timestamp::from_millis(seconds.saturating_mul(1000));
    let number = block.number.0;
    if number < terms.since_block || at.as_millis().saturating_add(SKEW) < terms.since.as_millis() {
        return Verdict::Refused(Refusal::TooOld);
    }
    let moved = match moved(terms, transaction, receipt) {
        Ok(moved) => moved,
        Err(refusal) => return Verdict::Refused(refusal),
    };
    let depth = (evidence.head + 1).saturating_sub(number);
    let (is_deep, is_settled) = match terms.depth {
        Depth::Blocks(blocks) => (depth >= blocks, depth >= settled_after(blocks)),
        Depth::Finalized => {
            let is_final = evidence.finalized.is_some_and(|final_to| number <= final_to);
            (is_final, is_final)
        }
    };
    let block_hash = block.hash;
    Verdict::Proven(Proof {
        block_number: number,
        block_hash,
        at,
        moved,
        depth,
        is_deep,
        is_settled,
    })
}

/// How deep a block is when nobody looks again: a reorganisation of twice the depth that the
/// operator chose, and 32 blocks more, is beyond what a chain survives.
pub fn settled_after(blocks: u64) -> u64 {
    blocks.saturating_mul(2).saturating_add(32)
}

/// A transfer that a token's contract logged.
struct Logged {
    contract: Address,
    log_index: i64,
    from: Address,
    to: Address,
    units: Units,
}

impl Logged {
    /// Reads an ERC-20 transfer; an ERC-721's has a fourth topic and no data.
    fn read(log: &Log, logs: &[Log]) -> Option<Self> {
        let [TRANSFER, from, to] = log.topics.as_slice() else { return None };
        let value: [u8; 32] = bytes(&log.data).ok()?.try_into().ok()?;
        if log.removed {
            return None;
        }
        Some(Self {
            contract: log.address,
            log_index: logs.iter().filter(|other| other.log_index < log.log_index).count() as i64,
            from: Address::from_word(&from.0)?,
            to: Address::from_word(&to.0)?,
            units: Units::from_word(&value),
        })
    }
}

fn moved(
    terms: &Terms,
    transaction: &Transaction,
    receipt: &Receipt,
) -> Result<Vec<Moved>, Refusal> {
    let logs = receipt.logs.as_slice();
    let logged: Vec<Logged> = logs.iter().filter_map(|log| Logged::read(log, logs)).collect();
    let between = |one: &&Logged| one.from == terms.payer && one.to == terms.payee;
    let coin = (transaction.from == terms.payer
        && transaction.to == Some(terms.payee)
        && transaction.input == "0x"
        && receipt.logs.is_empty())
    .then_some((NO_LOG, transaction.value));

    let right: Vec<(i64, Units)> = match terms.contract {
        None => coin.into_iter().collect(),
        Some(contract) => {
            let of_token = logged.iter().filter(between).filter(|one| one.contract == contract);
            of_token.map(|one| (one.log_index, one.units)).collect()
        }
    };
    if !right.is_empty() {
        // What is too small beside a real transfer does not spoil it.
        let (counted, refused): (Vec<_>, Vec<_>) = right
            .into_iter()
            .map(|(log_index, units)| {
                let minor = minor(units, terms.scale)?;
                Ok(Moved { log_index, units, minor, asset_matches: true })
            })
            .partition(Result::is_ok);
        return match refused.into_iter().find_map(Result::err) {
            Some(refusal) if counted.is_empty() || refusal == Refusal::TooLarge => Err(refusal),
            _ => Ok(counted.into_iter().filter_map(Result::ok).collect()),
        };
    }

    let of_known = logged.iter().filter(between).filter(|one| terms.known.contains(&one.contract));
    let wrong: Vec<Moved> = of_known
        .map(|one| (one.log_index, one.units))
        .chain(coin.filter(|_| terms.contract.is_some()))
        .filter(|(_, units)| *units > Units(0))
        .map(|(log_index, units)| Moved { log_index, units, minor: 0, asset_matches: false })
        .collect();
    if wrong.is_empty() { Err(refusal(terms, transaction, receipt, &logged)) } else { Ok(wrong) }
}

/// What to say of a transaction that moved nothing from the payer to the payee.
fn refusal(
    terms: &Terms,
    transaction: &Transaction,
    receipt: &Receipt,
    logged: &[Logged],
) -> Refusal {
    let any = |is: &dyn Fn(&Logged) -> bool| logged.iter().any(is);
    let is_asked_for = |one: &Logged| terms.contract == Some(one.contract);
    let is_plain = transaction.input == "0x" && receipt.logs.is_empty();
    if any(&|one| is_asked_for(one) && one.to == terms.payee) {
        Refusal::WrongSender
    } else if any(&|one| is_asked_for(one) && one.from == terms.payer) {
        Refusal::WrongRecipient
    } else if any(&|one| one.to == terms.payee) {
        Refusal::WrongToken
    } else if !is_plain || terms.contract.is_some() {
        Refusal::NoTransfer
    } else if transaction.to == Some(terms.payee) {
        Refusal::WrongSender
    } else {
        Refusal::WrongRecipient
    }
}

/// Whole minor units of the currency; what is beyond them is the payer's gift.
fn minor(units: Units, scale: u128) -> Result<i64, Refusal> {
    match i64::try_from(units.0 / scale.max(1)) {
        Ok(0) => Err(Refusal::TooSmall),
        Ok(minor) => Ok(minor),
        Err(_) => Err(Refusal::TooLarge),
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
