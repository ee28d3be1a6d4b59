//! What a file is, by its bytes alone: pure functions.
//!
//! What holds always here: a type is allowed by name or not at all; of images only their structure
//! is read, from the first byte to the last, and nothing is decompressed. What is behind an image's
//! end, or before a document's start, makes the file another one for another program: refused.

mod gif;
mod jpeg;
mod pdf;
mod png;
mod text;
mod webp;

use strum::VariantArray;

/// Longest side of an image, in pixels.
const SIDE_MAX: u32 = 12_000;
/// Most pixels of an image: decoded, they take 200 MB.
const PIXELS_MAX: u64 = 50_000_000;

/// A type of file that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Kind {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// Graphics Interchange Format.
    Gif,
    /// WebP.
    WebP,
    /// Portable Document Format.
    Pdf,
    /// Text in UTF-8.
    Text,
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// What a file was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its type.
    pub kind: Kind,
    /// Of images.
    pub size: Option<Size>,
}

/// Why a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is of no allowed type.
    #[error("Allowed are PNG, JPEG, GIF and WebP images, PDF, and plain text")]
    NotAllowed,
    /// It begins like an allowed type and is none, or is something else as well.
    #[error("The file is damaged, or not only what it says it is")]
    Malformed,
    /// Its pixels are too many.
    #[error("An image has 12,000 pixels a side and 50,000,000 altogether at most")]
    TooManyPixels,
}

impl Kind {
    /// Its media type.
    pub fn mime_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// The type of this name.
    pub fn of_mime_type(mime_type: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|kind| kind.mime_type() == mime_type)
    }

    /// The extensions of its files' names; the first is the usual one.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Gif => &["gif"],
            Self::WebP => &["webp"],
            Self::Pdf => &["pdf"],
            Self::Text => &["txt", "md", "csv", "log"],
        }
    }

    /// Whether it is an image.
    pub fn is_image(self) -> bool {
        !matches!(self, Self::Pdf | Self::Text)
    }
}

/// Finds out what a file is.
///
/// # Errors
/// [`Refused`].
pub fn inspect(bytes: &[u8]) -> Result<Found, Refused> {
    let (kind, size) = if bytes.starts_with(png::SIGNATURE) {
        (Kind::Png, Some(png::read(bytes)))
    } else if bytes.starts_with(jpeg::SIGNATURE) {
        (Kind::Jpeg, Some(jpeg::read(bytes)))
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        (Kind::Gif, Some(gif::read(bytes)))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        (Kind::WebP, Some(webp::read(bytes)))
    } else if bytes.starts_with(b"%PDF-") {
        pdf::check(bytes).ok_or(Refused::Malformed)?;
        (Kind::Pdf, None)
    } else {
        text::check(bytes).ok_or(Refused::NotAllowed)?;
        (Kind::Text, None)
    };
    let size = match size {
        Some(read) => Some(read.ok_or(Refused::Malformed)?),
        None => None,
    };
    if let Some(Size { width, height }) = size {
        if width == 0 || height == 0 {
            return Err(Refused::Malformed);
        }
        let pixels = u64::from(width) * u64::from(height);
        if width > SIDE_MAX || height > SIDE_MAX || pixels > PIXELS_MAX {
            return Err(Refused::TooManyPixels);
        }
    }
    Ok(Found { kind, size })
}

/// Bytes that are taken from the front; taking more than there are is `None`.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::files::samples::{self, gif, jpeg, pdf, png, webp};

    fn with(mut bytes: Vec<u8>, more: &[u8]) -> Vec<u8> {
        bytes.extend_from_slice(more);
        bytes
    }

    #[test]
    fn allowed_types_are_known_by_their_bytes() {
        let size = Some(Size { width: 3, height: 2 });
        for (bytes, kind, size) in [
            (png(3, 2), Kind::Png, size),
            (jpeg(3, 2), Kind::Jpeg, size),
            (gif(3, 2), Kind::Gif, size),
            (webp(3, 2), Kind::WebP, size),
            (pdf(), Kind::Pdf, None),
            (b"Hello\r\n\tworld \xc3\xbc".to_vec(), Kind::Text, None),
            (b"a < b and <b>c</b> are text".to_vec(), Kind::Text, None),
        ] {
            assert_eq!(inspect(&bytes), Ok(Found { kind, size }));
        }
    }

    #[test]
    fn other_types_are_refused() {
        for bytes in [
            b"".as_slice(),
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b" \n\t<SVG onload=alert(1)>",
            b"\xef\xbb\xbf<?xml version='1.0'?><svg/>",
            b"<!doctype html><p>x",
            b"<!-- x --><svg/>",
            b"<html>",
            b"<script>alert(1)</script>",
            b"PK\x03\x04zip",
            b"MZ\x90\x00",
            b"\x7fELF",
            b"II*\x00tiff",
            b"BM\x00\x00\x00\x00bmp",
            b"\x1f\x8bgzip",
            b"text with a \x00 in it",
            b"text with a \x1b[2J in it",
            b"latin \xfc",
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(inspect(bytes), Err(Refused::NotAllowed), "{text}");
        }
    }

    #[test]
    fn what_is_two_things_at_once_is_refused() {
        let zip = b"PK\x03\x04 and so on";
        for image in [png(3, 2), jpeg(3, 2), gif(3, 2), webp(3, 2)] {
            assert_eq!(inspect(&with(image.clone(), zip)), Err(Refused::Malformed));
            assert_eq!(inspect(&with(image, b"<script>")), Err(Refused::Malformed));
        }
        assert_eq!(inspect(b"GIF89a/*<svg/onload=alert(1)>*/=1;"), Err(Refused::Malformed));
        // Something of the kind that is read from its end: a zip behind a document.
        let zip = with(zip.to_vec(), &[b'x'; 2000]);
        assert_eq!(inspect(&with(pdf(), &zip)), Err(Refused::Malformed));
        assert_eq!(inspect(&with(b"\n".to_vec(), &pdf())), Err(Refused::NotAllowed));
    }

    #[test]
    fn phones_put_a_second_picture_behind_the_first() {
        let two = with(with(jpeg(3, 2), &jpeg(1, 1)), &[0; 16]);
        assert_eq!(inspect(&two).unwrap().size, Some(Size { width: 3, height: 2 }));
    }

    #[test]
    fn bombs_are_known_by_their_dimensions() {
        for bytes in
            [png(12_001, 1), png(10_000, 10_000), jpeg(60_000, 60_000), gif(65_535, 65_535)]
        {
            assert_eq!(inspect(&bytes), Err(Refused::TooManyPixels));
        }
        assert_eq!(inspect(&webp(16_383, 16_383)), Err(Refused::TooManyPixels));
        assert_eq!(inspect(&png(u32::MAX, u32::MAX)), Err(Refused::Malformed));
        assert_eq!(inspect(&png(0, 1)), Err(Refused::Malformed));
        // A frame that is larger than the canvas which the file declares.
        assert_eq!(inspect(&samples::gif_with_frame(3, 2, 9000, 9000)), Err(Refused::Malformed));
        assert!(inspect(&png(12_000, 4_000)).is_ok());
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for image in [png(3, 2), jpeg(3, 2), gif(3, 2), webp(3, 2)] {
            for end in 12..image.len() {
                assert_eq!(inspect(&image[..end]), Err(Refused::Malformed), "{end}");
            }
        }
    }

    #[test]
    fn types_have_names_and_extensions_of_their_own() {
        for &kind in Kind::VARIANTS {
            assert_eq!(Kind::of_mime_type(kind.mime_type()), Some(kind));
            assert!(!kind.extensions().is_empty());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(start in 0_usize..7, rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            let heads: [&[u8]; 7] =
                [png::SIGNATURE, b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"%PDF-", b"", b"<"];
            let _ = inspect(&with(heads[start].to_vec(), &rest));
        }

        #[test]
        fn no_damage_makes_it_panic(which in 0_usize..4, at in 0_usize..60, value: u8) {
            let mut image = [png(3, 2), jpeg(3, 2), gif(3, 2), webp(3, 2)][which].clone();
            if let Some(byte) = image.get_mut(at) {
                *byte = value;
            }
            let _ = inspect(&image);
        }
    }
}
