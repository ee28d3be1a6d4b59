//! Files in a bucket, by presigned requests (AWS Signature Version 4) of the one HTTP client.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use super::{Spool, StorageError};
use crate::config::S3Config;
use crate::outbound::{Answer, Client, Limits};

/// How long a signature holds: for clocks that differ a little.
const SIGNED_FOR: Duration = Duration::from_mins(5);
/// Longest time that one call takes.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A bucket.
pub struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    client: Client,
    body_max: usize,
}

impl S3 {
    /// The bucket of the settings. It is not asked yet.
    ///
    /// # Errors
    /// One line that says what cannot be used.
    pub fn new(config: &S3Config, client: Client, body_max: usize) -> Result<Self, String> {
        let (name, region) = (config.bucket.clone(), config.region.clone());
        let bucket = Bucket::new(config.endpoint.clone(), UrlStyle::Path, name, region)
            .map_err(|error| format!("FILES_S3_ENDPOINT: {error}"))?;
        let credentials = Credentials::new(&config.access_key, config.secret_key.expose());
        Ok(Self { bucket, credentials, client, body_max })
    }

    async fn call<'a>(
        &self,
        method: Method,
        action: impl S3Action<'a>,
        body: Bytes,
    ) -> Result<Answer, StorageError> {
        let failed = |error: &dyn std::fmt::Display| StorageError::Bucket(error.to_string());
        let request = Request::builder()
            .method(method)
            .uri(action.sign(SIGNED_FOR).as_str())
            .header(header::CONTENT_LENGTH, body.len())
            .body(body)
            .map_err(|error| failed(&error))?;
        let limits = Limits { timeout: TIMEOUT, body_max: self.body_max };
        let answer = self.client.send(request, limits).await.map_err(|error| failed(&error))?;
        match answer.status {
            StatusCode::NOT_FOUND => Err(StorageError::NotFound),
            status if status.is_success() => Ok(answer),
            status => {
                // The answer names the error; it holds no key.
                let text = String::from_utf8_lossy(&answer.body);
                let text: String = text.chars().take(300).collect();
                Err(StorageError::Bucket(format!("{status}: {text}")))
            }
        }
    }

    pub(super) async fn keep(&self, key: &str, spool: Spool) -> Result<(), StorageError> {
        let bytes = spool.bytes().await?;
        let action = self.bucket.put_object(Some(&self.credentials), key);
        self.call(Method::PUT, action, bytes.into()).await.map(drop)
    }

    pub(super) async fn read(&self, key: &str) -> Result<Body, StorageError> {
        let action = self.bucket.get_object(Some(&self.credentials), key);
        Ok(Body::from(self.call(Method::GET, action, Bytes::new()).await?.body))
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), StorageError> {
        let action = self.bucket.delete_object(Some(&self.credentials), key);
        match self.call(Method::DELETE, action, Bytes::new()).await {
            Err(StorageError::NotFound) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
