//! What must be known of a packet's JSON before it is handed on: that it is JSON, how deep it is
//! nested, and where its array's elements lie.

use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::fmt;
use std::ops::Range;

/// Where the elements of a JSON array lie in its text, in bytes. Few events have more arguments
/// than fit in here without memory of their own.
pub type Elements = SmallVec<[Range<u32>; 3]>;

/// JSON that a packet may not carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not of the form that the packet needs.
    #[error("bad JSON")]
    Malformed,
    /// Nested deeper than allowed.
    #[error("JSON nested too deep")]
    TooDeep,
}

/// Whether no array or object of `text` is nested deeper than `max`. The text need not be JSON.
pub fn depth_within(text: &str, max: usize) -> bool {
    // Most texts do not even have so many brackets.
    if text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() <= max {
        return true;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > max {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// Where the elements of a JSON array lie in its text.
pub fn elements(text: &str, max_depth: usize) -> Result<Elements, JsonError> {
    if !depth_within(text, max_depth) {
        return Err(JsonError::TooDeep);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let elements = json.deserialize_seq(Within(text)).map_err(|_| JsonError::Malformed)?;
    json.end().map_err(|_| JsonError::Malformed)?;
    Ok(elements)
}

/// Reads the elements of an array that lies in a text.
struct Within<'t>(&'t str);

impl<'de> Visitor<'de> for Within<'de> {
    type Value = Elements;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Elements, A::Error> {
        let base = self.0.as_ptr() as usize;
        let mut elements = Elements::new();
        while let Some(value) = array.next_element::<&RawValue>()? {
            let start = value.get().as_ptr() as usize - base;
            elements.push(start as u32..(start + value.get().len()) as u32);
        }
        Ok(elements)
    }
}

/// Checks that `text` is a JSON object.
pub fn check_object(text: &str, max_depth: usize) -> Result<(), JsonError> {
    if !depth_within(text, max_depth) {
        return Err(JsonError::TooDeep);
    }
    let value: &RawValue = serde_json::from_str(text).map_err(|_| JsonError::Malformed)?;
    if value.get().starts_with('{') { Ok(()) } else { Err(JsonError::Malformed) }
}
