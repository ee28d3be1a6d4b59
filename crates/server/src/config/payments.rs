//! Payments, fees and payouts (contract §4).

use std::str::FromStr;
use std::time::Duration;

use super::env::Env;

/// Payments, fees and payouts.
#[derive(Debug, Clone)]
pub struct PaymentsConfig {
    /// Whether there is play money.
    pub sandbox: bool,
    /// What the platform keeps of a released price.
    pub fee: FeeRate,
    /// Whether payouts wait for an administrator.
    pub payout_mode: PayoutMode,
    /// How often a payout under way is looked after.
    pub payout_poll_every: Duration,
}

/// What a payout waits for (contract §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum PayoutMode {
    /// For nothing but the seller's wallet.
    Auto,
    /// For an administrator's word.
    Manual,
}

/// A percentage with up to four decimal places, as parts of a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeRate(u32);

impl FeeRate {
    /// The fee of a price, in the same minor units: rounded down, so that it is never more than
    /// the percentage, and always less than a price above zero.
    pub fn of(self, price: i64) -> i64 {
        let fee = i128::from(price.max(0)) * i128::from(self.0) / 1_000_000;
        // Below a million parts of an `i64`, so it fits.
        i64::try_from(fee).unwrap_or(i64::MAX)
    }
}

impl FromStr for FeeRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be a percentage from 0 to below 100, like 2.5".to_owned();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 2 || fraction.len() > 4 {
            return Err(wrong());
        }
        let number = |part: &str| part.parse::<u32>().map_err(|_| wrong());
        let scale = 10_u32.pow(4 - fraction.len() as u32);
        Ok(Self(number(whole)? * 10_000 + number(fraction)? * scale))
    }
}

impl PaymentsConfig {
    pub(super) fn read(env: &mut Env<'_>) -> Self {
        env.section("Payments");
        let sandbox = env.get(
            "PAYMENT_SANDBOX",
            "false",
            "Play money, for development and demonstrations: whoever buys can pay with it.",
        );
        let fee = env.get(
            "PLATFORM_FEE_PERCENT",
            "0",
            "What the platform keeps of a released price, in percent, rounded down to the \
             currency's smallest unit.",
        );
        let mode: String = env.get(
            "PAYOUT_MODE",
            "auto",
            "auto: payouts start when the escrow is released and the seller has a wallet; manual: \
             on an administrator's word.",
        );
        let payout_mode = mode.parse().unwrap_or_else(|_| {
            env.problem("PAYOUT_MODE", "must be auto or manual");
            PayoutMode::Auto
        });
        let payout_poll_every = env.duration(
            "PAYOUT_POLL_EVERY",
            "60s",
            "How often a payout under way is looked after.",
        );
        if payout_poll_every.is_zero() {
            env.problem("PAYOUT_POLL_EVERY", "must be more than 0");
        }
        Self { sandbox, fee, payout_mode, payout_poll_every }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        for (text, parts) in [
            ("0", 0),
            ("2.5", 25_000),
            ("2", 20_000),
            ("99.9999", 999_999),
            ("0.0001", 1),
            ("00", 0),
        ] {
            assert_eq!(text.parse(), Ok(FeeRate(parts)), "{text}");
        }
        for text in ["", "-1", "100", "2.50000", "2,5", "2.", ".5", "1e1", "٣", " 1"] {
            assert!(text.parse::<FeeRate>().is_err(), "{text}");
        }
    }

    #[test]
    fn fees_are_rounded_down() {
        let rate: FeeRate = "2.5".parse().unwrap();
        for (price, fee) in [(0, 0), (39, 0), (40, 1), (79, 1), (10_000, 250), (-5, 0)] {
            assert_eq!(rate.of(price), fee, "{price}");
        }
        let most: FeeRate = "99.9999".parse().unwrap();
        assert!(most.of(i64::MAX) < i64::MAX && most.of(1) < 1);
    }
}
