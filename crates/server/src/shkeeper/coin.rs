//! Amounts of coins as the gateway writes them, and what they are worth in the money of a payment.
//!
//! The gateway prints at most ten decimal places, so that is what is kept; finer parts, which it
//! does not write, are cut off.

use std::fmt;
use std::str::FromStr;

use events::Currency;
use serde::de::{Deserialize, Deserializer, Error as _};

const PLACES: u32 = 10;
const ONE: i128 = 10_i128.pow(PLACES);
/// Places of a coin whose own are not known: what the gateway rounds to.
const USUAL_PLACES: u32 = 8;

/// An amount of some coin, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coins(i128);

/// A text that is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of coins")]
pub struct CoinsError;

impl Coins {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// An amount of a currency, as that many coins.
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        let unit = 10_i128.pow(PLACES.saturating_sub(currency.digits()));
        Self(i128::from(minor.max(0)) * unit)
    }

    /// The sum; `None` past what can be held.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// What this part of `expected` coins is of a `price` in minor units, rounded down: `expected`
    /// is exactly the price. `None` where nothing is expected, or past what an `i64` holds.
    pub fn share_of(self, expected: Self, price: i64) -> Option<i64> {
        let product = self.0.checked_mul(i128::from(price))?;
        i64::try_from(product.checked_div(expected.0)?).ok()
    }

    /// An amount of fiat money in coins of `rate` each, rounded down to the coin's places. `None`
    /// without a rate.
    pub fn at_rate(minor: i64, currency: Currency, rate: Self, coin: &str) -> Option<Self> {
        let coins = Self::from_minor(minor, currency).0.checked_mul(ONE)?.checked_div(rate.0)?;
        let places = ticker(coin).map_or(USUAL_PLACES, Currency::digits);
        let unit = 10_i128.pow(PLACES.saturating_sub(places));
        Some(Self(coins - coins % unit))
    }
}

/// The currency that a coin of the gateway is: `USDT` of `ETH-USDT`.
pub fn ticker(coin: &str) -> Option<Currency> {
    coin.rsplit('-').next()?.parse().ok()
}

/// The fiat money in which the gateway prices what costs `currency` here. Coins that stand for a
/// dollar are priced in dollars; the gateway prices nothing in other coins.
pub fn fiat_of(currency: Currency) -> Option<&'static str> {
    use Currency as C;
    match currency {
        C::Usd | C::Usdt | C::Usdc | C::Dai => Some("USD"),
        C::Eur => Some("EUR"),
        C::Gbp => Some("GBP"),
        C::Chf => Some("CHF"),
        C::Cad => Some("CAD"),
        C::Aud => Some("AUD"),
        C::Inr => Some("INR"),
        C::Try => Some("TRY"),
        C::Aed => Some("AED"),
        C::Brl => Some("BRL"),
        C::Jpy => Some("JPY"),
        C::Trx
        | C::Xrp
        | C::Btc
        | C::Ltc
        | C::Doge
        | C::Xmr
        | C::Eth
        | C::Bnb
        | C::Pol
        | C::Avax
        | C::Sol => None,
    }
}

impl FromStr for Coins {
    type Err = CoinsError;

    fn from_str(text: &str) -> Result<Self, CoinsError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 18 || !digits(whole) || !digits(fraction) {
            return Err(CoinsError);
        }
        if text.ends_with('.') || fraction.len() > 40 {
            return Err(CoinsError);
        }
        let whole: i128 = whole.parse().map_err(|_| CoinsError)?;
        let mut parts = 0_i128;
        let padded = fraction.bytes().chain(std::iter::repeat(b'0'));
        for digit in padded.take(PLACES as usize) {
            parts = parts * 10 + i128::from(digit - b'0');
        }
        Ok(Self(whole * ONE + parts))
    }
}

/// The shortest text of it.
impl fmt::Display for Coins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, parts) = (self.0 / ONE, self.0 % ONE);
        if parts == 0 {
            return write!(f, "{whole}");
        }
        let parts = format!("{parts:010}");
        write!(f, "{whole}.{}", parts.trim_end_matches('0'))
    }
}

/// The gateway writes amounts as strings; numbers are taken as well where they are written plainly.
impl<'de> Deserialize<'de> for Coins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text.parse().map_err(D::Error::custom),
            serde_json::Value::Number(number) => {
                number.to_string().parse().map_err(D::Error::custom)
            }
            _ => Err(D::Error::custom(CoinsError)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Randomness;

    fn coins(text: &str) -> Coins {
        text.parse().unwrap()
    }

    #[test]
    fn texts() {
        for (text, written) in [
            ("102", "102"),
            ("0.5", "0.5"),
            ("0.0000000001", "0.0000000001"),
            ("39.21568627459", "39.2156862745"),
            ("12.5000000000", "12.5"),
            ("007", "7"),
        ] {
            assert_eq!(coins(text).to_string(), written);
        }
        for wrong in ["", ".", ".5", "5.", "-1", "+1", "1e5", "1,5", " 1", "1 ", "½", "1.5.0"] {
            assert!(wrong.parse::<Coins>().is_err(), "{wrong}");
        }
        assert!("9".repeat(19).parse::<Coins>().is_err());
        assert_eq!(serde_json::from_str::<Coins>("\"1.5\"").ok(), Some(coins("1.5")));
        assert_eq!(serde_json::from_str::<Coins>("1.5").ok(), Some(coins("1.5")));
        assert!(serde_json::from_str::<Coins>("true").is_err());
        assert!(serde_json::from_str::<Coins>("1e-7").is_err());
    }

    #[test]
    fn the_expected_coins_are_the_price() {
        let expected = coins("102");
        assert_eq!(expected.share_of(expected, 10_000), Some(10_000));
        assert_eq!(coins("51").share_of(expected, 10_000), Some(5_000));
        assert_eq!(coins("101.99999999").share_of(expected, 10_000), Some(9_999));
        assert_eq!(coins("1").share_of(Coins::ZERO, 10_000), None);
        let huge = coins(&"9".repeat(18));
        assert_eq!(huge.share_of(coins("0.0000000001"), i64::MAX), None);
    }

    #[test]
    fn payouts_are_rounded_down_to_what_the_coin_has() {
        let at = |rate: &str, coin| Coins::at_rate(10_000, Currency::Usd, coins(rate), coin);
        assert_eq!(at("1", "ETH-USDT"), Some(coins("100")));
        assert_eq!(at("3", "ETH-USDT"), Some(coins("33.333333")));
        assert_eq!(at("30000", "BTC"), Some(coins("0.00333333")));
        assert_eq!(at("3", "SHIB"), Some(coins("33.33333333")));
        assert_eq!(at("0", "BTC"), None);
        assert_eq!(Coins::from_minor(12_500_000, Currency::Usdt), coins("12.5"));
    }

    #[test]
    fn names() {
        assert_eq!(ticker("ETH-USDT"), Some(Currency::Usdt));
        assert_eq!(ticker("BTC"), Some(Currency::Btc));
        assert_eq!(ticker("BTC-LIGHTNING"), None);
        assert_eq!(fiat_of(Currency::Usdc), Some("USD"));
        assert_eq!(fiat_of(Currency::Btc), None);
    }

    #[test]
    fn written_and_read_again() {
        let random = Randomness::from_seed(1);
        for _ in 0..10_000 {
            let value = Coins(i128::from(u64::from_le_bytes(random.bytes())) * 1_000_003);
            assert_eq!(coins(&value.to_string()), value);
        }
    }

    /// However a price is paid in parts, what is credited adds up to it and never goes down.
    #[test]
    fn parts_add_up() {
        let random = Randomness::from_seed(2);
        for _ in 0..10_000 {
            let price = i64::from(random.below(1_000_000_000)) + 1;
            let parts: Vec<_> = (0..=random.below(20))
                .map(|_| Coins(i128::from(random.below(u32::MAX)) * 997 + 1))
                .collect();
            let expected = Coins(parts.iter().map(|part| part.0).sum());
            let (mut paid, mut credited) = (Coins::ZERO, 0);
            for part in parts {
                paid = paid.plus(part).unwrap();
                let now = paid.share_of(expected, price).unwrap();
                assert!(now >= credited);
                credited = now;
            }
            assert_eq!(credited, price);
        }
    }
}
