//! Outgoing mail: SMTP, or a log line in development.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::SUBMISSION_PORT;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use url::Url;

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
        let url = Url::parse(config.url.expose()).map_err(|e| format!("SMTP_URL: {e}"))?;
        let (encryption, plain) = encryption(&url)?;
        let tls = match encryption {
            Encryption::None => Tls::None,
            Encryption::StartTls => Tls::Required(tls(&url, config)?),
            Encryption::FromTheStart => Tls::Wrapper(tls(&url, config)?),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(plain.as_str())
            .map_err(|e| format!("SMTP_URL: {e}"))?
            .tls(tls)
            .build();
        Ok(Self { transport, from })
    }
}

/// How the connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    None,
    StartTls,
    FromTheStart,
}

/// What the URL asks for, and the rest of the URL. No password goes out in clear unless it says
/// so, whatever the server offers.
fn encryption(url: &Url) -> Result<(Encryption, Url), String> {
    let asked: Vec<_> = url.query_pairs().collect();
    let asked: Vec<_> = asked.iter().map(|(name, value)| (&**name, &**value)).collect();
    let encryption = match (url.scheme(), asked.as_slice()) {
        ("smtps", []) => Encryption::FromTheStart,
        ("smtp", [("tls", "required")]) => Encryption::StartTls,
        ("smtp", []) if url.password().is_some() => Encryption::StartTls,
        ("smtp", [] | [("tls", "none")]) => Encryption::None,
        _ => return Err("SMTP_URL: smtp://… or smtps://…; tls is required or none".into()),
    };
    let mut plain = url.clone();
    plain.set_query(None);
    if encryption == Encryption::StartTls && url.port().is_none() {
        plain.set_port(Some(SUBMISSION_PORT)).map_err(|()| "SMTP_URL: no host")?;
    }
    Ok((encryption, plain))
}

fn tls(url: &Url, config: &SmtpConfig) -> Result<TlsParameters, String> {
    let host = url.host_str().ok_or("SMTP_URL: no host")?;
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(file) = &config.ca_file {
        let wrong = |e: &dyn std::fmt::Display| format!("SMTP_CA_FILE: {}: {e}", file.display());
        let pem = std::fs::read(file).map_err(|e| wrong(&e))?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| wrong(&e))?);
    }
    tls.build().map_err(|e| format!("SMTP_URL: {e}"))
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let to = mail.to.parse().map_err(|e| format!("address: {e}"))?;
            let message = Message::builder()
                .from(self.from.clone())
                .to(to)
                .subject(mail.subject)
                // Else it is taken for ASCII.
                .header(ContentType::TEXT_PLAIN)
                .body(mail.text)
                .map_err(|e| e.to_string())?;
            self.transport.send(message).await.map(drop).map_err(|e| e.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Option<(Encryption, String)> {
        let (encryption, plain) = encryption(&Url::parse(url).unwrap()).ok()?;
        Some((encryption, plain.to_string()))
    }

    #[test]
    fn no_password_goes_out_in_clear_by_itself() {
        use Encryption as E;
        for (url, expected) in [
            ("smtp://mail:25", Some((E::None, "smtp://mail:25"))),
            ("smtp://a:b@mail", Some((E::StartTls, "smtp://a:b@mail:587"))),
            ("smtp://a:b@mail:25", Some((E::StartTls, "smtp://a:b@mail:25"))),
            ("smtp://mail:25?tls=required", Some((E::StartTls, "smtp://mail:25"))),
            ("smtp://a:b@mail:25?tls=none", Some((E::None, "smtp://a:b@mail:25"))),
            ("smtps://a:b@mail", Some((E::FromTheStart, "smtps://a:b@mail"))),
            ("smtp://mail?tls=perhaps", None),
            ("smtp://mail?tls=none&tls=required", None),
            ("smtps://mail?tls=none", None),
            ("http://mail", None),
        ] {
            assert_eq!(read(url), expected.map(|(e, url)| (e, url.to_owned())), "{url}");
        }
    }
}
