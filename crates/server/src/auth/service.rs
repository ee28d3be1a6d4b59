//! Signing in and out, passwords, and links from mails.

use std::time::Duration;

use events::{Role, Timestamp, UserId};
use uuid::Uuid;

use super::error::AuthError;
use super::model::{
    Credentials, EmailVerification, EndReason, LinkKind, PasswordChange, PasswordReset,
    Registration, SignedIn, judge,
};
use super::{attempts, mails, secrets, store};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::extract::{Caller, Session};
use crate::journal::{Control, Tx};
use crate::users;
use crate::users::model::{NewUser, User};

/// Makes an account and signs it in.
///
/// # Errors
/// 409 `email_taken`; 422 for an unknown referral code.
pub async fn register(
    tx: &mut Tx,
    app: &App,
    registration: Registration,
    password_hash: String,
) -> Result<SignedIn> {
    let new = NewUser {
        email: registration.email,
        name: registration.name,
        role: registration.role.into(),
        password_hash,
        referral_code: registration.referral_code,
    };
    let user = users::service::create(tx, app, new).await?;
    tx.schedule(mails::VERIFY_EMAIL, user.id.as_str(), Duration::ZERO).await?;
    sign_in(tx, app, user).await
}

/// Makes an administrator, for the command line.
///
/// # Errors
/// 409 `email_taken`; 422 with what is wrong with address or password.
pub async fn create_admin(app: &App, email: &str, password: &str) -> Result<UserId> {
    // The rules are those of everyone else.
    let registration = Registration {
        email: email.to_owned(),
        password: password.to_owned(),
        name: "Administrator".to_owned(),
        role: super::model::SignUpRole::Buyer,
        referral_code: None,
    };
    garde::Validate::validate(&registration).map_err(|report| {
        ApiError::invalid(report.iter().map(|(p, e)| (p.to_string(), e.to_string())).collect())
    })?;
    let password_hash = app.passwords.hash(registration.password, &app.random).await?;
    let new = NewUser {
        email: registration.email,
        name: registration.name,
        role: Role::Admin,
        password_hash,
        referral_code: None,
    };
    let mut tx = app.begin().await?;
    let user = users::service::create(&mut tx, app, new).await?;
    users::service::verify_email(&mut tx, &user.id).await?;
    tx.commit().await?;
    Ok(user.id)
}

/// The user with these credentials. Takes the same time whether there is one or not.
///
/// # Errors
/// 401 `invalid_credentials`.
pub async fn check_credentials(app: &App, credentials: Credentials) -> Result<User> {
    let mut tx = app.db.begin_read().await?;
    let user = users::service::find_by_email(&mut tx, &credentials.email).await?;
    drop(tx);
    let stored = user.as_ref().map(|user| user.password_hash.as_str());
    let right = app.passwords.verify(credentials.password, stored).await?;
    user.filter(|_| right).ok_or_else(|| AuthError::InvalidCredentials.into())
}

/// Starts a sign-in of a user whose password was just checked.
///
/// # Errors
/// 401 `invalid_credentials` where the password was changed since.
pub async fn login(tx: &mut Tx, app: &App, checked: User) -> Result<SignedIn> {
    let user = users::service::lock(tx, &checked.id).await?;
    if user.password_hash != checked.password_hash {
        return Err(AuthError::InvalidCredentials.into());
    }
    sign_in(tx, app, user).await
}

async fn sign_in(tx: &mut Tx, app: &App, user: User) -> Result<SignedIn> {
    let session = Session(tx.new_id::<Uuid>().to_string().into());
    let (now, expires_at) = (tx.now(), refresh_end(tx, app));
    store::insert_session(tx, &session, &user.id, now, expires_at).await?;
    issue(tx, app, user, &session).await
}

/// When a refresh token that is made now ends.
fn refresh_end(tx: &Tx, app: &App) -> Timestamp {
    Timestamp::from_millis(
        tx.now().as_millis() + app.config.auth.refresh_token_ttl.as_millis() as i64,
    )
}

async fn issue(tx: &mut Tx, app: &App, user: User, session: &Session) -> Result<SignedIn> {
    let refresh_token = secrets::new_secret(&app.random);
    let (now, expires_at) = (tx.now(), refresh_end(tx, app));
    let hash = secrets::stored_form(&refresh_token);
    store::insert_refresh_token(tx, &hash, session, now, expires_at).await?;
    let (access_token, _) = app
        .tokens
        .issue(&user.id, user.role, session, now, app.random.bytes())
        .map_err(|error| ApiError::internal(&error))?;
    Ok(SignedIn { user: user.into(), access_token, refresh_token })
}

/// Exchanges a refresh token for new tokens.
///
/// The inner result is the answer; the transaction is to be committed for either, because a
/// token that was used before ends its sign-in although the request fails.
///
/// # Errors
/// Inside, 401 with what is wrong with the token; outside, what undoes the transaction.
pub async fn refresh(tx: &mut Tx, app: &App, token: &str) -> Result<Result<SignedIn, AuthError>> {
    let (now, hash) = (tx.now(), secrets::stored_form(token));
    let Some(presented) = store::find_refresh_token(tx, &hash).await? else {
        return Ok(Err(AuthError::RefreshTokenInvalid));
    };
    let mut verdict = judge(&presented, now);
    if verdict.is_ok() && !store::use_refresh_token(tx, &hash, now).await? {
        verdict = Err(AuthError::RefreshTokenReused);
    }
    let session = presented.session;
    if let Err(error) = verdict {
        if error == AuthError::RefreshTokenReused {
            tracing::warn!(user = %presented.user_id, session = &*session.0, "refresh token reused");
            end(tx, &session, EndReason::Reuse).await?;
        }
        return Ok(Err(error));
    }
    let expires_at = refresh_end(tx, app);
    if !store::extend_session(tx, &session, expires_at).await? {
        return Err(AuthError::RefreshTokenRevoked.into());
    }
    let user = users::service::find(tx, &presented.user_id).await?;
    Ok(Ok(issue(tx, app, user, &session).await?))
}

/// The sign-in that a refresh token belongs to, whether it may be used or not.
///
/// # Errors
/// 401 `refresh_token_invalid`.
pub async fn session_of(tx: &mut db::Tx, token: &str) -> Result<Session> {
    let found = store::find_refresh_token(tx, &secrets::stored_form(token)).await?;
    found.map(|found| found.session).ok_or_else(|| AuthError::RefreshTokenInvalid.into())
}

/// Ends a sign-in, on every node. Nothing happens where it has ended already.
///
/// # Errors
/// 503.
pub async fn end(tx: &mut Tx, session: &Session, reason: EndReason) -> Result<()> {
    let now = tx.now();
    if store::end_session(tx, session, reason, now).await? {
        tx.control(Control::SessionEnded { session: session.0.to_string() })?;
    }
    Ok(())
}

async fn end_all(
    tx: &mut Tx,
    user: &UserId,
    but: Option<&Session>,
    reason: EndReason,
) -> Result<()> {
    let now = tx.now();
    for session in store::end_sessions_of(tx, user, but, reason, now).await? {
        tx.control(Control::SessionEnded { session: session.0.to_string() })?;
    }
    Ok(())
}

/// Makes this node refuse the sign-ins that ended before it started.
///
/// # Errors
/// 503.
pub async fn load_ended(app: &App) -> Result<()> {
    let ttl = app.config.auth.access_token_ttl.as_millis() as i64;
    let since = Timestamp::from_millis(app.clock.now().as_millis() - ttl);
    for (session, ended_at) in store::ended_since(&app.db, since).await? {
        app.tokens.end(session, ended_at);
    }
    Ok(())
}

/// Changes the caller's own password and ends all other sign-ins.
///
/// # Errors
/// 422 where the current password is another one, 409 `password_changed`.
pub async fn change_password(app: &App, caller: &Caller, change: PasswordChange) -> Result<()> {
    let user = users::service::find(&mut app.db.begin_read().await?, &caller.user_id).await?;
    let old = &user.password_hash;
    if !app.passwords.verify(change.current_password, Some(old)).await? {
        return Err(AuthError::WrongPassword.into());
    }
    let new = app.passwords.hash(change.new_password, &app.random).await?;
    let mut tx = app.begin().await?;
    let now = tx.now();
    if !users::service::replace_password(&mut tx, &user.id, old, &new).await? {
        return Err(AuthError::PasswordChanged.into());
    }
    end_all(&mut tx, &user.id, Some(&caller.session), EndReason::PasswordChange).await?;
    store::void_links(&mut tx, LinkKind::ResetPassword, &user.id, now).await?;
    Ok(tx.commit().await?)
}

/// Has a mail sent to the address, where it has an account. Takes the same time for every
/// address.
///
/// # Errors
/// 503.
pub async fn forgot_password(tx: &mut Tx, email: &str) -> Result<()> {
    let email = users::model::normal_email(email);
    tx.schedule(mails::RESET_PASSWORD, &email, Duration::ZERO).await
}

async fn use_link(tx: &mut Tx, kind: LinkKind, token: &str) -> Result<UserId> {
    let now = tx.now();
    let used = store::use_link(tx, &secrets::stored_form(token), kind, now).await?;
    let (user, expires_at) = used.ok_or(AuthError::LinkInvalid)?;
    if now >= expires_at {
        return Err(AuthError::LinkExpired.into());
    }
    Ok(user)
}

/// Sets a new password by a mailed token, and ends all sign-ins.
///
/// # Errors
/// 401 `link_invalid`, `link_expired`.
pub async fn reset_password(app: &App, reset: PasswordReset) -> Result<()> {
    let new = app.passwords.hash(reset.new_password, &app.random).await?;
    let mut tx = app.begin().await?;
    let id = use_link(&mut tx, LinkKind::ResetPassword, &reset.token).await?;
    let user = users::service::lock(&mut tx, &id).await?;
    users::service::replace_password(&mut tx, &id, &user.password_hash, &new).await?;
    // Who reads the mails of the address has it.
    users::service::verify_email(&mut tx, &id).await?;
    end_all(&mut tx, &id, None, EndReason::PasswordReset).await?;
    let now = tx.now();
    store::void_links(&mut tx, LinkKind::ResetPassword, &id, now).await?;
    Ok(tx.commit().await?)
}

/// Marks an address as its user's by a mailed token.
///
/// # Errors
/// 401 `link_invalid`, `link_expired`.
pub async fn verify_email(tx: &mut Tx, verification: EmailVerification) -> Result<()> {
    let user = use_link(tx, LinkKind::VerifyEmail, &verification.token).await?;
    users::service::verify_email(tx, &user).await
}

/// Forgets what is over.
///
/// # Errors
/// 503.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.now();
    attempts::sweep(tx, now).await?;
    Ok(store::sweep(tx, now).await?)
}
