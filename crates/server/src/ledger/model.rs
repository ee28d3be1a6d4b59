//! Accounts and transfers: pure.

use events::{Amount, Currency, PaymentId, PaymentProvider, PayoutId, RequestId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a transfer is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
    strum::AsRefStr,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Money of a buyer is confirmed by its rail.
    Received,
    /// What was received was taken back by its chain.
    Reversed,
    /// The price goes into escrow.
    Held,
    /// The price leaves the escrow again, because it was reversed.
    Unheld,
    /// The escrow is divided between seller, platform and buyer.
    Divided,
    /// What the buyer gets back has left.
    Refunded,
    /// What came beside the price has left.
    ExcessRefunded,
    /// A payout is handed to its rail.
    PayoutSent,
    /// A payout has certainly failed.
    PayoutReturned,
    /// A payout has reached the seller.
    PayoutCompleted,
}

/// What an account is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
    strum::AsRefStr,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AccountKind {
    /// What a buyer paid that is in no escrow: too little so far, too much, or too late. One for
    /// each payment.
    Buyer,
    /// The price of a deal, until it is known whose it is. One for each request.
    Escrow,
    /// What the platform earned.
    PlatformFee,
    /// What a seller is owed and has no payout yet. One for each seller.
    SellerPayable,
    /// One for each payout.
    PayoutInTransit,
    /// What a rail holds for Souk, with a minus sign. One for each rail.
    ProviderClearing,
    /// What goes back to a buyer and has not left yet. One for each payment.
    Refunds,
}

/// An account, but for its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// See [`AccountKind::Buyer`].
    Buyer(PaymentId),
    /// See [`AccountKind::Escrow`].
    Escrow(RequestId),
    /// See [`AccountKind::PlatformFee`].
    PlatformFee,
    /// See [`AccountKind::SellerPayable`].
    SellerPayable(UserId),
    /// See [`AccountKind::PayoutInTransit`].
    PayoutInTransit(PayoutId),
    /// See [`AccountKind::ProviderClearing`].
    ProviderClearing(PaymentProvider),
    /// See [`AccountKind::Refunds`].
    Refunds(PaymentId),
}

impl Account {
    /// What it is.
    pub fn kind(&self) -> AccountKind {
        match self {
            Self::Buyer(_) => AccountKind::Buyer,
            Self::Escrow(_) => AccountKind::Escrow,
            Self::PlatformFee => AccountKind::PlatformFee,
            Self::SellerPayable(_) => AccountKind::SellerPayable,
            Self::PayoutInTransit(_) => AccountKind::PayoutInTransit,
            Self::ProviderClearing(_) => AccountKind::ProviderClearing,
            Self::Refunds(_) => AccountKind::Refunds,
        }
    }

    /// Whose it is: an id or a rail; empty for the platform's own.
    pub fn owner(&self) -> &str {
        match self {
            Self::Buyer(id) | Self::Refunds(id) => id.as_str(),
            Self::Escrow(id) => id.as_str(),
            Self::PlatformFee => "",
            Self::SellerPayable(id) => id.as_str(),
            Self::PayoutInTransit(id) => id.as_str(),
            Self::ProviderClearing(provider) => provider.as_ref(),
        }
    }

    /// Its id: `escrow:<request>:USD`.
    pub fn id(&self, currency: Currency) -> String {
        format!("{}:{}:{currency}", self.kind(), self.owner())
    }

    /// Whether it belongs to one deal, so that its balance is quickly read and may not be negative.
    pub(super) fn is_of_one_deal(&self) -> bool {
        matches!(
            self,
            Self::Buyer(_) | Self::Escrow(_) | Self::PayoutInTransit(_) | Self::Refunds(_)
        )
    }
}

/// A part of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Loses the amount.
    pub from: Account,
    /// Gets it.
    pub to: Account,
    /// Minor units; more than zero.
    pub amount: i64,
}

/// Something that is booked as a whole, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// What it is.
    pub kind: Kind,
    /// What it is of; with the kind it is unique.
    pub reference: String,
    /// The currency of every part.
    pub currency: Currency,
    /// Its parts.
    pub moves: Vec<Move>,
}

/// A transfer that cannot be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unbookable {
    /// It moves nothing.
    #[error("a transfer without a part")]
    Empty,
    /// A part of less than nothing.
    #[error("a negative amount")]
    Negative,
    /// A part that stays where it is.
    #[error("from an account to itself")]
    SameAccount,
}

impl Transfer {
    /// A transfer without parts.
    pub fn new(kind: Kind, reference: impl Into<String>, currency: Currency) -> Self {
        Self { kind, reference: reference.into(), currency, moves: Vec::new() }
    }

    /// With one part more. One of zero, such as a fee that is none, is left out.
    #[must_use]
    pub fn move_to(mut self, from: Account, to: Account, amount: i64) -> Self {
        if amount != 0 {
            self.moves.push(Move { from, to, amount });
        }
        self
    }

    /// Whether it can be booked.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), Unbookable> {
        if self.moves.is_empty() {
            return Err(Unbookable::Empty);
        }
        for part in &self.moves {
            if part.amount <= 0 {
                return Err(Unbookable::Negative);
            }
            if part.from == part.to {
                return Err(Unbookable::SameAccount);
            }
        }
        Ok(())
    }
}

/// An amount that may be below zero, as a decimal string.
pub fn signed(minor: i64, currency: Currency) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let magnitude = i64::try_from(minor.unsigned_abs()).unwrap_or(i64::MAX);
    format!("{sign}{}", Amount::from_minor(magnitude, currency))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::example;

    #[test]
    fn what_moves_nothing_or_backwards_is_refused() {
        let of = |from: Account, to: Account, amount| {
            let moves = vec![Move { from, to, amount }];
            Transfer { moves, ..Transfer::new(Kind::Held, "x", Currency::Usd) }.check()
        };
        let (buyer, escrow) =
            (Account::Buyer(example::payment()), Account::Escrow(example::request()));
        assert_eq!(of(buyer.clone(), escrow.clone(), 1), Ok(()));
        assert_eq!(of(buyer.clone(), escrow.clone(), 0), Err(Unbookable::Negative));
        assert_eq!(of(buyer.clone(), escrow.clone(), -1), Err(Unbookable::Negative));
        assert_eq!(of(buyer.clone(), buyer.clone(), 1), Err(Unbookable::SameAccount));
        let empty = Transfer::new(Kind::Held, "x", Currency::Usd).move_to(buyer, escrow, 0);
        assert_eq!(empty.check(), Err(Unbookable::Empty));
    }

    #[test]
    fn ids_of_accounts() {
        let id = |account: Account| account.id(Currency::Usdt);
        assert_eq!(id(Account::PlatformFee), "platform_fee::USDT");
        assert_eq!(
            id(Account::ProviderClearing(PaymentProvider::Sandbox)),
            "provider_clearing:sandbox:USDT"
        );
        let buyer = format!("buyer:{}:USDT", example::payment());
        assert_eq!(id(Account::Buyer(example::payment())), buyer);
    }

    #[test]
    fn signs() {
        assert_eq!(signed(-1_250, Currency::Usd), "-12.50");
        assert_eq!(signed(0, Currency::Usd), "0.00");
        assert_eq!(signed(7, Currency::Jpy), "7");
        assert!(signed(i64::MIN, Currency::Usd).starts_with('-'));
    }
}
