//! The reference of settings (`docs/configuration.md`), from the descriptions in `config`.

use std::fmt::Write;

use crate::config;

/// All settings as Markdown: a table for each section.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Settings come from the environment and from a file `.env` in the working folder; the \
         environment wins. They are checked at start: a wrong or missing value stops the program \
         with one line per problem. An empty value counts as absent.\n\n\
         Durations are written `500ms`, `10s`, `15m`, `24h`, `7d`, sizes `64KiB`, `1MiB` or in \
         bytes. This page is generated from the program (`cargo xtask gen`), as is \
         [.env.example](../.env.example).\n",
    );
    let mut section = "";
    for variable in config::reference() {
        if variable.section != section {
            section = variable.section;
            let _ = write!(text, "\n## {section}\n\n| variable | default | |\n|---|---|---|\n");
        }
        let default = match variable.default {
            None | Some("") => "–".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let description = variable.description.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | {default} | {description} |", variable.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_there_once() {
        let text = markdown();
        for variable in config::reference() {
            assert_eq!(text.matches(&format!("| `{}` |", variable.name)).count(), 1);
        }
        assert!(text.contains("| `PORT` | `5000` |"), "{text}");
        assert!(text.contains("| `SERVICE_KEY` | – |"), "{text}");
    }
}
