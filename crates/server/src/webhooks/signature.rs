//! The signature of Standard Webhooks 1.0.0 (<https://www.standardwebhooks.com>).
//!
//! `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256, under the secret's bytes, of
//! `<webhook-id>.<webhook-timestamp>.<body>`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What stands before the base64 of a secret.
const PREFIX: &str = "whsec_";

/// The text of a secret of these bytes.
pub fn secret(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

/// The signature of a message sent at a time (seconds since 1970); `None` where the secret is none.
pub fn sign(secret: &str, id: &str, seconds: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the scheme's reference libraries.
    #[test]
    fn the_reference_example_is_signed_alike() {
        let signed = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        assert_eq!(sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "id", 0, ""), None);
        assert_eq!(sign("whsec_?", "id", 0, ""), None);
        assert!(sign(&secret(&[7; 24]), "id", 0, "").is_some());
    }
}
