//! Who sent a callback.
//!
//! The gateway signs `timestamp + "." + body` with its API key (HMAC-SHA256, in hexadecimal), with
//! a new timestamp on every try. The signature covers neither URL nor kind.

use std::time::Duration;

use events::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::Sha256;

use crate::config::Secret;

/// How far a timestamp may be from now, in either direction, as in the gateway's own verifier.
const WINDOW: Duration = Duration::from_mins(5);

const API_KEY: &str = "x-shkeeper-api-key";
const TIMESTAMP: &str = "x-shkeeper-timestamp";
const SIGNATURE: &str = "x-shkeeper-signature";

/// By what a callback was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its signature.
    Signature,
    /// Its API key alone.
    ApiKey,
}

impl Proof {
    /// The word for it in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::ApiKey => "api_key",
        }
    }
}

/// Checks a callback. One with a signature is judged by it, whatever key it carries as well. All
/// comparisons take the same time wherever the difference is.
pub fn verify(
    key: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    allow_api_key_only: bool,
) -> Option<Proof> {
    let signed = headers.contains_key(SIGNATURE) || headers.contains_key(TIMESTAMP);
    if signed {
        let timestamp: i64 = single(headers, TIMESTAMP)?.parse().ok()?;
        let age = now.as_millis().checked_sub(timestamp.checked_mul(1000)?)?;
        if age.unsigned_abs() > WINDOW.as_millis() as u64 {
            return None;
        }
        let given = unhex(single(headers, SIGNATURE)?)?;
        let message = [format!("{timestamp}.").as_bytes(), body].concat();
        return is_mac(key, &message, &given).then_some(Proof::Signature);
    }
    let given = single(headers, API_KEY)?;
    if !allow_api_key_only {
        return None;
    }
    let expected = mac(key, key.expose().as_bytes())?.finalize().into_bytes();
    is_mac(key, given.as_bytes(), &expected).then_some(Proof::ApiKey)
}

/// The value of a header that is there once.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok().map(str::trim) }
}

fn mac(key: &Secret, message: &[u8]) -> Option<Hmac<Sha256>> {
    // An HMAC key may have any length, so this never fails.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).ok()?;
    mac.update(message);
    Some(mac)
}

fn is_mac(key: &Secret, message: &[u8], tag: &[u8]) -> bool {
    mac(key, message).is_some_and(|mac| mac.verify_slice(tag).is_ok())
}

/// 32 bytes written as 64 hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| digits.get(at).and_then(|d| char::from(*d).to_digit(16));
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A callback taken from a running gateway.
    const BODY: &str = concat!(
        r#"{"addr":"0x8a24797afba34000be956201def75e46d520ad78","balance_crypto":"102","#,
        r#""balance_fiat":"102","crypto":"ETH-USDT","external_id":"order-1","fee_fixed":"0","#,
        r#""fee_percent":"2","fee_policy":"PERCENT_FEE","fiat":"USD","overpaid_fiat":"0.00","#,
        r#""paid":true,"status":"PAID","transactions":[{"amount_crypto":"40","amount_fiat":"40","#,
        r#""amount_fiat_without_fee":"39.2156862745","crypto":"ETH-USDT","#,
        r#""date":"2026-11-23 16:09:21","fee_fiat":"0.7843137255","trigger":false,"#,
        r#""txid":"0xaa01"},{"amount_crypto":"62","amount_fiat":"62","#,
        r#""amount_fiat_without_fee":"60.7843137255","crypto":"ETH-USDT","#,
        r#""date":"2026-11-23 16:09:21","fee_fiat":"1.2156862745","trigger":true,"#,
        r#""txid":"0xaa02"}]}"#
    );
    const TIME: i64 = 1_795_450_161;
    const TAG: &str = "4038ce57a0786e75740cf5837a887154dd079a7bbad7e4ca1081af47f81c8791";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn check(pairs: &[(&'static str, &str)], body: &str, at: i64, key_only: bool) -> Option<Proof> {
        let now = Timestamp::from_millis(at * 1000);
        verify(&Secret::new("testkey123"), &headers(pairs), body.as_bytes(), now, key_only)
    }

    #[test]
    fn the_gateways_own_callback_is_accepted() {
        let time = TIME.to_string();
        let good = [(TIMESTAMP, time.as_str()), (SIGNATURE, TAG), (API_KEY, "testkey123")];
        assert_eq!(check(&good, BODY, TIME, false), Some(Proof::Signature));
        // A payout's callback comes without the key.
        assert_eq!(check(&good[..2], BODY, TIME, false), Some(Proof::Signature));
        let upper = TAG.to_uppercase();
        let good = [(TIMESTAMP, time.as_str()), (SIGNATURE, upper.as_str())];
        assert_eq!(check(&good, BODY, TIME, false), Some(Proof::Signature));
    }

    #[test]
    fn the_window_has_two_ends() {
        let time = TIME.to_string();
        let good = [(TIMESTAMP, time.as_str()), (SIGNATURE, TAG)];
        for (at, accepted) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(check(&good, BODY, TIME + at, true).is_some(), accepted, "{at}");
        }
    }

    #[test]
    fn whatever_differs_is_refused() {
        let time = TIME.to_string();
        let changed = BODY.replace("\"102\"", "\"103\"");
        let good = [(TIMESTAMP, time.as_str()), (SIGNATURE, TAG)];
        assert_eq!(check(&good, &changed, TIME, true), None);
        assert_eq!(check(&good, &format!("{BODY} "), TIME, true), None);
        for at in 0..64 {
            let mut tag = TAG.to_owned();
            let other = if tag.as_bytes()[at] == b'0' { "1" } else { "0" };
            tag.replace_range(at..=at, other);
            assert_eq!(check(&[(TIMESTAMP, &time), (SIGNATURE, &tag)], BODY, TIME, true), None);
        }
        let later = (TIME + 1).to_string();
        let key = (API_KEY, "testkey123");
        for wrong in [
            vec![],
            vec![(SIGNATURE, TAG), key],
            vec![(TIMESTAMP, &*time), key],
            vec![(TIMESTAMP, &*later), (SIGNATURE, TAG), key],
            vec![(TIMESTAMP, &*time), (SIGNATURE, &TAG[1..]), key],
            vec![(TIMESTAMP, &*time), (SIGNATURE, ""), key],
            vec![(TIMESTAMP, &*time), (SIGNATURE, TAG), (SIGNATURE, TAG)],
            vec![(TIMESTAMP, &*time), (TIMESTAMP, &*time), (SIGNATURE, TAG)],
            vec![(TIMESTAMP, "9223372036854775807"), (SIGNATURE, TAG)],
            vec![(TIMESTAMP, "-9223372036854775808"), (SIGNATURE, TAG)],
            vec![(TIMESTAMP, "1795450161.0"), (SIGNATURE, TAG)],
        ] {
            assert_eq!(check(&wrong, BODY, TIME, true), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_key_alone_is_believed_where_that_is_allowed() {
        assert_eq!(check(&[(API_KEY, "testkey123")], BODY, TIME, false), None);
        assert_eq!(check(&[(API_KEY, "testkey123")], BODY, TIME, true), Some(Proof::ApiKey));
        for wrong in ["", "testkey12", "testkey1234", "Testkey123"] {
            assert_eq!(check(&[(API_KEY, wrong)], BODY, TIME, true), None, "{wrong}");
        }
    }
}
