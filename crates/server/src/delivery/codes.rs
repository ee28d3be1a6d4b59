//! Making and checking delivery codes.

use events::RequestId;

use crate::clock::Randomness;
use crate::config::Secret;
use crate::keyed::DerivedKey;
use crate::text::hex;

/// Digits of a code.
pub const DIGITS: usize = 6;

/// Makes codes, and knows the form in which they are stored.
pub struct Codes {
    key: DerivedKey,
}

impl Codes {
    /// Under the installation's secret. With another secret the codes under way are wrong, and
    /// their holders generate new ones.
    pub fn new(secret: &Secret) -> Self {
        Self { key: DerivedKey::derive(secret, "delivery codes") }
    }

    /// A new code, uniform among all of [`DIGITS`] digits.
    pub fn make(&self, random: &Randomness) -> String {
        format!("{:0DIGITS$}", random.below(10_u32.pow(DIGITS as u32)))
    }

    /// The form in which the code of a request is stored and compared. It says nothing of the
    /// code to who has not the key, so it needs no comparison in constant time.
    pub fn stored_form(&self, request: &RequestId, code: &str) -> String {
        hex(&self.key.mac(&[request.as_str().as_bytes(), code.as_bytes()]))
    }
}

/// Whether a text has the form of a code.
pub fn is_code(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_digits_and_differ() {
        let (codes, random) = (Codes::new(&Secret::new("a")), Randomness::from_seed(7));
        let made: std::collections::BTreeSet<String> =
            (0..1000).map(|_| codes.make(&random)).collect();
        assert!(made.len() > 990, "{}", made.len());
        assert!(made.iter().all(|code| is_code(code)));
        assert!(made.iter().any(|code| code.starts_with('0')));
        for wrong in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", " 12345", "+12345"] {
            assert!(!is_code(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_stored_form_is_of_one_request_and_one_installation() {
        let request = |id: &str| id.parse::<RequestId>().unwrap();
        let (ours, theirs) = (Codes::new(&Secret::new("a")), Codes::new(&Secret::new("b")));
        let form = ours.stored_form(&request("r1"), "042137");
        assert_eq!(form, ours.stored_form(&request("r1"), "042137"));
        assert_ne!(form, ours.stored_form(&request("r1"), "042138"));
        assert_ne!(form, ours.stored_form(&request("r2"), "042137"));
        assert_ne!(form, theirs.stored_form(&request("r1"), "042137"));
        assert!(!form.contains("042137"));
    }
}
