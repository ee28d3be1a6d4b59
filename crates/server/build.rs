//! Compiles the built console in: a list of the files in `web/dist/console`, each as it is and
//! compressed. Where the console was not built the list is empty, and cargo alone builds Souk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join("../../web/dist");
    let mut files = Vec::new();
    // A program for development reads them from there, so that a changed page compiles nothing.
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        // This folder is always there, so that cargo can look whether it changed.
        println!("cargo:rerun-if-changed={}", dist.display());
        find(&dist.join("console"), Path::new(""), &mut files)?;
    } else {
        println!("cargo:rerun-if-changed=build.rs");
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files.iter().filter(|file| file.extension().is_none_or(|kind| kind != "gz")) {
        let path = dist.join("console").join(file);
        let compressed = format!("{}.gz", path.display());
        let _ = writeln!(
            list,
            "    Asset {{ path: {:?}, text: include_bytes!({:?}), compressed: include_bytes!({compressed:?}) }},",
            file.display().to_string(),
            path.display().to_string(),
        );
    }
    list.push_str("]\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("console.rs"), list)
}

/// The files below `folder`, by their paths from it.
fn find(folder: &Path, at: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = at.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            find(&entry.path(), &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
