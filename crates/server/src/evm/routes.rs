//! `/api/payment/decentralized`.

use axum::extract::State;
use axum::response::Response;
use events::PaymentId;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{
    ConfirmPayment, CreateWalletIntent, ProveWallet, RecordPayout, RecordedPayout,
    WalletConfirmation, WalletIntent, WalletTokens,
};
use super::{payout, service};
use crate::app::App;
use crate::error::{ErrorBody, Result};
use crate::extract::{Admin, Body, Caller, Data, Id};
use crate::idempotency::{Begun, Idempotency};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tokens))
        .routes(routes!(create_wallet_intent))
        .routes(routes!(get_wallet_intent))
        .routes(routes!(prove_wallet))
        .routes(routes!(confirm))
        .routes(routes!(record_payout))
}

/// Lists the tokens that deals can be paid with from a wallet.
#[utoipa::path(get, path = "/api/payment/decentralized/tokens", tag = "payments",
    responses((status = 200, description = "The chain and its tokens.", body = Data<WalletTokens>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 503, description = "`decentralized_not_configured`", body = ErrorBody)))]
async fn tokens(State(app): State<App>, _: Caller) -> Result<Data<WalletTokens>> {
    Ok(Data::new(service::tokens(&app)?))
}

/// Begins a payment from the buyer's wallet, or finds the one that is under way.
///
/// Chain, token, payee, amount and wallet are fixed here. Before a transaction can be confirmed
/// the wallet has to sign `message`. Token and wallet can be changed by another call while no
/// transaction was confirmed.
#[utoipa::path(post, path = "/api/payment/decentralized/intents", tag = "payments",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = CreateWalletIntent,
    responses((status = 201, description = "How to pay.", body = Data<WalletIntent>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for the buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`request_not_payable`, `offer_not_accepted`, `payment_time_over`, `payment_in_progress`, `intent_in_use`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `transaction_too_large`, `idempotency_key_reused`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody),
              (status = 503, description = "`decentralized_not_configured`, `chain_unavailable`", body = ErrorBody)))]
async fn create_wallet_intent(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<CreateWalletIntent>,
) -> Result<Response> {
    let height = service::height(&app, &caller, &body.value).await?;
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let intent = service::create(&mut tx, &app, &caller, &body.value, height).await?;
    tx.answer(StatusCode::CREATED, &intent).await
}

/// Tells how a payment is made from the wallet, and how far it is.
///
/// For its buyer and administrators.
#[utoipa::path(get, path = "/api/payment/decentralized/intents/{id}", tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment.")),
    responses((status = 200, description = "How to pay, and the transactions so far.", body = Data<WalletIntent>),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its buyer and administrators", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`payment_not_decentralized`", body = ErrorBody)))]
async fn get_wallet_intent(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<PaymentId>,
) -> Result<Data<WalletIntent>> {
    Ok(Data::new(service::get(&app, &caller, &id).await?))
}

/// Shows that the wallet is the buyer's, by its signature under the intent's `message`.
///
/// The signature may also come with the confirmation.
#[utoipa::path(post, path = "/api/payment/decentralized/wallet", tag = "payments",
    request_body = ProveWallet,
    responses((status = 200, description = "The intent, with `walletProven`.", body = Data<WalletIntent>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`payment_not_decentralized`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `wallet_signature_invalid`", body = ErrorBody)))]
async fn prove_wallet(
    State(app): State<App>,
    caller: Caller,
    body: Body<ProveWallet>,
) -> Result<Data<WalletIntent>> {
    let mut tx = app.begin().await?;
    let intent = service::prove_wallet(&mut tx, &app, &caller, &body.value).await?;
    tx.commit().await?;
    Ok(Data::new(intent))
}

/// Names the transaction that pays.
///
/// A transaction that is not the payment is refused, with a code that says why. One that is in no
/// block yet, or not deep enough, or that the chain cannot be asked about now, is taken and looked
/// at until that is known: `payment-update` tells of it. Too little may be topped up by another
/// transaction. Repeating a confirmation tells where its transaction stands.
#[utoipa::path(post, path = "/api/payment/decentralized/confirm", tag = "payments",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = ConfirmPayment,
    responses((status = 200, description = "Where the payment and the transaction stand.", body = Data<WalletConfirmation>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for its buyer; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`payment_not_decentralized`, `wallet_not_proven`, `too_many_transactions`, `transaction_already_used`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `wallet_signature_invalid`, `transaction_reverted`, `transaction_too_old`, `transaction_wrong_token`, `transaction_wrong_recipient`, `transaction_wrong_sender`, `transaction_no_transfer`, `transaction_too_small`, `transaction_too_large`, `idempotency_key_reused`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody),
              (status = 503, description = "`decentralized_not_configured`", body = ErrorBody)))]
async fn confirm(
    State(app): State<App>,
    caller: Caller,
    idempotency: Idempotency,
    body: Body<ConfirmPayment>,
) -> Result<Response> {
    let ConfirmPayment { payment_id, tx_hash, .. } = &body.value;
    let evidence = service::evidence(&app, &caller, payment_id, *tx_hash).await?;
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let confirmation =
        service::confirm(&mut tx, &app, &caller, &body.value, evidence.as_ref()).await?;
    tx.answer(StatusCode::OK, &confirmation).await
}

/// Records that a seller was paid from the platform's wallet.
///
/// For administrators. The transaction has to be in a block, and is verified on the chain: from
/// `EVM_PAYEE` to the seller's payout wallet, in the token that the buyer paid with, and no less than
/// the payout. The payout is completed when the transaction is deep enough.
#[utoipa::path(post, path = "/api/payment/decentralized/payout", tag = "payouts",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats are answered alike.")),
    request_body = RecordPayout,
    responses((status = 200, description = "The payout and its transaction.", body = Data<RecordedPayout>),
              (status = 400, description = "`malformed_json`, `bad_request`", body = ErrorBody),
              (status = 401, description = "`unauthorized`, `token_invalid`, `token_expired`, `token_revoked`", body = ErrorBody),
              (status = 403, description = "`forbidden`: for administrators; `origin_not_allowed`", body = ErrorBody),
              (status = 404, description = "`not_found`", body = ErrorBody),
              (status = 409, description = "`payment_not_decentralized`, `no_payout_waits`, `payout_wallet_missing`, `payout_wallet_on_another_chain`, `payout_wrong_state`, `transaction_not_in_a_block`, `transaction_already_used`, `too_many_transactions`, `idempotency_in_progress`", body = ErrorBody),
              (status = 413, description = "`payload_too_large`", body = ErrorBody),
              (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
              (status = 422, description = "`validation_failed`, `transaction_reverted`, `transaction_too_old`, `transaction_wrong_token`, `transaction_wrong_recipient`, `transaction_wrong_sender`, `transaction_no_transfer`, `transaction_too_small`, `transaction_too_large`, `idempotency_key_reused`", body = ErrorBody),
              (status = 429, description = "`rate_limited`", body = ErrorBody),
              (status = 503, description = "`decentralized_not_configured`, `chain_unavailable`", body = ErrorBody)))]
async fn record_payout(
    State(app): State<App>,
    Admin(caller): Admin,
    idempotency: Idempotency,
    body: Body<RecordPayout>,
) -> Result<Response> {
    let RecordPayout { payment_id, tx_hash } = &body.value;
    let evidence = service::evidence(&app, &caller, payment_id, *tx_hash).await?;
    let mut tx = match idempotency.begin(&app, &caller, body.digest).await? {
        Begun::Fresh(tx) => tx,
        Begun::Replay(answer) => return Ok(answer),
    };
    let recorded = payout::record(&mut tx, &app, &caller, &body.value, evidence.as_ref()).await?;
    tx.answer(StatusCode::OK, &recorded).await
}
