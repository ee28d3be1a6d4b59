//! The states of a payment and of its escrow, and what follows from its transfers: pure functions.

use events::{EscrowState, PaymentException, PaymentStatus, Timestamp};
use strum::VariantArray;

/// What can happen to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Input {
    /// Money was seen that is not final, or not enough.
    Seen,
    /// What was seen is gone again.
    Unseen,
    /// The whole amount is confirmed.
    Funded,
    /// Each share has reached its end, and a seller got some of it.
    Completed,
    /// Each share went back to the buyer.
    Refunded,
    /// Its rail, or its chain, says that it did not work.
    Failed,
    /// The deal was called off, or another rail was chosen.
    Cancelled,
    /// It was not paid in time.
    Expired,
}

/// The status after `input`, or `None` where the status does not allow it (contract §4.2).
pub fn next(status: PaymentStatus, input: Input) -> Option<PaymentStatus> {
    use PaymentStatus as S;
    match (status, input) {
        (S::Pending, Input::Seen) => Some(S::Processing),
        (S::Processing, Input::Unseen) => Some(S::Pending),
        (S::Pending | S::Processing, Input::Funded) => Some(S::Confirmed),
        (S::Confirmed, Input::Completed) => Some(S::Completed),
        (S::Confirmed, Input::Refunded) => Some(S::Refunded),
        (S::Pending | S::Processing | S::Confirmed, Input::Failed) => Some(S::Failed),
        (S::Pending | S::Processing, Input::Cancelled) => Some(S::Cancelled),
        (S::Pending | S::Processing, Input::Expired) => Some(S::Expired),
        _ => None,
    }
}

/// Whether money can still fund it.
pub fn is_live(status: PaymentStatus) -> bool {
    matches!(status, PaymentStatus::Pending | PaymentStatus::Processing)
}

/// Whether it is over without a deal; money that comes now is late.
pub fn is_dead(status: PaymentStatus) -> bool {
    use PaymentStatus as S;
    matches!(status, S::Failed | S::Cancelled | S::Expired | S::Refunded)
}

/// What can happen to the escrow of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum EscrowInput {
    /// A part of the amount is confirmed.
    Partial,
    /// Nothing is confirmed any more, or the payment ended without a deal.
    Emptied,
    /// The whole amount is confirmed.
    Funded,
    /// A dispute was opened.
    Held,
    /// The seller may have it, or a part of it.
    Released,
    /// Its payout begins.
    PayoutBegun,
    /// Its payout has certainly failed.
    PayoutFailed,
    /// The seller has it.
    PaidOut,
    /// The buyer gets it back.
    RefundBegun,
    /// The buyer has it back.
    RefundSent,
    /// Its chain took the money back.
    Reversed,
}

/// The state after `input`, or `None` where the state does not allow it (contract §4.2).
pub fn next_escrow(state: EscrowState, input: EscrowInput) -> Option<EscrowState> {
    use EscrowInput as I;
    use EscrowState as E;
    match (state, input) {
        (E::None, I::Partial) => Some(E::Partial),
        (E::Partial, I::Emptied) => Some(E::None),
        (E::None | E::Partial, I::Funded) => Some(E::Funded),
        (E::Funded, I::Held) => Some(E::Disputed),
        (E::Funded | E::Disputed, I::Released) => Some(E::Releasable),
        (E::Releasable | E::Failed, I::PayoutBegun) => Some(E::Releasing),
        (E::Releasing, I::PaidOut) => Some(E::Released),
        (E::Funded | E::Disputed, I::RefundBegun) => Some(E::Refunding),
        (E::Refunding, I::RefundSent) => Some(E::Refunded),
        (E::Releasing, I::PayoutFailed) | (E::Funded | E::Disputed, I::Reversed) => Some(E::Failed),
        _ => None,
    }
}

/// Whether money of this share is in escrow.
pub fn is_held(state: EscrowState) -> bool {
    matches!(state, EscrowState::Funded | EscrowState::Disputed)
}

/// What a payment says of its shares: where several differ, what wants the most attention, and in
/// the end that something was released, where something was.
pub fn together(shares: &[EscrowState]) -> EscrowState {
    use EscrowState as E;
    const ORDER: [E; 10] = [
        E::Disputed,
        E::Failed,
        E::Refunding,
        E::Releasing,
        E::Releasable,
        E::Funded,
        E::Partial,
        E::Released,
        E::Refunded,
        E::None,
    ];
    ORDER.into_iter().find(|state| shares.contains(state)).unwrap_or(E::None)
}

/// How a confirmed payment ends, where each of its shares has reached its end.
pub fn end_of(shares: &[EscrowState]) -> Option<Input> {
    use EscrowState as E;
    if shares.iter().all(|state| *state == E::Refunded) {
        return Some(Input::Refunded);
    }
    let ended = |state: &E| matches!(state, E::Released | E::Refunded);
    shares.iter().all(ended).then_some(Input::Completed)
}

/// Money that a rail saw, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The rail's own name of it.
    pub reference: String,
    /// Minor units of the payment's currency.
    pub amount: i64,
    /// Whether it is in the coin that was asked for.
    pub asset_matches: bool,
    /// Whether it is final.
    pub confirmed: bool,
    /// Whether it came, or became final, after the payment had ended.
    pub late: bool,
    /// Whether its chain took it back.
    pub retracted: bool,
    /// The transaction.
    pub tx_hash: Option<String>,
    /// When the rail saw it first.
    pub at: Timestamp,
}

impl Seen {
    /// Whether it is money of the payment's currency that is there.
    pub fn counts(&self) -> bool {
        self.asset_matches && !self.retracted
    }
}

/// What transfers amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// Confirmed, in the right asset.
    pub received: i64,
    /// Confirmed or not, in the right asset.
    pub seen: i64,
    /// Whether something came in another asset.
    pub wrong_asset: bool,
    /// Whether something came too late.
    pub late: bool,
    /// The transaction that stands for the whole: a confirmed one where there is one, the first.
    pub tx_hash: Option<String>,
}

impl Money {
    /// The sum of transfers, in whatever order.
    pub fn of(transfers: &[Seen]) -> Self {
        let sum = |which: &dyn Fn(&&Seen) -> bool| {
            let counted = transfers.iter().filter(|seen| seen.counts()).filter(which);
            counted.fold(0_i64, |sum, seen| sum.saturating_add(seen.amount))
        };
        let first = transfers
            .iter()
            .filter(|seen| seen.counts() && seen.tx_hash.is_some())
            .min_by_key(|seen| (!seen.confirmed, seen.at, &seen.reference));
        Self {
            received: sum(&|seen| seen.confirmed),
            seen: sum(&|_| true),
            wrong_asset: transfers.iter().any(|seen| !seen.asset_matches && !seen.retracted),
            late: transfers.iter().any(|seen| seen.late && seen.counts()),
            tx_hash: first.and_then(|seen| seen.tx_hash.clone()),
        }
    }

    /// What is odd about it, for a payment of `amount`: what wants an administrator first.
    pub fn exception(&self, amount: i64) -> Option<PaymentException> {
        if self.late {
            Some(PaymentException::Late)
        } else if self.wrong_asset {
            Some(PaymentException::WrongAsset)
        } else if self.received > amount {
            Some(PaymentException::Over)
        } else if (1..amount).contains(&self.seen) {
            Some(PaymentException::Partial)
        } else {
            None
        }
    }

    /// What it does to a payment of `amount` that is live.
    pub fn input(&self, amount: i64) -> Input {
        if self.received >= amount {
            Input::Funded
        } else if self.seen > 0 {
            Input::Seen
        } else {
            Input::Unseen
        }
    }

    /// What it does to the escrow of a live payment that it does not fund.
    pub fn escrow_input(&self) -> EscrowInput {
        if self.received > 0 { EscrowInput::Partial } else { EscrowInput::Emptied }
    }
}

/// What of a fee is due when only `part` of the price goes to the seller: rounded down.
pub fn fee_of_part(fee: i64, part: i64, price: i64) -> i64 {
    if price <= 0 {
        return 0;
    }
    let due = i128::from(fee) * i128::from(part) / i128::from(price);
    i64::try_from(due).unwrap_or(fee)
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
