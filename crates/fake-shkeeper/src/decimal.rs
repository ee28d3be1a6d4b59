//! Amounts as the gateway prints them: ten decimal places, trailing zeros cut.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

const PLACES: u32 = 10;
const ONE: i128 = 10_i128.pow(PLACES);

/// A decimal number with ten places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(ONE);

    /// A whole number.
    pub const fn whole(number: i64) -> Self {
        Self(number as i128 * ONE)
    }

    /// A JSON string or number.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The product, cut to ten places.
    pub fn times(self, other: Self) -> Self {
        Self(self.0.saturating_mul(other.0) / ONE)
    }

    /// The quotient, cut to ten places; by zero it is zero.
    pub fn over(self, other: Self) -> Self {
        Self(self.0.saturating_mul(ONE).checked_div(other.0).unwrap_or_default())
    }

    /// This many hundredths of it.
    pub fn percent(self, percent: Self) -> Self {
        self.times(percent).over(Self::whole(100))
    }

    /// Rounded to fewer places, halves to the even digit as Python does.
    pub fn rounded(self, places: u32) -> Self {
        let unit = 10_i128.pow(PLACES.saturating_sub(places));
        let (whole, rest) = (self.0.div_euclid(unit), self.0.rem_euclid(unit));
        let up = rest * 2 > unit || (rest * 2 == unit && whole % 2 != 0);
        Self((whole + i128::from(up)) * unit)
    }

    /// With exactly this many places, as Python's `str` of a column of that scale.
    pub fn fixed(self, places: usize) -> String {
        let text = format!("{:010}", self.0.unsigned_abs() % ONE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs() / ONE.unsigned_abs();
        format!("{sign}{whole}.{}", text.get(..places).unwrap_or(&text))
    }
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no decimal number");
        let (negative, digits) = match text.trim().strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(wrong());
        }
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || whole.len() > 20 {
            return Err(wrong());
        }
        let fraction: String =
            fraction.chars().chain("0000000000".chars()).take(PLACES as usize).collect();
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let fraction: i128 = fraction.parse().map_err(|_| wrong())?;
        let value = whole * ONE + fraction;
        Ok(Self(if negative { -value } else { value }))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = self.fixed(PLACES as usize);
        f.write_str(fixed.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn printed_like_the_gateway() {
        assert_eq!(dec("102.00").to_string(), "102");
        assert_eq!(dec("39.2156862745").to_string(), "39.2156862745");
        assert_eq!(dec("-0.5").to_string(), "-0.5");
        assert_eq!(dec("12.5").fixed(10), "12.5000000000");
        assert_eq!(Decimal::ZERO.fixed(2), "0.00");
        assert!("1e5".parse::<Decimal>().is_err() && "".parse::<Decimal>().is_err());
    }

    #[test]
    fn calculated_like_the_gateway() {
        let (hundred, fee) = (Decimal::whole(100), Decimal::whole(2));
        assert_eq!(hundred.plus(hundred.percent(fee)), Decimal::whole(102));
        assert_eq!(dec("40").times(hundred).over(dec("102")), dec("39.2156862745"));
        assert_eq!(dec("0.000000005").rounded(8), Decimal::ZERO);
        assert_eq!(dec("0.000000015").rounded(8), dec("0.00000002"));
    }
}
