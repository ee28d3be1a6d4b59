//! The random texts that let their holder in: refresh tokens and the tokens of links in mails.
//! 256 random bits need no salt and no slow hash: their plain SHA-256 is what is stored.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::clock::Randomness;
use crate::text::hex;

/// A new secret: 43 characters that need no escaping in URLs and cookies.
pub fn new_secret(random: &Randomness) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random.bytes::<32>())
}

/// The form in which a secret is stored and looked up.
pub fn stored_form(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}
