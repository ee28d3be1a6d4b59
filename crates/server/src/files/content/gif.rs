//! GIF (GIF89a specification): blocks from the header to the trailer, and nothing behind.

use super::{Reader, Size};

pub(super) fn read(bytes: &[u8]) -> Option<Size> {
    let mut rest = Reader(bytes);
    rest.skip(6)?;
    let width: u32 = u16::from_le_bytes(rest.array()?).into();
    let height: u32 = u16::from_le_bytes(rest.array()?).into();
    let flags = rest.byte()?;
    rest.skip(2)?;
    colours(&mut rest, flags)?;
    let mut has_frame = false;
    loop {
        match rest.byte()? {
            b'!' => {
                rest.skip(1)?;
                blocks(&mut rest)?;
            }
            b',' => {
                let [left, top, across, down]: [u32; 4] = [
                    u16::from_le_bytes(rest.array()?).into(),
                    u16::from_le_bytes(rest.array()?).into(),
                    u16::from_le_bytes(rest.array()?).into(),
                    u16::from_le_bytes(rest.array()?).into(),
                ];
                // A frame lies on the canvas.
                if left + across > width || top + down > height {
                    return None;
                }
                let flags = rest.byte()?;
                colours(&mut rest, flags)?;
                // The smallest code's length.
                if !(2..=11).contains(&rest.byte()?) {
                    return None;
                }
                blocks(&mut rest)?;
                has_frame = true;
            }
            b';' => return (has_frame && rest.is_empty()).then_some(Size { width, height }),
            _ => return None,
        }
    }
}

/// A table of colours, where the flags say that there is one.
fn colours(rest: &mut Reader<'_>, flags: u8) -> Option<()> {
    if flags & 0x80 == 0 { Some(()) } else { rest.skip(3 << ((flags & 7) + 1)) }
}

/// Blocks of data up to the empty one.
fn blocks(rest: &mut Reader<'_>) -> Option<()> {
    loop {
        match rest.byte()? {
            0 => return Some(()),
            length => rest.skip(length.into())?,
        }
    }
}
