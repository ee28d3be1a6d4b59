//! The names of files: one line, no path, and an extension that fits what the file is.

use super::content::Kind;
use super::error::FileError;

/// Longest name, in bytes: what file systems take.
const MAX: usize = 200;

/// What is wrong with a name from outside.
pub fn problem(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > MAX {
        return Some("must have 1 to 200 bytes");
    }
    if name.contains(['/', '\\', ':']) || name.starts_with('.') || name.trim() != name {
        return Some("must be a file's name and no path");
    }
    if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Some("must not contain control characters");
    }
    None
}

/// Characters that turn the direction of what follows, or are not seen at all: with them a name can
/// be shown as another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The name with an extension that fits.
///
/// # Errors
/// [`FileError::NameMismatch`] where it has another one.
pub fn fitting(name: &str, kind: Kind) -> Result<String, FileError> {
    match name.rsplit_once('.') {
        // Without one it gets one: `notes` and `v1.2 final` have none.
        None => Ok(format!("{name}.{}", kind.extensions()[0])),
        Some((_, extension)) if extension.is_empty() || extension.contains(' ') => {
            Ok(format!("{}.{}", name.trim_end_matches('.'), kind.extensions()[0]))
        }
        Some((_, extension)) => {
            let fits = kind.extensions().iter().any(|known| known.eq_ignore_ascii_case(extension));
            if fits { Ok(name.to_owned()) } else { Err(FileError::NameMismatch(kind.mime_type())) }
        }
    }
}

/// `filename` and `filename*` of `Content-Disposition` (RFC 6266 §4.3).
pub fn disposition(kind: Kind, name: &str) -> String {
    let how = if kind.is_image() { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " ._-".contains(c) { c } else { '_' })
        .collect();
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{}", crate::text::percent_encode(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path() {
        for good in ["a.png", "Ünïcode 李 (1).jpg", "no extension", "a.tar.png", "a..png"] {
            assert_eq!(problem(good), None, "{good}");
        }
        let long = "x".repeat(201);
        for bad in [
            "",
            "..",
            ".",
            ".htaccess",
            "../a.png",
            "a/b.png",
            "a\\b.png",
            "C:a.png",
            " a.png",
            "a.png ",
            "a\0.png",
            "a\n.png",
            "photo\u{202e}gnp.exe",
            "a\u{200b}.png",
            &long,
        ] {
            assert!(problem(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn the_extension_is_that_of_the_type() {
        let named = |name: &str, kind| fitting(name, kind).ok();
        assert_eq!(named("a.PNG", Kind::Png).as_deref(), Some("a.PNG"));
        assert_eq!(named("a.jpeg", Kind::Jpeg).as_deref(), Some("a.jpeg"));
        assert_eq!(named("notes", Kind::Text).as_deref(), Some("notes.txt"));
        assert_eq!(named("v1. final", Kind::Pdf).as_deref(), Some("v1. final.pdf"));
        assert_eq!(named("a.", Kind::Pdf).as_deref(), Some("a.pdf"));
        for (name, kind) in [
            ("a.html", Kind::Text),
            ("a.pdf.exe", Kind::Pdf),
            ("a.svg", Kind::Png),
            ("a.js", Kind::Text),
        ] {
            assert_eq!(named(name, kind), None, "{name}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let header = disposition(Kind::Text, "a\"; x=\"b\u{fc}.txt");
        assert_eq!(
            header,
            "attachment; filename=\"a__ x__b_.txt\"; filename*=UTF-8''a%22%3B%20x%3D%22b%C3%BC.txt"
        );
        assert!(disposition(Kind::Png, "a.png").starts_with("inline; "));
    }
}
