//! Notifications by mail: errands, set in the transaction of the step. A crash between the mail
//! and the deletion of its row sends it twice, and none is lost.

use events::NotificationId;

use super::store;
use crate::app::App;
use crate::error::{ApiError, Result};
use crate::mailer::Mail;
use crate::users;

/// The errand that sends one mail; its key is the row's id.
pub const SEND: &str = "mail_notification";

/// Sends a mail, where it is still to be sent and its owner still wants it.
///
/// # Errors
/// When it could not be handed over.
pub async fn send(app: &App, key: &str) -> Result<()> {
    let Ok(id) = key.parse::<NotificationId>() else { return Ok(()) };
    let mut tx = app.begin().await?;
    let Some(mail) = store::find_mail(&mut tx, &id).await? else { return Ok(()) };
    let user = users::service::find(&mut tx, &mail.user).await?;
    let wanted = store::preferences(&app.db, &mail.user).await?.of(mail.category).mail;
    // Nobody's mailbox is written to by somebody else's choice.
    if !wanted || user.email_verified_at.is_none() {
        store::delete_mail(&mut tx, &id).await?;
        return Ok(tx.commit().await?);
    }
    // The server is asked without a transaction: on SQLite all others would wait for it.
    drop(tx);
    let frontend = app.config.http.frontend();
    let text = format!(
        "Hello {},\n\n{}\n\n{frontend}\n\nYou chose to get mail about this; you can change that \
         in your settings.\n",
        user.name, mail.body
    );
    let sent = app.mailer.send(Mail { to: user.email, subject: mail.title, text }).await;
    sent.map_err(|error| ApiError::internal(&format!("mail not accepted: {error}")))?;
    let mut tx = app.begin().await?;
    store::delete_mail(&mut tx, &id).await?;
    Ok(tx.commit().await?)
}
