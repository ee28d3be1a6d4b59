//! The calls to the gateway.
//!
//! What holds always here:
//! - the body's `status` decides, never the HTTP status: failures come as HTTP 200;
//! - what the gateway says of a failure goes to the log, cut short, and to no client;
//! - an invoice is asked for without a repetition: what may have arrived is not sent again here.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::{Value, json};

use super::coin::Coins;
use super::wire::{self, ListedInvoice, MadeInvoice, NoAnswer};
use crate::config::{Secret, ShkeeperConfig};
use crate::outbound::{Answer, CallError, Client, Limits};
use crate::text::percent_encode;

const API_KEY: HeaderName = HeaderName::from_static("x-shkeeper-api-key");
/// Largest answer to a single question.
const BODY_MAX: usize = 256 * 1024;
/// Largest list of all invoices.
const LIST_MAX: usize = 64 * 1024 * 1024;
/// The longest wait for what the gateway knows by itself. Together with the next one it is shorter
/// than the time that payouts give a rail.
const READ_TIMEOUT: Duration = Duration::from_secs(12);
/// The longest wait for a payout; the gateway gives the wallet behind 10 s.
const PAYOUT_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call did not give what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GatewayError {
    /// No connection: the gateway knows nothing of it.
    #[error("not reached: {0}")]
    NotReached(String),
    /// The gateway refused; its own words.
    #[error("refused: {0}")]
    Refused(String),
    /// It may have happened.
    #[error("unknown: {0}")]
    Unknown(String),
}

impl From<CallError> for GatewayError {
    fn from(error: CallError) -> Self {
        if error.may_have_arrived() {
            Self::Unknown(error.to_string())
        } else {
            Self::NotReached(error.to_string())
        }
    }
}

impl From<NoAnswer> for GatewayError {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Error(message) => Self::Refused(message),
            NoAnswer::Unreadable(status) => Self::Unknown(format!("HTTP {}", status.as_u16())),
        }
    }
}

/// A gateway, with the keys to it. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    client: Client,
    config: ShkeeperConfig,
}

/// By what a call is allowed.
enum Key<'k> {
    /// The API key.
    Api,
    /// The administrator's name and password.
    Login(&'k str, &'k Secret),
}

impl Gateway {
    /// The gateway of a configuration.
    pub fn new(client: Client, config: ShkeeperConfig) -> Self {
        Self { client, config }
    }

    /// Its configuration.
    pub fn config(&self) -> &ShkeeperConfig {
        &self.config
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        key: Key<'_>,
        body: Option<&Value>,
        limits: Limits,
    ) -> Result<Answer, GatewayError> {
        let cannot = |what: &str| GatewayError::NotReached(format!("{what} cannot be sent"));
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::new(Bytes::from(text));
        *request.method_mut() = method;
        let url = format!("{}/api/v1/{path}", self.config.url);
        *request.uri_mut() = url.parse().map_err(|_| cannot("the URL"))?;
        let (name, secret) = match key {
            Key::Api => (API_KEY, self.config.api_key.expose().to_owned()),
            Key::Login(user, password) => {
                let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
                (AUTHORIZATION, format!("Basic {pair}"))
            }
        };
        let mut secret: HeaderValue = secret.parse().map_err(|_| cannot("the key"))?;
        secret.set_sensitive(true);
        request.headers_mut().insert(name, secret);
        if body.is_some() {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        Ok(self.client.send(request, limits).await?)
    }

    fn slow(&self) -> Limits {
        Limits { timeout: self.config.timeout, body_max: BODY_MAX }
    }

    fn quick(&self) -> Limits {
        Limits { timeout: self.config.timeout.min(READ_TIMEOUT), body_max: BODY_MAX }
    }

    /// Asks for an invoice. Asking twice for one overwrites what it costs; asking twice at the
    /// same time may make two.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn payment_request(
        &self,
        coin: &str,
        external_id: &str,
        fiat: &str,
        amount: &str,
        callback_url: &str,
    ) -> Result<MadeInvoice, GatewayError> {
        let path = format!("{}/payment_request", percent_encode(coin));
        let body = json!({ "external_id": external_id, "fiat": fiat, "amount": amount,
                           "callback_url": callback_url });
        let answer = self.call(Method::POST, &path, Key::Api, Some(&body), self.slow()).await?;
        Ok(wire::made_invoice(answer.status, &answer.body)?)
    }

    /// Fiat money for one coin, now.
    ///
    /// # Errors
    /// [`GatewayError`]; nothing happened in any case.
    pub async fn rate(&self, coin: &str, fiat: &str) -> Result<Coins, GatewayError> {
        let path = format!("{}/quote", percent_encode(coin));
        let body = json!({ "fiat": fiat, "amount": "1" });
        let answer = self.call(Method::POST, &path, Key::Api, Some(&body), self.quick()).await?;
        Ok(wire::quoted_rate(answer.status, &answer.body)?)
    }

    /// The invoices of an external id.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn invoices(&self, external_id: &str) -> Result<Vec<ListedInvoice>, GatewayError> {
        let path = format!("invoices/{}", percent_encode(external_id));
        let answer = self.call(Method::GET, &path, Key::Api, None, self.quick()).await?;
        Ok(wire::listed_invoices(answer.status, &answer.body)?)
    }

    /// All invoices of the gateway.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn all_invoices(&self) -> Result<Vec<ListedInvoice>, GatewayError> {
        let limits = Limits { timeout: self.config.timeout, body_max: LIST_MAX };
        let answer = self.call(Method::GET, "invoices", Key::Api, None, limits).await?;
        Ok(wire::listed_invoices(answer.status, &answer.body)?)
    }

    fn login(&self) -> Result<Key<'_>, GatewayError> {
        let login = self.config.payout_login.as_ref();
        let (user, password) =
            login.ok_or_else(|| GatewayError::NotReached("no login for payouts".into()))?;
        Ok(Key::Login(user, password))
    }

    /// Sends money; what the answer means is decided by [`answers::submission`](super::answers::submission).
    ///
    /// # Errors
    /// [`CallError`] as [`GatewayError`].
    pub async fn pay_out(&self, coin: &str, order: &Value) -> Result<Answer, GatewayError> {
        let path = format!("{}/payout", percent_encode(coin));
        let timeout = self.config.timeout.min(PAYOUT_TIMEOUT);
        let limits = Limits { timeout, body_max: BODY_MAX };
        self.call(Method::POST, &path, self.login()?, Some(order), limits).await
    }

    /// What the gateway has noted of a payout.
    ///
    /// # Errors
    /// [`CallError`] as [`GatewayError`].
    pub async fn payout_status(
        &self,
        coin: &str,
        external_id: &str,
    ) -> Result<Answer, GatewayError> {
        let path = format!(
            "{}/payout/status?external_id={}",
            percent_encode(coin),
            percent_encode(external_id)
        );
        self.call(Method::GET, &path, Key::Api, None, self.quick()).await
    }

    /// What became of a payout's task.
    ///
    /// # Errors
    /// [`CallError`] as [`GatewayError`].
    pub async fn task(&self, coin: &str, id: &str) -> Result<Answer, GatewayError> {
        let path = format!("{}/task/{}", percent_encode(coin), percent_encode(id));
        self.call(Method::GET, &path, self.login()?, None, self.quick()).await
    }
}
