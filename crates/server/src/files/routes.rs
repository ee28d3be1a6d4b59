//! `/api/files`.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use events::FileId;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content::Kind;
use super::model::{File, FileBytes, FileForm};
use super::name;
use super::service::{self, Download};
use crate::app::App;
use crate::error::{ApiError, ErrorBody, Result};
use crate::extract::{Caller, Data, Id, MaybeCaller};

/// Nothing that the file might ask for is loaded, and nothing in it runs.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(download))
}

/// Uploads a file: a PNG, JPEG, GIF or WebP image, a PDF, or plain text.
///
/// What it is is decided by its bytes. The caller may use it then, as an attachment of a message or
/// as a picture; a file that nothing uses is removed after a day.
#[utoipa::path(post, path = "/api/files", tag = "files",
    request_body(content = FileForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "Kept.", body = Data<File>),
              (status = 400, description = "`malformed_form`, `upload_timed_out`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`: no form; `file_type_not_allowed`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `file_malformed`: damaged, or not only what it says it is; `image_too_large`, `file_name_mismatch`", body = ErrorBody),
              (status = 503, description = "`unavailable`", body = ErrorBody)))]
async fn upload(State(app): State<App>, caller: Caller, request: Request) -> Result<Response> {
    let file = service::upload(&app, &caller, request).await?;
    Ok((StatusCode::CREATED, Data::new(file)).into_response())
}

/// The bytes of a file.
///
/// For who uploaded it and for those who may see what uses it: who takes part in the chat, the
/// parties of a dispute. Users' pictures are for everyone.
#[utoipa::path(get, path = "/api/files/{id}", tag = "files",
    params(("id" = FileId, Path, description = "The file.")),
    responses((status = 200, description = "Its bytes; anything but an image is a download.",
               content((FileBytes = "image/png"), (FileBytes = "image/jpeg"),
                       (FileBytes = "image/gif"), (FileBytes = "image/webp"),
                       (FileBytes = "application/pdf"), (FileBytes = "text/plain"))),
              (status = 304, description = "The client has it: `If-None-Match` names its `ETag`."),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 503, description = "`unavailable`", body = ErrorBody)))]
async fn download(
    State(app): State<App>,
    MaybeCaller(caller): MaybeCaller,
    id: Result<Id<FileId>>,
    asked: HeaderMap,
) -> Result<Response> {
    // Whoever has no token is told so, whatever they name.
    let Id(id) =
        id.map_err(|error| if caller.is_some() { error } else { ApiError::unauthorized() })?;
    let found = service::find(&app, caller.as_ref(), &id).await?;
    let headers = headers(&found)?;
    let has_it =
        asked.get_all(header::IF_NONE_MATCH).iter().any(|tag| *tag == headers[header::ETAG]);
    if has_it {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, service::bytes(&app, &found.file).await?).into_response())
}

fn headers(Download { file, kind, public }: &Download) -> Result<HeaderMap> {
    let text = |text: &str| HeaderValue::from_str(text).map_err(|e| ApiError::internal(&e));
    // What a file is never changes, who may see it does: so it is asked for again each time.
    let cache = if *public { "public, max-age=3600" } else { "private, no-cache" };
    Ok([
        (header::CONTENT_TYPE, HeaderValue::from_static(Kind::mime_type(*kind))),
        (header::CONTENT_LENGTH, HeaderValue::from(file.size)),
        (header::CONTENT_DISPOSITION, text(&name::disposition(*kind, &file.name))?),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::ETAG, text(&format!("\"{}\"", file.id))?),
        (header::VARY, HeaderValue::from_static("Authorization, Cookie")),
    ]
    .into_iter()
    .collect())
}
