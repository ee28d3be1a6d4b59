//! `/api/points`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{
    LeaderboardEntry, Level, MyPoints, PageQuery, PointsTransaction, Redeem, Redeemed, Referral,
    ReferralCode,
};
use super::service;
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Body, Caller, Data, Listing, Query};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(mine))
        .routes(routes!(transactions))
        .routes(routes!(referrals))
        .routes(routes!(levels))
        .routes(routes!(leaderboard))
        .routes(routes!(redeem))
        .routes(routes!(generate_referral_code))
}

/// Says where the caller stands: balance, level, credit, referral code.
#[utoipa::path(get, path = "/api/points/my-points", tag = "points",
    responses((status = 200, description = "The caller's points.", body = Data<MyPoints>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody)))]
async fn mine(State(app): State<App>, caller: Caller) -> Result<Data<MyPoints>> {
    service::mine(&app, &caller).await.map(Data::new)
}

/// Lists the movements of the caller's points, newest first.
#[utoipa::path(get, path = "/api/points/transactions", tag = "points", params(PageQuery),
    responses((status = 200, description = "A page.", body = Listing<PointsTransaction>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn transactions(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Listing<PointsTransaction>> {
    service::transactions(&app, &caller, &query).await
}

/// Lists those who registered with the caller's code, newest first.
#[utoipa::path(get, path = "/api/points/referrals", tag = "points", params(PageQuery),
    responses((status = 200, description = "A page.", body = Listing<Referral>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn referrals(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Listing<Referral>> {
    service::referrals(&app, &caller, &query).await
}

/// Lists the levels, lowest first.
#[utoipa::path(get, path = "/api/points/levels", tag = "points",
    responses((status = 200, description = "All of them.", body = Data<Vec<Level>>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody)))]
async fn levels(State(app): State<App>, _: Caller) -> Data<Vec<Level>> {
    Data::new(app.config.points.levels.clone())
}

/// Lists the users with the most lifetime points.
#[utoipa::path(get, path = "/api/points/leaderboard", tag = "points", params(PageQuery),
    responses((status = 200, description = "A page.", body = Listing<LeaderboardEntry>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 422, description = "`validation_failed`", body = ErrorBody)))]
async fn leaderboard(
    State(app): State<App>,
    _: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Listing<LeaderboardEntry>> {
    service::leaderboard(&app, &query).await
}

/// Redeems points for a discount on the fee of a later deal.
///
/// 100 points take one whole unit off the fee, in fiat money and in coins that stand for a dollar.
/// What one fee does not use up waits for the next.
#[utoipa::path(post, path = "/api/points/redeem", tag = "points",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = Redeem,
    responses((status = 200, description = "Redeemed.", body = Data<Redeemed>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody),
              (status = 409, description = "`not_enough_points`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `idempotency_key_reused`", body = ErrorBody)))]
async fn redeem(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<Redeem>,
) -> Result<Response> {
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let redeemed = service::redeem(&mut tx, &caller, body.value.points).await?;
    tx.answer(StatusCode::OK, &redeemed).await
}

/// Gives the caller's referral code and the link to give away. Takes no body.
///
/// Every user has a code from the registration on, and keeps it: links that are out go on working.
#[utoipa::path(post, path = "/api/points/generate-referral-code", tag = "points",
    responses((status = 200, description = "The code.", body = Data<ReferralCode>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`origin_not_allowed`", body = ErrorBody)))]
async fn generate_referral_code(
    State(app): State<App>,
    caller: Caller,
) -> Result<Data<ReferralCode>> {
    service::referral_code(&app, &caller).await.map(Data::new)
}
