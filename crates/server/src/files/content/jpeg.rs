//! JPEG (ITU-T T.81 annex B): marker segments from SOI to EOI. Behind the end there may be zeros,
//! and more pictures of the same kind, as phones write them (CIPA DC-007).

use super::{Reader, Size};

pub(super) const SIGNATURE: &[u8] = b"\xff\xd8\xff";
/// The markers of T.81 table B.1 that this looks at.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const TEM: u8 = 0x01;

pub(super) fn read(bytes: &[u8]) -> Option<Size> {
    let mut rest = Reader(bytes);
    let size = picture(&mut rest)?;
    while let Some(start) = rest.0.iter().position(|byte| *byte != 0) {
        rest.skip(start)?;
        picture(&mut rest)?;
    }
    Some(size)
}

/// Reads one picture.
fn picture(rest: &mut Reader<'_>) -> Option<Size> {
    if rest.array()? != [0xff, SOI] {
        return None;
    }
    let (mut size, mut has_scan) = (None, false);
    let mut marker = next_marker(rest)?;
    loop {
        match marker {
            EOI => return size.filter(|_| has_scan),
            SOI | TEM | 0x00 | 0xd0..=0xd7 => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes(rest.array()?)).checked_sub(2)?;
                let segment = rest.take(length)?;
                if is_frame(marker) {
                    let mut segment = Reader(segment);
                    segment.skip(1)?;
                    let height = u16::from_be_bytes(segment.array()?).into();
                    let width = u16::from_be_bytes(segment.array()?).into();
                    if size.replace(Size { width, height }).is_some() {
                        return None;
                    }
                }
                if marker == SOS {
                    has_scan = true;
                    marker = behind_scan(rest)?;
                    continue;
                }
            }
        }
        marker = next_marker(rest)?;
    }
}

/// SOF0 to SOF15, which are not DHT (c4), JPG (c8) and DAC (cc).
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// A marker, with the fill bytes that may stand before it.
fn next_marker(rest: &mut Reader<'_>) -> Option<u8> {
    if rest.byte()? != 0xff {
        return None;
    }
    loop {
        match rest.byte()? {
            0xff => {}
            marker => return Some(marker),
        }
    }
}

/// Passes over entropy-coded data; the marker behind it.
fn behind_scan(rest: &mut Reader<'_>) -> Option<u8> {
    loop {
        let at = rest.0.iter().position(|byte| *byte == 0xff)?;
        rest.skip(at)?;
        match next_marker(rest)? {
            // A coded 0xff, and restart markers.
            0x00 | 0xd0..=0xd7 => {}
            marker => return Some(marker),
        }
    }
}
