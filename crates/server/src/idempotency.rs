//! `Idempotency-Key` (contract §2): a POST that is repeated under the same key takes effect once.
//!
//! What holds always here: the key and the stored answer are written in the transaction that
//! makes the change. So there is no answer without its effect, no effect without its answer, and
//! a crash in between leaves neither. Answers that are errors are not stored: nothing happened.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::Response;
use db::{DbError, args, sql};
use http::StatusCode;
use http::request::Parts;
use serde_json::value::RawValue;

use crate::app::App;
use crate::error::{ApiError, Result, json_response};
use crate::extract::Caller;
use crate::journal::Tx;
use crate::text::hex;

/// How long answers are kept (contract §2).
pub const KEPT: Duration = Duration::from_hours(24);
/// What stands for the body of a request that has none.
pub const NO_BODY: [u8; 32] = [0; 32];
/// Longest key, in bytes.
const KEY_MAX: usize = 255;

/// The keys that this node is working on.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<String>>>);

/// The `Idempotency-Key` of a request, where it has one.
#[derive(Clone)]
pub struct Idempotency {
    key: Option<String>,
    operation: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let key = match parts.headers.get("idempotency-key") {
            None => None,
            Some(value) => match value.to_str().map(str::trim) {
                Ok(key) if (1..=KEY_MAX).contains(&key.len()) => Some(key.to_owned()),
                _ => {
                    return Err(ApiError::bad_request(
                        "Idempotency-Key must be 1 to 255 visible ASCII characters",
                    ));
                }
            },
        };
        Ok(Self { key, operation: format!("{} {}", parts.method, parts.uri.path()) })
    }
}

/// What to do with a request under an idempotency key.
pub enum Begun {
    /// It is new: do it in this transaction, then [`Tx::answer`].
    Fresh(Tx),
    /// It was done before: this was the answer.
    Replay(Response),
}

impl Idempotency {
    /// Begins the transaction of a request, or finds its stored answer.
    ///
    /// # Errors
    /// 422 `idempotency_key_reused` for the same key with another body or path, 409
    /// `idempotency_in_progress` while the first request runs, 503.
    pub async fn begin(self, app: &App, caller: &Caller, digest: [u8; 32]) -> Result<Begun> {
        let Some(key) = self.key else {
            return Ok(Begun::Fresh(app.begin().await?));
        };
        let scope = format!("{}:{key}", caller.user_id);
        let claim = Claim::take(&app.in_flight, scope.clone()).ok_or_else(|| {
            ApiError::conflict("idempotency_in_progress", "The first request still runs")
        })?;
        let digest = hex(&digest);
        let mut tx = app.begin().await?;
        let now = tx.now().as_millis();
        let inserted = tx
            .execute(
                sql!(
                    "INSERT INTO idempotency_keys (scope, operation, digest, created_at)
                     VALUES ($1, $2, $3, $4) ON CONFLICT (scope) DO NOTHING"
                ),
                args![&scope, &self.operation, &digest, now],
            )
            .await?;
        if inserted == 1 {
            tx.ticket = Some(Ticket { scope, _claim: claim });
            return Ok(Begun::Fresh(tx));
        }
        let stored = tx
            .fetch_one(
                sql!(
                    "SELECT operation, digest, status, answer FROM idempotency_keys
                     WHERE scope = $1"
                ),
                args![&scope],
            )
            .await?;
        if stored.get::<String>("operation")? != self.operation
            || stored.get::<String>("digest")? != digest
        {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This key was used for another request",
            ));
        }
        let status = u16::try_from(stored.get::<i64>("status")?).unwrap_or(200);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let answer: Box<RawValue> = stored.json("answer")?;
        // The first request may not be on disk yet: what it did is told when it is.
        tx.commit().await?;
        Ok(Begun::Replay(json_response(status, answer)))
    }
}

/// The right to store the answer of a keyed request.
pub(crate) struct Ticket {
    scope: String,
    _claim: Claim,
}

impl Ticket {
    pub(crate) async fn store_answer(
        &self,
        tx: &mut db::Tx,
        status: StatusCode,
        json: &str,
    ) -> Result<(), DbError> {
        tx.execute(
            sql!("UPDATE idempotency_keys SET status = $1, answer = $2 WHERE scope = $3"),
            args![i64::from(status.as_u16()), json.to_owned(), &self.scope],
        )
        .await?;
        Ok(())
    }
}

/// A key that is being worked on, until dropped.
struct Claim {
    in_flight: InFlight,
    scope: String,
}

impl Claim {
    fn take(in_flight: &InFlight, scope: String) -> Option<Self> {
        let fresh = in_flight.lock().insert(scope.clone());
        fresh.then(|| Self { in_flight: in_flight.clone(), scope })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.in_flight.lock().remove(&self.scope);
    }
}

impl InFlight {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets answers that were kept long enough.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let before = tx.now().as_millis() - KEPT.as_millis() as i64;
    tx.execute(sql!("DELETE FROM idempotency_keys WHERE created_at < $1"), args![before]).await?;
    Ok(())
}

/// Whether an operation has not been done under this id yet; then the id is taken, in `tx`. For
/// callers that are no users.
///
/// # Errors
/// 422 `idempotency_key_reused` where the id was another operation's.
pub(crate) async fn first_of(
    tx: &mut Tx,
    operation: &str,
    id: &str,
    digest: [u8; 32],
) -> Result<bool> {
    // No user's id has a space.
    let (scope, digest) = (format!("service {id}"), hex(&digest));
    let now = tx.now().as_millis();
    let inserted = tx
        .execute(
            sql!(
                "INSERT INTO idempotency_keys (scope, operation, digest, status, answer, created_at)
                 VALUES ($1, $2, $3, 202, '{}', $4) ON CONFLICT (scope) DO NOTHING"
            ),
            args![&scope, operation, &digest, now],
        )
        .await?;
    if inserted == 1 {
        return Ok(true);
    }
    let stored = tx
        .fetch_one(sql!("SELECT digest FROM idempotency_keys WHERE scope = $1"), args![&scope])
        .await?;
    if stored.get::<String>("digest")? == digest {
        return Ok(false);
    }
    let message = "This id was used for another event";
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", message))
}
