//! JSON bodies.

use axum::body::{HttpBody as _, to_bytes};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use bytes::Bytes;
use garde::Validate;
use http::{StatusCode, header};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::error::{ApiError, Result};

/// A JSON body that was parsed and validated. Types that stand here carry
/// `#[serde(deny_unknown_fields)]`.
pub struct Body<T> {
    /// The parsed value.
    pub value: T,
    /// SHA-256 of the bytes as they came, for idempotency.
    pub digest: [u8; 32],
}

impl<T> FromRequest<App> for Body<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        if !is_json(&request) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be application/json",
            ));
        }
        let bytes = whole_body(request.into_body(), app.config.http.body_max).await?;
        let value: T = parse(&bytes)?;
        value.validate().map_err(|report| {
            ApiError::invalid(
                report
                    .iter()
                    .map(|(path, error)| (camel_case(&path.to_string()), error.to_string()))
                    .collect(),
            )
        })?;
        Ok(Self { value, digest: Sha256::digest(&bytes).into() })
    }
}

/// Reads a body of `limit` bytes at most.
///
/// # Errors
/// 413 `payload_too_large`, 400 where it did not arrive whole.
pub async fn whole_body(body: axum::body::Body, limit: usize) -> Result<Bytes> {
    to_bytes(body, limit).await.map_err(|error| {
        if is_too_large(&error) {
            ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                format!("The body may have {limit} bytes at most"),
            )
        } else {
            ApiError::bad_request("The body did not arrive whole")
        }
    })
}

/// A body that may be left out: a request without content has none.
impl<T> OptionalFromRequest<App> for Body<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Option<Self>> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<App>>::from_request(request, app).await.map(Some)
    }
}

/// Reads a field of a PATCH, with `#[serde(default, deserialize_with = "present")]`: an absent
/// field is `None`. `null` is `Some(None)` where `T` is an `Option`, and an error elsewhere.
///
/// # Errors
/// When the value is no `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Rules name fields as Rust does, clients as JSON does: `offers_until` is `offersUntil`.
fn camel_case(path: &str) -> String {
    let mut camel = String::with_capacity(path.len());
    let mut upper = false;
    for c in path.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                camel.extend(c.to_uppercase());
                upper = false;
            }
            c => camel.push(c),
        }
    }
    camel
}

fn is_json(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .is_some_and(|mime| mime.trim().eq_ignore_ascii_case("application/json"))
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// Text that is not JSON is 400; JSON of another shape is 422 and names the field.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // Left to itself, serde takes an array for the fields of an object, in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        well_formed(bytes)?;
        return Err(ApiError::invalid_field("body", "must be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // serde_json calls some wrong values syntax errors, and stops at a wrong value although
        // what follows may be no JSON: only the whole text tells.
        if let Err(malformation) = well_formed(bytes) {
            return malformation;
        }
        let path = error.path().to_string();
        let message = without_position(&error.inner().to_string());
        match missing_field(&message) {
            Some(field) if path == "." => ApiError::invalid_field(field, "is missing"),
            Some(field) => ApiError::invalid_field(&format!("{path}.{field}"), "is missing"),
            None if path == "." => ApiError::invalid_field("body", message),
            None => ApiError::invalid_field(&path, message),
        }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    // An escaped backslash before `u0000` is refused with it; nobody writes that.
    if bytes.windows(6).any(|w| w == br"\u0000") {
        return Err(ApiError::invalid_field("body", "must not contain NUL characters"));
    }
    Ok(value)
}

fn well_formed(bytes: &[u8]) -> Result<()> {
    std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
        .map(drop)
        .map_err(|error| malformed(&error))
}

/// serde tells of a missing field at the object that lacks it.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

fn malformed(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", format!("Malformed JSON: {error}"))
}

/// serde_json's data errors end in ` at line 1 column 9`, which says nothing beside the path.
fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text).to_owned()
}
