//! WebP (RFC 9649): one RIFF container that is as long as the file.

use super::{Reader, Size};

pub(super) fn read(bytes: &[u8]) -> Option<Size> {
    let mut rest = Reader(bytes);
    rest.skip(4)?;
    let length = u32::from_le_bytes(rest.array()?) as usize;
    if length != rest.0.len() || rest.array()? != *b"WEBP" {
        return None;
    }
    let (mut canvas, mut picture) = (None, None);
    let mut first = true;
    while !rest.is_empty() {
        let kind: [u8; 4] = rest.array()?;
        let length = u32::from_le_bytes(rest.array()?) as usize;
        let data = rest.take(length)?;
        // Chunks have an even length in the file.
        if length % 2 == 1 {
            rest.skip(1)?;
        }
        match &kind {
            b"VP8X" if first => canvas = Some(extended(data)?),
            b"VP8X" => return None,
            b"VP8 " => picture = Some(lossy(data)?),
            b"VP8L" => picture = Some(lossless(data)?),
            b"ANMF" => picture = Some(frame(data)?),
            _ if first || !kind.iter().all(u8::is_ascii) => return None,
            _ => {}
        }
        first = false;
        if let (Some(canvas), Some(picture)) = (canvas, picture)
            && (picture.width > canvas.width || picture.height > canvas.height)
        {
            return None;
        }
    }
    picture.and(canvas).or(picture)
}

/// 24 bits and one more.
fn plus_one(bytes: [u8; 3]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) + 1
}

/// RFC 9649 §2.7: the canvas.
fn extended(data: &[u8]) -> Option<Size> {
    let mut data = Reader(data);
    data.skip(4)?;
    Some(Size { width: plus_one(data.array()?), height: plus_one(data.array()?) })
}

/// RFC 9649 §2.7.1.1: a frame of an animation.
fn frame(data: &[u8]) -> Option<Size> {
    let mut data = Reader(data);
    data.skip(6)?;
    Some(Size { width: plus_one(data.array()?), height: plus_one(data.array()?) })
}

/// RFC 6386 §9.1: the key frame's header.
fn lossy(data: &[u8]) -> Option<Size> {
    let mut data = Reader(data);
    let tag: [u8; 3] = data.array()?;
    if tag[0] & 1 != 0 || data.array()? != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
    Some(Size { width: side(data.array()?), height: side(data.array()?) })
}

/// RFC 9649 §3.4: the header of a lossless image.
fn lossless(data: &[u8]) -> Option<Size> {
    let mut data = Reader(data);
    if data.byte()? != 0x2f {
        return None;
    }
    let bits = u32::from_le_bytes(data.array()?);
    Some(Size { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 })
}
