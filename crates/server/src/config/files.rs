//! Where files are kept, and which.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Secret;
use super::env::Env;

/// Where files are kept, and which.
#[derive(Debug, Clone)]
pub struct FilesConfig {
    /// Largest file, in bytes.
    pub max: usize,
    /// How long a file that nothing uses is kept.
    pub unused_kept: Duration,
    /// The folder of files, and of uploads under way.
    pub folder: PathBuf,
    /// Keeps the files instead of the folder.
    pub s3: Option<S3Config>,
}

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// Where the store answers.
    pub endpoint: url::Url,
    /// The bucket, which must be there.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The id of the key.
    pub access_key: String,
    /// The key.
    pub secret_key: Secret,
}

impl FilesConfig {
    pub(super) fn read(env: &mut Env<'_>, database_url: &str) -> Self {
        env.section("Files");
        let max = env.bytes("FILES_MAX", "10MiB", "Largest file that is taken.");
        let unused_kept = env.duration(
            "FILES_UNUSED_KEPT",
            "24h",
            "How long a file that no message, picture or dispute uses is kept.",
        );
        let folder = env.text(
            "FILES_DIR",
            "The folder of files; by default `files` beside an embedded database, and data/files \
             with PostgreSQL. Several nodes share one, or use an S3-compatible store.",
        );
        Self {
            max,
            unused_kept,
            folder: folder.map_or_else(|| beside(database_url), PathBuf::from),
            s3: S3Config::read(env),
        }
    }
}

fn beside(database_url: &str) -> PathBuf {
    let file = database_url.strip_prefix("sqlite:").and_then(|rest| rest.split('?').next());
    let file = file.map(|file| Path::new(file.strip_prefix("//").unwrap_or(file)));
    match file.and_then(Path::parent) {
        Some(folder) => folder.join("files"),
        None => PathBuf::from("data/files"),
    }
}

impl S3Config {
    fn read(env: &mut Env<'_>) -> Option<Self> {
        const TOGETHER: &str = "is needed as well: FILES_S3_ENDPOINT, FILES_S3_BUCKET, \
                                FILES_S3_ACCESS_KEY and FILES_S3_SECRET_KEY go together";
        let endpoint = env.text(
            "FILES_S3_ENDPOINT",
            "https://… of an S3-compatible store that keeps files instead of the folder.",
        );
        let bucket = env.text("FILES_S3_BUCKET", "The bucket; it must be there.");
        let region = env.get("FILES_S3_REGION", "us-east-1", "The region of the bucket.");
        let access_key = env.text("FILES_S3_ACCESS_KEY", "The id of the key to the bucket.");
        let secret_key = env.secret("FILES_S3_SECRET_KEY", "The key to the bucket.");
        if endpoint.is_none() && bucket.is_none() && access_key.is_none() && secret_key.is_none() {
            return None;
        }
        for (name, is_there) in [
            ("FILES_S3_ENDPOINT", endpoint.is_some()),
            ("FILES_S3_BUCKET", bucket.is_some()),
            ("FILES_S3_ACCESS_KEY", access_key.is_some()),
            ("FILES_S3_SECRET_KEY", secret_key.is_some()),
        ] {
            if !is_there {
                env.problem(name, TOGETHER);
            }
        }
        let endpoint: Option<url::Url> = endpoint.and_then(|text| text.parse().ok());
        let endpoint = endpoint.filter(|url| matches!(url.scheme(), "http" | "https"));
        if endpoint.is_none() {
            env.problem("FILES_S3_ENDPOINT", "must be a URL with http:// or https://");
        }
        Some(Self {
            endpoint: endpoint?,
            bucket: bucket?,
            region,
            access_key: access_key?,
            secret_key: secret_key?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_beside_the_database() {
        for (url, folder) in [
            ("sqlite:data/souk.db", "data/files"),
            ("sqlite:souk.db?mode=rwc", "files"),
            ("sqlite:///var/lib/souk/souk.db", "/var/lib/souk/files"),
            ("postgres://souk@db/souk", "data/files"),
        ] {
            assert_eq!(beside(url), Path::new(folder), "{url}");
        }
    }
}
