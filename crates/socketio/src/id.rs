//! Identifiers that cannot be guessed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// 120 bits from the operating system's generator as 20 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sid([u8; 20]);

impl Sid {
    /// A new identifier. Fails when the operating system gives no randomness.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut random = [0; 15];
        getrandom::fill(&mut random)?;
        let mut text = [b'A'; 20];
        // 15 bytes are exactly 20 characters, so the slice is always large enough.
        let _ = URL_SAFE_NO_PAD.encode_slice(random, &mut text);
        Ok(Self(text))
    }

    /// The identifier that a client sent, if it has the form of one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 20] = text.as_bytes().try_into().ok()?;
        let valid = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        bytes.iter().all(|b| valid(*b)).then_some(Self(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The worker that owns the session of this id, of `workers` many. The id is random, so this
    /// spreads sessions evenly and needs no table.
    pub(crate) fn worker(&self, workers: usize) -> usize {
        let sum =
            self.0.iter().fold(0usize, |sum, b| sum.wrapping_mul(31).wrapping_add(*b as usize));
        sum % workers
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The id is a secret by which a polling session can be taken over: no log may show it.
        f.write_str("Sid(…)")
    }
}
