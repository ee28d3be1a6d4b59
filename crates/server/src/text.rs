//! Small helpers for text.

use std::fmt::Write as _;

/// `bytes` in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A pattern for `LIKE … ESCAPE '\'` that finds `part` anywhere, whatever it holds.
pub fn like_pattern(part: &str) -> String {
    let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// `text` as searches compare it: lower case, letter by letter, so that a part of a word is folded
/// as the whole word is.
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// `text` as one component of a URL: all but the unreserved characters of RFC 3986 §2.3 is
/// escaped.
pub fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_their_text_only() {
        assert_eq!(like_pattern("50%_\\"), "%50\\%\\_\\\\%");
    }

    #[test]
    fn folding_knows_more_than_ascii() {
        assert_eq!(fold("ÄpfelΣ"), "äpfelσ");
    }

    #[test]
    fn components_are_escaped() {
        assert_eq!(percent_encode("aZ0-._~"), "aZ0-._~");
        assert_eq!(percent_encode("a b&c=ü/\n"), "a%20b%26c%3D%C3%BC%2F%0A");
    }
}
