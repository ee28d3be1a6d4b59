//! What is done with payments from wallets.

use std::time::Duration;

use events::{Amount, PaymentId, PaymentProvider, Role};

use super::body::{
    ConfirmPayment, CreateWalletIntent, ProveWallet, WalletConfirmation, WalletIntent,
    WalletTokens, WalletTransaction,
};
use super::error::EvmError;
use super::model::{Input, Standing, next, pause};
use super::rpc::Evidence;
use super::store::{self, Intent, Kind, Submission};
use super::types::Hash;
use super::verify::{Depth, Refusal};
use super::wallet::signer;
use super::{Evm, watch};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::payments;
use crate::payments::PaymentRow;
use crate::payments::service::Target;

pub use watch::{LOOK, look};

/// Transactions of one payment that may wait for the chain at once.
const WAITING_MAX: usize = 5;
/// Transactions of one payment altogether.
const SUBMISSIONS_MAX: usize = 50;

/// The chain.
///
/// # Errors
/// 503 `decentralized_not_configured`.
pub fn configured(app: &App) -> Result<&Evm> {
    Ok(app.evm.as_ref().ok_or(EvmError::NotConfigured)?)
}

/// What may be paid with.
///
/// # Errors
/// 503 `decentralized_not_configured`.
pub fn tokens(app: &App) -> Result<WalletTokens> {
    let config = &configured(app)?.config;
    let tokens = config.tokens.iter().map(Into::into).collect();
    Ok(WalletTokens { chain_id: config.chain_id, tokens })
}

/// The chain's height, asked for a buyer who wants to pay.
///
/// # Errors
/// 403, 422, 429, 503 `decentralized_not_configured`, `chain_unavailable`.
pub async fn height(app: &App, caller: &Caller, body: &CreateWalletIntent) -> Result<u64> {
    caller.require(Role::Buyer)?;
    let evm = configured(app)?;
    target(body)?;
    if !evm.config.tokens.iter().any(|token| token.symbol == body.token) {
        return Err(ApiError::invalid_field("token", "is not taken here"));
    }
    if body.wallet.is_zero() || body.wallet == evm.config.payee {
        return Err(ApiError::invalid_field("wallet", "is not a buyer's"));
    }
    evm.count(&caller.user_id)?;
    Ok(evm.rpc.head().await.map_err(EvmError::from)?)
}

fn target(body: &CreateWalletIntent) -> Result<Target> {
    let CreateWalletIntent { purchase_request_id, seller_offer_id, checkout_id, .. } = body.clone();
    payments::target(purchase_request_id, seller_offer_id, checkout_id)
}

/// Begins a payment, or finds the one that is under way. Token and wallet of that one change while
/// no transaction was submitted.
///
/// # Errors
/// As [`payments::service::open`]; 409 `intent_in_use`, 422.
pub async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    body: &CreateWalletIntent,
    height: u64,
) -> Result<WalletIntent> {
    let config = &configured(app)?.config;
    let provider = PaymentProvider::Decentralized;
    let opened = payments::service::open(tx, app, caller, &target(body)?, provider).await?;
    let payment = opened.payment;
    let token = config.token(&body.token, payment.currency).ok_or_else(|| {
        let message = format!("does not pay deals in {}", payment.currency);
        ApiError::invalid_field("token", message)
    })?;
    let known = store::intent(tx, &payment.id).await?;
    let intent = match known {
        Some(intent) if intent.is_like(config, token, body.wallet) => intent,
        Some(_) if !store::submissions(tx, Kind::Payment, &payment.id).await?.is_empty() => {
            return Err(EvmError::IntentInUse.into());
        }
        _ => {
            let amount = u128::from(payment.amount.unsigned_abs()).checked_mul(token.scale());
            let intent = Intent {
                payment_id: payment.id.clone(),
                chain_id: config.chain_id,
                token: token.clone(),
                amount: amount.ok_or(EvmError::Refused(Refusal::TooLarge))?,
                payee: config.payee,
                payer: body.wallet,
                proven_at: None,
                block_number: height,
                created_at: tx.now(),
            };
            store::put_intent(tx, &intent).await?;
            intent
        }
    };
    payments::service::announce(tx, &payment.id).await?;
    document(tx, app, &payment, &intent).await
}

/// How to pay, and how far it is. For the buyer and administrators.
///
/// # Errors
/// 404, 403, 409 `payment_not_decentralized`.
pub async fn get(app: &App, caller: &Caller, id: &PaymentId) -> Result<WalletIntent> {
    let payment = payments::service::get(app, caller, id).await?;
    if payment.buyer_id != caller.user_id && !caller.is_admin() {
        return Err(ApiError::forbidden());
    }
    let mut tx = app.begin().await?;
    let (payment, _) = payments::service::find(&mut tx, id).await?;
    let intent = store::intent(&mut tx, id).await?.ok_or(EvmError::NoIntent)?;
    document(&mut tx, app, &payment, &intent).await
}

async fn document(
    tx: &mut Tx,
    app: &App,
    payment: &PaymentRow,
    intent: &Intent,
) -> Result<WalletIntent> {
    let due = payment.amount.saturating_sub(payment.seen).max(0).unsigned_abs();
    let due = u128::from(due).saturating_mul(intent.token.scale());
    let submissions = store::submissions(tx, Kind::Payment, &payment.id).await?;
    Ok(WalletIntent {
        payment_id: payment.id.clone(),
        chain_id: intent.chain_id,
        token: (&intent.token).into(),
        payee: intent.payee,
        amount: Amount::from_minor(payment.amount, payment.currency),
        currency: payment.currency,
        amount_base_units: intent.amount.to_string(),
        due_base_units: due.to_string(),
        uri: uri(intent, due),
        wallet: intent.payer,
        wallet_proven: intent.proven_at.is_some(),
        message: message(app, intent),
        expires_at: payment.expires_at,
        transactions: submissions.iter().map(|one| submission(app, one)).collect(),
    })
}

pub(super) fn submission(app: &App, submission: &Submission) -> WalletTransaction {
    let depth = app.evm.as_ref().map(|evm| evm.config.depth);
    WalletTransaction {
        tx_hash: submission.tx_hash,
        status: submission.standing,
        reason: submission.reason.clone(),
        confirmations: submission.depth,
        confirmations_needed: match depth {
            Some(Depth::Blocks(blocks)) => Some(blocks),
            _ => None,
        },
    }
}

/// EIP-681.
fn uri(intent: &Intent, due: u128) -> String {
    let (payee, chain) = (intent.payee, intent.chain_id);
    match intent.token.contract {
        None => format!("ethereum:{payee}@{chain}?value={due}"),
        Some(token) => {
            format!("ethereum:{token}@{chain}/transfer?address={payee}&uint256={due}")
        }
    }
}

/// What the wallet signs. It names the payment, so that a signature is good for nothing else, and
/// this Souk, so that nobody else can have it signed for theirs.
fn message(app: &App, intent: &Intent) -> String {
    format!(
        "{} wants to know whether this wallet is yours.\n\n\
         Payment: {}\n\
         Wallet: {}\n\
         Chain: {}\n\n\
         Signing this moves no money.",
        app.config.http.public_url, intent.payment_id, intent.payer, intent.chain_id
    )
}

/// The intent of the caller's own payment, which is locked.
async fn own(tx: &mut Tx, app: &App, caller: &Caller, id: &PaymentId) -> Result<Intent> {
    // Locks the requests and the payment.
    payments::service::observe(tx, app, id, &[]).await?;
    let (payment, _) = payments::service::find(tx, id).await?;
    if payment.buyer_id != caller.user_id {
        return Err(ApiError::forbidden());
    }
    Ok(store::intent(tx, id).await?.ok_or(EvmError::NoIntent)?)
}

async fn prove(tx: &mut Tx, app: &App, intent: &mut Intent, signature: &str) -> Result<()> {
    if signer(&message(app, intent), signature) != Some(intent.payer) {
        return Err(EvmError::WrongSignature.into());
    }
    if intent.proven_at.is_none() {
        store::set_proven(tx, &intent.payment_id).await?;
        intent.proven_at = Some(tx.now());
    }
    Ok(())
}

/// Shows that the wallet is the buyer's.
///
/// # Errors
/// 404, 403, 409 `payment_not_decentralized`, 422 `wallet_signature_invalid`.
pub async fn prove_wallet(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    body: &ProveWallet,
) -> Result<WalletIntent> {
    payments::service::get(app, caller, &body.payment_id).await?;
    let mut intent = own(tx, app, caller, &body.payment_id).await?;
    prove(tx, app, &mut intent, &body.signature).await?;
    let (payment, _) = payments::service::find(tx, &body.payment_id).await?;
    document(tx, app, &payment, &intent).await
}

/// What the chain says of a transaction, asked for a buyer; `None` when it cannot be asked now.
///
/// # Errors
/// 404, 403, 429, 503 `decentralized_not_configured`.
pub async fn evidence(
    app: &App,
    caller: &Caller,
    payment: &PaymentId,
    hash: Hash,
) -> Result<Option<Evidence>> {
    let found = payments::service::get(app, caller, payment).await?;
    if found.buyer_id != caller.user_id && !caller.is_admin() {
        return Err(ApiError::forbidden());
    }
    let evm = configured(app)?;
    evm.count(&caller.user_id)?;
    Ok(evm.evidence(hash).await)
}

/// Takes a transaction as the payment. What breaks a rule for certain is refused and not stored;
/// what is not in a block, or not deep enough, is looked at again until it is known.
///
/// # Errors
/// 404, 403, 409 `payment_not_decentralized`, `wallet_not_proven`, `too_many_transactions`,
/// `transaction_already_used`, 422 `wallet_signature_invalid`, `transaction_…`.
pub async fn confirm(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    body: &ConfirmPayment,
    evidence: Option<&Evidence>,
) -> Result<WalletConfirmation> {
    let mut intent = own(tx, app, caller, &body.payment_id).await?;
    match &body.signature {
        Some(signature) => prove(tx, app, &mut intent, signature).await?,
        None if intent.proven_at.is_none() => return Err(EvmError::WalletNotProven.into()),
        None => {}
    }
    let subject = body.payment_id.as_str();
    let stored = submit(tx, app, &intent, (Kind::Payment, subject), body.tx_hash, evidence).await?;
    let payment = payments::service::seen(tx, caller, &body.payment_id).await?;
    Ok(WalletConfirmation { payment, transaction: submission(app, &stored) })
}

/// Stores a transaction and draws the conclusions from what the chain said of it. The payment is
/// locked.
pub(super) async fn submit(
    tx: &mut Tx,
    app: &App,
    intent: &Intent,
    (kind, subject): (Kind, &str),
    hash: Hash,
    evidence: Option<&Evidence>,
) -> Result<Submission> {
    let evm = configured(app)?;
    let all = store::submissions(tx, kind, &intent.payment_id).await?;
    let waiting = all.iter().filter(|one| one.standing == Standing::Pending).count();
    let known = all.iter().find(|one| one.tx_hash == hash && one.subject_id == subject).cloned();
    let submission = if let Some(known) = known {
        let Some(standing) = next(known.standing, Input::SubmittedAgain) else {
            // It is looked after; this only hastens the next look.
            if known.standing.is_open() {
                tx.schedule(LOOK, &known.id, Duration::ZERO).await?;
            }
            return Ok(known);
        };
        let (gone_since, submitted_at) = (Some(tx.now()), tx.now());
        let mut again = Submission { standing, gone_since, submitted_at, reason: None, ..known };
        if waiting >= WAITING_MAX || !store::update_submission(tx, &again).await? {
            return Err(EvmError::TooManyTransactions.into());
        }
        again.version += 1;
        again
    } else {
        if waiting >= WAITING_MAX || all.len() >= SUBMISSIONS_MAX {
            return Err(EvmError::TooManyTransactions.into());
        }
        let new = Submission {
            id: tx.new_id::<uuid::Uuid>().to_string(),
            kind,
            subject_id: subject.to_owned(),
            payment_id: intent.payment_id.clone(),
            tx_hash: hash,
            standing: Standing::Pending,
            reason: None,
            block: None,
            depth: 0,
            gone_since: Some(tx.now()),
            version: 0,
            submitted_at: tx.now(),
        };
        store::insert_submission(tx, &new).await?;
        new
    };
    let Some(evidence) = evidence else {
        tx.schedule(LOOK, &submission.id, pause(Duration::ZERO)).await?;
        return Ok(submission);
    };
    let id = submission.id.clone();
    let judged = watch::judge(tx, app, evm, submission, evidence).await?;
    let judged = judged.ok_or_else(|| ApiError::internal(&format!("{id} changed")))?;
    if judged.standing == Standing::Rejected {
        let refusal = judged.reason.as_deref().and_then(|word| word.parse().ok());
        return Err(EvmError::Refused(refusal.unwrap_or(Refusal::NoTransfer)).into());
    }
    Ok(judged)
}
