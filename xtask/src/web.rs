//! Builds the console (`web/`), which the server compiles in from `web/dist`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::project;
use crate::setup::Installer;

/// Builds the console. Only files that differ are replaced, so that cargo compiles nothing anew
/// when nothing changed.
pub fn build(installer: &Installer) -> Result<()> {
    let web = project::root().join("web");
    installer.npm_packages(&web)?;
    installer.npm_build(&web)?;
    bring_over(&web.join("build"), &web.join("dist/console"))
}

/// Makes `to` hold what `from` holds, and touches nothing that is the same.
fn bring_over(from: &Path, to: &Path) -> Result<()> {
    let (fresh, old) = (files(from)?, files(to).unwrap_or_default());
    for path in old.difference(&fresh) {
        std::fs::remove_file(to.join(path))?;
    }
    for path in &fresh {
        let (source, target) = (from.join(path), to.join(path));
        let text = std::fs::read(&source)?;
        if std::fs::read(&target).is_ok_and(|known| known == text) {
            continue;
        }
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&target, text).with_context(|| target.display().to_string())?;
    }
    Ok(())
}

/// All files below a folder, by their paths in it.
fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = path?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::TempDir;

    #[test]
    fn only_what_differs_is_replaced() {
        let dir = TempDir::new("web-test").unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        for (path, text) in [
            ("from/a.js", "new"),
            ("from/in/b.js", "same"),
            ("to/in/b.js", "same"),
            ("to/c.js", ""),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let time = |path: &Path| path.metadata().unwrap().modified().unwrap();
        let before = time(&to.join("in/b.js"));
        bring_over(&from, &to).unwrap();
        assert_eq!(files(&to).unwrap(), files(&from).unwrap());
        assert_eq!(std::fs::read_to_string(to.join("a.js")).unwrap(), "new");
        assert_eq!(time(&to.join("in/b.js")), before);
    }
}
