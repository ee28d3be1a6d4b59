//! Runs the stand-in by itself, for demonstrations: `fake-shkeeper [ADDRESS:PORT]`.
//!
//! An invoice is paid by
//! `curl <url>/chain -d '{"crypto": "ETH-USDT", "address": "0x…", "amount": "102"}'`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use fake_shkeeper::{FakeShkeeper, Options};

/// The gateway's scheduler runs each minute; whoever watches a demonstration waits less.
const TICK_EVERY: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5001".to_owned());
    let Ok(listen) = listen.parse::<SocketAddr>() else {
        eprintln!("fake-shkeeper: `{listen}` is not an address such as 127.0.0.1:5001");
        return ExitCode::from(2);
    };
    let options = Options { listen, delivers: true, payout_callbacks: true, ..Options::default() };
    let (key, user, password) =
        (options.api_key.clone(), options.user.clone(), options.password.clone());
    let gateway = match FakeShkeeper::start(options).await {
        Ok(gateway) => gateway,
        Err(error) => {
            eprintln!("fake-shkeeper: {listen} cannot be bound: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("SHKEEPER_URL={}", gateway.url());
    println!("SHKEEPER_API_KEY={key}");
    println!("SHKEEPER_PAYOUT_USER={user}");
    println!("SHKEEPER_PAYOUT_PASSWORD={password}");
    loop {
        tokio::time::sleep(TICK_EVERY).await;
        gateway.mine();
        gateway.tick().await;
    }
}
