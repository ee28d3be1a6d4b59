//! Addresses, hashes and quantities of the EVM, as its JSON-RPC writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha3::{Digest as _, Keccak256};

use crate::text::hex;

/// A text that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No address.
    #[error("is no address: 0x and 40 hexadecimal digits")]
    Address,
    /// No hash.
    #[error("is no hash: 0x and 64 hexadecimal digits")]
    Hash,
    /// No number.
    #[error("is no number: 0x and hexadecimal digits")]
    Quantity,
    /// No bytes.
    #[error("are no bytes: 0x and pairs of hexadecimal digits")]
    Bytes,
}

/// Keccak-256, which is not SHA3-256: its padding is that of the competition's entry.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// The bytes of `0x` and pairs of hexadecimal digits.
///
/// # Errors
/// [`ParseError::Bytes`].
pub fn bytes(text: &str) -> Result<Vec<u8>, ParseError> {
    let digits = text.strip_prefix("0x").ok_or(ParseError::Bytes)?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ParseError::Bytes);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(ParseError::Bytes);
    pairs.iter().map(|[high, low]| Ok((digit(*high)? * 16 + digit(*low)?) as u8)).collect()
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    bytes(text).ok()?.try_into().ok()
}

/// An account's address. Read in any case, written with the checksum of EIP-55.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(pub [u8; 20]);

impl Address {
    /// The address in the last 20 bytes of a word, where the rest of it is zero.
    pub fn from_word(word: &[u8; 32]) -> Option<Self> {
        let (zeros, address) = word.split_at(12);
        if zeros.iter().any(|byte| *byte != 0) {
            return None;
        }
        address.try_into().ok().map(Self)
    }

    /// Whether it is `0x00…00`, which nobody has the key of.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 20]
    }
}

impl FromStr for Address {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        fixed(text).map(Self).ok_or(ParseError::Address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex(&self.0);
        let hash = keccak256(digits.as_bytes());
        f.write_str("0x")?;
        for (index, digit) in digits.chars().enumerate() {
            let nibble = hash[index / 2] >> (if index % 2 == 0 { 4 } else { 0 }) & 0xf;
            fmt::Write::write_char(
                f,
                if nibble >= 8 { digit.to_ascii_uppercase() } else { digit },
            )?;
        }
        Ok(())
    }
}

/// The hash of a block or of a transaction, or a topic of a log. Written in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(pub [u8; 32]);

impl FromStr for Hash {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        fixed(text).map(Self).ok_or(ParseError::Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex(&self.0))
    }
}

/// An amount in a token's smallest unit. A number past `u128` is held as its maximum, which is
/// more than any amount that Souk takes: it is refused, and never taken for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Units(pub u128);

impl Units {
    /// The number in a word of 32 bytes, most significant byte first.
    pub fn from_word(word: &[u8; 32]) -> Self {
        let (high, low) = word.split_at(16);
        if high.iter().any(|byte| *byte != 0) {
            return Self(u128::MAX);
        }
        Self(low.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

impl FromStr for Units {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let digits = text.strip_prefix("0x").ok_or(ParseError::Quantity)?;
        let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !all_hex || !(1..=64).contains(&digits.len()) {
            return Err(ParseError::Quantity);
        }
        Ok(Self(u128::from_str_radix(digits, 16).unwrap_or(u128::MAX)))
    }
}

/// A number that fits 64 bits: a height, a time in seconds, an index, an id of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Quantity(pub u64);

impl FromStr for Quantity {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let Units(number) = text.parse()?;
        number.try_into().map(Self).map_err(|_| ParseError::Quantity)
    }
}

macro_rules! from_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = ParseError;
            fn try_from(text: String) -> Result<Self, ParseError> {
                text.parse()
            }
        }
    )*};
}
from_text!(Address, Hash, Units, Quantity);

macro_rules! into_text {
    ($($name:ident),*) => {$(
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}
into_text!(Address, Hash);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_carry_their_checksum() {
        // The examples of EIP-55.
        for text in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
            "0xde709f2102306220921060314715629080e2fb77",
            "0x27b1fdb04752bbc536007a920d24acb045561c26",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            for written in [text.to_owned(), text.to_lowercase(), text.to_uppercase()] {
                let written = written.replacen("0X", "0x", 1);
                assert_eq!(written.parse::<Address>().unwrap().to_string(), text);
            }
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let digits = "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
        for text in [
            "",
            "0x",
            digits,
            &format!("0X{digits}"),
            &format!("0x{digits}0"),
            &format!("0x{digits}00"),
            &format!("0x{}", &digits[1..]),
            &format!(" 0x{digits}"),
            &format!("0x{}g", &digits[1..]),
            &format!("0x{}é", &digits[2..]),
            &format!("0x+{}", &digits[1..]),
        ] {
            assert_eq!(text.parse::<Address>(), Err(ParseError::Address), "{text}");
            assert_eq!(text.parse::<Hash>(), Err(ParseError::Hash), "{text}");
        }
        let long = format!("0x{}", "1".repeat(65));
        for text in ["", "0x", "1", "0xg", "0x-1", "0x+1", "-0x1", " 0x1", &long] {
            assert_eq!(text.parse::<Units>(), Err(ParseError::Quantity), "{text}");
        }
        assert_eq!("0x10000000000000000".parse::<Quantity>(), Err(ParseError::Quantity));
    }

    #[test]
    fn numbers_are_exact_or_too_large() {
        assert_eq!("0x0".parse(), Ok(Units(0)));
        assert_eq!("0x00ff".parse(), Ok(Units(255)));
        assert_eq!("0xffffffffffffffff".parse(), Ok(Quantity(u64::MAX)));
        assert_eq!(format!("0x{}", "f".repeat(32)).parse(), Ok(Units(u128::MAX)));
        assert_eq!(format!("0x1{}", "0".repeat(32)).parse(), Ok(Units(u128::MAX)));
        let mut word = [0; 32];
        word[31] = 5;
        assert_eq!(Units::from_word(&word), Units(5));
        word[16] = 1;
        assert_eq!(Units::from_word(&word), Units((1 << 120) + 5));
        word[0] = 1;
        assert_eq!(Units::from_word(&word), Units(u128::MAX));
    }

    #[test]
    fn the_hash_is_that_of_ethereum() {
        let signature = keccak256(b"Transfer(address,address,uint256)");
        assert!(Hash(signature).to_string().starts_with("0xddf252ad1be2c89b69c2b068fc378daa"));
    }

    #[test]
    fn an_address_fills_a_word_from_the_right() {
        let mut word = [0; 32];
        word[12..].fill(7);
        assert_eq!(Address::from_word(&word), Some(Address([7; 20])));
        word[11] = 1;
        assert_eq!(Address::from_word(&word), None);
    }
}
