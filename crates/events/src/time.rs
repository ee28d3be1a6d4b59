//! Points in time.

use std::fmt;
use std::str::FromStr;

use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A point in time, to the millisecond, in UTC. In JSON it is ISO 8601 with milliseconds and
/// `Z` (contract §1.4), e.g. `2026-11-23T10:00:00.000Z`; any RFC 3339 time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is RFC 3339, like 2026-11-23T10:00:00.000Z")]
pub struct TimestampError;

impl TimestampError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        "invalid_time"
    }
}

impl Timestamp {
    /// The time `ms` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        // Years that need more than four digits are printed as the first or last that does not.
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(end);
        f.write_str(&PRINTER.timestamp_to_string(&time))
    }
}

/// Whether `text` has the form of RFC 3339 §5.6 `date-time`; the values are not looked at.
fn has_rfc3339_form(text: &str) -> bool {
    let fits = |form: &[u8], text: &[u8]| {
        form.len() == text.len()
            && form.iter().zip(text).all(|(form, byte)| match form {
                b'0' => byte.is_ascii_digit(),
                b'T' => byte.eq_ignore_ascii_case(&b'T'),
                other => other == byte,
            })
    };
    let Some((moment, rest)) = text.as_bytes().split_at_checked(19) else { return false };
    let zone = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &rest[digits..]
        }
        rest => rest,
    };
    fits(b"0000-00-00T00:00:00", moment)
        && (matches!(zone, b"Z" | b"z") || fits(b"+00:00", zone) || fits(b"-00:00", zone))
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        if !has_rfc3339_form(text) {
            return Err(TimestampError);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Ok(Self(time.as_millisecond()))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;
    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("ISO 8601 in UTC with milliseconds."))
            .examples(["2026-11-23T10:00:00.000Z"])
            .into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_printed_with_milliseconds_and_z() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        let time = Timestamp::from_millis(1_795_428_000_007);
        assert_eq!(serde_json::to_value(time).unwrap(), "2026-11-23T10:00:00.007Z");
    }

    #[test]
    fn rfc_3339_is_read() {
        for (text, ms) in [
            ("2026-11-23T10:00:00Z", 1_795_428_000_000),
            ("2026-11-23t10:00:00z", 1_795_428_000_000),
            ("2026-11-23T10:00:00.5Z", 1_795_428_000_500),
            ("2026-11-23T10:00:00.007999Z", 1_795_428_000_007),
            ("2026-11-23T11:30:00.000+01:30", 1_795_428_000_000),
            ("2026-11-23T09:00:00-01:00", 1_795_428_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T10:00Z",
            "2026-11-23T10:00:00",
            "2026-11-23 10:00:00Z",
            "2026-11-23T10:00:00.Z",
            "2026-11-23T10:00:00+01",
            "2026-11-23T10:00:00Z[UTC]",
            "2026-13-23T10:00:00Z",
            "2026-02-30T10:00:00Z",
            "2026-11-23T25:00:00Z",
            "1795428000",
            "ää26-11-23T10:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        assert!(Timestamp::from_millis(i64::MAX).to_string().starts_with("9999-"));
        assert!(Timestamp::from_millis(i64::MIN).to_string().starts_with("-009999-"));
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(ms in 0_i64..253_402_200_000_000) {
            let time = Timestamp::from_millis(ms);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
