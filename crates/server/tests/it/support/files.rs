//! Uploads, for tests that need some.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Actor, Request, TestApp};

/// The smallest files of each type; the same that the unit tests use.
#[path = "../../../src/files/samples.rs"]
pub mod samples;

/// Where files are.
pub const FILES: &str = "/api/files";

/// The content type of [`form`].
pub const FORM: &str = "multipart/form-data; boundary=part-of-a-form";

/// One part of a form: the field, the file's name where it is one, and the bytes.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// A form.
pub fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, bytes) in parts {
        body.extend(
            format!("--part-of-a-form\r\nContent-Disposition: form-data; name=\"{field}\"").bytes(),
        );
        if let Some(name) = name {
            body.extend(format!("; filename=\"{name}\"").bytes());
        }
        // What a client says that it is is of no interest.
        body.extend(b"\r\nContent-Type: text/html\r\n\r\n");
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--part-of-a-form--\r\n");
    body
}

impl Actor {
    /// An upload in the making.
    pub fn uploading(&self, name: &str, bytes: &[u8]) -> Request {
        self.post(FILES).raw(FORM, form(&[("file", Some(name), bytes)]))
    }

    /// Uploads a file and returns its document.
    pub async fn upload(&self, name: &str, bytes: &[u8]) -> Value {
        self.uploading(name, bytes).send().await.data(201)
    }
}

impl TestApp {
    /// Every file in the store, and of uploads under way.
    pub fn files_on_disk(&self) -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            let Ok(entries) = std::fs::read_dir(folder) else { return };
            for entry in entries {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    below(&path, found);
                } else {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        below(&self.app.config.files.folder, &mut found);
        found
    }
}
