//! What talks to the server: requests over one connection that stays open, and the socket of an
//! administrator, which hears when a deal is paid out.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection. Its HTTP is as little as the server's answers need, so that the client's core is
/// not what is measured.
pub struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    pub async fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: Vec::new() })
    }

    /// The `data` of the answer, which has to be a success.
    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(method, path, token, body));
        answer.await.context("no answer")?.with_context(|| format!("{method} {path}"))
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        if !token.is_empty() {
            let _ = write!(request, "Authorization: Bearer {token}\r\n");
        }
        if !body.is_empty() {
            request += "Content-Type: application/json\r\n";
        }
        let _ = write!(request, "Content-Length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(request.as_bytes()).await?;
        let head = loop {
            if let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let text = String::from_utf8_lossy(&self.input[..head]).to_lowercase();
        let length = text.split("content-length:").nth(1).context("no length")?;
        let length: usize = length.lines().next().unwrap_or_default().trim().parse()?;
        while self.input.len() < head + length {
            self.read().await?;
        }
        let mut answer: Value = serde_json::from_slice(&self.input[head..head + length])?;
        self.input.drain(..head + length);
        let status = text.split(' ').nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            bail!("{status}: {answer}");
        }
        Ok(answer["data"].take())
    }

    async fn read(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.input).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// Who waits for which payment to be paid out.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>;

/// The administrator's socket.
#[derive(Clone)]
pub struct Listener(Waiting);

impl Listener {
    /// Connects, and hears every `payment-update` from then on.
    pub async fn connect(to: SocketAddr, token: &str) -> Result<Self> {
        let url = format!("ws://{to}/socket.io/?EIO=4&transport=websocket");
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
        socket.send(Message::text(format!(r#"40{{"token":"{token}"}}"#))).await?;
        let waiting = Waiting::default();
        let (ready, is_ready) = oneshot::channel();
        let mut ready = Some(ready);
        let heard = waiting.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let Ok(text) = message.to_text() else { continue };
                if text == "2" {
                    let _ = socket.send(Message::text("3")).await;
                } else if text.starts_with("40") {
                    if let Some(ready) = ready.take() {
                        let _ = ready.send(());
                    }
                } else if text.starts_with(r#"42["payment-update""#) && text.contains("released") {
                    let packet: Value = serde_json::from_str(&text[2..]).unwrap_or_default();
                    let payment = packet[1]["paymentId"].as_str().unwrap_or_default();
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(waits) = heard.remove(payment) {
                        let _ = waits.send(());
                    }
                }
            }
        });
        let is_ready = tokio::time::timeout(PATIENCE, is_ready).await;
        is_ready.map_err(|_| anyhow!("no answer"))?.context("the socket is refused")?;
        Ok(Self(waiting))
    }

    /// From now on it is listened for the end of this payment.
    pub fn expect(&self, payment: &str) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(payment.to_owned(), tell);
        told
    }
}

/// Waits until it was heard.
pub async fn heard(told: oneshot::Receiver<()>) -> Result<()> {
    let told = tokio::time::timeout(PATIENCE, told).await;
    told.context("a deal is not paid out")?.context("the socket was closed")
}
