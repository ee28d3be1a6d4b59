//! Amounts of money: decimal strings outside, integers of the smallest unit inside.
//!
//! Inside Souk an amount is an `i64` count of the currency's minor units, and every sum is done
//! on those. A decimal string stands only where an amount leaves or enters ([`Amount`]).
//!
//! How many decimal places a currency has here ([`Currency::digits`]):
//! - fiat money: as ISO 4217 says;
//! - USDT, USDC, TRX and XRP: 6, as on their chains;
//! - every other coin: 8. That is what the SHKeeper gateway rounds to, and what fits: an `i64`
//!   holds 92 billion units at 8 places, but only 9.2 at the 18 places of an ether.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::text_enum::text_enum;

text_enum! { "UPPERCASE",
    /// A currency that prices and payments are in: ISO 4217 codes, and the tickers of coins.
    pub enum Currency {
        /// United States dollar.
        Usd,
        /// Euro.
        Eur,
        /// Pound sterling.
        Gbp,
        /// Swiss franc.
        Chf,
        /// Canadian dollar.
        Cad,
        /// Australian dollar.
        Aud,
        /// Indian rupee.
        Inr,
        /// Turkish lira.
        Try,
        /// United Arab Emirates dirham.
        Aed,
        /// Brazilian real.
        Brl,
        /// Japanese yen.
        Jpy,
        /// Tether USD.
        Usdt,
        /// USD Coin.
        Usdc,
        /// Tron.
        Trx,
        /// XRP.
        Xrp,
        /// Bitcoin.
        Btc,
        /// Litecoin.
        Ltc,
        /// Dogecoin.
        Doge,
        /// Monero.
        Xmr,
        /// Ether.
        Eth,
        /// BNB.
        Bnb,
        /// Polygon.
        Pol,
        /// Avalanche.
        Avax,
        /// Solana.
        Sol,
        /// Dai.
        Dai,
    }
}

impl Currency {
    /// Decimal places of its minor unit.
    pub const fn digits(self) -> u32 {
        match self {
            Self::Jpy => 0,
            Self::Usd
            | Self::Eur
            | Self::Gbp
            | Self::Chf
            | Self::Cad
            | Self::Aud
            | Self::Inr
            | Self::Try
            | Self::Aed
            | Self::Brl => 2,
            Self::Usdt | Self::Usdc | Self::Trx | Self::Xrp => 6,
            Self::Btc
            | Self::Ltc
            | Self::Doge
            | Self::Xmr
            | Self::Eth
            | Self::Bnb
            | Self::Pol
            | Self::Avax
            | Self::Sol
            | Self::Dai => 8,
        }
    }

    /// How many minor units make one unit.
    pub const fn minor_per_unit(self) -> i64 {
        10_i64.pow(self.digits())
    }
}

/// Why a text is no amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point between them.
    #[error("an amount is a decimal number like 12.50, without sign, exponent or leading zeros")]
    Malformed,
    /// It has a finer part than the currency has.
    #[error("{currency} has at most {} decimal places", .currency.digits())]
    TooPrecise {
        /// The currency.
        currency: Currency,
    },
    /// Past what an `i64` of minor units holds.
    #[error("the amount is too large")]
    TooLarge,
}

impl AmountError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "invalid_amount",
            Self::TooPrecise { .. } => "amount_too_precise",
            Self::TooLarge => "amount_too_large",
        }
    }
}

/// A decimal amount as it is written outside, e.g. `"12.50"`: never negative, no exponent. It is
/// checked for its form when it is read, and against its currency by [`Amount::minor`].
///
/// Souk writes two decimal places (none where the currency has none), and more only where the
/// value needs them, so one value has one text: `12.50` USD, `12.50` USDT, `0.00000001` BTC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(String);

impl Amount {
    /// The amount of `minor` units of `currency`. A negative number, which no document carries,
    /// gives zero.
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        let minor = minor.max(0);
        let digits = currency.digits() as usize;
        let scale = currency.minor_per_unit();
        if digits == 0 {
            return Self(minor.to_string());
        }
        let mut text = format!("{}.{:0digits$}", minor / scale, minor % scale);
        let least = text.len() - digits + 2;
        while text.len() > least && text.ends_with('0') {
            text.pop();
        }
        Self(text)
    }

    /// How many minor units of `currency` it is, exactly.
    ///
    /// # Errors
    /// [`AmountError`] where the currency has fewer decimal places or the number is too large.
    pub fn minor(&self, currency: Currency) -> Result<i64, AmountError> {
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let digits = currency.digits() as usize;
        if fraction.len() > digits {
            return Err(AmountError::TooPrecise { currency });
        }
        let number = |text: &str| match text {
            "" => Ok(0),
            text => text.parse::<i64>().map_err(|_| AmountError::TooLarge),
        };
        let padding = 10_i64.pow((digits - fraction.len()) as u32);
        number(whole)?
            .checked_mul(currency.minor_per_unit())
            .and_then(|minor| minor.checked_add(number(fraction).ok()? * padding))
            .ok_or(AmountError::TooLarge)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Amount {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        /// Digits of `i64::MAX`, a point and 18 places: whatever is longer is too large anyway.
        const MAX_LEN: usize = 38;
        if text.len() > MAX_LEN {
            return Err(AmountError::TooLarge);
        }
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text.as_str(), None),
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if all_digits(whole) && !leading_zero && fraction.is_none_or(all_digits) {
            Ok(Self(text))
        } else {
            Err(AmountError::Malformed)
        }
    }
}

impl std::str::FromStr for Amount {
    type Err = AmountError;
    fn from_str(text: &str) -> Result<Self, AmountError> {
        text.to_owned().try_into()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"))
            .description(Some("A decimal amount."))
            .examples(["12.50"])
            .into()
    }
}

impl ToSchema for Amount {}

/// An amount and its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { amount: Amount::from_minor(minor, currency), currency }
    }

    /// How many minor units of its currency it is.
    ///
    /// # Errors
    /// [`AmountError`], where the amount came from outside.
    pub fn minor(&self) -> Result<i64, AmountError> {
        self.amount.minor(self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minor(text: &str, currency: Currency) -> Result<i64, AmountError> {
        text.parse::<Amount>()?.minor(currency)
    }

    #[test]
    fn amounts_are_read() {
        assert_eq!(minor("0", Currency::Usd), Ok(0));
        assert_eq!(minor("12", Currency::Usd), Ok(1_200));
        assert_eq!(minor("12.5", Currency::Usd), Ok(1_250));
        assert_eq!(minor("12.05", Currency::Usdt), Ok(12_050_000));
        assert_eq!(minor("0.00000001", Currency::Btc), Ok(1));
        assert_eq!(minor("5", Currency::Jpy), Ok(5));
        assert_eq!(minor("92233720368547758.07", Currency::Usd), Ok(i64::MAX));
    }

    #[test]
    fn amounts_are_printed() {
        for (minor, currency, text) in [
            (0, Currency::Usd, "0.00"),
            (1_250, Currency::Usd, "12.50"),
            (7, Currency::Jpy, "7"),
            (120_000_000, Currency::Usdt, "120.00"),
            (12_050_001, Currency::Usdt, "12.050001"),
            (1, Currency::Btc, "0.00000001"),
            (10_000_000, Currency::Eth, "0.10"),
            (-1, Currency::Usd, "0.00"),
        ] {
            assert_eq!(Amount::from_minor(minor, currency).as_str(), text);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in
            ["", "-1", "+1", "1e3", "1.", ".5", "1.2.3", "01", "00", "1,5", " 1", "٣", "NaN"]
        {
            assert_eq!(minor(text, Currency::Usd), Err(AmountError::Malformed), "{text:?}");
        }
        let too_precise = |currency| Err(AmountError::TooPrecise { currency });
        assert_eq!(minor("1.000", Currency::Usd), too_precise(Currency::Usd));
        assert_eq!(minor("1.0", Currency::Jpy), too_precise(Currency::Jpy));
        for text in ["92233720368547758.08", "99999999999999999999", &"9".repeat(39)] {
            assert_eq!(minor(text, Currency::Usd), Err(AmountError::TooLarge), "{text}");
        }
        assert!(serde_json::from_str::<Amount>("12.5").is_err(), "a JSON number is no amount");
    }

    #[test]
    fn codes_are_upper_case() {
        assert_eq!(serde_json::to_value(Currency::Usdt).unwrap(), "USDT");
        assert_eq!("BTC".parse(), Ok(Currency::Btc));
        assert!("btc".parse::<Currency>().is_err());
    }

    fn currency() -> impl Strategy<Value = Currency> {
        proptest::sample::select(Currency::ALL)
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(units in 0..=i64::MAX, currency in currency()) {
            let text = Amount::from_minor(units, currency);
            prop_assert_eq!(minor(text.as_str(), currency), Ok(units));
        }

        #[test]
        fn what_is_read_is_worth_what_it_says(
            whole in 0_i64..1_000_000, fraction in "[0-9]{0,8}", currency in currency(),
        ) {
            let point = if fraction.is_empty() { "" } else { "." };
            let text = format!("{whole}{point}{fraction}");
            let digits = currency.digits() as usize;
            let read = minor(&text, currency);
            if fraction.len() > digits {
                prop_assert_eq!(read, Err(AmountError::TooPrecise { currency }));
            } else {
                let padded: i64 = format!("{whole}{fraction:0<digits$}").parse().unwrap();
                prop_assert_eq!(read, Ok(padded));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,50}", currency in currency()) {
            let _ = minor(&text, currency);
        }
    }
}
