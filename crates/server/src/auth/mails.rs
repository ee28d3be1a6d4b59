//! The mails of accounts. A mail is a timer, set in the transaction that makes it necessary, so
//! that a crash loses none; its link is made when it is sent, so that the database never holds a
//! secret that works.

use std::time::Duration;

use events::{Timestamp, UserId};

use super::model::LinkKind;
use super::{secrets, store};
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::mailer::Mail;
use crate::users::{self, model::User};

/// The timer of a mail that asks a user to verify the address; its key is the user's id.
pub const VERIFY_EMAIL: &str = "mail_verify_email";
/// The timer of a mail with a link that sets a new password; its key is the address, which may
/// have no account: so asking for one takes the same time for every address.
pub const RESET_PASSWORD: &str = "mail_reset_password";

/// How long the link that verifies an address works.
const VERIFY_TTL: Duration = Duration::from_hours(24 * 7);
/// How long the link that sets a password works (OWASP Forgot Password Cheat Sheet: shortly).
const RESET_TTL: Duration = Duration::from_hours(1);
/// At most so many links of a kind in [`LINKS_PER`]: nobody's mailbox is flooded through us.
const LINKS_MAX: i64 = 3;
/// The time over which links are counted.
const LINKS_PER: Duration = Duration::from_hours(1);

/// Sends the mail of the timer `(kind, key)`, where it still makes sense.
///
/// # Errors
/// When the mail could not be handed over; then its link is taken back.
pub async fn send(app: &App, kind: &str, key: &str) -> Result<()> {
    let mut tx = app.begin().await?;
    let now = tx.now();
    let (user, kind) = match kind {
        VERIFY_EMAIL => (find(&mut tx, key).await?, LinkKind::VerifyEmail),
        _ => (users::service::find_by_email(&mut tx, key).await?, LinkKind::ResetPassword),
    };
    let Some(user) = user else { return Ok(()) };
    if kind == LinkKind::VerifyEmail && user.email_verified_at.is_some() {
        return Ok(());
    }
    let since = Timestamp::from_millis(now.as_millis() - LINKS_PER.as_millis() as i64);
    if store::count_links(&mut tx, kind, &user.id, since).await? >= LINKS_MAX {
        tracing::info!(user = %user.id, kind = kind.as_ref(), "too many mails, one is left out");
        return Ok(());
    }
    let token = secrets::new_secret(&app.random);
    let hash = secrets::stored_form(&token);
    let ttl = if kind == LinkKind::VerifyEmail { VERIFY_TTL } else { RESET_TTL };
    let expires_at = Timestamp::from_millis(now.as_millis() + ttl.as_millis() as i64);
    store::insert_link(&mut tx, &hash, kind, &user.id, now, expires_at).await?;
    tx.commit().await?;
    if let Err(error) = app.mailer.send(compose(app, kind, user, &token)).await {
        let mut tx = app.begin().await?;
        store::delete_link(&mut tx, &hash).await?;
        tx.commit().await?;
        return Err(ApiError::internal(&format!("mail not accepted: {error}")));
    }
    Ok(())
}

async fn find(tx: &mut db::Tx, id: &str) -> Result<Option<User>> {
    let Ok(id) = id.parse::<UserId>() else { return Ok(None) };
    match users::service::find(tx, &id).await {
        Ok(user) => Ok(Some(user)),
        Err(error) if error.status == http::StatusCode::NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

fn compose(app: &App, kind: LinkKind, user: User, token: &str) -> Mail {
    let frontend = app.config.http.frontend();
    let name = user.name;
    let (subject, text) = match kind {
        LinkKind::VerifyEmail => (
            "Confirm your e-mail address",
            format!(
                "Hello {name},\n\nwelcome to Souk. Please confirm your e-mail address:\n\n\
                 {frontend}/auth/jwt/verify-email?token={token}\n\n\
                 The link works for 7 days. If you did not register, ignore this mail.\n"
            ),
        ),
        LinkKind::ResetPassword => (
            "Set a new password",
            format!(
                "Hello {name},\n\nhere you can set a new password:\n\n\
                 {frontend}/auth/jwt/reset-password?token={token}\n\n\
                 The link works for 1 hour, once. If you did not ask for it, ignore this mail.\n"
            ),
        ),
    };
    Mail { to: user.email, subject: subject.to_owned(), text }
}
