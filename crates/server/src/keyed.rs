//! Values that only this installation can make or check: HMAC-SHA-256 (RFC 2104) under keys that
//! are derived from its secret, one for each purpose.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Secret;

/// A key for one purpose.
#[derive(Clone)]
pub struct DerivedKey([u8; 32]);

impl DerivedKey {
    /// The key of this installation for `purpose`.
    pub fn derive(secret: &Secret, purpose: &str) -> Self {
        Self(mac(secret.expose().as_bytes(), &[b"souk key", purpose.as_bytes()]))
    }

    /// The code of these parts, in this order and with these boundaries.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.0, parts)
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_boundaries_matter() {
        let key = |purpose| DerivedKey::derive(&Secret::new("secret"), purpose);
        let codes = [
            key("a").mac(&[b"x", b"yz"]),
            key("b").mac(&[b"x", b"yz"]),
            key("a").mac(&[b"xy", b"z"]),
            key("a").mac(&[b"xyz"]),
        ];
        for (index, code) in codes.iter().enumerate() {
            assert!(codes.iter().skip(index + 1).all(|other| other != code), "{index}");
        }
        assert_eq!(key("a").mac(&[b"x"]), key("a").mac(&[b"x"]));
        let other = DerivedKey::derive(&Secret::new("another"), "a");
        assert_ne!(other.mac(&[b"x"]), key("a").mac(&[b"x"]));
    }
}
