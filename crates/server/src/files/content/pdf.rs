//! PDF (ISO 32000-2 §7.5): the header is the first line, the end-of-file marker near the last. What
//! is in it is not looked at: it is served for download alone.

/// Readers look for the end within so many bytes.
const TAIL: usize = 1024;

pub(super) fn check(bytes: &[u8]) -> Option<()> {
    let version = bytes.get(5..8)?;
    let known = matches!(version, [b'1', b'.', b'0'..=b'7'] | [b'2', b'.', b'0']);
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let marker = tail.windows(5).rposition(|window| window == b"%%EOF")?;
    // Behind the marker there are ends of lines alone.
    let rest = &tail[marker + 5..];
    (known && rest.iter().all(|byte| b"\r\n \0".contains(byte))).then_some(())
}
