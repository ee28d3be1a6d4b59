//! Outgoing mail: SMTP, or a log line in development.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::config::SmtpConfig;

/// A mail to one person.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Sends mails.
pub trait Mailer: Send + Sync + 'static {
    /// Hands `mail` over for delivery.
    ///
    /// # Errors
    /// When it was not accepted; the text is for the log.
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), String>>;
}

/// Writes mails to the log, for development.
pub struct LogMailer;

impl Mailer for LogMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), String>> {
        tracing::info!(to = mail.to, subject = mail.subject, text = mail.text, "mail");
        Box::pin(async { Ok(()) })
    }
}

/// Keeps mails for tests to read.
#[derive(Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<Mail>>,
    refusing: AtomicBool,
}

impl MemoryMailer {
    /// All mails so far.
    pub fn sent(&self) -> Vec<Mail> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses all mails from now on, as a server that is down does, or takes them again.
    pub fn refuse(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::SeqCst);
    }
}

impl Mailer for MemoryMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), String>> {
        let refused = self.refusing.load(Ordering::SeqCst);
        if !refused {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        }
        Box::pin(async move { if refused { Err("refused".to_owned()) } else { Ok(()) } })
    }
}

/// Sends mails over SMTP.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// # Errors
    /// When the URL or the sender's address cannot be used.
    pub fn new(config: &SmtpConfig) -> Result<Self, String> {
        let from = config.from.parse().map_err(|e| format!("SMTP_FROM: {e}"))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.url.expose())
            .map_err(|e| format!("SMTP_URL: {e}"))?
            .build();
        Ok(Self { transport, from })
    }
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let to = mail.to.parse().map_err(|e| format!("address: {e}"))?;
            let message = Message::builder()
                .from(self.from.clone())
                .to(to)
                .subject(mail.subject)
                .body(mail.text)
                .map_err(|e| e.to_string())?;
            self.transport.send(message).await.map(drop).map_err(|e| e.to_string())
        })
    }
}
