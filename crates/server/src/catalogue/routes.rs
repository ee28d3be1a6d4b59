//! `GET /api/marketplace/categories`.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::Category;
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::Data;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(categories))
}

/// The tree of categories. Needs no sign-in.
#[utoipa::path(get, path = "/api/marketplace/categories", tag = "catalogue",
    responses((status = 200, description = "The tree.", body = Data<Vec<Category>>),
              (status = 503, description = "`unavailable`", body = ErrorBody)))]
async fn categories(State(app): State<App>) -> Result<Data<Vec<Category>>> {
    Ok(Data::new(service::categories(&app).await?))
}
