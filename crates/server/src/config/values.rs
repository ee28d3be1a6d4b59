//! The texts of durations, sizes and origins.

use std::str::FromStr;
use std::time::Duration;

/// Parses `500ms`, `10s`, `15m`, `24h`, `7d`. A unit is required.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || format!("`{text}` is not a duration such as 500ms, 10s, 15m, 24h or 7d");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    // A century is beyond every use here and keeps sums of times far from overflow.
    number
        .checked_mul(millis)
        .filter(|ms| *ms <= 100 * 366 * 86_400_000)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is longer than a century"))
}

/// A size in bytes, written `65536`, `64KiB` or `1MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "not a size such as 65536, 64KiB or 1MiB".to_owned();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: usize = number.parse().map_err(|_| wrong())?;
        let factor = match unit {
            "" | "B" => 1,
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            "GiB" => 1024 * 1024 * 1024,
            _ => return Err(wrong()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

/// An origin (RFC 6454 §6.2): scheme, host and port, nothing behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOrigin(String);

impl HttpOrigin {
    /// Whether an `Origin` header names this origin. Scheme and host compare without case.
    pub fn matches(&self, origin: &str) -> bool {
        self.0.eq_ignore_ascii_case(origin)
    }

    /// The origin as text, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HttpOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('/');
        let wrong = || "not an origin such as https://shop.example or http://localhost:3000".into();
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let bare = uri.path() == "/" && uri.query().is_none();
        match uri.host() {
            Some(host) if known_scheme && bare && !host.is_empty() => Ok(Self(text.to_owned())),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_hours(7 * 24)));
        for wrong in ["", "10", "s", "1.5s", "-1s", "10 s", "1w", "999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!("64KiB".parse(), Ok(Bytes(65_536)));
        assert_eq!("12".parse(), Ok(Bytes(12)));
        for wrong in ["", "64kb", "KiB", "-1", "99999999999999999999"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
    }
}
