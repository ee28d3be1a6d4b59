//! The smallest files of each type, for tests.

/// Chunks with a checksum of zeros: nothing here decodes them.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], data: &[u8]| {
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(kind);
        bytes.extend(data);
        bytes.extend([0; 4]);
    };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    chunk(b"IHDR", &header);
    chunk(b"IDAT", b"\x78\x9c\x03\x00\x00\x00\x00\x01");
    chunk(b"IEND", b"");
    bytes
}

pub fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([1, 1, 0x11, 0]);
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    bytes.extend([0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56, 0xff, 0xd9]);
    bytes
}

pub fn gif(width: u16, height: u16) -> Vec<u8> {
    gif_with_frame(width, height, width.min(9), height.min(9))
}

pub fn gif_with_frame(width: u16, height: u16, across: u16, down: u16) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    bytes.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    bytes.extend([b'!', 0xfe, 2, b'h', b'i', 0]);
    bytes.extend([b',', 0, 0, 0, 0]);
    bytes.extend([across.to_le_bytes(), down.to_le_bytes()].concat());
    bytes.extend([0, 2, 2, 0x4c, 0x01, 0, b';']);
    bytes
}

/// A lossless one.
pub fn webp(width: u32, height: u32) -> Vec<u8> {
    let bits = (width - 1) | ((height - 1) << 14);
    let mut picture = vec![0x2f];
    picture.extend(bits.to_le_bytes());
    picture.extend([0, 0]);
    let mut body = b"WEBPVP8L".to_vec();
    body.extend((picture.len() as u32).to_le_bytes());
    body.extend(&picture);
    body.push(0);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes
}

pub fn pdf() -> Vec<u8> {
    b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n".to_vec()
}
