//! PNG (W3C PNG third edition §5): chunks from IHDR to IEND, and nothing behind.

use super::{Reader, Size};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(super) fn read(bytes: &[u8]) -> Option<Size> {
    let mut rest = Reader(bytes.strip_prefix(SIGNATURE)?);
    let (mut size, mut has_data) = (None, false);
    loop {
        let length = u32::from_be_bytes(rest.array()?);
        let kind: [u8; 4] = rest.array()?;
        let data = rest.take(usize::try_from(length).ok()?)?;
        rest.skip(4)?;
        match (&kind, size) {
            (b"IHDR", None) if data.len() == 13 => {
                let mut data = Reader(data);
                let (width, height) =
                    (u32::from_be_bytes(data.array()?), u32::from_be_bytes(data.array()?));
                // A larger one is no PNG.
                if width > i32::MAX as u32 || height > i32::MAX as u32 {
                    return None;
                }
                size = Some(Size { width, height });
            }
            (_, None) | (b"IHDR", Some(_)) => return None,
            (b"IDAT", _) => has_data = true,
            (b"IEND", _) => return size.filter(|_| has_data && data.is_empty() && rest.is_empty()),
            (kind, _) if kind.iter().all(u8::is_ascii_alphabetic) => {}
            _ => return None,
        }
    }
}
