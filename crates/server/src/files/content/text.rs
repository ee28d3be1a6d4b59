//! Plain text: UTF-8 without control characters, that no browser could take for markup.

pub(super) fn check(bytes: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x0c');
    // Where markup begins, a browser that guesses begins to guess (WHATWG MIME Sniffing §7.1).
    let is_markup = text.trim_start().starts_with('<');
    // PDF readers look for the header in the first bytes, whatever is before it.
    let start = &bytes[..bytes.len().min(1024)];
    let is_pdf = start.windows(5).any(|window| window == b"%PDF-");
    (!is_pdf && !text.trim().is_empty() && text.chars().all(printable) && !is_markup).then_some(())
}
