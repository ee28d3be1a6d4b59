//! The figures of a run in the project's own pages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::report::Report;

/// Puts a run's figures into `README.md` and `docs/`, between the marks that stand there.
pub fn publish(report: &Report) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no project")?;
    let folder = root.join("docs/benchmarks");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("fanout.json"), serde_json::to_string_pretty(report)? + "\n")?;
    fs::write(folder.join("fanout.svg"), report.chart())?;
    let about = format!("{}\n\n", report.about());
    put(&root.join("README.md"), &format!("{}\n{about}", report.summary()))?;
    put(&root.join("docs/benchmarks.md"), &format!("{about}{}\n", report.table()))
}

const BEGIN: &str = "<!-- made by `cargo xtask bench fanout --publish` -->\n";
const END: &str = "<!-- end -->";

fn put(file: &Path, text: &str) -> Result<()> {
    let page = fs::read_to_string(file)?;
    let page = between(&page, text).with_context(|| format!("no marks in {}", file.display()))?;
    Ok(fs::write(file, page)?)
}

/// The page with another text between its marks.
fn between(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{text}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = format!("a\n{BEGIN}old\n{END}\nb {END}");
        assert_eq!(between(&page, "new\n"), Some(format!("a\n{BEGIN}new\n{END}\nb {END}")));
        assert_eq!(between("a", "new"), None);
    }

    #[test]
    fn the_pages_have_marks() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for page in ["README.md", "docs/benchmarks.md"] {
            let text = fs::read_to_string(root.join(page)).unwrap();
            assert!(between(&text, "").is_some(), "{page}");
        }
    }
}
